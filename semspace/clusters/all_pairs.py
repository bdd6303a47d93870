"""The nearest neighbours of each of some directions, by comparing all pairs once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from semspace.kernels.compiling import compiled_strictly
from semspace.progress import Bar, bar
from semspace.threads import thread_count
from semspace.types import Floats1d, Floats2d, Ints1d, Ints2d

_TILE = 1_024  # rows and columns of a tile: 4 MB of cosines
_LANES = 4  # parts of the work: a fixed number, so that results don't depend on the number of threads
_BELOW_ALL = np.float32(-2)  # below any cosine


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
    lanes = _LANES if n > 2 * _TILE else 1
    with (
        bar("comparing all pairs", n * (n + 1) // 2, unit="pair", progress=progress) as shown,
        threadpool_limits(1, "blas"),
        ThreadPoolExecutor(min(lanes, thread_count())) as executor,
    ):
        jobs = [executor.submit(_lane, vectors, k, lane, lanes, shown) for lane in range(lanes)]
        found = [job.result() for job in jobs]
    rows, cosines = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
    order = np.lexsort((rows, -cosines), axis=1)[:, :k]
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(cosines, order, axis=1)


def _lane(vectors: Floats2d, k: int, lane: int, lanes: int, shown: Bar) -> tuple[Ints2d, Floats2d]:
    """Compare every `lanes`-th row of tiles, from the diagonal to the right."""
    n = len(vectors)
    rows, cosines = np.full((n, k), -1, np.int64), np.full((n, k), _BELOW_ALL, np.float32)
    least = np.full(n, _BELOW_ALL, np.float32)
    for start in range(lane * _TILE, n, lanes * _TILE):
        tile = vectors[start : start + _TILE]
        for left in range(start, n, _TILE):
            products = tile @ vectors[left : left + _TILE].T
            _keep_nearest(products, start, left, rows, cosines, least)
            shown.update(products.size if left > start else products.size // 2)
    return rows, cosines


@compiled_strictly
def _keep_nearest(products: Floats2d, start: int, left: int, rows: Ints2d, cosines: Floats2d, least: Floats1d) -> None:
    """Take a tile's cosines of rows i and j, i < j, to the nearest of both, which are sorted from the least on."""
    for at in range(products.shape[0]):
        i = start + at
        for column in range(max(0, i + 1 - left), products.shape[1]):
            cosine, j = products[at, column], left + column
            if cosine > least[i]:
                least[i] = _insert(cosine, j, rows[i], cosines[i])
            if cosine > least[j]:
                least[j] = _insert(cosine, i, rows[j], cosines[j])


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
