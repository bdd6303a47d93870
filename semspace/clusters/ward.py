"""Ward's hierarchical clustering of the centres of many small k-means groups."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import ward

from semspace.clusters.distinct_points import DistinctPoints
from semspace.clusters.grouping import Grouping, Request, one_by_one
from semspace.clusters.hierarchy import group_centers, top_nodes
from semspace.clusters.kmeans import k_means, silhouette
from semspace.clusters.knn_graph import renumbered
from semspace.types import Doubles2d, Floats2d, Int32s1d, Ints1d

_MAX_SMALL_GROUPS = 500  # leaves of the hierarchy
_POINTS_PER_SMALL_GROUP = 4
FEW_POINTS = 100  # below this number, every point is a leaf


def ward_tree(points: DistinctPoints, request: Request) -> Grouping:
    """Group points by Ward's method (1963) on the centres of small groups.

    Without `n_clusters`, the usual number with the highest silhouette is chosen.
    """
    vectors, seed = points.vectors, request.seed
    counts = request.candidates(min(len(points), _MAX_SMALL_GROUPS))
    if len(counts) == 1:
        fits = [_fit(vectors, counts[0], seed)]
        best = 0
    else:
        small_groups, merges = _hierarchy(vectors, seed)
        fits = [_cut(small_groups, merges, count) for count in counts]
        best = int(np.argmax([silhouette(vectors, labels, seed) for labels in fits]))
    n_clusters = counts[best]

    def regroup(rows: Ints1d, seed: int) -> Int32s1d:
        return _fit(vectors[rows], min(n_clusters, len(rows)), seed)

    return Grouping(fits[best], one_by_one(regroup), {"k": n_clusters})


def _fit(vectors: Floats2d, n_clusters: int, seed: int) -> Int32s1d:
    small_groups, merges = _hierarchy(vectors, seed, at_least=n_clusters)
    return _cut(small_groups, merges, n_clusters)


def _hierarchy(vectors: Floats2d, seed: int, at_least: int = 1) -> tuple[Int32s1d, Doubles2d]:
    """Return the small group of each vector, and the merges of the small groups."""
    n = len(vectors)
    count = max(at_least, min(_MAX_SMALL_GROUPS, n if n < FEW_POINTS else n // _POINTS_PER_SMALL_GROUP))
    if count >= n:
        small_groups = np.arange(n, dtype=np.int32)
        return small_groups, ward(vectors.astype(np.float64)) if n > 1 else np.empty((0, 4))
    small_groups = k_means(vectors, count, seed, 1)
    centers = group_centers(vectors, small_groups, int(small_groups.max()) + 1)
    return small_groups, ward(centers.astype(np.float64))


def _cut(small_groups: Int32s1d, merges: Doubles2d, n_clusters: int) -> Int32s1d:
    if not len(merges):
        return small_groups
    return renumbered(top_nodes(merges, min(n_clusters, len(merges) + 1))[small_groups])
