"""HDBSCAN: groups are where points lie dense; those in between belong to none."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import HDBSCAN
from sklearn.decomposition import PCA

from semspace.clusters.distinct_points import Labels, Points
from semspace.clusters.grouping import Found, Want
from semspace.clusters.knn import Rows
from semspace.errors import InputError
from semspace.types import Floats2d

_AXES = 5  # in more dimensions nothing is dense; on BBC News 5 find its five groups, and 15 a sixth
_SAMPLES = 5


def hdbscan(points: Points, want: Want, *, min_cluster_size: int | None = None, min_samples: int = _SAMPLES) -> Found:
    """Group points by HDBSCAN (Campello, Moulavi & Sander 2013) on their principal axes."""
    if want.k is not None:
        raise InputError("hdbscan finds the number of groups itself; leave out n_clusters, or choose method='kmeans'")
    size = max(5, round(len(points) / want.usual.middle / 8)) if min_cluster_size is None else min_cluster_size

    def fit(vectors: Floats2d, seed: int, size: int) -> Labels:
        if len(vectors) <= size or not np.ptp(vectors, axis=0).any():
            return np.zeros(len(vectors), np.int32)
        axes = min(_AXES, *vectors.shape)
        low = PCA(axes, random_state=seed).fit_transform(vectors)
        found: Labels = HDBSCAN(max(2, size), min(min_samples, len(low)), copy=False).fit(low).labels_.astype(np.int32)
        return found

    def again(rows: Rows, seed: int) -> Labels:
        return fit(points.vectors[rows], seed, max(2, size * len(rows) // len(points)))

    return Found(fit(points.vectors, want.seed, size), again, {"min_cluster_size": size})
