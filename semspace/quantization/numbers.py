"""Codes with one number for each dimension: half precision, and 8-bit integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from semspace.errors import InputError
from semspace.types import ArrayXd, Floats1d, Floats2d

STEPS = 255
_LOWEST = -128  # the least number of 8 bits
_HALF_MOST, _HALF_LEAST = 65_504.0, 2.0**-14  # the largest number of half precision, and the least with all its digits


@dataclass(frozen=True)
class Float16Codec:
    """Numbers of half precision: 11 binary digits instead of 24."""

    dim: int
    precision: ClassVar[str] = "float16"
    dtype: ClassVar[str] = "<f2"

    @classmethod
    def fit(cls, vectors: Floats2d) -> Float16Codec:
        """Return the codec, or raise `InputError` where half precision doesn't reach so far."""
        sizes = np.abs(vectors).max(axis=1)
        if sizes.max() > _HALF_MOST or sizes.min() < _HALF_LEAST:
            size = float(sizes.max() if sizes.max() > _HALF_MOST else sizes.min())
            raise InputError(
                f"float16 holds numbers from {_HALF_LEAST:.1g} to {_HALF_MOST:,.0f}, and the largest number of a "
                f"vector here is {size:.2g}; scale the vectors to length 1"
            )
        return cls(vectors.shape[1])

    @property
    def width(self) -> int:
        """Number of columns of the codes."""
        return self.dim

    def encode(self, vectors: Floats2d) -> ArrayXd:
        """Return vectors in half precision, rounded to the nearest number."""
        return vectors.astype(self.dtype)

    def decode(self, codes: ArrayXd) -> Floats2d:
        """Return codes in single precision, which holds them exactly."""
        return codes.astype(np.float32)

    def products(self, codes: ArrayXd, queries: Floats2d) -> Floats2d:
        """Return the inner products of queries and coded vectors, shape (m, n)."""
        products: Floats2d = queries @ self.decode(codes).T
        return products

    def arrays(self) -> Mapping[str, ArrayXd]:
        """Return nothing: there is nothing to know."""
        return {}


@dataclass(frozen=True, eq=False)
class Int8Codec:
    """8-bit integers: the range of each dimension is cut into 255 steps.

    Parameters
    ----------
    ranges : ndarray of float32, shape (2, dim)
        The lowest and the highest number of each dimension; what lies beyond is taken for the nearer end.
    """

    ranges: Floats2d
    precision: ClassVar[str] = "int8"
    dtype: ClassVar[str] = "|i1"

    @classmethod
    def fit(cls, vectors: Floats2d) -> Int8Codec:
        """Return the codec with the ranges of some vectors."""
        return cls(ranges_of(vectors))

    @property
    def dim(self) -> int:
        """Number of dimensions of the vectors."""
        return int(self.ranges.shape[1])

    @property
    def width(self) -> int:
        """Number of columns of the codes."""
        return self.dim

    def encode(self, vectors: Floats2d) -> ArrayXd:
        """Return the number of the step that each number is in, from -128."""
        return int8_codes(vectors, self.ranges)

    def decode(self, codes: ArrayXd) -> Floats2d:
        """Return the middle of the step that each code stands for."""
        vectors: Floats2d = codes.astype(np.float32)
        vectors *= self._step
        vectors += self._offset
        return vectors

    def products(self, codes: ArrayXd, queries: Floats2d) -> Floats2d:
        """Return the inner products of queries and coded vectors, shape (m, n)."""
        products: Floats2d = (queries * self._step) @ codes.astype(np.float32).T
        products += (queries @ self._offset)[:, None]
        return products

    @cached_property
    def _step(self) -> Floats1d:
        return (self.ranges[1] - self.ranges[0]) / np.float32(STEPS)  # type: ignore[no-any-return]

    @cached_property
    def _offset(self) -> Floats1d:
        return self.ranges[0] + self._step * np.float32(0.5 - _LOWEST)  # type: ignore[no-any-return]

    def arrays(self) -> Mapping[str, ArrayXd]:
        """Return the ranges."""
        return {"ranges": self.ranges}


def ranges_of(vectors: Floats2d) -> Floats2d:
    """Return the lowest and the highest number of each dimension, shape (2, dim)."""
    return np.stack([vectors.min(axis=0), vectors.max(axis=0)])


def int8_codes(vectors: Floats2d, ranges: Floats2d) -> ArrayXd:
    """Return the step of each number in the range of its dimension, from -128 to 127, as sentence-transformers does."""
    step = (ranges[1] - ranges[0]) / STEPS
    step[step == 0] = 1
    steps: ArrayXd = np.clip(np.floor((vectors - ranges[0]) / step), 0, STEPS)
    return (steps + _LOWEST).astype(np.int8)
