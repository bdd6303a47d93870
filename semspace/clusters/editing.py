"""Groups merged, split and renamed by hand, layers of them, and more points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.clusters.clustering import Clustering, described
from semspace.clusters.distinct_points import Labels, Points, hashes, same_points
from semspace.clusters.grouping import Usual, Want
from semspace.clusters.hierarchy import cut
from semspace.clusters.kmeans import k_means
from semspace.clusters.knn import Rows
from semspace.clusters.knn_vote import standing
from semspace.clusters.leiden import leiden
from semspace.clusters.names import is_sound
from semspace.errors import InputError
from semspace.space import Space
from semspace.types import Floats2d

_APART = 0.01  # share of clustered points that lie as far from their groups as a newcomer that fits none
_FEWEST = 10  # newcomers that make a group of their own


def coarsen(found: Clustering, k: int) -> Clustering:
    """Merge the nearest groups until there are `k`; see `Clustering.coarsen`."""
    checks.whole("n_clusters", k, high=len(found))
    return _merged(found, cut(found.tree, k), {})


def merge(found: Clustering, groups: Sequence[int], name: str | None) -> Clustering:
    """Make some groups one; see `Clustering.merge`."""
    try:
        chosen = sorted({checks.whole("each of groups", g, low=0, high=len(found) - 1) for g in groups})
    except TypeError as problem:
        raise InputError(f"groups must be a list of group numbers, such as [0, 3]; got {groups!r:.60}") from problem
    if len(chosen) < 2:
        raise InputError(f"merge takes two groups or more; got {list(groups)}")
    target = np.arange(len(found))
    target[chosen[1:]] = chosen[0]
    rank = np.cumsum(target == np.arange(len(found))) - 1
    if name is None:
        return _merged(found, rank[target], {})
    given = _title(name)
    if any(given == other for g, other in enumerate(found.names) if g not in chosen):
        raise InputError(f"two groups would be called {given!r}; names must be distinct")
    return _merged(found, rank[target], {int(rank[chosen[0]]): given})


def split(found: Clustering, group: int, k: int) -> Clustering:
    """Split a group by k-means over its points; see `Clustering.split`."""
    checks.whole("group", group, low=0, high=len(found) - 1)
    rows = np.flatnonzero(found.labels == group)
    own = found.space.vectors[rows]
    _, first, place = np.unique(hashes(own), return_index=True, return_inverse=True)
    checks.whole("n_clusters", k, low=2)
    if k > len(first):
        raise InputError(f"group {group} has {len(first)} different points, which can't be split into {k}")
    seed = int(found.provenance.get("seed", 0))
    parts = k_means(found._directions(own[first]), k, seed, 5)[place.ravel()]
    order = np.argsort(-np.bincount(parts, minlength=k), kind="stable")
    numbers = np.empty(k, np.int32)
    numbers[order] = [group, *range(len(found), len(found) + k - 1)]
    labels = found.labels.copy()
    labels[rows] = numbers[parts]
    held = np.concatenate([found.stability, np.full(k - 1, np.nan)])
    held[group] = np.nan
    kept = {g: name for g, name in enumerate(found.names) if g != group}
    return _regrouped(found, labels, held, kept, f"split {group} into {k}")


def rename(found: Clustering, names: Mapping[int, str]) -> Clustering:
    """Give groups other names; see `Clustering.rename`."""
    if not isinstance(names, Mapping):
        raise InputError(f"rename takes names by group, such as {{0: 'football'}}; got {type(names).__name__}")
    for group in names:
        checks.whole("group", group, low=0, high=len(found) - 1)
    given = [_title(names[g]) if g in names else name for g, name in enumerate(found.names)]
    twice = next((name for name in given if given.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two groups would be called {twice!r}; names must be distinct")
    return _with_words(replace(found, names=tuple(given)), found)


def update(found: Clustering, more: Space) -> Clustering:
    """Take more points in; see `Clustering.update`."""
    if not isinstance(more, Space):
        raise InputError(f"update takes a Space with the new points; got {type(more).__name__}: see Encoder.embed")
    own, theirs = found.space.metadata, more.metadata
    if own is not None and theirs is not None and "text" in own.columns and "text" not in theirs.columns:
        raise InputError("the new points must come with their texts, in a column text; see Encoder.embed")
    if own is not None and theirs is not None:
        theirs = theirs.select([name for name in own.columns if name in theirs.columns])
    space = found.space.extend(more.ids.tolist(), more.vectors, theirs)
    stood = found.stand(more.vectors)
    labels, k = stood.first.copy(), len(found)
    usual = np.quantile(found.stands.nearness[found.labels >= 0], _APART) if (found.labels >= 0).any() else -1.0
    apart = (stood.nearness < usual) & ~np.isin(hashes(more.vectors), found._known[0])
    far = np.flatnonzero(apart)
    for fresh in _new_groups(more.vectors[far], found, float(usual)):
        labels[far[fresh]] = k
        k += 1
    every = np.concatenate([found.labels, labels])
    new = same_points(more)[0]
    new = new[~np.isin(hashes(more.vectors[new]), found._known[0])]
    joined = replace(
        found,
        space=space,
        labels=every,
        stability=np.concatenate([found.stability, np.full(k - len(found), np.nan)]),
        voters=np.concatenate([found.voting_rows, len(found.space) + new]),
        standing=None,
        provenance={**found.provenance, "k": k, "updated_with": [*found.provenance.get("updated_with", []), len(more)]},
    )
    return described(joined, joined.vocabulary, known=dict(enumerate(found.names)))


def _new_groups(vectors: Floats2d, found: Clustering, usual: float) -> list[Rows]:
    """Find among newcomers that fit nowhere those that are near each other: one group each, the largest first."""
    if len(vectors) < _FEWEST:
        return []
    _, rows, place, counts = np.unique(hashes(vectors), return_index=True, return_inverse=True, return_counts=True)
    if len(rows) == 1:
        return [np.arange(len(vectors))]
    points = Points(rows, found._directions(vectors[rows]), found._voting.middle, counts)
    seed = int(found.provenance.get("seed", 0))
    middle = max(1.0, len(rows) / float(np.median(found.sizes)))  # groups as large as those there are
    labels = leiden(points, Want(None, Usual(middle / 2, middle, middle * 2), seed, progress=False)).labels
    near, scores = points.neighbours
    close = standing(labels, labels, near, scores, int(labels.max()) + 1).nearness
    together = (close >= usual) | (counts >= _FEWEST)
    groups = [np.flatnonzero(((labels == g) & together)[place.ravel()]) for g in range(int(labels.max()) + 1)]
    return sorted((g for g in groups if len(g) >= _FEWEST), key=len, reverse=True)


def _merged(found: Clustering, target: Rows, names: Mapping[int, str]) -> Clustering:
    """Give each group the number in `target`; groups that stay by themselves keep name and stability."""
    k = int(target.max()) + 1
    alone = np.bincount(target, minlength=k) == 1
    labels = np.where(found.labels < 0, -1, target[found.labels]).astype(np.int32)
    held = np.full(k, np.nan)
    kept = dict(names)
    for group, to in enumerate(target.tolist()):
        if alone[to]:
            held[to], kept[to] = found.stability[group], found.names[group]
    return _regrouped(found, labels, held, kept, f"merged to {k}")


def _regrouped(
    found: Clustering, labels: Labels, held: npt.NDArray[np.float64], names: Mapping[int, str], how: str
) -> Clustering:
    facts = {**found.provenance, "k": len(held), "edited": [*found.provenance.get("edited", []), how]}
    bare = replace(found, labels=labels, stability=held, standing=None, provenance=facts)
    return described(bare, found.vocabulary, known=names)


def _with_words(made: Clustering, found: Clustering) -> Clustering:
    """Hand on the vocabulary of the same texts, where it has been made."""
    if "vocabulary" in found.__dict__:
        made.__dict__["vocabulary"] = found.__dict__["vocabulary"]
    return made


def _title(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"a group's name must be text; got {name!r:.40}")
    if not is_sound(name):
        raise InputError(f"a group's name must be sound Unicode; {name!r:.40} holds half a character")
    return name.strip()
