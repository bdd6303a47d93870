"""What a transformer computes, read from its ``config.json``, and its weights as their authors store them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from semspace.types import ArrayXd, Floats1d, Floats2d

ReadWeight = Callable[[str], ArrayXd]
NO_WINDOW = 1 << 40  # tokens that a query sees on either side, where it sees all


@dataclass(frozen=True)
class Design:
    """The sizes and switches of a transformer: see `inference.model.Transformer`.

    `windows` and `rotation_of_layer` have an item for each layer; `frequencies` are those of each kind of rotation,
    shape (head size / 2,). Scores are multiplied by `score_scale` before softmax.
    """

    hidden: int
    heads: int
    key_heads: int
    head_size: int
    units: int
    layers: int
    epsilon: float
    score_scale: float
    windows: tuple[int, ...]
    rotation_of_layer: tuple[int, ...]
    frequencies: tuple[Floats1d, ...] = ()
    norm_place: str = "after"
    activation: str = "gelu"
    gated: bool = False
    causal: bool = False
    is_rms: bool = False
    has_first_norm: bool = True

    @property
    def problem(self) -> str:
        """Why a transformer of these sizes is impossible; empty if it isn't."""
        sizes = f"{self.hidden} dimensions, {self.heads} heads, {self.units} hidden units"
        if min(self.hidden, self.heads, self.key_heads, self.head_size, self.units, self.layers) < 1:
            return f"its sizes ({sizes}) are impossible"
        if self.heads % self.key_heads:
            return f"its {self.heads} heads can't share {self.key_heads} heads of keys and values"
        return ""


class Dense(NamedTuple):
    """A linear layer: weights (outputs, inputs) and bias (outputs)."""

    weights: Floats2d
    bias: Floats1d


class LayerWeights(NamedTuple):
    """The weights of one layer.

    `norms` are the scale and shift of each norm, in the order in which they are applied; `gate` are the units that are
    activated where the feed-forward layer is gated, else None; `head_norms` is empty or (2, head size).
    """

    query: Dense
    key: Dense
    value: Dense
    output: Dense
    gate: Dense | None
    up: Dense
    down: Dense
    norms: tuple[Floats2d, ...]
    head_norms: Floats2d


class Embeddings(NamedTuple):
    """The embeddings of tokens and of positions, and the norm of their sum, if there is one."""

    tokens: Floats2d
    positions: Floats2d
    norm: Floats2d | None


@dataclass(frozen=True)
class ModelWeights:
    """The weights of a model, layer by layer: what `inference.packing` packs for the kernels."""

    design: Design
    embeddings: Embeddings
    layer: Callable[[int], LayerWeights]
    final_norm: Floats2d | None
    position_bias: Floats2d


def rotations(frequencies: tuple[Floats1d, ...], max_tokens: int) -> ArrayXd:
    """Return the cosines and sines of each position, shape (kinds, max tokens, 2, head size / 2)."""
    positions = np.arange(max_tokens, dtype=np.float32)[:, None]
    angles = [positions * kind.astype(np.float32) for kind in frequencies]
    tables = [np.stack([np.cos(angle), np.sin(angle)], axis=1) for angle in angles]
    return np.stack(tables).astype(np.float32) if tables else np.zeros((0, 1, 2, 1), np.float32)


def shaped(read: ReadWeight, name: str, *shape: int) -> ArrayXd:
    """Return a weight, or raise `ValueError` if it has another shape."""
    weight = read(name)
    if weight.shape != shape:
        raise ValueError(f"{name} has the shape {weight.shape}, not {shape}")
    return weight


def table(read: ReadWeight, name: str, hidden: int) -> Floats2d:
    """Return a table of vectors, or raise `ValueError` if it has another width."""
    rows = read(name)
    if rows.ndim != 2 or rows.shape[1] != hidden:
        raise ValueError(f"{name} has the shape {rows.shape}")
    return rows
