"""Lexical semantic change: words that two corpora both use, but in different senses."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from semspace import checks
from semspace.comparison.contrasts.alignment import AlignedSpaces, nearest_words
from semspace.comparison.contrasts.null_distribution import Shifts, ShiftTest, compare_with_null
from semspace.comparison.contrasts.word_counts import WordCounts, word_counts
from semspace.comparison.document_tokens import take_documents
from semspace.errors import InputError
from semspace.progress import track
from semspace.space import Space
from semspace.statistics import ALPHA, q_values
from semspace.text.tokens import Tokens
from semspace.threads import thread_count
from semspace.types import Bools1d, Doubles3d, Floats2d, Ints1d
from semspace.words.word2vec import Word2Vec

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
MIN_COUNT = 20  # how often both corpora must use a word for it to be tested
_MIN_WORDS = 50_000  # running words of the smaller side: from less text no vectors are trained
_MIN_SHARED_WORDS = 50  # words that both spaces have: fewer don't determine an alignment
_MIN_UNITS = 10  # units of the smaller side: fewer can't be permuted in many ways
_NEIGHBORS = 6  # nearest words that the table shows
_DIM = 64  # a row is then a whole number of vector registers: faster than 50
_WORDS_PER_DIM = 4  # shared words for each dimension: an alignment of fewer would fit anything
_TRAINING_WORDS = 5_000_000  # running words of the smaller side that training reads, in all epochs together
_EPOCHS = (2, 20)  # the fewest and the most epochs
_MIN_TRAINED = 5  # words as frequent as this are trained, as context of the others


@dataclass(frozen=True, eq=False)
class ShiftedWords:
    """Words that mean different things in two corpora.

    Parameters
    ----------
    table : polars.DataFrame
        A row for each word that both corpora use, the largest shift beyond chance first; see `find_shifted_words`.
    note : str
        What the table rests on, or why it is empty.
    """

    table: pl.DataFrame
    note: str


def find_shifted_words(
    tokens: Tokens | None,
    first: Bools1d,
    *,
    words: Word2Vec | None = None,
    spaces: tuple[Space, Space] | None = None,
    units: Ints1d | None = None,
    min_count: int = MIN_COUNT,
    permutations: int = 5,
    seed: int = 0,
    progress: bool = True,
) -> ShiftedWords:
    """Find the words that are used in different contexts in two corpora.

    A word space is trained on each corpus, the two are aligned (see `AlignedSpaces`), and a word's *shift* is one less
    the cosine of its two vectors. Vectors trained twice are never the same, above all those of rare words and of small
    corpora (Dubossarsky, Weinshall & Grossman 2017, "Outta control"). So the same is done after the documents of both
    corpora were permuted, `permutations` times, and each shift is compared with this null distribution (see
    `compare_with_null`).

    Parameters
    ----------
    tokens : Tokens, optional
        The words of the documents of both corpora; None if there is no word.
    first : ndarray of bool, shape (n,)
        Which documents are of the first corpus.
    words : Word2Vec, optional
        The trainer; its `threads` and `seed` are set here, so that the result is the same on every machine. By
        default 64 dimensions, and more epochs for smaller corpora.
    spaces : (Space, Space), optional
        Trained word spaces of the two corpora, of the same number of dimensions. Then nothing is trained, there is no
        null distribution, and `expected`, `p_value` and `q_value` are null.
    units : ndarray of int, shape (n,), optional
        What each document is part of, such as the book of a paragraph: whole units are permuted.
    min_count : int
        How often both corpora must use a word for it to be tested.
    permutations : int
        At least 3. They take most of the time.
    seed : int
    progress : bool
        Show a bar, in a terminal or a notebook.

    Returns
    -------
    ShiftedWords
        Its table has the columns ``word``, ``count_a``, ``count_b``, ``shift`` (0 to 2), ``expected`` (the shift of
        such a word by chance, plus the shift of the median word of these corpora), ``p_value`` (one-sided),
        ``q_value`` (false discovery rate, Benjamini & Hochberg 1995), ``nearest_a`` and ``nearest_b`` (the six words
        of both corpora that are nearest to it in either). Words are ordered by their shift beyond what is expected, in
        standard deviations. It is empty where there is too little text, and its note says so.

    Raises
    ------
    InputError
        If `spaces` don't fit one another, both `words` and `spaces` are given, `units` don't fit the documents, or an
        option is out of range.

    Notes
    -----
    Where corpora are about different things, the contexts of all their words differ somewhat. So the shift of the
    median word beyond chance is expected of every word, and a small q-value is for words that stand out.
    """
    minimum = checks.whole("min_count", min_count)
    times = checks.whole("permutations", permutations, low=3)
    unit_ids = _unit_ids(units, first)
    _check_models(words, spaces)
    counts = word_counts(tokens, len(first))
    columns = _frequent(counts, first, minimum)
    if spaces is not None:
        return _from_spaces(counts, first, columns, spaces)
    reason = _too_little(counts, first, columns, unit_ids, minimum)
    if reason or tokens is None:
        return ShiftedWords(pl.DataFrame(schema=SCHEMA), reason)
    splits = [first, *_permuted_splits(unit_ids, first, times, checks.seed(seed))]
    trainer = words or _default_trainer(counts, first, len(columns))
    trained = _train_pairs(tokens, splits, trainer, seed)
    pairs = track(trained, "training word vectors", len(splits), unit="pair", progress=progress)
    return _from_splits(counts, splits, columns, pairs)


# -- arguments ------------------------------------------------------------------------------------------------


def _unit_ids(units: Ints1d | None, first: Bools1d) -> Ints1d:
    """Return the unit of each document, from 0; one with documents on both sides counts as two."""
    if units is None:
        return np.arange(len(first))
    if np.shape(units) != first.shape:
        raise InputError(f"units must be {len(first)} numbers, one for each document; got shape {np.shape(units)}")
    numbers = np.unique(np.asarray(units), return_inverse=True)[1]
    unit_ids: Ints1d = np.unique(2 * numbers + first, return_inverse=True)[1].astype(np.int64)
    return unit_ids


def _check_models(words: Any, spaces: Any) -> None:
    if words is not None and spaces is not None:
        raise InputError("give words= or spaces=, not both: spaces are trained already")
    if words is not None and not isinstance(words, Word2Vec):
        raise InputError(f"words must be a Word2Vec; got {type(words).__name__}")
    if spaces is None:
        return
    if not isinstance(spaces, (tuple, list)) or len(spaces) != 2 or not all(isinstance(s, Space) for s in spaces):
        raise InputError("spaces must be two Spaces of words, one for each corpus")
    if spaces[0].dim != spaces[1].dim:
        raise InputError(f"spaces must have the same number of dimensions; got {spaces[0].dim} and {spaces[1].dim}")


def _frequent(counts: WordCounts, first: Bools1d, minimum: int) -> Ints1d:
    """Return the columns of words that either side uses at least `minimum` times, in decreasing order of frequency.

    A word's frequency is that on the side that uses it less.
    """
    smaller = _frequencies(counts, first)[0].min(axis=0)
    columns = np.flatnonzero(smaller >= minimum)
    return columns[np.argsort(-smaller[columns], kind="stable")]


def _frequencies(counts: WordCounts, first: Bools1d) -> Doubles3d:
    """Return how often either side uses each word, and in how many documents, shape (2, 2, V)."""
    sides = [counts.counts[first], counts.counts[~first]]
    totals = [np.asarray(side.sum(axis=0), np.float64).ravel() for side in sides]
    documents = [np.bincount(side.indices, minlength=side.shape[1]).astype(np.float64) for side in sides]
    return np.stack([np.stack(totals), np.stack(documents)])


def _too_little(counts: WordCounts, first: Bools1d, columns: Ints1d, unit_ids: Ints1d, minimum: int) -> str:
    """Return a sentence that says what there is too little of, or an empty one."""
    n_words = min(int(counts.lengths[first].sum()), int(counts.lengths[~first].sum()))
    if n_words < _MIN_WORDS:
        return f"Too little text to train word vectors: one side has {n_words:,} words, and {_MIN_WORDS:,} are needed."
    if len(columns) < _MIN_SHARED_WORDS:
        return (
            f"Too few words in common to compare the corpora: {len(columns)} words occur at least {minimum} times in "
            f"both, and {_MIN_SHARED_WORDS} are needed."
        )
    n_units = min(len(np.unique(unit_ids[first])), len(np.unique(unit_ids[~first])))
    if n_units < _MIN_UNITS:
        return (
            f"Too few documents for a null distribution: one side has {n_units} independent ones, and {_MIN_UNITS} are "
            f"needed."
        )
    return ""


# -- training -------------------------------------------------------------------------------------------------


def _default_trainer(counts: WordCounts, first: Bools1d, n_shared: int) -> Word2Vec:
    """Return a trainer: a small corpus needs more epochs, and few shared words can't align many dimensions."""
    n_words = min(counts.lengths[first].sum(), counts.lengths[~first].sum())
    epochs = int(np.clip(round(_TRAINING_WORDS / n_words), *_EPOCHS))
    return Word2Vec(dim=min(_DIM, max(8, n_shared // _WORDS_PER_DIM)), epochs=epochs, min_count=_MIN_TRAINED)


def _permuted_splits(unit_ids: Ints1d, first: Bools1d, times: int, seed: int) -> Iterator[Bools1d]:
    """Iterate over random splits of the units with as many on the first side as the first corpus has."""
    rng = np.random.default_rng(seed)
    n_first, n_units = len(np.unique(unit_ids[first])), int(unit_ids.max()) + 1
    for _ in range(times):
        on_first = np.zeros(n_units, bool)
        on_first[rng.permutation(n_units)[:n_first]] = True
        yield on_first[unit_ids]


def _train_pairs(tokens: Tokens, splits: list[Bools1d], trainer: Word2Vec, seed: int) -> Iterator[tuple[Space, Space]]:
    """Iterate over the two word spaces of each split.

    Each training runs on one thread, with as many trainings at a time as there are cores: so a result doesn't depend
    on how many cores there are, and none waits for another.
    """
    seeds = np.random.SeedSequence(seed).generate_state(2 * len(splits)).tolist()
    sides = [side for first in splits for side in (first, ~first)]

    def train(number: int) -> Space:
        single = replace(trainer, threads=1, seed=seeds[number])
        return single.train(take_documents(tokens, np.flatnonzero(sides[number])), progress=False)

    with ThreadPoolExecutor(thread_count()) as pool:
        spaces = pool.map(train, range(len(sides)))
        yield from zip(spaces, spaces, strict=True)


# -- shifts ---------------------------------------------------------------------------------------------------


class _SharedWords(NamedTuple):
    """The words that two spaces share: their columns in the counts, and their aligned vectors."""

    columns: Ints1d
    aligned: AlignedSpaces


def _align(counts: WordCounts, columns: Ints1d, spaces: tuple[Space, Space]) -> _SharedWords:
    """Align two spaces by those of the words that both have."""
    in_both = (column for column in columns.tolist() if all(counts.words[column] in space for space in spaces))
    shared = np.array(list(in_both), np.int64)
    names = [counts.words[column] for column in shared.tolist()]
    return _SharedWords(shared, AlignedSpaces.of(*(_vectors(space, names) for space in spaces)))


def _vectors(space: Space, names: list[str]) -> Floats2d:
    return np.asarray(space[names], np.float32) if names else np.zeros((0, space.dim), np.float32)


def _too_few_shared(n_shared: int) -> ShiftedWords:
    note = (
        f"Too few words in common to align the spaces: {n_shared} frequent words of both corpora are in both spaces, "
        f"and {_MIN_SHARED_WORDS} are needed."
    )
    return ShiftedWords(pl.DataFrame(schema=SCHEMA), note)


def _from_spaces(counts: WordCounts, first: Bools1d, columns: Ints1d, spaces: tuple[Space, Space]) -> ShiftedWords:
    """Return the shifts between trained spaces, without a null distribution."""
    shared = _align(counts, columns, spaces)
    if len(shared.columns) < _MIN_SHARED_WORDS:
        return _too_few_shared(len(shared.columns))
    table = _table(counts, first, shared, None).sort(["shift", "word"], descending=[True, False])
    return ShiftedWords(table, "The word spaces were given, so the shifts have no null distribution and no p-values.")


def _from_splits(
    counts: WordCounts, splits: list[Bools1d], columns: Ints1d, pairs: Iterator[tuple[Space, Space]]
) -> ShiftedWords:
    """Compare the shifts of the first split, the corpora themselves, with those of the permuted ones."""
    shared = _align(counts, columns, next(pairs))
    if len(shared.columns) < _MIN_SHARED_WORDS:
        return _too_few_shared(len(shared.columns))
    observed = _shifts(counts, splits[0], shared, shared.columns)
    permuted = [
        _shifts(counts, split, _align(counts, shared.columns, pair), shared.columns)
        for split, pair in zip(splits[1:], pairs, strict=True)
    ]
    test = compare_with_null(observed, permuted)
    table = _table(counts, splits[0], shared, test).with_columns(z=pl.Series(test.z))
    table = table.sort(["z", "word"], descending=[True, False]).drop("z")
    n_significant = int((table["q_value"] < ALPHA).sum())
    note = f"{n_significant:,} of {len(table):,} words in both shifted further than chance explains (q < {ALPHA:g})."
    return ShiftedWords(table, note)


def _shifts(counts: WordCounts, first: Bools1d, shared: _SharedWords, columns: Ints1d) -> Shifts:
    """Return the shifts of the words in `columns`, NaN for those that aren't shared."""
    shift = np.full(len(counts.words), np.nan)
    shift[shared.columns] = shared.aligned.shift()
    totals, documents = _frequencies(counts, first)[:, :, columns]
    return Shifts(shift[columns], totals, documents)


def _table(counts: WordCounts, first: Bools1d, shared: _SharedWords, test: ShiftTest | None) -> pl.DataFrame:
    names = np.array([counts.words[column] for column in shared.columns.tolist()], object)
    totals = _frequencies(counts, first)[0][:, shared.columns].astype(np.int64)
    k = min(_NEIGHBORS, len(names) - 1)
    neighbors = [names[nearest_words(side, k)].tolist() for side in (shared.aligned.a, shared.aligned.b)]
    unknown = [None] * len(names)
    columns = {
        "word": names.tolist(),
        "count_a": totals[0],
        "count_b": totals[1],
        "shift": shared.aligned.shift(),
        "expected": test.expected if test else unknown,
        "p_value": test.p_value if test else unknown,
        "q_value": q_values(test.p_value) if test else unknown,
        "nearest_a": neighbors[0],
        "nearest_b": neighbors[1],
    }
    return pl.DataFrame(columns, schema=SCHEMA)
