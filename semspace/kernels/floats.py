"""Arithmetic on single float32 numbers, for kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from semspace.kernels.compiling import compiled, intrinsic

# exp(x) is 2**n times a polynomial of the rest of x / ln 2; ln 2 is taken in two parts, so that no digit is lost.
_LOG2E, _LN2_HIGH, _LN2_LOW = np.float32(1.44269504), np.float32(0.693359375), np.float32(-2.12194440e-4)
_LOWEST_EXPONENT = np.float32(-87.0)  # of e; below it float32 has fewer digits
_ONE, _HALF = np.float32(1), np.float32(0.5)


@intrinsic
def float_of_bits(_typing: Any, _bits: Any) -> Any:
    """Read the bits of an int32 as a float32."""
    return types.float32(types.int32), lambda _context, b, _signature, arguments: b.bitcast(
        arguments[0], ir.FloatType()
    )


@compiled
def exp(x: Any) -> Any:
    """Return e to the power of `x` (at most about 80), with a relative error of 2e-7 (Cephes' expf, Moshier)."""
    x = max(x, _LOWEST_EXPONENT)
    n = np.floor(x * _LOG2E + _HALF)
    r = x - n * _LN2_HIGH - n * _LN2_LOW
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    y = p * r * r + r + _ONE
    return y * float_of_bits((np.int32(n) + np.int32(127)) << np.int32(23))
