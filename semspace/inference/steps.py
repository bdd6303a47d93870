"""The steps of a transformer between its products: norms, the activation, and attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from semspace.inference.compiling import compiled, float_of
from semspace.inference.model import Floats
from semspace.inference.tiles import LANES, ROWS, set_floats

_ONE, _HALF = np.float32(1), np.float32(0.5)
_LOG2E, _LN2_HIGH, _LN2_LOW = np.float32(1.44269504), np.float32(0.693359375), np.float32(-2.12194440e-4)
_LEAST, _LOWEST = np.float32(-87.0), np.float32(-3e38)
_ROOT_HALF = np.float32(0.70710678)
# Keys are taken so many at a time, that a short text has few left over.
_KEYS = 2
SPAN = LANES * _KEYS


@compiled
def exp(x: Any) -> Any:
    """Give e to the power of `x` (at most about 80) to 2e-7 of it (Cephes' expf, Moshier)."""
    x = max(x, _LEAST)
    n = np.floor(x * _LOG2E + _HALF)
    r = x - n * _LN2_HIGH - n * _LN2_LOW
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    y = p * r * r + r + _ONE
    return y * float_of((np.int32(n) + np.int32(127)) << np.int32(23))


@compiled
def gelu(x: Any) -> Any:
    """Give x times the normal distribution's share below x (Hendrycks & Gimpel 2016).

    The error function is Abramowitz & Stegun's 7.1.26, to 1.5e-7.
    """
    z = abs(x) * _ROOT_HALF
    t = _ONE / (_ONE + np.float32(0.3275911) * z)
    p = np.float32(1.061405429)
    p = p * t - np.float32(1.453152027)
    p = p * t + np.float32(1.421413741)
    p = p * t - np.float32(0.284496736)
    p = p * t + np.float32(0.254829592)
    tail = _HALF * p * t * exp(-z * z)  # the share beyond |x|
    return x * (tail if x < np.float32(0) else _ONE - tail)


@compiled
def activate(x: Floats, rows: int, first: int, last: int) -> None:
    """Put some columns through GELU."""
    for row in range(rows):
        part = x[row, first:last]
        for i in range(len(part)):
            part[i] = gelu(part[i])


@compiled
def norm(x: Floats, rows: int, scale_and_shift: Floats, epsilon: np.float32) -> None:
    """Give each row mean 0 and variance 1, then scale and shift it (Ba et al. 2016)."""
    scale, shift = scale_and_shift[0], scale_and_shift[1]
    for row in range(rows):
        numbers = x[row]
        total = np.float32(0)
        for i in range(len(numbers)):
            total += numbers[i]
        mean = total / np.float32(len(numbers))
        squares = np.float32(0)
        for i in range(len(numbers)):
            squares += (numbers[i] - mean) * (numbers[i] - mean)
        size = _ONE / np.sqrt(squares / np.float32(len(numbers)) + epsilon)
        for i in range(len(numbers)):
            numbers[i] = (numbers[i] - mean) * size * scale[i] + shift[i]


@compiled
def attend(
    qkv: Floats,
    first: int,
    length: int,
    head: int,
    size: int,
    block: int,
    nearness: Floats,
    keys: Floats,
    scores: Floats,
    sums: Floats,
    out: Floats,
    column: int,
) -> None:
    """Let each token of a text take from all of them, for one head (Vaswani et al. 2017, equation 1).

    `qkv` holds queries, keys and values side by side, `block` columns each; the head's begin at `head` and are `size`.
    Writes `size` columns of `out` from `column` on. Up to `ROWS` - 1 rows after the text's own are overwritten.
    """
    spans = (length + SPAN - 1) // SPAN
    for key in range(length):  # what lies beyond the text's keys gives scores that nobody reads
        to_key, from_key = keys[key // SPAN, :, key % SPAN], qkv[first + key, block + head : block + head + size]
        for i in range(size):
            to_key[i] = from_key[i]
    step, out_step, score_step = qkv.strides[0], out.strides[0], scores.strides[0]
    queries = qkv.ctypes.data + first * step + 4 * head
    values = queries + 8 * block
    to = out.ctypes.data + first * out_step + 4 * column
    middle = (nearness.shape[1] - 1) // 2
    for row in range(0, length, ROWS):
        for span in range(spans):
            set_floats(
                queries + row * step,
                step,
                keys[span].ctypes.data,
                4 * SPAN,
                size,
                scores.ctypes.data + 4 * SPAN * span,
                score_step,
                _KEYS,
            )
        for i in range(min(ROWS, length - row)):
            line = scores[i, :length]
            if len(nearness):
                for j in range(length):
                    line[j] += nearness[0, middle + j - row - i]
            most = _LOWEST
            for j in range(length):
                most = max(most, line[j])
            total = np.float32(0)
            for j in range(length):
                line[j] = exp(line[j] - most)
                total += line[j]
            sums[i] = _ONE / total
        for at in range(0, size, LANES * 2):
            set_floats(
                scores.ctypes.data, score_step, values + 4 * at, step, length, to + row * out_step + 4 * at, out_step, 2
            )
        for i in range(min(ROWS, length - row)):
            weighed = out[first + row + i, column : column + size]
            for j in range(size):
                weighed[j] *= sums[i]
