"""Nearest neighbours among many directions: exact for few, by an HNSW index for many."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from semspace.clusters.all_pairs import nearest_of_all_pairs
from semspace.index.building import SMALL
from semspace.index.index import Index
from semspace.space import Space
from semspace.types import Floats2d, Ints2d

ALL_PAIRS = 45_000  # directions up to which comparing all pairs takes less time than an index
_BLOCK_SCORES = 16_000_000  # cosines computed at a time: 64 MB


@dataclass(frozen=True, eq=False)
class KnnSearch:
    """A search for the nearest of some directions.

    Parameters
    ----------
    vectors : ndarray of float32, shape (m, dim)
        Of length 1, or all zeros.
    progress : bool
        Show a progress bar while an index is built.
    """

    vectors: Floats2d
    progress: bool = False

    def query(self, queries: Floats2d, k: int) -> tuple[Ints2d, Floats2d]:
        """Find the `k` nearest directions of each query.

        Returns
        -------
        rows : ndarray of int64, shape (n, k)
            Nearest first; -1 where the index found fewer.
        cosines : ndarray of float32, shape (n, k)
        """
        k = min(k, len(self.vectors))
        if self._index is not None:
            return self._index.knn_query(_nonzero(queries), k)
        rows, cosines = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
        step = max(1, _BLOCK_SCORES // len(self.vectors))
        for start in range(0, len(queries), step):
            block = queries[start : start + step] @ self.vectors.T
            nearest = np.argpartition(-block, k - 1, axis=1)[:, :k]
            scores = np.take_along_axis(block, nearest, axis=1)
            order = np.argsort(-scores, axis=1, kind="stable")
            rows[start : start + step] = np.take_along_axis(nearest, order, axis=1)
            cosines[start : start + step] = np.take_along_axis(scores, order, axis=1)
        return rows, cosines

    def neighbors(self, k: int) -> tuple[Ints2d, Floats2d]:
        """Find the `k` nearest of each of the directions among the others; rows and cosines as `query` returns them."""
        k = min(k, len(self.vectors) - 1)
        if len(self.vectors) <= ALL_PAIRS:
            return nearest_of_all_pairs(self.vectors, k, progress=self.progress)
        rows, cosines = self.query(self.vectors, k + 1)
        is_self = rows == np.arange(len(rows))[:, None]
        is_self[~is_self.any(axis=1), -1] = (
            True  # where an index missed the point itself, its last neighbour is dropped
        )
        return rows[~is_self].reshape(-1, k), cosines[~is_self].reshape(-1, k)

    @cached_property
    def _index(self) -> Index | None:
        if len(self.vectors) <= SMALL:
            return None
        space = Space(np.arange(len(self.vectors)).astype(str).astype(object), _nonzero(self.vectors))
        # The recall isn't measured: missing one neighbour in a hundred moves no group.
        return Index.build(space, "hnsw", ef_construction=64, ef=60, progress=self.progress)


def _nonzero(vectors: Floats2d) -> Floats2d:
    """Return the vectors with an arbitrary direction in place of zeros, which an index refuses."""
    is_zero = ~vectors.any(axis=1)
    if not is_zero.any():
        return vectors
    vectors = vectors.copy()
    vectors[is_zero, 0] = 1
    return vectors
