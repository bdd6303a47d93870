"""Vectors as bytes: turned so that what matters lies in front, cut there, and rounded.

Every metric becomes the Euclidean distance of points: unit vectors for the cosine; for the dot product each vector
gets one more dimension that makes all equally long (Bachrach et al. 2014, section 3). The points are turned to their
principal axes, and the first axes are kept. A code ends with two whole numbers: the point's squared length, also of
the axes left out, and the same with what unsigned bytes of a query add.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semspace import queries
from semspace.checks import FloatMatrix, FloatVector
from semspace.index.distances import LINE
from semspace.inference.compiling import compiled
from semspace.text import stored

Codes = npt.NDArray[np.int8]
SUMS = 8  # bytes at the end of a code
_SAMPLE = 20_000  # vectors that the axes are fitted to
_ROWS = 8_192  # vectors that become codes at a time
_FINEST = 0.99999  # this share of the sample's numbers fits into a byte; the rest is cut to its ends
_ENOUGH = 0.95  # of the variance is kept, or more


@dataclass(frozen=True)
class Codec:
    """How the vectors of a space become codes.

    Parameters
    ----------
    metric : {"cosine", "dot", "euclidean"}
    mean : (dims,) float32
        The middle of the points.
    axes : (dims, kept) float32
        Principal axes, the first ones; `kept` is a multiple of 64 less 8.
    step : float
        What one unit of a byte stands for.
    reach : float
        The greatest length of a vector (dot product only).
    energy : float
        Share of the variance along the axes kept.
    """

    metric: str
    mean: FloatVector
    axes: FloatMatrix
    step: float
    reach: float
    energy: float

    @classmethod
    def fit(cls, vectors: FloatMatrix, metric: str, lines: int | None = None) -> Codec:
        """Fit a codec to vectors: to a sample of them, evenly spread.

        Parameters
        ----------
        lines : int, optional
            Cache lines of 64 bytes that a code is to take; by default as many as keep 95 % of the variance.
        """
        every = max(1, len(vectors) // _SAMPLE)
        sample = np.array(vectors[::every])
        reach = float(_longest(vectors)) if metric == "dot" else 1.0
        points = _points(sample, metric, reach)
        mean = points.mean(axis=0, dtype=np.float64).astype(np.float32)
        points -= mean
        variances, axes = np.linalg.eigh(points.T.astype(np.float64) @ points)
        order = np.argsort(-variances, kind="stable")
        shares = np.cumsum(np.maximum(variances[order], 0))
        shares = shares / shares[-1] if shares[-1] else np.ones_like(shares)
        kept = (lines or _lines(shares)) * LINE - SUMS
        turned = _as_seen(axes[:, order[:kept]]).astype(np.float32)
        step = float(np.quantile(np.abs(points @ turned), _FINEST)) / 127
        padded = np.zeros((len(mean), kept), np.float32)
        padded[:, : turned.shape[1]] = turned
        return cls(metric, mean, padded, step or 1.0, reach, float(shares[min(kept, len(shares)) - 1]))

    @property
    def width(self) -> int:
        """Bytes of a code."""
        return int(self.axes.shape[1]) + SUMS

    def encode(self, vectors: FloatMatrix, out: Codes | None = None, *, asked: bool = False) -> Codes:
        """Turn vectors into codes, some thousands at a time; of queries (`asked`) only the direction counts for dot."""
        codes = rows_of_bytes(len(vectors), self.width) if out is None else out
        for start, block in _blocks(vectors):
            points: FloatMatrix = _points(block, self.metric, self.reach, asked=asked) - self.mean
            pack(points @ self.axes, np.einsum("ij,ij->i", points, points), np.float32(self.step), codes[start:])
        return codes


def rows_of_bytes(count: int, width: int) -> Codes:
    """Make a matrix of bytes that begins at a multiple of 64."""
    raw = np.zeros(count * width + LINE, np.int8)
    skip = -raw.ctypes.data % LINE
    return raw[skip : skip + count * width].reshape(count, width)


def _blocks(vectors: FloatMatrix) -> Iterator[tuple[int, FloatMatrix]]:
    return stored.pieces(vectors, _ROWS)


def _longest(vectors: FloatMatrix) -> float:
    return max(float(queries.lengths(block).max()) for _, block in _blocks(vectors))


def _points(vectors: FloatMatrix, metric: str, reach: float, *, asked: bool = False) -> FloatMatrix:
    """Give the points whose Euclidean distances order as the metric does; a new array."""
    if metric == "euclidean":
        return vectors.astype(np.float32, copy=True)
    if metric == "cosine":
        return queries.unit(vectors)
    if asked:
        return np.hstack([queries.unit(vectors), np.zeros((len(vectors), 1), np.float32)])
    scaled = vectors / np.float32(reach)
    rest = np.sqrt(np.maximum(1 - np.einsum("ij,ij->i", scaled, scaled), 0))
    return np.hstack([scaled, rest[:, None]])


def _lines(shares: npt.NDArray[np.float64]) -> int:
    needed = int(np.searchsorted(shares, _ENOUGH)) + 1
    return max(1, -(-(needed + SUMS) // LINE))


def _as_seen(axes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Turn each axis so that its greatest part is positive: an eigenvector's sign is anyone's choice."""
    greatest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    turned: npt.NDArray[np.float64] = axes * np.where(greatest < 0, -1.0, 1.0)
    return turned


@compiled
def pack(points: FloatMatrix, norms: FloatVector, step: np.float32, codes: Codes) -> None:
    """Round turned points to bytes, and write behind them what distances need."""
    sums = codes.view(np.int32)
    for i in range(len(points)):
        total = 0
        for j in range(points.shape[1]):
            number = min(max(np.rint(points[i, j] / step), np.float32(-127)), np.float32(127))
            codes[i, j] = np.int8(number)
            total += np.int64(number)
        norm = np.int64(min(norms[i] / (step * step), np.float32(1 << 29)))
        sums[i, -2] = norm
        sums[i, -1] = norm + 256 * total
