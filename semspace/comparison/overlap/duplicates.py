"""Duplicates: documents of different corpora that are the same, or nearly so, in words or in meaning."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.comparison.overlap import membership
from semspace.comparison.overlap.containment import CONTAINED, MIN_SHINGLES, find_contained
from semspace.comparison.overlap.distinct_texts import DistinctTexts
from semspace.comparison.overlap.minhash import find_near_duplicates
from semspace.comparison.overlap.shingles import Shingles
from semspace.comparison.overlap.similar_pairs import find_similar_pairs
from semspace.comparison.overlap.top_pairs import N_MET, N_SKIPPED, TopPairs
from semspace.errors import InputError, SemspaceWarning
from semspace.text.normalization import normalize
from semspace.types import Floats2d, Ints1d

KINDS = ("none", "semantic", "near", "exact")  # the stronger, the higher
_NONE, _SEMANTIC, _NEAR, _EXACT = range(4)
_PAIRS_AT_A_TIME = 50_000  # pairs whose vectors are taken at a time
SCHEMA = {
    "first": pl.Int64,
    "second": pl.Int64,
    "kind": pl.String,
    "overlap": pl.Float64,
    "containment": pl.Float64,
    "score": pl.Float64,
}


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Duplicates between corpora; returned by `find_duplicates`.

    Parameters
    ----------
    pairs : polars.DataFrame
        ``first``, ``second`` (rows of the union; the corpus of `first` has the lower number), ``kind`` (``"exact"``,
        ``"near"`` or ``"semantic"``: the strongest that holds), ``overlap`` (Jaccard index of the shingles of both
        texts), ``containment`` (share of the shingles of the one with fewer that are in the other; both null without
        texts) and ``score`` (cosine). The strongest kind first, then by overlap and score.
    twins : ndarray of int8, shape (n,)
        For each document the strongest kind of duplicate that it has in another corpus, as its position in `KINDS`,
        including duplicates whose pairs had to be left out of `pairs`.
    counts_met : mapping
        The number of pairs of each kind that were found, including those that had to be left out.
    """

    pairs: pl.DataFrame
    twins: npt.NDArray[np.int8]
    counts_met: Mapping[str, int]


def find_duplicates(
    texts: Sequence[str] | pl.Series | None,
    vectors: npt.ArrayLike,
    corpus_ids: npt.ArrayLike,
    *,
    min_score: float = 0.9,
    min_overlap: float = 0.5,
    max_pairs: int = 100_000,
    progress: bool = True,
) -> Duplicates:
    """Find documents of different corpora that are the same, or nearly so.

    exact
        The same text apart from case, spacing, and Unicode normalization (NFKC, without invisible characters).
    near
        At least `min_overlap` of all shingles (runs of five words) of both are in both (Jaccard index; Broder 1997); or
        at least 0.8 of those of the shorter text, of eight or more, are in the longer one (containment). MinHash finds
        the former with a probability of 0.995 where the Jaccard index is 0.5, and of more than 0.999999 where it is 0.8
        (of 0.66 at 0.3, should `min_overlap` be that low); what it finds is verified. The latter are all found, except
        for those that only share shingles of more than 1,000 texts.
    semantic
        A cosine of at least `min_score`: compared exactly up to 4e9 pairs, beyond that by an HNSW index.

    In scripts without spaces between words, as Chinese, shingles are runs of five characters (of five syllables or
    parts of them in Thai, Lao, Khmer and Burmese).

    Parameters
    ----------
    texts : sequence of str, polars.Series, or None
        Without them, only ``"semantic"`` is looked for.
    vectors : array of shape (n, dim)
        Of any length but 0.
    corpus_ids : array of int, shape (n,)
        The number of each document's corpus, from 0.
    min_score : float
        From -1 to 1.
    min_overlap : float
        Above 0, up to 1.
    max_pairs : int
        If there are more pairs, the best are kept, with a warning: exact ones first, of which each document has a first
        one before any has a second; then near ones with the highest overlap, then those with the highest cosine.

    Raises
    ------
    InputError
        If there are fewer than two corpora, lengths differ, or a vector has no direction.
    """
    checks.number("min_score", min_score, low=-1.0, high=1.0)
    checks.number("min_overlap", min_overlap, high=1.0, open_low=True)
    checks.whole("max_pairs", max_pairs, high=1 << 30)
    points = membership.unit_vectors(vectors)
    corpora = membership.check_corpus_ids(corpus_ids, len(points))
    distinct = None if texts is None else DistinctTexts.of(_texts(texts, len(points)), corpora)
    semantic_pairs = TopPairs(max_pairs)
    twins = (
        find_similar_pairs(points, corpora, min_score=min_score, top_pairs=semantic_pairs, progress=progress).astype(
            np.int8
        )
        * _SEMANTIC
    )
    counts_met = {"semantic": int(semantic_pairs.state[N_MET])}
    found, n_skipped = [semantic_pairs.best()], int(semantic_pairs.state[N_SKIPPED])
    shingles = None
    if distinct is not None:
        shingles = Shingles.of(distinct.texts)
        lexical, least, n_skipped_texts = _near_pairs(distinct, shingles, min_overlap, max_pairs, twins, progress)
        exact, counts_met["exact"] = distinct.pairs(*distinct.exact(), max_pairs)
        near_ones, counts_met["near"] = distinct.pairs(*lexical, max_pairs)
        counts_met["near"] = max(counts_met["near"], least)
        # Exact copies are listed one by one, not as found by their vectors.
        found, n_skipped = [*(distinct.apart(*pair) for pair in found), exact, near_ones], n_skipped + n_skipped_texts
        twins[distinct.shared()] = _EXACT
    table = _describe_pairs(_unique_pairs(found), distinct, shingles, points, min_overlap)
    for side in ("first", "second"):
        kinds = table["kind"].replace_strict(list(KINDS), range(4), return_dtype=pl.Int8).to_numpy()
        np.maximum.at(twins, table[side].to_numpy(), kinds)
    _warn(counts_met, len(table), max_pairs, n_skipped)
    twins.setflags(write=False)
    return Duplicates(table.head(max_pairs), twins, counts_met)


def overlap_counts(duplicates: Duplicates, corpus_ids: npt.ArrayLike, names: Sequence[str]) -> pl.DataFrame:
    """Return how many documents of each corpus have a duplicate in another corpus.

    Columns ``corpus``, ``documents``, ``exact``, ``near``, ``semantic`` and ``none``: each document is counted once, by
    its strongest duplicate, so the last four add up to ``documents``.
    """
    corpora = membership.check_corpus_ids(corpus_ids, len(duplicates.twins))
    total = membership.corpus_sizes(corpora, list(names))
    counts = np.zeros((len(total), len(KINDS)), np.int64)
    np.add.at(counts, (corpora, duplicates.twins), 1)
    columns = {kind: counts[:, KINDS.index(kind)] for kind in reversed(KINDS)}
    return pl.DataFrame({"corpus": list(names), "documents": total, **columns})


def _texts(texts: Sequence[str] | pl.Series, n: int) -> pl.Series:
    """Return the texts as they are compared: normalized, in one case, and with single spaces."""
    if not isinstance(texts, pl.Series) or texts.dtype != pl.String or texts.null_count():
        texts = pl.Series(checks.strings("texts", texts), dtype=pl.String)
    if len(texts) != n:
        raise InputError(f"texts must have one for each of the {n} vectors; got {len(texts)}")
    return pl.Series("text", [_normalized(text) for text in texts], dtype=pl.String)


def _normalized(text: str) -> str:
    folded = text.casefold() if text.isascii() else unicodedata.normalize("NFKC", normalize(text)).casefold()
    # Folding may take a character out of its form, as ΐ, which becomes three.
    return " ".join((folded if folded.isascii() else unicodedata.normalize("NFKC", folded)).split())


_RowPairs = tuple[Ints1d, Ints1d]


def _near_pairs(
    distinct: DistinctTexts,
    shingles: Shingles,
    min_overlap: float,
    max_pairs: int,
    twins: npt.NDArray[np.int8],
    progress: bool,
) -> tuple[_RowPairs, int, int]:
    """Return pairs of near copies, as sets of `distinct`, and mark in `twins` the documents that have one.

    Returns also how many pairs there are at least, and how many weren't compared.
    """
    by_jaccard, by_containment = TopPairs(max_pairs), TopPairs(max_pairs)
    flags = find_near_duplicates(
        shingles,
        distinct.text,
        distinct.corpus,
        min_overlap=min_overlap,
        top_pairs=by_jaccard,
        progress=progress,
    )
    find_contained(shingles, *distinct.reach(), by_containment)
    first, second = (
        np.concatenate(sides) for sides in zip(by_jaccard.best(), distinct.between(*by_containment.best()), strict=True)
    )
    flags[first] = flags[second] = True
    np.maximum(twins, flags[distinct.place].astype(np.int8) * _NEAR, out=twins)
    n_met = max(int(pairs.state[N_MET]) for pairs in (by_jaccard, by_containment))  # most pairs are found both ways
    return (
        _unique_pairs([(first, second)]),
        n_met,
        int(by_jaccard.state[N_SKIPPED] + by_containment.state[N_SKIPPED]),
    )


def _unique_pairs(found: list[_RowPairs]) -> _RowPairs:
    """Return all pairs, each once, in order."""
    first, second = (np.concatenate(sides) for sides in zip(*found, strict=True))
    keys = np.unique(first << 32 | second)
    return keys >> 32, keys & 0xFFFFFFFF


def _describe_pairs(
    pair: _RowPairs, distinct: DistinctTexts | None, shingles: Shingles | None, points: Floats2d, min_overlap: float
) -> pl.DataFrame:
    """Return the table of pairs with their kinds and scores, the strongest first."""
    first, second = pair
    score = np.empty(len(first))
    for start in range(0, len(first), _PAIRS_AT_A_TIME):
        part = slice(start, start + _PAIRS_AT_A_TIME)
        score[part] = np.einsum("ij,ij->i", points[first[part]], points[second[part]])
    kind = np.full(len(first), _SEMANTIC)
    overlap: Any = pl.repeat(None, len(first), dtype=pl.Float64, eager=True)
    containment: Any = overlap
    if distinct is not None and shingles is not None:
        a, b = distinct.text[distinct.place[first]], distinct.text[distinct.place[second]]
        overlap, containment = shingles.overlaps(a, b)
        overlap[a == b] = containment[a == b] = 1.0  # a text without words, too
        sizes = np.diff(shingles.starts)
        inside = (containment >= CONTAINED) & (np.minimum(sizes[a], sizes[b]) >= MIN_SHINGLES)
        kind = np.where((overlap >= min_overlap) | inside, _NEAR, kind)
        kind[a == b] = _EXACT
    columns = {"first": first, "second": second, "rank": kind, "overlap": overlap, "containment": containment}
    table = pl.DataFrame({**columns, "score": score})
    table = table.sort(["rank", "overlap", "score", "first", "second"], descending=[True, True, True, False, False])
    names = pl.Series(list(KINDS)).gather(table["rank"]).alias("kind")
    return table.with_columns(names).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _warn(counts_met: Mapping[str, int], n_kept: int, max_pairs: int, n_skipped: int) -> None:
    if n_kept > max_pairs or max(counts_met.values()) > max_pairs:
        seen = ", ".join(f"{count:,} {kind}" for kind, count in counts_met.items())
        warnings.warn(
            f"more than max_pairs={max_pairs:,} pairs are shared ({seen}); only the best are listed, but all are "
            f"counted",
            SemspaceWarning,
            stacklevel=3,
        )
    elif n_skipped:
        warnings.warn(
            "many documents are very similar, so not all of their pairs were compared; more of them may be near copies",
            SemspaceWarning,
            stacklevel=3,
        )
