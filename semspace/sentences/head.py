"""Modules applied to a text's pooled vector: those that sentence-transformers lists after Pooling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from semspace import checks
from semspace.errors import DamagedError, InputError
from semspace.remembered import remembered_digest
from semspace.sentences.activations import ACTIVATIONS
from semspace.sentences.modules import Module
from semspace.sentences.weights import Weights, weight_files
from semspace.types import Doubles2d, Floats1d, Floats2d

NORMALIZE, DENSE, LAYER_NORM, DROPOUT = "Normalize", "Dense", "LayerNorm", "Dropout"
KINDS = (NORMALIZE, DENSE, LAYER_NORM, DROPOUT)
_KEY = "sentence_embedding"  # the name of a text's vector in sentence-transformers
_TANH = "torch.nn.modules.activation.Tanh"
_SMALL = np.float32(1e-6)  # an input of an activation that counts as zero
_EPSILON = np.float32(1e-5)  # of torch's LayerNorm
# Settings of each kind that are known: those that decide a vector are honoured, and any other is refused.
_KNOWN = {
    DENSE: (
        "in_features", "out_features", "bias", "activation_function", "module_input_name", "module_output_name",
        "use_residual",
    ),
    LAYER_NORM: ("dimension",),
    DROPOUT: ("dropout",),
    NORMALIZE: ("module_input_name", "module_output_name"),
}  # fmt: skip


@dataclass(frozen=True)
class HeadModule:
    """A module after Pooling: its kind, its folder and its ``config.json``."""

    kind: str
    folder: Path
    config: Mapping[str, Any]

    @cached_property
    def _weights(self) -> dict[str, Floats2d]:
        names = {DENSE: ("linear.weight", "linear.bias", "residual.weight"), LAYER_NORM: ("norm.weight", "norm.bias")}
        with Weights(self.folder) as weights:
            return {name: weights.take(name) for name in names[self.kind] if name in weights}

    def output_width(self, width: int) -> int:
        """Return the number of output dimensions for `width` inputs; raise `DamagedError` if the weights don't fit."""
        if self.kind == LAYER_NORM:
            self._check("norm.weight", (width,))
            self._check("norm.bias", (width,))
        if self.kind != DENSE:
            return width
        outputs = checks.whole(f"out_features in {self.folder / 'config.json'}", self.config.get("out_features"))
        self._check("linear.weight", (outputs, width))
        if self.config.get("bias", True):
            self._check("linear.bias", (outputs,))
        if self._projects(width, outputs):
            self._check("residual.weight", (outputs, width))
        return outputs

    def apply(self, vector: Floats1d) -> Floats1d:
        """Apply the module to one vector."""
        if self.kind == NORMALIZE:
            scaled: Floats1d = vector / np.maximum(np.linalg.norm(vector), np.float32(1e-12))
            return scaled
        if self.kind == DROPOUT:
            return vector  # it drops values in training only
        weights = self._weights
        if self.kind == LAYER_NORM:
            centred = vector - vector.mean()
            normed = centred / np.sqrt((centred * centred).mean() + _EPSILON)
            shifted: Floats1d = normed * weights["norm.weight"] + weights["norm.bias"]
            return shifted
        out = weights["linear.weight"] @ vector
        if self.config.get("bias", True):
            out = out + weights["linear.bias"]
        out = ACTIVATIONS[self._activation](out)
        if self.config.get("use_residual", False):
            projects = self._projects(len(vector), len(out))
            out = out + (weights["residual.weight"] @ vector if projects else vector)
        output: Floats1d = out.astype(np.float32, copy=False)
        return output

    def apply_to_parts(self, parts: Doubles2d) -> Doubles2d:
        """Divide the output for the sum of `parts` among them, shape (n, inputs) → (n, outputs); the sum is exact.

        What is linear is so divided by itself, a shift equally, and an activation in proportion to its inputs (the
        rescale rule of DeepLIFT, Shrikumar et al. 2017).
        """
        n = len(parts)
        if self.kind == NORMALIZE:
            scaled: Doubles2d = parts / max(float(np.linalg.norm(parts.sum(axis=0))), 1e-12)
            return scaled
        if self.kind == DROPOUT:
            return parts
        weights: Any = self._weights
        if self.kind == LAYER_NORM:
            centred = parts - parts.mean(axis=1, keepdims=True)
            spread = np.sqrt(np.square(centred.sum(axis=0)).mean() + _EPSILON)
            normed: Doubles2d = centred / spread * weights["norm.weight"] + weights["norm.bias"] / n
            return normed
        out = parts @ weights["linear.weight"].T
        if self.config.get("bias", True):
            out = out + weights["linear.bias"] / n
        out = _activated_parts(out, ACTIVATIONS[self._activation])
        if self.config.get("use_residual", False):
            projects = self._projects(parts.shape[1], out.shape[1])
            out = out + (parts @ weights["residual.weight"].T if projects else parts)
        output: Doubles2d = out
        return output

    def _projects(self, inputs: int, outputs: int) -> bool:
        return bool(self.config.get("use_residual", False)) and inputs != outputs

    @property
    def _activation(self) -> str:
        return str(self.config.get("activation_function", _TANH)).rpartition(".")[2]

    def _check(self, name: str, shape: tuple[int, ...]) -> None:
        weight = self._weights.get(name)
        if weight is None or weight.shape != shape:
            problem = f"lacks the weight {name!r}" if weight is None else f"has {name!r} of shape {weight.shape}"
            raise DamagedError(f"{self.folder} {problem}, but the model needs shape {shape}; download the model again")

    def check(self) -> None:
        """Raise `InputError` for an unknown setting; none is silently ignored."""
        path = self.folder / "config.json"
        strange = next((key for key in self.config if key not in _KNOWN[self.kind]), None)
        if strange is not None:
            raise InputError(
                f"{path} has {strange} {self.config[strange]!r}, a setting of {self.kind} that semspace doesn't know; "
                f"it knows {', '.join(_KNOWN[self.kind])}"
            )
        for key in ("module_input_name", "module_output_name"):
            if self.config.get(key) not in (None, _KEY):
                raise InputError(
                    f"{path} has {key} {self.config[key]!r}; semspace runs {self.kind} only on a text's pooled vector "
                    f"({_KEY!r})"
                )
        for key in ("bias", "use_residual"):
            if not isinstance(self.config.get(key, False), bool):
                raise InputError(f"{path} has {key} {self.config[key]!r}; it must be true or false")
        known = str(self.config.get("activation_function", _TANH)).startswith("torch.nn.")
        if self.kind == DENSE and not (known and self._activation in ACTIVATIONS):
            raise InputError(
                f"{path} has the activation_function {self.config.get('activation_function')!r}; semspace supports "
                f"torch.nn's {', '.join(ACTIVATIONS)}"
            )

    def digests(self) -> list[str]:
        """Return digests of everything that decides its output, for a fingerprint."""
        files = weight_files(self.folder) if self.kind in (DENSE, LAYER_NORM) else []
        return [self.kind, *(remembered_digest(path) for path in files)]


def _activated_parts(parts: Doubles2d, activation: Callable[[Floats1d], Any]) -> Doubles2d:
    """Divide an activation of the sum of `parts` among them, in proportion; its value at zero equally."""
    inputs = parts.sum(axis=0)
    inputs = np.where(np.abs(inputs) < _SMALL, _SMALL, inputs)
    at_zero = activation(np.zeros_like(inputs))
    slopes = (activation(inputs) - at_zero) / inputs
    shares: Doubles2d = parts * slopes + at_zero / len(parts)
    return shares


def read_head(modules: Iterable[Module]) -> tuple[HeadModule, ...]:
    """Read the modules that follow Pooling, or raise `InputError` for one, or a setting, that is not known."""
    return tuple(map(_read_module, modules))


def _read_module(module: Module) -> HeadModule:
    if module.kind not in KINDS:
        raise InputError(
            f"{module.folder} is a module of type {module.kind}, which semspace doesn't run here; it runs "
            f"{', '.join(KINDS)}"
        )
    found = HeadModule(module.kind, module.folder, module.config(needed=module.kind in (DENSE, LAYER_NORM)))
    found.check()
    return found


def output_width(modules: tuple[HeadModule, ...], width: int) -> int:
    """Return the number of output dimensions of modules applied in order to `width` inputs."""
    for module in modules:
        width = module.output_width(width)
    return width


def apply_head(modules: tuple[HeadModule, ...], vectors: Floats2d) -> Floats2d:
    """Apply modules to each vector; one at a time, since BLAS sums a row of a matrix in another order."""
    rows = []
    for vector in vectors:
        row = vector
        for module in modules:
            row = module.apply(row)
        rows.append(row)
    outputs: Floats2d = np.stack(rows) if rows else np.empty((0, output_width(modules, vectors.shape[1])), np.float32)
    return outputs
