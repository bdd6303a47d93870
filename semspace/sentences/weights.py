"""The weights of a model: one safetensors file, or several with an index."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

import numpy as np

from semspace import checks
from semspace.errors import DamagedError, InputError
from semspace.sentences.model_files import SHARDS, WEIGHTS
from semspace.types import Floats2d

_FLOATS = ("F64", "F32", "F16", "BF16")


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
    raise InputError(f"{folder} has no weights: neither {WEIGHTS} nor {SHARDS} exists")


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
    """The tensors of a folder by name, as float32; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._paths = weight_files(folder)
        self._library = checks.need("safetensors", "encoders")

    def __enter__(self) -> Weights:
        self._files: dict[Path, Any] = {}
        for path in self._paths:
            try:
                self._files[path] = self._library.safe_open(path, "numpy").__enter__()
            except (OSError, self._library.SafetensorError) as problem:
                self.__exit__(None, None, None)
                raise DamagedError(f"{path} can't be opened ({problem}); download the model again") from problem
        self._path_of = {name: path for path, file in self._files.items() for name in file.keys()}  # noqa: SIM118
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for file in self._files.values():
            file.__exit__(None, None, None)

    def __contains__(self, name: str) -> bool:
        return name in self._path_of

    def take(self, name: str) -> Floats2d:
        """Return a tensor by name, or raise `KeyError`."""
        path = self._path_of[name]
        file = self._files[path]
        kind = file.get_slice(name).get_dtype()
        if kind not in _FLOATS:
            raise DamagedError(
                f"{path} holds {name!r} as {kind}, but quantised weights aren't supported; use the model in "
                f"float32 or float16"
            )
        if kind != "BF16":
            return np.ascontiguousarray(file.get_tensor(name), np.float32)
        # numpy has no bfloat16; its numbers are the upper halves of float32 numbers.
        tensor = self._halves[path][name]
        halves = np.frombuffer(tensor["data"], np.uint16).reshape(tensor["shape"])
        numbers: Floats2d = (halves.astype(np.uint32) << 16).view(np.float32)
        return numbers

    @cached_property
    def _halves(self) -> Mapping[Path, dict[str, Any]]:
        return {path: dict(self._library.deserialize(path.read_bytes())) for path in self._paths}
