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

from semspace.checks import FloatMatrix
from semspace.comparison.apart.cells import Cells
from semspace.inference.compiling import compiled
from semspace.inference.steps import exp
from semspace.progress import Bar

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
    """

    widest: float
    gaussians: int

    def __len__(self) -> int:
        return self.gaussians + 1

    @classmethod
    def around(cls, median: float, doublings: int, halvings: int) -> Kernels:
        """Take kernels `doublings` wider and `halvings` narrower than the squared `median` distance."""
        return cls(median * 2.0**doublings, doublings + halvings + 1)


@dataclass(frozen=True, eq=False)
class Sums:
    """What one pass over the pairs leaves: for each of `k` kernels, pairs of a point with itself left out.

    Parameters
    ----------
    cells : ndarray of float64, shape (k, S, S)
        Sums over the pairs of two cells; within a cell over ordered pairs, so symmetric.
    rows : ndarray of float64, shape (k, n, C)
        Sums over the pairs of a document with the documents of each corpus.
    """

    cells: Floats
    rows: Floats


def kernel_sums(vectors: FloatMatrix, cells: Cells, kernels: Kernels, shown: Bar | None = None) -> Sums:
    """Add up kernels over all pairs of rows of `vectors`, shape (n, dim), which lie in the order of `cells`."""
    # Distances keep more digits near the origin.
    points = np.ascontiguousarray(vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32))
    n = len(points)
    lanes = _LANES if n > 2 * _TILE else 1
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(lanes) as threads:
        jobs = [threads.submit(_lane, points, cells, kernels, lane, lanes, shown) for lane in range(lanes)]
        parts = [job.result() for job in jobs]
    for part in parts[1:]:
        parts[0].cells[:] += part.cells
        parts[0].rows[:] += part.rows
    below = np.swapaxes(parts[0].cells, 1, 2).copy()  # each pair was added once, to the cells in their order
    return Sums(parts[0].cells + below, parts[0].rows)


def _lane(points: FloatMatrix, cells: Cells, kernels: Kernels, lane: int, lanes: int, shown: Bar | None) -> Sums:
    """Walk every `lanes`-th row of tiles, from the diagonal to the right."""
    n, k = len(points), len(kernels)
    squares = np.einsum("ij,ij->i", points, points)
    sums = np.zeros((k, cells.count, cells.count))
    rows = np.zeros((k, n, cells.corpora))
    rate = np.float32(1 / kernels.widest)
    values = np.empty((k, _TILE), np.float32)
    below = np.empty((k, _TILE), np.float32)
    for start in range(lane * _TILE, n, lanes * _TILE):
        stop = min(start + _TILE, n)
        for left in range(start, n, _TILE):
            right = min(left + _TILE, n)
            products = points[start:stop] @ points[left:right].T
            _tile(products, squares, start, left, cells.of_row, cells.corpus_of_row, rate, values, below, sums, rows)
        if shown is not None:
            shown.update(stop - start)
    return Sums(sums, rows)


@compiled
def _tile(
    products: Any,
    squares: Any,
    start: int,
    left: int,
    cell: Any,
    corpus: Any,
    rate: Any,
    values: Any,
    below: Any,
    sums: Any,
    rows: Any,
) -> None:
    """Add the kernels of a tile's pairs (i, j), i < j, to the sums of cells, and to those of rows i and of rows j."""
    kernels, columns = len(sums), products.shape[1]
    below[:] = 0
    for at in range(len(products)):
        i = start + at
        first = max(0, i + 1 - left)
        for j in range(first, columns):
            squared = max(squares[i] + squares[left + j] - np.float32(2) * products[at, j], np.float32(0))
            values[0, j] = -np.sqrt(squared)
            values[1, j] = exp(-squared * rate)
        for k in range(2, kernels):
            for j in range(first, columns):
                values[k, j] = values[k - 1, j] * values[k - 1, j]
        for k in range(kernels):
            for j in range(first, columns):
                below[k, j] += values[k, j]
            _add_runs(values[k], first, columns, left, cell, corpus, sums[k, cell[i]], rows[k, i])
        if at + 1 == len(products) or corpus[i + 1] != corpus[i]:
            for k in range(kernels):
                for j in range(columns):
                    rows[k, left + j, corpus[i]] += below[k, j]
            below[:] = 0


@compiled
def _add_runs(values: Any, first: int, columns: int, left: int, cell: Any, corpus: Any, sums: Any, row: Any) -> None:
    """Add up the values of each cell's columns, which lie side by side."""
    j = first
    while j < columns:
        own = cell[left + j]
        stop = j + 1
        while stop < columns and cell[left + stop] == own:
            stop += 1
        total = np.float32(0)
        for column in range(j, stop):
            total += values[column]
        sums[own] += total
        row[corpus[left + j]] += total
        j = stop
