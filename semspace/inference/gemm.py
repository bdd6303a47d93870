"""Matrix products of small tiles that stay in registers: where encoding spends its time.

A tile is `ROWS` rows of the left matrix times `vectors` times 16 columns of the right one. The loop over the inner
dimension runs in steps of 32 bits of the left matrix: one float32, two bfloat16 or four bytes, broadcast to a register
and multiplied with sixteen columns at once. A tile of 6 × 64 keeps the multipliers of AVX-512 busy all the time.

Matrices are given by the address of their first number and their stride in bytes from row to row. The rows of the right
one, and of the result, begin at multiples of 64 bytes. Nothing is checked: callers own the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types

from semspace.kernels import byte_products
from semspace.kernels.compiling import features, intrinsic
from semspace.kernels.simd import (
    FLOATS,
    INT32,
    INT32S,
    LANES,
    VECTOR_BYTES,
    Intrinsic,
    Value,
    add_bfloat16_products,
    broadcast,
    cgutils,
    int64,
    load,
    load_number,
    multiply_add,
    outlined,
    store,
    variable,
    zeros,
)

ROWS = 6  # of the left matrix in a tile
# A tile as wide as the registers hold: AVX-512 and NEON have 32 of them, and one of AVX2 holds half of sixteen numbers.
FEATURES = features()
VECTORS = 4 if FEATURES.get("avx512f") else 1
WIDTH = LANES * VECTORS  # columns of the right matrix in a tile

_SUM_ROWS = 2  # of a tile whose products are summed in 16 bits first, which takes as many registers again

MultiplyAdd = Callable[[Value, Value, Value, Value], Value]
Tile = list[list[Value]]  # rows of vectors, or of their addresses


def _add_float_products(b: Value, left: Value, right: Value, total: Value) -> Value:
    return multiply_add(b, b.bitcast(left, FLOATS), b.bitcast(right, FLOATS), total)


def _product_of(multiply: MultiplyAdd, *, from_zero: bool = False) -> Any:
    """Return an intrinsic that adds a product to the float32 numbers of the result, or replaces them by it."""

    @intrinsic
    def product(
        _typing: Any,
        left: Any,
        left_stride: Any,
        right: Any,
        right_stride: Any,
        steps: Any,
        out: Any,
        out_stride: Any,
        vectors: Any,
    ) -> Intrinsic:
        columns = vectors.literal_value

        def build(b: Value, arguments: Sequence[Value]) -> None:
            addresses = _addresses(b, arguments[5], arguments[6], columns)
            before = [[zeros(FLOATS) if from_zero else load(b, address) for address in row] for row in addresses]
            for row, products in zip(addresses, _multiplied(b, multiply, arguments, before), strict=True):
                for address, numbers in zip(row, products, strict=True):
                    store(b, numbers, address)

        name = f"{multiply.__name__}{'_from_zero' * from_zero}_{columns}"
        return types.void(*[types.int64] * 7, vectors), outlined(name, build, 7)

    return product


# (left, its stride, right, its stride, steps, result, its stride, vectors of 16 columns)
set_products = _product_of(_add_float_products, from_zero=True)
add_products = _product_of(_add_float_products)
set_products_of_bfloat16 = _product_of(add_bfloat16_products, from_zero=True)
add_products_of_bfloat16 = _product_of(add_bfloat16_products)


@intrinsic
def add_products_of_bytes(
    _typing: Any, left: Any, left_stride: Any, right: Any, right_stride: Any, steps: Any, out: Any, out_stride: Any,
    scale: Any, minimum: Any, scale_stride: Any, column_scales: Any, column_sums: Any, vectors: Any,
) -> Intrinsic:  # fmt: skip
    """Multiply quantised matrices, and add the product of the numbers they stand for to the result.

    A byte ``a`` of row i of the left matrix stands for ``minimum[i] + scale[i] * a``, and a byte ``w`` of column j of
    the right one for ``column_scales[j] * w``; `column_sums` are those of the right matrix's numbers. All four are
    addresses; `scale` and `minimum` have a stride of `scale_stride` bytes.
    """
    columns = vectors.literal_value

    def build(b: Value, arguments: Sequence[Value]) -> None:
        totals = _multiplied_bytes(b, arguments, columns)
        addresses = _addresses(b, arguments[5], arguments[6], columns)
        scales, sums = ([load(b, b.add(arguments[i], _vector(j))) for j in range(columns)] for i in (10, 11))
        for i, (row, outs) in enumerate(zip(totals, addresses, strict=True)):
            offset = b.mul(arguments[9], int64(i))
            row_scale, row_minimum = (broadcast(b, load_number(b, b.add(arguments[k], offset))) for k in (7, 8))
            for j, total in enumerate(row):
                scaled = b.fmul(b.sitofp(total, FLOATS), scales[j])
                shifted = multiply_add(b, row_minimum, sums[j], load(b, outs[j]))
                store(b, multiply_add(b, row_scale, scaled, shifted), outs[j])

    return types.void(*[types.int64] * 12, vectors), outlined(f"byte_products_{columns}", build, 12)


def _multiplied(b: Value, multiply: MultiplyAdd, arguments: Sequence[Value], before: Tile) -> Tile:
    """Return `before` plus the products of a tile, summed over the inner dimension in registers."""
    left, left_stride, right, right_stride, steps = arguments[:5]
    sums = [[variable(b, start) for start in row] for row in before]
    rows = [b.add(left, b.mul(left_stride, int64(i))) for i in range(len(before))]
    with cgutils.for_range(b, steps) as loop:
        right_row = b.add(right, b.mul(loop.index, right_stride))
        columns = [load(b, b.add(right_row, _vector(j)), INT32S) for j in range(len(before[0]))]
        for row, totals in zip(rows, sums, strict=True):
            item = broadcast(b, load_number(b, b.add(row, b.mul(loop.index, int64(4))), INT32))
            for column, total in zip(columns, totals, strict=True):
                b.store(multiply(b, item, column, b.load(total)), total)
    return [[b.load(total) for total in totals] for totals in sums]


def _multiplied_bytes(b: Value, arguments: Sequence[Value], columns: int) -> Tile:
    """Return the products of a tile of bytes."""
    if byte_products.STEPS == 1:
        start = [[zeros(INT32S)] * columns for _ in range(ROWS)]
        return _multiplied(b, byte_products.add_byte_products, arguments, start)
    return [total for first in range(0, ROWS, _SUM_ROWS) for total in _summed_in_16_bits(b, arguments, columns, first)]


def _summed_in_16_bits(b: Value, arguments: Sequence[Value], columns: int, first: int) -> Tile:
    """Return the products of `_SUM_ROWS` rows of a tile of bytes, of which `STEPS` steps are added up in 16 bits."""
    left, left_stride, right, right_stride, steps = arguments[:5]
    rows = [b.add(left, b.mul(left_stride, int64(first + i))) for i in range(_SUM_ROWS)]
    totals = [[variable(b, zeros(INT32S)) for _ in range(columns)] for _ in rows]
    with cgutils.for_range(b, b.udiv(steps, int64(byte_products.STEPS))) as loop:
        window = b.mul(loop.index, int64(byte_products.STEPS))
        sums = [[byte_products.short_zeros() for _ in range(columns)] for _ in rows]
        for step in range(byte_products.STEPS):
            # Loads may not move across this, or there would be more numbers at hand than registers.
            b.asm(ir.FunctionType(ir.VoidType(), []), "", "~{memory}", [], side_effect=True)
            place = b.add(window, int64(step))
            right_row = b.add(right, b.mul(place, right_stride))
            numbers = [load(b, b.add(right_row, _vector(j)), INT32S) for j in range(columns)]
            for i, row in enumerate(rows):
                item = broadcast(b, load_number(b, b.add(row, b.mul(place, int64(4))), INT32))
                sums[i] = [
                    byte_products.add_short_products(b, item, number, total)
                    for number, total in zip(numbers, sums[i], strict=True)
                ]
        for row_sums, row_totals in zip(sums, totals, strict=True):
            for short, total in zip(row_sums, row_totals, strict=True):
                b.store(b.add(b.load(total), byte_products.widened(b, short)), total)
    return [[b.load(total) for total in row] for row in totals]


def _addresses(b: Value, out: Value, out_stride: Value, columns: int) -> Tile:
    rows = [b.add(out, b.mul(out_stride, int64(i))) for i in range(ROWS)]
    return [[b.add(row, _vector(j)) for j in range(columns)] for row in rows]


def _vector(j: int) -> Value:
    return int64(VECTOR_BYTES * j)
