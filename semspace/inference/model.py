"""What a transformer knows, laid out as the kernels walk it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
ALIGNED = 64  # bytes: a line of the cache, and an AVX-512 register
GROUP = 384  # inputs that share a scale, at most; and hidden units worked on at a time


class Linear(NamedTuple):
    """The same linear map of every layer.

    Parameters
    ----------
    weights : ndarray, shape (layers, groups, panels, steps, width, numbers a step)
        int8, bfloat16 (held as uint16) or float32. A panel has `width` outputs; a step is 32 bits of inputs.
    scales, sums : ndarray of float32, shape (layers, groups, outputs)
        For int8: what a weight of 1 means, and the sum of a group's weights. Empty otherwise.
    bias : ndarray of float32, shape (layers, outputs)
    """

    weights: npt.NDArray[Any]
    scales: Floats
    sums: Floats
    bias: Floats


class Model(NamedTuple):
    """A transformer encoder of BERT's kind (Devlin et al. 2019), its norms after its residuals.

    Parameters
    ----------
    words : (vocabulary, hidden); positions : (longest, hidden)
        Added, and normed by row 0 of `norms`. What BERT adds for a first sentence is in `positions`.
    norms : (1 + 2 * layers, 2, hidden)
        Scale and shift of each norm, in the order in which they are met.
    inputs : Linear
        Queries, keys and values, for some heads at a time: as many as fill a panel.
    outputs, up, down : Linear
    nearness : (heads, 2 * longest - 1), or empty
        What a key's place relative to the query adds to its score (MPNet's, Song et al. 2020).
    heads : number of heads
    epsilon : of the norms
    """

    words: Floats
    positions: Floats
    norms: Floats
    inputs: Linear
    outputs: Linear
    up: Linear
    down: Linear
    nearness: Floats
    heads: int
    epsilon: np.float32


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Give an array of zeros that begins at a line of the cache."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + ALIGNED, np.uint8)
    start = -raw.ctypes.data % ALIGNED
    return raw[start : start + size].view(dtype).reshape(shape)


def group_of(inputs: int, width: int) -> int:
    """Choose how many inputs share a scale: the largest part of them of at most `GROUP` that fills whole panels."""
    return max(size for size in range(width, GROUP + 1, width) if inputs % size == 0)


def pack(weights: Floats, bias: Floats, precision: str, width: int) -> Linear:
    """Lay out a linear map of every layer: weights (layers, outputs, inputs), bias (layers, outputs)."""
    layers, outputs, inputs = weights.shape
    group = group_of(inputs, width)
    grouped = weights.reshape(layers, outputs, inputs // group, group).transpose(0, 2, 1, 3)
    empty = np.zeros((layers, 0, 0), np.float32)
    if precision == "float32":
        return Linear(_panels(grouped, width, 1, np.float32), empty, empty, bias)
    if precision == "bfloat16":
        return Linear(_panels(bfloat16(grouped), width, 2, np.uint16), empty, empty, bias)
    scales = np.maximum(np.abs(grouped).max(axis=3), np.float32(1e-12)) / np.float32(127)
    whole = np.rint(grouped / scales[..., None]).astype(np.int8)
    sums = scales * whole.sum(axis=3, dtype=np.int64).astype(np.float32)
    return Linear(_panels(whole, width, 4, np.int8), _aligned_copy(scales), _aligned_copy(sums), bias)


def _aligned_copy(array: Floats) -> Floats:
    placed = aligned(array.shape, np.float32)
    placed[...] = array
    return placed


def _panels(grouped: npt.NDArray[Any], width: int, numbers: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    layers, groups, outputs, inputs = grouped.shape
    parts = grouped.reshape(layers, groups, outputs // width, width, inputs // numbers, numbers)
    placed = aligned((layers, groups, outputs // width, inputs // numbers, width, numbers), dtype)
    placed[...] = parts.transpose(0, 1, 2, 4, 3, 5)
    return placed


def bfloat16(numbers: Floats) -> npt.NDArray[np.uint16]:
    """Round float32 to the nearest bfloat16, ties to even; as uint16."""
    bits = np.ascontiguousarray(numbers).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
