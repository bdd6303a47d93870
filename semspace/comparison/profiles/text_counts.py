"""The words and sentences of all documents, counted: how many words, how many long ones, in how many sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from semspace.kernels.compiling import compiled_strictly
from semspace.text.sentences import sentence_counts
from semspace.text.text_stream import slice_texts
from semspace.text.tokens import Tokens
from semspace.types import Bools2d, Int32s1d, Ints1d

_MIN_LETTERS = 7  # of a long word, in LIX


@dataclass(frozen=True, eq=False)
class TextCounts:
    """The words of n documents.

    Parameters
    ----------
    ids : ndarray of int32, shape (words,)
        The number of each word, from 0, document after document.
    offsets : ndarray of int64, shape (n + 1,)
        Document ``i`` is ``ids[offsets[i]:offsets[i + 1]]``.
    long_words : ndarray of int64, shape (n,)
        Words of more than six letters in each document.
    sentences : ndarray of int64, shape (n,)
        At least 1 where there is a word, else 0.
    vocabulary_size : int
        Different words in all documents; ids lie below it.
    """

    ids: Int32s1d
    offsets: Ints1d
    long_words: Ints1d
    sentences: Ints1d
    vocabulary_size: int

    @property
    def words(self) -> Ints1d:
        """Words of each document, shape (n,)."""
        return np.diff(self.offsets)

    def vocabulary_sizes(self, corpus_ids: Ints1d, n_corpora: int) -> Ints1d:
        """Return the number of different words of each corpus, shape (n_corpora,)."""
        seen = np.zeros((n_corpora, self.vocabulary_size), np.bool_)
        _mark_seen(self.ids, self.offsets, corpus_ids, seen)
        sizes: Ints1d = seen.sum(axis=1)
        return sizes


def text_counts(texts: pl.Series, tokens: Tokens | None) -> TextCounts:
    """Count the words, long words and sentences of documents; a missing text has none.

    Parameters
    ----------
    texts : polars.Series of n str
    tokens : Tokens, optional
        Their words; None if no text has a word.
    """
    n = len(texts)
    parts = [sentence_counts(part) for part in slice_texts(texts.fill_null(""))]
    sentences = np.concatenate(parts) if parts else np.empty(0, np.int64)
    if tokens is None:
        zeros = np.zeros(n, np.int64)
        return TextCounts(np.empty(0, np.int32), np.zeros(n + 1, np.int64), zeros, zeros, 0)
    ids, offsets = np.array(tokens.ids), np.array(tokens.offsets)  # in memory, writable: what kernels are compiled for
    # Digits, stops and apostrophes aren't letters.
    is_long = (tokens.vocabulary["word"].str.count_matches(r"(?s)[^0-9.']") >= _MIN_LETTERS).to_numpy()
    long_before = np.concatenate([[0], np.cumsum(is_long[ids])])
    long_words = np.diff(long_before[offsets]).astype(np.int64)
    sentences = np.where(np.diff(offsets) > 0, sentences, 0)
    return TextCounts(ids, offsets, long_words, sentences, len(tokens.vocabulary))


@compiled_strictly
def _mark_seen(ids: Int32s1d, offsets: Ints1d, corpus_ids: Ints1d, seen: Bools2d) -> None:
    for document in range(len(corpus_ids)):
        for place in range(offsets[document], offsets[document + 1]):
            seen[corpus_ids[document], ids[place]] = True
