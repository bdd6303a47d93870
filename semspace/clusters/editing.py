"""Editing a clustering: merging, splitting and renaming groups, and adding points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from semspace import checks
from semspace.clusters.describe import describe
from semspace.clusters.distinct_points import DistinctPoints, distinct_rows
from semspace.clusters.grouping import GroupCountPrior, Request
from semspace.clusters.hierarchy import cut_linkage
from semspace.clusters.kmeans import N_INIT, k_means
from semspace.clusters.knn_vote import count_votes
from semspace.clusters.leiden import leiden
from semspace.clusters.names import is_valid_unicode
from semspace.errors import InputError
from semspace.space import Space
from semspace.types import Doubles1d, Floats2d, Int32s1d, Ints1d

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering

# A new point fits no group if its mean cosine to its neighbours is below this quantile of the clustered points.
_OUTLIER_QUANTILE = 0.01
_MIN_NEW_GROUP = 10  # new points in a new group


def coarsen(clustering: Clustering, n_clusters: int) -> Clustering:
    """Merge the nearest groups until `n_clusters` are left; see `Clustering.coarsen`."""
    checks.whole("n_clusters", n_clusters, high=len(clustering))
    return _merged(clustering, cut_linkage(clustering.tree, n_clusters), {})


def merge(clustering: Clustering, groups: Sequence[int], name: str | None) -> Clustering:
    """Merge some groups into one; see `Clustering.merge`."""
    try:
        chosen = sorted({checks.whole("each of groups", g, low=0, high=len(clustering) - 1) for g in groups})
    except TypeError as problem:
        raise InputError(f"groups must be a list of group numbers, such as [0, 3]; got {groups!r:.60}") from problem
    if len(chosen) < 2:
        raise InputError(f"merge needs at least two different groups; got {list(groups)}")
    target = np.arange(len(clustering))
    target[chosen[1:]] = chosen[0]
    numbers = (np.cumsum(target == np.arange(len(clustering))) - 1)[target]
    if name is None:
        return _merged(clustering, numbers, {})
    new_name = _checked_name(name)
    _check_distinct([new_name, *(other for g, other in enumerate(clustering.names) if g not in chosen)])
    return _merged(clustering, numbers, {int(numbers[chosen[0]]): new_name})


def split_group(clustering: Clustering, group: int, n_clusters: int, *, progress: bool) -> Clustering:
    """Split a group by k-means; see `Clustering.split`."""
    checks.whole("group", group, low=0, high=len(clustering) - 1)
    rows = np.flatnonzero(clustering.labels == group)
    vectors = clustering.space.vectors[rows]
    first, inverse, _ = distinct_rows(vectors)
    checks.whole("n_clusters", n_clusters, low=2)
    if n_clusters > len(first):
        raise InputError(f"group {group} has {len(first)} distinct points, so it can't be split into {n_clusters}")
    directions = clustering._voters.points.center(vectors[first])
    parts = k_means(directions, n_clusters, _seed_of(clustering), N_INIT, progress=progress)[inverse]
    order = np.argsort(-np.bincount(parts, minlength=n_clusters), kind="stable")
    numbers = np.empty(n_clusters, np.int32)
    numbers[order] = [group, *range(len(clustering), len(clustering) + n_clusters - 1)]
    labels = clustering.labels.copy()
    labels[rows] = numbers[parts]
    stability = np.concatenate([clustering.stability, np.full(n_clusters - 1, np.nan)])
    stability[group] = np.nan
    unchanged = {g: name for g, name in enumerate(clustering.names) if g != group}
    return _relabeled(clustering, labels, stability, unchanged, f"split {group} into {n_clusters}")


def rename(clustering: Clustering, names: Mapping[int, str]) -> Clustering:
    """Change the names of groups; see `Clustering.rename`."""
    if not isinstance(names, Mapping):
        raise InputError(f"rename takes names by group, such as {{0: 'football'}}; got {type(names).__name__}")
    for group in names:
        checks.whole("group", group, low=0, high=len(clustering) - 1)
    new_names = [_checked_name(names[g]) if g in names else name for g, name in enumerate(clustering.names)]
    _check_distinct(new_names)
    return replace(clustering, names=tuple(new_names))


def add_points(clustering: Clustering, more: Space, *, progress: bool) -> Clustering:
    """Add points to a clustering; see `Clustering.update`."""
    space, vectors, voters = _extended(clustering.space, more), more.vectors, clustering._voters
    votes = voters.votes(vectors, voters.neighbors(vectors, progress=progress))
    labels, n_clusters = votes.first.copy(), len(clustering)
    known = voters.contains(vectors)
    grouped = clustering.labels >= 0
    mean_cosines = clustering._member_votes.mean_cosine[grouped]
    threshold = float(np.quantile(mean_cosines, _OUTLIER_QUANTILE)) if grouped.any() else -1.0
    outliers = np.flatnonzero((votes.mean_cosine < threshold) & ~known)
    for rows in _new_groups(clustering, vectors[outliers], threshold, progress=progress):
        labels[outliers[rows]] = n_clusters
        n_clusters += 1
    new_voters = distinct_rows(vectors)[0]
    new_voters = new_voters[~known[new_voters]]
    updated_with = [*clustering.provenance.get("updated_with", []), len(more)]
    updated = replace(
        clustering,
        space=space,
        labels=np.concatenate([clustering.labels, labels]),
        stability=np.concatenate([clustering.stability, np.full(n_clusters - len(clustering), np.nan)]),
        provenance={**clustering.provenance, "k": n_clusters, "updated_with": updated_with},
        _voting_rows=np.concatenate([voters.rows, len(clustering.space) + new_voters]),
        _votes=None,
    )
    return describe(updated, clustering._terms_of(space), fixed_names=dict(enumerate(clustering.names)))


def _extended(space: Space, more: Space) -> Space:
    """Return the space with more points; columns that it doesn't have are left out, those they don't have are null."""
    if not isinstance(more, Space):
        raise InputError(f"update takes a Space with the new points; got {type(more).__name__}: see Encoder.embed")
    if space.metadata is None:
        return space.extend(more.ids.tolist(), more.vectors)
    given = {} if more.metadata is None else more.metadata.to_dict()
    if "text" in space.metadata.columns and "text" not in given:
        raise InputError("the new points must come with their texts, in a column text; see Encoder.embed")
    columns = [given.get(column.name, column.clear(len(more))) for column in space.metadata]
    return space.extend(more.ids.tolist(), more.vectors, pl.DataFrame(columns))


def _new_groups(clustering: Clustering, vectors: Floats2d, threshold: float, *, progress: bool) -> list[Ints1d]:
    """Return the rows of each new group among points that fit no group, the largest first.

    A group has at least 10 points, whose mean cosine to their neighbours in it is at least `threshold`.
    """
    if len(vectors) < _MIN_NEW_GROUP:
        return []
    rows, inverse, counts = distinct_rows(vectors)
    if len(rows) == 1:
        return [np.arange(len(vectors))]
    voting = clustering._voters.points
    points = DistinctPoints(rows, voting.center(vectors[rows]), voting.mean, counts)
    typical = max(1.0, len(rows) / float(np.median(clustering.sizes)))  # groups of the usual size
    prior = GroupCountPrior(typical / 2, typical, typical * 2)
    labels = leiden(points, Request(None, prior, _seed_of(clustering), progress)).labels
    n_clusters = int(labels.max()) + 1
    mean_cosines = count_votes(labels, labels, *points.neighbors, n_clusters).mean_cosine
    dense = (mean_cosines >= threshold) | (counts >= _MIN_NEW_GROUP)
    groups = [np.flatnonzero(((labels == group) & dense)[inverse]) for group in range(n_clusters)]
    return sorted((rows for rows in groups if len(rows) >= _MIN_NEW_GROUP), key=len, reverse=True)


def _merged(clustering: Clustering, numbers: Ints1d, names: Mapping[int, str]) -> Clustering:
    """Renumber the groups by `numbers`; groups that aren't merged keep their name and stability."""
    n_clusters = int(numbers.max()) + 1
    unmerged = np.bincount(numbers, minlength=n_clusters) == 1
    labels = np.where(clustering.labels < 0, -1, numbers[clustering.labels]).astype(np.int32)
    stability = np.full(n_clusters, np.nan)
    fixed_names = dict(names)
    for group, number in enumerate(numbers.tolist()):
        if unmerged[number]:
            stability[number], fixed_names[number] = clustering.stability[group], clustering.names[group]
    return _relabeled(clustering, labels, stability, fixed_names, f"merged to {n_clusters}")


def _relabeled(
    clustering: Clustering, labels: Int32s1d, stability: Doubles1d, names: Mapping[int, str], edit: str
) -> Clustering:
    edits = [*clustering.provenance.get("edited", []), edit]
    provenance = {**clustering.provenance, "k": len(stability), "edited": edits}
    edited = replace(clustering, labels=labels, stability=stability, provenance=provenance, _votes=None)
    return describe(edited, clustering._document_terms, fixed_names=names)


def _seed_of(clustering: Clustering) -> int:
    return int(clustering.provenance.get("seed", 0))


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"a group's name must be a string with some text; got {name!r:.40}")
    if not is_valid_unicode(name):
        raise InputError(f"a group's name must be valid Unicode; {name!r:.40} contains a lone surrogate")
    return name.strip()


def _check_distinct(names: Sequence[str]) -> None:
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InputError(f"two groups would be called {repeated!r}; names must be distinct")
