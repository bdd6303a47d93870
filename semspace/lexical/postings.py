"""`Postings`: for each word of some texts, the texts that contain it and how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from semspace import checks
from semspace.lexical.search_words import search_words
from semspace.types import ArrayXd, Floats1d, Ints1d

_PIECE = 50_000  # texts whose words are in memory as strings at a time


@dataclass(frozen=True, eq=False)
class Postings:
    """The inverted lists of n texts, in consecutive rows of a collection.

    Parameters
    ----------
    first : int
        The row of the first text.
    numbers : dict of str to int
        The number of each word.
    starts : ndarray of int64, shape (words + 1,)
        The texts with word j are ``texts[starts[j]:starts[j + 1]]``.
    texts : ndarray of int32
        Numbers of texts, counted from `first`, increasing for each word.
    counts : ndarray of float32, or of unsigned integers as they are stored
        How often the word stands in the text.
    lengths : ndarray of float32, shape (n,)
        Number of words of each text.
    """

    first: int
    numbers: dict[str, int]
    starts: Ints1d
    texts: ArrayXd
    counts: ArrayXd
    lengths: Floats1d

    @classmethod
    def of(cls, texts: pl.Series, first: int = 0) -> Postings:
        """Count the words of texts; null is a text without words."""
        numbers: dict[str, int] = {}
        keys, n_texts = [], max(len(texts), 1)
        for start in range(0, len(texts), _PIECE):
            words, of_text = search_words(texts[start : start + _PIECE])
            keys.append(_numbered(words, numbers) * n_texts + (of_text + start))
        key = np.concatenate(keys) if keys else np.empty(0, np.int64)
        key.sort()
        is_new = np.ones(len(key), np.bool_)
        np.not_equal(key[1:], key[:-1], out=is_new[1:])
        at = np.flatnonzero(is_new)
        counts = np.diff(at, append=len(key)).astype(np.float32)
        word, text = np.divmod(key[at], n_texts)
        starts = np.searchsorted(word, np.arange(len(numbers) + 1)).astype(np.int64)
        lengths = np.bincount(text, counts, len(texts)).astype(np.float32)
        frozen = checks.frozen
        return cls(first, numbers, frozen(starts), frozen(text.astype(np.int32)), frozen(counts), frozen(lengths))

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.lengths)

    @property
    def stop(self) -> int:
        """One past the row of the last text."""
        return self.first + len(self)

    def of_word(self, word: str) -> tuple[Ints1d, Floats1d]:
        """Return the rows of the texts that contain a word, increasing, and how often each does."""
        number = self.numbers.get(word)
        if number is None:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        inside = slice(self.starts[number], self.starts[number + 1])
        return self.texts[inside].astype(np.int64) + self.first, self.counts[inside].astype(np.float32)


def _numbered(words: pl.Series, numbers: dict[str, int]) -> Ints1d:
    """Return the number of each word, int64; words that are new get the next numbers."""
    distinct = words.unique()
    here = np.array([numbers.setdefault(word, len(numbers)) for word in distinct.to_list()], np.int64)
    return here[words.cast(pl.Enum(distinct)).to_physical().to_numpy()] if len(words) else np.empty(0, np.int64)
