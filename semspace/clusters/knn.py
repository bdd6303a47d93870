"""The nearest among many directions: exact for few, by the index for many."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from semspace.index.index import SMALL, Index
from semspace.space import Space
from semspace.types import Floats2d

Rows = npt.NDArray[np.int64]
_CELLS = 16_000_000  # cosines at a time: 64 MB


@dataclass(frozen=True, eq=False)
class Near:
    """Directions that can be asked for the nearest ones.

    Parameters
    ----------
    vectors : ndarray of float32, shape (m, dim)
        Of length 1, or all zeros.
    """

    vectors: Floats2d
    progress: bool = False

    def query(self, asked: Floats2d, k: int) -> tuple[Rows, Floats2d]:
        """Find the `k` nearest of each row: their rows (-1 where there are no more) and cosines, nearest first."""
        k = min(k, len(self.vectors))
        if self._index is not None:
            return self._index.knn_query(_directed(asked), k)
        rows, scores = np.empty((len(asked), k), np.int64), np.empty((len(asked), k), np.float32)
        step = max(1, _CELLS // len(self.vectors))
        for start in range(0, len(asked), step):
            block = asked[start : start + step] @ self.vectors.T
            part = np.argpartition(-block, k - 1, axis=1)[:, :k]
            near = np.take_along_axis(block, part, axis=1)
            order = np.argsort(-near, axis=1, kind="stable")
            rows[start : start + step] = np.take_along_axis(part, order, axis=1)
            scores[start : start + step] = np.take_along_axis(near, order, axis=1)
        return rows, scores

    def others(self, k: int) -> tuple[Rows, Floats2d]:
        """Find the `k` nearest of each of these directions among the others."""
        k = min(k, len(self.vectors) - 1)
        rows, scores = self.query(self.vectors, k + 1)
        own = rows == np.arange(len(rows))[:, None]
        own[~own.any(axis=1), -1] = True  # where an index missed the point itself, its last neighbour goes
        return rows[~own].reshape(-1, k), scores[~own].reshape(-1, k)

    @cached_property
    def _index(self) -> Index | None:
        if len(self.vectors) <= SMALL:
            return None
        space = Space(np.arange(len(self.vectors)).astype(str).astype(object), _directed(self.vectors))
        # Nothing is measured: a neighbour missed in a hundred moves no group.
        return Index.build(space, "hnsw", ef_construction=64, ef=60, progress=self.progress)


def _directed(vectors: Floats2d) -> Floats2d:
    """Give some direction to points in the very middle: an index takes none without."""
    empty = ~vectors.any(axis=1)
    if not empty.any():
        return vectors
    vectors = vectors.copy()
    vectors[empty, 0] = 1
    return vectors
