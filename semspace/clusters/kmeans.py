"""Spherical k-means: k-means of unit vectors."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score

from semspace.clusters.distinct_points import DistinctPoints
from semspace.clusters.grouping import Grouping, Request, one_by_one
from semspace.clusters.knn_graph import renumbered
from semspace.progress import track
from semspace.threads import limited
from semspace.types import Floats2d, Int32s1d, Ints1d

N_INIT = 5  # initialisations; the best of their results is kept
_N_INIT_OF_CANDIDATES, _N_INIT_OF_SAMPLES = 2, 3
# Products in an iteration, below which one thread is as fast as two, that wait for each other several times in each:
# on a machine that is busy with other things, for up to a hundred times as long as they compute.
_FEW_PRODUCTS = 50_000_000
_SILHOUETTE_POINTS = 2_000  # a silhouette compares every pair


def kmeans(points: DistinctPoints, request: Request, *, n_init: int = N_INIT) -> Grouping:
    """Group points by k-means; without `n_clusters`, the usual number with the highest silhouette is chosen."""
    vectors, seed = points.vectors, request.seed
    counts = request.candidates(len(points))
    scores = [-1.0]
    if len(counts) > 1:
        tried = track(counts, "choosing the number of groups", len(counts), unit="try", progress=request.progress)
        scores = [silhouette(vectors, k_means(vectors, k, seed, _N_INIT_OF_CANDIDATES), seed) for k in tried]
    n_clusters = counts[int(np.argmax(scores))]

    def regroup(rows: Ints1d, seed: int) -> Int32s1d:
        return k_means(vectors[rows], min(n_clusters, len(rows)), seed, _N_INIT_OF_SAMPLES)

    labels = k_means(vectors, n_clusters, seed, n_init, progress=request.progress)
    return Grouping(labels, one_by_one(regroup), {"k": n_clusters})


def k_means(vectors: Floats2d, n_clusters: int, seed: int, n_init: int, *, progress: bool = False) -> Int32s1d:
    """Return k-means labels of unit vectors, numbered by first appearance; fewer groups where fewer vectors differ.

    The same as scikit-learn's ``KMeans(n_clusters, n_init=n_init, random_state=seed)``, with a progress bar over the
    initialisations.
    """
    random_state = np.random.RandomState(seed)  # what KMeans makes of a seed, and draws all initialisations from
    best: Int32s1d | None = None
    best_inertia = np.inf
    with limited(1 if vectors.size * n_clusters < _FEW_PRODUCTS else None):
        for _ in track(range(n_init), "k-means", n_init, unit="start", progress=progress):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # `cluster` reports fewer groups than asked for
                fit = KMeans(n_clusters, n_init=1, random_state=random_state).fit(vectors)
            labels = renumbered(fit.labels_)
            if best is None or (fit.inertia_ < best_inertia and not np.array_equal(labels, best)):
                best, best_inertia = labels, fit.inertia_
    assert best is not None
    return best


def silhouette(vectors: Floats2d, labels: Int32s1d, seed: int) -> float:
    """Return the mean silhouette (Rousseeuw 1987) by cosine of a sample, or -1 where it isn't defined."""
    rows = np.random.default_rng(seed).permutation(len(vectors))[:_SILHOUETTE_POINTS]
    if not 1 < len(np.unique(labels[rows])) < len(rows):
        return -1.0
    return float(silhouette_score(vectors[rows], labels[rows], metric="cosine"))
