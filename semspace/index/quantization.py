"""Vectors quantised to bytes: rotated to their principal axes, truncated, and rounded.

Every metric becomes the Euclidean distance of points: unit vectors for the cosine; for the dot product each vector
gets one more dimension that makes all equally long (Bachrach et al. 2014, section 3). The points are rotated to their
principal axes, of which the first are kept. A code ends with two int32: the point's squared length, over all axes, and
the same plus a term for the unsigned bytes of queries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from semspace import queries
from semspace.index.distances import CACHE_LINE
from semspace.kernels.compiling import compiled
from semspace.text import mmap_array
from semspace.types import Bools1d, Doubles1d, Floats1d, Floats2d, Int8s2d

ShareWork = Callable[[int, Callable[[int, int, Any], object]], object]
SUMS = 8  # bytes at the end of a code
_SAMPLE = 20_000  # vectors that the axes are fitted to
_ROWS = 8_192  # vectors encoded at a time
_SHARING = 16  # queries that share a pass over the axes
_FINEST = 0.99999  # share of the sample's numbers that fit into a byte; the rest is clipped
_USUAL, _UNUSUAL = 0.999, 4.0  # quantile of the sample's errors, and the multiple of it that is too much
_ENOUGH = 0.95  # share of the variance to keep


@dataclass(frozen=True)
class Codec:
    """The quantisation of the vectors of a space.

    Parameters
    ----------
    metric : {"cosine", "dot", "euclidean"}
    mean : (dims,) float32
        The mean of the points.
    axes : (dims, kept) float32
        Principal axes, the first ones; `kept` is a multiple of 64 less 8.
    step : float
        The size of one unit of a byte.
    reach : float
        The greatest length of a vector (dot product only).
    energy : float
        Share of the variance along the axes that are kept.
    worst : float
        The largest acceptable squared error of a code. Points with larger errors are unlike those that the
        codec was fitted to.
    """

    metric: str
    mean: Floats1d
    axes: Floats2d
    step: float
    max_norm: float
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
        max_norm = float(_max_norm(vectors)) if metric == "dot" else 1.0
        points = _euclidean_points(sample, metric, max_norm)
        mean = points.mean(axis=0, dtype=np.float64).astype(np.float32)
        points -= mean
        variances, axes = np.linalg.eigh(points.T.astype(np.float64) @ points)
        order = np.argsort(-variances, kind="stable")
        shares = np.cumsum(np.maximum(variances[order], 0))
        shares = shares / shares[-1] if shares[-1] else np.ones_like(shares)
        kept = (lines or _cache_lines(shares)) * CACHE_LINE - SUMS
        rotated = _with_fixed_signs(axes[:, order[:kept]]).astype(np.float32)
        padded = np.zeros((len(mean), kept), np.float32)
        padded[:, : rotated.shape[1]] = rotated
        greatest = float(np.quantile(np.abs(points @ rotated), _FINEST))
        scale = max(float(np.abs(mean).max()), float(np.abs(points).max()))
        step = (greatest if greatest > 1e-6 * scale else scale or 1.0) / 127  # points may be all alike
        codec = cls(metric, mean, padded, step, max_norm, float(shares[min(kept, len(shares)) - 1]))
        usual = float(np.quantile(codec._errors(points), _USUAL)) + kept * step**2 / 12
        return replace(codec, worst=_UNUSUAL * usual)

    def encode_queries(self, vectors: Floats2d, share: ShareWork) -> tuple[Int8s2d, Bools1d]:
        """Return the codes of queries, and of each whether its code represents it well enough.

        `share` runs the work in threads; a matrix product's own threads would stay awake, and slow down the search.
        """
        codes, errors = rows_of_bytes(len(vectors), self.width), np.empty(len(vectors), np.float32)
        share(
            len(vectors),
            lambda first, last, _: encode_rows(
                first, last, vectors, self.metric != "euclidean", self.mean, self.axes, np.float32(self.step), codes,
                errors,
            ),
        )  # fmt: skip
        return codes, errors <= self.worst

    def fits(self, vectors: Floats2d) -> Bools1d:
        """Return of each vector whether a code represents it well enough."""
        parts = [
            self._errors(_euclidean_points(block, self.metric, self.max_norm) - self.mean) <= self.worst
            for _, block in _blocks(vectors)
        ]
        return np.concatenate(parts)

    def _errors(self, points: Floats2d) -> Floats1d:
        """Return the squared errors of the codes of points."""
        rotated = points @ self.axes
        held = np.clip(np.rint(rotated / self.step), -127, 127) * np.float32(self.step)
        errors: Floats1d = np.einsum("ij,ij->i", points, points) - np.einsum("ij,ij->i", held, 2 * rotated - held)
        return errors

    @property
    def width(self) -> int:
        """Bytes of a code."""
        return int(self.axes.shape[1]) + SUMS

    def encode(self, vectors: Floats2d) -> Int8s2d:
        """Return the codes of vectors, computed some thousands at a time."""
        codes = rows_of_bytes(len(vectors), self.width)
        for start, block in _blocks(vectors):
            points: Floats2d = _euclidean_points(block, self.metric, self.max_norm) - self.mean
            pack_codes(points @ self.axes, np.einsum("ij,ij->i", points, points), np.float32(self.step), codes[start:])
        return codes


def rows_of_bytes(count: int, width: int) -> Int8s2d:
    """Return a matrix of bytes whose address is a multiple of 64."""
    raw = np.zeros(count * width + CACHE_LINE, np.int8)
    skip = -raw.ctypes.data % CACHE_LINE
    return raw[skip : skip + count * width].reshape(count, width)


def _blocks(vectors: Floats2d) -> Iterator[tuple[int, Floats2d]]:
    return mmap_array.iter_slices(vectors, _ROWS)


def _max_norm(vectors: Floats2d) -> float:
    return max(float(queries.lengths(block).max()) for _, block in _blocks(vectors))


def _euclidean_points(vectors: Floats2d, metric: str, max_norm: float) -> Floats2d:
    """Return a new array of points whose Euclidean distances order as the metric does."""
    if metric == "euclidean":
        return vectors.astype(np.float32, copy=True)
    if metric == "cosine":
        return queries.unit(vectors)
    scaled = vectors / np.float32(max_norm)
    rest = np.sqrt(np.maximum(1 - np.einsum("ij,ij->i", scaled, scaled), 0))
    return np.hstack([scaled, rest[:, None]])


def _cache_lines(shares: Doubles1d) -> int:
    needed = int(np.searchsorted(shares, _ENOUGH)) + 1
    return max(1, -(-(needed + SUMS) // CACHE_LINE))


def _with_fixed_signs(axes: Doubles1d) -> Doubles1d:
    """Return the axes with signs that make their greatest component positive, since eigenvectors have no sign."""
    greatest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    rotated: Doubles1d = axes * np.where(greatest < 0, -1.0, 1.0)
    return rotated


@compiled
def pack_codes(points: Floats2d, norms: Floats1d, step: np.float32, codes: Int8s2d) -> None:
    """Round rotated points to bytes, followed by the sums that distances need."""
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
def encode_rows(
    first: int, last: int, vectors: Floats2d, scaled: bool, mean: Floats1d, axes: Floats2d, step: np.float32,
    codes: Int8s2d, errors: Floats1d,
) -> None:  # fmt: skip
    """Write the codes of queries, and the squared errors of these.

    A query is scaled to length 1 where `scaled`; of the dimensions that the mean has and queries don't, it has 0.
    Several queries share a pass over the axes (columns), which fill most of a cache. Each is summed up in the same
    order as if it came alone, so that its code is the same.
    """
    dims, width = axes.shape
    points = np.empty((_SHARING, dims), np.float32)
    rotated = np.empty((_SHARING, width), np.float32)
    norms = np.empty(_SHARING, np.float32)
    for start in range(first, last, _SHARING):
        several = min(_SHARING, last - start)
        for one in range(several):
            norms[one] = center(vectors[start + one], scaled, mean, points[one])
            rotated[one] = 0
        for d in range(0, dims - dims % 4, 4):
            for one in range(several):
                a, b, c, e = points[one, d], points[one, d + 1], points[one, d + 2], points[one, d + 3]
                for j in range(width):
                    rotated[one, j] += a * axes[d, j] + b * axes[d + 1, j] + c * axes[d + 2, j] + e * axes[d + 3, j]
        for d in range(dims - dims % 4, dims):
            for one in range(several):
                for j in range(width):
                    rotated[one, j] += points[one, d] * axes[d, j]
        for one in range(several):
            error = norms[one]
            for j in range(width):
                total = rotated[one, j]
                held = min(max(np.rint(total / step), np.float32(-127)), np.float32(127)) * step
                error -= held * (2 * total - held)
            errors[start + one] = error
        pack_codes(rotated[:several], norms, step, codes[start : start + several])


@compiled
def center(vector: Floats1d, scaled: bool, mean: Floats1d, point: Floats1d) -> Any:
    """Write a query less the mean to `point`; return its squared length."""
    length = np.float32(1)
    if scaled:
        total = np.float32(0)
        for d in range(len(vector)):
            total += vector[d] * vector[d]
        length = np.sqrt(total) if total > 0 else length
    size = np.float32(0)
    for d in range(len(mean)):
        number = vector[d] / length if d < len(vector) else np.float32(0)
        point[d] = number - mean[d]
        size += point[d] * point[d]
    return size
