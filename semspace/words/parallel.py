"""How threads share the work on a text: on the same rows without locks, or on copies that become one again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from semspace.words.cbow import bags
from semspace.words.chunks import Stretches
from semspace.words.parameters import Matrices, lanes
from semspace.words.row_layout import Layout
from semspace.words.sharding import Shards
from semspace.words.skipgram import skipgram
from semspace.words.training_steps import Ids, Noise, Rate, Text

Tally = npt.NDArray[np.float64]  # pairs predicted, and the sum of their losses

_MOST, _LEAST = 1 << 15, 1 << 11  # words a thread takes at a time
SPAN = 1 << 16  # words between two times that copies become one
_BLOCKS = 32  # such parts a thread has to do between two looks at the clock


class Model:
    """The matrices, and the kernel that trains them.

    Parameters
    ----------
    matrices : Matrices
    layout : Layout
    dim, window, negatives : int
    cbow : bool
    """

    def __init__(self, matrices: Matrices, layout: Layout, dim: int, window: int, negatives: int, cbow: bool) -> None:
        self.matrices, self.layout, self.dim = matrices, layout, dim
        self._window, self._negatives, self._cbow = window, negatives, cbow

    def train(self, inputs: Any, slots: Ids, noise: Noise, text: Text, rate: Rate) -> Tally:
        """Train on a text; the row ``r`` of inputs is ``inputs[slots[r]]``."""
        tally = np.zeros(3)
        rest = (self.matrices.outputs, noise, text, rate, self._window, lanes(self.dim), tally)
        if self._plain:
            skipgram(self._negatives)(inputs, slots, *rest)
        else:
            bags(self._negatives, self._cbow)(inputs, slots, (self.layout.starts, self.layout.parts), *rest)
        return tally[:2]

    @property
    def _plain(self) -> bool:
        return not self._cbow and not len(self.layout.buckets)


class Pass(Protocol):
    """A way of sharing the work."""

    span: int  # words to give it at a time

    def run(self, epoch: int, start: int, stop: int) -> Tally:
        """Train on the words `start` to `stop` in an epoch."""


class Shared:
    """Threads that write to the same rows without locks (Hogwild; Niu et al. 2011, arXiv 1106.5730).

    They seldom meet, and where they do a step may be lost. So the result depends on which was faster, unless there is
    only one.
    """

    def __init__(self, model: Model, stretches: Stretches, threads: int, pool: ThreadPoolExecutor) -> None:
        self._model, self._stretches, self._pool = model, stretches, pool
        self._part = min(max(len(stretches) // (16 * threads), _LEAST), _MOST)
        self.span = self._part * _BLOCKS * threads

    def run(self, epoch: int, start: int, stop: int) -> Tally:
        """Train on the words `start` to `stop` in an epoch."""

        def work(first: int) -> Tally:
            text, rate = self._stretches.cut(epoch, first, min(first + self._part, stop))
            return self._model.train(self._model.matrices.inputs, self._slots, self._model.layout.noises[0], text, rate)

        return _sum(self._pool.map(work, range(start, stop, self._part)))

    @cached_property
    def _slots(self) -> Ids:
        return np.arange(self._model.layout.size, dtype=np.int32)


class Separate:
    """Threads that never write to the same row, see `Shards`: for one number of threads there is one result."""

    def __init__(self, model: Model, stretches: Stretches, pool: ThreadPoolExecutor) -> None:
        self._model, self._stretches, self._pool = model, stretches, pool
        self.span = min(max(len(stretches) // 64, _LEAST), SPAN)
        layout = model.layout
        pieces = (layout.starts, layout.parts)
        self._shards = Shards(model.matrices.inputs, pieces, len(layout.noises), self.span)

    def run(self, epoch: int, start: int, stop: int) -> Tally:
        """Train on the words `start` to `stop` in an epoch."""
        text, rate = self._stretches.cut(epoch, start, stop)

        def work(thread: int) -> Tally:
            copies, noise = self._shards.copies[thread], self._model.layout.noises[thread]
            return self._model.train(copies, self._shards.slots, noise, text, rate)

        return _sum(self._shards.run(text.words[text.first : text.last], float(rate.start), self._pool, work))


def _sum(tallies: Any) -> Tally:
    total: Tally = np.sum(list(tallies), axis=0)
    return total
