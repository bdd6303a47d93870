"""The nearest neighbours of each of some directions, exactly, by comparing all pairs once.

Where the processor multiplies bytes quickly, so are the directions; the cosine is computed for the few pairs alone that
may be near enough.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from semspace.clusters.byte_cosines import ARE_QUICK, STEP, ByteCosines
from semspace.inference.gemm import ROWS
from semspace.inference.model import aligned_zeros
from semspace.kernels.compiling import compiled, compiled_strictly
from semspace.progress import bar
from semspace.threads import thread_count
from semspace.types import Bytes1d, Floats1d, Floats2d, Ints1d, Ints2d

_TILE = 1_152  # directions in a tile, a multiple of STEP: 5 MB of cosines
_BELOW_ALL = np.float32(-2)  # below any cosine
Pair = tuple[slice, slice]  # of tiles


@dataclass(frozen=True)
class _Nearest:
    """The nearest of each direction so far: rows and cosines of shape (n, k), the farthest first, and its cosine."""

    rows: Ints2d
    cosines: Floats2d
    least: Floats1d


def nearest_of_all_pairs(vectors: Floats2d, k: int, *, progress: bool = False) -> tuple[Ints2d, Floats2d]:
    """Find the `k` nearest others of each direction, exactly.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
        Of length 1, or all zeros.
    k : int
        Below n.

    Returns
    -------
    rows : ndarray of int64, shape (n, k)
        Nearest first; of equally near ones, the first.
    cosines : ndarray of float32, shape (n, k)
    """
    n = len(vectors)
    found = _Nearest(
        np.full((n, k), -1, np.int64), np.full((n, k), _BELOW_ALL, np.float32), np.full(n, _BELOW_ALL, np.float32)
    )
    tiles = [slice(start, min(start + _TILE, n)) for start in range(0, n, _TILE)]
    quick = ByteCosines.of(vectors) if ARE_QUICK and len(tiles) > 1 else None
    threads = min(thread_count(), len(tiles))
    with (
        bar("comparing all pairs", n * (n + 1) // 2, unit="pair", progress=progress) as shown,
        threadpool_limits(1, "blas"),
        ThreadPoolExecutor(threads) as executor,
    ):
        lanes = [_Lane(vectors, found, quick) for _ in range(threads)]
        for pairs in _rounds(tiles):
            jobs = [executor.submit(lane.compare, pairs[at::threads]) for at, lane in enumerate(lanes)]
            for job in jobs:
                shown.update(job.result())
    order = np.lexsort((found.rows, -found.cosines), axis=1)
    return np.take_along_axis(found.rows, order, axis=1), np.take_along_axis(found.cosines, order, axis=1)


def _rounds(tiles: list[slice]) -> list[list[Pair]]:
    """Return all pairs of tiles in rounds, in each of which a tile has one other: so threads write apart.

    First comes each tile with itself, and then with the one whose number differs in certain bits.
    """
    turns = range(1 << (len(tiles) - 1).bit_length())
    return [
        [(tile, tiles[at ^ turn]) for at, tile in enumerate(tiles) if at <= at ^ turn < len(tiles)] for turn in turns
    ]


class _Lane:
    """The work of one thread.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
    found : _Nearest
        Of all threads.
    quick : ByteCosines, optional
        Without it, floats are multiplied.
    """

    def __init__(self, vectors: Floats2d, found: _Nearest, quick: ByteCosines | None) -> None:
        self.vectors, self.found, self.quick = vectors, found, quick
        size = min(_TILE, -(-len(vectors) // STEP) * STEP)
        self.products = aligned_zeros((size + ROWS, size), np.float32)
        self.flags = np.zeros(size, np.uint8)
        self.no_slack = np.zeros(len(vectors), np.float32)

    def compare(self, pairs: list[Pair]) -> int:
        """Compare pairs of tiles, or a tile with itself, and return the number of pairs of directions."""
        return sum(self._compare(*pair) for pair in pairs)

    def _compare(self, tile: slice, other: slice) -> int:
        rows, width = tile.stop - tile.start, other.stop - other.start
        is_exact = self.quick is None or tile == other  # the first round says how near the nearest are at least
        if self.quick is None or tile == other:
            np.matmul(self.vectors[tile], self.vectors[other].T, out=self.products[:rows, :width])
            slack = self.no_slack, self.no_slack
        else:
            self.quick.multiply(tile, other, self.products)
            slack = self.quick.left_slack, self.quick.right_slack
        _keep_nearest(
            self.products, rows, width, tile.start, other.start, is_exact, *slack, self.vectors,
            self.found.rows, self.found.cosines, self.found.least, self.flags,
        )  # fmt: skip
        return int(rows * (rows + 1) // 2 if tile == other else rows * width)


@compiled_strictly
def _keep_nearest(
    products: Floats2d, n_rows: int, width: int, start: int, left: int, are_exact: bool, left_slack: Floats1d,
    right_slack: Floats1d, vectors: Floats2d, rows: Ints2d, cosines: Floats2d, least: Floats1d, flags: Bytes1d,
) -> None:  # fmt: skip
    """Take a tile's cosines of rows i and j, i < j, to the nearest of both, which are sorted from the least on.

    A flag of each column is set where the cosine may be near enough; eight at a time are passed over where none is.
    """
    words = flags.view(np.uint64)
    their_least, their_slack = least[left : left + width], right_slack[left : left + width]
    for at in range(n_rows):
        i = start + at
        row, slack, lowest = products[at], left_slack[i], least[i]
        for column in range(width):  # without a branch, so that it becomes a few instructions for many columns
            other = their_least[column]
            needed = other if other < lowest else lowest
            flags[column] = row[column] + (slack + their_slack[column]) > needed
        flags[: max(0, i + 1 - left)] = 0
        for word in range((width + 7) // 8):
            if not words[word]:
                continue
            for column in range(8 * word, min(8 * word + 8, width)):
                if not flags[column]:
                    continue
                j = left + column
                cosine = row[column] if are_exact else _dot(vectors[i], vectors[j])
                if cosine > least[i]:
                    least[i] = _insert(cosine, j, rows[i], cosines[i])
                if cosine > least[j]:
                    least[j] = _insert(cosine, i, rows[j], cosines[j])


@compiled
def _dot(a: Floats1d, b: Floats1d) -> np.float32:
    total: np.float32 = np.float32(0)
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@compiled_strictly
def _insert(cosine: np.float32, row: int, rows: Ints1d, cosines: Floats1d) -> np.float32:
    """Return the cosine of the farthest neighbour, once another has taken the place of the one that was."""
    place = 0
    while place + 1 < len(cosines) and cosines[place + 1] < cosine:
        cosines[place], rows[place] = cosines[place + 1], rows[place + 1]
        place += 1
    cosines[place], rows[place] = cosine, row
    least: np.float32 = cosines[0]
    return least
