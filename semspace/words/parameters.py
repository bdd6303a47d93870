"""The matrices that are trained: rows that start at lines of the cache, in an odd number of lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from semspace.types import Floats2d
from semspace.words.row_arithmetic import LANE

_PAGE = 2**21  # a large page: fewer of them are to be looked up
_ROWS = 16_384  # rows at a time, where a copy is made


class Matrices(NamedTuple):
    """The vectors of words and of their subwords, and those that predict words; padded, see `rows_of_zeros`."""

    inputs: Floats2d
    outputs: Floats2d


def rows_of_zeros(n: int, dim: int) -> Floats2d:
    """Make `n` rows of zeros that hold `dim` numbers.

    Were the rows a power of two apart, they would share few places of the cache and push each other out. An odd number
    of its lines spreads them over all.
    """
    width = LANE * (lanes(dim) | 1)
    raw = np.zeros(n * width + _PAGE // 4, np.float32)
    first = -raw.ctypes.data % _PAGE // 4
    return raw[first : first + n * width].reshape(n, width)


def lanes(dim: int) -> int:
    """Give how many vectors of 16 numbers hold `dim`."""
    return -(-dim // LANE)


def random_rows(rows: Floats2d, dim: int, draw: np.random.Generator) -> None:
    """Set rows to even random numbers within ``1 / dim`` of zero, as gensim and fastText do."""
    for part in _parts(len(rows)):
        rows[part, :dim] = (2 * draw.random((part.stop - part.start, dim), np.float32) - 1) / np.float32(dim)


def taken(rows: Floats2d, places: np.ndarray, dim: int) -> Floats2d:
    """Copy some rows without what pads them, shape (len(places), dim)."""
    out = np.empty((len(places), dim), np.float32)
    for part in _parts(len(places)):
        out[part] = rows[places[part], :dim]
    return out


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, min(start + _ROWS, n)) for start in range(0, n, _ROWS))
