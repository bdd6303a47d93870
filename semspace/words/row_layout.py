"""`RowLayout`: the rows of the matrices for each word and subword, and the words that each thread predicts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from semspace.types import Doubles1d, Int32s1d, Ints1d
from semspace.words.negative_sampling import assign_threads, noise_distribution
from semspace.words.subwords import Subwords
from semspace.words.training_steps import NoiseDistribution
from semspace.words.vocabulary import TrainingVocabulary

MIN_WORDS_PER_THREAD = 100  # different words; with fewer, there are fewer threads


class RowLayout(NamedTuple):
    """Rows of the matrices: first all words, thread by thread, then the buckets of subwords that some word has.

    Parameters
    ----------
    rows : ndarray of int32, shape (words,)
        The row of each word.
    starts, parts : ndarrays
        The pieces of the word in row ``r`` are the rows ``parts[starts[r]:starts[r + 1]]``, its own the first.
    buckets : ndarray of int32
        The bucket of each row beyond those of words, increasing.
    noises : one `NoiseDistribution` for each thread
        Threads that share all rows share one distribution.
    """

    rows: Int32s1d
    starts: Ints1d
    parts: Int32s1d
    buckets: Int32s1d
    noises: tuple[NoiseDistribution, ...]

    @classmethod
    def create(
        cls, vocabulary: TrainingVocabulary, keep: Doubles1d, subwords: Subwords | None, threads: int
    ) -> RowLayout:
        """Return the layout for a number of threads with words of their own; 1 for threads that share all words.

        `keep`, shape (words,), is the probability that subsampling keeps an occurrence of each word.
        """
        counts = vocabulary.counts
        # A thread draws negatives from its own words: with few of them, many would be the predicted word itself.
        threads = max(min(threads, int((counts > 0).sum()) // MIN_WORDS_PER_THREAD), 1)
        thread_of_word = assign_threads(counts * keep, threads)
        order = np.argsort(thread_of_word, kind="stable")
        rows = np.empty(len(order), np.int32)
        rows[order] = np.arange(len(order), dtype=np.int32)
        ends = np.cumsum(np.bincount(thread_of_word)).tolist()
        noises = tuple(noise_distribution(counts[order[a:b]], a) for a, b in zip([0, *ends], ends, strict=False))
        return cls(rows, *_pieces(vocabulary.words, order, subwords), noises)

    @property
    def size(self) -> int:
        """Number of rows of inputs."""
        return len(self.rows) + len(self.buckets)


def _pieces(words: list[str], order: Ints1d, subwords: Subwords | None) -> tuple[Ints1d, Int32s1d, Int32s1d]:
    n = len(words)
    if subwords is None:
        return np.arange(n + 1, dtype=np.int64), np.arange(n, dtype=np.int32), np.empty(0, np.int32)
    offsets, buckets_of_words = subwords.table([words[i] for i in order.tolist()])
    buckets, bucket_rows = np.unique(buckets_of_words, return_inverse=True)
    starts = offsets + np.arange(n + 1)
    parts = np.empty(starts[-1], np.int32)
    is_word = np.zeros(len(parts), bool)
    is_word[starts[:-1]] = True
    parts[is_word] = np.arange(n)
    parts[~is_word] = n + bucket_rows
    return starts, parts, buckets
