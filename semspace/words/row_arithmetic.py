"""Arithmetic on rows of vectors by their addresses: where the training kernels spend their time.

Numba's loops keep neither a tile of sums nor a row in registers, so the innermost steps are written as LLVM's vector
operations, sixteen numbers at a time (see `semspace.kernels.simd`).

A row is `lanes` vectors of 16 float32 numbers and begins at a multiple of 64 bytes. Lists of rows are addresses of
arrays of int64 addresses. Nothing is checked: callers own the memory, and keep the arrays alive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numba import types

from semspace.kernels.compiling import intrinsic
from semspace.kernels.simd import (
    FLOAT,
    INT64,
    LANES,
    Intrinsic,
    Value,
    broadcast,
    cgutils,
    floats,
    int64,
    load,
    load_item,
    multiply_add,
    shuffle,
    store,
    variable,
    vector_offsets,
)


@intrinsic
def window_dots(
    _typing: Any, inputs: Any, n: Any, targets: Any, scores: Any, lanes: Any, size: Any, tile: Any
) -> Intrinsic:
    """Set ``scores[i * size + k]`` to the dot product of input ``i`` and target ``k``.

    The number of targets, `size`, and of inputs in a `tile` (``size * tile`` is at most 16) are constants of the
    compiled code. `inputs` must be readable, and `scores` writable for 16 numbers, beyond `n` up to the next multiple
    of `tile`.
    """
    columns = range(size.literal_value)
    # More targets than a vector holds are taken in parts. Each store of 16 sums runs over what a later one sets.
    parts = [columns[first : first + LANES] for first in columns[::LANES]]

    def build(_context: Any, b: Value, _signature: Any, arguments: Sequence[Value]) -> None:
        inputs, count, targets, scores, lanes = arguments[:5]
        with cgutils.for_range_slice(b, int64(0), count, int64(tile.literal_value)) as (i, _):
            input_rows = [load_item(b, inputs, b.add(i, int64(g)), INT64) for g in range(tile.literal_value)]
            for part in parts:
                target_rows = [load_item(b, targets, int64(k), INT64) for k in part]
                sums = [[variable(b, floats(0.0)) for _ in part] for _ in input_rows]
                with vector_offsets(b, lanes) as offset:
                    vectors = [load(b, b.add(row, offset)) for row in input_rows]
                    for k, row in enumerate(target_rows):
                        target = load(b, b.add(row, offset))
                        for g, vector in enumerate(vectors):
                            b.store(multiply_add(b, vector, target, b.load(sums[g][k])), sums[g][k])
                first = b.add(b.mul(i, int64(len(columns))), int64(part[0]))
                totals = _totals(b, [b.load(total) for line in sums for total in line])
                store(b, totals, b.add(scores, b.mul(first, int64(4))), align=4)

    return types.void(*[types.int64] * 5, size, tile), build


@intrinsic
def window_update(_typing: Any, inputs: Any, n: Any, targets: Any, gradients: Any, lanes: Any, size: Any) -> Intrinsic:
    """Add to each input ``i`` the targets times ``gradients[i * size + k]``, and to each target the inputs likewise.

    Inputs are updated one after the other, and see the targets as the inputs before have left them, as in word2vec.c.
    The targets stay in registers meanwhile. No row may be twice among the targets.
    """
    columns = range(size.literal_value)

    def build(_context: Any, b: Value, _signature: Any, arguments: Sequence[Value]) -> None:
        inputs, count, targets, gradients, lanes = arguments[:5]
        rows = [load_item(b, targets, int64(k), INT64) for k in columns]
        with vector_offsets(b, lanes) as offset:
            updated = [variable(b, load(b, b.add(row, offset))) for row in rows]
            with cgutils.for_range(b, count) as loop:
                address = b.add(load_item(b, inputs, loop.index, INT64), offset)
                vector = load(b, address)
                sums = [vector, floats(0.0)]  # two chains, so that one needn't wait for the other
                for k in columns:
                    position = b.add(b.mul(loop.index, int64(len(columns))), int64(k))
                    gradient = broadcast(b, load_item(b, gradients, position, FLOAT))
                    target = b.load(updated[k])
                    sums[k % 2] = multiply_add(b, gradient, target, sums[k % 2])
                    b.store(multiply_add(b, gradient, vector, target), updated[k])
                store(b, b.fadd(*sums), address)
            for row, target in zip(rows, updated, strict=True):
                store(b, b.load(target), b.add(row, offset))

    return types.void(*[types.int64] * 5, size), build


@intrinsic
def mean_row(_typing: Any, rows: Any, n: Any, scale: Any, out: Any, lanes: Any) -> Intrinsic:
    """Set the row at `out` to `scale` times the sum of `n` rows."""

    def build(_context: Any, b: Value, _signature: Any, arguments: Sequence[Value]) -> None:
        rows, count, scale, out, lanes = arguments
        with vector_offsets(b, lanes) as offset:
            total = variable(b, floats(0.0))
            with cgutils.for_range(b, count) as loop:
                row = b.add(load_item(b, rows, loop.index, INT64), offset)
                b.store(b.fadd(b.load(total), load(b, row)), total)
            store(b, b.fmul(b.load(total), broadcast(b, scale)), b.add(out, offset))

    return types.void(types.int64, types.int64, types.float32, types.int64, types.int64), build


@intrinsic
def add_difference(_typing: Any, rows: Any, n: Any, new: Any, old: Any, lanes: Any) -> Intrinsic:
    """Add to each of `n` rows the row at `new` minus the row at `old`."""

    def build(_context: Any, b: Value, _signature: Any, arguments: Sequence[Value]) -> None:
        rows, count, new, old, lanes = arguments
        with vector_offsets(b, lanes) as offset:
            difference = b.fsub(load(b, b.add(new, offset)), load(b, b.add(old, offset)))
            with cgutils.for_range(b, count) as loop:
                row = b.add(load_item(b, rows, loop.index, INT64), offset)
                store(b, b.fadd(load(b, row), difference), row)

    return types.void(*[types.int64] * 5), build


def _totals(b: Value, vectors: Sequence[Value]) -> Value:
    """Return one vector of the sums of up to 16 vectors, by adding halves: 45 operations, not 16 times 8."""
    line: list[Value | None] = [*vectors, *[None] * (LANES - len(vectors))]
    width = 1
    while width < LANES:
        starts = [start for i in range(0, LANES, 2 * width) for start in (i, LANES + i)]
        low = [start + j for start in starts for j in range(width)]
        high = [lane + width for lane in low]
        line = [
            None if x is None else b.fadd(shuffle(b, x, y or floats(0.0), low), shuffle(b, x, y or floats(0.0), high))
            for x, y in zip(line[::2], line[1::2], strict=True)
        ]
        width *= 2
    return line[0]
