"""The weights of a transformer, in the order in which the kernels read them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from semspace.types import ArrayXd, Floats2d, Floats3d, UInt16sXd

ALIGNMENT = 64  # bytes: a line of the cache, and an AVX-512 register
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
    """A transformer encoder like BERT (Devlin et al. 2019), with layer norms after the residual connections.

    Parameters
    ----------
    token_embeddings : (vocabulary, hidden)
    positions : (max tokens, hidden)
        The position embeddings, with BERT's embedding of a first sentence added.
    norms : (1 + 2 * layers, 2, hidden)
        Scale and shift of each layer norm, in the order in which they are applied; row 0 is that of the embeddings.
    qkv : Linear
        Queries, keys and values, for some heads at a time: as many as fill a panel.
    attention_output, up, down : Linear
    position_bias : (heads, 2 * max tokens - 1), or empty
        What a key's position relative to the query adds to its score (MPNet's, Song et al. 2020).
    n_heads : int
    epsilon : of the layer norms
    """

    token_embeddings: Floats2d
    positions: Floats2d
    norms: Floats3d
    qkv: Linear
    attention_output: Linear
    up: Linear
    down: Linear
    position_bias: Floats2d
    n_heads: int
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
    scales = np.maximum(np.abs(grouped).max(axis=3), np.float32(1e-12)) / np.float32(127)
    quantized = np.rint(grouped / scales[..., None]).astype(np.int8)
    sums = scales * quantized.sum(axis=3, dtype=np.int64).astype(np.float32)
    return Linear(_panels(quantized, width, 4, np.int8), _aligned_copy(scales), _aligned_copy(sums), bias)


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
