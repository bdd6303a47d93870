"""What the layers of a transformer do to rows besides multiplying them: norms, activations, rotations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import extending, types

from semspace.inference.row_operations import approximate_gelu
from semspace.kernels.compiling import compiled
from semspace.kernels.floats import exp
from semspace.kernels.simd import LANES
from semspace.types import Floats1d, Floats2d

_ONE, _HALF = np.float32(1), np.float32(0.5)
_ROOT_HALF = np.float32(0.70710678)
_HIGHEST_EXPONENT = np.float32(80)  # of e; the next powers leave float32


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


@compiled
def gelu_tanh(x: Any) -> Any:
    """Return GELU as its authors approximate it, by a hyperbolic tangent."""
    return x * sigmoid(np.float32(1.5957691216) * (x + np.float32(0.044715) * x * x * x))


@compiled
def silu(x: Any) -> Any:
    """Return x times its sigmoid (Elfwing et al. 2018)."""
    return x * sigmoid(x)


@compiled
def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x))."""
    return _ONE / (_ONE + exp(min(-x, _HIGHEST_EXPONENT)))


def activate(weights: Any, x: Floats2d, rows: int, activation: int, gated: bool) -> None:
    """Apply an activation to rows, as exactly as the dtype of the `weights` that come next can represent.

    `activation` is an index of `model.ACTIVATIONS`. If `gated`, the first half of the columns is activated and
    multiplied with the second.
    """
    raise NotImplementedError  # compiled for each dtype of weights


def _activating(apply_gelu: Any) -> Any:
    """Return `activate` with a GELU for rows."""

    def activated(weights: Any, x: Floats2d, rows: int, activation: int, gated: bool) -> None:
        size = x.shape[1] // (2 if gated else 1)
        for row in range(rows):
            numbers = x[row, :size]
            if activation == 0:
                apply_gelu(numbers)
            elif activation == 1:
                for i in range(len(numbers)):
                    numbers[i] = gelu_tanh(numbers[i])
            elif activation == 2:
                for i in range(len(numbers)):
                    numbers[i] = silu(numbers[i])
            else:
                for i in range(len(numbers)):
                    numbers[i] = max(numbers[i], np.float32(0))
            if gated:
                factors = x[row, size:]
                for i in range(len(numbers)):
                    numbers[i] *= factors[i]

    return activated


@compiled
def _exact_gelu(numbers: Floats1d) -> None:
    for i in range(len(numbers)):
        numbers[i] = gelu(numbers[i])


@compiled
def _rough_gelu(numbers: Floats1d) -> None:
    approximate_gelu(numbers.ctypes.data, len(numbers) // LANES)


_ACTIVATE_EXACTLY, _ACTIVATE_ROUGHLY = _activating(_exact_gelu), _activating(_rough_gelu)


@extending.overload(activate, strict=False)
def _activate(weights: Any, x: Any, rows: Any, activation: Any, gated: Any) -> Any:
    return _ACTIVATE_EXACTLY if weights.dtype == types.float32 else _ACTIVATE_ROUGHLY


@compiled
def normalize(
    x: Floats2d, out: Floats2d, rows: int, scale_and_shift: Floats2d, epsilon: np.float32, is_rms: bool
) -> None:
    """Standardise each row to mean 0 and variance 1, then scale and shift it (Ba et al. 2016).

    If `is_rms`, the mean stays as it is, and the mean square becomes 1 (Zhang & Sennrich 2019).
    """
    scale, shift = scale_and_shift[0], scale_and_shift[1]
    for row in range(rows):
        numbers, normed = x[row], out[row]
        mean = np.float32(0)
        if not is_rms:
            total = np.float32(0)
            for i in range(len(numbers)):
                total += numbers[i]
            mean = total / np.float32(len(numbers))
        squares = np.float32(0)
        for i in range(len(numbers)):
            squares += (numbers[i] - mean) * (numbers[i] - mean)
        inverse = _ONE / np.sqrt(squares / np.float32(len(numbers)) + epsilon)
        for i in range(len(numbers)):
            normed[i] = (numbers[i] - mean) * inverse * scale[i] + shift[i]


@compiled
def scale_to_norm(numbers: Floats1d, scale: Floats1d, epsilon: np.float32) -> None:
    """Scale one head's numbers to a mean square of 1, and by `scale`."""
    squares = np.float32(0)
    for i in range(len(numbers)):
        squares += numbers[i] * numbers[i]
    inverse = _ONE / np.sqrt(squares / np.float32(len(numbers)) + epsilon)
    for i in range(len(numbers)):
        numbers[i] *= inverse * scale[i]


@compiled
def rotate(numbers: Floats1d, cosines: Floats1d, sines: Floats1d) -> None:
    """Rotate the pairs that a head's first and second half make (Su et al. 2021)."""
    half = len(cosines)
    first, second = numbers[:half], numbers[half:]
    for i in range(half):
        x, y = first[i], second[i]
        first[i] = x * cosines[i] - y * sines[i]
        second[i] = y * cosines[i] + x * sines[i]
