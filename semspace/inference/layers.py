"""The steps of a transformer between its products: norms and the activation, and what they are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import extending, types

from semspace.inference.model import Floats
from semspace.kernels.compiling import compiled, float_of_bits
from semspace.kernels.simd import LANES, gelu_nearly

_ONE, _HALF = np.float32(1), np.float32(0.5)
_LOG2E, _LN2_HIGH, _LN2_LOW = np.float32(1.44269504), np.float32(0.693359375), np.float32(-2.12194440e-4)
_LEAST = np.float32(-87.0)
_ROOT_HALF = np.float32(0.70710678)


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
    return y * float_of_bits((np.int32(n) + np.int32(127)) << np.int32(23))


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


def activate(weights: Any, x: Floats, rows: int) -> None:
    """Put rows through GELU, as finely as what `weights` take can tell."""
    raise NotImplementedError  # compiled for each kind of weights


def _activate(weights: Any, x: Floats, rows: int) -> None:
    for row in range(rows):
        part = x[row]
        for i in range(len(part)):
            part[i] = gelu(part[i])


def _activate_nearly(weights: Any, x: Floats, rows: int) -> None:
    for row in range(rows):
        gelu_nearly(x[row].ctypes.data, x.shape[1] // LANES)


@extending.overload(activate, strict=False)
def _chosen(weights: Any, x: Any, rows: Any) -> Any:
    return _activate if weights.dtype == types.float32 else _activate_nearly


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
