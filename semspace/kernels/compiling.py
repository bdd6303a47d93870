"""How kernels are compiled by numba, and for which processor instructions.

Code is compiled for a level of instructions (`kernels.levels`), by default the highest that this processor has, so that
the code of a level computes the same numbers wherever it was compiled and wherever it runs. The environment variable
``SEMSPACE_CPU`` chooses a lower one:

* ``generic``: what every processor of the architecture has (SSE2 on x86-64, NEON on ARM);
* ``avx2``: x86-64-v3, which is AVX2, FMA, BMI and F16C;
* ``avxvnni``: ``avx2`` with AVX-VNNI;
* ``avx512``: the highest of the levels with AVX-512 (F, BW, CD, DQ and VL) that this processor has: with VNNI and
  bfloat16 (``avx512bf16``), with VNNI (``avx512vnni``) or with neither;
* ``dotprod``: ARM's products of bytes.

``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES``, numba's own variables, are respected. A process has one compiler, so
other libraries' numba functions are compiled in the same way. If another library has used the compiler before, what
isn't compiled yet is compiled for exactly this processor. The cache on disk keeps code for different processors apart.
PyTorch isn't restricted by this; ``ATEN_CPU_CAPABILITY`` (``default``, ``avx2``, ``avx512``) does that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any, TypeVar

from llvmlite import binding
from numba import extending
from numba.core import codegen, config, registry

from semspace.errors import InputError
from semspace.kernels import code_cache
from semspace.kernels.levels import (
    BUILD_VARIABLE,
    ProcessorLevel,
    all_levels,
    level_for,
    level_named,
    levels_of,
    requestable,
)

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


def kernel_factory(make: F) -> F:
    """Return a function that makes the compiled kernel of some constants, once for each.

    Its arguments are numbers, by which the kernel is known among the code that was compiled beforehand.
    """

    def named(*constants: Any) -> Any:
        kernel = make(*constants)
        kernel._cache.kernel = f"{make.__module__}:{make.__qualname__}({', '.join(map(repr, constants))})"
        return kernel

    return lru_cache(named)  # type: ignore[return-value]


def _compiled(function: F, **options: Any) -> F:
    return code_cache.compile_cached(function, nogil=True, **options)  # type: ignore[no-any-return]


def intrinsic(build: Callable[..., Any]) -> Any:
    """Return a function that compiled ones can call, whose code `build` writes (see `kernels.simd`).

    Integer literals of the call reach `build` as constants.
    """
    return extending.intrinsic(prefer_literal=True)(build)


def overload(function: Callable[..., Any]) -> Callable[[F], F]:
    """Return a decorator: what it decorates returns, for the types of a call in a kernel, what is compiled of it."""
    return extending.overload(function)


# -- the processor to compile for ---------------------------------------------------------------------------------


def level() -> str:
    """Return the value of ``SEMSPACE_CPU`` in lower case; an empty string if it isn't set."""
    return os.environ.get(VARIABLE, "").strip().lower()


def levels() -> list[str]:
    """Return the levels that this processor has, the lowest first."""
    return [one.name for one in levels_of(host_features())]


def features() -> dict[str, bool]:
    """Return which processor features kernels may use, by LLVM's names.

    They are those of the level, even if the processor has more; all that numba was told, if it was told.
    """
    return dict(_FEATURES)


def host_features() -> dict[str, bool]:
    """Return the features that this processor has."""
    features = _table(codegen.get_host_cpu_features())  # type: ignore[no-untyped-call]
    if not features and binding.get_host_cpu_name().startswith("apple-"):  # LLVM tells those of no Apple processor
        features = {"dotprod": True}
    return features


def missing_instructions(names: Collection[str]) -> str:
    """Return why the kernels can't use these instructions (LLVM's names), as part of a sentence."""
    listed, requested = " and ".join(names), level()
    if requested and all(host_features().get(name) for name in names):
        return f"{VARIABLE}={requested} excludes {listed}"
    return f"this processor has no {listed}"


def _table(flat: str) -> dict[str, bool]:
    return {feature[1:]: feature[0] == "+" for feature in flat.split(",") if feature}


def _requested_level(requested: str) -> ProcessorLevel:
    """Return the level that a value of ``SEMSPACE_CPU`` means here.

    Raises
    ------
    InputError
        If there is no such value, if this processor lacks it, or if numba's own variables are set.
    """
    if requested not in requestable():
        raise InputError(f"{VARIABLE} must be one of {', '.join(requestable())}, or not set; got {requested!r}")
    others = [name for name in _NUMBA if os.environ.get(name) is not None]
    if others:
        raise InputError(f"{VARIABLE} and {others[0]} both choose the processor to compile for; unset one of them")
    host = host_features()
    chosen = level_for(requested, host)
    if chosen is None:
        needs = next((one.needs for one in all_levels() if one.name == requested), (requested,))
        missing = ", ".join(feature for feature in needs if not host.get(feature))
        raise InputError(
            f"{VARIABLE}={requested} needs instructions that this processor lacks ({missing}); here it "
            f"can be {' or '.join(levels())}, or not set"
        )
    return chosen


def _compile_for(chosen: ProcessorLevel, *, required: bool) -> None:
    """Set the instructions that numba compiles for.

    Raises
    ------
    InputError
        If this is required, and numba has compiled something already.
    """
    settings: Any = config
    before = settings.CPU_NAME, settings.CPU_FEATURES
    settings.CPU_NAME, settings.CPU_FEATURES = chosen.cpu, chosen.features
    # Numba creates its compiler once in a process, from the settings of that moment.
    if registry.cpu_target.target_context.codegen().magic_tuple()[1:] != (chosen.cpu, chosen.features):
        settings.CPU_NAME, settings.CPU_FEATURES = before
        if required:
            raise InputError(
                f"{VARIABLE}={level()} comes too late: another library has used numba's compiler already; "
                "import semspace.kernels.compiling before it"
            )


def _chosen_level() -> ProcessorLevel | None:
    """Return the level to compile for, or None if numba was told a processor; set it in numba's compiler."""
    beforehand = os.environ.get(BUILD_VARIABLE)
    if beforehand:
        chosen = level_named(beforehand)
    elif level():
        chosen = _requested_level(level())
    elif any(os.environ.get(name) is not None for name in _NUMBA):
        return None
    else:
        chosen = levels_of(host_features())[-1]
    _compile_for(chosen, required=bool(beforehand or level()))
    return chosen


LEVEL = _chosen_level()
_FEATURES = (
    _table(registry.cpu_target.target_context.codegen().magic_tuple()[2]) if LEVEL is None else _table(LEVEL.features)
)
code_cache.use_level(LEVEL)
