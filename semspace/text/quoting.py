"""Quotation marks in tables: which line ends are ends of rows, by the rules of Python's csv and of pandas.

A quote opens a field only where the field begins; elsewhere it is a letter like others. Rows in which every quote is as
RFC 4180 has it, nearly all, are found by parity alone; the others are read letter by letter and written anew.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

QUOTE, LF, CR = ord('"'), ord("\n"), ord("\r")

Places = npt.NDArray[np.int64]


class OpenQuoteError(Exception):
    """A quote that isn't closed, or closed within a word; `place` is where its row begins."""

    def __init__(self, place: int, *, ended: bool) -> None:
        super().__init__(place)
        self.place, self.ended = place, ended


@dataclass(frozen=True)
class Sound:
    """Whole rows in which every quote is as RFC 4180 has it, and how much of the bytes they were made of."""

    data: bytes
    used: int


def whole_rows(data: bytes, separator: int, *, final: bool) -> Sound:
    """Return the rows that are whole in `data`; the last one may lack its end where this is `final`.

    Raises
    ------
    OpenQuoteError
        If a quote is left open at the end, or closes within a word some lines further on.
    """
    end = data.rfind(b"\n") + 1
    if b'"' not in data:
        return Sound(data, len(data)) if final else Sound(data[:end], end)
    quotes = _Quotes(data, separator)
    parts: list[bytes] = []
    start = 0
    while True:
        first = quotes.before(start)
        wrong = quotes.first_wrong(first)
        row = quotes.row_start(start, first, wrong)
        parts.append(data[start:row])
        if wrong is None:  # up to the last end of a row, regular
            rest = data[row:]
            if not rest or not final:
                return Sound(b"".join(parts), row)
            if (len(quotes.places) - quotes.before(row)) % 2:
                raise OpenQuoteError(row, ended=True)
            return Sound(b"".join([*parts, rest]), len(data))
        read = _read_row(data, row, separator)
        if read is None:
            if final:
                raise OpenQuoteError(row, ended=True)
            return Sound(b"".join(parts), row)
        if not final and not data.endswith(b"\n", row, read.end):
            return Sound(b"".join(parts), row)
        if read.broken:
            raise OpenQuoteError(row, ended=False)
        parts.append(read.written(separator))
        start = read.end


class _Quotes:
    """Where quotes are, and which of them aren't where RFC 4180 has them."""

    def __init__(self, data: bytes, separator: int) -> None:
        self._data = data
        letters = np.frombuffer(data, np.uint8)
        self.places: Places = np.flatnonzero(letters == QUOTE)
        before = letters[self.places - 1]
        opens = (before == separator) | (before == LF) | (before == QUOTE)
        opens[0] |= self.places[0] == 0
        after = letters[np.minimum(self.places + 1, len(letters) - 1)]
        closes = (after == separator) | (after == LF) | (after == QUOTE) | (self.places == len(letters) - 1)
        if (after == CR).any():
            second = letters[np.minimum(self.places + 2, len(letters) - 1)]
            closes |= (after == CR) & ((second == LF) | (self.places + 2 >= len(letters)))
        even = np.arange(len(self.places)) % 2 == 0
        # Wrong where opening quotes are the even ones, and where they are the odd ones.
        self._wrong = [
            np.flatnonzero(~np.where(even, opens, closes)).tolist(),
            np.flatnonzero(~np.where(even, closes, opens)).tolist(),
        ]

    def before(self, place: int) -> int:
        """Return how many quotes come before a place."""
        return int(np.searchsorted(self.places, place))

    def first_wrong(self, first: int) -> int | None:
        """Return the first quote that isn't where it may be, if quote `first` opens a field."""
        wrong: list[int] = self._wrong[first % 2]
        at = bisect_left(wrong, first)
        return wrong[at] if at < len(wrong) else None

    def row_start(self, start: int, first: int, quote: int | None) -> int:
        """Return where the row begins that a quote is in, or the one that the bytes end in."""
        stop = len(self._data) if quote is None else int(self.places[quote])
        while True:
            end = self._data.rfind(b"\n", start, stop)
            if end < 0:
                return start
            count = self.before(end)
            if (count - first) % 2 == 0:
                return end + 1
            stop = int(self.places[count - 1])  # the quote that opened the field which the line ends in


@dataclass(frozen=True)
class _Row:
    fields: list[tuple[bytes, bool]]  # and whether quotes were around it
    end: int
    ending: bytes
    broken: bool  # a field of several lines goes on after its closing quote

    def written(self, separator: int) -> bytes:
        """Write the row with quotes where RFC 4180 has them."""
        mark = bytes([separator])
        return mark.join(_written(field, quoted, mark) for field, quoted in self.fields) + self.ending


def _written(field: bytes, quoted: bool, mark: bytes) -> bytes:
    if quoted or any(letter in field for letter in (b'"', b"\n", mark)):
        return b'"' + field.replace(b'"', b'""') + b'"'
    return field


def _read_row(data: bytes, start: int, separator: int) -> _Row | None:
    """Read the row that begins at a place as Python's csv does; None if its quotes are open at the end."""
    fields: list[tuple[bytes, bool]] = []
    mark, place, broken = bytes([separator]), start, False
    while True:
        quoted = data.startswith(b'"', place)
        inner = b""
        if quoted:
            close = _closing(data, place + 1)
            if close is None:
                return None
            inner = data[place + 1 : close].replace(b'""', b'"')
            place = close + 1
        line = data.find(b"\n", place)
        line = len(data) if line < 0 else line
        next_mark = data.find(mark, place, line)
        end = line if next_mark < 0 else next_mark
        tail = data[place:end]
        if next_mark < 0:
            tail = tail.removesuffix(b"\r")
        broken |= bool(quoted and tail and b"\n" in inner)
        fields.append((inner + tail, quoted))
        place = end + 1
        if next_mark < 0:
            return _Row(fields, min(end + 1, len(data)), b"\n" if end < len(data) else b"", broken)


def _closing(data: bytes, place: int) -> int | None:
    """Return where the quote is that closes a field; two together are one letter."""
    while True:
        place = data.find(b'"', place)
        if place < 0:
            return None
        if not data.startswith(b'""', place):
            return place
        place += 2


def fields_of(data: bytes, start: int, separator: int) -> tuple[list[str], int] | None:
    """Return the fields of the row that begins at a place, and where the next begins; None if its quotes are open."""
    row = _read_row(data, start, separator)
    return None if row is None else ([field.decode() for field, _ in row.fields], row.end)


def shortened(row: bytes, separator: int, width: int) -> bytes | None:
    """Return a row without the fields after the first `width`, None if there is something in them."""
    read = _read_row(row, 0, separator)
    if read is None or any(field for field, _ in read.fields[width:]):
        return None
    return _Row(read.fields[:width], read.end, b"", read.broken).written(separator)


def rows_of(data: bytes, separator: int, quoted: bool) -> tuple[Places, npt.NDArray[np.int64]]:
    """Return where the rows of sound bytes end, and how many fields each has."""
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
    """Walk the fields of the first rows, as many as are whole."""
    place = 0
    while count and place < len(data):
        if quoted:
            row = fields_of(data, place, separator)
            if row is None:
                return
            fields, place = row
        else:
            end = data.find(b"\n", place)
            end = len(data) if end < 0 else end
            fields = data[place:end].decode(errors="replace").removesuffix("\r").split(chr(separator))
            place = end + 1
        if fields != [""]:
            yield fields
            count -= 1
