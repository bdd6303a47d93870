"""How the kernels of this room are compiled, and the bits of their numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from llvmlite import ir
from numba import extending, types

F = TypeVar("F", bound=Callable[..., Any])
_FLOAT, _INT32 = ir.FloatType(), ir.IntType(32)


def compiled(function: F) -> F:
    """Compile a function on its first call. It lets go of the GIL, so that threads run side by side."""
    made: Any = numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")(function)
    return made  # type: ignore[no-any-return]


def operation(build: Callable[..., Any]) -> Any:
    """Let compiled functions call what `build` writes; whole numbers written out in the call reach it as constants."""
    return extending.intrinsic(prefer_literal=True)(build)


@operation
def float_of(_typing: Any, bits: Any) -> Any:
    """Read the bits of an int32 as a float32."""
    return types.float32(types.int32), lambda _context, b, _signature, given: b.bitcast(given[0], _FLOAT)
