"""Activations by their names in ``torch.nn``: those that a Dense module of sentence-transformers may have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from semspace.types import Floats1d

# Constants of torch's SELU (Klambauer et al. 2017), rounded to float32.
_SELU_ALPHA, _SELU_SCALE = np.float32(1.6732632423543772), np.float32(1.0507009873554805)
_LINEAR_ABOVE = np.float32(20)  # where torch's Softplus returns its input
_LEAK = np.float32(0.01)
_SHRINK = np.float32(0.5)


def _gelu(x: Floats1d) -> Any:
    from scipy.special import erf

    return x * np.float32(0.5) * (1 + erf(x / np.sqrt(np.float32(2))))


def _sigmoid(x: Floats1d) -> Any:
    from scipy.special import expit

    return expit(x)


def _elu(x: Floats1d) -> Any:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _softplus(x: Floats1d) -> Any:
    return np.where(x > _LINEAR_ABOVE, x, np.log1p(np.exp(np.minimum(x, _LINEAR_ABOVE))))


def _hard_sigmoid(x: Floats1d) -> Any:
    return np.clip(x + 3, 0, 6) / np.float32(6)


def _log_sigmoid(x: Floats1d) -> Any:
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


# All that work element by element and have no arguments in the configuration: each with the defaults of its class.
ACTIVATIONS: dict[str, Callable[[Floats1d], Any]] = {
    "CELU": _elu,
    "ELU": _elu,
    "GELU": _gelu,
    "Hardshrink": lambda x: np.where(np.abs(x) > _SHRINK, x, 0),
    "Hardsigmoid": _hard_sigmoid,
    "Hardswish": lambda x: x * _hard_sigmoid(x),
    "Hardtanh": lambda x: np.clip(x, -1, 1),
    "Identity": lambda x: x,
    "LeakyReLU": lambda x: np.where(x > 0, x, x * _LEAK),
    "LogSigmoid": _log_sigmoid,
    "Mish": lambda x: x * np.tanh(_softplus(x)),
    "ReLU": lambda x: np.maximum(x, 0),
    "ReLU6": lambda x: np.clip(x, 0, 6),
    "SELU": lambda x: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0))),
    "Sigmoid": _sigmoid,
    "SiLU": lambda x: x * _sigmoid(x),
    "Softplus": _softplus,
    "Softshrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - _SHRINK, 0),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Tanh": np.tanh,
    "Tanhshrink": lambda x: x - np.tanh(x),
}
