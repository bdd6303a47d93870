"""Products of small tiles of matrices, kept in registers: what encoding spends its time in.

A tile is `ROWS` rows of the left matrix times `vectors` times 16 columns of the right one. The loop over what they
share runs in steps of 32 bits of the left matrix: one float32, two bfloat16 or four bytes, spread over a register and
multiplied with sixteen columns at once. A tile of 6 × 64 keeps the multipliers of AVX-512 busy all the time.

Matrices are given by the address of their first number and by their bytes from row to row. The rows of the right one,
and of the result, begin at multiples of 64 bytes. Nothing is checked: callers own the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import core, types

from semspace.inference.compiling import operation

ROWS = 6
LANES = 16
# A tile as wide as the registers hold: AVX-512 and NEON have 32 of them, and one of AVX2 holds half of sixteen numbers.
FEATURES = dict(llvm.get_host_cpu_features())
VECTORS = 4 if FEATURES.get("avx512f") else 1
WIDTH = LANES * VECTORS

_FLOAT, _INT32, _INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_FLOATS, _WHOLES = ir.VectorType(_FLOAT, LANES), ir.VectorType(_INT32, LANES)
cgutils: Any = core.cgutils
Value = Any  # of llvmlite, which has no types
Built = tuple[Any, Callable[..., Any]]
Multiply = Callable[[Value, Value, Value, Value], Value]
Grid = list[list[Value]]


class _BFloat(ir.Type):  # type: ignore[misc]
    """LLVM's bfloat, which llvmlite doesn't name."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


_HALVES = ir.VectorType(_BFloat(), 2 * LANES)


def _times_floats(b: Value, left: Value, right: Value, total: Value) -> Value:
    return _multiply_add(b, b.bitcast(left, _FLOATS), b.bitcast(right, _FLOATS), total)


def _times_halves(b: Value, left: Value, right: Value, total: Value) -> Value:
    dot = _called(b, "llvm.x86.avx512bf16.dpbf16ps.512", _FLOATS, [_FLOATS, _HALVES, _HALVES])
    return b.call(dot, [total, b.bitcast(left, _HALVES), b.bitcast(right, _HALVES)])


def _times_bytes(b: Value, left: Value, right: Value, total: Value) -> Value:
    dot = _called(b, "llvm.x86.avx512.vpdpbusd.512", _WHOLES, [_WHOLES] * 3)
    return b.call(dot, [total, left, right])


def _adding(multiply: Multiply, *, from_zero: bool = False) -> Any:
    """Write a product in float32 that is added to what the result holds, or replaces it."""

    def typed(
        _typing: Any,
        left: Any,
        left_by: Any,
        right: Any,
        right_by: Any,
        steps: Any,
        out: Any,
        out_by: Any,
        vectors: Any,
    ) -> Built:
        columns = vectors.literal_value

        def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
            places = _places(b, given[5], given[6], columns)
            zero = ir.Constant(_FLOATS, None)
            begun = [[zero if from_zero else b.load(place, align=64) for place in row] for row in places]
            _put(b, places, _product(b, multiply, given, begun))

        return types.void(*[types.int64] * 7, vectors), build

    return operation(typed)


# (left, its bytes a row, right, its bytes a row, steps, result, its bytes a row, vectors of 16 columns)
set_floats = _adding(_times_floats, from_zero=True)
add_floats = _adding(_times_floats)
add_halves = _adding(_times_halves)


@operation
def add_bytes(
    _typing: Any, left: Any, left_by: Any, right: Any, right_by: Any, steps: Any, out: Any, out_by: Any,
    scale: Any, low: Any, by: Any, scales: Any, sums: Any, vectors: Any,
) -> Built:  # fmt: skip
    """Multiply bytes, and add what they stand for to the result.

    A byte `a` of the left row i stands for ``low[i] + scale[i] * a``, and one `w` of column j for ``scales[j] * w``;
    `sums` has each column's sum. All four are addresses, `scale` and `low` with `by` bytes from row to row.
    """
    columns = vectors.literal_value

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        nothing = ir.Constant(_WHOLES, None)
        totals = _product(b, _times_bytes, given, [[nothing] * columns for _ in range(ROWS)])
        places = _places(b, given[5], given[6], columns)
        of_columns, sums_of = ([_vector(b, given[at], 64 * j, _FLOATS) for j in range(columns)] for at in (10, 11))
        for i, (row, to) in enumerate(zip(totals, places, strict=True)):
            one, zero = (_spread(b, _number(b, given[at], b.mul(given[9], _whole(i)))) for at in (7, 8))
            for j, total in enumerate(row):
                scaled = b.fmul(b.sitofp(total, _FLOATS), of_columns[j])
                shifted = _multiply_add(b, zero, sums_of[j], b.load(to[j], align=64))
                b.store(_multiply_add(b, one, scaled, shifted), to[j], align=64)

    return types.void(*[types.int64] * 12, vectors), build


@operation
def extremes(_typing: Any, row: Any, vectors: Any) -> Built:
    """Give the least and the greatest of `vectors` times 16 float32 numbers at an address."""

    def build(context: Any, b: Value, signature: Any, given: Sequence[Value]) -> Value:
        first = _vector(b, given[0], 0, _FLOATS)
        ends = [_variable(b, first), _variable(b, first)]
        with cgutils.for_range(b, given[1]) as loop:
            numbers = _vector(b, b.add(given[0], b.mul(loop.index, _whole(64))), 0, _FLOATS)
            for end, order in zip(ends, "<>", strict=True):
                held = b.load(end)
                b.store(b.select(b.fcmp_ordered(order, numbers, held), numbers, held), end)
        names = ("llvm.vector.reduce.fmin.v16f32", "llvm.vector.reduce.fmax.v16f32")
        found = [
            b.call(_called(b, name, _FLOAT, [_FLOATS]), [b.load(end)]) for name, end in zip(names, ends, strict=True)
        ]
        return context.make_tuple(b, signature.return_type, found)

    pair: Any = types.UniTuple(types.float32, 2)  # type: ignore[no-untyped-call]
    return pair(types.int64, types.int64), build


def _product(b: Value, multiply: Multiply, given: Sequence[Value], begun: Grid) -> Grid:
    """Run over what left and right share, adding to sums that are in registers, and give them."""
    left, left_by, right, right_by, steps = given[:5]
    sums = [[_variable(b, start) for start in row] for row in begun]
    rows = [b.add(left, b.mul(left_by, _whole(i))) for i in range(len(begun))]
    with cgutils.for_range(b, steps) as loop:
        below = b.add(right, b.mul(loop.index, right_by))
        others = [_vector(b, below, 64 * j, _WHOLES) for j in range(len(begun[0]))]
        for row, line in zip(rows, sums, strict=True):
            one = _spread(b, _number(b, row, b.mul(loop.index, _whole(4)), _INT32))
            for other, total in zip(others, line, strict=True):
                b.store(multiply(b, one, other, b.load(total)), total)
    return [[b.load(total) for total in line] for line in sums]


def _places(b: Value, out: Value, out_by: Value, columns: int) -> Grid:
    rows = [b.add(out, b.mul(out_by, _whole(i))) for i in range(ROWS)]
    return [[b.inttoptr(b.add(row, _whole(64 * j)), _FLOATS.as_pointer()) for j in range(columns)] for row in rows]


def _put(b: Value, places: Grid, vectors: Grid) -> None:
    for row, line in zip(places, vectors, strict=True):
        for place, vector in zip(row, line, strict=True):
            b.store(vector, place, align=64)


# -- the words this is written in ---------------------------------------------------------------------------------


def _called(b: Value, name: str, result: Value, arguments: list[Value]) -> Value:
    return cgutils.get_or_insert_function(b.module, ir.FunctionType(result, arguments), name)


def _whole(number: int) -> Value:
    return ir.Constant(_INT64, number)


def _vector(b: Value, at: Value, beyond: int, kind: Value) -> Value:
    return b.load(b.inttoptr(b.add(at, _whole(beyond)), kind.as_pointer()), align=64)


def _number(b: Value, at: Value, beyond: Value, kind: Value = _FLOAT) -> Value:
    return b.load(b.inttoptr(b.add(at, beyond), kind.as_pointer()), align=1)


def _variable(b: Value, start: Value) -> Value:
    place = cgutils.alloca_once(b, start.type)
    b.store(start, place)
    return place


def _multiply_add(b: Value, x: Value, y: Value, z: Value) -> Value:
    # fmuladd, not fma: where the processor can't do both at once, it multiplies and adds.
    return b.call(_called(b, "llvm.fmuladd.v16f32", _FLOATS, [_FLOATS] * 3), [x, y, z])


def _spread(b: Value, number: Value) -> Value:
    kind = ir.VectorType(number.type, LANES)
    one = b.insert_element(ir.Constant(kind, ir.Undefined), number, ir.Constant(_INT32, 0))
    return b.shuffle_vector(one, one, ir.Constant(ir.VectorType(_INT32, LANES), [0] * LANES))
