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

from llvmlite import ir
from numba import types

from semspace.kernels.compiling import features, operation
from semspace.kernels.simd import (
    FLOATS,
    INT32,
    LANES,
    WHOLES,
    Built,
    Value,
    add_byte_products,
    add_half_products,
    cgutils,
    multiply_add,
    number,
    spread,
    variable,
    vector,
    whole,
)

ROWS = 6
# A tile as wide as the registers hold: AVX-512 and NEON have 32 of them, and one of AVX2 holds half of sixteen numbers.
FEATURES = features()
VECTORS = 4 if FEATURES.get("avx512f") else 1
WIDTH = LANES * VECTORS

Multiply = Callable[[Value, Value, Value, Value], Value]
Grid = list[list[Value]]


def _times_floats(b: Value, left: Value, right: Value, total: Value) -> Value:
    return multiply_add(b, b.bitcast(left, FLOATS), b.bitcast(right, FLOATS), total)


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
            zero = ir.Constant(FLOATS, None)
            begun = [[zero if from_zero else b.load(place, align=64) for place in row] for row in places]
            _put(b, places, _product(b, multiply, given, begun))

        return types.void(*[types.int64] * 7, vectors), build

    return operation(typed)


# (left, its bytes a row, right, its bytes a row, steps, result, its bytes a row, vectors of 16 columns)
set_floats = _adding(_times_floats, from_zero=True)
add_floats = _adding(_times_floats)
set_halves = _adding(add_half_products, from_zero=True)
add_halves = _adding(add_half_products)


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
        nothing = ir.Constant(WHOLES, None)
        totals = _product(b, add_byte_products, given, [[nothing] * columns for _ in range(ROWS)])
        places = _places(b, given[5], given[6], columns)
        of_columns, sums_of = ([vector(b, given[at], 64 * j, FLOATS) for j in range(columns)] for at in (10, 11))
        for i, (row, to) in enumerate(zip(totals, places, strict=True)):
            one, zero = (spread(b, number(b, given[at], b.mul(given[9], whole(i)))) for at in (7, 8))
            for j, total in enumerate(row):
                scaled = b.fmul(b.sitofp(total, FLOATS), of_columns[j])
                shifted = multiply_add(b, zero, sums_of[j], b.load(to[j], align=64))
                b.store(multiply_add(b, one, scaled, shifted), to[j], align=64)

    return types.void(*[types.int64] * 12, vectors), build


def _product(b: Value, multiply: Multiply, given: Sequence[Value], begun: Grid) -> Grid:
    """Run over what left and right share, adding to sums that are in registers, and give them."""
    left, left_by, right, right_by, steps = given[:5]
    sums = [[variable(b, start) for start in row] for row in begun]
    rows = [b.add(left, b.mul(left_by, whole(i))) for i in range(len(begun))]
    with cgutils.for_range(b, steps) as loop:
        below = b.add(right, b.mul(loop.index, right_by))
        others = [vector(b, below, 64 * j, WHOLES) for j in range(len(begun[0]))]
        for row, line in zip(rows, sums, strict=True):
            one = spread(b, number(b, row, b.mul(loop.index, whole(4)), INT32))
            for other, total in zip(others, line, strict=True):
                b.store(multiply(b, one, other, b.load(total)), total)
    return [[b.load(total) for total in line] for line in sums]


def _places(b: Value, out: Value, out_by: Value, columns: int) -> Grid:
    rows = [b.add(out, b.mul(out_by, whole(i))) for i in range(ROWS)]
    return [[b.inttoptr(b.add(row, whole(64 * j)), FLOATS.as_pointer()) for j in range(columns)] for row in rows]


def _put(b: Value, places: Grid, vectors: Grid) -> None:
    for row, line in zip(places, vectors, strict=True):
        for place, numbers in zip(row, line, strict=True):
            b.store(numbers, place, align=64)
