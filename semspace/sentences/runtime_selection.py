"""Which runtime a model gets on this machine, and why."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from semspace.errors import DamagedError, InputError
from semspace.sentences import kernel_runtime, parity
from semspace.sentences.kernel_runtime import KernelRuntime
from semspace.sentences.model_config import Layout
from semspace.sentences.runtime import BACKENDS, Runtime, Tokenized
from semspace.sentences.torch_runtime import TorchRuntime

_DEVICES = ("/dev/nvidia0", "/dev/dxg", "/dev/kfd")  # of NVIDIA, of Windows under Linux, of AMD


class Choice(NamedTuple):
    """A runtime, and in a sentence why it is this one."""

    runtime: Runtime
    why: str


def choose(layout: Layout, wanted: str, sample: Callable[[], Tokenized], check: Callable[[int], None]) -> Choice:
    """Load the runtime asked for, or with ``"auto"`` the fastest that keeps its promise: torch where it sees a GPU.

    Parameters
    ----------
    sample : callable
        Gives the tokens of `parity.SENTENCES`.
    check : callable
        Raises if the tokenizer has tokens that a model with so many doesn't know.

    Raises
    ------
    InputError
        If the one asked for can't run this model here, or its vectors aren't near enough to the reference's.
    """
    reasons: list[str] = []
    if wanted == "auto" and _gpu():
        wanted = "torch"
    for backend in BACKENDS if wanted == "auto" else (wanted,):
        if backend == "torch":
            runtime: Runtime = TorchRuntime(layout)
            check(runtime.vocabulary)
            return Choice(runtime, f"{runtime.implementation}{_because(reasons)}")
        for runtime in _candidates(layout, backend, reasons, last_resort=wanted == "auto" and _has_torch()):
            check(runtime.vocabulary)
            found = parity.measured(runtime, lambda: _reference(layout), sample(), layout.fingerprint)
            if found.holds(backend):
                return Choice(runtime, f"{runtime.implementation}{_level()}, {found}{_because(reasons)}")
            reasons.append(f"not {runtime.implementation}, {found}")
    raise InputError(f"backend {wanted!r} can't run {layout.folder} here: {'; '.join(reasons)}; use backend='auto'")


def _gpu() -> bool:
    """Tell whether torch sees a GPU; where there is no device, torch isn't asked: importing it takes seconds."""
    if not any(Path(device).exists() for device in _DEVICES) or importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def _candidates(layout: Layout, backend: str, reasons: list[str], *, last_resort: bool) -> Iterator[Runtime]:
    for precision in kernel_runtime.PRECISIONS[backend]:
        problem = kernel_runtime.obstacle(layout, precision)
        if problem:
            reason = f"not {precision} kernels, {problem}"
            if reason not in reasons:
                reasons.append(reason)
            continue
        try:
            yield KernelRuntime(layout, backend, precision)
        except DamagedError as damage:
            if not last_resort:
                raise
            reasons.append(f"not {precision} kernels: {damage}")  # torch may know better, or say what is wrong


def _reference(layout: Layout) -> Runtime:
    """Give torch; or, where it isn't installed, the kernels in float32, which the tests hold against torch."""
    if _has_torch():
        return TorchRuntime(layout)
    return KernelRuntime(layout, "exact", "float32")


def _has_torch() -> bool:
    return bool(importlib.util.find_spec("torch") and importlib.util.find_spec("transformers"))


def _level() -> str:
    """Say what the kernels were narrowed to, if they were."""
    from semspace.kernels import compiling

    return f" compiled for {compiling.level()} ({compiling.VARIABLE})" if compiling.level() else ""


def _because(reasons: list[str]) -> str:
    return f" ({'; '.join(reasons)})" if reasons else ""
