"""The kinds of processors that kernels are compiled for.

A level is a set of instructions that many processors share. Code that is compiled for a level runs on all processors
that have it, and computes the same numbers on all of them; so it can be compiled on one machine and installed on
another (`kernels.code_store`).
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import NamedTuple

BUILD_VARIABLE = "SEMSPACE_COMPILE_FOR"  # a level, which this processor may lack: nothing compiled is run, or cached


class ProcessorLevel(NamedTuple):
    """Instructions to compile for.

    Parameters
    ----------
    name : str
    needs : tuple of str
        The features that a processor must have, by LLVM's names. Kernels choose their ways by these alone
        (`compiling.features`): a feature that a kernel asks for must be one of some level.
    cpu : str
        LLVM's name of a processor with these features.
    """

    name: str
    needs: tuple[str, ...]
    cpu: str

    @property
    def features(self) -> str:
        """The features as LLVM takes them."""
        return ",".join(f"+{feature}" for feature in self.needs)

    def runs_on(self, host: Mapping[str, bool]) -> bool:
        """Check whether a processor has all features of this level."""
        return all(host.get(feature) for feature in self.needs)


_V3 = ("avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe")
_V4 = (*_V3, *(f"avx512{part}" for part in ("f", "bw", "cd", "dq", "vl")))
_X86 = (
    ProcessorLevel("generic", (), "generic"),  # SSE2
    ProcessorLevel("avx2", _V3, "x86-64-v3"),  # Haswell (2013), Zen
    ProcessorLevel("avxvnni", (*_V3, "avxvnni"), "x86-64-v3"),  # Alder Lake (2021), Zen 5
    ProcessorLevel("avx512", _V4, "x86-64-v4"),  # Skylake-X (2017)
    ProcessorLevel("avx512vnni", (*_V4, "avx512vnni"), "x86-64-v4"),  # Cascade Lake and Ice Lake (2019)
    ProcessorLevel("avx512bf16", (*_V4, "avx512vnni", "avx512bf16"), "x86-64-v4"),  # Zen 4 (2022)
)
_ARM = (
    ProcessorLevel("generic", (), "generic"),  # NEON
    ProcessorLevel("dotprod", ("dotprod",), "generic"),  # Neoverse N1 (2019), Apple M1 (2020)
)


def all_levels() -> tuple[ProcessorLevel, ...]:
    """Return the levels of this kind of processor, the lowest first."""
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64"):
        return _X86
    return _ARM if machine in ("aarch64", "arm64") else _X86[:1]


def requestable() -> tuple[str, ...]:
    """Return what ``SEMSPACE_CPU`` can be on any kind of processor."""
    return tuple(dict.fromkeys(level.name for level in (*_X86, *_ARM)))


def levels_of(host: Mapping[str, bool]) -> list[ProcessorLevel]:
    """Return the levels that a processor has, the lowest first; it has the lowest of its kind in any case."""
    return [level for level in all_levels() if level.runs_on(host)]


def level_for(requested: str, host: Mapping[str, bool]) -> ProcessorLevel | None:
    """Return the level that a request means on a processor, or None if the processor doesn't have it.

    ``"avx512"`` is the highest level with AVX-512, an empty request the highest of all.
    """
    fitting = [level for level in levels_of(host) if level.name == requested or not requested]
    if requested == "avx512":
        fitting = [level for level in levels_of(host) if level.name.startswith("avx512")]
    return fitting[-1] if fitting else None


def level_named(name: str) -> ProcessorLevel:
    """Return the level of a name, whether this processor has it or not."""
    return next(level for level in all_levels() if level.name == name)
