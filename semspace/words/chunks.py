"""`TextChunks`: parts of a text as the kernels take them: subsampled, as rows of the matrices, with learning rates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from semspace.text import mmap_array
from semspace.text.tokens import Tokens
from semspace.types import Doubles1d, Int32s1d, Ints1d, UInt32s1d
from semspace.words.training_steps import LOOKAHEAD, LearningRate, TextChunk, subsample

_LAST_RATE = 1e-4  # of the initial learning rate, as in word2vec.c
_MAX_UINT32 = 2**32 - 1


@dataclass(frozen=True)
class TextChunks:
    """Any part of a text as the kernels take it, in any epoch.

    Parameters
    ----------
    tokens : Tokens
    rows : ndarray of int32, shape (words of the tokens,)
        The row of each word id; -1 for words that are left out.
    keep : ndarray of float64, shape (words of the tokens,)
        The probability that subsampling keeps an occurrence of each word.
    """

    tokens: Tokens
    rows: Int32s1d
    keep: Doubles1d
    window: int
    epochs: int
    learning_rate: float
    seed: int

    def __len__(self) -> int:
        """Return the number of words of the text, including those that are left out."""
        return len(self.tokens)

    def chunk(self, epoch: int, start: int, stop: int) -> tuple[TextChunk, LearningRate]:
        """Return the words from `start` to `stop` in an epoch, counted from 0."""
        ids = mmap_array.copy_slice(self.tokens.ids, start, stop)
        offsets = self.tokens.offsets
        first, last = (int(np.searchsorted(offsets, position, side="right")) for position in (start, stop))
        ends = mmap_array.copy_slice(offsets, first, last) - start
        margin = self.window + LOOKAHEAD
        words = np.empty(len(ids) + len(ends) + 2 * margin, np.int32)
        key = int(np.random.SeedSequence([self.seed, epoch]).generate_state(1, np.uint64)[0] >> np.uint64(2))
        empty = TextChunk(words, margin, margin, start, key)
        text = empty._replace(last=subsample(ids, ends, self._thresholds, self.rows, empty, self.window))
        rate, end_rate = (self._rate(epoch, position) for position in (start, stop))
        return text, LearningRate(np.float32(rate), np.float32((end_rate - rate) / max(text.last - text.first, 1)))

    def _rate(self, epoch: int, position: int) -> float:
        done = (epoch + position / len(self)) / self.epochs
        return self.learning_rate * max(1 - done, _LAST_RATE)

    @cached_property
    def _thresholds(self) -> UInt32s1d:
        return (self.keep * _MAX_UINT32).astype(np.uint32)


def keep_probabilities(counts: Ints1d, sample: float) -> Doubles1d:
    """Return the probability that subsampling keeps an occurrence of each word, as in word2vec.c; 1 if `sample` is 0.

    Mikolov et al. 2013 (arXiv 1310.4546, eq. 5) write ``sqrt(sample / f)``; their program adds ``sample / f``.
    """
    if not sample:
        return np.ones(len(counts))
    ratio = sample * counts.sum() / np.maximum(counts, 1)
    keep: Doubles1d = np.minimum(np.sqrt(ratio) + ratio, 1.0)
    return keep
