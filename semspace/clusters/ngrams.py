"""Runs of words of texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semspace.types import Bools1d, Int32s1d, Ints1d


@dataclass(frozen=True, eq=False)
class Ngrams:
    """All occurrences of runs of `n` words.

    Parameters
    ----------
    n : int
    starts : ndarray of int64, shape (m,)
        The position of each occurrence's first word.
    numbers : ndarray of int64, shape (m,)
        Which run it is of.
    first : ndarray of int64, shape (v,)
        The position of each run's first occurrence.
    """

    n: int
    starts: Ints1d
    numbers: Ints1d
    first: Ints1d


def ngrams(ids: Int32s1d, documents: Ints1d, is_term: Bools1d, n: int) -> Ngrams:
    """Return the runs of `n` words within documents whose first and last words are terms; longer than one, if repeated.

    Parameters
    ----------
    ids : ndarray of int32, shape (words,)
    documents : ndarray of int64, shape (words,)
        The document of each word, not decreasing.
    is_term : ndarray of bool, shape (V,)
        For each word of the vocabulary.
    n : int
    """
    last = max(0, len(ids) - n + 1)
    starts = np.flatnonzero(
        (documents[:last] == documents[n - 1 : n - 1 + last]) & is_term[ids[:last]] & is_term[ids[n - 1 : n - 1 + last]]
    )
    numbers = ids[starts].astype(np.int64)
    for offset in range(1, n):
        numbers = np.unique(numbers * len(is_term) + ids[starts + offset], return_inverse=True)[1].astype(np.int64)
    if n > 1:
        repeated = np.bincount(numbers)[numbers] > 1 if len(numbers) else np.zeros(0, bool)
        starts, numbers = starts[repeated], numbers[repeated]
    _, first, numbers = np.unique(numbers, return_index=True, return_inverse=True)
    return Ngrams(n, starts, numbers.astype(np.int64), starts[first])
