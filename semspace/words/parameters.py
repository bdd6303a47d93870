"""The matrices that are trained, with rows aligned to lines of the cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from semspace.kernels.simd import LANES
from semspace.types import Floats2d, Int32s1d

_PAGE = 2**21  # bytes of a large page of memory, which takes fewer look-ups
_ROWS_PER_COPY = 16_384


class Matrices(NamedTuple):
    """The input vectors, of words and subwords, and the output vectors, of words; padded, see `rows_of_zeros`."""

    inputs: Floats2d
    outputs: Floats2d


def rows_of_zeros(n: int, dim: int) -> Floats2d:
    """Return `n` rows of zeros that hold `dim` numbers each.

    A row takes an odd number of cache lines: rows a power of two apart would compete for few lines of the cache.
    """
    width = LANES * (lanes(dim) | 1)
    raw = np.zeros(n * width + _PAGE // 4, np.float32)
    first = -raw.ctypes.data % _PAGE // 4
    return raw[first : first + n * width].reshape(n, width)


def lanes(dim: int) -> int:
    """Return how many vectors of 16 numbers hold `dim` numbers."""
    return -(-dim // LANES)


def randomize(rows: Floats2d, dim: int, rng: np.random.Generator) -> None:
    """Set rows to uniform random numbers within ``1 / dim`` of zero, as gensim and fastText do."""
    for part in _parts(len(rows)):
        rows[part, :dim] = (2 * rng.random((part.stop - part.start, dim), np.float32) - 1) / np.float32(dim)


def unpadded(rows: Floats2d, indices: Int32s1d, dim: int) -> Floats2d:
    """Return copies of rows without their padding, shape (len(indices), dim)."""
    copies = np.empty((len(indices), dim), np.float32)
    for part in _parts(len(indices)):
        copies[part] = rows[indices[part], :dim]
    return copies


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, min(start + _ROWS_PER_COPY, n)) for start in range(0, n, _ROWS_PER_COPY))
