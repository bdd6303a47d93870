"""The neighbours of every point, as a network whose communities Leiden finds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, triu

from semspace.clusters.distinct_points import Labels
from semspace.clusters.knn import Rows
from semspace.types import Floats2d

_LEAST = 1e-3  # a neighbour in the opposite direction is still the nearest there is
_UNEVEN = 1e-6  # NetworKit's Leiden may move a point to and fro forever between groups to which it is linked equally


@dataclass(frozen=True, eq=False)
class Network:
    """Points linked with their nearest neighbours, the heavier the nearer.

    Parameters
    ----------
    links : csr_array of float64, shape (m, m)
        Symmetric.
    """

    links: csr_array

    @classmethod
    def of(cls, rows: Rows, scores: Floats2d) -> Network:
        """Link each point with its neighbours; two that are each other's are linked twice as heavily."""
        m, k = rows.shape
        weights = np.maximum(scores.ravel(), _LEAST).astype(np.float64)
        weights *= 1 + _UNEVEN * np.random.default_rng(2008).random(len(weights))
        found = rows.ravel()
        there = found >= 0  # an index may know fewer
        one = csr_array((weights[there], (np.repeat(np.arange(m), k)[there], found[there])), shape=(m, m))
        return cls(csr_array(one + one.T))

    def __len__(self) -> int:
        """Give the number of points."""
        return int(self.links.shape[0])

    def part(self, rows: npt.NDArray[np.int64]) -> Network:
        """Give the network among some of the points."""
        return Network(csr_array(self.links[rows][:, rows]))

    def communities(self, resolution: float, *, seed: int, rounds: int = 2) -> Labels:
        """Find groups that are linked among themselves more than chance would have it, int32 of shape (m,).

        Leiden (Traag, Waltman & van Eck 2019, "From Louvain to Leiden") on modularity with a resolution (Reichardt &
        Bornholdt 2006): the higher, the smaller the groups. NetworKit's, on one thread: with more, its answers differ
        from run to run. Numbers come in the order of each group's first point.
        """
        import networkit

        threads = networkit.getMaxNumberOfThreads()
        networkit.setNumberOfThreads(1)
        networkit.setSeed(seed, False)
        try:
            found = networkit.community.ParallelLeiden(
                self._graph, iterations=rounds, randomize=True, gamma=float(resolution)
            )
            found.run()
            labels = np.asarray(found.getPartition().getVector())
        finally:
            networkit.setNumberOfThreads(threads)
        return numbered(labels)

    def quality(self, labels: Labels, resolution: float) -> float:
        """Give the modularity of a grouping at a resolution."""
        weight = self.links.sum()
        if not weight:
            return 0.0
        edges = self.links.tocoo()
        within = edges.data[labels[edges.coords[0]] == labels[edges.coords[1]]].sum()
        degrees = np.bincount(labels, np.asarray(self.links.sum(axis=1)).ravel())
        return float(within / weight - resolution * (degrees**2).sum() / weight**2)

    @cached_property
    def _graph(self) -> Any:
        import networkit

        upper = triu(self.links, 1).tocoo()
        ends = tuple(np.ascontiguousarray(end, np.uint64) for end in upper.coords)
        return networkit.GraphFromCoo((upper.data, ends), n=len(self), weighted=True, directed=False)


def numbered(labels: npt.NDArray[Any]) -> Labels:
    """Give groups numbers from 0 in the order of their first points."""
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    given: Labels = rank[place.ravel()]
    return given
