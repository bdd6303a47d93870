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
    head: int,
    size: int,
    position_bias: Floats2d,
    workspace: AttentionWorkspace,
    out: Floats2d,
    column: int,
) -> None:
    """Write the attention output of one head for the tokens of one text.

    `qkv` holds queries, keys and values side by side; the head's begin at `head` of each and are `size` columns. The
    result goes to `size` columns of `out` from `column` on, in the rows of the text; up to `ROWS` - 1 rows after them
    are overwritten. `weights` are those of the model: their dtype decides the precision.
    """
    raise NotImplementedError  # compiled for each dtype of weights


def _attend_in_float32(
    weights: Any,
    qkv: Floats2d,
    first: int,
    length: int,
    head: int,
    size: int,
    position_bias: Floats2d,
    workspace: AttentionWorkspace,
    out: Floats2d,
    column: int,
) -> None:
    block, padded, stride = qkv.shape[1] // 3, (length + LANES - 1) // LANES * LANES, qkv.strides[0]
    out_stride = out.strides[0]
    keys = workspace.keys.view(np.float32)
    for token in range(length):  # what lies beyond the text's keys gives scores that nobody reads
        transposed, key = keys[token:], qkv[first + token, block + head : block + head + size]
        for i in range(size):
            transposed[i * padded] = key[i]
    queries = qkv.ctypes.data + first * stride + 4 * head
    values, right = queries + 8 * block, keys.ctypes.data
    scores, scores_stride = workspace.scores, workspace.scores.strides[0]
    for row in range(0, length, ROWS):
        left, token = queries + row * stride, 0
        while token + VECTORS * LANES <= padded:
            set_products(
                left, stride, right + 4 * token, 4 * padded, size, scores.ctypes.data + 4 * token, scores_stride,
                VECTORS,
            )  # fmt: skip
            token += VECTORS * LANES
        while token < padded:
            set_products(
                left, stride, right + 4 * token, 4 * padded, size, scores.ctypes.data + 4 * token, scores_stride, 1
            )
            token += LANES
        _softmax(workspace, row, length, padded, position_bias, False)
        result = out[first + row, column:].ctypes.data
        for offset in range(0, 4 * size, 8 * LANES):
            set_products(
                scores.ctypes.data, scores_stride, values + offset, stride, length, result + offset, out_stride, 2
            )
        _normalize(workspace, row, length, result, out_stride, size)


def _attend_in_bfloat16(
    weights: Any,
    qkv: Floats2d,
    first: int,
    length: int,
    head: int,
    size: int,
    position_bias: Floats2d,
    workspace: AttentionWorkspace,
    out: Floats2d,
    column: int,
) -> None:
    block, padded, out_stride = qkv.shape[1] // 3, (length + LANES - 1) // LANES * LANES, out.strides[0]
    _pack(qkv, first, length, head, size, block, padded, workspace)
    scores, probabilities, right = workspace.scores, workspace.probabilities, workspace.keys.ctypes.data
    scores_stride, stride, pairs = scores.strides[0], probabilities.strides[0], (length + 1) // 2
    for row in range(0, length, ROWS):
        left, token = workspace.queries.ctypes.data + 2 * row * size, 0
        while token + VECTORS * LANES <= padded:
            set_products_of_bfloat16(
                left, 2 * size, right + 4 * token, 4 * padded, size // 2, scores.ctypes.data + 4 * token,
                scores_stride, VECTORS,
            )  # fmt: skip
            token += VECTORS * LANES
        while token < padded:
            set_products_of_bfloat16(
                left, 2 * size, right + 4 * token, 4 * padded, size // 2, scores.ctypes.data + 4 * token,
                scores_stride, 1,
            )  # fmt: skip
            token += LANES
        _softmax(workspace, row, length, padded, position_bias, True)
        for i in range(ROWS):
            round_to_bfloat16(
                scores.ctypes.data + i * scores_stride, probabilities.ctypes.data + i * stride, padded // LANES
            )
        values, result = workspace.values.ctypes.data, out[first + row, column:].ctypes.data
        for offset in range(0, 4 * size, 8 * LANES):
            set_products_of_bfloat16(
                probabilities.ctypes.data, stride, values + offset, 4 * size, pairs, result + offset, out_stride, 2
            )
        _normalize(workspace, row, length, result, out_stride, size)


@compiled
def _pack(
    qkv: Floats2d, first: int, length: int, head: int, size: int, block: int, padded: int, workspace: AttentionWorkspace
) -> None:
    """Round a head's queries, keys and values to bfloat16, keys in pairs of dimensions, values in pairs of tokens."""
    base, stride = qkv.ctypes.data + 4 * head, qkv.strides[0]
    packed_key = workspace.packed_key
    for token in range(length):
        query = base + (first + token) * stride
        round_to_bfloat16(query, workspace.queries.ctypes.data + 2 * token * size, size // LANES)
        round_to_bfloat16(query + 4 * block, packed_key.ctypes.data, size // LANES)
        transposed = workspace.keys[token:]
        for i in range(size // 2):
            transposed[i * padded] = packed_key[i]
    for token in range(0, length, 2):
        value = base + (first + token) * stride + 8 * block
        # The last of an odd number is paired with itself: the probability of its partner is zero.
        partner = value + stride if token + 1 < length else value
        interleave_as_bfloat16(value, partner, workspace.values.ctypes.data + 2 * token * size, size // LANES)


@compiled
def _softmax(
    workspace: AttentionWorkspace, row: int, length: int, padded: int, position_bias: Floats2d, rough: bool
) -> None:
    """Exponentiate the scores of six queries, less exactly if `rough`, and keep the inverse of their sums."""
    center = (position_bias.shape[1] - 1) // 2
    for i in range(min(ROWS, length - row)):
        scores = workspace.scores[i]
        if len(position_bias):
            bias = position_bias[0, center - row - i : center - row - i + length]
            for j in range(length):
                scores[j] += bias[j]
        if length < padded:
            fill_tail(scores.ctypes.data, length, _MASKED)
        _, maximum = min_and_max(scores.ctypes.data, padded // LANES)
        if rough:
            workspace.inverse_sums[i] = _ONE / exp_and_sum(scores.ctypes.data, padded // LANES, maximum, 3)
        else:
            workspace.inverse_sums[i] = _ONE / exp_and_sum(scores.ctypes.data, padded // LANES, maximum, 6)


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
    weights: Any,
    qkv: Any,
    first: Any,
    length: Any,
    head: Any,
    size: Any,
    position_bias: Any,
    workspace: Any,
    out: Any,
    column: Any,
) -> Any:
    return _ATTEND[weights.dtype]
