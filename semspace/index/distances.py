"""Distances between quantised points: the operations that the graph's kernels are made of.

A point's code is a row of signed bytes, its dimensions filled up with zeros to a multiple of 64; its sketch a row of
numbers of two bits (see `sketches`). Both begin at multiples of 64 bytes. Products are added up in integers, so every
processor gets the same results.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types

from semspace.kernels.byte_products import (
    HAS_DOT,
    HAS_PAIRS,
    add_byte_products,
    add_short_products,
    add_unordered_products,
    short_zeros,
    widened,
)
from semspace.kernels.compiling import intrinsic
from semspace.kernels.simd import (
    FLOAT,
    INT32,
    INT32S,
    LANES,
    Intrinsic,
    Value,
    cgutils,
    int32s,
    int64,
    llvm_function,
    load,
    store,
    variable,
    zeros,
)

CACHE_LINE = 64  # bytes of a cache line, and of a step
PLANES = 4  # numbers of two bits in a byte
_BIASED = ir.Constant(INT32S, [-0x7F7F7F80] * LANES)  # 0x80808080: the top bit of each byte


def _step(b: Value, asked: Value, code: Value, total: Value) -> Value:
    """Add the products of 64 bytes, unsigned ones with signed ones, four to a lane."""
    if HAS_DOT:
        return add_byte_products(b, asked, code, total)
    # In another order than that, which takes fewer shuffles: only the sum over all lanes is wanted.
    return add_unordered_products(b, asked, code, total)


@intrinsic
def dot(_typing: Any, asked: Any, code: Any, steps: Any) -> Intrinsic:
    """Return the dot product of `steps` times 64 unsigned bytes at an address and signed bytes at another."""

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> Value:
        total = variable(b, zeros(INT32S))
        with cgutils.for_range(b, given[2]) as loop:
            at = b.mul(loop.index, int64(CACHE_LINE))
            first, second = (load(b, b.add(start, at), INT32S) for start in given[:2])
            b.store(_step(b, first, second, b.load(total)), total)
        add = llvm_function(b, "llvm.vector.reduce.add.v16i32", INT32, [INT32S])
        return b.call(add, [b.load(total)])

    return types.int32(types.int64, types.int64, types.int64), build


@intrinsic
def sketch_dot(_typing: Any, query: Any, sketch: Any, lines: Any) -> Intrinsic:
    """Return the dot product of a query's signed bytes at an address and the numbers of a sketch at another.

    Each of its `lines` holds four planes of 64 numbers, one in two bits of each byte; the query has 64 bytes for each.
    """

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> Value:
        total = variable(b, zeros(INT32S))
        with cgutils.for_range(b, given[2]) as loop:
            line = load(b, b.add(given[1], b.mul(loop.index, int64(CACHE_LINE))), INT32S)
            first = b.add(given[0], b.mul(loop.index, int64(PLANES * CACHE_LINE)))
            pairs, products = short_zeros(), b.load(total)
            for plane in range(PLANES):
                numbers = b.and_(b.lshr(line, int32s(2 * plane)), int32s(0x03030303))
                asked = load(b, b.add(first, int64(plane * CACHE_LINE)), INT32S)
                if HAS_PAIRS:  # at most 4 * 2 * 3 * 127, which sixteen bits hold
                    pairs = add_short_products(b, numbers, asked, pairs)
                else:
                    products = add_byte_products(b, numbers, asked, products)
            b.store(b.add(products, widened(b, pairs)) if HAS_PAIRS else products, total)
        add = llvm_function(b, "llvm.vector.reduce.add.v16i32", INT32, [INT32S])
        return b.call(add, [b.load(total)])

    return types.int32(types.int64, types.int64, types.int64), build


@intrinsic
def to_unsigned(_typing: Any, code: Any, to: Any, steps: Any) -> Intrinsic:
    """Copy a code as unsigned bytes: 128 is added to each number, and its sums become 0."""

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        with cgutils.for_range(b, given[2]) as loop:
            at = b.mul(loop.index, int64(CACHE_LINE))
            lifted = b.xor(load(b, b.add(given[0], at), INT32S), _BIASED)
            store(b, lifted, b.add(given[1], at))
        last = b.add(given[1], b.mul(b.sub(given[2], int64(1)), int64(CACHE_LINE)))
        kept = b.and_(load(b, last, INT32S), ir.Constant(INT32S, [-1] * (LANES - 2) + [0, 0]))
        store(b, kept, last)

    return types.void(types.int64, types.int64, types.int64), build


@intrinsic
def read_int32(_typing: Any, at: Any) -> Intrinsic:
    """Return the int32 at an address; a view of an array would cost more than a distance."""

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> Value:
        return b.load(b.inttoptr(given[0], INT32.as_pointer()), align=4)

    return types.int32(types.int64), build


@intrinsic
def read_float32(_typing: Any, at: Any) -> Intrinsic:
    """Return the float32 at an address."""

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> Value:
        return b.load(b.inttoptr(given[0], FLOAT.as_pointer()), align=4)

    return types.float32(types.int64), build


@intrinsic
def move_bytes(_typing: Any, place: Any, to: Any, length: Any) -> Intrinsic:
    """Copy bytes between addresses, whose ranges may overlap."""

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        kind = ir.IntType(8).as_pointer()
        source, target = (b.inttoptr(address, kind) for address in given[:2])
        cgutils.raw_memmove(b, target, source, given[2], 1)

    return types.void(types.int64, types.int64, types.int64), build
