"""How the kernels are compiled, and for which instructions: the one place that speaks to numba's compiler.

Numba compiles for the processor that it runs on. The environment variable ``SEMSPACE_CPU`` narrows that:

* ``generic``: what every processor of the kind has (SSE2 on x86-64, NEON on ARM);
* ``avx2``: x86-64-v3, which is AVX2, FMA, BMI and F16C, and the same code on all processors that have them;
* ``avx512``: all that this processor has, which must include AVX-512 (F, BW, CD, DQ and VL).

``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES``, numba's own way to say it, are kept where they are set. There is one
compiler in a process, so other libraries' numba functions are compiled in the same way. Compiled code on disk is filed
under what it was compiled for: different settings can share a cache. PyTorch isn't narrowed; ``ATEN_CPU_CAPABILITY``
(``default``, ``avx2``, ``avx512``) does that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, TypeVar

from llvmlite import ir
from numba import extending, types
from numba.core import codegen, config, registry

from semspace.errors import InputError
from semspace.kernels import code_cache

F = TypeVar("F", bound=Callable[..., Any])
VARIABLE = "SEMSPACE_CPU"
_NUMBA = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")


def compiled(function: F) -> F:
    """Compile a function of numbers on its first call.

    It lets go of the GIL, so that threads run side by side. Sums may be reordered, so that they fit into vectors, and
    a division by zero gives infinity.
    """
    return _compiled(function, fastmath=True, error_model="numpy")


def compiled_strictly(function: F) -> F:
    """Compile a function on its first call, with Python's arithmetic to the letter; it lets go of the GIL."""
    return _compiled(function)


def inlined(function: F) -> F:
    """Compile a function as a part of those that call it, with Python's arithmetic to the letter."""
    return _compiled(function, inline="always")


def _compiled(function: F, **options: Any) -> F:
    return code_cache.compiled(function, nogil=True, **options)  # type: ignore[no-any-return]


def operation(build: Callable[..., Any]) -> Any:
    """Let compiled functions call what `build` writes; whole numbers written out in the call reach it as constants."""
    return extending.intrinsic(prefer_literal=True)(build)


@operation
def float_of_bits(_typing: Any, _bits: Any) -> Any:
    """Read the bits of an int32 as a float32."""
    return types.float32(types.int32), lambda _context, b, _signature, given: b.bitcast(given[0], ir.FloatType())


# -- what for -----------------------------------------------------------------------------------------------------


class _Target(NamedTuple):
    """A processor to compile for, by LLVM's names; None stands for this one and for all that it has."""

    needs: tuple[str, ...]
    name: str | None = None
    features: str | None = None


_V3 = ("avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe")
_TARGETS = {
    "generic": _Target((), "generic", ""),
    "avx2": _Target(_V3, "x86-64-v3", ",".join(f"+{feature}" for feature in _V3)),
    "avx512": _Target((*_V3, *(f"avx512{part}" for part in ("f", "bw", "cd", "dq", "vl")))),
}


def level() -> str:
    """Return what ``SEMSPACE_CPU`` narrows the kernels to, in lower case; an empty string where it isn't set."""
    return os.environ.get(VARIABLE, "").strip().lower()


def levels() -> list[str]:
    """Return what ``SEMSPACE_CPU`` may be on this processor."""
    host = _table(codegen.get_host_cpu_features())  # type: ignore[no-untyped-call]
    return [name for name, target in _TARGETS.items() if all(host.get(feature) for feature in target.needs)]


def features() -> dict[str, bool]:
    """Return what the compiler may use, by LLVM's names: what this processor can do, unless it was narrowed."""
    return _table(registry.cpu_target.target_context.codegen().magic_tuple()[2])


def without(names: Collection[str]) -> str:
    """Return why the kernels may not use these instructions, named as LLVM names them."""
    listed, asked = " and ".join(names), level()
    if asked in _TARGETS and all(_table(codegen.get_host_cpu_features()).get(name) for name in names):  # type: ignore[no-untyped-call]
        return f"{VARIABLE}={asked} leaves out {listed}"
    return f"this processor has no {listed}"


def _table(flat: str) -> dict[str, bool]:
    return {one[1:]: one[0] == "+" for one in flat.split(",") if one}


def _narrow(asked: str) -> None:
    """Have numba compile for the level `asked` for.

    Raises
    ------
    InputError
        If there is no such level, if this processor hasn't got it, if numba was told something else, or if it has
        compiled for this processor already.
    """
    if asked not in _TARGETS:
        raise InputError(f"{VARIABLE} must be one of {', '.join(_TARGETS)}, or not set; got {asked!r}")
    told = [name for name in _NUMBA if os.environ.get(name) is not None]
    if told:
        raise InputError(f"{VARIABLE} and {told[0]} both say what to compile for; unset one of them")
    target, host = _TARGETS[asked], _table(codegen.get_host_cpu_features())  # type: ignore[no-untyped-call]
    missing = [feature for feature in target.needs if not host.get(feature)]
    if missing:
        raise InputError(
            f"{VARIABLE}={asked} asks for instructions that this processor hasn't got ({', '.join(missing)}); here it "
            f"can be {' or '.join(levels())}, or not set"
        )
    if target.name is None:
        return
    settings: Any = config
    before = settings.CPU_NAME, settings.CPU_FEATURES
    settings.CPU_NAME, settings.CPU_FEATURES = target.name, target.features
    # The compiler is made once in a process, with what is set then.
    if registry.cpu_target.target_context.codegen().magic_tuple()[1:] != (target.name, target.features):
        settings.CPU_NAME, settings.CPU_FEATURES = before
        raise InputError(
            f"{VARIABLE}={asked} comes too late: another library has had numba compile for this processor already; "
            "import semspace.kernels.compiling before it"
        )


if level():
    _narrow(level())
