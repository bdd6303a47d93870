"""What files of tables claim, compared with their size before memory is taken for it.

A library that reads Arrow or Parquet takes what the metadata say, and ends the process where there isn't as much
memory. So what is said is held against the bytes that are there, in the two formats' own terms:
https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format, https://parquet.apache.org/docs/file-format/metadata/.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

_ARROW, _PARQUET = b"ARROW1", b"PAR1"
_BLOCK = struct.Struct("<qi4xq")  # of a footer of Arrow: offset, length of the metadata, length of the body
_BUFFER = struct.Struct("<qq")  # of a batch of rows: offset in the body, length
_DICTIONARY = 2  # the kind of a message that holds a dictionary
_CELL = 16  # bytes that a value of a column takes in memory, a short text for example
_ALWAYS, _RATIO = 256 << 20, 100  # bytes that any file may unpack to, and so many times its own
_HEADER = 4_096  # bytes of a page's header at most, nearly always
_COUNTS = {5: (1,), 7: (1,), 8: (1, 2, 3, 5, 6)}  # numbers in a page's header: of data, a dictionary, data of version 2
_REMEDY = "if that is intended, read it with polars, and use Corpus.from_frame"
_DEEPEST = 16  # structures within structures of Parquet's metadata


def check_arrow(file: BinaryIO) -> None:
    """Raise `ValueError` if a file in Arrow's format has parts that lie outside it; its position stays."""
    at = file.tell()
    size = file.seek(0, os.SEEK_END)
    try:
        _check_blocks(file, size)
    except (struct.error, IndexError, OverflowError) as problem:
        raise ValueError("its footer isn't sound") from problem
    finally:
        file.seek(at)


def _check_blocks(file: BinaryIO, size: int) -> None:
    if size < 20 or _read(file, 0, 6) != _ARROW or _read(file, size - 6, 6) != _ARROW:
        raise ValueError("it isn't a file of Arrow")
    (length,) = struct.unpack("<i", _read(file, size - 10, 4))
    if not 8 <= length <= size - 20:
        raise ValueError(f"its footer should have {length:,} bytes")
    footer = _read(file, size - 10 - length, length)
    for field in (2, 3):  # dictionaries, batches of rows
        for offset, head, body in _blocks(footer, field):
            if min(offset, head, body) < 0 or offset + head + body > size:
                raise ValueError(f"a part of {head + body:,} bytes at {offset:,} isn't there: it has {size:,} bytes")
            for told in _ends(_read(file, offset, head)):
                if not 0 <= told <= size - offset - head:
                    raise ValueError(f"a part tells of {told:,} bytes, and the file has {size:,}")


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _field(data: bytes, table: int, number: int) -> int | None:
    """Return where a field of a flatbuffers table lies; None where it is left out."""
    entries = table - struct.unpack_from("<i", data, table)[0]
    place = 4 + 2 * number
    if entries < 0 or place + 2 > struct.unpack_from("<H", data, entries)[0]:
        return None
    offset = struct.unpack_from("<H", data, entries + place)[0]
    return table + offset if offset else None


def _blocks(footer: bytes, number: int) -> Iterator[tuple[int, int, int]]:
    place = _field(footer, struct.unpack_from("<I", footer, 0)[0], number)
    if place is None:
        return
    start = place + struct.unpack_from("<I", footer, place)[0]
    count = struct.unpack_from("<I", footer, start)[0]
    for row in range(count):  # ends by an error where the footer does
        yield _BLOCK.unpack_from(footer, start + 4 + row * _BLOCK.size)


def _ends(message: bytes) -> Iterator[int]:
    """Return where a message says that its body and each buffer in it end."""
    data = message[8:] if message[:4] == b"\xff\xff\xff\xff" else message[4:]
    table = struct.unpack_from("<I", data, 0)[0]
    if (place := _field(data, table, 3)) is not None:
        yield struct.unpack_from("<q", data, place)[0]
    batch, kind = _below(data, table, 2), _field(data, table, 1)
    if batch is not None and kind is not None and data[kind] == _DICTIONARY:
        batch = _below(data, batch, 1)
    if batch is not None and (start := _below(data, batch, 2)) is not None:
        for row in range(struct.unpack_from("<I", data, start)[0]):
            offset, length = _BUFFER.unpack_from(data, start + 4 + row * _BUFFER.size)
            yield -1 if min(offset, length) < 0 else offset + length


def _below(data: bytes, table: int, number: int) -> int | None:
    """Return where the table or the list lies that a field leads to."""
    place = _field(data, table, number)
    return None if place is None else place + int(struct.unpack_from("<I", data, place)[0])


def check_parquet(file: BinaryIO) -> None:
    """Raise `ValueError` if a Parquet file, or a page of it, claims more than it may hold; its position stays.

    Its rows may take 100 times the bytes of the file in memory, and 256 MiB always, as for files packed by gzip.
    """
    at = file.tell()
    size = file.seek(0, os.SEEK_END)
    try:
        if size < 12 or _read(file, size - 4, 4) != _PARQUET:
            return  # whoever reads it says what it is
        (length,) = struct.unpack("<I", _read(file, size - 8, 4))
        if length <= size - 12:
            metadata = _Compact(_read(file, size - 8 - length, length)).structure()
            _check_rows(metadata, size)
            _check_pages(file, metadata, size)
    except (IndexError, TypeError, AttributeError, RecursionError) as problem:
        raise ValueError("its metadata aren't sound") from problem
    finally:
        file.seek(at)


def _check_rows(metadata: dict[int, Any], size: int) -> None:
    values = int(metadata.get(3, 0))
    for group in metadata.get(4, ()):
        columns = [column.get(3, {}) for column in group.get(1, ())]
        values += max(int(group.get(3, 0)) * len(columns), sum(int(column.get(5, 0)) for column in columns))
    if values < 0 or values * _CELL > max(_ALWAYS, _RATIO * size):
        raise ValueError(
            f"its metadata tell of {values:,} values in {size:,} bytes, like a decompression bomb; {_REMEDY}"
        )


def _check_pages(file: BinaryIO, metadata: dict[int, Any], size: int) -> None:
    """Check what the pages of each column say of themselves."""
    for group in metadata.get(4, ()):
        for column in group.get(1, ()):
            facts = column.get(3, {})
            dictionary, data = int(facts.get(11) or 0), int(facts.get(9) or 0)
            for start in {dictionary} if 0 < dictionary < data else {dictionary, data} - {0}:
                for header in _page_headers(file, start, min(start + int(facts.get(7, 0)), size)):
                    _check_page(header, size)


def _page_headers(file: BinaryIO, at: int, end: int) -> Iterator[dict[int, Any]]:
    """Iterate over the headers of a column's pages, up to one that can't be read: so neither can a reader read it."""
    while 0 <= at < end:
        for window in (_HEADER, end - at):  # statistics may be long
            part = _Compact(_read(file, at, min(window, end - at)))
            try:
                header = part.structure()
                break
            except (IndexError, TypeError, RecursionError):
                continue
        else:
            return
        yield header
        held = header.get(3)
        if not isinstance(held, int) or held < 0:
            return
        at += part.position + held


def _check_page(header: dict[int, Any], size: int) -> None:
    """Raise `ValueError` where a page can't hold what its header tells: of values, rows, and bytes."""
    told = [header.get(2, 0), header.get(3, 0)]
    for kind, counts in _COUNTS.items():
        told += [header[kind].get(count, 0) for count in counts] if isinstance(header.get(kind), dict) else []
    values = max((header.get(kind) or {}).get(1, 0) for kind in _COUNTS)
    if min(told) < 0:
        raise ValueError(f"a page of it tells of {min(told):,} values, rows or bytes")
    if max(header.get(2, 0), values * _CELL) > max(_ALWAYS, _RATIO * size):
        raise ValueError(
            f"a page of it tells of {values:,} values in {header.get(2, 0):,} bytes, like a decompression bomb; "
            f"{_REMEDY}"
        )


class _Compact:
    """The reader of a structure in Thrift's compact protocol, in which Parquet's metadata are written."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def position(self) -> int:
        """Number of bytes that were read."""
        return self._at

    def structure(self, depth: int = 0) -> dict[int, Any]:
        """Return the fields of a structure by their numbers."""
        found: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            kind, step = head & 15, head >> 4
            number = number + step if step else self._zigzag()
            found[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth + 1)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if depth > _DEEPEST:
            raise RecursionError
        if kind in (1, 2, 3):
            return self._byte()
        if kind in (4, 5, 6):
            return self._zigzag()
        if kind in (7, 8):
            length = 8 if kind == 7 else self._number()
            self._at += length
            if self._at > len(self._data):
                raise IndexError
            return None
        if kind in (9, 10):
            head = self._byte()
            count = self._number() if head >> 4 == 15 else head >> 4
            return [self.structure(depth) if head & 15 == 12 else self._value(head & 15, depth) for _ in range(count)]
        if kind == 12:
            return self.structure(depth)
        raise TypeError

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _number(self) -> int:
        found = shift = 0
        while True:
            byte = self._byte()
            found |= (byte & 127) << shift
            if byte < 128:
                return found
            shift += 7

    def _zigzag(self) -> int:
        number = self._number()
        return (number >> 1) ^ -(number & 1)
