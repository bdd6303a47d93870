"""Layer norm and the GELU activation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import extending, types

from semspace.inference.row_operations import approximate_gelu
from semspace.kernels.compiling import compiled
from semspace.kernels.floats import exp
from semspace.kernels.simd import LANES
from semspace.types import Floats2d

_ONE, _HALF = np.float32(1), np.float32(0.5)
_ROOT_HALF = np.float32(0.70710678)


@compiled
def gelu(x: Any) -> Any:
    """Return x times the probability that a standard normal variable is below x (Hendrycks & Gimpel 2016).

    The error function is Abramowitz & Stegun's 7.1.26, to 1.5e-7.
    """
    z = abs(x) * _ROOT_HALF
    t = _ONE / (_ONE + np.float32(0.3275911) * z)
    p = np.float32(1.061405429)
    p = p * t - np.float32(1.453152027)
    p = p * t + np.float32(1.421413741)
    p = p * t - np.float32(0.284496736)
    p = p * t + np.float32(0.254829592)
    tail = _HALF * p * t * exp(-z * z)  # the probability beyond |x|
    return x * (tail if x < np.float32(0) else _ONE - tail)


def activate(weights: Any, x: Floats2d, rows: int) -> None:
    """Apply GELU to rows, as exactly as the dtype of the `weights` that come next can represent."""
    raise NotImplementedError  # compiled for each dtype of weights


def _activate_exactly(weights: Any, x: Floats2d, rows: int) -> None:
    for row in range(rows):
        numbers = x[row]
        for i in range(len(numbers)):
            numbers[i] = gelu(numbers[i])


def _activate_approximately(weights: Any, x: Floats2d, rows: int) -> None:
    for row in range(rows):
        approximate_gelu(x[row].ctypes.data, x.shape[1] // LANES)


@extending.overload(activate, strict=False)
def _activate(weights: Any, x: Any, rows: Any) -> Any:
    return _activate_exactly if weights.dtype == types.float32 else _activate_approximately


@compiled
def layer_norm(x: Floats2d, rows: int, scale_and_shift: Floats2d, epsilon: np.float32) -> None:
    """Standardise each row to mean 0 and variance 1, then scale and shift it (Ba et al. 2016)."""
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
        inverse = _ONE / np.sqrt(squares / np.float32(len(numbers)) + epsilon)
        for i in range(len(numbers)):
            numbers[i] = (numbers[i] - mean) * inverse * scale[i] + shift[i]
