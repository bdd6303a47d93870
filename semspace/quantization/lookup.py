"""Codes whose bytes each stand for some dimensions: bits, and product quantisation.

An inner product with a query is a sum over the bytes of a code, and a byte has 256 values; so the products of a query
with all vectors that a byte can stand for are computed once, and looked up (Jégou, Douze & Schmid 2011, section III).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.types import ArrayXd, Bytes2d, Floats1d, Floats2d, Floats3d

VALUES = 256  # of a byte
_BITS = 8
_ITERATIONS = 20
_ROWS = 4_096  # vectors encoded at a time
_PATTERNS = np.unpackbits(np.arange(VALUES, dtype=np.uint8)[:, None], axis=1)  # of each byte its bits, highest first


@dataclass(frozen=True, eq=False)
class BinaryCodec:
    """One bit for each dimension: whether its number lies above the mean.

    A bit stands for the mean of the numbers on its side, so a vector is known better than by its signs alone.

    Parameters
    ----------
    levels : ndarray of float32, shape (3, dim)
        Of each dimension the threshold, the mean of the numbers up to it, and the mean of those above.
    """

    levels: Floats2d
    precision: ClassVar[str] = "binary"
    dtype: ClassVar[str] = "|u1"

    @classmethod
    def fit(cls, vectors: Floats2d) -> BinaryCodec:
        """Return the codec with the means of some vectors."""
        threshold = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        above = vectors > threshold
        sums = [np.where(side, vectors, 0).sum(axis=0, dtype=np.float64) for side in (~above, above)]
        counts = [np.count_nonzero(side, axis=0) for side in (~above, above)]
        means = [np.where(n > 0, s / np.maximum(n, 1), threshold) for s, n in zip(sums, counts, strict=True)]
        return cls(np.stack([threshold, *means]).astype(np.float32))

    @property
    def dim(self) -> int:
        """Number of dimensions of the vectors."""
        return int(self.levels.shape[1])

    @property
    def width(self) -> int:
        """Number of columns of the codes."""
        return -(-self.dim // _BITS)

    def encode(self, vectors: Floats2d) -> ArrayXd:
        """Return eight bits in a byte, those of the first dimension highest."""
        return packed_bits(vectors, self.levels[0])

    def decode(self, codes: ArrayXd) -> Floats2d:
        """Return the level of each bit."""
        bits = np.unpackbits(codes, axis=1, count=self.dim)
        vectors: Floats2d = bits * (self.levels[2] - self.levels[1])
        vectors += self.levels[1]
        return vectors

    def products(self, codes: ArrayXd, queries: Floats2d) -> Floats2d:
        """Return the inner products of queries and coded vectors, shape (m, n)."""
        gains = np.zeros((len(queries), self.width * _BITS), np.float32)
        gains[:, : self.dim] = queries * (self.levels[2] - self.levels[1])
        tables = gains.reshape(len(queries), self.width, _BITS) @ _PATTERNS.T.astype(np.float32)
        return looked_up(codes, tables, queries @ self.levels[1])

    def arrays(self) -> Mapping[str, ArrayXd]:
        """Return the levels."""
        return {"levels": self.levels}


@dataclass(frozen=True, eq=False)
class ProductCodec:
    """Product quantisation: the dimensions are cut into parts, each stored as the nearest of 256 centroids.

    Jégou, Douze & Schmid (2011), "Product Quantization for Nearest Neighbor Search", IEEE TPAMI 33(1).

    Parameters
    ----------
    centroids : ndarray of float32, shape (parts, 256, dims)
        `dims` is the width of a part; the last one may be filled up with zeros.
    dim : int
    """

    centroids: Floats3d
    dim: int
    precision: ClassVar[str] = "product"
    dtype: ClassVar[str] = "|u1"

    @classmethod
    def fit(cls, vectors: Floats2d, code_bytes: int | None = None, seed: int = 0) -> ProductCodec:
        """Return the codec with centroids found by k-means (scikit-learn) in each part of the dimensions."""
        from sklearn.cluster import KMeans

        dim = vectors.shape[1]
        parts = max(1, -(-dim // _BITS) if code_bytes is None else code_bytes)
        if parts > dim:
            raise InputError(f"code_bytes must be at most the {dim} dimensions of this space; got {parts}")
        n_centroids = min(VALUES, len(vectors))
        split = _parted(vectors, parts)
        centroids = np.zeros((parts, VALUES, split.shape[2]), np.float32)
        for part in range(parts):
            points = np.ascontiguousarray(split[:, part])
            distinct = np.unique(points, axis=0)
            if len(distinct) <= n_centroids:
                found = distinct
            else:
                kmeans = KMeans(n_centroids, init="random", n_init=1, max_iter=_ITERATIONS, random_state=seed)
                found = kmeans.fit(points).cluster_centers_
            centroids[part, : len(found)] = found
            centroids[part, len(found) :] = found[0]  # no vector takes them: the first of equal ones is nearest
        return cls(centroids, dim)

    @property
    def width(self) -> int:
        """Number of columns of the codes."""
        return len(self.centroids)

    def encode(self, vectors: Floats2d) -> ArrayXd:
        """Return the number of the nearest centroid in each part."""
        codes: Bytes2d = np.empty((len(vectors), self.width), np.uint8)
        for start in range(0, len(vectors), _ROWS):
            split = _parted(vectors[start : start + _ROWS], self.width)
            for part, centroids in enumerate(self.centroids):
                distances = self._halves[part] - split[:, part] @ centroids.T
                codes[start : start + _ROWS, part] = distances.argmin(axis=1)
        return codes

    @cached_property
    def _halves(self) -> Floats2d:
        """Half the squared length of each centroid."""
        return np.einsum("pcd,pcd->pc", self.centroids, self.centroids) / 2  # type: ignore[no-any-return]

    def decode(self, codes: ArrayXd) -> Floats2d:
        """Return the centroids side by side."""
        pieces = self.centroids[np.arange(self.width), codes]
        side_by_side = pieces.reshape(len(codes), self.width * self.centroids.shape[2])
        vectors: Floats2d = np.ascontiguousarray(side_by_side[:, : self.dim])
        return vectors

    def products(self, codes: ArrayXd, queries: Floats2d) -> Floats2d:
        """Return the inner products of queries and coded vectors, shape (m, n)."""
        tables = np.einsum("mpd,pcd->mpc", _parted(queries, self.width), self.centroids, optimize=True)
        return looked_up(codes, tables, np.zeros(len(queries), np.float32))

    def arrays(self) -> Mapping[str, ArrayXd]:
        """Return the centroids."""
        return {"centroids": self.centroids}


def packed_bits(vectors: Floats2d, threshold: Floats1d | float) -> Bytes2d:
    """Return of each number whether it lies above a threshold, eight in a byte, the first one highest."""
    return np.packbits(vectors > threshold, axis=-1)


def looked_up(codes: ArrayXd, tables: Floats3d, base: Floats1d) -> Floats2d:
    """Return sums of table entries that the bytes of codes name, shape (m, n), on top of a base for each query."""
    from semspace.quantization.lookup_kernel import add_entries

    sums = np.empty((len(tables), len(codes)), np.float32)
    for query, table in enumerate(tables):
        add_entries(codes, np.ascontiguousarray(table, np.float32), np.float32(base[query]), sums[query])
    return sums


def _parted(vectors: Floats2d, parts: int) -> Floats3d:
    """Return vectors cut into parts of equal width, filled up with zeros: shape (n, parts, dims)."""
    n, dim = vectors.shape
    width = -(-dim // parts)
    if width * parts == dim:
        return vectors.reshape(n, parts, width)
    padded = np.zeros((n, width * parts), np.float32)
    padded[:, :dim] = vectors
    return padded.reshape(n, parts, width)


def check_code_bytes(code_bytes: int | None, precision: str) -> None:
    """Raise `InputError` where a number of bytes is given to a precision that has none, or isn't one."""
    if code_bytes is None:
        return
    if precision != ProductCodec.precision:
        raise InputError(f"code_bytes= is for the precision 'product'; {precision!r} has a length of its own")
    checks.whole("code_bytes", code_bytes)
