"""How well each group holds: found again in samples of the points, by Jaccard (Hennig 2007)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from semspace.clusters.distinct_points import Labels
from semspace.clusters.grouping import Found
from semspace.progress import track

_SHARE = 0.8
HOLDS = 0.5


def stability(
    found: Found, labels: Labels, k: int, *, rounds: int, seed: int, progress: bool
) -> npt.NDArray[np.float64]:
    """Return for each group the mean best Jaccard overlap with the groups of samples, shape (k,), in [0, 1].

    NaN where there are too few points to leave some out. Each round groups four fifths of the points afresh. After
    Hennig (2007), "Cluster-wise assessment of cluster stability": above 0.75 a group holds, under 0.5 it is an accident
    of the sample. Points of no group (-1) don't count.
    """
    if k == 1:
        return np.ones(1)
    draw = np.random.default_rng(seed)
    size = int(len(labels) * _SHARE)
    overlaps = np.full((rounds, k), np.nan)
    if size <= k:  # too few points to leave any out
        unknown: npt.NDArray[np.float64] = overlaps[0]
        return unknown
    for turn in track(range(rounds), "checking that groups hold", rounds, unit="round", progress=progress):
        rows = np.sort(draw.choice(len(labels), size, replace=False))
        again = found.again(rows, seed + turn + 1)
        counted = labels[rows] >= 0
        if not counted.any():  # nearly all points have been left out, and the few with a group aren't in this sample
            continue
        there = np.unique(labels[rows][counted])  # a small group may be missing from a sample
        overlaps[turn, there] = best_jaccard(labels[rows][counted], again[counted], k)[there]
    with np.errstate(invalid="ignore"):
        mean: npt.NDArray[np.float64] = np.nansum(overlaps, axis=0) / (~np.isnan(overlaps)).sum(axis=0)
    return mean


def best_jaccard(labels: Labels, again: Labels, k: int) -> npt.NDArray[np.float64]:
    """Return the overlap of each of `k` groups with the group of the other grouping that overlaps it most."""
    _, others = np.unique(again, return_inverse=True)
    both = np.zeros((k, int(others.max()) + 1))
    np.add.at(both, (labels, others.ravel()), 1)
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    best: npt.NDArray[np.float64] = (both / np.maximum(union, 1)).max(axis=1)
    return best
