"""How the kernels of this room are compiled, and the bits of their numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from llvmlite import ir
from numba import extending, types
from numba.core import codegen, config

F = TypeVar("F", bound=Callable[..., Any])
_FLOAT, _INT32 = ir.FloatType(), ir.IntType(32)


def compiled(function: F) -> F:
    """Compile a function on its first call. It lets go of the GIL, so that threads run side by side."""
    made: Any = numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")(function)
    return made  # type: ignore[no-any-return]


def features() -> dict[str, bool]:
    """Tell what numba compiles for, by LLVM's names: what this processor can do, unless numba was told otherwise."""
    asked: Any = vars(config)
    if asked["CPU_FEATURES"] is not None:
        told = str(asked["CPU_FEATURES"])
    elif asked["CPU_NAME"] is not None:
        return {}
    else:
        told = str(codegen.get_host_cpu_features())  # type: ignore[no-untyped-call]
    return {one[1:]: one[0] == "+" for one in told.split(",") if one}


def operation(build: Callable[..., Any]) -> Any:
    """Let compiled functions call what `build` writes; whole numbers written out in the call reach it as constants."""
    return extending.intrinsic(prefer_literal=True)(build)


@operation
def float_of(_typing: Any, bits: Any) -> Any:
    """Read the bits of an int32 as a float32."""
    return types.float32(types.int32), lambda _context, b, _signature, given: b.bitcast(given[0], _FLOAT)
