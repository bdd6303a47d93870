"""The points nearest to vectors, as `Neighbors`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semspace import checks, pools, queries
from semspace.neighbors import Neighbors
from semspace.quantization.vectors import as_quantized
from semspace.queries import Query, title_of
from semspace.similarity.hub_correction import query_means
from semspace.similarity.locating import Located, locate
from semspace.similarity.point_set import PointSet
from semspace.types import Bools1d, Floats1d, Floats2d, Ints1d

METRICS = (*queries.METRICS, "csls")


def most_similar(
    points: PointSet, asked: Sequence[Query], k: int, metric: str, where: str | None, restrict: int | None
) -> list[Neighbors]:
    """Find the `k` points nearest to each query; see `Space.most_similar_batch`."""
    located = locate(points, asked)
    return nearest(points, located, [title_of(one) for one in asked], k, metric, where, restrict)


def nearest(
    points: PointSet,
    located: Sequence[Located],
    titles: Sequence[str],
    k: int,
    metric: str = "cosine",
    where: str | None = None,
    restrict: int | None = None,
) -> list[Neighbors]:
    """Find the `k` points nearest to each vector, among the first `restrict` and those that match a condition."""
    matrix = np.stack([one.vector for one in located]).astype(np.float32, copy=False)
    if metric in ("cosine", "csls"):
        queries.check_directions(matrix, titles)
    vectors, norms = candidates(points, restrict)
    allowed = None if where is None else _matching(points, where)[: len(vectors)]
    skip = [[row for row in one.rows if row < len(vectors)] for one in located]
    screen = points._byte_screen if len(located) == 1 and metric == "cosine" and vectors is points.vectors else None
    if screen is not None:
        screened = screen.nearest(vectors, norms, matrix[0], k, names=points.ids, skip=skip[0], allowed=allowed)
        if screened is not None:
            return [as_neighbors(points, titles[0], *screened, metric)]
    found = queries.nearest(
        vectors,
        norms,
        matrix,
        k,
        names=points.ids,
        metric="cosine" if metric == "csls" else metric,
        skip=skip,
        allowed=allowed,
        local_means=points._local_means[: len(vectors)] if metric == "csls" else None,
    )
    if metric == "csls":
        own = query_means(points, located)
        found = [(rows, scores - mean) for (rows, scores), mean in zip(found, own, strict=True)]
    return [as_neighbors(points, title, *one, metric) for title, one in zip(titles, found, strict=True)]


def candidates(points: PointSet, restrict: int | None) -> tuple[Floats2d, Floats1d]:
    """Return the vectors that may be answers, and their lengths: all of them, or the first `restrict`."""
    if restrict is None or restrict >= len(points.ids):
        return points.vectors, points.norms
    stored, first = as_quantized(points.vectors), slice(restrict)
    vectors: Floats2d = points.vectors[first] if stored is None else stored.take(first)  # type: ignore[assignment]
    return vectors, points.norms[first]


def check_restrict(restrict: int | None) -> None:
    """Raise `InputError` unless it is None or a number of points."""
    if restrict is not None:
        checks.whole("restrict", restrict)


def _matching(points: PointSet, where: str) -> Bools1d:
    """Return which points match a condition on the metadata and the id."""
    from semspace.text.filters import matching

    pools.need_polars("a condition (where=)")
    mask: Bools1d = matching(points.to_frame(), where).to_numpy()
    return mask


def as_neighbors(points: PointSet, title: str, rows: Ints1d, scores: Floats1d, metric: str) -> Neighbors:
    """Return rows and scores as `Neighbors`, with ids and metadata."""
    table = None if points.metadata is None else points.metadata[rows]
    scores = checks.frozen(queries.in_range(scores, metric))
    return Neighbors(title, tuple(points.ids[rows].tolist()), scores, metric, table)
