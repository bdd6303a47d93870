"""Ward's tree over small groups: k-means makes many, Ward joins them."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import ward

from semspace.clusters.distinct_points import Labels, Points
from semspace.clusters.grouping import Found, Want
from semspace.clusters.hierarchy import Tree, centers_of, parts_of
from semspace.clusters.kmeans import k_means, silhouette
from semspace.clusters.knn import Rows
from semspace.clusters.knn_graph import numbered
from semspace.types import Floats2d

_SMALL = 500  # groups that Ward joins at most; of points, k-means makes a quarter as many


def ward_tree(points: Points, want: Want) -> Found:
    """Group points by Ward (1963) on the centres of small groups.

    Without `k`, the usual number whose silhouette is highest is taken.
    """
    tries = want.numbers(min(len(points), _SMALL))
    fits = [_fit(points.vectors, k, want.seed) for k in tries] if len(tries) == 1 else _fits(points, tries, want.seed)
    scores = [silhouette(points.vectors, labels, want.seed) for labels in fits] if len(tries) > 1 else [0.0]
    k = tries[int(np.argmax(scores))]

    def again(rows: Rows, seed: int) -> Labels:
        return _fit(points.vectors[rows], min(k, len(rows)), seed)

    return Found(fits[int(np.argmax(scores))], again, {"k": k})


def _fits(points: Points, tries: list[int], seed: int) -> list[Labels]:
    small, tree = _tree(points.vectors, seed)
    return [_cut(small, tree, k) for k in tries]


def _fit(vectors: Floats2d, k: int, seed: int) -> Labels:
    small, tree = _tree(vectors, seed, at_least=k)
    return _cut(small, tree, k)


def _tree(vectors: Floats2d, seed: int, at_least: int = 1) -> tuple[Labels, Tree]:
    count = max(at_least, min(_SMALL, len(vectors) if len(vectors) < 100 else len(vectors) // 4))
    if count >= len(vectors):
        small = np.arange(len(vectors), dtype=np.int32)
        return small, ward(vectors.astype(np.float64)) if len(vectors) > 1 else np.empty((0, 4))
    small = k_means(vectors, count, seed, 1)
    return small, ward(centers_of(vectors, small, int(small.max()) + 1).astype(np.float64))


def _cut(small: Labels, tree: Tree, k: int) -> Labels:
    if not len(tree):
        return small
    return numbered(parts_of(tree, min(k, len(tree) + 1))[small])
