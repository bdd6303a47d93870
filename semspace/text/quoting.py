"""Quoting in csv files: which line ends are ends of rows, by the rules of Python's csv module and of pandas.

A quote opens a quoted field only at the field's beginning; elsewhere it is an ordinary character. Rows quoted as in RFC
4180, nearly all, are found by the parity of quotes alone; the others are parsed and written again with regular quoting.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from semspace.types import Ints1d

QUOTE, LF, CR = ord('"'), ord("\n"), ord("\r")


class OpenQuoteError(Exception):
    """A quote that isn't closed, or closed in the middle of a field; its row begins at the byte `position`."""

    def __init__(self, position: int, *, ended: bool) -> None:
        super().__init__(position)
        self.position, self.ended = position, ended


@dataclass(frozen=True)
class QuotedRows:
    """Complete rows with quoting as in RFC 4180, and the number of input bytes they come from."""

    data: bytes
    used: int


def complete_rows(data: bytes, separator: int, *, final: bool) -> QuotedRows:
    """Return the complete rows in `data`; with `final`, the last one may lack its newline.

    Raises
    ------
    OpenQuoteError
        If a quote isn't closed, or closes in the middle of a field some lines later.
    """
    end = data.rfind(b"\n") + 1
    if b'"' not in data:
        return QuotedRows(data, len(data)) if final else QuotedRows(data[:end], end)
    quotes = _QuotePositions(data, separator)
    parts: list[bytes] = []
    start = 0
    while True:
        first = quotes.before(start)
        wrong = quotes.first_wrong(first)
        row = quotes.row_start(start, first, wrong)
        parts.append(data[start:row])
        if wrong is None:  # all rows up to the last are regular
            last_row = data[row:]
            if not last_row or not final:
                return QuotedRows(b"".join(parts), row)
            if (len(quotes.positions) - quotes.before(row)) % 2:
                raise OpenQuoteError(row, ended=True)
            return QuotedRows(b"".join([*parts, last_row]), len(data))
        read = _read_row(data, row, separator)
        if read is None:
            if final:
                raise OpenQuoteError(row, ended=True)
            return QuotedRows(b"".join(parts), row)
        if not final and not data.endswith(b"\n", row, read.end):
            return QuotedRows(b"".join(parts), row)
        if read.broken:
            raise OpenQuoteError(row, ended=False)
        parts.append(read.to_csv(separator))
        start = read.end


class _QuotePositions:
    """The positions of quotes, and which of them violate RFC 4180."""

    def __init__(self, data: bytes, separator: int) -> None:
        self._data = data
        letters = np.frombuffer(data, np.uint8)
        self.positions: Ints1d = np.flatnonzero(letters == QUOTE)
        before = letters[self.positions - 1]
        opens = (before == separator) | (before == LF) | (before == QUOTE)
        opens[0] |= self.positions[0] == 0
        after = letters[np.minimum(self.positions + 1, len(letters) - 1)]
        closes = (after == separator) | (after == LF) | (after == QUOTE) | (self.positions == len(letters) - 1)
        if (after == CR).any():
            second = letters[np.minimum(self.positions + 2, len(letters) - 1)]
            closes |= (after == CR) & ((second == LF) | (self.positions + 2 >= len(letters)))
        even = np.arange(len(self.positions)) % 2 == 0
        # Violations if the even quotes are opening ones, and if the odd quotes are.
        self._wrong = [
            np.flatnonzero(~np.where(even, opens, closes)).tolist(),
            np.flatnonzero(~np.where(even, closes, opens)).tolist(),
        ]

    def before(self, position: int) -> int:
        """Return the number of quotes before a position."""
        return int(np.searchsorted(self.positions, position))

    def first_wrong(self, first: int) -> int | None:
        """Return the first violating quote, or None, if quote `first` opens a field."""
        wrong: list[int] = self._wrong[first % 2]
        index = bisect_left(wrong, first)
        return wrong[index] if index < len(wrong) else None

    def row_start(self, start: int, first: int, quote: int | None) -> int:
        """Return the start of the row that contains a quote, or of the last row."""
        stop = len(self._data) if quote is None else int(self.positions[quote])
        while True:
            end = self._data.rfind(b"\n", start, stop)
            if end < 0:
                return start
            count = self.before(end)
            if (count - first) % 2 == 0:
                return end + 1
            stop = int(self.positions[count - 1])  # the quote that opened the field with this newline


@dataclass(frozen=True)
class _CsvRow:
    fields: list[tuple[bytes, bool]]  # and whether it was quoted
    end: int
    ending: bytes
    broken: bool  # a multi-line field continues after its closing quote

    def to_csv(self, separator: int) -> bytes:
        """Return the row with quoting as in RFC 4180."""
        mark = bytes([separator])
        return mark.join(_quote_field(field, quoted, mark) for field, quoted in self.fields) + self.ending


def _quote_field(field: bytes, quoted: bool, mark: bytes) -> bytes:
    if quoted or any(letter in field for letter in (b'"', b"\n", mark)):
        return b'"' + field.replace(b'"', b'""') + b'"'
    return field


def _read_row(data: bytes, start: int, separator: int) -> _CsvRow | None:
    """Parse the row at a position as Python's csv module does; None if a quote isn't closed."""
    fields: list[tuple[bytes, bool]] = []
    mark, position, broken = bytes([separator]), start, False
    while True:
        quoted = data.startswith(b'"', position)
        inner = b""
        if quoted:
            close = _closing(data, position + 1)
            if close is None:
                return None
            inner = data[position + 1 : close].replace(b'""', b'"')
            position = close + 1
        line = data.find(b"\n", position)
        line = len(data) if line < 0 else line
        next_mark = data.find(mark, position, line)
        end = line if next_mark < 0 else next_mark
        tail = data[position:end]
        if next_mark < 0:
            tail = tail.removesuffix(b"\r")
        broken |= bool(quoted and tail and b"\n" in inner)
        fields.append((inner + tail, quoted))
        position = end + 1
        if next_mark < 0:
            return _CsvRow(fields, min(end + 1, len(data)), b"\n" if end < len(data) else b"", broken)


def _closing(data: bytes, position: int) -> int | None:
    """Return the position of a field's closing quote, skipping doubled quotes."""
    while True:
        position = data.find(b'"', position)
        if position < 0:
            return None
        if not data.startswith(b'""', position):
            return position
        position += 2


def parse_row(data: bytes, start: int, separator: int) -> tuple[list[str], int] | None:
    """Return the fields of the row at a position, and the next row's position; None if a quote isn't closed."""
    row = _read_row(data, start, separator)
    return None if row is None else ([field.decode() for field, _ in row.fields], row.end)


def without_extra_fields(row: bytes, separator: int, width: int) -> bytes | None:
    """Return a row cut to `width` fields, or None if the others aren't empty."""
    read = _read_row(row, 0, separator)
    if read is None or any(field for field, _ in read.fields[width:]):
        return None
    return _CsvRow(read.fields[:width], read.end, b"", read.broken).to_csv(separator)


def row_ends(data: bytes, separator: int, quoted: bool) -> tuple[Ints1d, Ints1d]:
    """Return the ends of regular rows, and their numbers of fields."""
    letters = np.frombuffer(data, np.uint8)
    ends, marks = np.flatnonzero(letters == LF), np.flatnonzero(letters == separator)
    if quoted and b'"' in data:
        places = np.flatnonzero(letters == QUOTE)
        ends = ends[np.searchsorted(places, ends) % 2 == 0]
        marks = marks[np.searchsorted(places, marks) % 2 == 0]
    if len(data) and (not len(ends) or ends[-1] != len(data) - 1):
        ends = np.append(ends, len(data))
    fields = np.diff(np.searchsorted(marks, ends), prepend=0) + 1
    return ends, fields


def first_rows(data: bytes, separator: int, quoted: bool, count: int) -> Iterator[list[str]]:
    """Iterate over the fields of the first `count` rows that are complete."""
    position = 0
    while count and position < len(data):
        if quoted:
            row = parse_row(data, position, separator)
            if row is None:
                return
            fields, position = row
        else:
            end = data.find(b"\n", position)
            end = len(data) if end < 0 else end
            fields = data[position:end].decode(errors="replace").removesuffix("\r").split(chr(separator))
            position = end + 1
        if fields != [""]:
            yield fields
            count -= 1
