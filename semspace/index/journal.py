r"""The journal of an index: a file to which changes are appended, so that nothing acknowledged is lost.

    "semspace journal 1\n", SHA-256 of the manifest it continues (64 hex digits),
    length up to which all was acknowledged, and its CRC;
    then changes: CRC of the next 12 bytes, length of a head (JSON: what was done, to which ids),
    length of a body (vectors as float32, then metadata in Arrow's format), CRC of both; head; body

A change that a killed process has left unfinished was never acknowledged, and is ignored. Any other damage is an error.
"""

from __future__ import annotations

import io
import json
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from zlib import crc32

import numpy as np
import polars as pl

from semspace import checks, pools
from semspace.disk import FULL, FileLock, LockedError, sync
from semspace.errors import DamagedError, InputError
from semspace.table_claims import check_arrow
from semspace.types import Floats2d

NAME = "journal"
_MAGIC = b"semspace journal 1\n"
_SLOT = struct.Struct("<QI")  # acknowledged length, its CRC
_FRAME = struct.Struct("<IIQI")  # CRC of the lengths, lengths of head and body, CRC of both
_START = len(_MAGIC) + 64 + _SLOT.size
_OF_POLARS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
_PAUSES = (0.001, 0.005, 0.02, 0.0)  # seconds between attempts to read what a writer is writing


@dataclass(frozen=True)
class Record:
    """One change: ``"add"`` (also of an id deleted or changed before) or ``"delete"``."""

    what: str
    ids: list[str]
    vectors: Floats2d | None = None
    metadata: pl.DataFrame | None = None


class Journal:
    """The journal of an opened index; only its one writer appends."""

    def __init__(self, folder: Path, signature: str) -> None:
        self.path = folder / NAME
        self._signature = signature.encode()
        self._file: io.FileIO | None = None
        self._end = _START  # of what was read or written
        self._acknowledged = _START  # when it was last read

    def read(self) -> Iterator[Record]:
        """Return the changes in order; raise `DamagedError` where they can't be read."""
        if not self.path.exists():
            return
        with open(self.path, "rb", buffering=0) as file:
            signature, acknowledged = self._beginning(file)
            file.seek(0)
            data = memoryview(file.read())
        if signature != self._signature:
            raise self._damaged("it belongs to another index")
        if len(data) < acknowledged:
            raise self._damaged(f"it has {len(data)} bytes and should have {acknowledged}")
        self._acknowledged = acknowledged
        yield from self._records(data, 0)

    def read_new(self) -> Iterator[Record] | None:
        """Return the changes acknowledged since the last reading, in order; nothing is read of what isn't acknowledged.

        None where this file doesn't continue what was read: it is of another index, or a change that was read before
        it was acknowledged may have been taken back.
        """
        try:
            file = open(self.path, "rb", buffering=0)  # noqa: SIM115
        except FileNotFoundError:
            return iter(()) if self._end == _START else None
        with file:
            signature, acknowledged = self._beginning(file)
            if signature != self._signature:
                return None
            if self._end > self._acknowledged:
                return iter(()) if acknowledged == self._acknowledged else None
            if acknowledged <= self._end:
                return iter(()) if acknowledged == self._end else None
            file.seek(self._end)
            data = file.read(acknowledged - self._end)
        if len(data) < acknowledged - self._end:
            return None
        pools.need_polars("refreshing an index")
        self._acknowledged = acknowledged
        return self._records(memoryview(data), self._end)

    def _beginning(self, file: io.FileIO) -> tuple[bytes, int]:
        """Return the manifest's digest and the acknowledged length; raise `DamagedError` where they aren't sound."""
        for pause in _PAUSES:
            file.seek(0)
            data = file.read(_START)
            if len(data) < _START:
                raise self._damaged(f"it has {len(data)} bytes, and its beginning alone has {_START}")
            acknowledged, check = _SLOT.unpack_from(data, _START - _SLOT.size)
            if data.startswith(_MAGIC) and check == crc32(struct.pack("<Q", acknowledged)):
                return data[len(_MAGIC) : len(_MAGIC) + 64], acknowledged
            sleep(pause)  # a writer may be in the middle of writing them
        raise self._damaged("its beginning was altered")

    def _records(self, data: memoryview, offset: int) -> Iterator[Record]:
        """Read the records from the end of what was read so far; `data` begins at the byte `offset` of the file."""
        while (record := self._record(data, offset)) is not None:
            yield record

    def _record(self, data: memoryview, offset: int) -> Record | None:
        """Read the record at the end of what was read so far; None where there is no whole one."""
        start, is_acknowledged = self._end - offset, self._end < self._acknowledged
        if len(data) - start < _FRAME.size:
            return None
        if not is_acknowledged and not np.frombuffer(data, np.uint8, offset=start).any():
            return None  # room that a system has made for what a power failure then kept from being written
        check, head, body, whole = _FRAME.unpack_from(data, start)
        stop = start + _FRAME.size + head + body
        if check == crc32(data[start + 4 : start + 16]) and stop > len(data) and not is_acknowledged:
            return None
        content = data[start + _FRAME.size : stop]
        if stop > len(data) or check != crc32(data[start + 4 : start + 16]) or whole != crc32(content):
            raise self._damaged(f"the change at byte {self._end} was altered")
        try:
            record = _unpacked(bytes(content[:head]), content[head:])
        except (ValueError, TypeError, KeyError, OSError, RecursionError, *_OF_POLARS) as problem:
            pools.raise_interrupt(problem)
            raise self.unusable(problem) from problem
        self._end = offset + stop
        return record

    def unusable(self, problem: Exception) -> DamagedError:
        """Return the error for a change whose sums are right and which no index has written."""
        return self._damaged(f"it holds a change that can't be used ({checks.first_line(problem)})")

    def _damaged(self, why: str) -> DamagedError:
        return DamagedError(
            f"{self.path} is damaged: {why}; restore it, or delete it to go on without the changes since the index was "
            f"last compacted"
        )

    # -- writing ------------------------------------------------------------------------------------------

    def append(self, record: Record) -> None:
        """Add a change: when this returns, it is on the disk. What `read` passed over at the end is replaced."""
        content, head = _packed(record)
        lengths = struct.pack("<IQ", head, len(content) - head)
        frame = _FRAME.pack(crc32(lengths), head, len(content) - head, crc32(content))
        end = self._end + len(frame) + len(content)
        try:
            file = self._opened()
            file.truncate(self._end)
            _put(file, frame + content, self._end)
            os.fsync(file.fileno())
            _put(file, _slot(end), _START - _SLOT.size)
            self._end = end
        except BaseException as problem:
            if self._end != end:
                self._undo()
            if not isinstance(problem, OSError):
                raise
            what = "make room" if problem.errno in FULL else "check the disk"
            raise InputError(f"cannot write {self.path}: {problem.strerror}; nothing was changed, {what}") from problem

    def _opened(self) -> io.FileIO:
        if self._file is None:
            if not self.path.exists():
                self._begin()
            self._file = io.FileIO(os.open(self.path, os.O_RDWR | getattr(os, "O_BINARY", 0)), "r+")
        return self._file

    def _begin(self) -> None:
        """Create the file with its whole beginning, or not at all."""
        beside = self.path.with_name(f".{NAME}.new")
        beginning = _MAGIC + self._signature + _slot(_START)
        try:
            with open(beside, "wb") as file:
                file.write(beginning)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self.path)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise
        sync(self.path.parent)

    def _undo(self) -> None:
        with suppress(OSError):  # of a disk that is gone; without its acknowledgement the change counts as unfinished
            if self._file is not None:
                _put(self._file, _slot(self._end), _START - _SLOT.size)
                self._file.truncate(self._end)

    @property
    def size(self) -> int:
        """Bytes of changes."""
        return self._end - _START

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None  # first, so that Ctrl-C leaves no closed file behind
        if file is not None:
            file.close()


def writer_lock(target: Path) -> FileLock:
    """Return the right to write an index, which one process at a time has; raise `InputError` where another has it."""
    try:
        return FileLock(lock_path(target))
    except LockedError as problem:
        own = problem.owner == str(os.getpid())
        where = "by this process, which has it open already" if own else f"by process {problem.owner or 'unknown'}"
        raise InputError(f"{target} is being written {where}; close it there, or open it here for reading") from problem
    except OSError as problem:
        raise InputError(
            f"cannot open {target} for writing: {problem.strerror or problem}; open it for reading (without "
            f"writable=True), or copy it to where you may write"
        ) from problem


def lock_path(target: Path) -> Path:
    """Return the file that is locked while an index is being written."""
    return target.with_name(f".{target.name}.lock")


def _slot(acknowledged: int) -> bytes:
    return _SLOT.pack(acknowledged, crc32(struct.pack("<Q", acknowledged)))


def _table_of(data: bytes) -> pl.DataFrame:
    file = io.BytesIO(data)
    check_arrow(file)
    return pl.read_ipc(file)


def _put(file: io.FileIO, data: bytes, at: int) -> None:
    file.seek(at)
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _packed(record: Record) -> tuple[bytes, int]:
    """Write a record as bytes, and tell how many of them are its head."""
    vectors = b"" if record.vectors is None else np.ascontiguousarray(record.vectors, "<f4").tobytes()
    table = io.BytesIO()
    if record.metadata is not None:
        record.metadata.write_ipc(table)
    facts = {"what": record.what, "ids": record.ids, "vectors": len(vectors)}
    head = json.dumps(facts, ensure_ascii=False).encode()
    return head + vectors + table.getvalue(), len(head)


def _unpacked(head: bytes, body: memoryview) -> Record:
    """Read a record; raise an error of one kind or another where the bytes are none."""
    facts = json.loads(head)
    what, ids, length = facts["what"], facts["ids"], facts["vectors"]
    if what not in ("add", "delete") or type(length) is not int or not 0 <= length <= len(body):
        raise ValueError("it says nothing that can be done")
    if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids) or len(set(ids)) < len(ids):
        raise ValueError("its ids aren't different strings")
    vectors = np.frombuffer(body[:length], "<f4").reshape(len(ids), -1) if length else None
    if (vectors is None) != (what == "delete"):
        raise ValueError("it has no vectors" if vectors is None else "it deletes, and has vectors")
    table = _table_of(bytes(body[length:])) if len(body) > length else None
    return Record(what, ids, vectors, table)
