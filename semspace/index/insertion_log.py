r"""The insertions of an index: a file beside its journal, by which a graph is continued without searching it again.

    "semspace insertions 1\n", SHA-256 of the manifest it continues (64 hex digits);
    then insertions: length of what follows the next four bytes, CRC of length and content;
    a line of JSON (which rows, the CRC of their vectors, ...), the links that were chosen as int32

Searching for the neighbours of new points takes nine tenths of the time that inserting them takes, and what was chosen
is 64 bytes a point. All of it can be computed anew from the journal. So nothing here is ever waited for or complained
about: an insertion that isn't whole, isn't of these points or can't be is passed over, with all that follow, and the
points are inserted as if they had just come.
"""

from __future__ import annotations

import json
import os
import struct
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from semspace.types import Floats2d, Int32s1d

NAME = "insertions"
_MAGIC = b"semspace insertions 1\n"
_FRAME = struct.Struct("<QI")  # length of the content, CRC of it and of the content
_START = len(_MAGIC) + 64
_MOST = 1 << 62  # bytes


@dataclass(frozen=True)
class Insertion:
    """How some rows were inserted into a graph.

    Parameters
    ----------
    start, stop : int
        The rows: from the first up to, and without, the last.
    vectors : int
        The CRC of their vectors.
    apart : list of int
        Those of them that are not in the graph.
    unchecked : int
        `Graph.unchecked` before.
    tuning : dict, optional
        The measurements, where recall was measured before the points were inserted.
    links : (any,) int32
        What `Graph.add` returned.
    """

    start: int
    stop: int
    vectors: int
    apart: list[int]
    unchecked: int
    tuning: dict[str, Any] | None
    links: Int32s1d

    def is_of(self, vectors: Floats2d) -> bool:
        """Check whether these are the vectors that were inserted."""
        return len(vectors) == self.stop - self.start and sum_of(vectors) == self.vectors


class InsertionLog:
    """The insertions of an opened index; only its one writer appends."""

    def __init__(self, folder: Path, signature: str, *, writable: bool) -> None:
        self._writable = writable
        self.restart(folder, signature)

    def restart(self, folder: Path, signature: str) -> None:
        """Begin again, with the index in its present files."""
        self.path = folder / NAME
        self._beginning = _MAGIC + signature.encode()
        self._end = _START  # of the insertions that the graph holds
        self._next = 0  # end of the one read last
        self._stopped = False

    def after(self, row: int, count: int) -> Insertion | None:
        """Return the insertion that begins with a row, if there is one that ends before the row `count`."""
        if self._stopped or not self.path.is_file():
            return None
        try:
            with open(self.path, "rb", buffering=0) as file:
                if file.read(_START) != self._beginning:
                    return None
                file.seek(self._end)
                begin = file.read(_FRAME.size)
                if len(begin) < _FRAME.size:
                    return None
                length, check = _FRAME.unpack(begin)
                if length > os.fstat(file.fileno()).st_size:
                    return None
                content = file.read(length)
            if len(content) < length or check != _sum(content):
                return None
            found = _unpacked(content)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        self._next = self._end + _FRAME.size + length
        return found if found.start == row and row < found.stop <= count else None

    def accept(self) -> None:
        """Go on behind the insertion that was read last: the graph holds it."""
        self._end = self._next

    def append(self, insertion: Insertion) -> None:
        """Add what was inserted. A reader, whose graph is now another one than the writer's, stops reading instead."""
        if self._stopped or not self._writable:
            self._stopped = True
            return
        content = _packed(insertion)
        self._stopped = True  # unless all is written
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            with open(handle, "r+b", buffering=0) as file:
                if file.read(_START) != self._beginning:
                    self._end = _START
                    file.seek(0)
                    file.truncate(0)
                    _put(file, self._beginning)
                file.truncate(self._end)
                file.seek(self._end)
                _put(file, _FRAME.pack(len(content), _sum(content)) + content)
        except OSError:  # a full disk, for example: the points are inserted again when the index is opened
            return
        self._end += _FRAME.size + len(content)
        self._stopped = False

    def stop(self) -> None:
        """Neither read nor write from now on: the graph was changed otherwise than by whole insertions."""
        self._stopped = True


def sum_of(vectors: Floats2d) -> int:
    """Return the CRC of vectors."""
    return crc32(np.ascontiguousarray(vectors, "<f4").tobytes())


def _sum(content: bytes) -> int:
    return crc32(content, crc32(struct.pack("<Q", len(content))))


def _put(file: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _packed(insertion: Insertion) -> bytes:
    facts = asdict(insertion)
    links = np.ascontiguousarray(facts.pop("links"), "<i4")
    return json.dumps(facts).encode() + b"\n" + links.tobytes()


def _unpacked(content: bytes) -> Insertion:
    """Read an insertion; raise an error of one kind or another where it is none."""
    end = content.index(b"\n")
    facts = json.loads(content[:end])
    if {*facts} != {field.name for field in fields(Insertion)} - {"links"}:
        raise ValueError("it says something else")
    for name in ("start", "stop", "vectors", "unchecked"):
        if type(facts[name]) is not int or not 0 <= facts[name] < _MOST:
            raise ValueError(f"{name} is no number of rows")
    apart, tuning = facts["apart"], facts["tuning"]
    if not isinstance(apart, list) or not all(type(row) is int and 0 <= row < _MOST for row in apart):
        raise ValueError("it has no list of rows")
    if tuning is not None and not isinstance(tuning, dict):
        raise ValueError("it has no measurements")
    return Insertion(**facts, links=np.frombuffer(content, "<i4", offset=end + 1).astype(np.int32))
