"""The hierarchy of groups: average linkage of their centres, cut into any number of groups."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.sparse import csr_array
from scipy.spatial.distance import pdist

from semspace.types import Doubles2d, Floats2d, Int32s1d, Ints1d

_BLOCK_ROWS = 2_000  # vectors added up at a time, few enough for the processor's cache


def group_centers(vectors: Floats2d, labels: Int32s1d, n_clusters: int) -> Floats2d:
    """Return the mean direction of each group, shape (n_clusters, dim); points labelled -1 don't count.

    The vectors may be of any length.
    """
    sums = np.zeros((n_clusters, vectors.shape[1]))
    for start in range(0, len(labels), _BLOCK_ROWS):
        rows = np.flatnonzero(labels[start : start + _BLOCK_ROWS] >= 0)
        block = vectors[start + rows].astype(np.float64)
        block /= np.maximum(np.sqrt((block**2).sum(axis=1, keepdims=True)), 1e-12)
        groups = labels[start + rows]
        members = csr_array((np.ones(len(rows)), (groups, np.arange(len(rows)))), shape=(n_clusters, len(rows)))
        sums += members @ block
    norms = np.sqrt((sums**2).sum(axis=1, keepdims=True))
    centers: Floats2d = (sums / np.maximum(norms, 1e-12)).astype(np.float32)
    return centers


def average_linkage(centers: Floats2d) -> Doubles2d:
    """Return the merges of groups by average linkage on cosine distances: SciPy's linkage matrix, shape (k - 1, 4)."""
    if len(centers) < 2:
        return np.empty((0, 4))
    distances = np.maximum(pdist(centers.astype(np.float64), "cosine"), 0)
    merges: Doubles2d = linkage(np.nan_to_num(distances, nan=1.0), "average")
    return merges


def cut_linkage(merges: Doubles2d, n_clusters: int) -> Ints1d:
    """Return the part of each leaf when the hierarchy is cut into `n_clusters` parts, numbered by first appearance."""
    if not len(merges):
        return np.zeros(1, np.int64)
    _, first, inverse = np.unique(top_nodes(merges, n_clusters), return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    parts: Ints1d = rank[inverse].astype(np.int64)
    return parts


def top_nodes(merges: Doubles2d, n_clusters: int) -> Ints1d:
    """Return the node above each leaf after all but the last ``n_clusters - 1`` merges.

    There are exactly `n_clusters` such nodes, even where merges have equal heights: SciPy's `fcluster` then returns
    fewer, and its `cut_tree` other parts.
    """
    leaves = len(merges) + 1
    above = np.arange(2 * leaves - 1)
    for step, (left, right) in enumerate(merges[: leaves - n_clusters, :2].astype(np.int64).tolist()):
        above[[left, right]] = leaves + step
    for node in range(len(above) - 1, -1, -1):
        above[node] = above[above[node]]  # the node above has been resolved already
    top: Ints1d = above[:leaves]
    return top


def merge_to(vectors: Floats2d, labels: Int32s1d, n_clusters: int) -> Int32s1d:
    """Merge the nearest groups until `n_clusters` are left."""
    count = int(labels.max()) + 1
    if count <= n_clusters:
        return labels
    merges = average_linkage(group_centers(vectors, labels, count))
    merged: Int32s1d = cut_linkage(merges, n_clusters)[labels].astype(np.int32)
    return merged
