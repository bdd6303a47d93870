"""`ByteScreen`: vectors as bytes, by which most points are ruled out before the exact comparison.

A query by itself takes as long as it takes to read all vectors from memory. So they are read as bytes, a quarter as
many, with a bound of how far each inner product can be off; only points that may be among the nearest by these bounds
are compared exactly. The answer is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from semspace import queries
from semspace.pools import Pool
from semspace.threads import thread_count
from semspace.top_rows import bounds_of
from semspace.types import Bools1d, Floats1d, Floats2d, Int8s2d, Ints1d, Strings1d

AFTER = 32  # single queries that take as long as it takes to make the bytes
_LEAST, _MOST = 2_000_000, 500_000_000  # numbers, for which it is worth the while, and the memory
_ROWS = 16_384  # vectors converted at a time
_STEP = 32  # bytes, of which a row is a multiple
_LARGEST_CODE, _LARGEST_QUERY, _LARGEST_SUM = 127, 32_767, 2**31 - 1
_ROUNDING = 4e-6  # of inner products of unit vectors in float32
_MOST_LEFT = 1 / 16  # share of the points; with more left, all are compared


@dataclass(frozen=True, eq=False)
class ByteScreen:
    """The directions of vectors as bytes.

    Parameters
    ----------
    codes : ndarray of int8, shape (n, width)
        Filled up with zeros to a multiple of 32.
    scales : ndarray of float32, shape (n,)
        A unit vector is nearly its code times its scale.
    errors : ndarray of float32, shape (n,)
        How far it is from that.
    """

    codes: Int8s2d
    scales: Floats1d
    errors: Floats1d

    @classmethod
    def of(cls, vectors: Floats2d, norms: Floats1d) -> ByteScreen:
        """Convert vectors (n, dim) of these lengths."""
        n, dim = vectors.shape
        codes = np.zeros((n, -(-dim // _STEP) * _STEP), np.int8)
        scales, errors = np.empty(n, np.float32), np.empty(n, np.float32)
        for start in range(0, n, _ROWS):
            part = slice(start, start + _ROWS)
            units = vectors[part] / norms[part, None]
            scales[part] = np.abs(units).max(axis=1) / _LARGEST_CODE
            rounded = np.rint(units / scales[part, None])
            codes[part, :dim] = rounded
            errors[part] = queries.lengths(units - rounded * scales[part, None])
        return cls(codes, scales, errors)

    def nearest(
        self,
        vectors: Floats2d,
        norms: Floats1d,
        query: Floats1d,
        k: int,
        *,
        names: Strings1d,
        skip: Sequence[int],
        allowed: Bools1d | None,
    ) -> tuple[Ints1d, Floats1d] | None:
        """Find exactly the `k` nearest rows by cosine; None where too few can be ruled out. See `queries.nearest`."""
        unit = query / np.float32(np.linalg.norm(query))
        lowest, query_error = self._lower_bounds(unit)
        if allowed is not None:
            lowest[~allowed] = -np.inf
        lowest[list(skip)] = -np.inf
        reached = bounds_of(lowest[None], min(k, len(lowest)))[0] - 2 * query_error - _ROUNDING
        left = np.flatnonzero(lowest + 2 * self.errors >= reached)
        left = left[lowest[left] > -np.inf]
        if len(left) > max(k, _MOST_LEFT * len(lowest)):
            return None
        scores = np.einsum("ij,j->i", vectors[left], unit) / norms[left]
        best = queries.best_rows(scores, k, names[left])
        return left[best], scores[best]

    def _lower_bounds(self, unit: Floats1d) -> tuple[Floats1d, float]:
        """Return the least that the inner product of each row with a query can be, but for the error of the query."""
        from semspace.similarity.screen_kernel import lower_bounds

        n, width = self.codes.shape
        scale = np.float32(np.abs(unit).max() / min(_LARGEST_QUERY, _LARGEST_SUM // (_LARGEST_CODE * width)))
        query = np.zeros(width, np.int16)
        query[: len(unit)] = np.rint(unit / scale)
        error = float(np.linalg.norm(unit - query[: len(unit)] * scale)) * (1 + float(self.errors.max()))
        lowest = np.empty(n, np.float32)
        threads = thread_count()
        edges = np.linspace(0, n, threads + 1).astype(int).tolist()
        given = (self.codes, self.scales, self.errors, query, scale)
        _pool(threads).each(lower_bounds, [(*given, *ends, lowest) for ends in pairwise(edges)])
        return lowest, error


@lru_cache
def _pool(threads: int) -> Pool:
    return Pool(threads)


def is_worth_it(vectors: Floats2d) -> bool:
    """Whether vectors are so many that bytes are quicker, and so few that nobody minds their memory."""
    return bool(_LEAST <= vectors.shape[0] * vectors.shape[1] <= _MOST)
