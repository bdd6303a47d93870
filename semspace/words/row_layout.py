"""`Layout`: which rows of the matrices belong to which word and subword, and which thread predicts which words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from semspace.words.negative_sampling import noise_of, shares
from semspace.words.subwords import Subwords
from semspace.words.training_steps import Ids, Noise
from semspace.words.vocabulary import Counts, Vocabulary

FEWEST = 100  # words of the text that a thread has to itself, or there are fewer threads
Floats = npt.NDArray[np.float64]


class Layout(NamedTuple):
    """Rows of the matrices: first all words, thread by thread, then the buckets of subwords that some word has.

    Parameters
    ----------
    rows : ndarray of int32, shape (words,)
        The row of each word.
    starts, parts : ndarrays
        The pieces of the word in row ``r`` are the rows ``parts[starts[r]:starts[r + 1]]``, its own the first.
    buckets : ndarray of int32
        The bucket of each row beyond those of words, increasing.
    noises : one `Noise` a thread
        Threads that share all rows have one noise between them.
    """

    rows: Ids
    starts: Counts
    parts: Ids
    buckets: Ids
    noises: tuple[Noise, ...]

    @classmethod
    def plan(cls, vocabulary: Vocabulary, keep: Floats, subwords: Subwords | None, threads: int) -> Layout:
        """Lay rows out for so many threads of their own words; 1 for threads that share all.

        `keep`, shape (words,), is the share of each word's places that thinning leaves.
        """
        counts = vocabulary.counts
        # A thread draws noise from its own words: of too few, much of it would be the word that is predicted.
        dealt = shares(counts * keep, max(min(threads, int((counts > 0).sum()) // FEWEST), 1))
        order = np.argsort(dealt, kind="stable")
        rows = np.empty(len(order), np.int32)
        rows[order] = np.arange(len(order), dtype=np.int32)
        ends = np.cumsum(np.bincount(dealt)).tolist()
        noises = tuple(noise_of(counts[order[a:b]], a) for a, b in zip([0, *ends], ends, strict=False))
        return cls(rows, *_pieces(vocabulary.words, order, subwords), noises)

    @property
    def size(self) -> int:
        """Number of rows of inputs."""
        return len(self.rows) + len(self.buckets)


def _pieces(words: list[str], order: npt.NDArray[np.int64], subwords: Subwords | None) -> tuple[Counts, Ids, Ids]:
    n = len(words)
    if subwords is None:
        return np.arange(n + 1, dtype=np.int64), np.arange(n, dtype=np.int32), np.empty(0, np.int32)
    offsets, found = subwords.table([words[i] for i in order.tolist()])
    buckets, places = np.unique(found, return_inverse=True)
    starts = offsets + np.arange(n + 1)
    parts = np.empty(starts[-1], np.int32)
    own = np.zeros(len(parts), bool)
    own[starts[:-1]] = True
    parts[own] = np.arange(n)
    parts[~own] = n + places
    return starts, parts, buckets
