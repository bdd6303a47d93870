"""Leiden communities of the k-NN graph, at the resolution whose groups are most stable under resampling."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.metrics import adjusted_rand_score

from semspace.clusters import networkit_jobs
from semspace.clusters.distinct_points import DistinctPoints
from semspace.clusters.grouping import Grouping, Request
from semspace.clusters.hierarchy import merge_to
from semspace.clusters.knn_graph import KnnGraph
from semspace.errors import InputError
from semspace.progress import Bar, bar, track
from semspace.types import Int32s1d, Ints1d

_STEP = 1.3  # ratio of consecutive resolutions that are tried
_MAX_RESOLUTION = 200.0
_MIN_RESOLUTION_OF_MANY_GROUPS = 0.05  # where a search for a given number of groups begins
_TYPICAL_TRIES = 8  # resolutions, for the progress bar
_SAMPLES, _SAMPLES_OF_FEW = 4, 12  # subsamples that a resolution is tested on; small ones are quick, and vary more
_FEW_POINTS = 5_000
_SMALL = 2_000  # points of a graph whose communities are found in less time than threads take to start
_SAMPLE_SHARE = 0.6  # of the points in a subsample
_SEARCH_ROUNDS, _SEARCH_ROUNDS_OF_FEW = 1, 2  # iterations where only a resolution is looked for
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
        found = level.resolution
        runs = [run for run in _last_runs(graph, found, request) if int(run.max()) + 1 >= n_clusters]
        labels = merge_to(points.vectors, _best(graph, runs or [level.labels], found), n_clusters)
    else:
        found = _most_stable(graph, request) if resolution is None else resolution
        labels = _best(graph, _last_runs(graph, found, request), found)

    def communities_of(rows: Ints1d) -> Int32s1d:
        communities = graph.subgraph(rows).communities(found)
        return communities if n_clusters is None else merge_to(points.vectors[rows], communities, n_clusters)

    def regroup(samples: Sequence[Ints1d], seed: int) -> Iterator[Int32s1d]:
        return _results(graph, (partial(communities_of, rows) for rows in samples), seed)

    return Grouping(labels, regroup, {"resolution": round(found, 6)})


def _last_runs(graph: KnnGraph, resolution: float, request: Request) -> list[Int32s1d]:
    """Run Leiden to the end from two starts, and return the labels of each."""
    jobs = (partial(graph.communities, resolution, rounds=_FINAL_ROUNDS, start=start) for start in range(_FINAL_STARTS))
    found = _results(graph, jobs, request.seed)
    return list(track(found, "finding groups", _FINAL_STARTS, unit="start", progress=request.progress))


def _best(graph: KnnGraph, runs: Sequence[Int32s1d], resolution: float) -> Int32s1d:
    return max(runs, key=lambda labels: graph.modularity(labels, resolution))


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
            jobs = (partial(each.communities, level.resolution, rounds=_search_rounds(graph)) for each in subgraphs)
            for j, communities in enumerate(_results(graph, jobs, request.seed + 1)):
                agreement[i, j] = adjusted_rand_score(level.labels[samples[j]], communities)
            shown.update(1)
    means = agreement.mean(axis=1)
    # Within a standard error of the best (Breiman et al. 1984), the most typical number of groups is preferred.
    error = agreement[means.argmax()].std() / count**0.5
    good = [level for level, mean in zip(levels, means, strict=True) if mean >= means.max() - error]
    return min(good, key=lambda level: request.prior.distance(level.n_clusters)).resolution


def _usual_levels(graph: KnnGraph, request: Request) -> list[_Level]:
    """Return the levels with a usual number of groups, or else the nearest one."""
    prior, seed = request.prior, request.seed
    with bar("looking for resolutions", _TYPICAL_TRIES, unit="try", progress=request.progress) as shown:
        finer = _until(
            lambda level: level.n_clusters >= prior.high, graph, _resolutions(1, _MAX_RESOLUTION), seed, shown
        )
        coarser = []
        if finer[0].n_clusters > prior.low:
            falling = _resolutions(1 / _STEP, 1 / _MAX_RESOLUTION)
            coarser = _until(lambda level: level.n_clusters <= prior.low, graph, falling, seed, shown)
    levels = [*reversed(coarser), *finer]
    usual = [level for level in levels if level.n_clusters in prior]
    return usual or [min(levels, key=lambda level: prior.distance(level.n_clusters))]


def _coarsest_with(graph: KnnGraph, n_clusters: int, seed: int) -> _Level:
    """Return the lowest level with at least `n_clusters` groups."""
    resolutions = _resolutions(_MIN_RESOLUTION_OF_MANY_GROUPS, 20 * _MAX_RESOLUTION)
    level = _until(lambda level: level.n_clusters >= n_clusters, graph, resolutions, seed)[-1]
    if level.n_clusters >= n_clusters:
        return level
    raise InputError(
        f"leiden finds at most {level.n_clusters} groups here, not {n_clusters}; choose a smaller n_clusters, or "
        f"method='kmeans'"
    )


def _resolutions(first: float, last: float) -> list[float]:
    """Return resolutions from the first to one that reaches the last, up or down."""
    count = math.ceil(abs(math.log(last / first)) / math.log(_STEP))
    step = _STEP if last > first else 1 / _STEP
    return [first * step**i for i in range(count + 1)]


def _until(
    is_enough: Callable[[_Level], bool],
    graph: KnnGraph,
    resolutions: Sequence[float],
    seed: int,
    shown: Bar | None = None,
) -> list[_Level]:
    """Return the levels at some resolutions, up to the first one that is enough."""
    levels = []
    for level in _levels(graph, resolutions, seed):
        levels.append(level)
        if shown is not None:
            shown.update()
        if is_enough(level):
            break
    return levels


def _levels(graph: KnnGraph, resolutions: Sequence[float], seed: int) -> Iterator[_Level]:
    """Iterate over the levels at some resolutions; as many as there are threads are found at a time."""
    rounds = _search_rounds(graph)
    jobs = (partial(graph.communities, resolution, rounds=rounds) for resolution in resolutions)
    return map(_Level, resolutions, _results(graph, jobs, seed))


def _search_rounds(graph: KnnGraph) -> int:
    return _SEARCH_ROUNDS if len(graph) > _FEW_POINTS else _SEARCH_ROUNDS_OF_FEW


def _results(graph: KnnGraph, jobs: Iterable[Callable[[], Int32s1d]], seed: int) -> Iterator[Int32s1d]:
    return networkit_jobs.results(jobs, seed=seed, are_long=len(graph) > _SMALL)
