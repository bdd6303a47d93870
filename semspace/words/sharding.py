"""Input rows copied for each thread, so that the result doesn't depend on which thread was faster.

Each thread predicts its own words, whose output rows no other thread touches. Of the input rows that a chunk of text
needs, each thread has a copy; at the end of the chunk the copies are merged.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

import numpy as np

from semspace.kernels.compiling import compiled
from semspace.types import Floats2d, Int32s1d, Ints1d
from semspace.words.parameters import rows_of_zeros

T = TypeVar("T")
Pieces = tuple[Ints1d, Int32s1d]


class Shards:
    """The threads' copies of rows.

    Parameters
    ----------
    inputs : ndarray of float32, shape (rows, stride)
    pieces : offsets by word, and rows
        The rows that each word needs.
    threads : int
    max_words : int
        Maximum number of words of a chunk of text.
    """

    def __init__(self, inputs: Floats2d, pieces: Pieces, threads: int, max_words: int) -> None:
        self._inputs, self._pieces, self._threads = inputs, pieces, threads
        widest = int(np.diff(pieces[0]).max())
        size = min(len(inputs), max_words * widest)
        self.slots: Int32s1d = np.full(len(inputs), -1, np.int32)  # index of a row's copies; -1 for none
        self._rows: Int32s1d = np.empty(size, np.int32)
        self._counts: Int32s1d = np.empty(size, np.int32)
        self.copies = [rows_of_zeros(size, inputs.shape[1]) for _ in range(threads)]

    def run(self, words: Int32s1d, rate: float, pool: Executor, work: Callable[[int], T]) -> list[T]:
        """Copy the rows that `words` need, run each thread on its copies, and merge them; return all results."""
        n = _collect(words, *self._pieces, self.slots, self._rows, self._counts)

        def copy_and_work(thread: int) -> T:
            _copy(self._inputs, self._rows, n, self.copies[thread])
            return work(thread)

        def merge(thread: int) -> None:
            first, last = (n * (thread + k) // self._threads for k in (0, 1))
            _merge(self._inputs, tuple(self.copies), self._rows, self._counts, first, last, rate)

        results = list(pool.map(copy_and_work, range(self._threads)))
        list(pool.map(merge, range(self._threads)))
        self.slots[self._rows[:n]] = -1
        return results


@compiled
def _collect(words: Int32s1d, starts: Any, parts: Any, slots: Int32s1d, rows: Int32s1d, counts: Int32s1d) -> int:
    """List the rows that some word needs and count how often each is needed; return the number of rows."""
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
                counts[n] = 0
                n += 1
            counts[slots[row]] += 1
    return n


@compiled
def _copy(inputs: Floats2d, rows: Int32s1d, n: int, copies: Floats2d) -> None:
    for i in range(n):
        copies[i] = inputs[rows[i]]


@compiled
def _merge(inputs: Floats2d, copies: Any, rows: Int32s1d, counts: Int32s1d, first: int, last: int, rate: float) -> None:
    """Merge the copies of rows: about the sum of their changes where there were few steps, their mean where many.

    A row that goes a fraction ``f`` of the way to its optimum in one copy would have gone ``1 - (1 - f)**threads`` had
    one thread made all steps. With ``f = 1 - exp(-rate * steps)`` that gives the fraction of the sum to apply.
    """
    threads = len(copies)
    for i in range(first, last):
        remaining = np.exp(-rate * counts[i] / threads)
        joint, sum_of_parts = 1 - remaining**threads, threads * (1 - remaining)
        share = np.float32(joint / sum_of_parts) if sum_of_parts > 1e-9 else np.float32(1)
        row = rows[i]
        for d in range(inputs.shape[1]):
            before = inputs[row, d]
            change = np.float32(0)
            for copy in copies:
                change += copy[i, d] - before
            inputs[row, d] = before + share * change
