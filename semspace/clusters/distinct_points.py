"""The distinct points of a space, centred and in a canonical order: the input of every clustering method."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from semspace import queries
from semspace.clusters.knn import KnnSearch
from semspace.kernels.compiling import compiled_strictly
from semspace.types import Floats1d, Floats2d, Ints1d, Ints2d, UInt32s2d, UInt64s1d

# Neighbours of each point in the graph: fewer tear large groups apart, more join small ones.
_MIN_NEIGHBORS, _MAX_NEIGHBORS = 5, 50
# In corpora above this number of points, neighbours are nearer, and fewer of them suffice.
_MANY_POINTS, _MAX_NEIGHBORS_OF_MANY = 5_000, 20
_MIN_DISTANCE = 1e-5  # from the mean; a point nearer to it has no direction but rounding errors
_BLOCK_ROWS = 50_000  # vectors hashed at a time: 77 MB of 384 dimensions


@dataclass(frozen=True, eq=False)
class DistinctPoints:
    """Distinct points of a space as directions from their mean.

    They come in the order of a hash of their vectors. So a grouping depends neither on ids nor on the order of
    documents, and the first points are a random sample of all.

    Parameters
    ----------
    rows : ndarray of int64, shape (m,)
        The first row of the space that holds each point.
    vectors : ndarray of float32, shape (m, dim)
        Centred, of length 1; all zeros for a point at the mean.
    mean : ndarray of float32, shape (dim,)
        The mean direction. What all texts of a corpus share says nothing about their groups, and hides what does (Mu &
        Viswanath 2018, "All-but-the-Top").
    counts : ndarray of int64, shape (m,)
        Number of points of the space with this direction.
    progress : bool
        Show a progress bar while neighbours are searched for.
    known_neighbors : tuple of two ndarrays, optional
        The `neighbors`, where they were found before.
    """

    rows: Ints1d
    vectors: Floats2d
    mean: Floats1d
    counts: Ints1d
    progress: bool = False
    known_neighbors: tuple[Ints2d, Floats2d] | None = None

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.rows)

    def center(self, vectors: Floats2d) -> Floats2d:
        """Return vectors of the space as directions from the mean."""
        return centered(queries.unit(vectors), self.mean)

    @cached_property
    def knn(self) -> KnnSearch:
        """The search for the nearest of these points."""
        return KnnSearch(self.vectors, self.progress)

    @cached_property
    def neighbors(self) -> tuple[Ints2d, Floats2d]:
        """The nearest other points of each point: rows and cosines of shape (m, k), nearest first.

        `k` is the square root of the number of points, from 5 to 50 (with as many neighbours as a small group has
        members, groups run into each other), or 20 above 5,000 points.
        """
        if self.known_neighbors is not None:
            return self.known_neighbors
        limit = _MAX_NEIGHBORS if len(self) <= _MANY_POINTS else _MAX_NEIGHBORS_OF_MANY
        return self.knn.neighbors(min(max(_MIN_NEIGHBORS, round(len(self) ** 0.5)), limit))


def distinct_rows(vectors: Floats2d) -> tuple[Ints1d, Ints1d, Ints1d]:
    """Find the distinct directions among vectors, in the order of their hashes.

    Returns
    -------
    rows : ndarray of int64, shape (m,)
        The first row of each direction.
    inverse : ndarray of int64, shape (n,)
        The position in `rows` of each vector's direction.
    counts : ndarray of int64, shape (m,)
        Number of vectors with each direction.
    """
    _, rows, inverse, counts = np.unique(
        direction_hashes(vectors), return_index=True, return_inverse=True, return_counts=True
    )
    return rows.astype(np.int64), inverse.astype(np.int64).ravel(), counts.astype(np.int64)


def distinct_points(vectors: Floats2d, rows: Ints1d, counts: Ints1d, *, progress: bool = False) -> DistinctPoints:
    """Return some rows of a space's vectors as directions from their mean."""
    directions = queries.unit(vectors[rows])
    mean = directions.mean(axis=0, dtype=np.float64).astype(np.float32)
    return DistinctPoints(rows, centered(directions, mean), mean, counts, progress)


def centered(directions: Floats2d, mean: Floats1d) -> Floats2d:
    """Return the directions of unit vectors seen from the mean; a vector that equals it becomes zeros."""
    moved = directions - mean
    norms = queries.lengths(moved)
    norms[norms < _MIN_DISTANCE] = np.inf
    moved /= norms[:, None]
    return moved


def direction_hashes(vectors: Floats2d) -> UInt64s1d:
    """Return a hash of each row's direction, computed from all bits of its components, shape (n,)."""
    keys = np.random.default_rng(2008).integers(1, 2**63, vectors.shape[1], dtype=np.uint64) | np.uint64(1)
    hashes = np.empty(len(vectors), np.uint64)
    for start in range(0, len(vectors), _BLOCK_ROWS):
        directions = queries.unit(vectors[start : start + _BLOCK_ROWS]) + np.float32(0)  # turns -0.0 into 0.0
        _hash_rows(directions.view(np.uint32), keys, hashes[start : start + _BLOCK_ROWS])
    return hashes


@compiled_strictly
def _hash_rows(bits: UInt32s2d, keys: UInt64s1d, hashes: UInt64s1d) -> None:
    for row in range(len(bits)):
        total = np.uint64(0)
        for i in range(len(keys)):
            mixed = np.uint64(bits[row, i]) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
            total += mixed * keys[i]
        hashes[row] = total
