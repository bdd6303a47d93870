"""The points whose groups decide where others belong."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from semspace.clusters.distinct_points import DistinctPoints, direction_hashes, distinct_points
from semspace.clusters.knn_vote import N_VOTERS, Votes, count_votes, vote_shares
from semspace.clusters.typicality import mean_cosines, member_nearness, typicality
from semspace.progress import bar
from semspace.types import Bools1d, Doubles1d, Floats1d, Floats2d, Int32s1d, Ints1d, Ints2d, UInt64s1d

_BLOCK_ROWS = 50_000  # points assigned at a time


@dataclass(frozen=True, eq=False)
class Voters:
    """A k-NN classifier of points by those that were clustered.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
        Those of the space.
    labels : ndarray of int32, shape (n,)
        The group of every point of the space.
    rows : ndarray of int64, shape (v,)
        The rows of the points that vote.
    n_clusters : int
    """

    vectors: Floats2d
    labels: Int32s1d
    rows: Ints1d
    n_clusters: int

    @cached_property
    def points(self) -> DistinctPoints:
        """The points that vote, as directions from their mean."""
        return distinct_points(self.vectors, self.rows, np.ones(len(self.rows), np.int64))

    def neighbors(self, vectors: Floats2d, *, progress: bool = False) -> tuple[Ints2d, Floats2d]:
        """Return the voters nearest to new vectors, and their cosines, of shape (n, 15) or fewer columns."""
        parts = []
        with bar("assigning points", len(vectors), unit="point", progress=progress) as shown:
            for start in range(0, max(1, len(vectors)), _BLOCK_ROWS):
                block = vectors[start : start + _BLOCK_ROWS]
                parts.append(self._nearest(block))
                shown.update(len(block))
        rows, cosines = zip(*parts, strict=True)
        return np.concatenate(rows), np.concatenate(cosines)

    def votes(self, vectors: Floats2d, neighbors: tuple[Ints2d, Floats2d]) -> Votes:
        """Return the votes on new vectors by their `neighbors`; a vector that was clustered gets its own group."""
        votes = count_votes(self._labels, None, *neighbors, self.n_clusters)
        # An index may miss the point itself; its hash finds it.
        hashes, position = self._positions(vectors)
        known_hashes, rows = self._hashes
        first = np.where(known_hashes[position] == hashes, self.labels[rows[position]], votes.first)
        return Votes(first, votes.second, votes.share, votes.mean_cosine)

    def typicality(self, vectors: Floats2d, groups: Int32s1d, neighbors: tuple[Ints2d, Floats2d]) -> Doubles1d:
        """Return how usual new vectors are among the points of the groups they are assigned to, shape (n,)."""
        nearness = mean_cosines(vectors, self._vectors, neighbors[0])
        return typicality(nearness, groups, self._member_nearness)

    def member_votes(self) -> Votes:
        """Return the votes on the points of the space; a point doesn't vote for itself."""
        return count_votes(self._labels, self.labels, *self._nearest_others(), self.n_clusters)

    def shares(self, vectors: Floats2d) -> Floats2d:
        """Return the share of each group in the votes on new vectors, shape (n, n_clusters)."""
        return vote_shares(self._labels, *self._nearest(vectors), self.n_clusters)[:, :-1]

    def member_shares(self) -> Floats2d:
        """Return the share of each group in the votes on the points of the space, shape (n, n_clusters)."""
        return vote_shares(self._labels, *self._nearest_others(), self.n_clusters)[:, :-1]

    def contains(self, vectors: Floats2d) -> Bools1d:
        """Return for each vector whether the space has a point of the same direction."""
        hashes, position = self._positions(vectors)
        known: Bools1d = self._hashes[0][position] == hashes
        return known

    @cached_property
    def _labels(self) -> Int32s1d:
        return self.labels[self.rows]

    @cached_property
    def _vectors(self) -> Floats2d:
        return self.vectors[self.rows]

    @cached_property
    def _member_nearness(self) -> list[Floats1d]:
        return member_nearness(self.points, self._vectors, self._labels, self.n_clusters)

    @cached_property
    def _hashes(self) -> tuple[UInt64s1d, Ints1d]:
        """The sorted hashes of all points of the space, those that don't vote too, and their rows."""
        hashes = direction_hashes(self.vectors)
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order

    def _positions(self, vectors: Floats2d) -> tuple[UInt64s1d, Ints1d]:
        """Return the hashes of vectors, and where they would be among the sorted ones."""
        hashes, known = direction_hashes(vectors), self._hashes[0]
        return hashes, np.minimum(np.searchsorted(known, hashes), len(known) - 1)

    def _nearest(self, vectors: Floats2d) -> tuple[Ints2d, Floats2d]:
        return self.points.knn.query(self.points.center(vectors), N_VOTERS)

    def _nearest_others(self) -> tuple[Ints2d, Floats2d]:
        """Return the voters nearest to each point of the space and their cosines, -inf for the point itself."""
        nearest, cosines = self.points.knn.query(self.points.center(self.vectors), N_VOTERS + 1)
        is_self = self.rows[nearest] == np.arange(len(nearest))[:, None]
        return nearest, np.where(is_self, np.float32(-np.inf), cosines)
