"""Attention of one head over one text (Vaswani et al. 2017, equation 1), in float32 or in bfloat16 where it is faster.

Six queries at a time are multiplied with all keys, their scores go through softmax and are multiplied with all values,
so the scores never leave the first cache. Sums are float32 in either case.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import extending, types

from semspace.inference.gemm import FEATURES, ROWS, VECTORS, set_products, set_products_of_bfloat16
from semspace.inference.model import aligned_zeros
from semspace.inference.row_operations import (
    exp_and_sum,
    fill_tail,
    interleave_as_bfloat16,
    min_and_max,
    round_to_bfloat16,
    scale_row,
)
from semspace.kernels.compiling import compiled
from semspace.kernels.simd import LANES
from semspace.types import Floats1d, Floats2d, UInt16sXd, UInt32s1d

_VALUES = 2 if VECTORS > 1 else 1  # vectors of a head's values at a time: a head has an even number of them
_ONE, _MASKED = np.float32(1), np.float32(-3e38)  # the score of what isn't a token


class AttentionWorkspace(NamedTuple):
    """Memory for the queries, keys and values of one head and text, and for the scores of six queries.

    Keys and values in bfloat16 lie in pairs, each of 32 bits; `packed_key` is a key before its pairs are spread.
    """

    queries: UInt16sXd
    keys: UInt32s1d
    values: UInt32s1d
    scores: Floats2d
    probabilities: UInt16sXd
    inverse_sums: Floats1d
    packed_key: UInt32s1d


def attention_workspace(max_tokens: int, head_size: int) -> AttentionWorkspace:
    """Return memory for texts of up to `max_tokens`."""
    padded = -(-max_tokens // LANES) * LANES
    return AttentionWorkspace(
        aligned_zeros(((padded + ROWS) * head_size,), np.uint16),
        aligned_zeros((padded * head_size,), np.uint32),
        aligned_zeros(((padded // 2 + 1) * head_size,), np.uint32),
        aligned_zeros((ROWS, padded), np.float32),
        aligned_zeros((ROWS, padded), np.uint16),
        aligned_zeros((ROWS,), np.float32),
        aligned_zeros((head_size,), np.uint32),
    )


def attend(
    weights: Any,
    qkv: Floats2d,
    first: int,
    length: int,
    query: int,
    key: int,
    value: int,
    size: int,
    window: int,
    causal: bool,
    position_bias: Floats2d,
    workspace: AttentionWorkspace,
    out: Floats2d,
    column: int,
) -> None:
    """Write the attention output of one head for the tokens of one text.

    The head's queries, keys and values are `size` columns of `qkv`, from the columns `query`, `key` and `value` on. A
    query sees `window` tokens before it and after it, and if `causal` none after it. The result goes to `size` columns
    of `out` from `column` on, in the rows of the text; up to `ROWS` - 1 rows after them are overwritten. `weights` are
    those of the model: their dtype decides the precision.
    """
    raise NotImplementedError  # compiled for each dtype of weights


def _attend_in_float32(
    weights: Any,
    qkv: Floats2d,
    first: int,
    length: int,
    query: int,
    key: int,
    value: int,
    size: int,
    window: int,
    causal: bool,
    position_bias: Floats2d,
    workspace: AttentionWorkspace,
    out: Floats2d,
    column: int,
) -> None:
    padded, stride, out_stride = (length + LANES - 1) // LANES * LANES, qkv.strides[0], out.strides[0]
    keys = workspace.keys.view(np.float32)
    for token in range(length):  # what lies beyond the text's keys gives scores that nobody reads
        transposed, numbers = keys[token:], qkv[first + token, key : key + size]
        for i in range(size):
            transposed[i * padded] = numbers[i]
    base = qkv.ctypes.data + first * stride
    queries, values = base + 4 * query, base + 4 * value
    right = keys.ctypes.data
    scores, scores_stride = workspace.scores, workspace.scores.strides[0]
    for row in range(0, length, ROWS):
        start, end = _seen(row, min(row + ROWS, length) - 1, length, window, causal)
        start = start // LANES * LANES
        stop = (end + LANES - 1) // LANES * LANES
        left, token = queries + row * stride, start
        while token + VECTORS * LANES <= stop:
            set_products(
                left, stride, right + 4 * token, 4 * padded, size, scores.ctypes.data + 4 * token, scores_stride,
                VECTORS,
            )  # fmt: skip
            token += VECTORS * LANES
        while token < stop:
            set_products(
                left, stride, right + 4 * token, 4 * padded, size, scores.ctypes.data + 4 * token, scores_stride, 1
            )
            token += LANES
        _softmax(workspace, row, length, start, stop, window, causal, position_bias, False)
        result = out[first + row, column:].ctypes.data
        for offset in range(0, 4 * size, 4 * LANES * _VALUES):
            set_products(
                scores.ctypes.data + 4 * start, scores_stride, values + start * stride + offset, stride, end - start,
                result + offset, out_stride, _VALUES,
            )  # fmt: skip
        _normalize(workspace, row, length, result, out_stride, size)


def _attend_in_bfloat16(
    weights: Any,
    qkv: Floats2d,
    first: int,
    length: int,
    query: int,
    key: int,
    value: int,
    size: int,
    window: int,
    causal: bool,
    position_bias: Floats2d,
    workspace: AttentionWorkspace,
    out: Floats2d,
    column: int,
) -> None:
    padded, out_stride = (length + LANES - 1) // LANES * LANES, out.strides[0]
    _pack(qkv, first, length, query, key, value, size, padded, workspace)
    scores, probabilities, right = workspace.scores, workspace.probabilities, workspace.keys.ctypes.data
    scores_stride, stride = scores.strides[0], probabilities.strides[0]
    for row in range(0, length, ROWS):
        start, end = _seen(row, min(row + ROWS, length) - 1, length, window, causal)
        start = start // LANES * LANES
        stop = (end + LANES - 1) // LANES * LANES
        left, token = workspace.queries.ctypes.data + 2 * row * size, start
        while token + VECTORS * LANES <= stop:
            set_products_of_bfloat16(
                left, 2 * size, right + 4 * token, 4 * padded, size // 2, scores.ctypes.data + 4 * token,
                scores_stride, VECTORS,
            )  # fmt: skip
            token += VECTORS * LANES
        while token < stop:
            set_products_of_bfloat16(
                left, 2 * size, right + 4 * token, 4 * padded, size // 2, scores.ctypes.data + 4 * token,
                scores_stride, 1,
            )  # fmt: skip
            token += LANES
        _softmax(workspace, row, length, start, stop, window, causal, position_bias, True)
        for i in range(ROWS):
            round_to_bfloat16(
                scores.ctypes.data + i * scores_stride + 4 * start, probabilities.ctypes.data + i * stride + 2 * start,
                (stop - start) // LANES,
            )  # fmt: skip
        values, result = workspace.values.ctypes.data + 2 * start * size, out[first + row, column:].ctypes.data
        for offset in range(0, 4 * size, 4 * LANES * _VALUES):
            set_products_of_bfloat16(
                probabilities.ctypes.data + 2 * start, stride, values + offset, 4 * size, (end - start + 1) // 2,
                result + offset, out_stride, _VALUES,
            )  # fmt: skip
        _normalize(workspace, row, length, result, out_stride, size)


@compiled
def _seen(first: int, last: int, length: int, window: int, causal: bool) -> tuple[int, int]:
    """Return the first token that one of the queries `first` to `last` sees, and one past the last."""
    return max(0, first - window), min(length, last + 1 if causal else last + 1 + window)


@compiled
def _pack(
    qkv: Floats2d, first: int, length: int, query: int, key: int, value: int, size: int, padded: int,
    workspace: AttentionWorkspace,
) -> None:  # fmt: skip
    """Round a head's queries, keys and values to bfloat16, keys in pairs of dimensions, values in pairs of tokens."""
    base, stride = qkv.ctypes.data, qkv.strides[0]
    packed_key = workspace.packed_key
    for token in range(length):
        row = base + (first + token) * stride
        round_to_bfloat16(row + 4 * query, workspace.queries.ctypes.data + 2 * token * size, size // LANES)
        round_to_bfloat16(row + 4 * key, packed_key.ctypes.data, size // LANES)
        transposed = workspace.keys[token:]
        for i in range(size // 2):
            transposed[i * padded] = packed_key[i]
    for token in range(0, length, 2):
        low = base + (first + token) * stride + 4 * value
        # The last of an odd number is paired with itself: the probability of its partner is zero.
        high = low + stride if token + 1 < length else low
        interleave_as_bfloat16(low, high, workspace.values.ctypes.data + 2 * token * size, size // LANES)


@compiled
def _softmax(
    workspace: AttentionWorkspace, row: int, length: int, start: int, stop: int, window: int, causal: bool,
    position_bias: Floats2d, rough: bool,
) -> None:  # fmt: skip
    """Exponentiate the scores of six queries, less exactly if `rough`, and keep the inverse of their sums.

    The scores are those of the keys `start` to `stop`; what a query doesn't see counts nothing.
    """
    center, vectors = (position_bias.shape[1] - 1) // 2, (stop - start) // LANES
    for i in range(min(ROWS, length - row)):
        first, last = _seen(row + i, row + i, length, window, causal)
        scores = workspace.scores[i]
        address = scores[start:].ctypes.data
        if len(position_bias):
            bias = position_bias[0, center - row - i + start : center - row - i + last]
            seen = scores[start:last]
            for j in range(len(seen)):
                seen[j] += bias[j]
        for j in range(start, first):
            scores[j] = _MASKED
        if last < stop:
            edge = min(stop, (last + LANES - 1) // LANES * LANES)
            if last < edge:
                fill_tail(address, last - start, _MASKED)
            for j in range(edge, stop):
                scores[j] = _MASKED
        _, maximum = min_and_max(address, vectors)
        if rough:
            workspace.inverse_sums[i] = _ONE / exp_and_sum(address, vectors, maximum, 3)
        else:
            workspace.inverse_sums[i] = _ONE / exp_and_sum(address, vectors, maximum, 6)


@compiled
def _normalize(workspace: AttentionWorkspace, row: int, length: int, result: int, stride: int, size: int) -> None:
    """Divide the weighted sums of values of six queries by the sums of their weights."""
    for i in range(min(ROWS, length - row)):
        scale_row(result + i * stride, size // LANES, workspace.inverse_sums[i])


_HAS_BFLOAT16 = bool(FEATURES.get("avx512bf16"))
_ATTEND: dict[Any, Any] = {
    types.int8: _attend_in_bfloat16 if _HAS_BFLOAT16 else _attend_in_float32,
    types.uint16: _attend_in_bfloat16,
    types.float32: _attend_in_float32,
}


@extending.overload(attend, strict=False)
def _attend(
    weights: Any, qkv: Any, first: Any, length: Any, query: Any, key: Any, value: Any, size: Any, window: Any,
    causal: Any, position_bias: Any, workspace: Any, out: Any, column: Any,
) -> Any:  # fmt: skip
    return _ATTEND[weights.dtype]
