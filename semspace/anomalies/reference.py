"""The points that others are compared with: distances to them, and the nearest of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from semspace import queries
from semspace.clusters.distinct_points import distinct_rows
from semspace.progress import bar
from semspace.types import Bools1d, Doubles1d, Doubles2d, Floats1d, Floats2d, Ints1d, Ints2d

MAX_REFERENCES = 10_000  # a random part of larger spaces: 400 MB of distances, of which a tenth is kept
_BLOCK_ROWS = 512  # points whose distances are computed at a time
_SAME = 1e-3  # distance under which a point may be one of the references, up to rounding


@dataclass(frozen=True, eq=False)
class ReferencePoints:
    """Distinct directions that points are compared with.

    A text that comes twice is one reference, so copies of a strange text don't make each other look usual.

    Parameters
    ----------
    units : ndarray of float32, shape (m, dim)
        Distinct vectors of length 1.
    """

    units: Floats2d

    @classmethod
    def of(cls, vectors: Floats2d) -> tuple[ReferencePoints, Ints1d]:
        """Create it of the distinct directions among vectors, or of a random 10,000 of them where there are more.

        Which ones are taken depends on the vectors alone, not on their order.

        Returns
        -------
        reference : ReferencePoints
        places : ndarray of int64, shape (n,)
            The place of each vector among the references; -1 where it isn't one of them.
        """
        rows, places, _ = distinct_rows(vectors)
        return cls(queries.unit(vectors[rows[:MAX_REFERENCES]])), np.where(places < MAX_REFERENCES, places, -1)

    def __len__(self) -> int:
        return len(self.units)

    def distances(self, point: Floats1d) -> Doubles1d:
        """Return the Euclidean distances of a unit vector to all references, shape (m,); infinite to itself."""
        to_all = _distances(self.units @ point)
        near = np.flatnonzero(to_all < _SAME)
        to_all[near[(self.units[near] == point).all(axis=1)]] = np.inf
        return to_all

    def place_of(self, point: Floats1d) -> int | None:
        """Return the place of the reference that a unit vector equals, or None."""
        own = np.flatnonzero(np.isinf(self.distances(point)))
        return int(own[0]) if len(own) else None

    def nearest(self, point: Floats1d, k: int, among: Bools1d | None = None) -> tuple[Ints1d, Doubles1d]:
        """Return the rows of the `k` references nearest to a unit vector, other than itself, and their distances."""
        to_all = self.distances(point)
        if among is not None:
            to_all[~among] = np.inf
        rows = np.argpartition(to_all, k - 1)[:k] if k < len(to_all) else np.arange(len(to_all))
        rows = rows[np.argsort(to_all[rows], kind="stable")]
        return rows, to_all[rows]

    def neighbors(self, k: int, *, progress: bool = False) -> tuple[Ints2d, Doubles2d]:
        """Return the rows of the `k` other references nearest to each, shape (m, k), nearest first; and distances."""
        m = len(self)
        rows, distances = np.empty((m, k), np.int64), np.empty((m, k))
        with bar("neighbours", m, unit="point", progress=progress) as shown:
            for start in range(0, m, _BLOCK_ROWS):
                block = _distances(self.units[start : start + _BLOCK_ROWS] @ self.units.T)
                block[np.arange(len(block)), start + np.arange(len(block))] = np.inf
                near = np.argpartition(block, k - 1, axis=1)[:, :k]
                found = np.take_along_axis(block, near, axis=1)
                order = np.argsort(found, axis=1, kind="stable")
                rows[start : start + len(block)] = np.take_along_axis(near, order, axis=1)
                distances[start : start + len(block)] = np.take_along_axis(found, order, axis=1)
                shown.update(len(block))
        return rows, distances


def one_by_one(score: Callable[[Floats1d], float], points: Floats2d) -> Doubles1d:
    """Return the score of each point, shape (n,), computed for it alone.

    A matrix product rounds a row differently in other company; a score must not depend on what it comes with.
    """
    return np.array([score(point) for point in points], np.float64)


def _distances(cosines: Floats2d) -> Doubles2d:
    """Return the distances of unit vectors with these cosines."""
    distances: Doubles2d = np.sqrt(np.maximum(2 - 2 * cosines.astype(np.float64), 0))
    return distances
