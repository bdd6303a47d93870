"""The words and phrases of each document, by which groups are named."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from sklearn.base import clone

from semspace.clusters.boilerplate import is_marginal, without_boilerplate
from semspace.clusters.ngrams import Ngrams, ngrams
from semspace.clusters.term_options import TermOptions
from semspace.display import clip
from semspace.errors import InputError
from semspace.text.phrases import Phrases
from semspace.text.scripts import UNSPACED
from semspace.text.tokens import Tokens
from semspace.types import Bools1d, Doubles1d, Int32s1d, Ints1d

_MIN_PHRASE_COUNT = 5  # occurrences
_MIN_PHRASE_SCORE = 10.0
_MIN_LETTERS = 3  # of a word in a script with spaces
DEFAULT = TermOptions()
_UNSPACED = f"[{''.join(UNSPACED)}]"  # scripts without spaces, in which short words carry meaning
_JOINT = "\x1f"  # joins the words of a phrase; no word contains it


@dataclass(frozen=True)
class DocumentTerms:
    """The binary document-term matrix of texts: words and phrases that can describe a group.

    Parameters
    ----------
    terms : tuple of V str
        Words, and phrases with spaces. Stop words, words of fewer than three letters, numbers, and words of greetings
        and signatures are left out.
    matrix : csr_array of float32, shape (n, V)
        1 where a document contains a term, however often, so that one long document counts once.
    is_phrase : ndarray of bool, shape (V,)
    """

    terms: tuple[str, ...]
    matrix: csr_array
    is_phrase: Bools1d

    @classmethod
    def from_texts(cls, texts: pl.Series, options: TermOptions = DEFAULT) -> DocumentTerms:
        """Create the words and phrases of texts, without boilerplate; see `without_boilerplate`."""
        texts = without_boilerplate(texts)
        if options.vectorizer is not None:
            return cls.from_vectorizer(texts, options.vectorizer)
        try:
            tokens = Tokens.from_texts(texts)
        except InputError:  # no text has a word
            return cls.from_tokens(None, len(texts))
        return cls.from_tokens(tokens, len(texts), options)

    @classmethod
    def from_tokens(cls, tokens: Tokens | None, n_documents: int, options: TermOptions = DEFAULT) -> DocumentTerms:
        """Create the words of tokenised texts, and phrases; `tokens` is None if no text has a word.

        Phrases are collocations (Mikolov et al. 2013), or all of as many words as `options.ngrams` says.
        """
        if tokens is None:
            return cls((), csr_array((n_documents, 0), dtype=np.float32), np.zeros(0, bool))
        if options.ngrams is None:
            phrases = Phrases(
                min_count=_MIN_PHRASE_COUNT, threshold=_MIN_PHRASE_SCORE, connector_words="english", delimiter=_JOINT
            )
            tokens = phrases.train(tokens, progress=False).apply(tokens)
        ids, words = np.asarray(tokens.ids), tokens.vocabulary["word"]
        is_term = _is_descriptive(words, options.stop_words)
        is_term &= ~is_marginal(ids, np.asarray(tokens.offsets), len(words))
        documents = np.repeat(np.arange(n_documents, dtype=np.int64), np.diff(tokens.offsets))
        if options.ngrams is not None:
            return cls._from_ngrams(ids, documents, words, is_term, n_documents, options)
        columns = np.cumsum(is_term) - 1
        counted = is_term[ids]
        matrix = _binary(documents[counted], columns[ids[counted]], (n_documents, int(is_term.sum())))
        terms = words.filter(pl.Series(is_term))
        return cls._of(_with_spaces(terms), matrix, terms.str.contains(_JOINT, literal=True), options)

    @classmethod
    def _from_ngrams(
        cls, ids: Int32s1d, documents: Ints1d, words: pl.Series, is_term: Bools1d, n_docs: int, options: TermOptions
    ) -> DocumentTerms:
        """Create terms of runs of words that begin and end with a descriptive one; longer ones occur at least twice."""
        assert options.ngrams is not None
        low, high = options.ngrams
        parts = [ngrams(ids, documents, is_term, n) for n in range(low, high + 1)]
        counts = [len(part.first) for part in parts]
        rows = np.concatenate([documents[part.starts] for part in parts])
        columns = np.concatenate(
            [part.numbers + offset for part, offset in zip(parts, np.cumsum([0, *counts[:-1]]), strict=True)]
        )
        is_phrase = np.repeat([part.n > 1 for part in parts], counts)
        matrix = _binary(rows, columns, (n_docs, sum(counts)))
        return cls._of(pl.concat([_spelled(part, ids, words) for part in parts]), matrix, pl.Series(is_phrase), options)

    @classmethod
    def from_vectorizer(cls, texts: pl.Series, vectorizer: Any) -> DocumentTerms:
        """Create the terms that a copy of a vectorizer of scikit-learn finds in texts."""
        copy = clone(vectorizer, safe=False)
        try:
            matrix = csr_array(copy.fit_transform(texts.fill_null("").to_list()))
        except ValueError as problem:
            raise InputError(f"the vectorizer finds no terms in the texts: {clip(str(problem), 100)}") from problem
        terms = pl.Series([str(term) for term in copy.get_feature_names_out()], dtype=pl.String)
        if matrix.shape != (len(texts), len(terms)):
            raise InputError(
                f"the vectorizer must return a row for each of the {len(texts):,} texts and a column for each of its "
                f"{len(terms):,} terms; got shape {matrix.shape}"
            )
        rows, columns = (matrix > 0).nonzero()
        binary = _binary(rows.astype(np.int64), columns.astype(np.int64), matrix.shape)
        return cls(tuple(terms.to_list()), binary, terms.str.contains(" ", literal=True).to_numpy())

    @classmethod
    def _of(cls, terms: pl.Series, matrix: csr_array, is_phrase: pl.Series, options: TermOptions) -> DocumentTerms:
        """Return terms without the phrases that are stop words."""
        refused = set(options.words)
        kept = ~terms.is_in(sorted(refused)) if refused else pl.repeat(True, len(terms), eager=True)
        columns = kept.to_numpy().nonzero()[0]
        return cls(tuple(terms.filter(kept).to_list()), matrix[:, columns], is_phrase.to_numpy()[columns])

    @cached_property
    def document_counts(self) -> Doubles1d:
        """The number of documents that contain each term, shape (V,)."""
        counts: Doubles1d = np.asarray(self.matrix.sum(axis=0), np.float64).ravel()
        return counts

    @cached_property
    def columns(self) -> dict[str, int]:
        """The column of each term."""
        return {term: column for column, term in enumerate(self.terms)}

    def group_counts(self, labels: Int32s1d, n_clusters: int) -> csr_array:
        """Count the documents of each group that contain each term, shape (n_clusters, V); -1 is no group."""
        rows = np.flatnonzero(labels >= 0)
        members = csr_array((np.ones(len(rows), np.float32), (labels[rows], rows)), shape=(n_clusters, len(labels)))
        return csr_array(members @ self.matrix)


def has_texts(metadata: pl.DataFrame | None) -> bool:
    """Return whether the metadata of a space has a column ``text`` of strings."""
    return metadata is not None and metadata.schema.get("text") == pl.String


def terms_of(metadata: pl.DataFrame | None, options: TermOptions = DEFAULT) -> DocumentTerms | None:
    """Return the terms of a space's texts, or None where it has none."""
    if metadata is None or not has_texts(metadata):
        return None
    return DocumentTerms.from_texts(metadata["text"], options)


def _binary(rows: Ints1d, columns: Ints1d, shape: tuple[int, int]) -> csr_array:
    """Return a matrix of ones at these rows and columns, some of which are given more than once."""
    matrix = csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)  # adds up what is given twice
    matrix.data[:] = 1
    return matrix


def _is_descriptive(words: pl.Series, stop_words: frozenset[str]) -> Bools1d:
    """Return whether each word can describe a group; a phrase can if its first and last words can."""
    parts = words.str.split(_JOINT)
    ends = _is_content_word(parts.list.first(), stop_words) & _is_content_word(parts.list.last(), stop_words)
    return ends.to_numpy()


def _spelled(part: Ngrams, ids: Int32s1d, words: pl.Series) -> pl.Series:
    """Return the words of each run, joined by spaces."""
    columns = [words.gather(ids[part.first + offset]).alias(str(offset)) for offset in range(part.n)]
    return _with_spaces(pl.DataFrame(columns).select(pl.concat_str(pl.all(), separator=_JOINT)).to_series())


def _with_spaces(terms: pl.Series) -> pl.Series:
    """Return terms with spaces between the words of phrases, except in scripts that put none there."""
    closed = terms.str.replace_all(rf"({_UNSPACED}\p{{M}}*){_JOINT}({_UNSPACED})", "${1}${2}")
    # A second pass, as the first one took the middle of three words for its first pair.
    closed = closed.str.replace_all(rf"({_UNSPACED}\p{{M}}*){_JOINT}({_UNSPACED})", "${1}${2}")
    return closed.str.replace_all(_JOINT, " ", literal=True)


def _is_content_word(words: pl.Series, stop_words: frozenset[str]) -> pl.Series:
    word = pl.col("word")
    frame = pl.DataFrame({"word": words}).select(
        ((word.str.len_chars() >= _MIN_LETTERS) | word.str.contains(_UNSPACED))
        & ~word.str.replace("['’](s|t|m|d|re|ve|ll)$", "").is_in(sorted(stop_words))
        & ~word.str.contains(r"^[\p{N}'’]+$")
    )
    return frame.to_series()
