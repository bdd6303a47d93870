"""csv and tsv: how a table is written, and its rows as columns of strings."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from semspace.display import clip
from semspace.errors import InputError
from semspace.text.decoding import HEAD, decoded, head_of
from semspace.text.files import empty_file
from semspace.text.quoting import OpenQuoteError, first_rows, rows_of, shortened, whole_rows
from semspace.text.read_options import Reading, Run, at_line_ends, runs

# By the format's definition (IANA text/tab-separated-values) a quote in a TSV file is only a quote.
_MARKS = {"csv": ",", "tsv": "\t"}
_OTHERS = (";", "\t", "|", ",")
_EXCEL = re.compile(rb'\s*"?sep=([^\r\n])"?\r?\n', re.IGNORECASE)  # its first line may say the separator
_LARGEST = 1 << 26  # bytes of the first row
_TRIED = 20  # rows that the separator is told from
_NAMES = {"\t": "tab", ";": "semicolon", ",": "comma", "|": "pipe"}


@dataclass(frozen=True)
class Layout:
    """How a table is written: the byte between columns, whether quotes mean anything, names, and where rows start."""

    separator: int
    quoted: bool
    names: tuple[str, ...]
    start: int
    line: int
    unsaid: bool  # nobody said that the first row is a header

    @property
    def mark(self) -> str:
        """The separator, as a message calls it."""
        return _NAMES.get(chr(self.separator), repr(chr(self.separator)))


def layout_of(path: Path, kind: str, reading: Reading) -> Layout:
    """Return how a table is written, by what is said of it and by its first rows."""
    head = _head(path, reading.encoding, kind)
    start = len(head) - len(head.lstrip(b"\r\n"))
    if not head.strip():
        raise empty_file(path)
    excel = _EXCEL.match(head)
    start = excel.end() if excel else start
    said = reading.separator or (excel.group(1).decode(errors="replace") if excel else None)
    if said is not None and not said.isascii():
        raise InputError(f"{path} says that {said!r} separates its columns; say separator= instead, such as ';'")
    mark = said or _told(head[start:], kind)
    quoted = kind == "csv" or said is not None or mark != _MARKS[kind]
    first = next(first_rows(head[start:], ord(mark), quoted, 1), None)
    if first is None:
        raise _open_quote(path, head.count(b"\n", 0, start) + 1, ended=True)
    unsaid = reading.has_header and reading.header is None
    if not reading.has_header:
        names = reading.columns or [f"column_{place}" for place, _ in enumerate(first, 1)]
        if len(names) != len(first):
            raise InputError(f"columns= names {len(names)} columns; {path} has {len(first)}, separated by {mark!r}")
        return Layout(ord(mark), quoted, tuple(names), start, head.count(b"\n", 0, start) + 1, unsaid)
    ends, _ = rows_of(_sound(path, head, start, ord(mark), quoted), ord(mark), quoted)
    rows = pairwise([-1, *ends.tolist()])
    after = start + next(end for before, end in rows if head[start + before + 1 : start + end].strip(b"\r")) + 1
    return Layout(ord(mark), quoted, _named(path, first), after, head.count(b"\n", 0, after) + 1, unsaid)


def _head(path: Path, encoding: str, kind: str) -> bytes:
    """Return the beginning of a file, as long as is needed for a whole row."""
    size, whole, head = HEAD, False, b""
    while not whole and size <= _LARGEST:
        head, whole = head_of(path, encoding, size)
        if head.endswith(b"\n") and next(first_rows(head, ord(_MARKS[kind]), True, 1), None) is not None:
            break
        size *= 16
    return head


def _told(head: bytes, kind: str) -> str:
    """Return the separator that the first rows fit: the one that the kind has, unless only another does."""
    own = _MARKS[kind]
    widths = {mark: [len(row) for row in first_rows(head, ord(mark), True, _TRIED)] for mark in (own, *_OTHERS)}
    even = [mark for mark, found in widths.items() if found and found[0] > 1 and len(set(found)) == 1]
    if own in even or not even:
        return own
    return max(even, key=lambda mark: widths[mark][0])


def _named(path: Path, row: list[str]) -> tuple[str, ...]:
    names = [name.strip() or f"column_{place}" for place, name in enumerate(row, 1)]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        places = " and ".join(str(place) for place, name in enumerate(names, 1) if name == twice)
        raise InputError(
            f"{path} calls its columns {places} both {clip(twice, 40)!r}; give them names of their own in the file"
        )
    return tuple(names)


def table_runs(path: Path, layout: Layout, encoding: str, size: int) -> Iterator[Run]:
    """Walk the rows of a table in runs in which quotes are where they belong."""
    line = layout.line

    def cut(data: bytes, final: bool) -> tuple[bytes, int]:
        nonlocal line
        try:
            sound = whole_rows(data, layout.separator, final=final)
        except OpenQuoteError as problem:
            raise _open_quote(path, line + data.count(b"\n", 0, problem.place), ended=problem.ended) from problem
        line += data.count(b"\n", 0, sound.used)
        return sound.data, sound.used

    chunks = _without(decoded(path, encoding, size), layout.start)
    return runs(path, chunks, cut if layout.quoted else at_line_ends, layout.line)


def _without(chunks: Iterator[tuple[bytes, int]], start: int) -> Iterator[tuple[bytes, int]]:
    """Leave out the first bytes."""
    for data, place in chunks:
        if start < len(data):
            yield data[start:], place
        start = max(start - len(data), 0)


def rows_in(path: Path, layout: Layout, run: Run, column: str | None = None) -> pl.DataFrame:
    """Return a run of rows as a table of strings, null where nothing stands; of one column only, if it is named."""
    data = _even(path, layout, run)
    names = layout.names if column is None else (column,)
    schema = dict.fromkeys(layout.names, pl.String)
    if not data:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    return pl.read_csv(
        io.BytesIO(data),
        has_header=False,
        schema=schema,
        columns=[layout.names.index(name) for name in names],
        separator=chr(layout.separator),
        quote_char='"' if layout.quoted else None,
    )


def _even(path: Path, layout: Layout, run: Run) -> bytes:
    """Return rows without blank lines, or raise if one has more or fewer columns than there are."""
    data, width = run.data, len(layout.names)
    ends, counts = rows_of(data, layout.separator, layout.quoted)
    starts = np.concatenate([[0], ends[:-1] + 1])
    sizes = ends - starts
    letters = np.frombuffer(data, np.uint8)
    blank = (sizes == 0) | ((sizes == 1) & (letters[np.minimum(starts, len(letters) - 1)] == ord("\r")))
    wrong = np.flatnonzero((counts != width) & ~blank)
    if not len(wrong) and not blank.any():
        return data
    rows = {int(row): _cut_row(path, layout, run, int(starts[row]), int(ends[row])) for row in wrong}
    kept = np.flatnonzero(~blank).tolist()
    return b"".join(rows.get(row, data[starts[row] : ends[row]]) + b"\n" for row in kept)


def _cut_row(path: Path, layout: Layout, run: Run, start: int, end: int) -> bytes:
    """Return a row without empty fields too many at its end, or raise if there is something in them."""
    row, width = run.data[start:end].removesuffix(b"\r"), len(layout.names)
    have = int(rows_of(row, layout.separator, layout.quoted)[1][0])
    if have > width:
        extra = bytes([layout.separator]) * (have - width)
        short = shortened(row, layout.separator, width) if layout.quoted else None
        if short is not None or row.endswith(extra):
            return row.removesuffix(extra) if short is None else short
    line = run.line + run.data.count(b"\n", 0, start)
    raise InputError(
        f"{path}, line {line:,}: the row has {have} columns by {layout.mark} where "
        f"there are {width} ({clip(row.decode(errors='replace'), 60)!r}); {_remedy(layout, have, row)}"
    )


def _remedy(layout: Layout, have: int, row: bytes) -> str:
    if not layout.quoted and b'"' in row:
        return "if quotes are around fields here, pass separator='tab' (--separator tab)"
    if have > len(layout.names):
        return "put quotes around a field that holds the separator, without a space before them"
    return "is a line end not within quotes, or does another separator= (--separator) fit?"


def _sound(path: Path, head: bytes, start: int, separator: int, quoted: bool) -> bytes:
    if not quoted:
        return head[start:]
    try:
        return whole_rows(head[start:], separator, final=False).data or head[start:]
    except OpenQuoteError as problem:
        line = head.count(b"\n", 0, start + problem.place) + 1
        raise _open_quote(path, line, ended=problem.ended) from problem


def _open_quote(path: Path, line: int, *, ended: bool) -> InputError:
    what = "that isn't closed" if ended else "that closes within a field some lines further on"
    return InputError(
        f"cannot read {path}: line {line:,} opens a quote {what}; a quote that is a letter stands twice, within quotes "
        f"around the field; expected a table of which each row has the same number of columns"
    )
