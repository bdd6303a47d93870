"""The types of arguments with which kernels are called, written as text.

``signatures.json`` beside this file lists the calls that ``semspace warmup`` makes, for which code is compiled
beforehand (`kernels.building`); a call with other types is compiled when it is first made.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numba import core

types: Any = core.types  # whose classes numba annotates in part only
LIST = Path(__file__).with_name("signatures.json")


@dataclass(frozen=True, order=True)
class KernelCall:
    """A call of a kernel from Python.

    Parameters
    ----------
    kernel : str
        ``module:function``, or ``module:factory(constants)``.
    arguments : str
        The types of the arguments, as JSON.
    needs : tuple of str
        Features, by LLVM's names, without which a level doesn't make this call.
    """

    kernel: str
    arguments: str
    needs: tuple[str, ...] = ()

    @classmethod
    def of(cls, kernel: str, signature: Iterable[Any], needs: Iterable[str] = ()) -> KernelCall:
        """Create the call of a kernel with arguments of numba's types."""
        return cls(kernel, json.dumps([_written(kind) for kind in signature]), tuple(needs))

    def function(self) -> Any:
        """Import the kernel."""
        module, _, name = self.kernel.partition(":")
        name, _, constants = name.partition("(")
        found = getattr(importlib.import_module(module), name)
        return found(*json.loads(f"[{constants[:-1].lower()}]")) if constants else found

    def signature(self) -> tuple[Any, ...]:
        """Return the types of the arguments, as numba's."""
        return tuple(_read(kind) for kind in json.loads(self.arguments))


def read_calls(path: Path = LIST) -> list[KernelCall]:
    """Return the calls in a file, by default those for which code is compiled beforehand."""
    listed = json.loads(path.read_text(encoding="utf-8"))
    return [KernelCall(kernel, json.dumps(arguments), tuple(needs)) for kernel, arguments, needs in listed]


def write_calls(calls: Iterable[KernelCall], path: Path = LIST) -> None:
    """Write a list of calls, one a line."""
    lines = (json.dumps([call.kernel, json.loads(call.arguments), call.needs]) for call in sorted(set(calls)))
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def _written(kind: Any) -> Any:
    """Return a type as JSON: ``"int64"``, ``"float32 2 C readonly"``, a list for a tuple, with its class if named."""
    if isinstance(kind, types.Array):
        flags = [*(() if kind.mutable else ("readonly",)), *(() if kind.aligned else ("unaligned",))]
        return " ".join([str(kind.dtype), str(kind.ndim), kind.layout, *flags])
    if isinstance(kind, types.BaseNamedTuple):
        made = kind.instance_class
        return [f"{made.__module__}:{made.__qualname__}", *(_written(one) for one in kind)]
    if isinstance(kind, types.BaseTuple):
        return ["", *(_written(one) for one in kind)]
    if isinstance(kind, (types.Number, types.Boolean, types.NoneType)):
        return str(kind)
    raise TypeError(f"a kernel was called with {kind}, which can't be written; see semspace.kernels.signatures")


def _read(written: Any) -> Any:
    """Return the type that `_written` has written."""
    if isinstance(written, list):
        inner, (module, _, name) = tuple(_read(one) for one in written[1:]), written[0].partition(":")
        if not name:
            return types.BaseTuple.from_types(inner)
        return types.BaseTuple.from_types(inner, getattr(importlib.import_module(module), name))
    dtype, *rest = written.split()
    kind = getattr(types, {"bool": "boolean"}.get(dtype, dtype))
    if not rest:
        return kind
    ndim, layout, *flags = rest
    return types.Array(kind, int(ndim), layout, readonly="readonly" in flags, aligned="unaligned" not in flags)
