"""Sums of kernels over pairs of documents, for many kernels in one pass over the pairs.

MMD and energy distance, all their permutations and resamples, and the witness function are made of two things: the sum
of a kernel over the pairs of two sets of documents, and over the pairs of one document with a corpus. The first are
taken for small sets, the `Cells`, of which everything larger is put together; so the kernel of a pair is computed once,
and no matrix of all pairs is ever held.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from semspace.comparison.distances.exchange_blocks import Cells
from semspace.kernels.compiling import compiled
from semspace.kernels.floats import exp
from semspace.progress import Bar
from semspace.threads import thread_count
from semspace.types import Floats2d

Floats = npt.NDArray[np.float64]
_TILE = 1_024  # rows and columns at a time: 4 MB of products
_LANES = 4  # who adds up what never depends on how many threads there are


@dataclass(frozen=True)
class Kernels:
    """The kernels of one pass: minus the distance, and Gaussian kernels, each half as wide as the one before.

    Parameters
    ----------
    widest : float
        ``w`` of the widest Gaussian kernel, ``exp(-|x - y|² / w)``.
    gaussians : int
        How many Gaussian kernels, of widths ``widest``, ``widest / 2``, ``widest / 4``, …
    witness : int
        The number of the kernel, from 0, whose sums over the pairs of one document are kept.
    """

    widest: float
    gaussians: int
    witness: int

    def __len__(self) -> int:
        return self.gaussians + 1

    @classmethod
    def around(cls, median: float, doublings: int, halvings: int) -> Kernels:
        """Take kernels `doublings` wider and `halvings` narrower than the squared `median` distance."""
        return cls(median * 2.0**doublings, doublings + halvings + 1, doublings + 1)


@dataclass(frozen=True, eq=False)
class Sums:
    """What one pass over the pairs leaves: for each of `k` kernels, pairs of a point with itself left out.

    Parameters
    ----------
    cells : ndarray of float64, shape (k, S, S)
        Sums over the pairs of two cells; within a cell over ordered pairs, so symmetric.
    rows : ndarray of float64, shape (n, C)
        Sums over the pairs of a document with the documents of each corpus, of the kernel as wide as the median.
    """

    cells: Floats
    rows: Floats


def kernel_sums(vectors: Floats2d, cells: Cells, kernels: Kernels, shown: Bar | None = None) -> Sums:
    """Add up kernels over all pairs of rows of `vectors`, shape (n, dim), which lie in the order of `cells`."""
    # Distances keep more digits near the origin.
    points = np.ascontiguousarray(vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32))
    n = len(points)
    lanes = _LANES if n > 2 * _TILE else 1
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(min(lanes, thread_count())) as threads:
        jobs = [threads.submit(_lane, points, cells, kernels, lane, lanes, shown) for lane in range(lanes)]
        parts = [job.result() for job in jobs]
    for part in parts[1:]:
        parts[0].cells[:] += part.cells
        parts[0].rows[:] += part.rows
    below = np.swapaxes(parts[0].cells, 1, 2).copy()  # each pair was added once, to the cells in their order
    return Sums(parts[0].cells + below, parts[0].rows)


def _lane(points: Floats2d, cells: Cells, kernels: Kernels, lane: int, lanes: int, shown: Bar | None) -> Sums:
    """Walk every `lanes`-th row of tiles, from the diagonal to the right."""
    n, k = len(points), len(kernels)
    squares = np.einsum("ij,ij->i", points, points)
    sums = np.zeros((k, cells.count, cells.count))
    rows = np.zeros((n, cells.corpora))
    runs = (_ends(cells.of_row), _ends(cells.corpus_of_row))
    rate = np.float32(1 / kernels.widest)
    values = np.empty((k, _TILE), np.float32)
    heap = np.empty((k, _TILE), np.float32)
    for start in range(lane * _TILE, n, lanes * _TILE):
        stop = min(start + _TILE, n)
        for left in range(start, n, _TILE):
            right = min(left + _TILE, n)
            products = points[start:stop] @ points[left:right].T
            _tile(
                products,
                squares,
                start,
                left,
                cells.of_row,
                runs,
                cells.corpus_of_row,
                kernels.witness,
                rate,
                values,
                heap,
                sums,
                rows,
            )
        if shown is not None:
            shown.update(stop - start)
    return Sums(sums, rows)


def _ends(names: Any) -> npt.NDArray[np.int64]:
    """Give for each place where the run of equal names that it is in ends."""
    last = np.flatnonzero(np.diff(names, append=-1)) + 1
    ends: npt.NDArray[np.int64] = last[np.searchsorted(last, np.arange(len(names)), "right")]
    return ends


@compiled
def _tile(
    products: Any,
    squares: Any,
    start: int,
    left: int,
    cell: Any,
    runs: Any,
    corpus: Any,
    witness: int,
    rate: Any,
    values: Any,
    heap: Any,
    sums: Any,
    rows: Any,
) -> None:
    """Add the kernels of a tile's pairs (i, j), i < j, to the sums of cells, and one kernel's to those of rows i and j.

    The values of the rows of one cell are heaped up, column by column, before they are added to the columns' cells.
    """
    kernels, columns = len(sums), products.shape[1]
    heap[:] = 0
    for at in range(len(products)):
        i = start + at
        first = min(max(0, i + 1 - left), columns)
        _distances(products[at, first:], squares[left + first : left + columns], squares[i], values[0, first:])
        _gaussian(values[0, first:columns], rate, values[1, first:])
        for k in range(2, kernels):
            _square(values[k - 1, first:columns], values[k, first:])
        for k in range(kernels):
            _add(values[k, first:columns], heap[k, first:])
        _add_to_runs(values[witness], first, columns, left, runs[1], corpus, rows[i])
        if at + 1 == len(products) or cell[i + 1] != cell[i]:
            for k in range(kernels):
                _add_to_runs(heap[k], 0, columns, left, runs[0], cell, sums[k, cell[i]])
            for j in range(columns):
                rows[left + j, corpus[i]] += heap[witness, j]
            heap[:] = 0


# Loops from 0 to a length are turned into vector operations; from anywhere else, an index might be negative.


@compiled
def _distances(products: Any, squares: Any, own: Any, out: Any) -> None:
    """Give minus the distance of each pair."""
    for j in range(len(products)):
        out[j] = -np.sqrt(max(own + squares[j] - np.float32(2) * products[j], np.float32(0)))


@compiled
def _gaussian(distances: Any, rate: Any, out: Any) -> None:
    for j in range(len(distances)):
        out[j] = exp(-distances[j] * distances[j] * rate)


@compiled
def _square(values: Any, out: Any) -> None:
    for j in range(len(values)):
        out[j] = values[j] * values[j]


@compiled
def _add(values: Any, out: Any) -> None:
    for j in range(len(values)):
        out[j] += values[j]


@compiled
def _total(values: Any) -> Any:
    total = np.float32(0)
    for j in range(len(values)):
        total += values[j]
    return total


@compiled
def _add_to_runs(values: Any, first: int, stop: int, left: int, ends: Any, name: Any, out: Any) -> None:
    """Add up the values of each run of columns that are of one cell, or of one corpus; `ends` is where runs end."""
    j = first
    while j < stop:
        end = min(ends[left + j] - left, stop)
        out[name[left + j]] += _total(values[j:end])
        j = end
