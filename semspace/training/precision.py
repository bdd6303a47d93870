"""The choice between bfloat16 and float32 for multiplying matrices on this machine."""

from __future__ import annotations


def use_bfloat16(precision: str) -> bool:
    """Return whether to use bfloat16 for a `precision`: "float32", "bfloat16", or "auto", which asks the processor.

    Nothing is measured: a measurement beside other work would give one training one precision and the next another.
    """
    import torch

    from semspace.kernels import compiling

    if precision != "auto":
        return precision == "bfloat16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    # Where semspace's own kernels are limited to fewer instructions, training is to give the same result as there.
    if compiling.level() and not compiling.level().startswith("avx512"):
        return False
    # Processors that compute bfloat16 by other instructions are no faster with it.
    return bool(compiling.features().get("avx512bf16")) and "avx512" in _cpu_capability()


def _cpu_capability() -> str:
    """Return the instructions that torch uses, which may be limited by ``ATEN_CPU_CAPABILITY``."""
    import torch

    return str(torch.backends.cpu.get_cpu_capability()).lower()
