"""Compiled code that comes with the installation: one file for each level, in the folder ``compiled`` beside this one.

A wheel is built with it (`kernels.building`). The file of a level holds what numba itself would write into its cache: a
pickle with the machine code of each kernel and signature. It is read from the folder of the package alone, so whoever
could change it could change semspace; a pickle is opened after its SHA-256 has been compared, hence never a damaged
one. A file for another Python, numba, LLVM or operating system has another name, and isn't opened.
"""

from __future__ import annotations

import hashlib
import json
import platform
import struct
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llvmlite
import numba

from semspace.disk import temporary_beside
from semspace.kernels.levels import ProcessorLevel

FOLDER = Path(__file__).parent / "compiled"
SUFFIX = ".code"
_MAGIC = b"semspace compiled code 1\n"
_LENGTH = struct.Struct("<Q")
_DIGEST = 32  # bytes


@dataclass(frozen=True)
class Code:
    """The pickled code of a kernel for one signature, and the stamp of the sources that it was compiled from."""

    stamp: str
    pickled: bytes


def file_of(level: str, folder: Path | None = None) -> Path:
    """Return where the code of a level is kept for this Python and these versions of numba and llvmlite."""
    python = f"{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')}"
    machine = f"{sys.platform}-{platform.machine().lower()}"
    return (
        folder or FOLDER
    ) / f"{level}.{python}-{machine}.numba-{numba.__version__}.llvmlite-{llvmlite.__version__}{SUFFIX}"


def key_of(kernel: str, signature: Any) -> str:
    """Return the key of a kernel's code for the types of its arguments."""
    return hashlib.sha256(f"{kernel}\n{signature!r}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class CodeStore:
    """The file of a level, whose code is read when it is asked for."""

    path: Path
    start: int  # of the code in the file
    entries: Mapping[str, tuple[int, int, str, str]]  # key → offset, size, SHA-256, stamp

    def get(self, key: str, stamp: str) -> bytes | None:
        """Return the pickled code of a key; None if there is none, or it is damaged or of other sources."""
        offset, size, digest, its_stamp = self.entries.get(key, (0, 0, "", ""))
        if not size or its_stamp != stamp:
            return None
        try:
            with open(self.path, "rb") as file:
                file.seek(self.start + offset)
                packed = file.read(size)
            return zlib.decompress(packed) if hashlib.sha256(packed).hexdigest() == digest else None
        except (OSError, zlib.error):
            return None


def write_store(path: Path, level: ProcessorLevel, codes: Mapping[str, Code]) -> None:
    """Write the file of a level, at once or not at all."""
    entries, blobs, offset = {}, [], 0
    for key, code in sorted(codes.items()):
        packed = zlib.compress(code.pickled, 9)
        entries[key] = (offset, len(packed), hashlib.sha256(packed).hexdigest(), code.stamp)
        blobs.append(packed)
        offset += len(packed)
    header = json.dumps({"level": [level.name, level.cpu, level.features], "entries": entries}).encode()
    head = _MAGIC + _LENGTH.pack(len(header)) + hashlib.sha256(header).digest() + header
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary_beside(path, folder=False) as temporary:
        temporary.write_bytes(head + b"".join(blobs))
        temporary.replace(path)


def open_store(path: Path, level: ProcessorLevel) -> CodeStore | None:
    """Return the code of a level in a file; None if there is none, or it is damaged or of other instructions."""
    start = len(_MAGIC) + _LENGTH.size + _DIGEST
    try:
        with open(path, "rb") as file:
            head = file.read(start)
            if len(head) != start or not head.startswith(_MAGIC):
                return None
            (length,) = _LENGTH.unpack_from(head, len(_MAGIC))
            if length > path.stat().st_size:
                return None
            header = file.read(length)
    except OSError:
        return None
    if hashlib.sha256(header).digest() != head[-_DIGEST:]:
        return None
    facts = json.loads(header)
    if facts["level"] != [level.name, level.cpu, level.features]:
        return None
    return CodeStore(path, start + length, {key: tuple(entry) for key, entry in facts["entries"].items()})
