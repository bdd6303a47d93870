"""The nearest neighbours of each of some directions, exactly, by comparing all pairs once.

Directions are turned to their principal axes. A product over the first axes, and the lengths of what the others hold,
bound a cosine from above (Cauchy and Schwarz): so the other axes are multiplied for the few pairs alone that may be
near enough. Halves of halves of the directions, divided by one axis after the other, are tiles. Tiles that are halves
of one are compared first, since near neighbours that are known early spare others.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from threadpoolctl import threadpool_limits

from semspace.kernels.compiling import compiled, compiled_strictly
from semspace.progress import bar
from semspace.threads import thread_count
from semspace.types import Bytes1d, Floats1d, Floats2d, Ints1d, Ints2d

_TILE = 1_280  # directions in a tile at most: 7 MB of cosines
_BELOW_ALL = np.float32(-2)  # below any cosine
_MIN_DIM, _POINTS_PER_DIM = 64, 9  # fewer dimensions, or points for each, aren't worth the axes
_LEFT = 0.1  # share of the variance that the other axes may hold: with more, too many pairs may be near enough
_MAX_SHARE = 0.6  # of the axes that are multiplied first; with more, all are
_LANES = 16  # numbers in a register: the number of first axes is a multiple
_ROUNDING = np.float32(1e-5)  # of a bound


@dataclass(frozen=True)
class _Parts:
    """Directions in two parts: the first axes, and the others with their lengths.

    Parameters
    ----------
    all : ndarray of float32, shape (n, dim)
    first : ndarray of float32, shape (n, axes)
    others : ndarray of float32, shape (n, dim - axes)
    lengths : ndarray of float32, shape (n,)
    """

    all: Floats2d
    first: Floats2d
    others: Floats2d
    lengths: Floats1d

    @classmethod
    def of(cls, directions: Floats2d, n_axes: int) -> _Parts:
        """Divide directions after `n_axes` axes."""
        others = np.ascontiguousarray(directions[:, n_axes:])
        lengths = np.sqrt(np.einsum("ij,ij->i", others, others))
        return cls(directions, np.ascontiguousarray(directions[:, :n_axes]), others, lengths)


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
    with (
        bar("comparing all pairs", n * (n + 1) // 2, unit="pair", progress=progress) as shown,
        threadpool_limits(1, "blas"),
        ThreadPoolExecutor(thread_count()) as executor,
    ):
        turned, n_axes = _turned(vectors)
        order, ends = _tiles(turned)
        parts = _Parts.of(turned[order], n_axes)
        found = _Nearest(
            np.full((n, k), -1, np.int64), np.full((n, k), _BELOW_ALL, np.float32), np.full(n, _BELOW_ALL, np.float32)
        )
        tiles = [slice(*pair) for pair in zip([0, *ends], ends, strict=False)]
        for turn in range(len(tiles)):  # in each, a tile is compared with one other: threads don't meet
            pairs = [(tile, tiles[at ^ turn]) for at, tile in enumerate(tiles) if at <= at ^ turn]
            for compared in executor.map(lambda pair: _compare(parts, found, *pair), pairs):
                shown.update(compared)
    rows = np.empty_like(found.rows)
    cosines = np.empty_like(found.cosines)
    rows[order], cosines[order] = order[found.rows], found.cosines
    nearest = np.lexsort((rows, -cosines), axis=1)
    return np.take_along_axis(rows, nearest, axis=1), np.take_along_axis(cosines, nearest, axis=1)


def _turned(vectors: Floats2d) -> tuple[Floats2d, int]:
    """Return directions by their principal axes, and how many axes are multiplied first; as they are if it is all."""
    n, dim = vectors.shape
    if dim < _MIN_DIM or n < _POINTS_PER_DIM * dim:
        return vectors, dim
    variances, axes = eigh((vectors.T @ vectors).astype(np.float64))
    left = np.append(np.cumsum(variances)[::-1], 0) / max(variances.sum(), np.finfo(float).tiny)
    n_axes = -(-int(np.argmax(left <= _LEFT)) // _LANES) * _LANES
    if n_axes > _MAX_SHARE * dim:
        return vectors, dim
    return vectors @ axes[:, ::-1].astype(np.float32), n_axes


def _tiles(directions: Floats2d) -> tuple[Ints1d, list[int]]:
    """Return directions in the order of tiles, a power of two of them, and where each ends."""
    parts, axis = [np.arange(len(directions))], 0
    while max(map(len, parts)) > _TILE:
        halves = []
        for rows in parts:
            middle = len(rows) // 2
            ordered = rows[np.argpartition(directions[rows, axis % directions.shape[1]], middle)]
            halves += [np.sort(ordered[:middle]), np.sort(ordered[middle:])]
        parts, axis = halves, axis + 1
    return np.concatenate(parts), np.cumsum([len(rows) for rows in parts]).tolist()


def _compare(parts: _Parts, found: _Nearest, tile: slice, other: slice) -> int:
    """Compare a tile with another, or with itself, by all axes at once, and return the number of pairs."""
    rows, width = tile.stop - tile.start, other.stop - other.start
    flags = np.zeros(-(-width // 8) * 8, np.uint8)
    if tile == other:
        none = np.empty((len(parts.all), 0), np.float32), np.zeros_like(parts.lengths)
        products = parts.all[tile] @ parts.all[tile].T
        _keep_nearest(products, tile.start, tile.start, *none, found.rows, found.cosines, found.least, flags)
        return int(rows * (rows + 1) // 2)
    products = parts.first[tile] @ parts.first[other].T
    _keep_nearest(
        products, tile.start, other.start, parts.others, parts.lengths, found.rows, found.cosines, found.least, flags
    )
    return int(rows * width)


@compiled_strictly
def _keep_nearest(
    products: Floats2d,
    start: int,
    left: int,
    others: Floats2d,
    lengths: Floats1d,
    rows: Ints2d,
    cosines: Floats2d,
    least: Floats1d,
    flags: Bytes1d,
) -> None:
    """Take a tile's cosines of rows i and j, i < j, to the nearest of both, which are sorted from the least on.

    A flag of each column is set where the bound is near enough; eight at a time are passed over where none is.
    """
    width = products.shape[1]
    words, their_least, their_lengths = flags.view(np.uint64), least[left : left + width], lengths[left : left + width]
    for at in range(products.shape[0]):
        i = start + at
        row, length, lowest = products[at], lengths[i], least[i]
        for column in range(width):  # without a branch, so that it becomes a few instructions for many columns
            other = their_least[column]
            needed = other if other < lowest else lowest
            flags[column] = row[column] + length * their_lengths[column] + _ROUNDING > needed
        flags[: max(0, i + 1 - left)] = 0
        for word in range(len(words)):
            if not words[word]:
                continue
            for column in range(8 * word, min(8 * word + 8, width)):
                if not flags[column]:
                    continue
                j = left + column
                cosine = row[column] + _dot(others[i], others[j])
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
