"""SIMD for kernels: building blocks of LLVM code on vectors of sixteen numbers, and prefetching.

The vectors are LLVM's own, which it turns into whatever the processor has: one AVX-512 register, two of AVX2, four of
NEON. Addresses are integers. Rows of float32 numbers begin at multiples of 64 bytes and are a multiple of 16 long;
nothing is checked. The functions here append instructions to a builder ``b`` (of llvmlite); kernels call what the
decorator `semspace.kernels.compiling.intrinsic` makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import core, types

from semspace.kernels.compiling import features, intrinsic

LANES = 16  # numbers of 32 bits in a vector
VECTOR_BYTES = 64  # of a vector, which is also a line of the cache
FLOAT, INT32, INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
FLOATS, INT32S = ir.VectorType(FLOAT, LANES), ir.VectorType(INT32, LANES)
cgutils: Any = core.cgutils
Value = Any  # a value or type of llvmlite, which has no annotations
Intrinsic = tuple[Any, Callable[..., Any]]  # what numba wants of an intrinsic: its signature and its code generator


class _BFloat(ir.Type):  # type: ignore[misc]
    """LLVM's bfloat, which llvmlite doesn't name."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


_BFLOATS, _BFLOAT_PAIRS = ir.VectorType(_BFloat(), LANES), ir.VectorType(_BFloat(), 2 * LANES)
INT16S = ir.VectorType(ir.IntType(16), LANES)
_FEATURES = features()
# AVX-512's instructions for dot products of bfloat16; without them several others do the same, slower.
HAS_BFLOAT16 = bool(_FEATURES.get("avx512f") and _FEATURES.get("avx512bf16"))


# -- constants and variables --------------------------------------------------------------------------------------


def int64(number: int) -> Value:
    """Return a constant of 64 bits."""
    return ir.Constant(INT64, number)


def int32s(number: int) -> Value:
    """Return a constant vector of sixteen equal int32."""
    return ir.Constant(INT32S, [number] * LANES)


def floats(number: float) -> Value:
    """Return a constant vector of sixteen equal float32."""
    return ir.Constant(FLOATS, [number] * LANES)


def zeros(kind: Value) -> Value:
    """Return a constant vector of zeros."""
    return ir.Constant(kind, None)


def broadcast(b: Value, number: Value) -> Value:
    """Return a vector of sixteen times the same number."""
    kind = ir.VectorType(number.type, LANES)
    first = b.insert_element(ir.Constant(kind, ir.Undefined), number, ir.Constant(INT32, 0))
    return shuffle(b, first, first, [0] * LANES)


def variable(b: Value, start: Value) -> Value:
    """Return a variable that can be stored to; LLVM keeps it in a register."""
    pointer = cgutils.alloca_once(b, start.type)
    b.store(start, pointer)
    return pointer


# -- memory -------------------------------------------------------------------------------------------------------


def load(b: Value, address: Value, kind: Value = FLOATS) -> Value:
    """Load a vector that begins at a multiple of 64 bytes."""
    return b.load(b.inttoptr(address, kind.as_pointer()), align=VECTOR_BYTES)


def store(b: Value, vector: Value, address: Value, align: int = VECTOR_BYTES) -> None:
    """Store a vector at an address."""
    b.store(vector, b.inttoptr(address, vector.type.as_pointer()), align=align)


def load_number(b: Value, address: Value, kind: Value = FLOAT) -> Value:
    """Load a number from any address."""
    return b.load(b.inttoptr(address, kind.as_pointer()), align=1)


def load_item(b: Value, array: Value, index: Value, kind: Value) -> Value:
    """Load an item of an array of numbers of 32 or 64 bits, given by its address."""
    size = 4 if kind in (FLOAT, INT32) else 8
    return b.load(b.inttoptr(b.add(array, b.mul(index, int64(size))), kind.as_pointer()))


@contextmanager
def vector_offsets(b: Value, vectors: Value) -> Iterator[Value]:
    """Loop over `vectors` vectors of a row; the context's value is the offset of each in bytes."""
    with cgutils.for_range(b, vectors) as loop:
        yield b.mul(loop.index, int64(VECTOR_BYTES))


def _prefetching(*, write: bool) -> Any:
    """Return an intrinsic that prefetches cache lines."""

    @intrinsic
    def prefetching(_typing: Any, address: Any, lines: Any) -> Intrinsic:
        def build(_context: Any, b: Value, _signature: Any, arguments: Sequence[Value]) -> None:
            pointer = ir.IntType(8).as_pointer()
            fetch = llvm_function(b, "llvm.prefetch.p0", ir.VoidType(), [pointer, INT32, INT32, INT32])
            # To read (0) or write (1), into the nearest cache (3), data (1).
            settings = [ir.Constant(INT32, number) for number in (int(write), 3, 1)]
            with vector_offsets(b, arguments[1]) as offset:
                b.call(fetch, [b.inttoptr(b.add(arguments[0], offset), pointer), *settings])

        return types.void(types.int64, types.int64), build

    return prefetching


prefetch = _prefetching(write=False)  # (address, cache lines): ask for memory that will be read soon
prefetch_to_write = _prefetching(write=True)  # (address, cache lines): ask for memory that will be read and written


def outlined(name: str, build: Callable[[Value, Sequence[Value]], None], count: int) -> Callable[..., None]:
    """Return the code generator of an intrinsic whose code is one function of a module, and no part of its callers.

    It takes `count` integers of 64 bits. A long piece of code that is called from several places is compiled once so.
    """

    def call(_context: Any, b: Value, _signature: Any, arguments: Sequence[Value]) -> None:
        kind = ir.FunctionType(ir.VoidType(), [INT64] * count)
        function = cgutils.get_or_insert_function(b.module, kind, f"semspace_{name}")
        if function.is_declaration:
            function.linkage = "linkonce_odr"
            function.attributes.add("noinline")
            function.attributes.add("nounwind")
            inner = ir.IRBuilder(function.append_basic_block())
            build(inner, function.args)
            inner.ret_void()
        b.call(function, arguments[:count])

    return call


# -- arithmetic ---------------------------------------------------------------------------------------------------


def llvm_function(b: Value, name: str, result: Value, arguments: list[Value]) -> Value:
    """Return one of LLVM's own functions, to be called."""
    return cgutils.get_or_insert_function(b.module, ir.FunctionType(result, arguments), name)


def shuffle(b: Value, x: Value, y: Value, lanes: Sequence[int]) -> Value:
    """Return a vector of chosen lanes: 0 to 15 of `x`, 16 to 31 of `y`."""
    return b.shuffle_vector(x, y, ir.Constant(ir.VectorType(INT32, len(lanes)), list(lanes)))


def multiply_add(b: Value, x: Value, y: Value, z: Value) -> Value:
    """Return ``x * y + z``: fmuladd, not fma, so that a processor without fused operations multiplies, then adds."""
    return b.call(llvm_function(b, "llvm.fmuladd.v16f32", FLOATS, [FLOATS] * 3), [x, y, z])


def to_bfloat16(b: Value, vector: Value) -> Value:
    """Round sixteen float32 numbers to bfloat16, to the nearest, ties to even; return their bits."""
    if HAS_BFLOAT16:
        return b.bitcast(b.fptrunc(vector, _BFLOATS), INT16S)
    bits = b.bitcast(vector, INT32S)
    odd = b.and_(b.lshr(bits, int32s(16)), int32s(1))
    return b.trunc(b.lshr(b.add(b.add(bits, int32s(0x7FFF)), odd), int32s(16)), INT16S)


def add_bfloat16_products(b: Value, left: Value, right: Value, total: Value) -> Value:
    """Add to each of sixteen float32 numbers the products of two bfloat16 with two others."""
    if HAS_BFLOAT16:
        dot = llvm_function(b, "llvm.x86.avx512bf16.dpbf16ps.512", FLOATS, [FLOATS, _BFLOAT_PAIRS, _BFLOAT_PAIRS])
        return b.call(dot, [total, b.bitcast(left, _BFLOAT_PAIRS), b.bitcast(right, _BFLOAT_PAIRS)])
    bits = [b.bitcast(pairs, INT32S) for pairs in (left, right)]
    low, other_low = (b.bitcast(b.shl(pairs, int32s(16)), FLOATS) for pairs in bits)
    high, other_high = (b.bitcast(b.and_(pairs, int32s(-0x10000)), FLOATS) for pairs in bits)
    return multiply_add(b, high, other_high, multiply_add(b, low, other_low, total))
