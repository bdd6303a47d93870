"""How often each document holds each word: what the words of corpora are compared by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from semspace.text.tokens import Tokens
from semspace.types import Ints1d


@dataclass(frozen=True, eq=False)
class WordCounts:
    """The words of n documents, counted.

    Parameters
    ----------
    words : tuple of V str
        The most frequent first.
    counts : csr_array of float32, shape (n, V)
        How often each document holds each word. Its indices are sorted and no entry is 0.
    lengths : ndarray of int64, shape (n,)
        Words of each document: the sums of the rows of `counts`.
    """

    words: tuple[str, ...]
    counts: csr_array
    lengths: Ints1d


def word_counts(tokens: Tokens | None, n_documents: int) -> WordCounts:
    """Count the words of each document.

    Parameters
    ----------
    tokens : Tokens, optional
        Of all corpora that are compared; None if no document has a word.
    n_documents : int

    Examples
    --------
    >>> import semspace as ss
    >>> counts = word_counts(ss.Tokens.from_texts(["a dog, a cat", "", "a cat"]), 3)
    >>> counts.words, counts.counts.toarray().tolist(), counts.lengths.tolist()
    (('a', 'cat', 'dog'), [[2.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 0.0]], [4, 0, 2])
    """
    if tokens is None:
        return WordCounts((), csr_array((n_documents, 0), dtype=np.float32), np.zeros(n_documents, np.int64))
    # Every word is an entry of its own at first; the sum works in place, so it gets copies.
    parts = (np.ones(len(tokens), np.float32), np.array(tokens.ids), np.array(tokens.offsets))
    counts = csr_array(parts, shape=(n_documents, len(tokens.vocabulary)))
    counts.sum_duplicates()
    return WordCounts(tuple(tokens.words), counts, np.diff(tokens.offsets))
