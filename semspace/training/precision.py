"""Whether matrices are multiplied in bfloat16 or in float32 on this machine."""

from __future__ import annotations

from time import perf_counter

_SIZE, _ROUNDS = 768, 5
_FASTER = 1.15  # bfloat16 must be so many times as fast as float32 to be worth its rounding


def bfloat16(asked: str) -> bool:
    """Decide for what was asked: "float32", "bfloat16", or "auto", which measures where the processor has it."""
    import torch

    from semspace.kernels import compiling

    if asked != "auto":
        return asked == "bfloat16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    if compiling.level() not in ("", "avx512"):  # torch isn't narrowed, but what is trained should be the same
        return False
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported() or "avx512" not in _has():
        return False
    return _seconds(torch.float32) > _FASTER * _seconds(torch.bfloat16)


def _has() -> str:
    import torch

    return str(torch.backends.cpu.get_cpu_capability()).lower()


def _seconds(dtype: object) -> float:
    """Time the product of two matrices: the shortest of some."""
    import torch

    matrix = torch.ones(_SIZE, _SIZE, dtype=dtype)  # type: ignore[call-overload]
    taken = []
    for _ in range(_ROUNDS):
        begun = perf_counter()
        matrix @ matrix
        taken.append(perf_counter() - begun)
    return min(taken)
