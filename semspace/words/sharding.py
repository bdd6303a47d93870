"""Threads that never write to the same row, so that the result doesn't depend on which was faster.

Each thread predicts its own words: their rows of the outputs are touched by nobody else. Of the rows of the inputs
that a stretch of text needs, each thread has a copy of its own; at the end of the stretch the copies become one again.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from semspace.kernels.compiling import compiled
from semspace.types import Floats2d
from semspace.words.parameters import rows_of_zeros
from semspace.words.training_steps import Ids

T = TypeVar("T")
Pieces = tuple[npt.NDArray[np.int64], Ids]


class Shards:
    """The threads' copies of rows.

    Parameters
    ----------
    inputs : ndarray of float32, shape (rows, stride)
    pieces : offsets by word, and rows
        The rows that each word needs.
    threads : int
    most : int
        Words a stretch of text may have.
    """

    def __init__(self, inputs: Floats2d, pieces: Pieces, threads: int, most: int) -> None:
        self._inputs, self._pieces, self._threads = inputs, pieces, threads
        widest = int(np.diff(pieces[0]).max())
        size = min(len(inputs), most * widest)
        self.slots: Ids = np.full(len(inputs), -1, np.int32)  # where a row's copies are; -1 for none
        self._rows: Ids = np.empty(size, np.int32)
        self._seen: Ids = np.empty(size, np.int32)
        self.copies = [rows_of_zeros(size, inputs.shape[1]) for _ in range(threads)]

    def run(self, words: Ids, rate: float, pool: Executor, work: Callable[[int], T]) -> list[T]:
        """Copy the rows that `words` need, let each thread work on its copies, and make them one again.

        Return what each thread's work gave.
        """
        n = _collect(words, *self._pieces, self.slots, self._rows, self._seen)

        def copy_and_work(thread: int) -> T:
            _copy(self._inputs, self._rows, n, self.copies[thread])
            return work(thread)

        def merge(thread: int) -> None:
            first, last = (n * (thread + k) // self._threads for k in (0, 1))
            _merge(self._inputs, tuple(self.copies), self._rows, self._seen, first, last, rate)

        results = list(pool.map(copy_and_work, range(self._threads)))
        list(pool.map(merge, range(self._threads)))
        self.slots[self._rows[:n]] = -1
        return results


@compiled
def _collect(words: Ids, starts: Any, parts: Any, slots: Ids, rows: Ids, seen: Ids) -> int:
    """Give a place to each row that some word needs, and count how often it is needed; return how many there are."""
    n = 0
    for i in range(len(words)):
        word = words[i]
        if word < 0:
            continue
        for p in range(starts[word], starts[word + 1]):
            row = parts[p]
            if slots[row] < 0:
                slots[row] = n
                rows[n] = row
                seen[n] = 0
                n += 1
            seen[slots[row]] += 1
    return n


@compiled
def _copy(inputs: Floats2d, rows: Ids, n: int, copies: Floats2d) -> None:
    for i in range(n):
        copies[i] = inputs[rows[i]]


@compiled
def _merge(inputs: Floats2d, copies: Any, rows: Ids, seen: Ids, first: int, last: int, rate: float) -> None:
    """Make one row of its copies: about the sum of their changes where there were few, their mean where many.

    A row that goes the share ``f`` of its way to where it settles in one copy would have gone ``1 - (1 - f)**threads``
    had one thread made all the steps. With ``f = 1 - exp(-rate * steps)`` that says how much of the sum to take.
    """
    threads = len(copies)
    for i in range(first, last):
        stay = np.exp(-rate * seen[i] / threads)
        whole, sum_of_parts = 1 - stay**threads, threads * (1 - stay)
        share = np.float32(whole / sum_of_parts) if sum_of_parts > 1e-9 else np.float32(1)
        row = rows[i]
        for d in range(inputs.shape[1]):
            before = inputs[row, d]
            change = np.float32(0)
            for copy in copies:
                change += copy[i, d] - before
            inputs[row, d] = before + share * change
