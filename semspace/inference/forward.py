"""The forward pass of a transformer: texts as token ids → one vector each.

Texts are processed in chunks of whole texts without padding, small enough for the numbers of a layer to stay in the
cache of a core. The rows of one text never depend on those of another.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from semspace.inference.attention import AttentionWorkspace, attend, attention_workspace
from semspace.inference.gemm import ROWS, WIDTH
from semspace.inference.layers import activate, layer_norm
from semspace.inference.linear import QuantizedRows, multiply, quantize
from semspace.inference.model import Linear, Transformer, aligned_zeros
from semspace.kernels.compiling import compiled
from semspace.types import ArrayXd, Floats1d, Floats2d, Int32s1d, Ints1d

CHUNK_TOKENS = 192  # processed at a time, unless one text has more
POOLINGS = ("mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")


class Workspace(NamedTuple):
    """The memory of one thread: hidden states, and what is computed from them on the way."""

    states: Floats2d
    qkv: Floats2d
    context: Floats2d
    hidden_units: Floats2d
    quantized_states: QuantizedRows
    quantized_units: QuantizedRows
    attention: AttentionWorkspace


def create_workspace(model: Transformer) -> Workspace:
    """Create the memory of one thread."""
    max_tokens, hidden = model.positions.shape
    rows = max(CHUNK_TOKENS, max_tokens) + 2 * ROWS
    head_size = hidden // model.n_heads
    groups = model.qkv.weights.shape[1]
    units = model.down.weights.shape[3] * (4 // model.down.weights.itemsize)

    def quantized_rows(columns: int, groups: int) -> QuantizedRows:
        scale, minimum = (aligned_zeros((rows, groups), np.float32) for _ in range(2))
        return QuantizedRows(aligned_zeros((rows * columns * 4,), np.uint8), scale, minimum)

    states, qkv, context, hidden_units = (
        aligned_zeros((rows, columns), np.float32) for columns in (hidden, 3 * qkv_block(head_size), hidden, units)
    )
    return Workspace(
        states,
        qkv,
        context,
        hidden_units,
        quantized_rows(hidden, groups),
        quantized_rows(units, 1),
        attention_workspace(max_tokens, head_size),
    )


def qkv_block(head_size: int) -> int:
    """Return how many columns of queries are computed at a time: whole heads that fill whole panels."""
    return int(np.lcm(head_size, WIDTH))


@compiled
def encode_tokens(
    model: Transformer,
    tokens: Int32s1d,
    starts: Ints1d,
    first: int,
    last: int,
    poolings: Ints1d,
    unpooled: int,
    workspace: Workspace,
    vectors: Floats2d,
) -> None:
    """Set `vectors[first:last]` to the pooled states of those texts; text i is ``tokens[starts[i]:starts[i + 1]]``.

    `poolings` are indices of `POOLINGS`, whose vectors are concatenated; the first `unpooled` tokens of a text are left
    out, and every text must have more.
    """
    while first < last:
        stop = _end_of_chunk(starts, first, last)
        chunk = starts[first : stop + 1]
        _run_layers(model, tokens, chunk, workspace)
        _pool(workspace.states, chunk, poolings, unpooled, vectors[first:stop])
        first = stop


@compiled
def encode_states(
    model: Transformer, tokens: Int32s1d, starts: Ints1d, first: int, last: int, workspace: Workspace, states: Floats2d
) -> None:
    """Set the rows of `states` that belong to the tokens of texts `first` to `last` to their last hidden states."""
    while first < last:
        stop = _end_of_chunk(starts, first, last)
        _run_layers(model, tokens, starts[first : stop + 1], workspace)
        for row in range(starts[first], starts[stop]):
            state, out = workspace.states[row - starts[first]], states[row]
            for i in range(len(out)):
                out[i] = state[i]
        first = stop


@compiled
def _end_of_chunk(starts: Ints1d, first: int, last: int) -> int:
    """Return one past the last text of the chunk that begins with a text."""
    stop = first + 1
    while stop < last and starts[stop + 1] - starts[first] <= CHUNK_TOKENS:
        stop += 1
    return stop


@compiled
def _run_layers(model: Transformer, tokens: Int32s1d, starts: Ints1d, workspace: Workspace) -> None:
    """Compute the last hidden states of a chunk."""
    _embed(model, tokens, starts, workspace.states)
    for layer in range(model.qkv.weights.shape[0]):
        _layer(model, layer, starts, workspace)


@compiled
def _embed(model: Transformer, tokens: Int32s1d, starts: Ints1d, x: Floats2d) -> None:
    for text in range(len(starts) - 1):
        for i in range(starts[text + 1] - starts[text]):
            row = starts[text] - starts[0] + i
            embedding, position, out = model.token_embeddings[tokens[starts[text] + i]], model.positions[i], x[row]
            for d in range(len(out)):
                out[d] = embedding[d] + position[d]
    layer_norm(x, starts[-1] - starts[0], model.norms[0], model.epsilon)


@compiled
def _layer(model: Transformer, layer: int, starts: Ints1d, workspace: Workspace) -> None:
    x, quantized, rows = workspace.states, workspace.quantized_states, starts[-1] - starts[0]
    _quantize_rows(model.qkv.weights, x, rows, quantized)
    _attention(model, layer, starts, workspace)
    _quantize_rows(model.attention_output.weights, workspace.context, rows, quantized)
    _add_bias(x, rows, model.attention_output.bias[layer])
    _add_product(model.attention_output, layer, 0, quantized, rows, x)
    layer_norm(x, rows, model.norms[1 + 2 * layer], model.epsilon)
    _quantize_rows(model.up.weights, x, rows, quantized)
    _add_bias(x, rows, model.down.bias[layer])
    _feed_forward(model, layer, rows, workspace)
    layer_norm(x, rows, model.norms[2 + 2 * layer], model.epsilon)


@compiled
def _attention(model: Transformer, layer: int, starts: Ints1d, workspace: Workspace) -> None:
    """Compute queries, keys and values of a few heads at a time, and the attention of all texts with them."""
    qkv, context, rows = workspace.qkv, workspace.context, starts[-1] - starts[0]
    size, columns = model.positions.shape[1] // model.n_heads, qkv.shape[1]
    block = columns // 3
    for part in range(model.positions.shape[1] // block):
        _set_bias(qkv, rows, model.qkv.bias[layer, part * columns : (part + 1) * columns])
        _add_product(model.qkv, layer, part * columns, workspace.quantized_states, rows, qkv)
        for head in range(0, block, size):
            column = part * block + head
            position_bias = model.position_bias[column // size : column // size + 1]
            for text in range(len(starts) - 1):
                first, length = starts[text] - starts[0], starts[text + 1] - starts[text]
                attend(
                    model.qkv.weights, qkv, first, length, head, size, position_bias, workspace.attention, context,
                    column,
                )  # fmt: skip


@compiled
def _feed_forward(model: Transformer, layer: int, rows: int, workspace: Workspace) -> None:
    """Apply the feed-forward layers, a group of hidden units at a time, so that they stay in the cache."""
    units, quantized = workspace.hidden_units, workspace.quantized_units
    for part in range(model.down.weights.shape[1]):
        _set_bias(units, rows, model.up.bias[layer, part * units.shape[1] : (part + 1) * units.shape[1]])
        _add_product(model.up, layer, part * units.shape[1], workspace.quantized_states, rows, units)
        activate(model.down.weights, units, rows)
        quantize(model.down.weights, units, rows, 0, quantized, 0, 1)
        for panel in range(model.down.weights.shape[2]):
            multiply(model.down, layer, part, panel, quantized, 0, 1, rows, workspace.states, panel * WIDTH)


@compiled
def _add_product(linear: Linear, layer: int, first: int, quantized: QuantizedRows, rows: int, out: Floats2d) -> None:
    """Add the outputs of a linear layer, from the `first` on, to the columns of `out`."""
    groups = linear.weights.shape[1]
    for group in range(groups):
        for column in range(0, out.shape[1], WIDTH):
            multiply(linear, layer, group, (first + column) // WIDTH, quantized, group, groups, rows, out, column)


@compiled
def _quantize_rows(weights: ArrayXd, x: Floats2d, rows: int, quantized: QuantizedRows) -> None:
    groups = weights.shape[1]
    for group in range(groups):
        quantize(weights, x, rows, group * (x.shape[1] // groups), quantized, group, groups)


@compiled
def _add_bias(x: Floats2d, rows: int, bias: Floats1d) -> None:
    for row in range(rows):
        out = x[row]
        for i in range(len(out)):
            out[i] += bias[i]


@compiled
def _set_bias(x: Floats2d, rows: int, bias: Floats1d) -> None:
    for row in range(rows):
        out = x[row]
        for i in range(len(out)):
            out[i] = bias[i]


@compiled
def _pool(x: Floats2d, starts: Ints1d, poolings: Ints1d, unpooled: int, vectors: Floats2d) -> None:
    """Pool the states of each text by each of the poolings."""
    size = x.shape[1]
    for text in range(len(starts) - 1):
        first, last = starts[text] - starts[0], starts[text + 1] - starts[0]
        for i in range(len(poolings)):
            _pool_text(x, first, first + unpooled, last, poolings[i], vectors[text, i * size : (i + 1) * size])


@compiled
def _pool_text(x: Floats2d, start: int, first: int, last: int, pooling: int, out: Floats1d) -> None:
    """Pool the states ``x[first:last]`` of a text that starts at row `start`, by the pooling of that index."""
    if pooling == 4:
        total = np.float32(0)
        for i in range(len(out)):
            out[i] = np.float32(0)
        for row in range(first, last):
            weight = np.float32(row - start + 1)
            total += weight
            for i in range(len(out)):
                out[i] = out[i] + weight * x[row, i]
        for i in range(len(out)):
            out[i] /= total
        return
    row = last - 1 if pooling == 5 else first
    for i in range(len(out)):
        out[i] = x[row, i]
    if pooling in (1, 5):
        return
    for row in range(first + 1, last):
        for i in range(len(out)):
            out[i] = max(out[i], x[row, i]) if pooling == 2 else out[i] + x[row, i]
    if pooling != 2:
        count = np.float32(last - first)
        divisor = np.sqrt(count) if pooling == 3 else count
        for i in range(len(out)):
            out[i] /= divisor
