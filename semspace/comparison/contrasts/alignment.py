"""Orthogonal alignment of two word spaces, so that their vectors can be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semspace import queries
from semspace.types import Doubles1d, Floats2d, Ints1d

_COSINES_AT_A_TIME = 16_000_000  # cosines at a time: 64 MB


@dataclass(frozen=True, eq=False)
class AlignedSpaces:
    """The directions of V words in two spaces, the first rotated onto the second.

    Parameters
    ----------
    a, b : ndarray of float32, shape (V, dim)
        Rows of length 1.
    """

    a: Floats2d
    b: Floats2d

    @classmethod
    def of(cls, a: Floats2d, b: Floats2d) -> AlignedSpaces:
        """Rotate vectors of the same words by the orthogonal map that brings them nearest to each other.

        Rows are centred first, since what all words share says nothing of any (Xing et al. 2015; Artetxe et al. 2016).
        The map is the solution of the Procrustes problem (Schönemann 1966), as Hamilton, Leskovec & Jurafsky (2016,
        equation 4) use it for words that change over time.

        Parameters
        ----------
        a, b : ndarray of float32, shape (V, dim)
        """
        x, y = _centred_unit_rows(a), _centred_unit_rows(b)
        left, _, right = np.linalg.svd((x.T @ y).astype(np.float64))
        return cls((x @ (left @ right)).astype(np.float32), y)

    def shift(self) -> Doubles1d:
        """Return 1 minus the cosine of each word with itself: 0 for the same direction, 2 for the opposite."""
        cosines = np.einsum("ij,ij->i", self.a, self.b, dtype=np.float64)
        shift: Doubles1d = np.clip(1 - cosines, 0.0, 2.0)
        return shift


def nearest_words(vectors: Floats2d, k: int) -> Ints1d:
    """Return the rows of the `k` nearest others of each direction, nearest first, shape (V, k).

    Parameters
    ----------
    vectors : ndarray of float32, shape (V, dim)
        Rows of length 1.
    k : int
        Less than V.
    """
    size = len(vectors)
    neighbors = np.empty((size, k), np.int64)
    step = max(1, _COSINES_AT_A_TIME // size)
    for start in range(0, size, step):
        cosines = vectors[start : start + step] @ vectors.T
        rows = np.arange(len(cosines))
        cosines[rows, start + rows] = -np.inf
        top = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(cosines, top, axis=1), axis=1, kind="stable")
        neighbors[start : start + step] = np.take_along_axis(top, order, axis=1)
    return neighbors


def _centred_unit_rows(vectors: Floats2d) -> Floats2d:
    if not len(vectors):
        return vectors
    points = queries.unit(vectors, floor=queries.TINY)
    centred: Floats2d = queries.unit(points - points.mean(axis=0), floor=queries.TINY)
    return centred
