"""Spherical k-means: groups by direction."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score

from semspace.clusters.distinct_points import Labels, Points
from semspace.clusters.grouping import Found, Want
from semspace.clusters.knn import Rows
from semspace.clusters.knn_graph import numbered
from semspace.progress import track
from semspace.types import Floats2d

_STARTS = 5
_JUDGED = 2_000  # points on which the silhouette is taken: it compares every pair


def kmeans(points: Points, want: Want, *, n_init: int = _STARTS) -> Found:
    """Group points by k-means; without `k`, into the usual number whose silhouette is highest."""
    tries = want.numbers(len(points))
    scores = [-1.0]
    if len(tries) > 1:
        shown = track(tries, "choosing the number of groups", len(tries), unit="try", progress=want.progress)
        scores = [silhouette(points.vectors, k_means(points.vectors, k, want.seed, 2), want.seed) for k in shown]
    k = tries[int(np.argmax(scores))]

    def again(rows: Rows, seed: int) -> Labels:
        return k_means(points.vectors[rows], min(k, len(rows)), seed, 3)

    return Found(k_means(points.vectors, k, want.seed, n_init), again, {"k": k})


def k_means(vectors: Floats2d, k: int, seed: int, n_init: int) -> Labels:
    """Put unit vectors into `k` groups, or fewer where fewer differ."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of fewer points than groups `cluster` tells
        return numbered(KMeans(k, n_init=n_init, random_state=seed).fit(vectors).labels_)


def silhouette(vectors: Floats2d, labels: Labels, seed: int) -> float:
    """Return the mean silhouette (Rousseeuw 1987) by cosine of a sample, or -1 where there is nothing to judge."""
    rows = np.random.default_rng(seed).permutation(len(vectors))[:_JUDGED]
    if not 1 < len(np.unique(labels[rows])) < len(rows):
        return -1.0
    return float(silhouette_score(vectors[rows], labels[rows], metric="cosine"))
