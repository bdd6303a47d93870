"""The weights of a model: one safetensors file, or several with an index."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from semspace import checks
from semspace.errors import DamagedError, InputError
from semspace.sentences.model_files import SHARDS, WEIGHTS
from semspace.types import Floats2d

_FLOATS: dict[str, Any] = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16}


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files of a folder; raise `InputError` if one is missing."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / SHARDS).is_file():
        return _shards(folder)
    pickles = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern))
    if pickles:
        raise InputError(
            f"{folder} has its weights only as {pickles[0]}, a pickle, which can run code when it is opened; "
            f"convert it to {WEIGHTS}, or use a model that has safetensors"
        )
    raise InputError(f"{folder} has no weights: neither {WEIGHTS} nor {SHARDS} exists; give the folder that holds them")


def _shards(folder: Path) -> list[Path]:
    index = folder / SHARDS
    try:
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        files = sorted({str(name) for name in weight_map.values()})
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DamagedError(f"{index} isn't an index of weights ({problem}); download the model again") from problem
    for name in files:
        if PurePosixPath(name).name != name or not name.endswith(".safetensors"):
            raise InputError(f"{index} names {name!r}, which isn't a safetensors file of this folder")
        if not (folder / name).is_file():
            raise InputError(f"{folder} lacks {name}, a file of weights that {SHARDS} names; download the model again")
    if not files:
        raise DamagedError(f"{index} lists no files; download the model again")
    return [folder / name for name in files]


class Weights:
    """The tensors of a folder by name, as float32; a context manager. Of other files than a model's, if given.

    Files are mapped into memory, and a float32 tensor is a part of that: what nobody reads isn't read from the disk.
    """

    def __init__(self, folder: Path, files: Sequence[Path] | None = None) -> None:
        self._paths = weight_files(folder) if files is None else files
        self._library = checks.need("safetensors", "encoders")

    def __enter__(self) -> Weights:
        self._tensors: dict[str, _Tensor] = {}
        for path in self._paths:
            try:
                with self._library.safe_open(path, "numpy"):  # validates the header
                    pass
                self._tensors.update(_tensors_of(path))
            except (OSError, ValueError, self._library.SafetensorError) as problem:
                raise DamagedError(f"{path} can't be opened ({problem}); download the model again") from problem
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._tensors = {}  # a file stays mapped as long as there is a tensor of it

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def take(self, name: str) -> Floats2d:
        """Return a tensor by name, which can't be changed, or raise `KeyError`."""
        tensor = self._tensors[name]
        if tensor.kind not in _FLOATS:
            raise DamagedError(
                f"{tensor.path} holds {name!r} as {tensor.kind}, but quantised weights aren't supported; use the model "
                f"in float32 or float16"
            )
        stored = np.frombuffer(tensor.data, _FLOATS[tensor.kind]).reshape(tensor.shape)
        if tensor.kind == "BF16":  # numpy has no bfloat16; its numbers are the upper halves of float32 numbers
            stored = (stored.astype(np.uint32) << 16).view(np.float32)
        return np.ascontiguousarray(stored, np.float32)


class _Tensor(NamedTuple):
    path: Path
    kind: str
    shape: list[int]
    data: memoryview


def _tensors_of(path: Path) -> dict[str, _Tensor]:
    """Return the tensors of a file whose header is sound: its length in 8 bytes, JSON, and the numbers."""
    with path.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(bytes(content[8:start]))
    header.pop("__metadata__", None)
    numbers = content[start:]
    return {
        name: _Tensor(path, facts["dtype"], facts["shape"], numbers[slice(*facts["data_offsets"])])
        for name, facts in header.items()
    }
