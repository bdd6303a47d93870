"""What corpora share: documents of different corpora that are the same, or nearly so, in words or in meaning."""

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
from semspace.comparison.overlap.containment import CONTAINED, FEWEST, excerpts
from semspace.comparison.overlap.distinct_texts import Copies
from semspace.comparison.overlap.membership import Rows
from semspace.comparison.overlap.minhash import near
from semspace.comparison.overlap.shingles import Shingles
from semspace.comparison.overlap.similar_pairs import alike
from semspace.comparison.overlap.top_pairs import LEFT_OUT, MET, Kept
from semspace.errors import InputError, SemspaceWarning
from semspace.text.normalization import normalize
from semspace.types import Floats2d

KINDS = ("none", "semantic", "near", "exact")  # the stronger, the higher
_NONE, _SEMANTIC, _NEAR, _EXACT = range(4)
_PART = 50_000  # pairs whose vectors are taken at a time
_SCHEMA = {
    "first": pl.Int64,
    "second": pl.Int64,
    "kind": pl.String,
    "overlap": pl.Float64,
    "containment": pl.Float64,
    "score": pl.Float64,
}


@dataclass(frozen=True, eq=False)
class Shared:
    """What corpora share; made by `shared_documents`.

    Parameters
    ----------
    pairs : polars.DataFrame
        ``first``, ``second`` (rows of the union; the corpus of `first` has the lower number), ``kind`` (``"exact"``,
        ``"near"`` or ``"semantic"``: the strongest that holds), ``overlap`` (Jaccard index of the shingles of both
        texts), ``containment`` (share of the shingles of the one with fewer that are in the other; both null without
        texts) and ``score`` (cosine). The strongest kind first, then by overlap and score.
    twins : ndarray of int8, shape (n,)
        For each document the strongest kind of twin that it has in another corpus, as its place in `KINDS`. It counts
        twins whose pairs had to be left out of `pairs`, too.
    met : mapping
        How many pairs of each kind there are at least, whatever weaker kind holds besides, left out or not.
    """

    pairs: pl.DataFrame
    twins: npt.NDArray[np.int8]
    met: Mapping[str, int]


def shared_documents(
    texts: Sequence[str] | pl.Series | None,
    vectors: npt.ArrayLike,
    of: npt.ArrayLike,
    *,
    min_score: float = 0.9,
    min_overlap: float = 0.5,
    max_pairs: int = 100_000,
    progress: bool = True,
) -> Shared:
    """Find documents of different corpora that are the same, or nearly so.

    exact
        The same text, but for upper and lower case, spacing, and how Unicode writes a character (NFKC, and without
        characters that nobody sees).
    near
        At least `min_overlap` of all shingles (runs of five words) of both are in both (Jaccard index; Broder 1997);
        or at least 0.8 of the shorter one's, of eight or more, are in the longer one. MinHash finds the former with a
        probability of 0.995 where the Jaccard index is 0.5, and of more than 0.999999 where it is 0.8 (of 0.66 at 0.3,
        should `min_overlap` be that low); what it finds is verified. The latter are found without a miss, but for
        shingles of more than 1,000 texts.
    semantic
        A cosine of at least `min_score`: compared exactly up to 4e9 pairs, beyond that by an HNSW index.

    Where spaces don't part words, as in Chinese, shingles are runs of five characters (of five syllables or parts of
    them in Thai, Lao, Khmer and Burmese).

    Parameters
    ----------
    texts : sequence of str, polars.Series, or None
        Without them, only ``"semantic"`` is looked for.
    vectors : array of shape (n, dim)
        Of any length but 0.
    of : array of int, shape (n,)
        The number of each document's corpus, from 0.
    min_score : float
        From -1 to 1.
    min_overlap : float
        Above 0, up to 1.
    max_pairs : int
        Of more pairs the best are kept, and a warning says so: exact ones first, of which each document has a first
        twin before any has a second; then near ones of the highest overlap, then those of the highest cosine.

    Raises
    ------
    InputError
        If there are fewer than two corpora, lengths differ, or a vector has no direction.
    """
    checks.number("min_score", min_score, low=-1.0, high=1.0)
    checks.number("min_overlap", min_overlap, high=1.0, open_low=True)
    checks.whole("max_pairs", max_pairs, high=1 << 30)
    points = membership.directions(vectors)
    corpora = membership.checked(of, len(points))
    same = None if texts is None else Copies.of(_texts(texts, len(points)), corpora)
    meaning = Kept(max_pairs)
    twins = alike(points, corpora, min_score=min_score, kept=meaning, progress=progress).astype(np.int8) * _SEMANTIC
    met = {"semantic": int(meaning.state[MET])}
    found, missed = [meaning.best()], int(meaning.state[LEFT_OUT])
    shingles = None
    if same is not None:
        shingles = Shingles.of(same.texts)
        lexical, least, some = _lexical(same, shingles, min_overlap, max_pairs, twins, progress)
        exact, met["exact"] = same.pairs(*same.exact(), max_pairs)
        near_ones, met["near"] = same.pairs(*lexical, max_pairs)
        met["near"] = max(met["near"], least)
        # Of copies, those that come one by one stay, not those that meaning found first.
        found, missed = [*(same.apart(*pair) for pair in found), exact, near_ones], missed + some
        twins[same.shared()] = _EXACT
    table = _described(_once(found), same, shingles, points, min_overlap)
    for side in ("first", "second"):
        kinds = table["kind"].replace_strict(list(KINDS), range(4), return_dtype=pl.Int8).to_numpy()
        np.maximum.at(twins, table[side].to_numpy(), kinds)
    _warn(met, len(table), max_pairs, missed)
    twins.setflags(write=False)
    return Shared(table.head(max_pairs), twins, met)


def overlap_counts(shared: Shared, of: npt.ArrayLike, names: Sequence[str]) -> pl.DataFrame:
    """Return for each corpus how many of its documents have a twin in another corpus.

    Columns ``corpus``, ``documents``, ``exact``, ``near``, ``semantic`` and ``none``: each document is counted once, by
    its strongest twin, so the last four add up to ``documents``.
    """
    corpora = membership.checked(of, len(shared.twins))
    total = membership.counted(corpora, list(names))
    counts = np.zeros((len(total), len(KINDS)), np.int64)
    np.add.at(counts, (corpora, shared.twins), 1)
    columns = {kind: counts[:, KINDS.index(kind)] for kind in reversed(KINDS)}
    return pl.DataFrame({"corpus": list(names), "documents": total, **columns})


def _texts(texts: Sequence[str] | pl.Series, n: int) -> pl.Series:
    """Return the texts as they are compared: in one form of Unicode, one case, and with single spaces."""
    if not isinstance(texts, pl.Series) or texts.dtype != pl.String or texts.null_count():
        texts = pl.Series(checks.strings("texts", texts), dtype=pl.String)
    if len(texts) != n:
        raise InputError(f"texts must have one for each of the {n} vectors; got {len(texts)}")
    return pl.Series("text", [_plain(text) for text in texts], dtype=pl.String)


def _plain(text: str) -> str:
    folded = text.casefold() if text.isascii() else unicodedata.normalize("NFKC", normalize(text)).casefold()
    # Folding may take a character out of its form, as ΐ, which becomes three.
    return " ".join((folded if folded.isascii() else unicodedata.normalize("NFKC", folded)).split())


Pair = tuple[Rows, Rows]


def _lexical(
    same: Copies, shingles: Shingles, min_overlap: float, most: int, twins: npt.NDArray[np.int8], progress: bool
) -> tuple[Pair, int, int]:
    """Find pairs of near copies, by their places in `same`, and mark in `twins` who has one.

    Gives also how many there are at least, and how many weren't looked at.
    """
    alike, parts = Kept(most), Kept(most)
    flags = near(shingles, same.text, same.corpus, min_overlap=min_overlap, kept=alike, progress=progress)
    excerpts(shingles, *same.reach(), parts)
    first, second = (np.concatenate(sides) for sides in zip(alike.best(), same.between(*parts.best()), strict=True))
    flags[first] = flags[second] = True
    np.maximum(twins, flags[same.place].astype(np.int8) * _NEAR, out=twins)
    met = max(int(one.state[MET]) for one in (alike, parts))  # most pairs are found both ways
    return _once([(first, second)]), met, int(alike.state[LEFT_OUT] + parts.state[LEFT_OUT])


def _once(found: list[Pair]) -> Pair:
    """Bring pairs together, each once, in order."""
    first, second = (np.concatenate(sides) for sides in zip(*found, strict=True))
    keys = np.unique(first << 32 | second)
    return keys >> 32, keys & 0xFFFFFFFF


def _described(
    pair: Pair, same: Copies | None, shingles: Shingles | None, points: Floats2d, min_overlap: float
) -> pl.DataFrame:
    """Say of each pair what it is, the strongest first."""
    first, second = pair
    score = np.empty(len(first))
    for start in range(0, len(first), _PART):
        part = slice(start, start + _PART)
        score[part] = np.einsum("ij,ij->i", points[first[part]], points[second[part]])
    kind = np.full(len(first), _SEMANTIC)
    overlap: Any = pl.repeat(None, len(first), dtype=pl.Float64, eager=True)
    containment: Any = overlap
    if same is not None and shingles is not None:
        a, b = same.text[same.place[first]], same.text[same.place[second]]
        overlap, containment = shingles.overlaps(a, b)
        overlap[a == b] = containment[a == b] = 1.0  # a text without words, too
        sizes = np.diff(shingles.starts)
        inside = (containment >= CONTAINED) & (np.minimum(sizes[a], sizes[b]) >= FEWEST)
        kind = np.where((overlap >= min_overlap) | inside, _NEAR, kind)
        kind[a == b] = _EXACT
    columns = {"first": first, "second": second, "rank": kind, "overlap": overlap, "containment": containment}
    table = pl.DataFrame({**columns, "score": score})
    table = table.sort(["rank", "overlap", "score", "first", "second"], descending=[True, True, True, False, False])
    names = pl.Series(list(KINDS)).gather(table["rank"]).alias("kind")
    return table.with_columns(names).select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items())


def _warn(met: Mapping[str, int], held: int, most: int, missed: int) -> None:
    if held > most or max(met.values()) > most:
        seen = ", ".join(f"{count:,} {kind}" for kind, count in met.items())
        warnings.warn(
            f"more than max_pairs={most:,} pairs are shared ({seen}); the best are kept, and the counts of documents "
            f"with a twin take in all",
            SemspaceWarning,
            stacklevel=3,
        )
    elif missed:
        warnings.warn(
            "many documents are much alike, so not all of their pairs were looked at; more of them may be near copies",
            SemspaceWarning,
            stacklevel=3,
        )
