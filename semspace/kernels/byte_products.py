"""Dot products of unsigned bytes with signed ones, by whichever instructions the processor has for them.

* AVX-512 VNNI, AVX-VNNI, and ARM's dot product (with ``i8mm`` directly, without it by a shift of the unsigned bytes)
  add the products of four bytes to a number of 32 bits.
* AVX2 and AVX-512BW add those of two bytes in 16 bits, and saturate. `STEPS` steps of four bytes are added up in 16
  bits before the sums are widened, so who packs the signed bytes must keep each such sum within 16 bits
  (`LARGEST_SUM`); then it is exact.
* Otherwise (SSE2, NEON without dot products) multiplications of 32 bits do the same, slower.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from semspace.kernels.compiling import features
from semspace.kernels.simd import INT32, INT32S, LANES, Value, int32s, llvm_function, zeros

_FEATURES = features()
_WIDE_DOT = bool(_FEATURES.get("avx512f") and _FEATURES.get("avx512vnni"))
_DOT = bool(_FEATURES.get("avxvnni") or (_FEATURES.get("avx512vl") and _FEATURES.get("avx512vnni")))
_ARM_DOT, _ARM_MIXED_DOT = bool(_FEATURES.get("dotprod")), bool(_FEATURES.get("i8mm"))
_WIDE_PAIRS, _PAIRS = bool(_FEATURES.get("avx512bw")), bool(_FEATURES.get("avx2"))

HAS_DOT = _WIDE_DOT or _DOT or _ARM_DOT  # products of four bytes in one instruction
HAS_PAIRS = not HAS_DOT and (_WIDE_PAIRS or _PAIRS)  # of two bytes, in 16 bits
STEPS = 4 if HAS_PAIRS else 1
# Fewer levels of the unsigned bytes leave more to the signed ones: 180 was best for both together (docs/decisions.md).
LARGEST_BYTE = 180 if HAS_PAIRS else 255
# Of the positive signed bytes, or the negative ones, that are added up in 16 bits: those in one half of STEPS steps.
LARGEST_SUM = 32767 / LARGEST_BYTE if HAS_PAIRS else float("inf")

_BYTE, _SHORT = ir.IntType(8), ir.IntType(16)
_PART_LANES = LANES if _WIDE_DOT or (HAS_PAIRS and _WIDE_PAIRS) else 4 if _ARM_DOT else 8  # of 32 bits, in a register
_INT32_PART = ir.VectorType(INT32, _PART_LANES)
_SHORT_PART = ir.VectorType(_SHORT, 2 * _PART_LANES)
_BYTE_PART = ir.VectorType(_BYTE, 4 * _PART_LANES)
PARTS = LANES // _PART_LANES


def add_byte_products(b: Value, left: Value, right: Value, total: Value) -> Value:
    """Add to each of sixteen int32 the products of four unsigned bytes with four signed ones; it never saturates."""
    if HAS_DOT:
        return _joined(
            b, [_dot(b, *parts) for parts in zip(*(_parts(b, x) for x in (left, right, total)), strict=True)]
        )
    for shift in range(0, 32, 8):
        unsigned = b.and_(b.lshr(left, int32s(shift)), int32s(0xFF))
        signed = b.ashr(b.shl(right, int32s(24 - shift)), int32s(24))
        total = b.add(total, b.mul(unsigned, signed))
    return total


def add_unordered_products(b: Value, left: Value, right: Value, total: Value) -> Value:
    """Add the products of 64 unsigned bytes with signed ones to sixteen int32, in any order; it never saturates."""
    widths = ir.VectorType(_BYTE, 4 * LANES), ir.VectorType(_SHORT, 4 * LANES)
    unsigned = b.zext(b.bitcast(left, widths[0]), widths[1])
    signed = b.sext(b.bitcast(right, widths[0]), widths[1])
    if not HAS_PAIRS:
        products = b.sext(b.mul(unsigned, signed), ir.VectorType(INT32, 4 * LANES))  # at most 255 * 127, in 16 bits
        for part in range(4):
            mask = ir.Constant(INT32S, [part * LANES + i for i in range(LANES)])
            total = b.add(total, b.shuffle_vector(products, products, mask))
        return total
    name = "llvm.x86.avx512.pmaddw.d.512" if PARTS == 1 else "llvm.x86.avx2.pmadd.wd"
    multiply = llvm_function(b, name, _INT32_PART, [_SHORT_PART, _SHORT_PART])
    size = 2 * _PART_LANES
    sums = []
    for start in range(0, 4 * LANES, size):
        mask = ir.Constant(ir.VectorType(INT32, size), [*range(start, start + size)])
        sums.append(b.call(multiply, [b.shuffle_vector(x, x, mask) for x in (unsigned, signed)]))
    for start in range(0, len(sums), PARTS):
        total = b.add(total, _joined(b, sums[start : start + PARTS]))
    return total


def short_zeros() -> list[Value]:
    """Return sums of 16 bits that are zero: those of sixteen lanes, in `PARTS` registers."""
    return [zeros(_SHORT_PART)] * PARTS


def add_short_products(b: Value, left: Value, right: Value, sums: Sequence[Value]) -> list[Value]:
    """Add the products of two bytes to each sum of 16 bits, four bytes to a lane of two sums."""
    name = "llvm.x86.avx512.pmaddubs.w.512" if PARTS == 1 else "llvm.x86.avx2.pmadd.ub.sw"
    multiply = llvm_function(b, name, _SHORT_PART, [_BYTE_PART, _BYTE_PART])
    parts = zip(_parts(b, left), _parts(b, right), sums, strict=True)
    return [
        b.add(total, b.call(multiply, [b.bitcast(unsigned, _BYTE_PART), b.bitcast(signed, _BYTE_PART)]))
        for unsigned, signed, total in parts
    ]


def widened(b: Value, sums: Sequence[Value]) -> Value:
    """Return the sum of both sums of each lane, as sixteen int32."""
    name = "llvm.x86.avx512.pmaddw.d.512" if PARTS == 1 else "llvm.x86.avx2.pmadd.wd"
    add = llvm_function(b, name, _INT32_PART, [_SHORT_PART, _SHORT_PART])
    ones = ir.Constant(_SHORT_PART, [1] * (2 * _PART_LANES))
    return _joined(b, [b.call(add, [part, ones]) for part in sums])


def _dot(b: Value, left: Value, right: Value, total: Value) -> Value:
    if _ARM_DOT:
        return _arm_dot(b, left, right, total)
    name = f"llvm.x86.avx512.vpdpbusd.{32 * _PART_LANES}"
    return b.call(llvm_function(b, name, _INT32_PART, [_INT32_PART] * 3), [total, left, right])


def _arm_dot(b: Value, left: Value, right: Value, total: Value) -> Value:
    """Add the products; without an instruction of mixed signs, (a - 128) w + 128 w."""
    left, right = (b.bitcast(x, _BYTE_PART) for x in (left, right))
    name = f"llvm.aarch64.neon.{'usdot' if _ARM_MIXED_DOT else 'sdot'}.v4i32.v16i8"
    dot = llvm_function(b, name, _INT32_PART, [_INT32_PART, _BYTE_PART, _BYTE_PART])
    if _ARM_MIXED_DOT:
        return b.call(dot, [total, left, right])
    top = ir.Constant(_BYTE_PART, [-128] * (4 * _PART_LANES))
    once = b.call(dot, [total, b.xor(left, top), right])
    return b.sub(once, b.call(dot, [zeros(_INT32_PART), top, right]))


def _parts(b: Value, vector: Value) -> list[Value]:
    """Return the registers of a vector of sixteen int32."""
    if PARTS == 1:
        return [vector]
    lanes = [range(start, start + _PART_LANES) for start in range(0, LANES, _PART_LANES)]
    return [b.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(INT32, _PART_LANES), [*part])) for part in lanes]


def _joined(b: Value, parts: Sequence[Value]) -> Value:
    """Return the vector of sixteen int32 whose registers these are."""
    joined = list(parts)
    while len(joined) > 1:
        size = joined[0].type.count
        mask = ir.Constant(ir.VectorType(INT32, 2 * size), list(range(2 * size)))
        joined = [b.shuffle_vector(x, y, mask) for x, y in zip(joined[::2], joined[1::2], strict=True)]
    return joined[0] if joined[0].type == INT32S else b.bitcast(joined[0], INT32S)
