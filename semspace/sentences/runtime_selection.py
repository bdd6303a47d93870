"""Choosing the runtime of a model on this machine, with the reason."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from semspace.errors import DamagedError, InputError
from semspace.sentences import kernel_runtime, parity, torch_runtime
from semspace.sentences.kernel_runtime import KernelRuntime
from semspace.sentences.model_config import ModelConfig
from semspace.sentences.numpy_runtime import NumpyRuntime
from semspace.sentences.recorded_vectors import recorded_vectors
from semspace.sentences.runtime import AUTOMATIC, Runtime, TokenBatch
from semspace.sentences.torch_runtime import TorchRuntime

_GPU_DEVICES = ("/dev/nvidia0", "/dev/dxg", "/dev/kfd")  # NVIDIA, Windows Subsystem for Linux, AMD
_WITHOUT_KERNELS: dict[str, Callable[[ModelConfig], Runtime]] = {"torch": TorchRuntime, "numpy": NumpyRuntime}


class SelectedRuntime(NamedTuple):
    """A runtime, and the reason for it in a sentence."""

    runtime: Runtime
    reason: str


def select_runtime(
    config: ModelConfig, backend: str, sample: Callable[[], TokenBatch], check: Callable[[int], None]
) -> SelectedRuntime:
    """Load the runtime of a backend; with ``"auto"``, torch if it finds a GPU, else the fastest that reaches its bound.

    On a GPU, ``"auto"`` computes in bfloat16, and ``"torch"`` in float32, as everywhere.

    Parameters
    ----------
    sample : callable
        Returns the tokens of `parity.SENTENCES`.
    check : callable
        Takes the number of tokens that the model knows, and raises if the tokenizer has others.

    Raises
    ------
    InputError
        If the backend can't run this model here, or its vectors differ too much from the reference.
    """
    reasons: list[str] = []
    runtime: Runtime
    has_gpu = backend == "auto" and _gpu()
    if has_gpu and (selected := _on_gpu(config, sample, check, reasons)) is not None:
        return selected
    requested = "torch" if has_gpu else backend
    for candidate in AUTOMATIC if requested == "auto" else (requested,):
        if candidate in _WITHOUT_KERNELS:
            runtime = _WITHOUT_KERNELS[candidate](config)
            check(runtime.vocabulary_size)
            return SelectedRuntime(runtime, f"{runtime.implementation}{_because(reasons)}")
        for runtime in _candidates(config, candidate, reasons, last_resort=requested == "auto" and _has_torch()):
            check(runtime.vocabulary_size)
            agreement = parity.measure_parity(
                runtime, lambda: _reference(config), sample(), config.fingerprint, lambda: recorded_vectors(config)
            )
            if agreement.holds(candidate):
                return SelectedRuntime(runtime, f"{runtime.implementation}{_level()}, {agreement}{_because(reasons)}")
            reasons.append(f"not {runtime.implementation}, {agreement}")
    raise InputError(f"backend {requested!r} can't run {config.folder} here: {'; '.join(reasons)}; use backend='auto'")


def _on_gpu(
    config: ModelConfig, sample: Callable[[], TokenBatch], check: Callable[[int], None], reasons: list[str]
) -> SelectedRuntime | None:
    """Load torch in bfloat16 if the GPU has it and the vectors reach the bound of ``"fast"``; else say why not."""
    if not _gpu_has_bfloat16():
        reasons.append("not torch bfloat16, which this GPU doesn't have")
        return None
    runtime = TorchRuntime(config, "bfloat16")
    check(runtime.vocabulary_size)
    agreement = parity.measure_parity(runtime, lambda: TorchRuntime(config), sample(), config.fingerprint)
    if agreement.holds("fast"):
        return SelectedRuntime(runtime, f"{runtime.implementation}, {agreement}")
    reasons.append(f"not {runtime.implementation}, {agreement}")
    return None


def _gpu_has_bfloat16() -> bool:
    import torch

    return bool(torch.cuda.is_bf16_supported())


def _gpu() -> bool:
    """Check whether torch finds a GPU; torch, which takes seconds to import, is only asked where there is a device."""
    if not any(Path(device).exists() for device in _GPU_DEVICES) or importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def _candidates(config: ModelConfig, backend: str, reasons: list[str], *, last_resort: bool) -> Iterator[Runtime]:
    for precision in kernel_runtime.PRECISIONS[backend]:
        problem = kernel_runtime.unsupported_reason(config, precision)
        if problem:
            reason = f"not {precision} kernels, {problem}"
            if reason not in reasons:
                reasons.append(reason)
            continue
        try:
            yield KernelRuntime(config, backend, precision)
        except DamagedError as damage:
            if not last_resort:
                raise
            reasons.append(f"not {precision} kernels: {damage}")  # torch may open it, or report what is wrong


def _reference(config: ModelConfig) -> Runtime:
    """Return torch or, where it doesn't know the model, the float32 kernels, which the tests compare with torch."""
    if torch_runtime.knows(config):
        return TorchRuntime(config)
    return KernelRuntime(config, "exact", "float32")


def _has_torch() -> bool:
    return bool(importlib.util.find_spec("torch") and importlib.util.find_spec("transformers"))


def _level() -> str:
    """Return the instructions to which the kernels are restricted, if they are."""
    from semspace.kernels import compiling

    return f" compiled for {compiling.level()} ({compiling.VARIABLE})" if compiling.level() else ""


def _because(reasons: list[str]) -> str:
    return f" ({'; '.join(reasons)})" if reasons else ""
