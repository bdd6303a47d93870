"""`cluster`: from a space and its texts to named groups."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from semspace import checks, pools
from semspace.clusters import assignment, seeding
from semspace.clusters.clustering import Clustering
from semspace.clusters.describe import describe, with_texts
from semspace.clusters.distinct_points import DistinctPoints, distinct_points, distinct_rows
from semspace.clusters.document_terms import DocumentTerms, has_texts
from semspace.clusters.grouping import GroupCountPrior, Grouping, Request, one_by_one
from semspace.clusters.kept import keep_neighbors, kept_terms, with_kept_neighbors
from semspace.clusters.knn_vote import Votes
from semspace.clusters.methods import METHODS, options_of
from semspace.clusters.names import Namer
from semspace.clusters.stability import stability
from semspace.clusters.term_options import term_options
from semspace.deprecation import renamed_parameters
from semspace.errors import InputError, SemspaceWarning
from semspace.peer_names import answers_peer_parameters
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.threads import limited
from semspace.types import Int32s1d, Ints1d
from semspace.version import versions

MAX_POINTS = 100_000  # distinct points that are clustered by default; the rest are assigned by votes
_STABILITY_ROUNDS = 10
_MAX_SETTING = 1_000_000  # of a method's whole numbers; more initialisations would take for ever


@renamed_parameters(k="n_clusters", sample="max_points", starts="n_init")
@answers_peer_parameters
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
    stop_words: str | Sequence[str] | None = None,
    language: str | Sequence[str] | None = "english",
    ngrams: tuple[int, int] | None = None,
    vectorizer: Any = None,
    max_points: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = True,
    **settings: Any,
) -> Clustering:
    """Find groups of similar points, describe them by keywords and names, and measure how stable they are.

    The same points give the same groups, whatever their order and ids.

    Parameters
    ----------
    space : Space
    corpus : Corpus, optional
        The texts of the points, with the same ids, in any order; groups are named by their words. By default the column
        ``text`` of the space's metadata, where `Encoder.embed` stores the texts. Without texts, as in a space of words,
        groups are named by the ids nearest to their centres.
    n_clusters : int, optional
        Number of groups; chosen from the data by default.
    method : {"leiden", "kmeans", "ward", "hdbscan"}, optional
        ``"leiden"`` by default (communities of the k-NN graph), or ``"kmeans"`` where `n_clusters` is given.
    granularity : float
        2 gives about twice as many groups, 0.5 half as many; ``"hdbscan"`` warns where it finds fewer. At 1 the number
        of groups is near ``sqrt(n) / 7`` (2 to 8 below 800 documents), the value typical of human labels; among nearby
        values the most stable under resampling is chosen.
    outliers : float
        Share of the points, in [0, 1), that are left without a group (label -1): those least similar to their
        neighbours in the group. By default every point has a group, also with ``"hdbscan"``. The last point of a group
        is never left out, and copies of a text stay together: the share may be smaller, and is never larger.
    seed_words : mapping of str to list of str, or list of lists, optional
        Topics to look for, each given by a few words: points near them are drawn together. Keys of a mapping become the
        names of the groups. There may be no more topics than `n_clusters`. The space needs an encoder.
    namer : callable, optional
        ``namer(keywords, examples) -> str``, such as a call of a language model: it gets a group's keywords and its
        most representative texts, and returns a name. Where it fails, a name is made from the keywords.
    stop_words : list of str, or str, optional
        Words and phrases that name no group, besides those of `language`; or a language, as in scikit-learn.
    language : str or list of str, optional
        Language of the texts, whose stop words name no group: english, dutch, french, german, italian, portuguese or
        spanish, or their ISO codes. Several may be given; None for no stop words.
    ngrams : tuple of two int, optional
        Number of words of the terms that name groups, from 1 to 5: ``(1, 2)`` for all words and pairs of words,
        ``(1, 1)`` for words alone. By default words and collocations, such as "space shuttle".
    vectorizer : optional
        A vectorizer of scikit-learn, such as ``CountVectorizer(min_df=5)``, which decides the terms instead. A copy is
        fitted on the texts without boilerplate. It isn't saved with the clustering.
    max_points : int, optional
        Maximum number of distinct points to cluster (default 100,000); the rest are assigned by a vote of their nearest
        neighbours. Fewer points take less time.
    seed : int
        The same seed gives the same groups.
    threads : int, optional
        Maximum number of threads; by default all that the process may use.
    progress : bool
        Show progress bars.
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
    limit = MAX_POINTS if max_points is None else checks.whole("max_points", max_points, low=2)
    method = _check_arguments(space, corpus, n_clusters, method, granularity, outliers, seed, namer, settings)
    options = term_options(stop_words, language, ngrams, vectorizer)
    space = with_texts(space, corpus)
    if not options.are_default and not has_texts(space.metadata):
        raise InputError(
            "stop_words, language, ngrams and vectorizer choose words of texts, and this space has none; pass the "
            "corpus as the second argument"
        )
    with limited(threads):
        groups = _cluster(
            space, partial(kept_terms, space, options), n_clusters=n_clusters, method=method,
            granularity=granularity, outliers=outliers, seed_words=seed_words, namer=namer, limit=limit, seed=seed,
            progress=progress, settings=settings,
        )  # fmt: skip
    provenance = {**groups.provenance, **options.provenance()}
    _warn_of_few(groups, method, granularity)
    return replace(groups, provenance=provenance, _term_options=options)


def cluster_with_terms(
    space: Space, terms: Callable[[], DocumentTerms | None], *, n_clusters: int | None, max_points: int, seed: int
) -> Clustering:
    """Cluster a space by the default method; `terms` returns the words of its texts, and runs in another thread."""
    method = check_settings(n_clusters, None, 1.0, 0.0, seed)
    return _cluster(
        space, terms, n_clusters=n_clusters, method=method, granularity=1.0, outliers=0.0, seed_words=None,
        namer=None, limit=max_points, seed=seed, progress=False, settings={},
    )  # fmt: skip


def _cluster(
    space: Space,
    terms_job: Callable[[], DocumentTerms | None],
    *,
    n_clusters: int | None,
    method: str,
    granularity: float,
    outliers: float,
    seed_words: Mapping[str, Sequence[str]] | Sequence[Sequence[str]] | None,
    namer: Namer | None,
    limit: int,
    seed: int,
    progress: bool,
    settings: Mapping[str, Any],
) -> Clustering:
    with pools.one_thread_after_fork(), pools.in_background(terms_job) as terms:  # Leiden runs on one core only
        rows, inverse, counts = distinct_rows(space.vectors)
        _check_count(n_clusters, len(rows), limit)
        topics = seeding.seed_topics(seed_words, space, n_clusters)  # before the neighbours, which take longer
        points = distinct_points(space.vectors, rows[:limit], counts[:limit], progress=progress)
        points = with_kept_neighbors(space, points)
        request = Request(n_clusters, GroupCountPrior.for_points(len(rows), granularity), seed, progress)
        grouped = points if topics is None else seeding.attracted(points, topics, request.prior.typical)
        grouping = _group(grouped, request, method, settings)
        labels, votes = assignment.assign_all(space.vectors, points, grouping.labels, rows)
        keep_neighbors(space, points)
        if outliers:
            labels = assignment.without_outliers(labels, votes, counts, outliers)
        labels, votes = assignment.numbered_by_size(labels, votes, counts)
        stabilities = stability(
            grouping,
            labels[: len(points)],
            int(labels.max()) + 1,
            rounds=_STABILITY_ROUNDS,
            seed=seed,
            progress=progress,
        )
        provenance = {
            "made_by": method, "k": len(stabilities), "seed": seed, "granularity": granularity, "outliers": outliers,
            "space": space.fingerprint, "distinct": len(rows), "clustered": len(points),
            "versions": versions("numpy", "scipy", "scikit-learn", "networkit"), **grouping.facts,
        }  # fmt: skip
        if topics is not None:
            provenance["seeded_topics"] = len(topics.names)
        labels, votes = labels[inverse], _for_copies(votes, labels, inverse)
        undescribed = Clustering(
            space, labels, np.empty((0, 0), np.float32), (), (), stabilities, provenance, rows[: len(points)], votes
        )
        groups = describe(undescribed, terms.result(), namer=namer)
    return groups if topics is None else replace(groups, names=seeding.topic_names(groups, topics))


def check_settings(n_clusters: int | None, method: str | None, granularity: float, outliers: float, seed: int) -> str:
    """Check the arguments that can be checked without a space, and return the name of the method."""
    checks.seed(seed)
    method = checks.choice("method", method or ("leiden" if n_clusters is None else "kmeans"), tuple(METHODS))
    if n_clusters is not None:
        checks.whole("n_clusters", n_clusters)
    checks.number("granularity", granularity, open_low=True, high=1_000)
    if n_clusters is not None and granularity != 1:
        raise InputError(
            f"n_clusters={n_clusters} sets the number of groups; leave out granularity={granularity}, which scales the "
            f"default number"
        )
    checks.number("outliers", outliers, high=1, open_high=True)
    return method


def _check_arguments(
    space: Space,
    corpus: Corpus | None,
    n_clusters: int | None,
    method: str | None,
    granularity: float,
    outliers: float,
    seed: int,
    namer: Namer | None,
    settings: Mapping[str, Any],
) -> str:
    """Check the arguments of `cluster`, and return the name of the method."""
    if not isinstance(space, Space):
        raise InputError(f"cluster takes a Space; got {type(space).__name__}: see Encoder.embed, Space.from_vectors")
    if corpus is not None and not isinstance(corpus, Corpus):
        raise InputError(f"corpus must be a Corpus; got {type(corpus).__name__}: the number of groups is n_clusters=")
    was_given = method is not None
    method = check_settings(n_clusters, method, granularity, outliers, seed)
    because = "" if was_given or n_clusters is None else ", which is the default where n_clusters is given,"
    others = list(inspect.signature(cluster).parameters)
    checks.options(settings, options_of(method), of=f"the clustering method {method!r}{because}", others=others)
    if "resolution" in settings and (n_clusters is not None or granularity != 1):
        other = "granularity" if n_clusters is None else "n_clusters"
        raise InputError(f"{other} and resolution both determine the number of groups; give only one of them")
    if namer is not None and not callable(namer):
        raise InputError(f"namer must be a function of keywords and examples; got {type(namer).__name__}")
    for name, value in settings.items():
        if name == "resolution":
            checks.number(name, value, open_low=True, high=1e6)
        else:
            checks.whole(name, value, high=_MAX_SETTING)
    return method


def _check_count(n_clusters: int | None, n_distinct: int, limit: int) -> None:
    if n_clusters is not None and n_clusters > n_distinct:
        raise InputError(
            f"n_clusters must be at most {n_distinct}, the number of points with distinct directions; got {n_clusters}"
        )
    if n_clusters is not None and n_clusters > limit:
        raise InputError(f"n_clusters must be at most max_points, {limit:,}; got {n_clusters:,}")


def _warn_of_few(groups: Clustering, method: str, granularity: float) -> None:
    """Warn where hdbscan, which finds the number of groups itself, finds fewer than a granularity above 1 asks for."""
    prior = GroupCountPrior.for_points(groups.provenance["distinct"], granularity)
    if method == "hdbscan" and granularity > 1 and len(groups) < prior.low:
        warnings.warn(
            f"hdbscan found no more groups than {len(groups)}, where granularity={granularity:g} asks for about "
            f"{prior.typical:.0f}; for more, choose another method, such as 'leiden', or a smaller min_cluster_size",
            SemspaceWarning,
            stacklevel=5,  # `cluster` has two decorators
        )


def _group(points: DistinctPoints, request: Request, method: str, settings: Mapping[str, Any]) -> Grouping:
    """Group the points, and check that there are as many groups as asked for."""
    if len(points) == 1:
        return Grouping(np.zeros(1, np.int32), one_by_one(lambda rows, _: np.zeros(len(rows), np.int32)))
    grouping = METHODS[method](points, request, **settings)
    count = int(grouping.labels.max(initial=-1)) + 1
    if request.n_clusters is not None and count != request.n_clusters:
        raise InputError(
            f"{method} finds only {count} groups here, not {request.n_clusters}: too many points are nearly the same; "
            f"choose a smaller n_clusters"
        )
    return grouping


def _for_copies(votes: Votes, labels: Int32s1d, inverse: Ints1d) -> Votes:
    """Return the votes on distinct points for all points of the space."""
    return Votes(labels[inverse], votes.second[inverse], votes.share[inverse], votes.mean_cosine[inverse])
