"""Linear maps in the kernels: rows are rounded to what the weights are, and multiplied panel by panel.

Every row is rounded by itself: for int8 with the least and the greatest of its own numbers. So what comes out for a
token depends on no other token, and that to the last bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import extending, types

from semspace.inference.gemm import ROWS, VECTORS, WIDTH, add_bytes, add_floats, add_halves
from semspace.inference.model import Floats, Linear
from semspace.kernels.simd import LANES, extremes, halve

_HALF, _ONE, _LEVELS, _TINY = np.float32(0.5), np.float32(1), np.float32(255), np.float32(1e-20)


class Left(NamedTuple):
    """Rounded rows: their bytes, and for int8 what a step of 1 and what 0 mean, for each row and group of inputs."""

    bytes: npt.NDArray[np.uint8]
    scale: Floats
    low: Floats


def rounded(weights: Any, x: Floats, rows: int, first: int, left: Left, group: int, of: int) -> None:
    """Round the columns of `x` from `first` on to the kind of `weights`, as group `group` `of` so many groups."""
    raise NotImplementedError  # compiled for each kind of weights


def multiply(
    linear: Linear, layer: int, place: int, panel: int, left: Left, group: int, of: int, rows: int, out: Floats, at: int
) -> None:
    """Add to the columns of `out` from `at` on what `left`'s group `group` gives with a panel of group `place`."""
    raise NotImplementedError  # compiled for each kind of weights


def _to_bytes(weights: Any, x: Floats, rows: int, first: int, left: Left, group: int, of: int) -> None:
    size = weights.shape[3] * 4
    for row in range(rows):
        numbers = x[row, first : first + size]
        low, high = extremes(numbers.ctypes.data, size // LANES)
        scale = max(high - low, _TINY) / _LEVELS
        inverse = _ONE / scale
        begin = (row * of + group) * size
        to = left.bytes[begin : begin + size]
        for i in range(size):
            to[i] = np.uint8(np.int32((numbers[i] - low) * inverse + _HALF))
        left.scale[row, group], left.low[row, group] = scale, low


def _to_halves(weights: Any, x: Floats, rows: int, first: int, left: Left, group: int, of: int) -> None:
    size = weights.shape[3] * 2
    for row in range(rows):
        numbers = x[row, first : first + size]
        halve(numbers.ctypes.data, left.bytes.ctypes.data + 2 * (row * of + group) * size, size // LANES)


def _to_floats(weights: Any, x: Floats, rows: int, first: int, left: Left, group: int, of: int) -> None:
    size = weights.shape[3]
    floats = left.bytes.view(np.float32)
    for row in range(rows):
        begin = (row * of + group) * size
        to, numbers = floats[begin : begin + size], x[row, first : first + size]
        for i in range(size):  # a slice assigned takes seconds to compile
            to[i] = numbers[i]


def _multiply_bytes(
    linear: Linear, layer: int, place: int, panel: int, left: Left, group: int, of: int, rows: int, out: Floats, at: int
) -> None:
    steps = linear.weights.shape[3]
    right, start = linear.weights[layer, place, panel].ctypes.data, left.bytes.ctypes.data + 4 * group * steps
    first = 4 * panel * WIDTH
    scales, sums = linear.scales[layer, place].ctypes.data + first, linear.sums[layer, place].ctypes.data + first
    by, of_by = out.strides[0], left.scale.strides[0]
    scale, low = left.scale.ctypes.data + 4 * group, left.low.ctypes.data + 4 * group
    for row in range(0, rows, ROWS):
        to, here = out.ctypes.data + row * by + 4 * at, row * of_by
        add_bytes(
            start + 4 * row * of * steps, 4 * of * steps, right, 4 * WIDTH, steps, to, by,
            scale + here, low + here, of_by, scales, sums, VECTORS,
        )  # fmt: skip


def _adding(tile: Any) -> Any:
    """Write `multiply` for a tile that adds up in float32 by itself."""

    def add(
        linear: Linear,
        layer: int,
        place: int,
        panel: int,
        left: Left,
        group: int,
        of: int,
        rows: int,
        out: Floats,
        at: int,
    ) -> None:
        steps = linear.weights.shape[3]
        right, start = linear.weights[layer, place, panel].ctypes.data, left.bytes.ctypes.data + 4 * group * steps
        by = out.strides[0]
        for row in range(0, rows, ROWS):
            to = out.ctypes.data + row * by + 4 * at
            tile(start + 4 * row * of * steps, 4 * of * steps, right, 4 * WIDTH, steps, to, by, VECTORS)

    return add


_ROUNDED: dict[Any, Any] = {types.int8: _to_bytes, types.uint16: _to_halves, types.float32: _to_floats}
_MULTIPLY: dict[Any, Any] = {
    types.int8: _multiply_bytes,
    types.uint16: _adding(add_halves),
    types.float32: _adding(add_floats),
}


# By the kind of the weights the compiler takes one or the other, as a part of what calls it.
@extending.overload(rounded, strict=False)
def _rounded(weights: Any, x: Any, rows: Any, first: Any, left: Any, group: Any, of: Any) -> Any:
    return _ROUNDED[weights.dtype]


@extending.overload(multiply, strict=False)
def _multiply(
    linear: Any, layer: Any, place: Any, panel: Any, left: Any, group: Any, of: Any, rows: Any, out: Any, at: Any
) -> Any:
    return _MULTIPLY[linear[0].dtype]
