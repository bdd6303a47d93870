"""CSLS: cosines less what both points have in common with their neighbourhoods (Conneau et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semspace import queries
from semspace.progress import bar
from semspace.similarity.locating import Located
from semspace.similarity.point_set import PointSet
from semspace.types import Floats1d

NEIGHBORS = 10  # whose mean cosine is taken, as in the paper
_QUERIES_AT_ONCE = 1_024


def local_means(points: PointSet) -> Floats1d:
    """Return the mean cosine of each point to its ten nearest ones, shape (n,); every point is compared with all.

    A space of one point has none, whose mean is 0.
    """
    means = np.zeros(len(points.ids), np.float32)
    with bar("neighbourhoods of all points, once", len(means), unit="point") as shown:
        for start in range(0, len(means), _QUERIES_AT_ONCE):
            rows = range(start, min(start + _QUERIES_AT_ONCE, len(means)))
            located = [
                Located(vector, (row,))
                for row, vector in zip(rows, points.vectors[rows[0] : rows[-1] + 1], strict=True)
            ]
            means[start : rows[-1] + 1] = _means(points, located)
            shown.update(len(rows))
    return means


def query_means(points: PointSet, located: Sequence[Located]) -> Floats1d:
    """Return the mean cosine of each query to its ten nearest points, shape (m,); that of a point is known."""
    means = np.empty(len(located), np.float32)
    new = []
    for at, one in enumerate(located):
        if len(one.rows) == 1 and np.array_equal(points.vectors[one.rows[0]], one.vector):
            means[at] = points._local_means[one.rows[0]]
        else:
            new.append(at)
    if new:
        means[new] = _means(points, [located[at] for at in new])
    return means


def _means(points: PointSet, located: Sequence[Located]) -> Floats1d:
    matrix = np.stack([one.vector for one in located]).astype(np.float32, copy=False)
    found = queries.nearest(
        points.vectors, points.norms, matrix, NEIGHBORS, names=points.ids, skip=[one.rows for one in located]
    )
    return np.array([scores.mean() if len(scores) else 0.0 for _, scores in found], np.float32)
