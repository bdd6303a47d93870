"""From the groups of some points to groups of all: k-NN votes, outliers, and numbers by size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from semspace.clusters.distinct_points import DistinctPoints
from semspace.clusters.knn import KnnSearch
from semspace.clusters.knn_vote import N_VOTERS, Votes, count_votes, joined
from semspace.progress import bar
from semspace.types import Floats2d, Int32s1d, Ints1d, Ints2d

_BLOCK_ROWS = 50_000  # points assigned at a time
_ROUNDING = 1e-6  # points: 0.29 of 100 is 28.999999999999996


def assign_all(vectors: Floats2d, points: DistinctPoints, labels: Int32s1d, rows: Ints1d) -> tuple[Int32s1d, Votes]:
    """Assign every distinct point of a space to a group, by the votes of the points that were grouped.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
        Those of the space.
    points : DistinctPoints
        The points that were grouped.
    labels : ndarray of int32
        Their groups; -1 for those that the method left out, which are assigned too.
    rows : ndarray of int64, shape (m,)
        The rows of all distinct points, those of `points` first.

    Returns
    -------
    labels : ndarray of int32, shape (m,)
    votes : Votes
        On the m points.
    """
    if len(points) == 1:
        ones = np.ones(1, np.float32)
        return labels, Votes(labels, np.full(1, -1, np.int32), ones, ones)
    n_clusters = int(labels.max()) + 1
    if n_clusters == 0:  # a method that leaves all points out
        labels, n_clusters = np.zeros(len(labels), np.int32), 1
    nearest, cosines = points.neighbors
    nearest, cosines = nearest[:, :N_VOTERS], cosines[:, :N_VOTERS]
    if (labels < 0).any():
        labels = _fill(labels, nearest, cosines, points, n_clusters)
    blocks = [count_votes(labels, labels, nearest, cosines, n_clusters)]
    with bar("assigning the other points", len(rows), unit="point", progress=points.progress) as shown:
        for start in range(len(points), len(rows), _BLOCK_ROWS):
            block = points.center(vectors[rows[start : start + _BLOCK_ROWS]])
            blocks.append(count_votes(labels, None, *points.knn.query(block, N_VOTERS), n_clusters))
            shown.update(len(block))
    votes = joined(blocks)
    return np.concatenate([labels, votes.first[len(labels) :]]), votes


def _fill(labels: Int32s1d, nearest: Ints2d, cosines: Floats2d, points: DistinctPoints, n_clusters: int) -> Int32s1d:
    """Return labels in which unlabelled points have the group of their neighbours, or of the nearest labelled one."""
    labels = labels.copy()
    unlabelled, labelled = np.flatnonzero(labels < 0), np.flatnonzero(labels >= 0)
    votes = count_votes(labels, None, nearest[unlabelled], cosines[unlabelled], n_clusters)
    nearest_labelled = KnnSearch(points.vectors[labelled], points.progress).query(points.vectors[unlabelled], 1)[0]
    fallback = labels[labelled][nearest_labelled[:, 0]]
    labels[unlabelled] = np.where(votes.first >= 0, votes.first, fallback)
    return labels


def without_outliers(labels: Int32s1d, votes: Votes, counts: Ints1d, share: float) -> Int32s1d:
    """Return labels in which the share of points that are least like their group have -1.

    No more than this share is left out. The last point of a group keeps its label, and so do points with more copies
    than may still be left out.
    """
    labels = labels.copy()
    members = np.bincount(labels, minlength=int(labels.max()) + 1)
    most, removed = int(share * counts.sum() + _ROUNDING), 0
    for point in np.argsort(votes.mean_cosine, kind="stable"):
        if removed == most:
            break
        if removed + counts[point] <= most and members[labels[point]] > 1:
            members[labels[point]] -= 1
            labels[point] = -1
            removed += counts[point]
    return labels


def numbered_by_size(labels: Int32s1d, votes: Votes, counts: Ints1d) -> tuple[Int32s1d, Votes]:
    """Return labels numbered from the largest group; groups of equal size by their first points."""
    n_clusters = int(labels.max()) + 1
    grouped = np.flatnonzero(labels >= 0)
    sizes = np.bincount(labels[grouped], counts[grouped], minlength=n_clusters)
    groups, first = np.unique(labels[grouped], return_index=True)
    order = groups[np.lexsort((first, -sizes[groups]))]
    rank = np.full(n_clusters + 1, -1, np.int32)  # the last is for -1
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[labels], replace(votes, first=rank[votes.first], second=rank[votes.second])
