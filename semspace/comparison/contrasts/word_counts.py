"""How often each document says each word: what words are compared by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from semspace.errors import InputError
from semspace.text.tokens import Tokens


@dataclass(frozen=True, eq=False)
class WordCounts:
    """The words of n documents, counted.

    Parameters
    ----------
    words : tuple of V str
        The most frequent first.
    counts : csr_array of float32, shape (n, V)
        How often each document says each word. Its indices are sorted and no entry is 0.
    lengths : ndarray of int64, shape (n,)
        Words of each document: the sums of the rows of `counts`.
    """

    words: tuple[str, ...]
    counts: csr_array
    lengths: npt.NDArray[np.int64]


def word_counts(texts: pl.Series) -> WordCounts:
    """Split texts with the project's tokenizer and count their words.

    Parameters
    ----------
    texts : polars.Series of n str
        Of all corpora that are compared. A text may be empty or null: it has no words.

    Examples
    --------
    >>> import polars as pl
    >>> found = word_counts(pl.Series(["a dog, a cat", "", "a cat"]))
    >>> found.words, found.counts.toarray().tolist(), found.lengths.tolist()
    (('a', 'cat', 'dog'), [[2.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 0.0]], [4, 0, 2])
    """
    tokens = tokens_of(texts)
    if tokens is None:
        return WordCounts((), csr_array((len(texts), 0), dtype=np.float32), np.zeros(len(texts), np.int64))
    # Every word is an entry of its own at first; the sum works in place, so it gets copies.
    parts = (np.ones(len(tokens), np.float32), np.array(tokens.ids), np.array(tokens.offsets))
    counts = csr_array(parts, shape=(len(texts), len(tokens.vocabulary)))
    counts.sum_duplicates()
    return WordCounts(tuple(tokens.words), counts, np.diff(tokens.offsets))


def tokens_of(texts: pl.Series) -> Tokens | None:
    """Give the words of texts as numbers, or None where no text has a word."""
    try:
        return Tokens.from_texts(texts)
    except InputError:  # there is no word in any text
        return None
