"""Sums of kernels over pairs of documents, for many kernels in one pass over the pairs.

MMD and energy distance, all their permutations and resamples, and the witness function are made of two things: the sum
of a kernel over the pairs of two sets of documents, and over the pairs of one document with a corpus. The first are
computed for small sets, the `ExchangeBlocks`, from which sums over larger sets are added up; so the kernel of a pair is
computed once, and a matrix of all pairs is never in memory.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from semspace.kernels.compiling import compiled
from semspace.kernels.floats import exp
from semspace.progress import Bar
from semspace.threads import thread_count
from semspace.two_sample.exchange_blocks import ExchangeBlocks
from semspace.types import Doubles2d, Doubles3d, Floats2d, Ints1d

_TILE = 1_024  # rows and columns of a tile: 4 MB of products
_LANES = 4  # independent sums: a fixed number, so that results don't depend on the number of threads


@dataclass(frozen=True)
class Kernels:
    """The kernels of one pass: minus the distance, and Gaussian kernels, each half as wide as the one before.

    Parameters
    ----------
    widest : float
        ``w`` of the widest Gaussian kernel, ``exp(-|x - y|² / w)``.
    gaussians : int
        The number of Gaussian kernels, of widths ``widest``, ``widest / 2``, ``widest / 4``, …
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
        """Return kernels around the squared `median` distance, up to `doublings` wider and `halvings` narrower."""
        return cls(median * 2.0**doublings, doublings + halvings + 1, doublings + 1)


@dataclass(frozen=True, eq=False)
class PairSums:
    """Sums over pairs of documents for each of `k` kernels, without pairs of a document with itself.

    Parameters
    ----------
    blocks : ndarray of float64, shape (k, S, S)
        Sums over the pairs of two blocks; within a block over ordered pairs, so symmetric.
    rows : ndarray of float64, shape (n, C)
        Sums over the pairs of a document with the documents of each corpus, of the kernel as wide as the median.
    """

    blocks: Doubles3d
    rows: Doubles2d


def sum_pairs(vectors: Floats2d, blocks: ExchangeBlocks, kernels: Kernels, progress_bar: Bar | None = None) -> PairSums:
    """Sum kernels over all pairs of rows of `vectors`, shape (n, dim), which are in the order of `blocks`."""
    # Distances keep more digits near the origin.
    points = np.ascontiguousarray(vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32))
    n = len(points)
    lanes = _LANES if n > 2 * _TILE else 1
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(min(lanes, thread_count())) as executor:
        jobs = [executor.submit(_sum_lane, points, blocks, kernels, lane, lanes, progress_bar) for lane in range(lanes)]
        parts = [job.result() for job in jobs]
    for part in parts[1:]:
        parts[0].blocks[:] += part.blocks
        parts[0].rows[:] += part.rows
    below = np.swapaxes(parts[0].blocks, 1, 2).copy()  # each pair was added once
    return PairSums(parts[0].blocks + below, parts[0].rows)


def _sum_lane(
    points: Floats2d, blocks: ExchangeBlocks, kernels: Kernels, lane: int, lanes: int, progress_bar: Bar | None
) -> PairSums:
    """Sum every `lanes`-th row of tiles, from the diagonal to the right."""
    n, k = len(points), len(kernels)
    squares = np.einsum("ij,ij->i", points, points)
    sums = np.zeros((k, blocks.count, blocks.count))
    rows = np.zeros((n, blocks.corpora))
    runs = (_run_ends(blocks.of_row), _run_ends(blocks.corpus_of_row))
    rate = np.float32(1 / kernels.widest)
    values = np.empty((k, _TILE), np.float32)
    row_sums = np.empty((k, _TILE), np.float32)
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
                blocks.of_row,
                runs,
                blocks.corpus_of_row,
                kernels.witness,
                rate,
                values,
                row_sums,
                sums,
                rows,
            )
        if progress_bar is not None:
            progress_bar.update(stop - start)
    return PairSums(sums, rows)


def _run_ends(names: Any) -> Ints1d:
    """Return for each position the end of its run of equal values."""
    last = np.flatnonzero(np.diff(names, append=-1)) + 1
    ends: Ints1d = last[np.searchsorted(last, np.arange(len(names)), "right")]
    return ends


@compiled
def _tile(
    products: Any,
    squares: Any,
    start: int,
    left: int,
    block: Any,
    runs: Any,
    corpus: Any,
    witness: int,
    rate: Any,
    values: Any,
    row_sums: Any,
    sums: Any,
    rows: Any,
) -> None:
    """Add the kernels of a tile's pairs (i, j), i < j, to the sums of cells, and one kernel's to those of rows i and j.

    The values of the rows of one cell are heaped up, column by column, before they are added to the columns' cells.
    """
    kernels, columns = len(sums), products.shape[1]
    row_sums[:] = 0
    for at in range(len(products)):
        i = start + at
        first = min(max(0, i + 1 - left), columns)
        _distances(products[at, first:], squares[left + first : left + columns], squares[i], values[0, first:])
        _gaussian(values[0, first:columns], rate, values[1, first:])
        for k in range(2, kernels):
            _square(values[k - 1, first:columns], values[k, first:])
        for k in range(kernels):
            _add(values[k, first:columns], row_sums[k, first:])
        _add_to_runs(values[witness], first, columns, left, runs[1], corpus, rows[i])
        if at + 1 == len(products) or block[i + 1] != block[i]:
            for k in range(kernels):
                _add_to_runs(row_sums[k], 0, columns, left, runs[0], block, sums[k, block[i]])
            for j in range(columns):
                rows[left + j, corpus[i]] += row_sums[witness, j]
            row_sums[:] = 0


# Loops from 0 to a length are turned into vector operations; from anywhere else, an index might be negative.


@compiled
def _distances(products: Any, squares: Any, own: Any, out: Any) -> None:
    """Return minus the distance of each pair."""
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
