"""The choice between bfloat16 and float32 for multiplying matrices on this machine."""

from __future__ import annotations

from time import perf_counter

_MATRIX_SIZE, _N_ROUNDS = 768, 5
_MIN_SPEEDUP = 1.15  # of bfloat16 over float32, to be worth its rounding


def use_bfloat16(precision: str) -> bool:
    """Return whether to use bfloat16 for a `precision`: "float32", "bfloat16", or "auto", which measures both."""
    import torch

    from semspace.kernels import compiling

    if precision != "auto":
        return precision == "bfloat16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    # Where semspace's own kernels are limited to fewer instructions, training is to give the same result as there.
    if compiling.level() and not compiling.level().startswith("avx512"):
        return False
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported() or "avx512" not in _cpu_capability():
        return False
    return _matmul_seconds(torch.float32) > _MIN_SPEEDUP * _matmul_seconds(torch.bfloat16)


def _cpu_capability() -> str:
    import torch

    return str(torch.backends.cpu.get_cpu_capability()).lower()


def _matmul_seconds(dtype: object) -> float:
    """Return the shortest of several times of a matrix product."""
    import torch

    matrix = torch.ones(_MATRIX_SIZE, _MATRIX_SIZE, dtype=dtype)  # type: ignore[call-overload]
    seconds = []
    for _ in range(_N_ROUNDS):
        start = perf_counter()
        matrix @ matrix
        seconds.append(perf_counter() - start)
    return min(seconds)
