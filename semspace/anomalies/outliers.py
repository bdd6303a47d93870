"""`outliers`: from a space to the points that are unlike the others, with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from semspace import checks, pools, queries
from semspace.anomalies import methods
from semspace.anomalies.detectors import Detector, RankAverage
from semspace.anomalies.reasons import reasons
from semspace.anomalies.reference import ReferencePoints
from semspace.anomalies.result import Outliers
from semspace.anomalies.threshold import MIN_Z, exceed, threshold_of_share, threshold_of_z
from semspace.clusters.describe import with_texts
from semspace.errors import InputError
from semspace.peer_names import answers_peer_parameters
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.threads import limited
from semspace.types import Doubles1d, Ints1d
from semspace.version import versions

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering
    from semspace.text.corpus import Corpus


_NONE: Mapping[str, object] = {}


@answers_peer_parameters
def outliers(
    space: Space,
    corpus: Corpus | None = None,
    *,
    method: str = methods.DEFAULT,
    share: float | None = None,
    min_z: float = MIN_Z,
    clustering: Clustering | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = True,
    **settings: int,
) -> Outliers:
    """Find the points that are unlike the others of a space, and say why.

    Points are compared by their directions, each with the distinct points of the space; copies of a text count once, so
    they don't make each other look usual. Of more than 10,000 distinct points, a random 10,000 are compared with.

    Parameters
    ----------
    space : Space
        At least five distinct points.
    corpus : Corpus, optional
        The texts of the points, with the same ids, in any order, whose words are named in the reasons. By default the
        column ``text`` of the space's metadata, where `Encoder.embed` stores the texts.
    method : {"self_training", "lof", "knn", "isolation_forest", "reconstruction", "likelihood", "rank_average"}
        ``"self_training"`` (the default) adds up how sparse it is around a point and its neighbours, how far other
        points are, and what a linear classifier of the strangest points against the rest says, so that strange texts of
        one kind don't hide each other. ``"lof"``: local outlier factor (Breunig et al. 2000), how much denser it is
        around a point's neighbours than around itself. ``"knn"``: distance to the k-th nearest point (Ramaswamy,
        Rastogi & Shim 2000). ``"isolation_forest"``: how few random cuts separate a point (Liu, Ting & Zhou 2008).
        ``"reconstruction"``: its distance from what the first principal components say of it. ``"likelihood"``: how
        improbable it is under Gaussians that share one covariance, shrunk (Ledoit & Wolf 2004). ``"rank_average"``: the
        mean rank by the last five; as many points are outliers as most of the five find.
    share : float, optional
        The share of the points, in (0, 1), that are outliers: the most unusual ones, whether they are very unusual or
        not (scikit-learn's ``contamination``). By default `min_z` decides how many there are.
    min_z : float
        Outliers score more than so many robust standard deviations (1.4826 times the median absolute deviation) above
        the median (Iglewicz & Hoaglin 1993). There may be none.
    clustering : Clustering, optional
        Groups of the same space, or of one made by the same encoder: a reason then names the nearest group, and how
        many of its documents are as far from their neighbours.
    seed : int
        For ``"isolation_forest"`` and ``"likelihood"``, which use random numbers.
    threads : int, optional
        Maximum number of threads; by default all that the process may use.
    progress : bool
        Show progress bars.
    settings
        Of ``"self_training"``, ``"lof"`` and ``"knn"``: ``k``, the number of neighbours (a tenth of the points, and 10
        of ``"knn"``); a group of strange points must be smaller. Of
        ``"isolation_forest"``: ``n_estimators`` (100); of ``"reconstruction"``: ``dim`` (32); of ``"likelihood"``:
        ``n_components`` (one for each hundred points, up to 8). A default is smaller where there are fewer points.

    Returns
    -------
    Outliers

    Raises
    ------
    InputError
        If there are fewer than five distinct points, a setting is out of range or isn't one of the method, or both
        `share` and `min_z` are given.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(
    ...     ["a", "b", "c", "d", "e", "f"], [[1, 0], [1, 0.1], [1, 0.2], [1, 0.3], [1, 0.4], [-1, 1]])
    >>> found = ss.outliers(space, method="knn", k=2)
    >>> found.ids
    ('f',)
    >>> found.reasons[0][:51]
    'Unlike even the nearest points, “e” (-0.39) and “d”'
    """
    _check_arguments(space, clustering, progress)
    check_settings(method, share, min_z, seed, settings)
    pools.need_polars("finding outliers")
    space = with_texts(space, corpus)
    with limited(threads):
        reference, places = ReferencePoints.of(space.vectors)
        request = methods.DetectorRequest(reference, seed, progress, dict(settings))
        detector = methods.fit(request, method)
        scores = _scores(space, places, detector)
        threshold = _threshold(scores, detector, share, min_z)
        provenance = {
            "made_by": method, "settings": dict(settings), "seed": seed, "share": share,
            "min_z": min_z if share is None else None, "space": space.fingerprint, "compared_with": len(reference),
            "versions": versions("numpy", "scikit-learn"),
        }  # fmt: skip
        rows = sorted(
            np.flatnonzero(exceed(scores, threshold)).tolist(), key=lambda row: (-scores[row], space.ids[row])
        )
        why = reasons(space, np.array(rows, np.int64), reference, clustering)
    return Outliers(space, scores, threshold, why, provenance, detector)


def _threshold(scores: Doubles1d, detector: Detector, share: float | None, min_z: float) -> float:
    """Return the score above which a point is an outlier."""
    if share is None and isinstance(detector, RankAverage):
        share = detector.share_above(min_z)
    return threshold_of_z(scores, min_z) if share is None else threshold_of_share(scores, share)


def _scores(space: Space, places: Ints1d, detector: Detector) -> Doubles1d:
    """Return the score of each point of a space, shape (n,): as fitted where it is a reference, else as a new one's."""
    scores = np.where(places >= 0, detector.fitted[places], 0.0)
    others = np.flatnonzero(places < 0)
    scores[others] = detector.score(queries.unit(space.vectors[others]))
    return scores


def check_settings(method: str, share: Any, min_z: Any, seed: int, settings: Mapping[str, object] = _NONE) -> None:
    """Check the arguments that can be checked without a space."""
    methods.check_method(method, settings)
    checks.seed(seed)
    checks.number("min_z", min_z)
    if share is None:
        return
    checks.number("share", share, high=1, open_low=True, open_high=True)
    if min_z != MIN_Z:
        raise InputError(f"share={share} and min_z={min_z} both decide which points are outliers; give only one")


def _check_arguments(space: Any, clustering: Any, progress: Any) -> None:
    """Raise `InputError` for what isn't a space or a clustering of the same width."""
    from semspace.clusters.clustering import Clustering

    checks.flag("progress", progress)
    need_space("outliers", space)
    if clustering is None:
        return
    if not isinstance(clustering, Clustering):
        raise InputError(f"clustering must be a Clustering; got {type(clustering).__name__}: see semspace.cluster")
    if clustering.space.dim != space.dim:
        raise InputError(
            f"the clustering's points have {clustering.space.dim} dimensions, and this space has {space.dim}: "
            f"cluster this space"
        )
