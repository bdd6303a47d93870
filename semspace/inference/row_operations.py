"""What transformer layers do to a single row of float32 numbers, sixteen at a time.

A row is given by the address of its first number and by the number of its vectors of 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types

from semspace.kernels.compiling import intrinsic
from semspace.kernels.simd import (
    FLOAT,
    FLOATS,
    INT32,
    INT32S,
    LANES,
    Intrinsic,
    Value,
    broadcast,
    floats,
    int32s,
    int64,
    llvm_function,
    load,
    multiply_add,
    store,
    to_bfloat16,
    variable,
    vector_offsets,
    zeros,
)


@intrinsic
def min_and_max(_typing: Any, row: Any, vectors: Any) -> Intrinsic:
    """Return the least and the greatest number of a row."""

    def build(context: Any, b: Value, signature: Any, arguments: Sequence[Value]) -> Value:
        first = load(b, arguments[0])
        extremes = [variable(b, first), variable(b, first)]
        with vector_offsets(b, arguments[1]) as offset:
            numbers = load(b, b.add(arguments[0], offset))
            for extreme, order in zip(extremes, "<>", strict=True):
                before = b.load(extreme)
                b.store(b.select(b.fcmp_ordered(order, numbers, before), numbers, before), extreme)
        names = ("llvm.vector.reduce.fmin.v16f32", "llvm.vector.reduce.fmax.v16f32")
        reduced = [
            b.call(llvm_function(b, name, FLOAT, [FLOATS]), [b.load(extreme)])
            for name, extreme in zip(names, extremes, strict=True)
        ]
        return context.make_tuple(b, signature.return_type, reduced)

    pair: Any = types.UniTuple(types.float32, 2)  # type: ignore[no-untyped-call]
    return pair(types.int64, types.int64), build


@intrinsic
def round_to_bfloat16(_typing: Any, row: Any, out: Any, vectors: Any) -> Intrinsic:
    """Round a row to bfloat16, to the nearest, ties to even, and write it at the address `out`."""

    def build(_context: Any, b: Value, _signature: Any, arguments: Sequence[Value]) -> None:
        with vector_offsets(b, arguments[2]) as offset:
            rounded = to_bfloat16(b, load(b, b.add(arguments[0], offset)))
            store(b, rounded, b.add(arguments[1], b.lshr(offset, int64(1))), align=32)

    return types.void(*[types.int64] * 3), build


@intrinsic
def interleave_as_bfloat16(_typing: Any, low: Any, high: Any, out: Any, vectors: Any) -> Intrinsic:
    """Round two rows to bfloat16, and write them interleaved: the first of each, the second of each, and so on."""

    def build(_context: Any, b: Value, _signature: Any, arguments: Sequence[Value]) -> None:
        with vector_offsets(b, arguments[3]) as offset:
            rows = [load(b, b.add(row, offset)) for row in arguments[:2]]
            first, second = (b.zext(to_bfloat16(b, row), INT32S) for row in rows)
            store(b, b.or_(first, b.shl(second, int32s(16))), b.add(arguments[2], offset))

    return types.void(*[types.int64] * 4), build


@intrinsic
def fill_tail(_typing: Any, row: Any, length: Any, number: Any) -> Intrinsic:
    """Set what the last vector of a row holds beyond its `length` to a number.

    It is one store of sixteen: after stores of single numbers, loading sixteen would have to wait for all of them.
    """

    def build(_context: Any, b: Value, _signature: Any, arguments: Sequence[Value]) -> None:
        start = b.and_(arguments[1], int64(-LANES))
        address = b.add(arguments[0], b.mul(start, int64(4)))
        length = broadcast(b, b.trunc(b.sub(arguments[1], start), INT32))
        inside = b.icmp_signed("<", ir.Constant(INT32S, list(range(LANES))), length)
        store(b, b.select(inside, load(b, address), broadcast(b, arguments[2])), address)

    return types.void(types.int64, types.int64, types.float32), build


@intrinsic
def scale_row(_typing: Any, row: Any, vectors: Any, factor: Any) -> Intrinsic:
    """Multiply a row by a number."""

    def build(_context: Any, b: Value, _signature: Any, arguments: Sequence[Value]) -> None:
        with vector_offsets(b, arguments[1]) as offset:
            address = b.add(arguments[0], offset)
            store(b, b.fmul(load(b, address), broadcast(b, arguments[2])), address)

    return types.void(types.int64, types.int64, types.float32), build


# -- the exponential function -------------------------------------------------------------------------------------

_LOG2E, _LN2_HIGH, _LN2_LOW = 1.44269504, -0.693359375, 2.12194440e-4
_LOWEST_EXPONENT = -80.0  # of e; numbers too small for a full float32 are slow
_EXP_TERMS = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)


@intrinsic
def exp_and_sum(_typing: Any, row: Any, vectors: Any, shift: Any, terms: Any) -> Intrinsic:
    """Set each number x of a row to ``exp(x - shift)``, where that is at most about 80, and return their sum.

    The relative error is 2e-7 with 6 `terms` and 5e-5 with 3 (Cephes' expf, Moshier).
    """
    polynomial = _EXP_TERMS[-terms.literal_value :]

    def build(_context: Any, b: Value, _signature: Any, arguments: Sequence[Value]) -> Value:
        row_address, n_vectors, shift = arguments[:3]
        total = variable(b, zeros(FLOATS))
        shifts = broadcast(b, shift)
        with vector_offsets(b, n_vectors) as offset:
            address = b.add(row_address, offset)
            power = _exponential(b, b.fsub(load(b, address), shifts), polynomial)
            store(b, power, address)
            b.store(b.fadd(b.load(total), power), total)
        add = llvm_function(b, "llvm.vector.reduce.fadd.v16f32", FLOAT, [FLOAT, FLOATS])
        return b.call(add, [ir.Constant(FLOAT, 0.0), b.load(total)], fastmath=["reassoc"])

    return types.float32(types.int64, types.int64, types.float32, terms), build


def _exponential(b: Value, x: Value, terms: Sequence[float]) -> Value:
    """Split x into a whole multiple of ln 2 and a rest, whose exponential is a polynomial."""
    x = b.select(b.fcmp_ordered("<", x, floats(_LOWEST_EXPONENT)), floats(_LOWEST_EXPONENT), x)
    times = b.call(llvm_function(b, "llvm.rint.v16f32", FLOATS, [FLOATS]), [b.fmul(x, floats(_LOG2E))])
    rest = multiply_add(b, times, floats(_LN2_LOW), multiply_add(b, times, floats(_LN2_HIGH), x))
    power = multiply_add(b, b.fmul(rest, rest), _polynomial(b, rest, terms), b.fadd(rest, floats(1.0)))
    power_of_two = b.bitcast(b.shl(b.add(b.fptosi(times, INT32S), int32s(127)), int32s(23)), FLOATS)
    return b.fmul(power, power_of_two)


def _polynomial(b: Value, x: Value, coefficients: Sequence[float]) -> Value:
    """Evaluate a polynomial by Horner's rule, its highest coefficient given first."""
    value = floats(coefficients[0])
    for coefficient in coefficients[1:]:
        value = multiply_add(b, value, x, floats(coefficient))
    return value


# -- GELU ---------------------------------------------------------------------------------------------------------

_SATURATED = 4.4  # where the error function of x over the root of two is 1 within the precision of what follows
_ERF_COEFFICIENTS = (
    8.868776546488988e-11,
    -8.986948962785846e-09,
    4.0065293660518364e-07,
    -1.0449154615344014e-05,
    0.0001795983116608113,
    -0.002180474577471614,
    0.019534684717655182,
    -0.13257481157779694,
    0.7977665662765503,
)


@intrinsic
def approximate_gelu(_typing: Any, row: Any, vectors: Any) -> Intrinsic:
    """Apply GELU to a row, with an error of 1e-4: less than rounding to bfloat16 or to bytes adds afterwards.

    The error function of x over the root of two is an odd polynomial up to 4.4, and constant beyond; its coefficients
    were fitted for the least greatest error (3e-5).
    """

    def build(_context: Any, b: Value, _signature: Any, arguments: Sequence[Value]) -> None:
        absolute = llvm_function(b, "llvm.fabs.v16f32", FLOATS, [FLOATS])
        with vector_offsets(b, arguments[1]) as offset:
            address = b.add(arguments[0], offset)
            x = load(b, address)
            size = b.call(absolute, [x])
            clipped = b.select(b.fcmp_ordered("<", size, floats(_SATURATED)), size, floats(_SATURATED))
            erf = b.fmul(clipped, _polynomial(b, b.fmul(clipped, clipped), _ERF_COEFFICIENTS))
            store(b, b.fmul(multiply_add(b, size, erf, x), floats(0.5)), address)

    return types.void(types.int64, types.int64), build
