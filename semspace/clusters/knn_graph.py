"""The graph of nearest neighbours, whose communities are groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_array, triu

from semspace.types import ArrayXd, Floats2d, Int32s1d, Ints1d, Ints2d

_MIN_WEIGHT = 1e-3  # of an edge: a neighbour in the opposite direction is still the nearest there is
_JITTER = 1e-6  # relative; between equal weights NetworKit's Leiden may move a point to and fro forever


@dataclass(frozen=True, eq=False)
class KnnGraph:
    """Points joined to their nearest neighbours by edges whose weights are cosines.

    Parameters
    ----------
    weights : csr_array of float64, shape (m, m)
        The weighted adjacency matrix, symmetric.
    """

    weights: csr_array

    @classmethod
    def from_neighbors(cls, rows: Ints2d, cosines: Floats2d) -> KnnGraph:
        """Join each point to its neighbours; an edge between mutual neighbours weighs twice as much.

        Parameters
        ----------
        rows : ndarray of int64, shape (m, k)
            The neighbours of each point; -1 where there are fewer.
        cosines : ndarray of float32, shape (m, k)
        """
        m, k = rows.shape
        weights = np.maximum(cosines.ravel(), _MIN_WEIGHT).astype(np.float64)
        weights *= 1 + _JITTER * np.random.default_rng(2008).random(len(weights))
        ends = rows.ravel()
        exists = ends >= 0
        directed = csr_array((weights[exists], (np.repeat(np.arange(m), k)[exists], ends[exists])), shape=(m, m))
        return cls(csr_array(directed + directed.T))

    def __len__(self) -> int:
        """Return the number of points."""
        return int(self.weights.shape[0])

    def subgraph(self, rows: Ints1d) -> KnnGraph:
        """Return the graph of some of the points and the edges between them."""
        return KnnGraph(csr_array(self.weights[rows][:, rows]))

    def communities(self, resolution: float, *, rounds: int = 2, start: int = 0) -> Int32s1d:
        """Find communities by the Leiden algorithm; int32 of shape (m,), numbered by first appearance.

        Leiden (Traag, Waltman & van Eck 2019, "From Louvain to Leiden") maximises modularity with a resolution
        (Reichardt & Bornholdt 2006): the higher the resolution, the smaller the groups. Call it in a job of
        `networkit_jobs.results`, which sets the seed; `start` is the number of random numbers that are passed over
        before, for another run with the same seed.
        """
        import networkit

        for _ in range(start):
            networkit.graphtools.randomNode(self._graph)
        algorithm = networkit.community.ParallelLeiden(
            self._graph, iterations=rounds, randomize=True, gamma=float(resolution)
        )
        algorithm.run()
        return renumbered(np.asarray(algorithm.getPartition().getVector()))

    def modularity(self, labels: ArrayXd, resolution: float) -> float:
        """Return the modularity of a grouping at a resolution."""
        weight = self.weights.sum()
        if not weight:
            return 0.0
        edges = self.weights.tocoo()
        within = edges.data[labels[edges.coords[0]] == labels[edges.coords[1]]].sum()
        degrees = np.bincount(labels, np.asarray(self.weights.sum(axis=1)).ravel())
        return float(within / weight - resolution * (degrees**2).sum() / weight**2)

    @cached_property
    def _graph(self) -> Any:
        import networkit

        upper = csr_array(triu(self.weights, 1))  # each edge once
        return networkit.graph.GraphFromCsr(upper, directed=False, weighted=True)


def renumbered(labels: ArrayXd) -> Int32s1d:
    """Return labels numbered from 0 by first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    numbers: Int32s1d = rank[inverse.ravel()]
    return numbers
