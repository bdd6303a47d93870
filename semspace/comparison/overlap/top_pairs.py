"""The top pairs by score, in bounded memory: a buffer of twice as many, whose worse half goes when it is full."""

from __future__ import annotations

from typing import Any

import numpy as np

from semspace.kernels.compiling import compiled_strictly
from semspace.types import Floats1d, Ints1d

N_HELD, N_MET, N_SKIPPED = 0, 1, 2  # positions in `state`: pairs held, pairs found, pairs that weren't compared


class TopPairs:
    """The `max_pairs` pairs with the highest scores so far, and some more.

    Compiled loops take the arrays and call `push_pair`. Of pairs with equal scores, the first ones stay.
    """

    def __init__(self, max_pairs: int) -> None:
        self.max_pairs = max_pairs
        self.state = np.zeros(3, np.int64)
        self._first, self._second = np.empty(2 * max_pairs, np.int64), np.empty(2 * max_pairs, np.int64)
        self._scores, self._least = np.empty(2 * max_pairs, np.float32), np.full(1, -np.inf, np.float32)

    @property
    def arrays(self) -> tuple[Ints1d, Ints1d, Floats1d, Ints1d, Floats1d]:
        """The arguments of `push_pair`."""
        return self._first, self._second, self._scores, self.state, self._least

    def best(self) -> tuple[Ints1d, Ints1d]:
        """Return the best pairs, in the order in which they were added."""
        if self.state[N_HELD] > self.max_pairs:
            _discard_worse_half(*self.arrays)
        n_held = int(self.state[N_HELD])
        return self._first[:n_held].copy(), self._second[:n_held].copy()


@compiled_strictly
def push_pair(
    first: Ints1d, second: Ints1d, scores: Floats1d, state: Ints1d, least: Floats1d, a: int, b: int, score: np.float32
) -> None:
    """Add a pair."""
    state[N_MET] += 1
    if score <= least[0]:
        return
    if state[N_HELD] == len(first):
        _discard_worse_half(first, second, scores, state, least)
        if score <= least[0]:
            return
    place = state[N_HELD]
    first[place], second[place], scores[place] = a, b, score
    state[N_HELD] = place + 1


@compiled_strictly
def _discard_worse_half(first: Ints1d, second: Ints1d, scores: Floats1d, state: Ints1d, least: Floats1d) -> None:
    """Discard the worse half of the pairs; new pairs must be better than the worst of the rest."""
    n_held, max_pairs = state[N_HELD], len(first) // 2
    edge = _select(scores[:n_held].copy(), n_held - max_pairs)
    room = max_pairs - np.sum(scores[:n_held] > edge)
    place = 0
    for pair in range(n_held):
        if scores[pair] > edge or (scores[pair] == edge and room > 0):
            room -= scores[pair] == edge
            first[place], second[place], scores[place] = first[pair], second[pair], scores[pair]
            place += 1
    state[N_HELD], least[0] = place, edge


@compiled_strictly
def _select(values: Floats1d, rank: int) -> Any:
    """Return the value of a rank, from 0 for the least, and reorder the values (Hoare 1961, "Find").

    NumPy's `partition` does the same, but takes numba some ten times as long to compile as all else here.
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
