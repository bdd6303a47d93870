"""The stability of groups under resampling, by Jaccard overlap (Hennig 2007)."""

from __future__ import annotations

import numpy as np

from semspace.clusters.grouping import Grouping
from semspace.progress import track
from semspace.types import Doubles1d, Int32s1d

HOLDS = 0.5  # stability below which a group is unreliable, an accident of the sample
STABLE = 0.75  # stability from which a group is stable; between both it is uncertain
MIN_POINTS, MIN_MEMBERS = 30, 10  # in all, and in a group: of fewer, a sample leaves out too few to change the groups
_SAMPLE_SHARE = 0.8  # of the points in a sample


def stability(
    grouping: Grouping, labels: Int32s1d, n_clusters: int, *, rounds: int, seed: int, progress: bool
) -> Doubles1d:
    """Return the stability of each group, shape (n_clusters,), in [0, 1]: its mean Jaccard overlap in samples.

    In each round, four fifths of the points are grouped again, and each group is compared with the new group that
    overlaps it most. After Hennig (2007), "Cluster-wise assessment of cluster stability", a group is stable from 0.75,
    uncertain from 0.5, and below that unreliable, an accident of the sample. Outliers (-1) don't count.

    NaN where it can't be known: for a single group, which every sample finds again; for all groups of fewer than 30
    points together; and for a group of fewer than 10, of which a sample leaves out one or two.
    """
    rng = np.random.default_rng(seed)
    size = int(len(labels) * _SAMPLE_SHARE)
    overlaps = np.full((rounds, n_clusters), np.nan)
    sizes = np.bincount(labels[labels >= 0], minlength=n_clusters)
    measured = sizes >= MIN_MEMBERS
    if n_clusters == 1 or len(labels) < MIN_POINTS or size <= n_clusters or not measured.any():
        undefined: Doubles1d = overlaps[0]
        return undefined
    samples = [np.sort(rng.choice(len(labels), size, replace=False)) for _ in range(rounds)]
    found = track(
        grouping.regroup(samples, seed + 1), "checking the stability", rounds, unit="round", progress=progress
    )
    for turn, (rows, regrouped) in enumerate(zip(samples, found, strict=True)):
        grouped = labels[rows] >= 0
        if not grouped.any():  # nearly all points are outliers, and none of the others is in this sample
            continue
        present = np.unique(labels[rows][grouped])  # a small group may be missing from a sample
        overlaps[turn, present] = best_jaccard(labels[rows][grouped], regrouped[grouped], n_clusters)[present]
    with np.errstate(invalid="ignore"):
        mean = np.nansum(overlaps, axis=0) / (~np.isnan(overlaps)).sum(axis=0)
    known: Doubles1d = np.where(measured, mean, np.nan)
    return known


def best_jaccard(labels: Int32s1d, other_labels: Int32s1d, n_clusters: int) -> Doubles1d:
    """Return the Jaccard overlap of each of `n_clusters` groups with the most similar group of another grouping."""
    _, others = np.unique(other_labels, return_inverse=True)
    both = np.zeros((n_clusters, int(others.max()) + 1))
    np.add.at(both, (labels, others.ravel()), 1)
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    best: Doubles1d = (both / np.maximum(union, 1)).max(axis=1)
    return best


def stability_level(value: float) -> str:
    """Return what a stability means in a word: stable, uncertain or unreliable; not measured where it is NaN."""
    if np.isnan(value):
        return "not measured"
    return "stable" if value >= STABLE else "uncertain" if value >= HOLDS else "unreliable"


def in_words(values: Doubles1d) -> str:
    """Return how many groups are stable, uncertain and unreliable, as one sentence.

    Examples
    --------
    >>> in_words(np.array([0.9, 0.8, 0.6, np.nan]))
    'Of 4 groups, 2 are stable, 1 is uncertain and 1 is not measured.'
    """
    levels = [stability_level(value) for value in values]
    total = f"{len(levels):,} groups"
    if len(levels) == 1 and levels[0] == "not measured":
        return "The stability of a single group can't be measured."
    if set(levels) == {"not measured"}:
        return "Whether the groups are stable wasn't measured."
    counts = {name: levels.count(name) for name in ("stable", "uncertain", "unreliable", "not measured")}
    parts = [(name, count) for name, count in counts.items() if count]
    if len(parts) == 1:
        return f"All {total} are {parts[0][0]}." if len(levels) > 1 else f"The one group is {parts[0][0]}."
    said = [f"{count:,} {'is' if count == 1 else 'are'} {name}" for name, count in parts]
    return f"Of {total}, {', '.join(said[:-1])} and {said[-1]}."
