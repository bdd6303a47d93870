"""`PairScreen`: vectors in a few numbers, by which most pairs are ruled out before they are compared exactly.

A vector is rotated to the principal axes of the points and cut: of ``x`` there remain ``Px``, its first numbers, and
the length ``|x - Px|`` of the rest. By Cauchy and Schwarz ``xy <= PxPy + |x - Px| |y - Py|``, which is the inner
product of the numbers kept, with the length as one more of them. So a matrix product of a fraction of the size rules
out every pair whose bound is too low, and no pair that counts is lost. Euclidean distances are bounded in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from semspace import queries
from semspace.errors import DamagedError
from semspace.types import Doubles1d, Doubles2d, Floats1d, Floats2d

_SAMPLE = 4_096  # vectors that the axes are fitted to
_FEW_PAIRS = 1_000_000  # compared in a fifth of the time that finding axes takes, in 384 dimensions
_TRIED = 1_024  # vectors of each side whose pairs tell how many are left
_KEPT = (8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768)  # numbers of axes to choose from
_PAIR, _EXACT = 40, 20_000  # what a pair costs besides its products, and what an exact comparison costs, in products
_LENGTH_ERROR = 1e-6  # of a squared length in float32
_ROUNDING = 1e-5  # of an inner product in float32, in parts of the product of both lengths
_LARGEST = float(np.finfo(np.float32).max)
_ROWS = 16_384  # vectors converted at a time


@dataclass(frozen=True, eq=False)
class PairScreen:
    """The axes of two sets of vectors, and the bound that a pair must reach.

    Parameters
    ----------
    metric : {"cosine", "dot", "euclidean"}
    center : ndarray of float32, shape (dim,)
        What is subtracted first; zeros unless the metric is Euclidean.
    axes : ndarray of float32, shape (dim, kept)
        Orthogonal unit vectors.
    """

    metric: str
    center: Floats1d
    axes: Floats2d

    @classmethod
    def fit(cls, left: Floats2d, right: Floats2d, metric: str, least: float) -> PairScreen:
        """Choose as many axes as find all pairs that score at least `least` soonest, judged by a sample of them.

        Few pairs are compared in all dimensions at once: finding axes would take longer.
        """
        sample = np.concatenate([_spread(left, _SAMPLE // 2), _spread(right, _SAMPLE // 2)])
        if not np.isfinite(sample).all():
            raise DamagedError("the vectors hold NaN or infinity; build the index again from sound ones")
        center = np.zeros(sample.shape[1], np.float32)
        if metric == "cosine":
            sample = queries.unit(sample)
        elif metric == "euclidean":
            center = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
            sample = sample - center
        dim = sample.shape[1]
        if len(left) * len(right) <= _FEW_PAIRS:
            return cls(metric, center, np.eye(dim, dtype=np.float32))
        axes = _principal_axes(sample)
        some = [_spread(side, _TRIED) for side in (left, right)]
        best = cls(metric, center, axes)
        bound, lowest_cost = best.bound(least, best.reach(*some)), float(dim + _PAIR)
        for kept in (number for number in _KEPT if number < dim):
            screen = cls(metric, center, np.ascontiguousarray(axes[:, :kept]))
            share = float((screen.left(some[0]) @ screen.right(some[1]).T >= bound).mean())
            cost = kept + _PAIR + share * _EXACT
            if cost < lowest_cost:
                best, lowest_cost = screen, cost
        return best

    def left(self, vectors: Floats2d) -> Floats2d:
        """Return the numbers of vectors (n, dim) that are on the left of a product, shape (n, width)."""
        return self._numbers(vectors, 0)

    def right(self, vectors: Floats2d) -> Floats2d:
        """Return the numbers of vectors (n, dim) that are on the right of a product, shape (n, width)."""
        return self._numbers(vectors, 1)

    def reach(self, left: Floats2d, right: Floats2d) -> float:
        """Return the greatest product that the lengths of two of these vectors have, which rounding is a part of."""
        if self.metric == "cosine":
            return 1.0
        longest = [max(float(queries.lengths(block).max()) for block in self._centred(side)) for side in (left, right)]
        return longest[0] * longest[1] if self.metric == "dot" else max(longest) ** 2

    def bound(self, least: float, reach: float) -> np.float32:
        """Return the product that each pair of vectors of this `reach` has that scores at least `least`."""
        product = least
        if self.metric == "euclidean":  # -d for the distance d
            product = -(least**2) / 2 if least < 0 else 0.0
        bound: np.float32 = np.float32(max(product - _ROUNDING * reach, -_LARGEST))
        return bound

    def _centred(self, vectors: Floats2d) -> Iterator[Floats2d]:
        """Iterate over the vectors as they are compared, some thousand at a time."""
        for start in range(0, len(vectors), _ROWS):
            block = vectors[start : start + _ROWS]
            if self.metric == "cosine":
                yield queries.unit(block)
            else:
                yield block - self.center if self.metric == "euclidean" else block

    def _numbers(self, vectors: Floats2d, side: int) -> Floats2d:
        kept = self.axes.shape[1]
        extra = 3 if self.metric == "euclidean" else 1
        found = np.empty((len(vectors), kept + extra), np.float32)
        start = 0
        for block in self._centred(vectors):
            own = found[start : start + len(block)]
            np.matmul(block, self.axes, out=own[:, :kept])
            squares = np.einsum("ij,ij->i", block, block)
            rest = squares - np.einsum("ij,ij->i", own[:, :kept], own[:, :kept])
            own[:, kept] = np.sqrt(np.maximum(rest, 0) + _LENGTH_ERROR * squares)  # never too short
            if extra == 3:  # -|x - y|² / 2 = xy - |x|² / 2 - |y|² / 2
                own[:, kept + 1 + side] = -squares / 2
                own[:, kept + 2 - side] = 1
            start += len(block)
        return found


def _spread(vectors: Floats2d, most: int) -> Floats2d:
    """Return at most so many of the vectors, evenly spread."""
    chosen = np.unique(np.linspace(0, len(vectors) - 1, min(most, len(vectors))).astype(np.int64))
    rows: Floats2d = np.asarray(vectors[chosen], np.float32)
    return rows


def _principal_axes(sample: Floats2d) -> Floats2d:
    """Return the axes of vectors, (dim, dim), in the order of how much of their squared length lies along them."""
    moments: Doubles2d = sample.T.astype(np.float64) @ sample
    along: Doubles1d
    along, axes = np.linalg.eigh(moments)
    rotated: Floats2d = axes[:, np.argsort(-along, kind="stable")].astype(np.float32)
    return rotated
