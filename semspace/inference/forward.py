"""The forward pass of a transformer: texts as token ids → one vector each.

Texts are processed in chunks of whole texts without padding, small enough for the numbers of a layer to stay in the
cache of a core. The rows of one text never depend on those of another.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from semspace.inference.attention import AttentionWorkspace, attend, attention_workspace
from semspace.inference.gemm import ROWS, WIDTH
from semspace.inference.layers import activate, normalize, rotate, scale_to_norm
from semspace.inference.linear import QuantizedRows, multiply, quantize
from semspace.inference.model import Linear, Transformer, aligned_zeros
from semspace.inference.packing import head_block
from semspace.kernels.compiling import compiled
from semspace.types import ArrayXd, Floats1d, Floats2d, Int32s1d, Ints1d

CHUNK_TOKENS = 192  # processed at a time, unless one text has more
BLOCK_ROWS = 192  # of a longer text that go through the linear layers at a time: a multiple of `ROWS`
_NOTHING, _NO_POOLINGS = np.zeros((0, 0), np.float32), np.zeros(0, np.int64)
POOLINGS = ("mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")


class Workspace(NamedTuple):
    """The memory of one thread: hidden states, and what is computed from them on the way."""

    states: Floats2d
    normed: Floats2d
    qkv: Floats2d
    context: Floats2d
    hidden_units: Floats2d
    quantized_states: QuantizedRows
    quantized_context: QuantizedRows
    quantized_units: QuantizedRows
    attention: AttentionWorkspace


def create_workspace(model: Transformer) -> Workspace:
    """Create the memory of one thread."""
    hidden = model.positions.shape[1]
    rows = max(CHUNK_TOKENS, model.max_tokens) + 2 * ROWS
    width, heads_width = qkv_columns(model), model.n_heads * model.head_size
    step = 4 // model.down.weights.itemsize
    units = model.down.weights.shape[3] * step

    def floats(columns: int, rows: int = rows) -> Floats2d:
        return aligned_zeros((rows, columns), np.float32)

    def quantized_rows(columns: int, groups: int, rows: int = rows) -> QuantizedRows:
        scale, minimum = (aligned_zeros((rows, groups), np.float32) for _ in range(2))
        return QuantizedRows(aligned_zeros((rows * columns * 4 // step,), np.uint8), scale, minimum)

    block_rows = BLOCK_ROWS + 2 * ROWS
    return Workspace(
        floats(hidden),
        floats(0 if model.norm_place == 0 else hidden),
        floats(width),
        floats(heads_width),
        floats((1 + model.gated) * units, block_rows),
        quantized_rows(hidden, model.qkv.weights.shape[1]),
        quantized_rows(heads_width, model.attention_output.weights.shape[1]),
        quantized_rows(units, 1, block_rows),
        attention_workspace(model.max_tokens, model.head_size),
    )


def qkv_columns(model: Transformer) -> int:
    """Return how many columns of queries, keys and values are computed at a time."""
    return head_block(model.head_size) * (model.n_heads // model.n_key_heads + 2)


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
    encode(model, tokens, starts, first, last, poolings, unpooled, workspace, vectors, _NOTHING)


def encode_states(
    model: Transformer, tokens: Int32s1d, starts: Ints1d, first: int, last: int, workspace: Workspace, states: Floats2d
) -> None:
    """Set the rows of `states` that belong to the tokens of texts `first` to `last` to their last hidden states."""
    encode(model, tokens, starts, first, last, _NO_POOLINGS, 0, workspace, _NOTHING, states)


@compiled
def encode(
    model: Transformer,
    tokens: Int32s1d,
    starts: Ints1d,
    first: int,
    last: int,
    poolings: Ints1d,
    unpooled: int,
    workspace: Workspace,
    vectors: Floats2d,
    states: Floats2d,
) -> None:
    """Compute what `encode_tokens` and `encode_states` return: one function, since it takes long to compile."""
    while first < last:
        stop = _end_of_chunk(starts, first, last)
        chunk = starts[first : stop + 1]
        _embed(model, tokens, chunk, workspace.states)
        for layer in range(model.qkv.weights.shape[0]):
            _layer(model, layer, chunk, workspace)
        if len(poolings):
            _pool(workspace.states, chunk, poolings, unpooled, vectors[first:stop])
        for row in range(starts[first], starts[stop] if len(states) else 0):
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
def _embed(model: Transformer, tokens: Int32s1d, starts: Ints1d, x: Floats2d) -> None:
    last = len(model.positions) - 1
    for text in range(len(starts) - 1):
        for i in range(starts[text + 1] - starts[text]):
            row = starts[text] - starts[0] + i
            embedding, position = model.token_embeddings[tokens[starts[text] + i]], model.positions[min(i, last)]
            out = x[row]
            for d in range(len(out)):
                out[d] = embedding[d] + position[d]
    if model.has_embedding_norm:
        normalize(x, x, starts[-1] - starts[0], model.norms[0], model.epsilon, model.is_rms)


@compiled
def _layer(model: Transformer, layer: int, starts: Ints1d, workspace: Workspace) -> None:
    """Apply attention and the feed-forward layer, each with a norm after it, before it, or before and after it."""
    rows, place = starts[-1] - starts[0], model.norm_place
    first_norm = model.has_embedding_norm + layer * (4 if place == 2 else 2) - (0 if model.has_first_norm else 1)
    x, out = workspace.states, workspace.normed if place == 2 else workspace.states
    _quantize_input(model, model.qkv, first_norm if layer or model.has_first_norm else -1, rows, workspace)
    _attention(model, layer, starts, workspace)
    _quantize_rows(model.attention_output.weights, workspace.context, rows, workspace.quantized_context)
    _start_sum(out, rows, model.attention_output.bias[layer], place)
    _add_product(model.attention_output, layer, 0, workspace.quantized_context, 0, rows, out)
    _end_sum(model, first_norm + 1 if place == 2 else first_norm, rows, workspace)
    second_norm = first_norm + (2 if place == 2 else 1)
    _quantize_input(model, model.up, second_norm, rows, workspace)
    _start_sum(out, rows, model.down.bias[layer], place)
    for block in range(0, rows, BLOCK_ROWS):
        _feed_forward(model, layer, block, min(BLOCK_ROWS, rows - block), workspace, out[block:])
    _end_sum(model, second_norm + 1 if place == 2 else second_norm, rows, workspace)
    if place and layer == model.qkv.weights.shape[0] - 1:
        normalize(x, x, rows, model.norms[-1], model.epsilon, model.is_rms)


@compiled
def _quantize_input(model: Transformer, linear: Linear, norm: int, rows: int, workspace: Workspace) -> None:
    """Quantise the states for a linear layer, after a norm where norms come first (-1: this one is left out)."""
    x = workspace.states
    if model.norm_place and norm >= 0:
        x = workspace.normed
        normalize(workspace.states, x, rows, model.norms[norm], model.epsilon, model.is_rms)
    _quantize_rows(linear.weights, x, rows, workspace.quantized_states)


@compiled
def _start_sum(out: Floats2d, rows: int, bias: Floats1d, place: int) -> None:
    """Begin the output of a layer with its bias: in the states themselves, or apart where a norm comes before that."""
    if place == 2:
        _set_bias(out, rows, bias)
    else:
        _add_bias(out, rows, bias)


@compiled
def _end_sum(model: Transformer, norm: int, rows: int, workspace: Workspace) -> None:
    """Norm the states, or what is added to them."""
    x, out = workspace.states, workspace.normed
    if model.norm_place == 0:
        normalize(x, x, rows, model.norms[norm], model.epsilon, model.is_rms)
    elif model.norm_place == 2:
        normalize(out, out, rows, model.norms[norm], model.epsilon, model.is_rms)
        for row in range(rows):
            state, added = x[row], out[row]
            for i in range(len(state)):
                state[i] += added[i]


@compiled
def _attention(model: Transformer, layer: int, starts: Ints1d, workspace: Workspace) -> None:
    """Compute queries, keys and values of a few heads at a time, and the attention of all texts with them."""
    qkv, context, rows = workspace.qkv, workspace.context, starts[-1] - starts[0]
    size, shared, columns = model.head_size, model.n_heads // model.n_key_heads, qkv.shape[1]
    block = columns // (shared + 2)
    window = model.windows[layer]
    for part in range(model.n_key_heads * size // block):
        _set_bias(qkv, rows, model.qkv.bias[layer, part * columns : (part + 1) * columns])
        for first in range(0, rows, BLOCK_ROWS):
            last = min(first + BLOCK_ROWS, rows)
            _add_product(model.qkv, layer, part * columns, workspace.quantized_states, first, last, qkv[first:])
        if len(model.rotations):
            _rotate(model, layer, qkv, starts, shared * block, block)
        for head in range(0, shared * block, size):
            column = part * shared * block + head
            key = shared * block + head // (shared * size) * size
            position_bias = model.position_bias[column // size : column // size + 1]
            for text in range(len(starts) - 1):
                first, length = starts[text] - starts[0], starts[text + 1] - starts[text]
                attend(
                    model.qkv.weights, qkv, first, length, head, key, key + block, size, window, model.causal,
                    position_bias, workspace.attention, context, column,
                )  # fmt: skip


@compiled
def _rotate(model: Transformer, layer: int, qkv: Floats2d, starts: Ints1d, queries: int, keys: int) -> None:
    """Norm and rotate the queries, in the first columns, and the keys after them, head by head."""
    table, size = model.rotations[model.rotation_of_layer[layer]], model.head_size
    norms = model.head_norms[layer]
    for text in range(len(starts) - 1):
        for i in range(starts[text + 1] - starts[text]):
            row, cosines, sines = qkv[starts[text] - starts[0] + i], table[i, 0], table[i, 1]
            for head in range(0, queries + keys, size):
                numbers = row[head : head + size]
                if len(norms):
                    scale_to_norm(numbers, norms[0 if head < queries else 1], model.epsilon)
                rotate(numbers, cosines, sines)


@compiled
def _feed_forward(model: Transformer, layer: int, first: int, rows: int, workspace: Workspace, out: Floats2d) -> None:
    """Apply the feed-forward layers to some rows, a group of hidden units at a time, so that they stay in the cache."""
    units, quantized = workspace.hidden_units, workspace.quantized_units
    columns = units.shape[1]
    for part in range(model.down.weights.shape[1]):
        _set_bias(units, rows, model.up.bias[layer, part * columns : (part + 1) * columns])
        _add_product(model.up, layer, part * columns, workspace.quantized_states, first, first + rows, units)
        activate(model.down.weights, units, rows, model.activation, model.gated)
        quantize(model.down.weights, units, rows, 0, quantized, 0, 1)
        for panel in range(model.down.weights.shape[2]):
            multiply(model.down, layer, part, panel, quantized, 0, 1, 0, rows, out, panel * WIDTH)


@compiled
def _add_product(
    linear: Linear, layer: int, first_column: int, quantized: QuantizedRows, first: int, last: int, out: Floats2d
) -> None:
    """Add the outputs of a linear layer, from the first column on, for some of the rows, to the columns of `out`."""
    groups = linear.weights.shape[1]
    for group in range(groups):
        for column in range(0, out.shape[1], WIDTH):
            panel = (first_column + column) // WIDTH
            multiply(linear, layer, group, panel, quantized, group, groups, first, last, out, column)


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
