"""`profile_corpora`: each corpus by itself: its size, words, readability, languages, spread and outliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.comparison.document_tokens import tokens_of
from semspace.comparison.profiles import languages as language_tables
from semspace.comparison.profiles.estimates import UNKNOWN, Estimate, mean, median
from semspace.comparison.profiles.languages import detect_languages, main_languages
from semspace.comparison.profiles.lexical import choose_window, moving_ratios
from semspace.comparison.profiles.mean_distance import mean_pairwise_distance
from semspace.comparison.profiles.outliers import find_outliers
from semspace.comparison.profiles.readability import lix, per_sentence
from semspace.comparison.profiles.text_counts import TextCounts, text_counts
from semspace.errors import InputError
from semspace.text.tokens import Tokens
from semspace.types import Floats2d, Ints1d

_INT, _FLOAT, _STR = pl.Int64, pl.Float64, pl.String
SCHEMA = {
    "corpus": _STR,
    "documents": _INT,
    "words": _INT,
    "vocabulary": _INT,
    "words_per_document": _FLOAT,
    "sentence_length": _FLOAT,
    "diversity": _FLOAT,
    "diversity_low": _FLOAT,
    "diversity_high": _FLOAT,
    "readability": _FLOAT,
    "readability_low": _FLOAT,
    "readability_high": _FLOAT,
    "language": _STR,
    "language_share": _FLOAT,
    "spread": _FLOAT,
    "spread_low": _FLOAT,
    "spread_high": _FLOAT,
    "outliers": _INT,
}


@dataclass(frozen=True, eq=False)
class Profile:
    """What each of several corpora is like; made by `profile_corpora`.

    Parameters
    ----------
    summary : polars.DataFrame
        A row for each corpus, in order. Columns ``corpus``, ``documents``, ``words``, ``vocabulary`` (different words:
        it grows with the corpus), ``words_per_document`` and ``sentence_length`` (medians over documents),
        ``diversity`` (mean share of different words in windows of `window` words: it doesn't depend on length),
        ``readability`` (median LIX: 20 very easy, 40 as a newspaper, 60 very hard), ``language`` (the most frequent
        one) and ``language_share``, ``spread`` (mean cosine distance of two documents), and ``outliers``. Columns
        ending in ``_low`` and ``_high`` are 95 % intervals.

        Null is what is unknown: all columns of words without texts; sentences, diversity and readability without any
        word, and where the main language is written without spaces; intervals of too few documents; outliers of fewer
        than 20.
    outliers : polars.DataFrame
        Outliers of each corpus, the most extreme first; see `find_outliers`.
    languages : polars.DataFrame
        The languages of each corpus; see `detect_languages`.
    window : int, optional
        Words in the windows that diversity is measured in; None without texts.
    """

    summary: pl.DataFrame
    outliers: pl.DataFrame
    languages: pl.DataFrame
    window: int | None

    def languages_differ(self) -> bool:
        """Check whether two corpora are mainly of different languages, each significantly so."""
        return language_tables.languages_differ(self.languages)


def profile_corpora(
    names: Sequence[str],
    texts: pl.Series | None,
    vectors: Floats2d,
    corpus_ids: npt.NDArray[np.integer],
    *,
    tokens: Tokens | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Profile:
    """Describe each corpus by itself.

    Parameters
    ----------
    names : sequence of str
        The names of the corpora.
    texts : polars.Series of String, shape (n,), or None
        Of all documents of all corpora; without them all columns of words are null.
    vectors : ndarray of float32, shape (n, dim)
        None of them zero.
    corpus_ids : ndarray of int, shape (n,)
        The number of each document's corpus, from 0, in the order of `names`.
    tokens : Tokens, optional
        The words of the texts, if they have been split before.
    seed : int
        For the samples from which languages and outliers are estimated.
    progress : bool
        Show bars with the time left, in a terminal or a notebook.

    Raises
    ------
    InputError
        If a corpus has no document, or the numbers of texts, vectors and corpus ids differ.
    """
    checks.seed(seed)
    vectors = checks.matrix("vectors", vectors)
    corpus_ids = _checked(names, texts, vectors, corpus_ids)
    checks.finite_rows("the vector", vectors, None)
    n_corpora = len(names)
    languages = detect_languages(texts, corpus_ids, n_corpora, seed=seed, progress=progress)
    main = main_languages(languages, n_corpora)
    counts = None if texts is None else text_counts(texts, tokens_of(texts) if tokens is None else tokens)
    window, word_columns = _word_columns(counts, corpus_ids, [language for language, _ in main])
    outliers, n_outliers = find_outliers(vectors, corpus_ids, n_corpora, seed=seed, progress=progress)
    rows = [
        (
            name,
            int((corpus_ids == corpus).sum()),
            *word_columns[corpus],
            *main[corpus],
            *mean_pairwise_distance(vectors[corpus_ids == corpus]),
            n_outliers[corpus],
        )
        for corpus, name in enumerate(names)
    ]
    return Profile(pl.DataFrame(rows, schema=SCHEMA, orient="row"), outliers, languages, window)


def _checked(names: Sequence[str], texts: pl.Series | None, vectors: Floats2d, corpus_ids: object) -> Ints1d:
    numbers = np.asarray(corpus_ids)
    if numbers.shape != (len(vectors),) or numbers.dtype.kind not in "iu":
        got = f"shape {numbers.shape} of {numbers.dtype}"
        raise InputError(f"corpus_ids must be {len(vectors):,} whole numbers, one for each vector; got {got}")
    if texts is not None and len(texts) != len(vectors):
        raise InputError(f"texts must be {len(vectors):,}, one for each vector; got {len(texts):,}")
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(names):
        raise InputError(
            f"corpus_ids must be from 0 to {len(names) - 1}, since there are {len(names)} names; got others"
        )
    sizes = np.bincount(numbers, minlength=len(names))
    if not len(names) or not sizes.all():
        empty = names[int(np.argmin(sizes))] if len(names) else "there is none"
        raise InputError(f"each corpus must have a document to be described; {empty} has none")
    return numbers.astype(np.int64)


def _word_columns(
    counts: TextCounts | None, corpus_ids: Ints1d, languages: Sequence[str | None]
) -> tuple[int | None, list[tuple[object, ...]]]:
    """Return the window, and for each corpus its columns from ``words`` to ``readability_high``."""
    n_corpora = len(languages)
    if counts is None:
        return None, [(*[None] * 4, *UNKNOWN, *UNKNOWN)] * n_corpora
    words = counts.words
    window = choose_window(words, corpus_ids, n_corpora)
    ratios = moving_ratios(counts.ids, counts.offsets, counts.vocabulary_size, window)
    readability = lix(words, counts.long_words, counts.sentences)
    sentence_lengths = per_sentence(words, counts.sentences)
    vocabulary_sizes = counts.vocabulary_sizes(corpus_ids, n_corpora)
    rows: list[tuple[object, ...]] = []
    for corpus, language in enumerate(languages):
        in_corpus = corpus_ids == corpus
        total = int(words[in_corpus].sum())
        if not total:
            rows.append((0, 0, 0.0, None, *UNKNOWN, *UNKNOWN))
            continue
        typical: tuple[float | None, Estimate, Estimate] = (None, UNKNOWN, UNKNOWN)
        if language not in language_tables.UNSPACED:
            typical = (
                median(sentence_lengths[in_corpus]).value,
                mean(ratios[in_corpus]),
                median(readability[in_corpus]),
            )
        words_per_document = float(np.median(words[in_corpus]))
        rows.append((total, int(vocabulary_sizes[corpus]), words_per_document, typical[0], *typical[1], *typical[2]))
    return window, rows
