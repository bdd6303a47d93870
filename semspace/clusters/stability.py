"""How well each group holds: found again in samples of the points, by Jaccard (Hennig 2007)."""

import numpy as np
import numpy.typing as npt

from semspace.checks import FloatMatrix
from semspace.clusters.kmeans import Grouping, group
from semspace.progress import track

_SHARE = 0.8


def stability(
    points: FloatMatrix, found: Grouping, *, rounds: int, seed: int, progress: bool
) -> npt.NDArray[np.float64]:
    """Return for each group the mean best Jaccard overlap with the groups of samples, shape (k,), in [0, 1].

    NaN where there are too few points to leave some out. Each round groups four fifths of them afresh. After Hennig
    (2007), "Cluster-wise assessment of cluster stability": above 0.75 a group holds, under 0.5 it is an accident of
    the sample.
    """
    k = len(found.centers)
    if k == 1:
        return np.ones(1)
    draw = np.random.default_rng(seed)
    size = int(len(points) * _SHARE)
    overlaps = np.full((rounds, k), np.nan)
    if size <= k:  # too few points to leave any out
        unknown: npt.NDArray[np.float64] = overlaps[0]
        return unknown
    for turn in track(range(rounds), "checking that groups hold", rounds, unit="round", progress=progress):
        rows = np.sort(draw.choice(len(points), size, replace=False))
        again = group(points[rows], k, seed=seed + turn + 1, starts=3)
        there = np.unique(found.labels[rows])  # a small group may be missing from a sample
        overlaps[turn, there] = _best_jaccard(found.labels[rows], again.labels, k)[there]
    with np.errstate(invalid="ignore"):
        mean: npt.NDArray[np.float64] = np.nansum(overlaps, axis=0) / (~np.isnan(overlaps)).sum(axis=0)
    return mean


def _best_jaccard(labels: npt.NDArray[np.int32], again: npt.NDArray[np.int32], k: int) -> npt.NDArray[np.float64]:
    both = np.zeros((k, k))
    np.add.at(both, (labels, again), 1)
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    best: npt.NDArray[np.float64] = (both / np.maximum(union, 1)).max(axis=1)
    return best
