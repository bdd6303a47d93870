"""Two word spaces turned onto one another, so that words of one can be held against words of the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semspace import queries
from semspace.types import Floats2d

_CELLS = 16_000_000  # cosines at a time: 64 MB


@dataclass(frozen=True, eq=False)
class Aligned:
    """The directions of V words in two spaces, the first turned onto the second.

    Parameters
    ----------
    a, b : ndarray of float32, shape (V, dim)
        Rows of length 1.
    """

    a: Floats2d
    b: Floats2d

    @classmethod
    def of(cls, a: Floats2d, b: Floats2d) -> Aligned:
        """Turn vectors of the same words by the orthogonal map that brings them nearest to one another.

        Rows are centred first, since what all words share says nothing of any (Xing et al. 2015; Artetxe et al. 2016).
        The map is the solution of the Procrustes problem (Schönemann 1966), as Hamilton, Leskovec & Jurafsky (2016,
        equation 4) use it for words that change over time.

        Parameters
        ----------
        a, b : ndarray of float32, shape (V, dim)
        """
        x, y = _directions(a), _directions(b)
        left, _, right = np.linalg.svd((x.T @ y).astype(np.float64))
        return cls((x @ (left @ right)).astype(np.float32), y)

    def shift(self) -> npt.NDArray[np.float64]:
        """Return one less the cosine of each word with itself: 0 where it means the same, 2 where the opposite."""
        cosines = np.einsum("ij,ij->i", self.a, self.b, dtype=np.float64)
        shift: npt.NDArray[np.float64] = np.clip(1 - cosines, 0.0, 2.0)
        return shift


def nearest(vectors: Floats2d, k: int) -> npt.NDArray[np.int64]:
    """Return the rows of the `k` nearest others of each direction, nearest first, shape (V, k).

    Parameters
    ----------
    vectors : ndarray of float32, shape (V, dim)
        Rows of length 1.
    k : int
        Less than V.
    """
    size = len(vectors)
    found = np.empty((size, k), np.int64)
    step = max(1, _CELLS // size)
    for start in range(0, size, step):
        cosines = vectors[start : start + step] @ vectors.T
        own = np.arange(len(cosines))
        cosines[own, start + own] = -np.inf
        part = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(cosines, part, axis=1), axis=1, kind="stable")
        found[start : start + step] = np.take_along_axis(part, order, axis=1)
    return found


def _directions(vectors: Floats2d) -> Floats2d:
    points = queries.unit(vectors, floor=queries.TINY)
    directions: Floats2d = queries.unit(points - points.mean(axis=0), floor=queries.TINY)
    return directions
