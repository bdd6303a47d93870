"""Arithmetic on rows of vectors by their addresses: what the training kernels spend their time in.

The loops of numba's compiler keep neither a tile of sums nor a row in registers, and can't ask for memory before it is
needed. So the innermost steps are written as LLVM's own vector operations, sixteen numbers at a time. LLVM turns those
into whatever the processor has (one AVX-512 register, two of AVX2, four of SSE or NEON), so nothing here depends on it.

A row is a multiple of 16 float32 numbers (its *lanes*) and starts at a multiple of 64 bytes. Lists of rows are
addresses of arrays of int64 addresses. Nothing is checked: callers own the memory, and keep the arrays alive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import core, types

from semspace.kernels.compiling import operation

LANE = 16  # float32 numbers, 64 bytes: a line of the cache

_FLOAT, _INT32, _INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_FLOAT, LANE)
_ZERO = ir.Constant(_VECTOR, [0.0] * LANE)
cgutils: Any = core.cgutils
Value = Any  # of llvmlite, which has no types
Built = tuple[Any, Callable[..., Any]]


@operation
def window_dots(
    _typing: Any, inputs: Any, n: Any, targets: Any, scores: Any, lanes: Any, size: Any, tile: Any
) -> Built:
    """Set ``scores[i * size + k]`` to the dot product of input ``i`` and target ``k``.

    `size` targets, and `tile` inputs at a time (``size * tile`` at most 16), are constants of the compiled code.
    `inputs` must be readable, and `scores` writable for 16 numbers, beyond `n` up to the next multiple of `tile`.
    """
    columns = range(size.literal_value)
    # More targets than a vector holds are taken in parts. Each store of 16 sums runs over what a later one sets.
    parts = [columns[first : first + LANE] for first in columns[::LANE]]

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        inputs_at, count, targets_at, scores_at, width = given[:5]
        end = b.mul(width, _whole(64))
        with cgutils.for_range_slice(b, _whole(0), count, _whole(tile.literal_value)) as (i, _):
            own = [_address(b, inputs_at, b.add(i, _whole(g))) for g in range(tile.literal_value)]
            for part in parts:
                rows = [_address(b, targets_at, _whole(k)) for k in part]
                sums = [[_variable(b, _ZERO) for _ in part] for _ in own]
                with _lanes(b, end) as at:
                    vectors = [_load(b, b.add(row, at)) for row in own]
                    for k, row in enumerate(rows):
                        other = _load(b, b.add(row, at))
                        for g, vector in enumerate(vectors):
                            b.store(_multiply_add(b, vector, other, b.load(sums[g][k])), sums[g][k])
                place = b.add(b.mul(i, _whole(len(columns))), _whole(part[0]))
                totals = _totals(b, [b.load(total) for line in sums for total in line])
                _store(b, totals, b.add(scores_at, b.mul(place, _whole(4))), align=4)

    return types.void(*[types.int64] * 5, size, tile), build


@operation
def window_update(_typing: Any, inputs: Any, n: Any, targets: Any, gradient: Any, lanes: Any, size: Any) -> Built:
    """Add to each input ``i`` the targets times ``gradient[i * size + k]``, and to each target the inputs likewise.

    Inputs come one after the other, and see the targets as those before have left them, as in word2vec.c. The targets
    stay in registers meanwhile. No row may be twice among the targets.
    """
    columns = range(size.literal_value)

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        inputs_at, count, targets_at, gradient_at, width = given[:5]
        rows = [_address(b, targets_at, _whole(k)) for k in columns]
        with _lanes(b, b.mul(width, _whole(64))) as at:
            new = [_variable(b, _load(b, b.add(row, at))) for row in rows]
            with cgutils.for_range(b, count) as loop:
                place = b.add(_address(b, inputs_at, loop.index), at)
                vector = _load(b, place)
                sums = [vector, _ZERO]  # two chains, so that one needn't wait for the other
                for k in columns:
                    step = _number(b, gradient_at, b.add(b.mul(loop.index, _whole(len(columns))), _whole(k)))
                    target = b.load(new[k])
                    sums[k % 2] = _multiply_add(b, step, target, sums[k % 2])
                    b.store(_multiply_add(b, step, vector, target), new[k])
                _store(b, b.fadd(*sums), place)
            for row, value in zip(rows, new, strict=True):
                _store(b, b.load(value), b.add(row, at))

    return types.void(*[types.int64] * 5, size), build


@operation
def mean_row(_typing: Any, rows: Any, n: Any, scale: Any, out: Any, lanes: Any) -> Built:
    """Set the row at `out` to `scale` times the sum of `n` rows."""

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        rows_at, count, factor, out_at, width = given
        with _lanes(b, b.mul(width, _whole(64))) as at:
            total = _variable(b, _ZERO)
            with cgutils.for_range(b, count) as loop:
                row = b.add(_address(b, rows_at, loop.index), at)
                b.store(b.fadd(b.load(total), _load(b, row)), total)
            _store(b, b.fmul(b.load(total), _spread(b, factor)), b.add(out_at, at))

    return types.void(types.int64, types.int64, types.float32, types.int64, types.int64), build


@operation
def add_change(_typing: Any, rows: Any, n: Any, new: Any, old: Any, lanes: Any) -> Built:
    """Add to each of `n` rows the row at `new` less the row at `old`."""

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        rows_at, count, new_at, old_at, width = given
        with _lanes(b, b.mul(width, _whole(64))) as at:
            change = b.fsub(_load(b, b.add(new_at, at)), _load(b, b.add(old_at, at)))
            with cgutils.for_range(b, count) as loop:
                row = b.add(_address(b, rows_at, loop.index), at)
                _store(b, b.fadd(_load(b, row), change), row)

    return types.void(*[types.int64] * 5), build


@operation
def prefetch(_typing: Any, row: Any, lanes: Any) -> Built:
    """Ask for a row that will be read and written soon."""

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, _INT32, _INT32, _INT32])
        ask = cgutils.get_or_insert_function(b.module, kind, "llvm.prefetch.p0")
        for_writing, near, data = (ir.Constant(_INT32, number) for number in (1, 3, 1))
        with _lanes(b, b.mul(given[1], _whole(64))) as at:
            b.call(ask, [b.inttoptr(b.add(given[0], at), pointer), for_writing, near, data])

    return types.void(types.int64, types.int64), build


# -- the words this is written in ---------------------------------------------------------------------------------


def _whole(number: int) -> Value:
    return ir.Constant(_INT64, number)


def _address(b: Value, array: Value, index: Value) -> Value:
    return b.load(b.inttoptr(b.add(array, b.mul(index, _whole(8))), _INT64.as_pointer()))


def _number(b: Value, array: Value, index: Value) -> Value:
    return _spread(b, b.load(b.inttoptr(b.add(array, b.mul(index, _whole(4))), _FLOAT.as_pointer())))


def _spread(b: Value, number: Value) -> Value:
    one = b.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, ir.Constant(_INT32, 0))
    return _shuffle(b, one, one, [0] * LANE)


def _load(b: Value, place: Value) -> Value:
    return b.load(b.inttoptr(place, _VECTOR.as_pointer()), align=64)


def _store(b: Value, vector: Value, place: Value, align: int = 64) -> None:
    b.store(vector, b.inttoptr(place, _VECTOR.as_pointer()), align=align)


def _variable(b: Value, start: Value) -> Value:
    place = cgutils.alloca_once(b, _VECTOR)
    b.store(start, place)
    return place


def _multiply_add(b: Value, x: Value, y: Value, z: Value) -> Value:
    # fmuladd, not fma: where the processor can't do both at once, it multiplies and adds.
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    return b.call(cgutils.get_or_insert_function(b.module, kind, "llvm.fmuladd.v16f32"), [x, y, z])


def _shuffle(b: Value, x: Value, y: Value, places: list[int]) -> Value:
    return b.shuffle_vector(x, y, ir.Constant(ir.VectorType(_INT32, LANE), places))


@contextmanager
def _lanes(b: Value, end: Value) -> Iterator[Value]:
    with cgutils.for_range_slice(b, _whole(0), end, _whole(64)) as (at, _):
        yield at


def _totals(b: Value, vectors: Sequence[Value]) -> Value:
    """Give one vector of the sums of up to 16 vectors, by adding halves: 45 operations, not 16 times 8."""
    line: list[Value | None] = [*vectors, *[None] * (LANE - len(vectors))]
    width = 1
    while width < LANE:
        starts = [start for i in range(0, LANE, 2 * width) for start in (i, LANE + i)]
        low = [start + j for start in starts for j in range(width)]
        high = [place + width for place in low]
        line = [
            None if x is None else b.fadd(_shuffle(b, x, y or _ZERO, low), _shuffle(b, x, y or _ZERO, high))
            for x, y in zip(line[::2], line[1::2], strict=True)
        ]
        width *= 2
    return line[0]
