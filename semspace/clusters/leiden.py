"""Leiden on the network of neighbours, at the resolution whose groups are found again in samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import adjusted_rand_score

from semspace.clusters.distinct_points import Labels, Points
from semspace.clusters.grouping import Found, Want
from semspace.clusters.hierarchy import merged_to
from semspace.clusters.knn import Rows
from semspace.clusters.knn_graph import Network
from semspace.errors import InputError
from semspace.progress import bar, track

_STEP = 1.3  # between resolutions tried
_SAMPLES = 4
_FEW = 5_000  # points; of fewer, samples are quick, and differ more
_SHARE = 0.6
_STARTS = 2
_USUAL_TRIES = 8  # of resolutions, for the bar
_ROUNDS = 6
_FINEST = 200.0


@dataclass(frozen=True)
class _Level:
    resolution: float
    labels: Labels

    @property
    def k(self) -> int:
        return int(self.labels.max()) + 1


def leiden(points: Points, want: Want, *, resolution: float | None = None) -> Found:
    """Group points by Leiden; see `Network.communities`.

    Without a `resolution`, those that give a usual number of groups are tried, and the one whose groups
    agree best with the groups of samples is taken (adjusted Rand index; after Ben-Hur, Elisseeff & Guyon 2002, "A
    stability based method for discovering structure in clustered data").
    """
    network = Network.of(*points.neighbours)
    if want.k is not None:
        level = _at_least(network, want.k, want.seed)
        resolution = level.resolution
        labels = merged_to(points.vectors, _best(network, level, want), want.k)
    else:
        resolution = resolution or _chosen(network, want)
        labels = _best(network, _at(network, resolution, want.seed), want)

    def again(rows: Rows, seed: int) -> Labels:
        found = network.part(rows).communities(resolution, seed=seed)
        return found if want.k is None else merged_to(points.vectors[rows], found, want.k)

    return Found(labels, again, {"resolution": round(resolution, 6)})


def _best(network: Network, level: _Level, want: Want) -> Labels:
    """Run to the end from several starts; give the grouping of highest modularity, of those with `k` groups or more."""
    starts = track(range(_STARTS), "finding groups", _STARTS, unit="start", progress=want.progress)
    runs = [network.communities(level.resolution, seed=want.seed + start, rounds=_ROUNDS) for start in starts]
    enough = [labels for labels in runs if int(labels.max()) + 1 >= (want.k or 1)] or [level.labels]
    return max(enough, key=lambda labels: network.quality(labels, level.resolution))


def _chosen(network: Network, want: Want) -> float:
    """Give the usual resolution whose groups agree best with those of samples."""
    levels = _levels(network, want)
    if len(levels) == 1:
        return levels[0].resolution
    draw = np.random.default_rng(want.seed)
    size = max(2, int(len(network) * _SHARE))
    count = _SAMPLES if len(network) > _FEW else 3 * _SAMPLES
    samples = [np.sort(draw.choice(len(network), size, replace=False)) for _ in range(count)]
    parts = [network.part(rows) for rows in samples]
    agreement = np.zeros((len(levels), count))
    with bar("choosing the granularity", len(levels), unit="try", progress=want.progress) as shown:
        for at, level in enumerate(levels):
            for number, (rows, part) in enumerate(zip(samples, parts, strict=True)):
                found = part.communities(level.resolution, seed=want.seed + number + 1)
                agreement[at, number] = adjusted_rand_score(level.labels[rows], found)
            shown.update(1)
    means = agreement.mean(axis=1)
    # What is within a standard error of the best is as good (Breiman et al. 1984): the usual number goes first.
    tie = agreement[means.argmax()].std() / count**0.5
    good = [level for level, score in zip(levels, means, strict=True) if score >= means.max() - tie]
    return min(good, key=lambda level: want.usual.off(level.k)).resolution


def _levels(network: Network, want: Want) -> list[_Level]:
    """Give the levels with a usual number of groups, or the one that comes nearest."""
    tried = [_at(network, 1.0, want.seed)]
    with bar("looking for resolutions", _USUAL_TRIES, unit="try", progress=want.progress) as shown:
        while tried[-1].k < want.usual.high and tried[-1].resolution < _FINEST:
            tried.append(_at(network, tried[-1].resolution * _STEP, want.seed))
            shown.update()
        while tried[0].k > want.usual.low and tried[0].resolution > 1 / _FINEST:
            tried.insert(0, _at(network, tried[0].resolution / _STEP, want.seed))
            shown.update()
    good = [level for level in tried if level.k in want.usual]
    return good or [min(tried, key=lambda level: want.usual.off(level.k))]


def _at_least(network: Network, k: int, seed: int) -> _Level:
    """Give the coarsest level tried that has `k` groups or more."""
    for resolution in _finer():
        level = _at(network, resolution, seed)
        if level.k >= k:
            return level
    raise InputError(
        f"Leiden finds no {k} groups here, at most {level.k}; choose a smaller n_clusters, or method='kmeans'"
    )


def _finer() -> Iterator[float]:
    resolution = 0.05
    while resolution < 20 * _FINEST:
        yield resolution
        resolution *= _STEP


def _at(network: Network, resolution: float, seed: int) -> _Level:
    return _Level(resolution, network.communities(resolution, seed=seed))
