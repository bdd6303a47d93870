"""Leiden communities of the k-NN graph, at the resolution whose groups are most stable under resampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import adjusted_rand_score

from semspace.clusters.distinct_points import DistinctPoints
from semspace.clusters.grouping import Grouping, Request
from semspace.clusters.hierarchy import merge_to
from semspace.clusters.knn_graph import KnnGraph
from semspace.errors import InputError
from semspace.progress import bar, track
from semspace.types import Int32s1d, Ints1d

_STEP = 1.3  # ratio of consecutive resolutions that are tried
_MAX_RESOLUTION = 200.0
_MIN_RESOLUTION_OF_MANY_GROUPS = 0.05  # where a search for a given number of groups begins
_TYPICAL_TRIES = 8  # resolutions, for the progress bar
_SAMPLES, _SAMPLES_OF_FEW = 4, 12  # subsamples that a resolution is tested on; small ones are quick, and vary more
_FEW_POINTS = 5_000
_SAMPLE_SHARE = 0.6  # of the points in a subsample
_FINAL_STARTS, _FINAL_ROUNDS = 2, 6  # runs from different seeds, and iterations of each


@dataclass(frozen=True)
class _Level:
    """The groups at a resolution."""

    resolution: float
    labels: Int32s1d

    @property
    def n_clusters(self) -> int:
        return int(self.labels.max()) + 1


def leiden(points: DistinctPoints, request: Request, *, resolution: float | None = None) -> Grouping:
    """Group points by the Leiden algorithm; see `KnnGraph.communities`.

    Without `resolution` and `n_clusters`, the resolutions with a usual number of groups are tried on subsamples, and
    the one whose groups agree best with those of all points is chosen (adjusted Rand index; after Ben-Hur, Elisseeff &
    Guyon 2002, "A stability based method for discovering structure in clustered data").
    """
    graph = KnnGraph.from_neighbors(*points.neighbors)
    n_clusters = request.n_clusters
    if n_clusters is not None:
        level = _coarsest_with(graph, n_clusters, request.seed)
        labels = merge_to(points.vectors, _best_run(graph, level, request), n_clusters)
    else:
        level = _level(graph, resolution or _most_stable(graph, request), request.seed)
        labels = _best_run(graph, level, request)

    def regroup(rows: Ints1d, seed: int) -> Int32s1d:
        communities = graph.subgraph(rows).communities(level.resolution, seed=seed)
        return communities if n_clusters is None else merge_to(points.vectors[rows], communities, n_clusters)

    return Grouping(labels, regroup, {"resolution": round(level.resolution, 6)})


def _best_run(graph: KnnGraph, level: _Level, request: Request) -> Int32s1d:
    """Run Leiden to the end from two seeds, and return the labels of higher modularity with enough groups."""
    starts = track(range(_FINAL_STARTS), "finding groups", _FINAL_STARTS, unit="start", progress=request.progress)
    runs = [graph.communities(level.resolution, seed=request.seed + start, rounds=_FINAL_ROUNDS) for start in starts]
    enough = [labels for labels in runs if int(labels.max()) + 1 >= (request.n_clusters or 1)] or [level.labels]
    return max(enough, key=lambda labels: graph.modularity(labels, level.resolution))


def _most_stable(graph: KnnGraph, request: Request) -> float:
    """Return the usual resolution whose groups agree best with those of subsamples."""
    levels = _usual_levels(graph, request)
    if len(levels) == 1:
        return levels[0].resolution
    rng = np.random.default_rng(request.seed)
    size = max(2, int(len(graph) * _SAMPLE_SHARE))
    count = _SAMPLES if len(graph) > _FEW_POINTS else _SAMPLES_OF_FEW
    samples = [np.sort(rng.choice(len(graph), size, replace=False)) for _ in range(count)]
    subgraphs = [graph.subgraph(rows) for rows in samples]
    agreement = np.zeros((len(levels), count))
    with bar("choosing the granularity", len(levels), unit="try", progress=request.progress) as shown:
        for i, level in enumerate(levels):
            for j, (rows, subgraph) in enumerate(zip(samples, subgraphs, strict=True)):
                communities = subgraph.communities(level.resolution, seed=request.seed + j + 1)
                agreement[i, j] = adjusted_rand_score(level.labels[rows], communities)
            shown.update(1)
    means = agreement.mean(axis=1)
    # Within a standard error of the best (Breiman et al. 1984), the most typical number of groups is preferred.
    error = agreement[means.argmax()].std() / count**0.5
    good = [level for level, mean in zip(levels, means, strict=True) if mean >= means.max() - error]
    return min(good, key=lambda level: request.prior.distance(level.n_clusters)).resolution


def _usual_levels(graph: KnnGraph, request: Request) -> list[_Level]:
    """Return the levels with a usual number of groups, or else the nearest one."""
    prior, seed = request.prior, request.seed
    levels = [_level(graph, 1.0, seed)]
    with bar("looking for resolutions", _TYPICAL_TRIES, unit="try", progress=request.progress) as shown:
        while levels[-1].n_clusters < prior.high and levels[-1].resolution < _MAX_RESOLUTION:
            levels.append(_level(graph, levels[-1].resolution * _STEP, seed))
            shown.update()
        while levels[0].n_clusters > prior.low and levels[0].resolution > 1 / _MAX_RESOLUTION:
            levels.insert(0, _level(graph, levels[0].resolution / _STEP, seed))
            shown.update()
    usual = [level for level in levels if level.n_clusters in prior]
    return usual or [min(levels, key=lambda level: prior.distance(level.n_clusters))]


def _coarsest_with(graph: KnnGraph, n_clusters: int, seed: int) -> _Level:
    """Return the lowest level with at least `n_clusters` groups."""
    for resolution in _rising_resolutions():
        level = _level(graph, resolution, seed)
        if level.n_clusters >= n_clusters:
            return level
    raise InputError(
        f"leiden finds at most {level.n_clusters} groups here, not {n_clusters}; choose a smaller n_clusters, or "
        f"method='kmeans'"
    )


def _rising_resolutions() -> Iterator[float]:
    resolution = _MIN_RESOLUTION_OF_MANY_GROUPS
    while resolution < 20 * _MAX_RESOLUTION:
        yield resolution
        resolution *= _STEP


def _level(graph: KnnGraph, resolution: float, seed: int) -> _Level:
    return _Level(resolution, graph.communities(resolution, seed=seed))
