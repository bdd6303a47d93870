"""Texts as token ids → one vector each: the walk through the layers.

Texts are walked some at a time, whole ones one after the other without any padding, as many as leave the numbers of a
layer in the cache of a core. The rows of one text meet those of another nowhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from semspace.inference.attention import Heads, attend, heads_for
from semspace.inference.gemm import ROWS, WIDTH
from semspace.inference.layers import activate, norm
from semspace.inference.linear import Left, multiply, rounded
from semspace.inference.model import Floats, Linear, Model, aligned
from semspace.kernels.compiling import compiled

CHUNK = 192  # tokens walked at a time, unless one text has more
POOLINGS = ("mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")


class Scratch(NamedTuple):
    """Where a thread does its sums."""

    x: Floats
    qkv: Floats
    context: Floats
    middle: Floats
    left: Left
    between: Left
    heads: Heads


def scratch_for(model: Model) -> Scratch:
    """Make room for one thread."""
    longest, hidden = model.positions.shape
    rows = max(CHUNK, longest) + 2 * ROWS
    size = hidden // model.heads
    groups = model.inputs.weights.shape[1]
    group = model.down.weights.shape[3] * (4 // model.down.weights.itemsize)

    def left(numbers: int, groups: int) -> Left:
        scale, low = (aligned((rows, groups), np.float32) for _ in range(2))
        return Left(aligned((rows * numbers * 4,), np.uint8), scale, low)

    x, qkv, context, middle = (
        aligned((rows, columns), np.float32) for columns in (hidden, 3 * block_of(size), hidden, group)
    )
    return Scratch(
        x,
        qkv,
        context,
        middle,
        left(hidden, groups),
        left(group, 1),
        heads_for(longest, size),
    )


def block_of(size: int) -> int:
    """Give how many columns of queries are made at a time: whole heads that fill whole panels."""
    return int(np.lcm(size, WIDTH))


@compiled
def run(
    model: Model,
    tokens: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int64],
    first: int,
    last: int,
    poolings: npt.NDArray[np.int64],
    unpooled: int,
    scratch: Scratch,
    vectors: Floats,
) -> None:
    """Set `vectors[first:last]` to the pooled states of those texts; text i is ``tokens[starts[i]:starts[i + 1]]``.

    `poolings` are places in `POOLINGS`, whose vectors are written one behind the other; the first `unpooled` tokens of
    a text are left out, and every text must have more.
    """
    while first < last:
        stop = first + 1
        while stop < last and starts[stop + 1] - starts[first] <= CHUNK:
            stop += 1
        chunk = starts[first : stop + 1]
        _embed(model, tokens, chunk, scratch.x)
        for layer in range(model.inputs.weights.shape[0]):
            _layer(model, layer, chunk, scratch)
        _pool(scratch.x, chunk, poolings, unpooled, vectors[first:stop])
        first = stop


@compiled
def _embed(model: Model, tokens: npt.NDArray[np.int32], starts: npt.NDArray[np.int64], x: Floats) -> None:
    for text in range(len(starts) - 1):
        for place in range(starts[text + 1] - starts[text]):
            row = starts[text] - starts[0] + place
            word, position, to = model.words[tokens[starts[text] + place]], model.positions[place], x[row]
            for i in range(len(to)):
                to[i] = word[i] + position[i]
    norm(x, starts[-1] - starts[0], model.norms[0], model.epsilon)


@compiled
def _layer(model: Model, layer: int, starts: npt.NDArray[np.int64], scratch: Scratch) -> None:
    x, rows = scratch.x, starts[-1] - starts[0]
    _round_all(model.inputs.weights, x, rows, scratch.left)
    _attention(model, layer, starts, scratch)
    _round_all(model.outputs.weights, scratch.context, rows, scratch.left)
    _add_bias(x, rows, model.outputs.bias[layer])
    _add_product(model.outputs, layer, 0, scratch.left, rows, x)
    norm(x, rows, model.norms[1 + 2 * layer], model.epsilon)
    _round_all(model.up.weights, x, rows, scratch.left)
    _add_bias(x, rows, model.down.bias[layer])
    _between(model, layer, rows, scratch)
    norm(x, rows, model.norms[2 + 2 * layer], model.epsilon)


@compiled
def _attention(model: Model, layer: int, starts: npt.NDArray[np.int64], scratch: Scratch) -> None:
    """Make queries, keys and values of a few heads at a time, and let the texts attend with them."""
    qkv, context, rows = scratch.qkv, scratch.context, starts[-1] - starts[0]
    size, columns = model.positions.shape[1] // model.heads, qkv.shape[1]
    block = columns // 3
    for part in range(model.positions.shape[1] // block):
        _set_bias(qkv, rows, model.inputs.bias[layer, part * columns : (part + 1) * columns])
        _add_product(model.inputs, layer, part * columns, scratch.left, rows, qkv)
        for head in range(0, block, size):
            column = part * block + head
            nearness = model.nearness[column // size : column // size + 1]
            for text in range(len(starts) - 1):
                first, length = starts[text] - starts[0], starts[text + 1] - starts[text]
                attend(model.inputs.weights, qkv, first, length, head, size, nearness, scratch.heads, context, column)


@compiled
def _between(model: Model, layer: int, rows: int, scratch: Scratch) -> None:
    """Go up to the hidden units and down again, a group of them at a time, so that they stay in the cache."""
    middle = scratch.middle
    for part in range(model.down.weights.shape[1]):
        _set_bias(middle, rows, model.up.bias[layer, part * middle.shape[1] : (part + 1) * middle.shape[1]])
        _add_product(model.up, layer, part * middle.shape[1], scratch.left, rows, middle)
        activate(model.down.weights, middle, rows)
        rounded(model.down.weights, middle, rows, 0, scratch.between, 0, 1)
        for panel in range(model.down.weights.shape[2]):
            multiply(model.down, layer, part, panel, scratch.between, 0, 1, rows, scratch.x, panel * WIDTH)


@compiled
def _add_product(linear: Linear, layer: int, first: int, left: Left, rows: int, out: Floats) -> None:
    """Add to `out` as many outputs of a linear map as it has columns, from the `first` on."""
    groups = linear.weights.shape[1]
    for group in range(groups):
        for column in range(0, out.shape[1], WIDTH):
            multiply(linear, layer, group, (first + column) // WIDTH, left, group, groups, rows, out, column)


@compiled
def _round_all(weights: npt.NDArray[np.int8], x: Floats, rows: int, left: Left) -> None:
    groups = weights.shape[1]
    for group in range(groups):
        rounded(weights, x, rows, group * (x.shape[1] // groups), left, group, groups)


@compiled
def _add_bias(x: Floats, rows: int, bias: Floats) -> None:
    for row in range(rows):
        to = x[row]
        for i in range(len(to)):
            to[i] += bias[i]


@compiled
def _set_bias(x: Floats, rows: int, bias: Floats) -> None:
    for row in range(rows):
        to = x[row]
        for i in range(len(to)):
            to[i] = bias[i]


@compiled
def _pool(
    x: Floats, starts: npt.NDArray[np.int64], poolings: npt.NDArray[np.int64], unpooled: int, vectors: Floats
) -> None:
    """Pool the states of each text in each of these ways."""
    size = x.shape[1]
    for text in range(len(starts) - 1):
        first, last = starts[text] - starts[0], starts[text + 1] - starts[0]
        for place in range(len(poolings)):
            _pool_one(
                x, first, first + unpooled, last, poolings[place], vectors[text, place * size : (place + 1) * size]
            )


@compiled
def _pool_one(x: Floats, start: int, first: int, last: int, pooling: int, to: Floats) -> None:
    """Pool the states ``x[first:last]`` of a text that starts at `start`.

    What is pooled is their mean, the first, the greatest of each dimension, their sum by the square root of their
    number, their mean weighted by their places in the text, or the last.
    """
    if pooling == 4:
        total = np.float32(0)
        for i in range(len(to)):
            to[i] = np.float32(0)
        for row in range(first, last):
            weight = np.float32(row - start + 1)
            total += weight
            for i in range(len(to)):
                to[i] = to[i] + weight * x[row, i]
        for i in range(len(to)):
            to[i] /= total
        return
    one = last - 1 if pooling == 5 else first
    for i in range(len(to)):
        to[i] = x[one, i]
    if pooling in (1, 5):
        return
    for row in range(first + 1, last):
        for i in range(len(to)):
            to[i] = max(to[i], x[row, i]) if pooling == 2 else to[i] + x[row, i]
    if pooling != 2:
        count = np.float32(last - first)
        divisor = np.sqrt(count) if pooling == 3 else count
        for i in range(len(to)):
            to[i] /= divisor
