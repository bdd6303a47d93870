"""How threads share a text: on the same rows without locks (`Hogwild`), or on copies that are merged (`Sharded`)."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Protocol

import numpy as np

from semspace.types import Doubles1d, Floats2d, Int32s1d
from semspace.words.cbow import bag_kernel
from semspace.words.chunks import TextChunks
from semspace.words.parameters import Matrices, lanes
from semspace.words.row_layout import RowLayout
from semspace.words.sharding import Shards
from semspace.words.skipgram import skipgram_kernel
from semspace.words.training_steps import LearningRate, NoiseDistribution, TextChunk

_MAX_CHUNK, _MIN_CHUNK = 1 << 15, 1 << 11  # words a thread takes at a time
_MAX_MERGE_INTERVAL = 1 << 16  # words between two merges of the threads' copies
_CHUNKS_PER_STEP = 32  # of each thread, between two looks at the clock


class EmbeddingModel:
    """The matrices of word vectors, and the kernel that trains them.

    Parameters
    ----------
    matrices : Matrices
    layout : RowLayout
    dim, window, negatives : int
    cbow : bool
    """

    def __init__(
        self, matrices: Matrices, layout: RowLayout, dim: int, window: int, negatives: int, cbow: bool
    ) -> None:
        self.matrices, self.layout, self.dim = matrices, layout, dim
        self._window, self._negatives, self._cbow = window, negatives, cbow

    def train(
        self, inputs: Floats2d, slots: Int32s1d, noise: NoiseDistribution, text: TextChunk, rate: LearningRate
    ) -> Doubles1d:
        """Train on a chunk of text, where row ``r`` of the inputs is ``inputs[slots[r]]``.

        Returns
        -------
        ndarray of float64, shape (2,)
            The number of pairs that were predicted, and the sum of their losses.
        """
        totals = np.zeros(3)
        rest = (self.matrices.outputs, noise, text, rate, self._window, lanes(self.dim), totals)
        if self._cbow or len(self.layout.buckets):
            pieces = (self.layout.starts, self.layout.parts)
            bag_kernel(self._negatives, self._cbow)(inputs, slots, pieces, *rest)
        else:
            skipgram_kernel(self._negatives)(inputs, slots, *rest)
        return totals[:2]


class Schedule(Protocol):
    """A way of sharing the work among threads."""

    step: int  # words to train on at a time

    def run(self, epoch: int, start: int, stop: int) -> Doubles1d:
        """Train on the words from `start` to `stop` in an epoch; return the number of pairs and their loss."""


class Hogwild:
    """Threads that update the same rows without locks (Niu et al. 2011, arXiv 1106.5730).

    Where two update the same row at once, an update may be lost, so the result depends on their timing; with one thread
    it is deterministic.
    """

    def __init__(self, model: EmbeddingModel, chunks: TextChunks, threads: int, pool: ThreadPoolExecutor) -> None:
        self._model, self._chunks, self._pool = model, chunks, pool
        self._chunk_size = min(max(len(chunks) // (16 * threads), _MIN_CHUNK), _MAX_CHUNK)
        self.step = self._chunk_size * _CHUNKS_PER_STEP * threads

    def run(self, epoch: int, start: int, stop: int) -> Doubles1d:
        """Train on the words from `start` to `stop` in an epoch; return the number of pairs and their loss."""
        model = self._model

        def train(first: int) -> Doubles1d:
            text, rate = self._chunks.chunk(epoch, first, min(first + self._chunk_size, stop))
            return model.train(model.matrices.inputs, self._slots, model.layout.noises[0], text, rate)

        return _sum(self._pool.map(train, range(start, stop, self._chunk_size)))

    @cached_property
    def _slots(self) -> Int32s1d:
        return np.arange(self._model.layout.size, dtype=np.int32)


class Sharded:
    """Threads that never write to the same row, see `Shards`: deterministic for a given number of threads."""

    def __init__(self, model: EmbeddingModel, chunks: TextChunks, pool: ThreadPoolExecutor) -> None:
        self._model, self._chunks, self._pool = model, chunks, pool
        self.step = min(max(len(chunks) // 64, _MIN_CHUNK), _MAX_MERGE_INTERVAL)
        pieces = (model.layout.starts, model.layout.parts)
        self._shards = Shards(model.matrices.inputs, pieces, len(model.layout.noises), self.step)

    def run(self, epoch: int, start: int, stop: int) -> Doubles1d:
        """Train on the words from `start` to `stop` in an epoch; return the number of pairs and their loss."""
        text, rate = self._chunks.chunk(epoch, start, stop)

        def train(thread: int) -> Doubles1d:
            copies, noise = self._shards.copies[thread], self._model.layout.noises[thread]
            return self._model.train(copies, self._shards.slots, noise, text, rate)

        return _sum(self._shards.run(text.words[text.first : text.last], float(rate.start), self._pool, train))


def _sum(totals: Iterable[Doubles1d]) -> Doubles1d:
    summed: Doubles1d = np.sum(list(totals), axis=0)
    return summed
