"""The different points of a space, and the nearest neighbours of each among them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors

from semspace import queries
from semspace.types import Doubles2d, Floats2d, Ints1d, Ints2d

_ROUNDING = 1e-6  # of the typical length: two points that are nearer are one point, computed twice


class Neighborhoods(NamedTuple):
    """Points of which no two are equal, and their nearest neighbours among each other.

    Parameters
    ----------
    rows : ndarray of int64, shape (m,)
        The row of each point in the matrix that they were taken from: the first of those that are equal.
    points : ndarray of float32, shape (m, dim)
    neighbors : ndarray of int64, shape (m, k)
        Positions in `points`, nearest first.
    distances : ndarray of float64, shape (m, k)
        Euclidean, above 0, in the same order.
    """

    rows: Ints1d
    points: Floats2d
    neighbors: Ints2d
    distances: Doubles2d


def neighborhoods(
    vectors: Floats2d, k: int, *, metric: str = "cosine", most: int = 10_000, seed: int = 0
) -> Neighborhoods:
    """Find the nearest neighbours of each point among the different points of a matrix, exactly.

    Points that are equal, up to rounding, count once: a text that comes twice isn't a neighbour of itself.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
    k : int
        Number of neighbours; fewer where there are fewer points.
    metric : {"cosine", "euclidean"}
        With ``"cosine"``, vectors are scaled to length 1 first; their Euclidean distances have the order of cosines.
    most : int
        Of more rows, a random sample of this many is taken.
    seed : int
        Of the sample.
    """
    rows = np.arange(len(vectors))
    if len(vectors) > most:
        rows = np.sort(np.random.default_rng(seed).choice(len(vectors), most, replace=False))
    points = np.array(vectors[rows])
    if metric == "cosine":
        points = queries.unit(points)
    _, first = np.unique(points, axis=0, return_index=True)
    first.sort()
    rows, points = rows[first], points[first]
    scale = float(np.sqrt(np.mean(queries.lengths(points).astype(np.float64) ** 2)))
    while True:
        neighbors, distances = _nearest(points, k)
        near = distances <= _ROUNDING * scale
        copies = (near & (neighbors < np.arange(len(points))[:, None])).any(axis=1)
        if not copies.any():
            return Neighborhoods(rows, points, neighbors, distances)
        rows, points = rows[~copies], points[~copies]


def _nearest(points: Floats2d, k: int) -> tuple[Ints2d, Doubles2d]:
    """Return the `k` nearest others of each point, and their distances; at most all others."""
    k = min(k, len(points) - 1)
    if k < 1:
        return np.empty((len(points), 0), np.int64), np.empty((len(points), 0))
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)
    distances, neighbors = search.kneighbors()
    return neighbors.astype(np.int64, copy=False), distances.astype(np.float64)
