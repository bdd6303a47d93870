"""The best of more pairs than memory holds: a list of twice as many places, cut to the better half when it is full."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from semspace.kernels.compiling import compiled_strictly
from semspace.types import Floats1d

Rows = npt.NDArray[np.int64]
HELD, MET, LEFT_OUT = 0, 1, 2  # places in `state`: pairs held, pairs met, pairs that weren't looked at


class Kept:
    """The `most` best pairs of those met so far, and some more.

    Compiled loops take the arrays, and call `keep`. Of pairs that score the same, the first ones met stay.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.state = np.zeros(3, np.int64)
        self._first, self._second = np.empty(2 * most, np.int64), np.empty(2 * most, np.int64)
        self._scores, self._least = np.empty(2 * most, np.float32), np.full(1, -np.inf, np.float32)

    @property
    def arrays(self) -> tuple[Rows, Rows, Floats1d, Rows, Floats1d]:
        """What `keep` takes."""
        return self._first, self._second, self._scores, self.state, self._least

    def best(self) -> tuple[Rows, Rows]:
        """Return the best pairs, in the order in which they were met."""
        if self.state[HELD] > self.most:
            _cut(*self.arrays)
        held = int(self.state[HELD])
        return self._first[:held].copy(), self._second[:held].copy()


@compiled_strictly
def keep(
    first: Rows, second: Rows, scores: Floats1d, state: Rows, least: Floats1d, a: int, b: int, score: np.float32
) -> None:
    """Take note of a pair."""
    state[MET] += 1
    if score <= least[0]:
        return
    if state[HELD] == len(first):
        _cut(first, second, scores, state, least)
        if score <= least[0]:
            return
    at = state[HELD]
    first[at], second[at], scores[at] = a, b, score
    state[HELD] = at + 1


@compiled_strictly
def _cut(first: Rows, second: Rows, scores: Floats1d, state: Rows, least: Floats1d) -> None:
    """Leave the better pairs, as many as half of the places: from now on a pair must be better than the worst."""
    held, most = state[HELD], len(first) // 2
    edge = _at_rank(scores[:held].copy(), held - most)
    room = most - np.sum(scores[:held] > edge)
    at = 0
    for pair in range(held):
        if scores[pair] > edge or (scores[pair] == edge and room > 0):
            room -= scores[pair] == edge
            first[at], second[at], scores[at] = first[pair], second[pair], scores[pair]
            at += 1
    state[HELD], least[0] = at, edge


@compiled_strictly
def _at_rank(values: Floats1d, rank: int) -> Any:
    """Give the value of a rank, from 0 for the least, and leave the values in another order (Hoare 1961, "Find").

    NumPy's `partition` gives the same, but takes numba some ten times as long to compile as all else here.
    """
    low, high = 0, len(values) - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return values[rank]
