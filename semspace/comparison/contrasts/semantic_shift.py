"""Which words two corpora both use, but mean different things by."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.comparison.contrasts.alignment import Aligned, nearest
from semspace.comparison.contrasts.null_distribution import Judged, Shifts, judge
from semspace.comparison.contrasts.word_counts import WordCounts, tokens_of, word_counts
from semspace.errors import InputError
from semspace.progress import track
from semspace.space import Space
from semspace.statistics import q_values
from semspace.text.tokens import Tokens
from semspace.threads import thread_count
from semspace.types import Floats2d
from semspace.words.word2vec import Word2Vec

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

SCHEMA: dict[str, Any] = {
    "word": pl.String,
    "count_a": pl.Int64,
    "count_b": pl.Int64,
    "shift": pl.Float64,
    "expected": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
    "nearest_a": pl.List(pl.String),
    "nearest_b": pl.List(pl.String),
}
_LEAST_WORDS = 50_000  # on either side: of less text nothing is learnt
_LEAST_SHARED = 50  # words: fewer don't say how one space lies in the other
_LEAST_UNITS = 10  # on either side: fewer can't be dealt in many ways
_NEAREST = 6
_DIM = 64  # a row is then a whole number of vector registers: faster than 50
_DIM_PER_WORD = 4  # an alignment of fewer words than dimensions would fit anything
_SEEN = 5_000_000  # words that training walks over on the smaller side, in all epochs
_EPOCHS = (2, 20)
_TRAINED = 5  # words this frequent are learnt, as company for the others


@dataclass(frozen=True, eq=False)
class Meanings:
    """Words that mean different things in two corpora.

    Parameters
    ----------
    table : polars.DataFrame
        A row for each word that both corpora use, the one that moved furthest beyond chance first; see
        `shifted_words`.
    note : str
        What the table rests on, or why it is empty.
    """

    table: pl.DataFrame
    note: str


def shifted_words(
    texts_a: pl.Series,
    texts_b: pl.Series,
    *,
    words: Word2Vec | None = None,
    spaces: tuple[Space, Space] | None = None,
    units: Ints | None = None,
    min_count: int = 20,
    splits: int = 5,
    seed: int = 0,
    progress: bool = True,
) -> Meanings:
    """Find the words that keep other company in one corpus than in the other.

    A word space is learnt of each corpus, the two are aligned (see `Aligned`), and a word's *shift* is one less the
    cosine of its two vectors. Vectors learnt twice are never the same, above all those of rare words and of small
    corpora (Dubossarsky, Weinshall & Grossman 2017, "Outta control"). So the same is done with the documents of both
    corpora dealt to two parts at random, `splits` times, and each shift is judged by what chance gives (see `judge`).

    Parameters
    ----------
    texts_a, texts_b : polars.Series of str
        The documents of either corpus; empty and null ones have no words.
    words : Word2Vec, optional
        How to learn; its `threads` and `seed` are set here, so that the result is the same on every machine. By
        default 64 dimensions, and more epochs of fewer words.
    spaces : (Space, Space), optional
        Word spaces of the two corpora that you have already, of the same number of dimensions. Then nothing is learnt,
        and nothing is known of chance: `expected`, `p_value` and `q_value` are null.
    units : ndarray of int, shape (len(texts_a) + len(texts_b),), optional
        What each document is part of, such as the book of a paragraph: whole units are dealt.
    min_count : int
        Words are judged that come so often in both.
    splits : int
        How often to deal, at least 3. It takes most of the time, which grows in proportion.
    seed : int
    progress : bool
        Show a bar, in a terminal or a notebook.

    Returns
    -------
    Meanings
        Its table has the columns ``word``, ``count_a``, ``count_b``, ``shift`` (0 to 2), ``expected`` (the shift of
        such a word by chance, and as far as words of these corpora move on the whole), ``p_value`` (one-sided),
        ``q_value`` (false discovery rate, Benjamini & Hochberg 1995), ``nearest_a`` and ``nearest_b`` (the six words
        of both corpora that are nearest to it in either). Words come in order of how far they moved beyond what is
        expected, in standard deviations. It is empty where there is too little text, and its note says so.

    Raises
    ------
    InputError
        If `spaces` don't fit one another, both `words` and `spaces` are given, `units` don't fit the texts, or an
        option is out of range.

    Notes
    -----
    Where corpora are about different things, all their words keep somewhat different company. What the median word
    does beyond chance is therefore expected of every word, and a small q-value is for words that stand out.
    """
    minimum = checks.whole("min_count", min_count)
    times = checks.whole("splits", splits, low=3)
    first = np.arange(len(texts_a) + len(texts_b)) < len(texts_a)
    of = _unit_codes(units, first)
    _check_trained(words, spaces)
    texts = pl.concat([texts_a.cast(pl.String).alias("text"), texts_b.cast(pl.String).alias("text")])
    counts = word_counts(texts)
    rows = _frequent(counts, first, minimum)
    if spaces is not None:
        return _of_spaces(counts, first, rows, spaces)
    lacking = _lacking(counts, first, rows, of, minimum)
    tokens = None if lacking else tokens_of(texts)
    if tokens is None:
        return Meanings(pl.DataFrame(schema=SCHEMA), lacking)
    deals = [first, *_deals(of, first, times, checks.seed(seed))]
    trainer = words or _trainer(counts, first, len(rows))
    pairs = track(
        _trained(tokens, deals, trainer, seed), "learning what words mean", len(deals), unit="pair", progress=progress
    )
    return _of_deals(counts, deals, rows, pairs)


# -- what is asked --------------------------------------------------------------------------------------------


def _unit_codes(units: Ints | None, first: Bools) -> Ints:
    """Return the unit of each document, from 0; one with documents on both sides counts as two."""
    if units is None:
        return np.arange(len(first))
    if np.shape(units) != first.shape:
        raise InputError(f"units must be {len(first)} numbers, one for each document; got shape {np.shape(units)}")
    of = np.unique(np.asarray(units), return_inverse=True)[1]
    codes: Ints = np.unique(2 * of + first, return_inverse=True)[1].astype(np.int64)
    return codes


def _check_trained(words: Any, spaces: Any) -> None:
    if words is not None and spaces is not None:
        raise InputError("give words= or spaces=, not both: spaces are learnt already")
    if words is not None and not isinstance(words, Word2Vec):
        raise InputError(f"words must be a Word2Vec; got {type(words).__name__}")
    if spaces is None:
        return
    if not isinstance(spaces, (tuple, list)) or len(spaces) != 2 or not all(isinstance(s, Space) for s in spaces):
        raise InputError("spaces must be two Spaces of words, one for each corpus")
    if spaces[0].dim != spaces[1].dim:
        raise InputError(f"spaces must have the same number of dimensions; got {spaces[0].dim} and {spaces[1].dim}")


def _frequent(counts: WordCounts, first: Bools, minimum: int) -> Ints:
    """Return the columns of words that both sides say so often, the most frequent on the scarcer side first."""
    both = _both(counts, first)[0].min(axis=0)
    rows = np.flatnonzero(both >= minimum)
    return rows[np.argsort(-both[rows], kind="stable")]


def _both(counts: WordCounts, first: Bools) -> npt.NDArray[np.float64]:
    """Return how often either part says each word, and in how many documents, shape (2, 2, V)."""
    parts = [counts.counts[first], counts.counts[~first]]
    said = [np.asarray(part.sum(axis=0), np.float64).ravel() for part in parts]
    held = [np.bincount(part.indices, minlength=part.shape[1]).astype(np.float64) for part in parts]
    return np.stack([np.stack(said), np.stack(held)])


def _lacking(counts: WordCounts, first: Bools, rows: Ints, of: Ints, minimum: int) -> str:
    """Say what there is too little of, or nothing."""
    fewest = min(int(counts.lengths[first].sum()), int(counts.lengths[~first].sum()))
    if fewest < _LEAST_WORDS:
        return f"Too little text to learn what words mean: {fewest:,} words on a side, of at least {_LEAST_WORDS:,}."
    if len(rows) < _LEAST_SHARED:
        shared = f"{len(rows)} words come at least {minimum} times in both"
        return f"Too few words in common to hold one corpus against the other: {shared}, of at least {_LEAST_SHARED}."
    units = min(len(np.unique(of[first])), len(np.unique(of[~first])))
    if units < _LEAST_UNITS:
        return f"Too few documents to say what chance would do: {units} on a side, of at least {_LEAST_UNITS}."
    return ""


# -- what is learnt -------------------------------------------------------------------------------------------


def _trainer(counts: WordCounts, first: Bools, shared: int) -> Word2Vec:
    """Choose how to learn: a small corpus wants more epochs, and few shared words can't align many dimensions."""
    fewest = min(counts.lengths[first].sum(), counts.lengths[~first].sum())
    epochs = int(np.clip(round(_SEEN / fewest), *_EPOCHS))
    return Word2Vec(dim=min(_DIM, max(8, shared // _DIM_PER_WORD)), epochs=epochs, min_count=_TRAINED)


def _deals(of: Ints, first: Bools, times: int, seed: int) -> Iterator[Bools]:
    """Deal the units at random, as many to the first part as the first corpus has."""
    draw = np.random.default_rng(seed)
    own, total = len(np.unique(of[first])), int(of.max()) + 1
    for _ in range(times):
        dealt = np.zeros(total, bool)
        dealt[draw.permutation(total)[:own]] = True
        yield dealt[of]


def _trained(tokens: Tokens, deals: list[Bools], trainer: Word2Vec, seed: int) -> Iterator[tuple[Space, Space]]:
    """Learn the two spaces of each deal.

    Each training has a thread of its own, and there are as many at a time as cores: so a result doesn't depend on how
    many cores there are, and none waits for another.
    """
    seeds = np.random.SeedSequence(seed).generate_state(2 * len(deals)).tolist()
    parts = [part for first in deals for part in (first, ~first)]

    def learn(place: int) -> Space:
        own = replace(trainer, threads=1, seed=seeds[place])
        return own.train(_part(tokens, parts[place]), progress=False)

    with ThreadPoolExecutor(thread_count()) as pool:
        learnt = pool.map(learn, range(len(parts)))
        yield from zip(learnt, learnt, strict=True)


def _part(tokens: Tokens, documents: Bools) -> Tokens:
    """Take the tokens of some documents, numbered anew by frequency."""
    lengths = np.diff(tokens.offsets)
    ids = np.asarray(tokens.ids)[np.repeat(documents, lengths)]
    counts = np.bincount(ids, minlength=len(tokens.vocabulary))
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    number = np.zeros(len(counts), np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths[documents])]).astype(np.int64)
    return Tokens(
        number[ids], offsets, pl.DataFrame({"word": tokens.vocabulary["word"][order], "count": counts[order]})
    )


# -- what is found --------------------------------------------------------------------------------------------


class _Seen(NamedTuple):
    """The words of two spaces, aligned: their columns in the counts, and their directions."""

    rows: Ints
    aligned: Aligned


def _see(counts: WordCounts, rows: Ints, spaces: tuple[Space, Space]) -> _Seen:
    """Align two spaces by those of the words that both have."""
    kept = np.array([row for row in rows.tolist() if all(counts.words[row] in space for space in spaces)], np.int64)
    names = [counts.words[row] for row in kept.tolist()]
    return _Seen(kept, Aligned.of(*(_vectors(space, names) for space in spaces)))


def _vectors(space: Space, names: list[str]) -> Floats2d:
    return np.asarray(space[names], np.float32) if names else np.zeros((0, space.dim), np.float32)


def _of_spaces(counts: WordCounts, first: Bools, rows: Ints, spaces: tuple[Space, Space]) -> Meanings:
    """Judge by spaces that are there already: how far words are apart, not what chance would do."""
    seen = _see(counts, rows, spaces)
    if len(seen.rows) < _LEAST_SHARED:
        shared = f"{len(seen.rows)} frequent words of both corpora are in both spaces, of at least {_LEAST_SHARED}"
        return Meanings(pl.DataFrame(schema=SCHEMA), f"Too few words in common to align the spaces: {shared}.")
    table = _table(counts, first, seen, None)
    table = table.sort(["shift", "word"], descending=[True, False])
    return Meanings(table, "By word spaces that were given: how far a word would move by chance isn't known.")


def _of_deals(counts: WordCounts, deals: list[Bools], rows: Ints, pairs: Iterator[tuple[Space, Space]]) -> Meanings:
    """Judge the shifts of the first deal, the corpora themselves, by those of all others."""
    seen = _see(counts, rows, next(pairs))
    if len(seen.rows) < _LEAST_SHARED:
        shared = f"{len(seen.rows)} frequent words were learnt in both, of at least {_LEAST_SHARED}"
        return Meanings(pl.DataFrame(schema=SCHEMA), f"Too few words in common to align the spaces: {shared}.")
    observed = _shifts(counts, deals[0], seen, seen.rows)
    dealt = [
        _shifts(counts, deal, _see(counts, seen.rows, pair), seen.rows)
        for deal, pair in zip(deals[1:], pairs, strict=True)
    ]
    judged = judge(observed, dealt)
    table = _table(counts, deals[0], seen, judged).with_columns(z=pl.Series(judged.z))
    table = table.sort(["z", "word"], descending=[True, False]).drop("z")
    moved = int((table["q_value"] < 0.05).sum())
    return Meanings(table, f"{moved:,} of {len(table):,} words in both moved further than chance explains (q < 0.05).")


def _shifts(counts: WordCounts, first: Bools, seen: _Seen, rows: Ints) -> Shifts:
    """Return the shifts of the words `rows`, NaN for those not seen."""
    shift = np.full(len(counts.words), np.nan)
    shift[seen.rows] = seen.aligned.shift()
    said, held = _both(counts, first)[:, :, rows]
    return Shifts(shift[rows], said, held)


def _table(counts: WordCounts, first: Bools, seen: _Seen, judged: Judged | None) -> pl.DataFrame:
    """Put together what is known of each word."""
    names = np.array([counts.words[row] for row in seen.rows.tolist()], object)
    said = _both(counts, first)[0][:, seen.rows].astype(np.int64)
    near = [names[nearest(side, min(_NEAREST, len(names) - 1))].tolist() for side in (seen.aligned.a, seen.aligned.b)]
    unknown = [None] * len(names)
    columns = {
        "word": names.tolist(),
        "count_a": said[0],
        "count_b": said[1],
        "shift": seen.aligned.shift(),
        "expected": judged.expected if judged else unknown,
        "p_value": judged.p_value if judged else unknown,
        "q_value": q_values(judged.p_value) if judged else unknown,
        "nearest_a": near[0],
        "nearest_b": near[1],
    }
    return pl.DataFrame(columns, schema=SCHEMA)
