"""The words and phrases of each document, by which groups are named."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from semspace.errors import InputError
from semspace.text.phrases import Phrases
from semspace.text.scripts import UNSPACED
from semspace.text.tokens import Tokens
from semspace.types import Bools1d, Doubles1d, Int32s1d

_MIN_PHRASE_COUNT = 5  # occurrences
_MIN_PHRASE_SCORE = 10.0
_MIN_LETTERS = 3  # of a word in a script with spaces
# Words without a subject that no list of stop words has.
_STOP_WORDS = ENGLISH_STOP_WORDS | {
    "said",
    "says",
    "say",
    "don",
    "does",
    "did",
    "didn",
    "isn",
    "wasn",
    "aren",
    "won",
    "can",
    "doesn",
    "couldn",
    "wouldn",
    "just",
    "like",
}
_UNSPACED = f"[{''.join(UNSPACED)}]"  # scripts without spaces, in which short words carry meaning
_JOINT = "\x1f"  # joins the words of a phrase; no word contains it


@dataclass(frozen=True)
class DocumentTerms:
    """The binary document-term matrix of texts: words and phrases that can describe a group.

    Parameters
    ----------
    terms : tuple of V str
        Words, and phrases with spaces. English stop words, words of fewer than three letters, and numbers are left out.
    matrix : csr_array of float32, shape (n, V)
        1 where a document contains a term, however often, so that one long document counts once.
    is_phrase : ndarray of bool, shape (V,)
    """

    terms: tuple[str, ...]
    matrix: csr_array
    is_phrase: Bools1d

    @classmethod
    def from_texts(cls, texts: pl.Series) -> DocumentTerms:
        """Tokenise texts and join the words of phrases (Mikolov et al. 2013)."""
        try:
            tokens = Tokens.from_texts(texts)
        except InputError:  # no text has a word
            return cls.from_tokens(None, len(texts))
        return cls.from_tokens(tokens, len(texts))

    @classmethod
    def from_tokens(cls, tokens: Tokens | None, n_documents: int) -> DocumentTerms:
        """Join the words of phrases in tokenised texts; `tokens` is None if no text has a word."""
        if tokens is None:
            return cls((), csr_array((n_documents, 0), dtype=np.float32), np.zeros(0, bool))
        phrases = Phrases(
            min_count=_MIN_PHRASE_COUNT, threshold=_MIN_PHRASE_SCORE, connector_words="english", delimiter=_JOINT
        )
        joined = phrases.train(tokens, progress=False).apply(tokens)
        words = joined.vocabulary["word"]
        is_term = _is_descriptive(words)
        n_terms = max(1, int(is_term.sum()))
        column_of = np.cumsum(is_term) - 1
        documents = np.repeat(np.arange(n_documents, dtype=np.int64), np.diff(joined.offsets))
        ids = np.asarray(joined.ids)
        counted = is_term[ids]
        pairs = np.unique(documents[counted] * n_terms + column_of[ids[counted]])
        rows, columns = np.divmod(pairs, n_terms)
        shape = (n_documents, int(is_term.sum()))
        matrix = csr_array((np.ones(len(pairs), np.float32), (rows, columns)), shape=shape)
        terms = words.filter(pl.Series(is_term))
        is_phrase = terms.str.contains(_JOINT, literal=True).to_numpy()
        return cls(tuple(_with_spaces(terms).to_list()), matrix, is_phrase)

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


def terms_of(metadata: pl.DataFrame | None) -> DocumentTerms | None:
    """Return the terms of a space's texts, or None where its metadata has no column ``text`` of strings."""
    if metadata is None or metadata.schema.get("text") != pl.String:
        return None
    return DocumentTerms.from_texts(metadata["text"])


def _is_descriptive(words: pl.Series) -> Bools1d:
    """Return whether each word can describe a group; a phrase can if its first and last words can."""
    parts = words.str.split(_JOINT)
    return (_is_content_word(parts.list.first()) & _is_content_word(parts.list.last())).to_numpy()


def _with_spaces(terms: pl.Series) -> pl.Series:
    """Return terms with spaces between the words of phrases, except in scripts that put none there."""
    closed = terms.str.replace_all(rf"({_UNSPACED}\p{{M}}*){_JOINT}({_UNSPACED})", "${1}${2}")
    # A second pass, as the first one took the middle of three words for its first pair.
    closed = closed.str.replace_all(rf"({_UNSPACED}\p{{M}}*){_JOINT}({_UNSPACED})", "${1}${2}")
    return closed.str.replace_all(_JOINT, " ", literal=True)


def _is_content_word(words: pl.Series) -> pl.Series:
    word = pl.col("word")
    frame = pl.DataFrame({"word": words}).select(
        ((word.str.len_chars() >= _MIN_LETTERS) | word.str.contains(_UNSPACED))
        & ~word.str.replace("['’](s|t|m|d|re|ve|ll)$", "").is_in(sorted(_STOP_WORDS))
        & ~word.str.contains(r"^[\p{N}'’]+$")
    )
    return frame.to_series()
