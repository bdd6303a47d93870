"""`ModelWeights` → `Transformer`: weights in the order in which the kernels read them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from semspace.inference.design import Dense, Design, LayerWeights, ModelWeights, rotations
from semspace.inference.model import (
    ACTIVATIONS,
    NORM_PLACES,
    Linear,
    Transformer,
    aligned_zeros,
    group_size,
    pack_linear,
)
from semspace.types import ArrayXd, Floats2d

_PARTS = ("qkv", "output", "up", "down")


def reason_unfit(design: Design) -> str:
    """Return why the kernels' tiles don't fit a transformer of these sizes; an empty string if they do."""
    from semspace.inference.gemm import WIDTH

    size, key_width = design.head_size, design.key_heads * design.head_size
    widths = (design.hidden, design.heads * size, design.units)
    if size % 32 or key_width % head_block(size) or any(width % WIDTH for width in widths):
        return (
            f"its sizes ({design.hidden} dimensions, {design.heads} heads, {design.units} hidden units) aren't "
            f"multiples of their tiles"
        )
    return ""


def head_block(head_size: int) -> int:
    """Return how many columns of keys are computed at a time: whole heads that fill whole panels."""
    from semspace.inference.gemm import WIDTH

    return math.lcm(head_size, WIDTH)


def pack(weights: ModelWeights, max_tokens: int, precision: str) -> Transformer:
    """Pack a model for the kernels, in a precision: float32, bfloat16 or int8."""
    design, embeddings = weights.design, weights.embeddings
    norms = [] if embeddings.norm is None else [embeddings.norm]
    head_norms: list[Floats2d] = []
    linears: dict[str, _Stack] = {part: _Stack(design.layers) for part in _PARTS}
    for i in range(design.layers):
        layer = weights.layer(i)
        for part, dense in zip(_PARTS, _packed_parts(design, layer), strict=True):
            linears[part].add(_pack_dense(dense, precision))
        norms += layer.norms
        head_norms.append(_scaled_head_norms(design, layer.head_norms))
    if weights.final_norm is not None:
        norms.append(weights.final_norm)
    return Transformer(
        token_embeddings=np.ascontiguousarray(embeddings.tokens).copy(),
        positions=np.ascontiguousarray(embeddings.positions),
        norms=np.stack(norms),
        head_norms=np.ascontiguousarray(np.stack(head_norms)),
        rotations=rotations(design.frequencies, max_tokens),
        rotation_of_layer=np.array(design.rotation_of_layer, np.int64),
        windows=np.array(design.windows, np.int64),
        qkv=linears["qkv"].linear(),
        attention_output=linears["output"].linear(),
        up=linears["up"].linear(),
        down=linears["down"].linear(),
        position_bias=weights.position_bias,
        n_heads=design.heads,
        n_key_heads=design.key_heads,
        head_size=design.head_size,
        max_tokens=max_tokens,
        norm_place=NORM_PLACES.index(design.norm_place),
        activation=ACTIVATIONS.index(design.activation),
        gated=design.gated,
        causal=design.causal,
        is_rms=design.is_rms,
        has_embedding_norm=embeddings.norm is not None,
        has_first_norm=design.has_first_norm,
        epsilon=np.float32(design.epsilon),
    )


class _Stack:
    """The packed linear layers of a model, which are added one by one, as one `Linear`."""

    def __init__(self, layers: int) -> None:
        self._layers, self._filled = layers, 0
        self._arrays: list[ArrayXd] = []

    def add(self, linear: Linear) -> None:
        if not self._arrays:
            self._arrays = [aligned_zeros((self._layers, *array.shape[1:]), array.dtype) for array in linear]
        for stacked, array in zip(self._arrays, linear, strict=True):
            stacked[self._filled] = array[0]
        self._filled += 1

    def linear(self) -> Linear:
        return Linear(*self._arrays)


def _pack_dense(dense: Dense, precision: str) -> Linear:
    from semspace.inference.gemm import WIDTH

    return pack_linear(dense.weights[None], dense.bias[None], precision, WIDTH)


def _packed_parts(design: Design, layer: LayerWeights) -> Iterator[Dense]:
    """Return the four linear layers as the kernels multiply them."""
    yield _interleaved(design, layer)
    yield layer.output
    yield layer.up if layer.gate is None else _with_gates(layer.gate, layer.up)
    yield layer.down


def _interleaved(design: Design, layer: LayerWeights) -> Dense:
    """Return queries, keys and values with those of the same heads side by side, the queries scaled for attention."""
    block = head_block(design.head_size)
    parts = design.key_heads * design.head_size // block
    # Norms of heads would undo a scale that comes before them: it goes into their own.
    scale = np.float32(1.0 if layer.head_norms.size else design.score_scale)
    query = Dense(layer.query.weights * scale, layer.query.bias * scale)
    rows = [
        Dense(dense.weights.reshape(parts, -1, design.hidden), dense.bias.reshape(parts, -1))
        for dense in (query, layer.key, layer.value)
    ]
    weights = np.concatenate([dense.weights for dense in rows], axis=1)
    bias = np.concatenate([dense.bias for dense in rows], axis=1)
    return Dense(weights.reshape(-1, design.hidden), np.ascontiguousarray(bias.reshape(-1)))


def _with_gates(gate: Dense, up: Dense) -> Dense:
    """Return the units that are activated and their factors, for a group of `down` at a time."""
    from semspace.inference.gemm import WIDTH

    units, inputs = up.weights.shape
    group = group_size(units, WIDTH)
    weights = np.stack([dense.weights.reshape(-1, group, inputs) for dense in (gate, up)], axis=1)
    bias = np.stack([dense.bias.reshape(-1, group) for dense in (gate, up)], axis=1)
    return Dense(weights.reshape(-1, inputs), np.ascontiguousarray(bias.reshape(-1)))


def _scaled_head_norms(design: Design, head_norms: Floats2d) -> Floats2d:
    if not head_norms.size:
        return np.zeros((0, 1), np.float32)
    return head_norms * np.array([[design.score_scale], [1]], np.float32)
