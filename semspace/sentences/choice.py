"""Which runtime a model gets on this machine, and why."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import NamedTuple

from semspace.errors import InputError
from semspace.sentences import kernel_runtime, parity
from semspace.sentences.kernel_runtime import KernelRuntime
from semspace.sentences.layout import Layout
from semspace.sentences.runtime import KINDS, Runtime, Tokenized
from semspace.sentences.torch_runtime import TorchRuntime


class Choice(NamedTuple):
    """A runtime, and in a sentence why it is this one."""

    runtime: Runtime
    why: str


def choose(layout: Layout, wanted: str, sample: Callable[[], Tokenized], check: Callable[[int], None]) -> Choice:
    """Load the runtime asked for, or with ``"auto"`` the fastest that keeps its promise.

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
    for kind in KINDS if wanted == "auto" else (wanted,):
        if kind == "torch":
            runtime: Runtime = TorchRuntime(layout)
            check(runtime.vocabulary)
            return Choice(runtime, f"{runtime.engine}{_because(reasons)}")
        for runtime in _candidates(layout, kind, reasons):
            check(runtime.vocabulary)
            found = parity.measured(runtime, lambda: _reference(layout), sample(), layout.fingerprint)
            if found.holds(kind):
                return Choice(runtime, f"{runtime.engine}, {found}{_because(reasons)}")
            reasons.append(f"not {runtime.engine}, {found}")
    raise InputError(f"runtime {wanted!r} can't run {layout.folder} here: {'; '.join(reasons)}; use runtime='auto'")


def _candidates(layout: Layout, kind: str, reasons: list[str]) -> Iterator[Runtime]:
    for precision in kernel_runtime.PRECISIONS[kind]:
        problem = kernel_runtime.obstacle(layout, precision)
        if problem:
            reason = f"not {precision} kernels, {problem}"
            if reason not in reasons:
                reasons.append(reason)
        else:
            yield KernelRuntime(layout, kind, precision)


def _reference(layout: Layout) -> Runtime:
    """Give torch; or, where it isn't installed, the kernels in float32, which the tests hold against torch."""
    if importlib.util.find_spec("torch") and importlib.util.find_spec("transformers"):
        return TorchRuntime(layout)
    return KernelRuntime(layout, "exact", "float32")


def _because(reasons: list[str]) -> str:
    return f" ({'; '.join(reasons)})" if reasons else ""
