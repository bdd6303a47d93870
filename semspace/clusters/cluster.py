"""`cluster`: from a space, and the texts behind it, to named groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace import checks, pools
from semspace.clusters import seeding
from semspace.clusters.clustering import Clustering, described, vocabulary_of
from semspace.clusters.distinct_points import Labels, Points, points_of, same_points
from semspace.clusters.grouping import Found, Usual, Want
from semspace.clusters.knn import Rows
from semspace.clusters.knn_vote import NEIGHBOURS, Standing, standing
from semspace.clusters.methods import METHODS, settings_of
from semspace.clusters.names import Namer
from semspace.clusters.stability import stability
from semspace.deprecation import renamed_parameters
from semspace.errors import InputError
from semspace.progress import bar
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.threads import limited

MAX_POINTS = 100_000  # different points that are grouped; of more, the rest joins by its neighbours' votes
_ROUNDS = 10
_PART = 50_000


@renamed_parameters(k="n_clusters", sample="max_points", starts="n_init")
def cluster(
    space: Space,
    corpus: Corpus | None = None,
    *,
    n_clusters: int | None = None,
    method: str | None = None,
    granularity: float = 1.0,
    outliers: float = 0.0,
    seed_words: Mapping[str, Sequence[str]] | Sequence[Sequence[str]] | None = None,
    namer: Namer | None = None,
    max_points: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = True,
    **settings: Any,
) -> Clustering:
    """Find groups of points that mean something alike, say how sure they are, and name them.

    The same points give the same groups, in whatever order and under whatever ids they come.

    Parameters
    ----------
    space : Space
    corpus : Corpus, optional
        The texts behind the points, with the same ids, in any order; groups are named by their words. Without it the
        column ``text`` of the space's metadata serves (`Encoder.embed` puts it there); where there is none, as in a
        space of words, groups are named by the ids nearest to their centres.
    n_clusters : int, optional
        Number of groups; chosen from the data by default.
    method : {"leiden", "kmeans", "ward", "hdbscan"}, optional
        ``"leiden"`` by default, communities of the network of neighbours; ``"kmeans"`` where `n_clusters` is given.
    granularity : float
        2 gives about twice as many groups, 0.5 half as many. At 1 about as many are sought as people make of so many
        documents: a seventh of the square root of their number, and 2 to 8 of less than 800. Which number near it is
        taken, the points decide: the one whose groups are found again in samples.
    outliers : float
        Share of the points, in [0, 1), that lie furthest from the others of their group and get the label -1. By
        default every point has a group, with ``"hdbscan"`` too. The last point of a group stays, and copies of a text
        stay together, which can make the share a little smaller.
    seed_words : mapping of str to list of str, or list of lists, optional
        Topics to look for, each by a few words: points near to them are drawn together. Keys name the groups. The space
        needs an encoder.
    namer : callable, optional
        ``namer(keywords, examples) -> str``, such as a call of a language model: it gets a group's words and its most
        representative texts, and gives its title. Where it fails, the title is made of words as usual.
    max_points : int, optional
        Maximum number of distinct points to cluster (default 100,000); the rest are assigned by a vote of their nearest
        neighbours. Fewer points take less time.
    seed : int
        The same seed gives the same groups.
    threads : int, optional
        Maximum number of threads; all that may run by default.
    settings
        For ``"leiden"``: ``resolution``; for ``"kmeans"``: ``n_init`` (5); for ``"hdbscan"``: ``min_cluster_size``,
        ``min_samples`` (5).

    Returns
    -------
    Clustering

    Raises
    ------
    InputError
        If `n_clusters` exceeds the number of distinct points, the corpus has other ids than the space, or a setting is
        invalid.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(
    ...     ["cat", "dog", "bus", "car"], [[1, 0.1], [1, 0], [0.1, 1], [0, 1]])
    >>> ss.cluster(space, n_clusters=2).sizes.tolist()
    [2, 2]
    """
    pools.need_polars("clustering")
    most = MAX_POINTS if max_points is None else checks.whole("max_points", max_points, low=2)
    method = _checked(space, corpus, n_clusters, method, granularity, outliers, seed, namer, settings)
    space = with_texts(space, corpus)
    with (
        limited(threads),
        pools.one_thread_after_fork(),
        pools.in_background(vocabulary_of, space) as words,  # Leiden runs on one core
    ):
        bare, topics = _grouped(
            space, n_clusters, method, granularity, outliers, seed_words, most, seed, progress, settings
        )
        groups = described(bare, words.result(), namer=namer)
    return groups if topics is None else replace(groups, names=seeding.titled(groups, topics))


def _grouped(
    space: Space,
    k: int | None,
    method: str,
    granularity: float,
    outliers: float,
    seed_words: Mapping[str, Sequence[str]] | Sequence[Sequence[str]] | None,
    most: int,
    seed: int,
    progress: bool,
    settings: Mapping[str, Any],
) -> tuple[Clustering, seeding.Topics | None]:
    """Find the groups, which have no names yet."""
    rows, place, counts = same_points(space)
    if k is not None and k > len(rows):
        raise InputError(
            f"n_clusters must be at most {len(rows)}, the number of points with distinct directions; got {k}"
        )
    if k is not None and k > most:
        raise InputError(f"n_clusters must be at most max_points, {most:,}; got {k:,}")
    topics = seeding.topics(seed_words, space)  # before all neighbours are looked for
    points = points_of(space, rows[:most], counts[:most], progress=progress)
    want = Want(k, Usual.of(len(rows), granularity), seed, progress)
    grouped = points if topics is None else seeding.drawn(points, topics, want.usual.middle)
    found = _found(grouped, want, method, settings)
    labels, stood = _everywhere(space, points, found.labels, rows)
    if outliers:
        labels = _without(labels, stood, counts, outliers)
    labels, stood = _by_size(labels, stood, counts)
    number = int(labels.max()) + 1
    held = stability(found, labels[: len(points)], number, rounds=_ROUNDS, seed=seed, progress=progress)
    facts = {
        "made_by": method, "k": number, "seed": seed, "granularity": granularity, "outliers": outliers,
        "space": space.fingerprint, **found.facts,
    }  # fmt: skip
    stood = Standing(labels[place], stood.second[place], stood.share[place], stood.nearness[place])
    bare = Clustering(
        space, labels[place], np.empty((0, 0), np.float32), (), (), held, facts, rows[: len(points)], stood
    )
    return bare, topics


def with_texts(space: Space, corpus: Corpus | None) -> Space:
    """Put the texts of a corpus beside the points they belong to."""
    if corpus is None:
        return space
    ids = space.ids.tolist()
    missing = next((id for id in ids if id not in corpus), None)
    if missing is not None:
        raise InputError(f"the corpus has no text for point {missing!r}; give the corpus the space was made from")
    texts = corpus.select(ids).texts.alias("text")
    more = corpus.select(ids).metadata
    own = space.metadata
    table = texts.to_frame() if own is None else own.with_columns(texts)
    new = [name for name in more.columns if name != "id" and name not in table.columns]
    return replace(space, metadata=table.with_columns(more.select(new)) if new else table)


def _checked(
    space: Space,
    corpus: Corpus | None,
    k: int | None,
    method: str | None,
    granularity: float,
    outliers: float,
    seed: int,
    namer: Namer | None,
    settings: Mapping[str, Any],
) -> str:
    """Check what is given, and give the method's name."""
    if not isinstance(space, Space):
        raise InputError(f"cluster takes a Space; got {type(space).__name__}: see Encoder.embed, Space.from_vectors")
    if corpus is not None and not isinstance(corpus, Corpus):
        raise InputError(f"corpus must be a Corpus; got {type(corpus).__name__}: the number of groups is n_clusters=")
    method = check_settings(k, method, granularity, outliers, seed)
    checks.options(settings, settings_of(method), of=method)
    if "resolution" in settings and (k is not None or granularity != 1):
        other = "granularity" if k is None else "n_clusters"
        raise InputError(f"{other} and resolution both say how many groups; give one of them")
    if namer is not None and not callable(namer):
        raise InputError(f"namer must be a function of keywords and examples; got {type(namer).__name__}")
    for name, value in settings.items():
        checks.number(name, value, open_low=True, high=1e6) if name == "resolution" else checks.whole(name, value)
    return method


def check_settings(k: int | None, method: str | None, granularity: float, outliers: float, seed: int) -> str:
    """Check what needs no points to be checked, and return the method's name."""
    checks.seed(seed)
    method = checks.choice("method", method or ("leiden" if k is None else "kmeans"), tuple(METHODS))
    if k is not None:
        checks.whole("n_clusters", k)
    checks.number("granularity", granularity, open_low=True, high=1_000)
    if k is not None and granularity != 1:
        raise InputError(
            f"n_clusters={k} sets the number of groups; leave out granularity={granularity}, which scales the default"
        )
    if checks.number("outliers", outliers, high=1) == 1:
        raise InputError("outliers is the share of points without a group, below 1; got 1")
    return method


def _found(points: Points, want: Want, method: str, settings: Mapping[str, Any]) -> Found:
    if len(points) == 1:
        return Found(np.zeros(1, np.int32), lambda rows, _: np.zeros(len(rows), np.int32))
    found = METHODS[method](points, want, **settings)
    have = int(found.labels.max(initial=-1)) + 1
    if want.k is not None and have != want.k:
        raise InputError(f"{method} finds no {want.k} groups here, only {have}: too many points are nearly the same")
    return found


def _everywhere(space: Space, points: Points, labels: Labels, rows: Rows) -> tuple[Labels, Standing]:
    """Give every different point a group, and tell how it stands: those not grouped go where their neighbours are."""
    if len(points) == 1:
        only = np.ones(1, np.float32)
        return labels, Standing(labels, np.full(1, -1, np.int32), only, only)
    k = int(labels.max()) + 1
    if k == 0:  # a method that leaves everything out
        labels, k = np.zeros(len(labels), np.int32), 1
    near, scores = points.neighbours
    near, scores = near[:, :NEIGHBOURS], scores[:, :NEIGHBOURS]
    if (labels < 0).any():
        labels = _filled(labels, near, scores, points, k)
    parts = [standing(labels, labels, near, scores, k)]
    with bar("placing the rest", len(rows), unit="point", progress=points.progress) as shown:
        for start in range(len(points), len(rows), _PART):
            more = points.from_middle(space.vectors[rows[start : start + _PART]])
            parts.append(standing(labels, None, *points.near.query(more, NEIGHBOURS), k))
            shown.update(len(more))
    merged = Standing(*(np.concatenate([getattr(p, name) for p in parts]) for name in Standing.__annotations__))
    return np.concatenate([labels, merged.first[len(labels) :]]), merged


def _filled(labels: Labels, near: Rows, scores: npt.NDArray[np.float32], points: Points, k: int) -> Labels:
    """Give the points that a method left out the group of their neighbours, or else of the nearest that has one."""
    labels = labels.copy()
    out = np.flatnonzero(labels < 0)
    kept = np.flatnonzero(labels >= 0)
    voted = standing(np.where(labels < 0, -1, labels), None, near[out], scores[out], k)
    fallback = labels[kept][type(points.near)(points.vectors[kept]).query(points.vectors[out], 1)[0][:, 0]]
    labels[out] = np.where(voted.first >= 0, voted.first, fallback)
    return labels


def _by_size(labels: Labels, stood: Standing, counts: npt.NDArray[np.int64]) -> tuple[Labels, Standing]:
    """Give the groups numbers from the largest; of equal ones, that of the first point goes first."""
    k = int(labels.max()) + 1
    own = np.flatnonzero(labels >= 0)
    sizes = np.bincount(labels[own], counts[own], minlength=k)
    used, first = np.unique(labels[own], return_index=True)
    order = used[np.lexsort((first, -sizes[used]))]
    rank = np.full(k + 1, -1, np.int32)  # the last is for -1
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[labels], replace(stood, first=rank[stood.first], second=rank[stood.second])


def _without(labels: Labels, stood: Standing, counts: npt.NDArray[np.int64], share: float) -> Labels:
    """Take the points that lie furthest apart out of their groups, but not the last of a group."""
    labels = labels.copy()
    order = np.argsort(stood.nearness, kind="stable")
    left = np.bincount(labels, minlength=int(labels.max()) + 1)
    target, gone = share * counts.sum(), 0
    for at in order:
        if gone + 0.5 > target:
            break
        fits = gone + counts[at] / 2 <= target  # many copies of a text that would be far too many stay
        if fits and left[labels[at]] > 1:
            left[labels[at]] -= 1
            labels[at] = -1
            gone += counts[at]
    return labels
