"""Pairs of documents of different corpora whose vectors point the same way."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from semspace.clusters.knn import KnnSearch
from semspace.comparison.overlap import membership
from semspace.comparison.overlap.membership import AFFORDABLE, Rows
from semspace.comparison.overlap.top_pairs import LEFT_OUT, Kept, keep
from semspace.kernels.compiling import compiled_strictly
from semspace.progress import bar
from semspace.types import Floats1d, Floats2d

ASKED = 32  # neighbours that an index is asked for
_SIDE = 2_048
_ROUNDING = 1e-6  # the cosine of equal vectors comes out as low as 1 less this
Flags = npt.NDArray[np.bool_]


def alike(points: Floats2d, of: Rows, *, min_score: float, kept: Kept, progress: bool = True) -> Flags:
    """Find pairs of rows of different corpora whose cosine is at least `min_score`.

    All pairs are compared up to 4e9 of them; beyond that each document's 32 nearest in each later corpus, as an HNSW
    index finds them.

    Parameters
    ----------
    points : ndarray of float32, shape (n, dim)
        Of length 1.
    of : ndarray of int64, shape (n,)
    kept : Kept
        Takes the pairs, the row of the corpus with the lower number first.

    Returns
    -------
    ndarray of bool, shape (n,)
        Which rows are in a pair, kept or not.
    """
    found = np.zeros(len(points), np.bool_)
    sizes = np.bincount(of)
    pairs = (len(of) ** 2 - int((sizes**2).sum())) // 2
    find = _compared if pairs <= AFFORDABLE else _asked
    with bar("looking for the same meaning", pairs, unit="pair", progress=progress) as shown:
        for cosines, rows, columns in find(points, of):
            hits = np.flatnonzero(cosines.max(axis=1) >= min_score - _ROUNDING)
            if len(hits):
                _take(cosines, hits, rows, columns, min_score - _ROUNDING, found, *kept.arrays)
            if pairs > AFFORDABLE:  # where the last neighbour asked for is near, there may be more
                kept.state[LEFT_OUT] += int((cosines[:, -1] >= min_score).sum())
            shown.update(cosines.size)
    return found


Blocks = Iterator[tuple[Floats2d, Rows, Rows]]


def _compared(points: Floats2d, of: Rows) -> Blocks:
    """Give the cosines of all pairs, in blocks, with the rows of both sides; columns are the same for each row."""
    order, spans = membership.spans(of)
    for place, one in enumerate(spans):
        for other in spans[place + 1 :]:
            for left, right in membership.blocks(one, other, _SIDE):
                rows, columns = order[left], order[right]
                yield points[rows] @ points[columns].T, rows, columns[None]


def _asked(points: Floats2d, of: Rows) -> Blocks:
    """Give the nearest ones of each row in each later corpus; each row has columns of its own."""
    for one in np.unique(of)[1:]:
        members = np.flatnonzero(of == one)
        near = KnnSearch(points[members])
        earlier = np.flatnonzero(of < one)
        for part in np.array_split(earlier, -(-len(earlier) // 65_536)):
            rows, cosines = near.query(points[part], ASKED)
            yield np.where(rows >= 0, cosines, np.float32(-2)), part, members[rows]


@compiled_strictly
def _take(
    cosines: Floats2d, hits: Rows, rows: Rows, columns: Rows, min_score: float, found: Flags,
    first: Rows, second: Rows, scores: Floats1d, state: Rows, least: Floats1d,
) -> None:  # fmt: skip
    """Keep the pairs whose cosine is high enough."""
    for i in hits:
        line = columns[i if len(columns) > 1 else 0]
        for j in range(cosines.shape[1]):
            if cosines[i, j] >= min_score:
                found[rows[i]] = found[line[j]] = True
                keep(first, second, scores, state, least, rows[i], line[j], cosines[i, j])
