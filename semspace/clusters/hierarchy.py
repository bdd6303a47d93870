"""Which groups are near each other: the tree in which they merge, two at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import linkage
from scipy.sparse import csr_array
from scipy.spatial.distance import pdist

from semspace.clusters.distinct_points import Labels
from semspace.types import Floats2d

_PART = 50_000  # vectors at a time
Tree = npt.NDArray[np.float64]


def centers_of(vectors: Floats2d, labels: Labels, k: int) -> Floats2d:
    """Return the mean direction of each group, shape (k, dim). Vectors are of any length; a label of -1 is of none."""
    sums = np.zeros((k, vectors.shape[1]))
    for start in range(0, len(labels), _PART):
        own = np.flatnonzero(labels[start : start + _PART] >= 0)
        part = vectors[start + own].astype(np.float64)
        part /= np.maximum(np.sqrt((part**2).sum(axis=1, keepdims=True)), 1e-12)
        groups = labels[start + own]
        sums += csr_array((np.ones(len(own)), (groups, np.arange(len(own)))), shape=(k, len(own))) @ part
    sizes = np.sqrt((sums**2).sum(axis=1, keepdims=True))
    centers: Floats2d = (sums / np.maximum(sizes, 1e-12)).astype(np.float32)
    return centers


def tree_of(centers: Floats2d) -> Tree:
    """Return the merges of groups as SciPy writes them, shape (k - 1, 4): average linkage on cosine distances."""
    if len(centers) < 2:
        return np.empty((0, 4))
    apart = np.maximum(pdist(centers.astype(np.float64), "cosine"), 0)
    merges: Tree = linkage(np.nan_to_num(apart, nan=1.0), "average")
    return merges


def cut(tree: Tree, k: int) -> npt.NDArray[np.int64]:
    """Return which of `k` layers' groups each group falls in, numbered from 0 by first appearance."""
    if not len(tree):
        return np.zeros(1, np.int64)
    _, first, place = np.unique(parts_of(tree, k), return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    given: npt.NDArray[np.int64] = rank[place].astype(np.int64)
    return given


def parts_of(tree: Tree, k: int) -> npt.NDArray[np.int64]:
    """Return the part of each leaf after all but the last `k` - 1 merges: exactly `k`, at equal heights too."""
    leaves = len(tree) + 1
    above = np.arange(2 * leaves - 1)
    for step, (one, other) in enumerate(tree[: leaves - k, :2].astype(np.int64).tolist()):
        above[[one, other]] = leaves + step
    for node in range(len(above) - 1, -1, -1):
        above[node] = above[above[node]]  # what lies above has found its top already
    top: npt.NDArray[np.int64] = above[:leaves]
    return top


def merged_to(vectors: Floats2d, labels: Labels, k: int) -> Labels:
    """Merge the nearest groups until there are `k`."""
    have = int(labels.max()) + 1
    if have <= k:
        return labels
    joined: Labels = cut(tree_of(centers_of(vectors, labels, have)), k)[labels].astype(np.int32)
    return joined
