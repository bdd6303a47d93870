"""`profile`: what each corpus is like by itself: its size, words, readability, languages, spread and outliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.comparison.profiles import languages as spoken
from semspace.comparison.profiles import outliers as odd
from semspace.comparison.profiles.estimates import NOTHING, Estimate, mean, median
from semspace.comparison.profiles.lexical import choose_window, moving_ratios
from semspace.comparison.profiles.mean_distance import spread
from semspace.comparison.profiles.readability import lix, per_sentence
from semspace.comparison.profiles.text_counts import Counted, Counts, count
from semspace.errors import InputError
from semspace.types import Floats2d

_WHOLE, _REAL, _TEXT = pl.Int64, pl.Float64, pl.String
_SCHEMA = {
    "corpus": _TEXT,
    "documents": _WHOLE,
    "words": _WHOLE,
    "vocabulary": _WHOLE,
    "words_per_document": _REAL,
    "sentence_length": _REAL,
    "diversity": _REAL,
    "diversity_low": _REAL,
    "diversity_high": _REAL,
    "readability": _REAL,
    "readability_low": _REAL,
    "readability_high": _REAL,
    "language": _TEXT,
    "language_share": _REAL,
    "spread": _REAL,
    "spread_low": _REAL,
    "spread_high": _REAL,
    "outliers": _WHOLE,
}


@dataclass(frozen=True, eq=False)
class Profile:
    """What each of several corpora is like; made by `profile`.

    Parameters
    ----------
    summary, odd, spoken : polars.DataFrame
        What `table`, `outliers` and `languages` return.
    window : int, optional
        Words in the windows that diversity is measured in; None without texts.
    """

    summary: pl.DataFrame
    odd: pl.DataFrame
    spoken: pl.DataFrame
    window: int | None

    def table(self) -> pl.DataFrame:
        """Return a row for each corpus, in order.

        Columns ``corpus``, ``documents``, ``words``, ``vocabulary`` (different words: it grows with the corpus),
        ``words_per_document`` and ``sentence_length`` (of a typical document: medians), ``diversity`` (mean share of
        different words in windows of `window` words: it doesn't depend on length), ``readability`` (LIX of a typical
        document: 20 very easy, 40 as a newspaper, 60 very hard), ``language`` (the most frequent one) and
        ``language_share``, ``spread`` (mean cosine distance of two documents), and ``outliers``. Columns ending in
        ``_low`` and ``_high`` are 95 % intervals.

        Null is what can't be told: all columns of words without texts; sentences, diversity and readability without
        any word, and where the main language is written without spaces; intervals of too few documents; outliers of
        fewer than 20.
        """
        return self.summary

    def outliers(self) -> pl.DataFrame:
        """Return documents odd in their own corpus, the oddest first.

        See `semspace.comparison.profiles.outliers.outliers` for the columns.
        """
        return self.odd

    def languages(self) -> pl.DataFrame:
        """Return the languages of each corpus; see `semspace.comparison.profiles.languages.languages`."""
        return self.spoken

    def languages_differ(self) -> bool:
        """Tell whether two corpora are mainly of different languages, each surely so."""
        return spoken.languages_differ(self.spoken)


def profile(
    names: Sequence[str],
    texts: pl.Series | None,
    vectors: Floats2d,
    of: npt.NDArray[np.integer],
    *,
    seed: int = 0,
    progress: bool = True,
) -> Profile:
    """Say what each corpus is like.

    Parameters
    ----------
    names : sequence of str
        What the corpora are called.
    texts : polars.Series of String, shape (n,), or None
        Of all documents of all corpora; without them all that is said of words is null.
    vectors : ndarray of float32, shape (n, dim)
        None of them zero.
    of : ndarray of int, shape (n,)
        The number of each document's corpus, from 0, in the order of `names`.
    seed : int
        For the samples that languages and outliers are told by.
    progress : bool
        Show bars with the time left, in a terminal or a notebook.

    Raises
    ------
    InputError
        If a corpus has no document, or the texts, vectors and numbers aren't equally many.
    """
    checks.seed(seed)
    vectors = checks.matrix("vectors", vectors)
    of = _checked(names, texts, vectors, of)
    checks.finite_rows("the vector", vectors, [str(row) for row in range(len(vectors))])
    corpora = len(names)
    languages = spoken.languages(texts, of, corpora, seed=seed, progress=progress)
    mains = spoken.main_languages(languages, corpora)
    counted = None if texts is None else count(texts)
    window, words = _words(counted, of, [language for language, _ in mains])
    found, counts = odd.outliers(vectors, of, corpora, seed=seed, progress=progress)
    rows = [
        (
            name,
            int((of == corpus).sum()),
            *words[corpus],
            *mains[corpus],
            *spread(vectors[of == corpus]),
            counts[corpus],
        )
        for corpus, name in enumerate(names)
    ]
    return Profile(pl.DataFrame(rows, schema=_SCHEMA, orient="row"), found, languages, window)


def _checked(names: Sequence[str], texts: pl.Series | None, vectors: Floats2d, of: object) -> Counts:
    numbers = np.asarray(of)
    if numbers.shape != (len(vectors),) or numbers.dtype.kind not in "iu":
        got = f"shape {numbers.shape} of {numbers.dtype}"
        raise InputError(f"of must be {len(vectors):,} whole numbers, one for each vector; got {got}")
    if texts is not None and len(texts) != len(vectors):
        raise InputError(f"texts must be as many as vectors, {len(vectors):,}; got {len(texts):,}")
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(names):
        raise InputError(f"of must lie from 0 to {len(names) - 1}, as there are {len(names)} names; got others")
    sizes = np.bincount(numbers, minlength=len(names))
    if not len(names) or not sizes.all():
        empty = names[int(np.argmin(sizes))] if len(names) else "there is none"
        raise InputError(f"each corpus must have a document to be described; {empty} has none")
    return numbers.astype(np.int64)


_Words = tuple[object, ...]


def _words(counted: Counted | None, of: Counts, languages: Sequence[str | None]) -> tuple[int | None, list[_Words]]:
    """Return the window, and for each corpus its columns from ``words`` to ``readability_high``."""
    corpora = len(languages)
    if counted is None:
        return None, [(*[None] * 4, *NOTHING, *NOTHING)] * corpora
    words = counted.words
    window = choose_window(words, of, corpora)
    ratios = moving_ratios(counted.ids, counted.offsets, counted.different, window)
    hardness = lix(words, counted.long, counted.sentences)
    lengths = per_sentence(words, counted.sentences)
    vocabularies = counted.vocabularies(of, corpora)
    rows: list[_Words] = []
    for corpus, language in enumerate(languages):
        own = of == corpus
        total = int(words[own].sum())
        if not total:
            rows.append((0, 0, 0.0, None, *NOTHING, *NOTHING))
            continue
        size = float(np.median(words[own]))
        told: tuple[float | None, Estimate, Estimate] = (None, NOTHING, NOTHING)
        if language not in spoken.UNSPACED:
            told = (median(lengths[own]).value, mean(ratios[own]), median(hardness[own]))
        rows.append((total, int(vocabularies[corpus]), size, told[0], *told[1], *told[2]))
    return window, rows
