"""What a model does to a text's pooled vector: the modules that sentence-transformers lists after Pooling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from semspace import checks
from semspace.bundle import file_digest
from semspace.errors import DamagedError, InputError
from semspace.sentences.weights import Weights, weight_files
from semspace.types import Floats1d, Floats2d

NORMALIZE, DENSE, LAYER_NORM, DROPOUT = "Normalize", "Dense", "LayerNorm", "Dropout"
KINDS = (NORMALIZE, DENSE, LAYER_NORM, DROPOUT)
_KEY = "sentence_embedding"  # how sentence-transformers calls a text's vector
_TANH = "torch.nn.modules.activation.Tanh"
_EPSILON = np.float32(1e-5)  # of torch's LayerNorm


def _gelu(x: Floats1d) -> Floats1d:
    from scipy.special import erf

    found: Floats1d = (x * 0.5 * (1 + erf(x / np.sqrt(np.float32(2))))).astype(np.float32)
    return found


def _sigmoid(x: Floats1d) -> Floats1d:
    from scipy.special import expit

    found: Floats1d = expit(x)
    return found


ACTIVATIONS: dict[str, Callable[[Floats1d], Any]] = {
    "Identity": lambda x: x,
    "Tanh": np.tanh,
    "ReLU": lambda x: np.maximum(x, 0),
    "GELU": _gelu,
    "Sigmoid": _sigmoid,
    "SiLU": lambda x: x * _sigmoid(x),
}


@dataclass(frozen=True)
class Part:
    """A module after Pooling: its kind, its folder, and what its ``config.json`` says."""

    kind: str
    folder: Path
    config: Mapping[str, Any]

    @cached_property
    def _weights(self) -> dict[str, Floats2d]:
        wanted = {DENSE: ("linear.weight", "linear.bias", "residual.weight"), LAYER_NORM: ("norm.weight", "norm.bias")}
        with Weights(self.folder) as weights:
            return {name: weights.take(name) for name in wanted[self.kind] if name in weights}

    def width(self, given: int) -> int:
        """Return how many dimensions come out of `given`, or raise `DamagedError` if the weights don't fit."""
        if self.kind == LAYER_NORM:
            self._check("norm.weight", (given,))
            self._check("norm.bias", (given,))
        if self.kind != DENSE:
            return given
        outputs = checks.whole(f"out_features in {self.folder / 'config.json'}", self.config.get("out_features"))
        self._check("linear.weight", (outputs, given))
        if self.config.get("bias", True):
            self._check("linear.bias", (outputs,))
        if self._projects(given, outputs):
            self._check("residual.weight", (outputs, given))
        return outputs

    def apply(self, vector: Floats1d) -> Floats1d:
        """Return what becomes of one vector."""
        if self.kind == NORMALIZE:
            scaled: Floats1d = vector / np.maximum(np.linalg.norm(vector), np.float32(1e-12))
            return scaled
        weights = self._weights
        if self.kind == LAYER_NORM:
            centred = vector - vector.mean()
            normed = centred / np.sqrt((centred * centred).mean() + _EPSILON)
            shifted: Floats1d = normed * weights["norm.weight"] + weights["norm.bias"]
            return shifted
        if self.kind == DROPOUT:
            return vector  # it drops nothing but in training
        out = weights["linear.weight"] @ vector
        if self.config.get("bias", True):
            out = out + weights["linear.bias"]
        out = ACTIVATIONS[self._activation](out)
        if self.config.get("use_residual", False):
            projects = self._projects(len(vector), len(out))
            out = out + (weights["residual.weight"] @ vector if projects else vector)
        made: Floats1d = out.astype(np.float32, copy=False)
        return made

    def _projects(self, given: int, outputs: int) -> bool:
        return bool(self.config.get("use_residual", False)) and given != outputs

    @property
    def _activation(self) -> str:
        return str(self.config.get("activation_function", _TANH)).rpartition(".")[2]

    def _check(self, name: str, shape: tuple[int, ...]) -> None:
        found = self._weights.get(name)
        if found is None or found.shape != shape:
            what = "no" if found is None else f"{found.shape} as"
            raise DamagedError(
                f"{self.folder} has {what} {name!r}, and the model needs one of shape {shape}; fetch the model again"
            )

    def check(self) -> None:
        """Raise `InputError` for a setting that isn't known; nothing is passed over in silence."""
        for key in ("module_input_name", "module_output_name"):
            if self.config.get(key) not in (None, _KEY):
                raise InputError(
                    f"{self.folder / 'config.json'} has {key} {self.config[key]!r}; semspace runs {self.kind} on a "
                    f"text's pooled vector ({_KEY!r}) only"
                )
        known = str(self.config.get("activation_function", _TANH)).startswith("torch.nn.")
        if self.kind == DENSE and not (known and self._activation in ACTIVATIONS):
            raise InputError(
                f"{self.folder / 'config.json'} has the activation {self.config.get('activation_function')!r}; "
                f"semspace knows torch.nn's {', '.join(ACTIVATIONS)}"
            )

    def digests(self) -> list[str]:
        """Return what decides its numbers, for a fingerprint."""
        files = weight_files(self.folder) if self.kind in (DENSE, LAYER_NORM) else []
        return [self.kind, *(file_digest(path) for path in files)]


def width_of(parts: tuple[Part, ...], given: int) -> int:
    """Return how many dimensions come out of a head of parts."""
    for part in parts:
        given = part.width(given)
    return given


def applied(parts: tuple[Part, ...], vectors: Floats2d) -> Floats2d:
    """Return what a head makes of each vector; one at a time, since in BLAS company decides the order of sums."""
    rows = []
    for vector in vectors:
        row = vector
        for part in parts:
            row = part.apply(row)
        rows.append(row)
    made: Floats2d = np.stack(rows) if rows else np.empty((0, width_of(parts, vectors.shape[1])), np.float32)
    return made
