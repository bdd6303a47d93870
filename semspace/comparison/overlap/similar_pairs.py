"""Pairs of documents of different corpora whose vectors have a high cosine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from semspace.clusters.knn import KnnSearch
from semspace.comparison.overlap import membership
from semspace.comparison.overlap.membership import MAX_EXACT_PAIRS
from semspace.comparison.overlap.top_pairs import N_SKIPPED, TopPairs, push_pair
from semspace.kernels.compiling import compiled_strictly
from semspace.progress import bar
from semspace.types import Bools1d, Floats1d, Floats2d, Ints1d

NEIGHBORS = 32  # neighbours that an index is searched for
_BLOCK_SIDE = 2_048  # rows and columns of a block of cosines
_ROUNDING = 1e-6  # the cosine of equal vectors comes out as low as 1 less this


def find_similar_pairs(
    points: Floats2d, corpus_ids: Ints1d, *, min_score: float, top_pairs: TopPairs, progress: bool = True
) -> Bools1d:
    """Find pairs of rows of different corpora whose cosine is at least `min_score`.

    All pairs are compared up to 4e9 of them; beyond that each document's 32 nearest in each later corpus, as an HNSW
    index finds them.

    Parameters
    ----------
    points : ndarray of float32, shape (n, dim)
        Of length 1.
    corpus_ids : ndarray of int64, shape (n,)
    top_pairs : TopPairs
        To which the pairs are added, the row of the corpus with the lower number first.

    Returns
    -------
    ndarray of bool, shape (n,)
        Which rows are in a pair, kept or not.
    """
    is_in_pair = np.zeros(len(points), np.bool_)
    sizes = np.bincount(corpus_ids)
    pairs = (len(corpus_ids) ** 2 - int((sizes**2).sum())) // 2
    find = _all_pairs if pairs <= MAX_EXACT_PAIRS else _nearest_neighbors
    with bar("looking for the same meaning", pairs, unit="pair", progress=progress) as progress_bar:
        for cosines, rows, columns in find(points, corpus_ids):
            hits = np.flatnonzero(cosines.max(axis=1) >= min_score - _ROUNDING)
            if len(hits):
                _push_similar(cosines, hits, rows, columns, min_score - _ROUNDING, is_in_pair, *top_pairs.arrays)
            if pairs > MAX_EXACT_PAIRS:  # where the last neighbour asked for is near, there may be more
                top_pairs.state[N_SKIPPED] += int((cosines[:, -1] >= min_score).sum())
            progress_bar.update(cosines.size)
    return is_in_pair


_CosineBlocks = Iterator[tuple[Floats2d, Ints1d, Ints1d]]


def _all_pairs(points: Floats2d, corpus_ids: Ints1d) -> _CosineBlocks:
    """Iterate over blocks of the cosines of all pairs, with their rows and columns, which are the same for each row."""
    order, spans = membership.corpus_spans(corpus_ids)
    for place, one in enumerate(spans):
        for other in spans[place + 1 :]:
            for left, right in membership.block_pairs(one, other, _BLOCK_SIDE):
                rows, columns = order[left], order[right]
                yield points[rows] @ points[columns].T, rows, columns[None]


def _nearest_neighbors(points: Floats2d, corpus_ids: Ints1d) -> _CosineBlocks:
    """Iterate over the cosines with the nearest neighbours in each later corpus; each row has columns of its own."""
    for one in np.unique(corpus_ids)[1:]:
        members = np.flatnonzero(corpus_ids == one)
        near = KnnSearch(points[members])
        earlier = np.flatnonzero(corpus_ids < one)
        for part in np.array_split(earlier, -(-len(earlier) // 65_536)):
            rows, cosines = near.query(points[part], NEIGHBORS)
            yield np.where(rows >= 0, cosines, np.float32(-2)), part, members[rows]


@compiled_strictly
def _push_similar(
    cosines: Floats2d, hits: Ints1d, rows: Ints1d, columns: Ints1d, min_score: float, is_in_pair: Bools1d,
    first: Ints1d, second: Ints1d, scores: Floats1d, state: Ints1d, least: Floats1d,
) -> None:  # fmt: skip
    """Add the pairs whose cosine is high enough."""
    for i in hits:
        row_columns = columns[i if len(columns) > 1 else 0]
        for j in range(cosines.shape[1]):
            if cosines[i, j] >= min_score:
                is_in_pair[rows[i]] = is_in_pair[row_columns[j]] = True
                push_pair(first, second, scores, state, least, rows[i], row_columns[j], cosines[i, j])
