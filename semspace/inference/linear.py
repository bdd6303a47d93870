"""Linear layers in the kernels: rows are quantised to the dtype of the weights, and multiplied panel by panel.

Every row is quantised by itself: for int8 with its own least and greatest number. So the result for a token depends on
no other token, down to the last bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import extending, types

from semspace.inference.gemm import (
    ROWS,
    VECTORS,
    WIDTH,
    add_products,
    add_products_of_bfloat16,
    add_products_of_bytes,
)
from semspace.inference.model import Linear
from semspace.inference.row_operations import min_and_max, round_to_bfloat16
from semspace.kernels.byte_products import LARGEST_BYTE
from semspace.kernels.simd import LANES
from semspace.types import Bytes1d, Floats2d

_HALF, _ONE, _LEAST_RANGE = np.float32(0.5), np.float32(1), np.float32(1e-20)
_LEVELS = np.float32(LARGEST_BYTE)


class QuantizedRows(NamedTuple):
    """Rows in the dtype of the weights, as bytes; for int8 also the value of a step of 1 and of 0.

    `scale` and `minimum` have one number for each row and group of inputs.
    """

    data: Bytes1d
    scale: Floats2d
    minimum: Floats2d


def quantize(
    weights: Any, x: Floats2d, rows: int, first: int, quantized: QuantizedRows, group: int, groups: int
) -> None:
    """Quantise the columns of `x` from `first` on for these weights, as group `group` of `groups`."""
    raise NotImplementedError  # compiled for each dtype of weights


def multiply(
    linear: Linear, layer: int, weight_group: int, panel: int, quantized: QuantizedRows, group: int, groups: int,
    first: int, last: int, out: Floats2d, column: int,
) -> None:  # fmt: skip
    """Add the product of some rows of a group of `quantized` with a panel of weights to the columns of `out`.

    Row `first` goes to row 0 of `out`, the first column to `column`. `first` is a multiple of `ROWS`; up to `ROWS` - 1
    rows after `last` are changed, too.
    """
    raise NotImplementedError  # compiled for each dtype of weights


def _to_bytes(
    weights: Any, x: Floats2d, rows: int, first: int, quantized: QuantizedRows, group: int, groups: int
) -> None:
    size = weights.shape[3] * 4
    for row in range(rows):
        numbers = x[row, first : first + size]
        minimum, maximum = min_and_max(numbers.ctypes.data, size // LANES)
        scale = max(maximum - minimum, _LEAST_RANGE) / _LEVELS
        inverse = _ONE / scale
        start = (row * groups + group) * size
        out = quantized.data[start : start + size]
        for i in range(size):
            out[i] = np.uint8(np.int32((numbers[i] - minimum) * inverse + _HALF))
        quantized.scale[row, group], quantized.minimum[row, group] = scale, minimum


def _to_bfloat16(
    weights: Any, x: Floats2d, rows: int, first: int, quantized: QuantizedRows, group: int, groups: int
) -> None:
    size = weights.shape[3] * 2
    for row in range(rows):
        numbers = x[row, first : first + size]
        out = quantized.data.ctypes.data + 2 * (row * groups + group) * size
        round_to_bfloat16(numbers.ctypes.data, out, size // LANES)


def _to_floats(
    weights: Any, x: Floats2d, rows: int, first: int, quantized: QuantizedRows, group: int, groups: int
) -> None:
    size = weights.shape[3]
    data = quantized.data.view(np.float32)
    for row in range(rows):
        start = (row * groups + group) * size
        out, numbers = data[start : start + size], x[row, first : first + size]
        for i in range(size):  # assigning a slice takes seconds to compile
            out[i] = numbers[i]


def _multiply_bytes(
    linear: Linear, layer: int, weight_group: int, panel: int, quantized: QuantizedRows, group: int, groups: int,
    first: int, last: int, out: Floats2d, column: int,
) -> None:  # fmt: skip
    steps = linear.weights.shape[3]
    right = linear.weights[layer, weight_group, panel].ctypes.data
    left, left_stride = quantized.data.ctypes.data + 4 * group * steps, 4 * groups * steps
    place = 4 * panel * WIDTH
    column_scales = linear.scales[layer, weight_group].ctypes.data + place
    column_sums = linear.sums[layer, weight_group].ctypes.data + place
    out_stride, scale_stride = out.strides[0], quantized.scale.strides[0]
    scale, minimum = quantized.scale.ctypes.data + 4 * group, quantized.minimum.ctypes.data + 4 * group
    for row in range(first, last, ROWS):
        to, scale_offset = out.ctypes.data + (row - first) * out_stride + 4 * column, row * scale_stride
        add_products_of_bytes(
            left + row * left_stride, left_stride, right, 4 * WIDTH, steps, to, out_stride,
            scale + scale_offset, minimum + scale_offset, scale_stride, column_scales, column_sums, VECTORS,
        )  # fmt: skip


def _multiplying(add_tile: Any) -> Any:
    """Return `multiply` for a tile whose products are added up in float32."""

    def multiplied(
        linear: Linear, layer: int, weight_group: int, panel: int, quantized: QuantizedRows, group: int, groups: int,
        first: int, last: int, out: Floats2d, column: int,
    ) -> None:  # fmt: skip
        steps = linear.weights.shape[3]
        right = linear.weights[layer, weight_group, panel].ctypes.data
        left, left_stride = quantized.data.ctypes.data + 4 * group * steps, 4 * groups * steps
        out_stride = out.strides[0]
        for row in range(first, last, ROWS):
            to = out.ctypes.data + (row - first) * out_stride + 4 * column
            add_tile(left + row * left_stride, left_stride, right, 4 * WIDTH, steps, to, out_stride, VECTORS)

    return multiplied


_QUANTIZE: dict[Any, Any] = {types.int8: _to_bytes, types.uint16: _to_bfloat16, types.float32: _to_floats}
_MULTIPLY: dict[Any, Any] = {
    types.int8: _multiply_bytes,
    types.uint16: _multiplying(add_products_of_bfloat16),
    types.float32: _multiplying(add_products),
}


# The compiler picks one by the dtype of the weights and makes it a part of the caller.
@extending.overload(quantize, strict=False)
def _quantize(weights: Any, x: Any, rows: Any, first: Any, quantized: Any, group: Any, groups: Any) -> Any:
    return _QUANTIZE[weights.dtype]


@extending.overload(multiply, strict=False)
def _multiply(
    linear: Any, layer: Any, weight_group: Any, panel: Any, quantized: Any, group: Any, groups: Any, first: Any,
    last: Any, out: Any, column: Any,
) -> Any:  # fmt: skip
    return _MULTIPLY[linear[0].dtype]
