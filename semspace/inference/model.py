"""The weights of a transformer, in the order in which the kernels read them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from semspace.types import ArrayXd, Floats2d, Floats3d, Ints1d, UInt16sXd

ALIGNMENT = 64  # bytes: a line of the cache, and an AVX-512 register
NORM_PLACES = ("after", "before", "around")  # residual connections
ACTIVATIONS = ("gelu", "gelu_tanh", "silu", "relu")
MAX_GROUP = 384  # inputs that share a scale, and hidden units of a layer that are worked on at a time


class Linear(NamedTuple):
    """The same linear layer of every block of a transformer.

    Parameters
    ----------
    weights : ndarray, shape (layers, groups, panels, steps, width, numbers a step)
        int8, bfloat16 (as uint16) or float32. A panel has `width` outputs; a step is 32 bits of inputs.
    scales, sums : ndarray of float32, shape (layers, groups, outputs)
        For int8: the value of a weight of 1, and the sum of a group's weights. Empty otherwise.
    bias : ndarray of float32, shape (layers, outputs)
    """

    weights: ArrayXd
    scales: Floats3d
    sums: Floats3d
    bias: Floats2d


class Transformer(NamedTuple):
    """A transformer encoder (Vaswani et al. 2017), of BERT's kind or of those that came after it.

    Parameters
    ----------
    token_embeddings : (vocabulary, hidden)
    positions : (max tokens, hidden), or (1, hidden) where all positions are alike
        The position embeddings, with the embedding of a first sentence added.
    norms : (all norms, 2, hidden)
        Scale and shift of each norm, in the order in which they are applied.
    head_norms : (layers, 2, head size), or empty
        The scales of the norms of each head's queries, and of its keys.
    rotations : (kinds, max tokens, 2, head size / 2), or empty
        The cosines and sines by which queries and keys are rotated (Su et al. 2021).
    rotation_of_layer : (layers,)
        The kind of rotation of each layer.
    windows : (layers,)
        How far a query sees, before and behind it.
    qkv : Linear
        Queries, keys and values, for some heads at a time: as many as fill a panel.
    attention_output, up, down : Linear
        If the feed-forward layer is `gated`, `up` has the units that are activated and the factors of those, for a
        group of `down` at a time.
    position_bias : (heads, 2 * max tokens - 1), or empty
        What a key's position relative to the query adds to its score (MPNet's, Song et al. 2020; ALiBi, Press et al.
        2022).
    n_heads, n_key_heads : int
        Heads of queries, and of keys and values, which groups of queries share (Ainslie et al. 2023).
    head_size, max_tokens : int
    norm_place : int
        An index of `NORM_PLACES`.
    activation : int
        An index of `ACTIVATIONS`.
    gated, causal, is_rms, has_embedding_norm, has_first_norm : bool
        Whether units are multiplied with others (Shazeer 2020), queries see only what comes before them, norms leave
        the mean where it is (Zhang & Sennrich 2019), embeddings are normed, and the first layer begins with a norm.
    epsilon : float32
        Of the norms.
    """

    token_embeddings: Floats2d
    positions: Floats2d
    norms: Floats3d
    head_norms: Floats3d
    rotations: ArrayXd
    rotation_of_layer: Ints1d
    windows: Ints1d
    qkv: Linear
    attention_output: Linear
    up: Linear
    down: Linear
    position_bias: Floats2d
    n_heads: int
    n_key_heads: int
    head_size: int
    max_tokens: int
    norm_place: int
    activation: int
    gated: bool
    causal: bool
    is_rms: bool
    has_embedding_norm: bool
    has_first_norm: bool
    epsilon: np.float32


def aligned_zeros(shape: tuple[int, ...], dtype: npt.DTypeLike) -> ArrayXd:
    """Return an array of zeros that begins at a line of the cache."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def group_size(inputs: int, width: int) -> int:
    """Return how many inputs share a scale: the largest divisor up to `MAX_GROUP` that fills whole panels."""
    return max(size for size in range(width, MAX_GROUP + 1, width) if inputs % size == 0)


def pack_linear(weights: Floats3d, bias: Floats2d, precision: str, width: int) -> Linear:
    """Return a linear layer of every block, packed: weights (layers, outputs, inputs), bias (layers, outputs)."""
    layers, outputs, inputs = weights.shape
    group = group_size(inputs, width)
    grouped = weights.reshape(layers, outputs, inputs // group, group).transpose(0, 2, 1, 3)
    empty = np.zeros((layers, 0, 0), np.float32)
    if precision == "float32":
        return Linear(_panels(grouped, width, 1, np.float32), empty, empty, bias)
    if precision == "bfloat16":
        return Linear(_panels(bfloat16_bits(grouped), width, 2, np.uint16), empty, empty, bias)
    scales = _byte_scales(grouped)
    quantized = np.rint(grouped / scales[..., None]).astype(np.int8)
    sums = scales * quantized.sum(axis=3, dtype=np.int64).astype(np.float32)
    return Linear(_panels(quantized, width, 4, np.int8), _aligned_copy(scales), _aligned_copy(sums), bias)


def _byte_scales(grouped: ArrayXd) -> Floats3d:
    """Return the value of a weight of 1: the least for which no weight, and no sum of 16 bits, is out of range.

    The sums are those of `kernels.byte_products`, of `STEPS` times two products.
    """
    from semspace.kernels.byte_products import LARGEST_SUM, STEPS

    scales = np.abs(grouped).max(axis=3) / np.float32(127)
    if STEPS > 1:
        windows = grouped.reshape(*grouped.shape[:3], -1, STEPS, 2, 2)
        rounding = STEPS  # each of the weights of a sum may be rounded by a half
        for side in (windows.clip(min=0), -windows.clip(max=0)):
            scales = np.maximum(scales, side.sum(axis=(4, 6)).max(axis=(3, 4)) / np.float32(LARGEST_SUM - rounding))
    return np.maximum(scales, np.float32(1e-14))  # type: ignore[no-any-return]


def _aligned_copy(array: Floats3d) -> Floats3d:
    copy = aligned_zeros(array.shape, np.float32)
    copy[...] = array
    return copy


def _panels(grouped: ArrayXd, width: int, per_step: int, dtype: npt.DTypeLike) -> ArrayXd:
    layers, groups, outputs, inputs = grouped.shape
    parts = grouped.reshape(layers, groups, outputs // width, width, inputs // per_step, per_step)
    panels = aligned_zeros((layers, groups, outputs // width, inputs // per_step, width, per_step), dtype)
    panels[...] = parts.transpose(0, 1, 2, 4, 3, 5)
    return panels


def bfloat16_bits(numbers: ArrayXd) -> UInt16sXd:
    """Round float32 numbers to the nearest bfloat16, ties to even, and return their bits."""
    bits = np.ascontiguousarray(numbers).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
