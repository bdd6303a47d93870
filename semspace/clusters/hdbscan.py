"""HDBSCAN: groups are dense regions; points between them are left out."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import HDBSCAN
from sklearn.decomposition import PCA

from semspace.clusters.distinct_points import DistinctPoints
from semspace.clusters.grouping import Grouping, Request, one_by_one
from semspace.errors import InputError
from semspace.types import Floats2d, Int32s1d, Ints1d

_AXES = 5  # principal axes; with more, no region is dense: on BBC News 5 axes find its five groups, 15 a sixth one
_MIN_SAMPLES = 5  # points, counting itself, within the core distance of a point
_MIN_CLUSTER_SIZE = 5  # points, in a small corpus


def hdbscan(
    points: DistinctPoints,
    request: Request,
    *,
    min_cluster_size: int | None = None,
    min_samples: int = _MIN_SAMPLES,
) -> Grouping:
    """Group points by HDBSCAN (Campello, Moulavi & Sander 2013) on their principal axes."""
    if request.n_clusters is not None:
        raise InputError("hdbscan finds the number of groups itself; leave out n_clusters, or choose method='kmeans'")
    size = min_cluster_size
    if size is None:
        size = max(_MIN_CLUSTER_SIZE, round(len(points) / request.prior.typical / 8))

    def fit(vectors: Floats2d, seed: int, size: int) -> Int32s1d:
        if len(vectors) <= size or not np.ptp(vectors, axis=0).any():
            return np.zeros(len(vectors), np.int32)
        axes = min(_AXES, *vectors.shape)
        low = PCA(axes, random_state=seed).fit_transform(vectors)
        labels: Int32s1d = (
            HDBSCAN(max(2, size), min(min_samples, len(low)), copy=False).fit(low).labels_.astype(np.int32)
        )
        return labels

    def regroup(rows: Ints1d, seed: int) -> Int32s1d:
        return fit(points.vectors[rows], seed, max(2, size * len(rows) // len(points)))

    return Grouping(fit(points.vectors, request.seed, size), one_by_one(regroup), {"min_cluster_size": size})
