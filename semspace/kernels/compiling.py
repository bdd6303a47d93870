"""How kernels are compiled by numba, and for which processor instructions.

Numba compiles for the processor that it runs on. The environment variable ``SEMSPACE_CPU`` restricts that:

* ``generic``: what every processor of the architecture has (SSE2 on x86-64, NEON on ARM);
* ``avx2``: x86-64-v3, which is AVX2, FMA, BMI and F16C, so the code is the same on all processors that have them;
* ``avx512``: all that this processor has, which must include AVX-512 (F, BW, CD, DQ and VL).

``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES``, numba's own variables, are respected. A process has one compiler, so
other libraries' numba functions are compiled in the same way. The cache on disk keeps code for different processors
apart. PyTorch isn't restricted by this; ``ATEN_CPU_CAPABILITY`` (``default``, ``avx2``, ``avx512``) does that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, TypeVar

from numba import extending
from numba.core import codegen, config, registry

from semspace.errors import InputError
from semspace.kernels import code_cache

F = TypeVar("F", bound=Callable[..., Any])
VARIABLE = "SEMSPACE_CPU"
_NUMBA = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")


def compiled(function: F) -> F:
    """Compile a function of numbers on its first call.

    It releases the GIL. Sums may be reordered so that they can be vectorised, and a division by zero gives infinity.
    """
    return _compiled(function, fastmath=True, error_model="numpy")


def compiled_strictly(function: F) -> F:
    """Compile a function on its first call, with Python's exact arithmetic; it releases the GIL."""
    return _compiled(function)


def inlined(function: F) -> F:
    """Compile a function as a part of those that call it, with Python's exact arithmetic."""
    return _compiled(function, inline="always")


def _compiled(function: F, **options: Any) -> F:
    return code_cache.compile_cached(function, nogil=True, **options)  # type: ignore[no-any-return]


def intrinsic(build: Callable[..., Any]) -> Any:
    """Return a function that compiled ones can call, whose code `build` writes (see `kernels.simd`).

    Integer literals of the call reach `build` as constants.
    """
    return extending.intrinsic(prefer_literal=True)(build)


# -- the processor to compile for ---------------------------------------------------------------------------------


class _Target(NamedTuple):
    """A processor to compile for, by LLVM's names; None is this processor with all its features."""

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
    """Return the value of ``SEMSPACE_CPU`` in lower case; an empty string if it isn't set."""
    return os.environ.get(VARIABLE, "").strip().lower()


def levels() -> list[str]:
    """Return the values that ``SEMSPACE_CPU`` can have on this processor."""
    host = _table(codegen.get_host_cpu_features())  # type: ignore[no-untyped-call]
    return [name for name, target in _TARGETS.items() if all(host.get(feature) for feature in target.needs)]


def features() -> dict[str, bool]:
    """Return which processor features the compiler may use, by LLVM's names."""
    return _table(registry.cpu_target.target_context.codegen().magic_tuple()[2])


def missing_instructions(names: Collection[str]) -> str:
    """Return why the kernels can't use these instructions (LLVM's names), as part of a sentence."""
    listed, requested = " and ".join(names), level()
    if requested in _TARGETS and all(_table(codegen.get_host_cpu_features()).get(name) for name in names):  # type: ignore[no-untyped-call]
        return f"{VARIABLE}={requested} excludes {listed}"
    return f"this processor has no {listed}"


def _table(flat: str) -> dict[str, bool]:
    return {feature[1:]: feature[0] == "+" for feature in flat.split(",") if feature}


def _restrict(requested: str) -> None:
    """Set the instructions that numba compiles for, by a value of ``SEMSPACE_CPU``.

    Raises
    ------
    InputError
        If there is no such value, if this processor lacks it, if numba's own variables are set, or if numba has
        compiled something already.
    """
    if requested not in _TARGETS:
        raise InputError(f"{VARIABLE} must be one of {', '.join(_TARGETS)}, or not set; got {requested!r}")
    others = [name for name in _NUMBA if os.environ.get(name) is not None]
    if others:
        raise InputError(f"{VARIABLE} and {others[0]} both choose the processor to compile for; unset one of them")
    target, host = _TARGETS[requested], _table(codegen.get_host_cpu_features())  # type: ignore[no-untyped-call]
    missing = [feature for feature in target.needs if not host.get(feature)]
    if missing:
        raise InputError(
            f"{VARIABLE}={requested} needs instructions that this processor lacks ({', '.join(missing)}); here it "
            f"can be {' or '.join(levels())}, or not set"
        )
    if target.name is None:
        return
    settings: Any = config
    before = settings.CPU_NAME, settings.CPU_FEATURES
    settings.CPU_NAME, settings.CPU_FEATURES = target.name, target.features
    # Numba creates its compiler once in a process, from the settings of that moment.
    if registry.cpu_target.target_context.codegen().magic_tuple()[1:] != (target.name, target.features):
        settings.CPU_NAME, settings.CPU_FEATURES = before
        raise InputError(
            f"{VARIABLE}={requested} comes too late: another library has used numba's compiler already; "
            "import semspace.kernels.compiling before it"
        )


if level():
    _restrict(level())
