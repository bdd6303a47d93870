"""Vectors as bytes: turned so that what matters lies in front, cut there, and rounded.

Every metric becomes the Euclidean distance of points: unit vectors for the cosine; for the dot product each vector
gets one more dimension that makes all equally long (Bachrach et al. 2014, section 3). The points are turned to their
principal axes, and the first axes are kept. A code ends with two whole numbers: the point's squared length, also of
the axes left out, and the same with what unsigned bytes of a query add.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace import queries
from semspace.index.distances import LINE
from semspace.kernels.compiling import compiled
from semspace.text import mmap_array
from semspace.types import Floats1d, Floats2d

Codes = npt.NDArray[np.int8]
Share = Callable[[int, Callable[[int, int, Any], object]], object]
SUMS = 8  # bytes at the end of a code
_SAMPLE = 20_000  # vectors that the axes are fitted to
_ROWS = 8_192  # vectors that become codes at a time
_FINEST = 0.99999  # this share of the sample's numbers fits into a byte; the rest is cut to its ends
_USUAL, _UNUSUAL = 0.999, 4.0  # errors of codes: of nearly all of the sample, and how much more is too much
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
    worst : float
        The squared distance that a code may be away from its point. What lies farther off isn't like anything the codec
        was fitted to.
    """

    metric: str
    mean: Floats1d
    axes: Floats2d
    step: float
    reach: float
    energy: float
    worst: float = np.inf

    @classmethod
    def fit(cls, vectors: Floats2d, metric: str, lines: int | None = None) -> Codec:
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
        padded = np.zeros((len(mean), kept), np.float32)
        padded[:, : turned.shape[1]] = turned
        greatest = float(np.quantile(np.abs(points @ turned), _FINEST))
        scale = max(float(np.abs(mean).max()), float(np.abs(points).max()))
        step = (greatest if greatest > 1e-6 * scale else scale or 1.0) / 127  # points may be all alike
        codec = cls(metric, mean, padded, step, reach, float(shares[min(kept, len(shares)) - 1]))
        usual = float(np.quantile(codec._errors(points), _USUAL)) + kept * step**2 / 12
        return replace(codec, worst=_UNUSUAL * usual)

    def ask(self, vectors: Floats2d, share: Share) -> tuple[Codes, npt.NDArray[np.bool_]]:
        """Give the codes of queries, and tell of each whether its code can stand for it.

        `share` lets threads work on parts: a matrix product's own threads would stay awake, and in the way of the walk.
        """
        points = _points(vectors, self.metric, self.reach, asked=True) - self.mean
        codes, errors = rows_of_bytes(len(vectors), self.width), np.empty(len(vectors), np.float32)
        share(
            len(points),
            lambda first, last, _: turn(first, last, points, self._upright, np.float32(self.step), codes, errors),
        )
        return codes, errors <= self.worst

    @cached_property
    def _upright(self) -> Floats2d:
        """The axes, each a row."""
        upright: Floats2d = np.ascontiguousarray(self.axes.T)
        return upright

    def fits(self, vectors: Floats2d) -> npt.NDArray[np.bool_]:
        """Tell of each vector whether a code can stand for it."""
        parts = [
            self._errors(_points(block, self.metric, self.reach) - self.mean) <= self.worst
            for _, block in _blocks(vectors)
        ]
        return np.concatenate(parts)

    def _errors(self, points: Floats2d) -> Floats1d:
        """Give the squared distances of points from what their codes stand for."""
        turned = points @ self.axes
        held = np.clip(np.rint(turned / self.step), -127, 127) * np.float32(self.step)
        errors: Floats1d = np.einsum("ij,ij->i", points, points) - np.einsum("ij,ij->i", held, 2 * turned - held)
        return errors

    @property
    def width(self) -> int:
        """Bytes of a code."""
        return int(self.axes.shape[1]) + SUMS

    def encode(self, vectors: Floats2d) -> Codes:
        """Turn vectors into codes, some thousands at a time."""
        codes = rows_of_bytes(len(vectors), self.width)
        for start, block in _blocks(vectors):
            points: Floats2d = _points(block, self.metric, self.reach) - self.mean
            pack(points @ self.axes, np.einsum("ij,ij->i", points, points), np.float32(self.step), codes[start:])
        return codes


def rows_of_bytes(count: int, width: int) -> Codes:
    """Make a matrix of bytes that begins at a multiple of 64."""
    raw = np.zeros(count * width + LINE, np.int8)
    skip = -raw.ctypes.data % LINE
    return raw[skip : skip + count * width].reshape(count, width)


def _blocks(vectors: Floats2d) -> Iterator[tuple[int, Floats2d]]:
    return mmap_array.iter_slices(vectors, _ROWS)


def _longest(vectors: Floats2d) -> float:
    return max(float(queries.lengths(block).max()) for _, block in _blocks(vectors))


def _points(vectors: Floats2d, metric: str, reach: float, *, asked: bool = False) -> Floats2d:
    """Give the points whose Euclidean distances order as the metric does; a new array."""
    if metric == "euclidean":
        return vectors.astype(np.float32, copy=True)
    if metric == "cosine":
        return queries.unit(vectors)
    if asked:
        lengths = queries.lengths(vectors)[:, None]
        return np.hstack([vectors / np.where(lengths > 0, lengths, 1), np.zeros((len(vectors), 1), np.float32)])
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
def pack(points: Floats2d, norms: Floats1d, step: np.float32, codes: Codes) -> None:
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


@compiled
def turn(
    first: int, last: int, points: Floats2d, axes: Floats2d, step: np.float32, codes: Codes, errors: Floats1d
) -> None:
    """Turn points to their axes (rows), and write their codes, and how far squared these are from them."""
    turned = np.empty((1, axes.shape[0]), np.float32)
    norm = np.empty(1, np.float32)
    for i in range(first, last):
        size = np.float32(0)
        for d in range(points.shape[1]):
            size += points[i, d] * points[i, d]
        norm[0], error = size, size
        for j in range(axes.shape[0]):
            total = np.float32(0)
            for d in range(points.shape[1]):
                total += points[i, d] * axes[j, d]
            turned[0, j] = total
            held = min(max(np.rint(total / step), np.float32(-127)), np.float32(127)) * step
            error -= held * (2 * total - held)
        errors[i] = error
        pack(turned, norm, step, codes[i : i + 1])
