"""Attention of one head over one text (Vaswani et al. 2017, equation 1), in float32 or in bfloat16 where it is faster.

Six queries at a time are multiplied with all keys, put through the soft maximum, and multiplied with all values, so
that their scores never leave the first cache. Sums are float32 in either case.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import extending, types

from semspace.inference.gemm import FEATURES, ROWS, VECTORS, set_floats, set_halves
from semspace.inference.model import Floats, aligned
from semspace.kernels.compiling import compiled
from semspace.kernels.simd import LANES, cover, exponentials, extremes, halve, halve_pairs, scale_row

_ONE, _LOWEST = np.float32(1), np.float32(-3e38)
Pairs = npt.NDArray[np.uint32]


class Heads(NamedTuple):
    """Where queries, keys, values of one head of one text lie, and the scores of six queries."""

    queries: npt.NDArray[np.uint16]
    keys: Pairs
    values: Pairs
    scores: Floats
    shares: npt.NDArray[np.uint16]
    sums: Floats
    spare: Pairs  # a key in pairs, before it is spread


def heads_for(longest: int, size: int) -> Heads:
    """Make room for texts of up to so many tokens."""
    padded = -(-longest // LANES) * LANES
    return Heads(
        aligned(((padded + ROWS) * size,), np.uint16),
        aligned((padded * size,), np.uint32),
        aligned(((padded // 2 + 1) * size,), np.uint32),
        aligned((ROWS, padded), np.float32),
        aligned((ROWS, padded), np.uint16),
        aligned((ROWS,), np.float32),
        aligned((size,), np.uint32),
    )


def attend(
    weights: Any,
    qkv: Floats,
    first: int,
    length: int,
    head: int,
    size: int,
    nearness: Floats,
    heads: Heads,
    out: Floats,
    column: int,
) -> None:
    """Let each token of a text take from all of them.

    `qkv` holds queries, keys and values side by side; the head's begin at `head` of each and are `size` columns. The
    result goes to `size` columns of `out` from `column` on, in the rows of the text; up to `ROWS` - 1 rows after them
    are overwritten. `weights` are those of the model: their kind decides the precision.
    """
    raise NotImplementedError  # compiled for each kind of weights


def _attend_floats(
    weights: Any,
    qkv: Floats,
    first: int,
    length: int,
    head: int,
    size: int,
    nearness: Floats,
    heads: Heads,
    out: Floats,
    column: int,
) -> None:
    block, padded, step = qkv.shape[1] // 3, (length + LANES - 1) // LANES * LANES, qkv.strides[0]
    by = out.strides[0]
    keys = heads.keys.view(np.float32)
    for key in range(length):  # what lies beyond the text's keys gives scores that nobody reads
        apart, own = keys[key:], qkv[first + key, block + head : block + head + size]
        for i in range(size):
            apart[i * padded] = own[i]
    queries = qkv.ctypes.data + first * step + 4 * head
    values, right, scores, by_score = queries + 8 * block, keys.ctypes.data, heads.scores, heads.scores.strides[0]
    for row in range(0, length, ROWS):
        left, at = queries + row * step, 0
        while at + VECTORS * LANES <= padded:
            set_floats(left, step, right + 4 * at, 4 * padded, size, scores.ctypes.data + 4 * at, by_score, VECTORS)
            at += VECTORS * LANES
        while at < padded:
            set_floats(left, step, right + 4 * at, 4 * padded, size, scores.ctypes.data + 4 * at, by_score, 1)
            at += LANES
        _soft_maximum(heads, row, length, padded, nearness, False)
        place = out[first + row, column:].ctypes.data
        for column_at in range(0, 4 * size, 8 * LANES):
            set_floats(scores.ctypes.data, by_score, values + column_at, step, length, place + column_at, by, 2)
        _divide(heads, row, length, place, by, size)


def _attend_halves(
    weights: Any,
    qkv: Floats,
    first: int,
    length: int,
    head: int,
    size: int,
    nearness: Floats,
    heads: Heads,
    out: Floats,
    column: int,
) -> None:
    block, padded, by = qkv.shape[1] // 3, (length + LANES - 1) // LANES * LANES, out.strides[0]
    _pack(qkv, first, length, head, size, block, padded, heads)
    scores, shares, right = heads.scores, heads.shares, heads.keys.ctypes.data
    by_score, by_share, pairs = scores.strides[0], shares.strides[0], (length + 1) // 2
    for row in range(0, length, ROWS):
        left, at = heads.queries.ctypes.data + 2 * row * size, 0
        while at + VECTORS * LANES <= padded:
            set_halves(
                left, 2 * size, right + 4 * at, 4 * padded, size // 2, scores.ctypes.data + 4 * at, by_score, VECTORS
            )
            at += VECTORS * LANES
        while at < padded:
            set_halves(left, 2 * size, right + 4 * at, 4 * padded, size // 2, scores.ctypes.data + 4 * at, by_score, 1)
            at += LANES
        _soft_maximum(heads, row, length, padded, nearness, True)
        for i in range(ROWS):
            halve(scores.ctypes.data + i * by_score, shares.ctypes.data + i * by_share, padded // LANES)
        values, place = heads.values.ctypes.data, out[first + row, column:].ctypes.data
        for column_at in range(0, 4 * size, 8 * LANES):
            set_halves(shares.ctypes.data, by_share, values + column_at, 4 * size, pairs, place + column_at, by, 2)
        _divide(heads, row, length, place, by, size)


@compiled
def _pack(qkv: Floats, first: int, length: int, head: int, size: int, block: int, padded: int, heads: Heads) -> None:
    """Round a head's queries, keys and values to bfloat16, keys in pairs of dimensions, values in pairs of tokens."""
    from_row, step = qkv.ctypes.data + 4 * head, qkv.strides[0]
    spare = heads.spare
    for token in range(length):
        start = from_row + (first + token) * step
        halve(start, heads.queries.ctypes.data + 2 * token * size, size // LANES)
        halve(start + 4 * block, spare.ctypes.data, size // LANES)
        apart = heads.keys[token:]
        for i in range(size // 2):
            apart[i * padded] = spare[i]
    for token in range(0, length, 2):
        one = from_row + (first + token) * step + 8 * block
        # The last of an odd number goes with itself: its share is zero.
        other = one + step if token + 1 < length else one
        halve_pairs(one, other, heads.values.ctypes.data + 2 * token * size, size // LANES)


@compiled
def _soft_maximum(heads: Heads, row: int, length: int, padded: int, nearness: Floats, halves: bool) -> None:
    """Turn the scores of six queries into shares of a sum, which may be rounded to `halves`; keep one over the sum."""
    middle = (nearness.shape[1] - 1) // 2
    for i in range(min(ROWS, length - row)):
        line = heads.scores[i]
        if len(nearness):
            far = nearness[0, middle - row - i : middle - row - i + length]
            for j in range(length):
                line[j] += far[j]
        if length < padded:
            cover(line.ctypes.data, length, _LOWEST)
        _, most = extremes(line.ctypes.data, padded // LANES)
        if halves:
            heads.sums[i] = _ONE / exponentials(line.ctypes.data, padded // LANES, most, 3)
        else:
            heads.sums[i] = _ONE / exponentials(line.ctypes.data, padded // LANES, most, 6)


@compiled
def _divide(heads: Heads, row: int, length: int, place: int, by: int, size: int) -> None:
    """Divide what six queries took by the sums of their shares."""
    for i in range(min(ROWS, length - row)):
        scale_row(place + i * by, size // LANES, heads.sums[i])


_HALVES = bool(FEATURES.get("avx512bf16"))
_ATTEND: dict[Any, Any] = {
    types.int8: _attend_halves if _HALVES else _attend_floats,
    types.uint16: _attend_halves,
    types.float32: _attend_floats,
}


@extending.overload(attend, strict=False)
def _attend(
    weights: Any,
    qkv: Any,
    first: Any,
    length: Any,
    head: Any,
    size: Any,
    nearness: Any,
    heads: Any,
    out: Any,
    column: Any,
) -> Any:
    return _ATTEND[weights.dtype]
