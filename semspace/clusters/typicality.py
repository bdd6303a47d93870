"""How usual a text is among the documents of a group: a conformal test of its similarity to its neighbours."""

from __future__ import annotations

import numpy as np

from semspace import queries
from semspace.clusters.distinct_points import DistinctPoints
from semspace.clusters.knn_vote import N_VOTERS
from semspace.types import Doubles1d, Floats1d, Floats2d, Int32s1d, Ints2d

_MEMBERS = 200  # of each group, to whose similarities those of new texts are compared
_BLOCK_ROWS = 1_000  # vectors whose neighbours are gathered at a time


def member_nearness(points: DistinctPoints, vectors: Floats2d, labels: Int32s1d, n_clusters: int) -> list[Floats1d]:
    """Return the sorted similarities of up to 200 members of each group to their neighbours.

    Parameters
    ----------
    points : DistinctPoints
        The points that vote.
    vectors : ndarray of float32, shape (v, dim)
        Theirs in the space.
    labels : ndarray of int32, shape (v,)
        Their groups; -1 for outliers.
    n_clusters : int
    """
    # Points come in the order of their hashes, so the first ones are a random sample.
    members = [np.flatnonzero(labels == group)[:_MEMBERS] for group in range(n_clusters)]
    own = np.concatenate(members)
    rows = points.knn.query(points.vectors[own], N_VOTERS + 1)[0]
    nearness = mean_cosines(vectors[own], vectors, np.where(rows == own[:, None], -1, rows))
    return [np.sort(part) for part in np.split(nearness, np.cumsum([len(part) for part in members])[:-1])]


def mean_cosines(of: Floats2d, vectors: Floats2d, rows: Ints2d) -> Floats1d:
    """Return the mean cosine of each vector to its nearest neighbours, shape (n,); 0 where there are none.

    The cosines are those of the vectors themselves, not of directions from the mean: seen from there, a text that is
    like no document in particular is at no greater distance than others.

    Parameters
    ----------
    of : ndarray of float32, shape (n, dim)
    vectors : ndarray of float32, shape (v, dim)
    rows : ndarray of int64, shape (n, k)
        The neighbours of each; -1 for none.
    """
    means = np.empty(len(of), np.float32)
    for start in range(0, len(of), _BLOCK_ROWS):
        block, near = queries.unit(of[start : start + _BLOCK_ROWS]), rows[start : start + _BLOCK_ROWS]
        neighbors = queries.unit(vectors[near.ravel()]).reshape(*near.shape, -1)
        cosines = np.matmul(neighbors, block[:, :, None])[:, :, 0]
        counts = near >= 0
        means[start : start + len(block)] = (cosines * counts).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    return means


def typicality(nearness: Floats1d, groups: Int32s1d, members: list[Floats1d]) -> Doubles1d:
    """Return the share of each text's group, the text among it, that is at most as near to its neighbours, shape (n,).

    This is the p-value of a conformal test that the text is like the documents of its group (Vovk, Gammerman & Shafer
    2005): of such texts, at most a share of 0.05 has a p-value of 0.05 or less. 0 for texts of no group (-1).
    """
    shares = np.zeros(len(groups))
    for group in np.unique(groups[groups >= 0]).tolist():
        rows = np.flatnonzero(groups == group)
        below = np.searchsorted(members[group], nearness[rows], side="right")
        shares[rows] = (below + 1) / (len(members[group]) + 1)
    return shares
