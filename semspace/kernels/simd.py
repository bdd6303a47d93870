"""Sixteen numbers at a time: the words in which the innermost operations are written, and those on a single row.

They are LLVM's own vectors, which it turns into whatever the processor has: one AVX-512 register, two of AVX2, four of
NEON.
Rows are addresses of float32 numbers that begin at multiples of 64 bytes and are a multiple of 16 long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import core, types

from semspace.kernels.compiling import features, operation

LANES = 16
FLOAT, INT32, INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
FLOATS, WHOLES = ir.VectorType(FLOAT, LANES), ir.VectorType(INT32, LANES)
cgutils: Any = core.cgutils
Value = Any  # of llvmlite, which has no types
Built = tuple[Any, Callable[..., Any]]


class _BFloat(ir.Type):  # type: ignore[misc]
    """LLVM's bfloat, which llvmlite doesn't name."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


BFLOAT = _BFloat()
HALF, PAIRS = ir.VectorType(BFLOAT, LANES), ir.VectorType(BFLOAT, 2 * LANES)
_SHORTS = ir.VectorType(ir.IntType(16), LANES)
_FEATURES = features()
# Instructions of AVX-512 for products of bytes, and for bfloat16; without them other operations do the same, slower.
HAS_BYTES = bool(_FEATURES.get("avx512f") and _FEATURES.get("avx512vnni"))
HAS_HALVES = bool(_FEATURES.get("avx512f") and _FEATURES.get("avx512bf16"))


@operation
def extremes(_typing: Any, row: Any, vectors: Any) -> Built:
    """Give the least and the greatest of `vectors` times 16 float32 numbers at an address."""

    def build(context: Any, b: Value, signature: Any, given: Sequence[Value]) -> Value:
        first = vector(b, given[0], 0, FLOATS)
        ends = [variable(b, first), variable(b, first)]
        with cgutils.for_range(b, given[1]) as loop:
            numbers = vector(b, b.add(given[0], b.mul(loop.index, whole(64))), 0, FLOATS)
            for end, order in zip(ends, "<>", strict=True):
                held = b.load(end)
                b.store(b.select(b.fcmp_ordered(order, numbers, held), numbers, held), end)
        names = ("llvm.vector.reduce.fmin.v16f32", "llvm.vector.reduce.fmax.v16f32")
        found = [b.call(called(b, name, FLOAT, [FLOATS]), [b.load(end)]) for name, end in zip(names, ends, strict=True)]
        return context.make_tuple(b, signature.return_type, found)

    pair: Any = types.UniTuple(types.float32, 2)  # type: ignore[no-untyped-call]
    return pair(types.int64, types.int64), build


@operation
def halve(_typing: Any, numbers: Any, to: Any, vectors: Any) -> Built:
    """Round `vectors` times 16 float32 numbers at an address to bfloat16 at another, to the nearest, ties to even."""

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        with cgutils.for_range(b, given[2]) as loop:
            full = vector(b, b.add(given[0], b.mul(loop.index, whole(64))), 0, FLOATS)
            place = b.inttoptr(b.add(given[1], b.mul(loop.index, whole(32))), _SHORTS.as_pointer())
            b.store(halved(b, full), place, align=32)

    return types.void(*[types.int64] * 3), build


@operation
def halve_pairs(_typing: Any, low: Any, high: Any, to: Any, vectors: Any) -> Built:
    """Round two rows to bfloat16, and write them alternating: the first of each, the second of each, and so on."""

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        with cgutils.for_range(b, given[3]) as loop:
            at = b.mul(loop.index, whole(64))
            rows = [vector(b, b.add(row, at), 0, FLOATS) for row in given[:2]]
            first, second = (b.zext(halved(b, row), WHOLES) for row in rows)
            place = b.inttoptr(b.add(given[2], at), WHOLES.as_pointer())
            b.store(b.or_(first, b.shl(second, _all(16))), place, align=64)

    return types.void(*[types.int64] * 4), build


@operation
def cover(_typing: Any, row: Any, length: Any, number: Any) -> Built:
    """Set what lies in the last sixteen of a row beyond its `length` to a number.

    One store of sixteen: after stores of single numbers, loading sixteen would have to wait for all of them.
    """

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        start = b.and_(given[1], whole(-LANES))
        at = b.add(given[0], b.mul(start, whole(4)))
        left = spread(b, b.trunc(b.sub(given[1], start), INT32))
        inside = b.icmp_signed("<", ir.Constant(WHOLES, list(range(LANES))), left)
        covered = b.select(inside, vector(b, at, 0, FLOATS), spread(b, given[2]))
        b.store(covered, b.inttoptr(at, FLOATS.as_pointer()), align=64)

    return types.void(types.int64, types.int64, types.float32), build


@operation
def scale_row(_typing: Any, row: Any, vectors: Any, factor: Any) -> Built:
    """Multiply a row by a number."""

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        with cgutils.for_range(b, given[1]) as loop:
            at = b.add(given[0], b.mul(loop.index, whole(64)))
            scaled = b.fmul(vector(b, at, 0, FLOATS), spread(b, given[2]))
            b.store(scaled, b.inttoptr(at, FLOATS.as_pointer()), align=64)

    return types.void(types.int64, types.int64, types.float32), build


@operation
def exponentials(_typing: Any, row: Any, vectors: Any, less: Any, terms: Any) -> Built:
    """Set each number x of a row to e to the power of x - `less`, at most about 80, and give their sum.

    With 6 `terms` to 2e-7 of each, with 3 to 5e-5 (Cephes' expf, Moshier). What is below -80 counts as -80, since
    numbers too small for a full float32 are slow.
    """
    series = _SERIES[-terms.literal_value :]

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> Value:
        row_at, count, most = given[:3]
        total = variable(b, ir.Constant(FLOATS, None))
        offset = spread(b, most)
        with cgutils.for_range(b, count) as loop:
            at = b.add(row_at, b.mul(loop.index, whole(64)))
            power = _exponential(b, b.fsub(vector(b, at, 0, FLOATS), offset), series)
            b.store(power, b.inttoptr(at, FLOATS.as_pointer()), align=64)
            b.store(b.fadd(b.load(total), power), total)
        add = called(b, "llvm.vector.reduce.fadd.v16f32", FLOAT, [FLOAT, FLOATS])
        return b.call(add, [ir.Constant(FLOAT, 0.0), b.load(total)], fastmath=["reassoc"])

    return types.float32(types.int64, types.int64, types.float32, terms), build


_LOG2E, _LN2_HIGH, _LN2_LOW, _LEAST = 1.44269504, -0.693359375, 2.12194440e-4, -80.0
_SERIES = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)


def _exponential(b: Value, x: Value, series: Sequence[float]) -> Value:
    """Split x into whole times log 2 and a rest, whose power is a polynomial."""
    x = b.select(b.fcmp_ordered("<", x, _each(_LEAST)), _each(_LEAST), x)
    times = b.call(called(b, "llvm.rint.v16f32", FLOATS, [FLOATS]), [b.fmul(x, _each(_LOG2E))])
    rest = multiply_add(b, times, _each(_LN2_LOW), multiply_add(b, times, _each(_LN2_HIGH), x))
    power = multiply_add(b, b.fmul(rest, rest), _polynomial(b, rest, series), b.fadd(rest, _each(1.0)))
    bias, place = (ir.Constant(WHOLES, [constant] * LANES) for constant in (127, 23))
    two = b.bitcast(b.shl(b.add(b.fptosi(times, WHOLES), bias), place), FLOATS)
    return b.fmul(power, two)


@operation
def gelu_nearly(_typing: Any, row: Any, vectors: Any) -> Built:
    """Put a row through GELU, to 1e-4: finer than what rounding to bfloat16 or to bytes leaves of it.

    The error function of x over the root of two is taken as an odd polynomial up to 4.4, and as constant beyond; its
    coefficients were fitted for the least greatest error (3e-5).
    """

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        size_of = called(b, "llvm.fabs.v16f32", FLOATS, [FLOATS])
        with cgutils.for_range(b, given[1]) as loop:
            at = b.add(given[0], b.mul(loop.index, whole(64)))
            x = vector(b, at, 0, FLOATS)
            size = b.call(size_of, [x])
            near = b.select(b.fcmp_ordered("<", size, _each(_FAR)), size, _each(_FAR))
            error = b.fmul(near, _polynomial(b, b.fmul(near, near), _ERROR))
            both = multiply_add(b, size, error, x)
            b.store(b.fmul(both, _each(0.5)), b.inttoptr(at, FLOATS.as_pointer()), align=64)

    return types.void(types.int64, types.int64), build


_FAR = 4.4
_ERROR = (
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


def _each(constant: float) -> Value:
    return ir.Constant(FLOATS, [constant] * LANES)


def _polynomial(b: Value, x: Value, terms: Sequence[float]) -> Value:
    """Work out a polynomial, its highest term given first."""
    found = _each(terms[0])
    for term in terms[1:]:
        found = multiply_add(b, found, x, _each(term))
    return found


# -- the words ----------------------------------------------------------------------------------------------------


def called(b: Value, name: str, result: Value, arguments: list[Value]) -> Value:
    """Name a function of LLVM's, to be called."""
    return cgutils.get_or_insert_function(b.module, ir.FunctionType(result, arguments), name)


def whole(number: int) -> Value:
    """Give a constant."""
    return ir.Constant(INT64, number)


def vector(b: Value, at: Value, beyond: int, kind: Value) -> Value:
    """Load sixteen numbers from `beyond` bytes after an address."""
    return b.load(b.inttoptr(b.add(at, whole(beyond)), kind.as_pointer()), align=64)


def number(b: Value, at: Value, beyond: Value, kind: Value = FLOAT) -> Value:
    """Load a number."""
    return b.load(b.inttoptr(b.add(at, beyond), kind.as_pointer()), align=1)


def variable(b: Value, start: Value) -> Value:
    """Make something that can be stored to; LLVM keeps it in a register."""
    place = cgutils.alloca_once(b, start.type)
    b.store(start, place)
    return place


def _all(number: int) -> Value:
    return ir.Constant(WHOLES, [number] * LANES)


def halved(b: Value, numbers: Value) -> Value:
    """Round sixteen float32 numbers to bfloat16, to the nearest, ties to even; give their bits."""
    if HAS_HALVES:
        return b.bitcast(b.fptrunc(numbers, HALF), _SHORTS)
    bits = b.bitcast(numbers, WHOLES)
    odd = b.and_(b.lshr(bits, _all(16)), _all(1))
    return b.trunc(b.lshr(b.add(b.add(bits, _all(0x7FFF)), odd), _all(16)), _SHORTS)


def add_byte_products(b: Value, left: Value, right: Value, total: Value) -> Value:
    """Add to each of sixteen whole numbers the products of four unsigned bytes with four signed ones."""
    if HAS_BYTES:
        dot = called(b, "llvm.x86.avx512.vpdpbusd.512", WHOLES, [WHOLES] * 3)
        return b.call(dot, [total, left, right])
    for place in range(0, 32, 8):
        unsigned = b.and_(b.lshr(left, _all(place)), _all(0xFF))
        signed = b.ashr(b.shl(right, _all(24 - place)), _all(24))
        total = b.add(total, b.mul(unsigned, signed))
    return total


def add_half_products(b: Value, left: Value, right: Value, total: Value) -> Value:
    """Add to each of sixteen float32 numbers the products of two bfloat16 with two others."""
    if HAS_HALVES:
        dot = called(b, "llvm.x86.avx512bf16.dpbf16ps.512", FLOATS, [FLOATS, PAIRS, PAIRS])
        return b.call(dot, [total, b.bitcast(left, PAIRS), b.bitcast(right, PAIRS)])
    bits = [b.bitcast(pairs, WHOLES) for pairs in (left, right)]
    low, other_low = (b.bitcast(b.shl(pairs, _all(16)), FLOATS) for pairs in bits)
    high, other_high = (b.bitcast(b.and_(pairs, _all(-0x10000)), FLOATS) for pairs in bits)
    return multiply_add(b, high, other_high, multiply_add(b, low, other_low, total))


def multiply_add(b: Value, x: Value, y: Value, z: Value) -> Value:
    """Give x * y + z: fmuladd, not fma, so that a processor which can't do both at once does one after the other."""
    return b.call(called(b, "llvm.fmuladd.v16f32", FLOATS, [FLOATS] * 3), [x, y, z])


def spread(b: Value, number: Value) -> Value:
    """Give sixteen times the same number."""
    kind = ir.VectorType(number.type, LANES)
    one = b.insert_element(ir.Constant(kind, ir.Undefined), number, ir.Constant(INT32, 0))
    return b.shuffle_vector(one, one, ir.Constant(ir.VectorType(INT32, LANES), [0] * LANES))
