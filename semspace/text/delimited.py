"""csv and tsv: detecting the dialect of a file, and parsing its rows into columns of strings."""

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
from semspace.text.decoding import HEAD, decode_chunks, read_head
from semspace.text.files import empty_file_error
from semspace.text.quoting import OpenQuoteError, complete_rows, first_rows, row_ends, without_extra_fields
from semspace.text.read_options import ReadOptions, RecordChunk, cut_at_line_end, record_chunks

# By its definition (IANA text/tab-separated-values) the TSV format has no quoting.
_MARKS = {"csv": ",", "tsv": "\t"}
_OTHERS = (";", "\t", "|", ",")
_EXCEL = re.compile(
    rb'\s*"?sep=([^\r\n])"?\r?\n', re.IGNORECASE
)  # the first line of Excel's files may give the separator
_LARGEST = 1 << 26  # maximum number of bytes of the first row
_TRIED = 20  # number of rows from which the separator is detected
_NAMES = {"\t": "tab", ";": "semicolon", ",": "comma", "|": "pipe"}


@dataclass(frozen=True)
class CsvDialect:
    """How a csv or tsv is written: separator (a byte), quoting, column names, first byte and line of the rows."""

    separator: int
    quoted: bool
    names: tuple[str, ...]
    start: int
    line: int
    assumed_header: bool  # the first row was taken as the header without being told

    @property
    def mark(self) -> str:
        """The separator's name in messages."""
        return _NAMES.get(chr(self.separator), repr(chr(self.separator)))


def detect_dialect(path: Path, kind: str, options: ReadOptions) -> CsvDialect:
    """Return the dialect of a file, from the given options and the first rows."""
    head = _head(path, options.encoding, kind)
    start = len(head) - len(head.lstrip(b"\r\n"))
    if not head.strip():
        raise empty_file_error(path)
    excel = _EXCEL.match(head)
    start = excel.end() if excel else start
    declared = options.separator or (excel.group(1).decode(errors="replace") if excel else None)
    if declared is not None and not declared.isascii():
        raise InputError(f"{path} declares the separator {declared!r}, which isn't ASCII; pass separator=, such as ';'")
    mark = declared or _detect_separator(head[start:], kind)
    quoted = kind == "csv" or declared is not None or mark != _MARKS[kind]
    first = next(first_rows(head[start:], ord(mark), quoted, 1), None)
    if first is None:
        raise _open_quote(path, head.count(b"\n", 0, start) + 1, ended=True)
    assumed_header = options.has_header and options.header is None
    if not options.has_header:
        names = options.columns or [f"column_{number}" for number, _ in enumerate(first, 1)]
        if len(names) != len(first):
            raise InputError(f"columns= names {len(names)} columns; {path} has {len(first)}, separated by {mark!r}")
        return CsvDialect(ord(mark), quoted, tuple(names), start, head.count(b"\n", 0, start) + 1, assumed_header)
    ends, _ = row_ends(_complete_head(path, head, start, ord(mark), quoted), ord(mark), quoted)
    rows = pairwise([-1, *ends.tolist()])
    after = start + next(end for before, end in rows if head[start + before + 1 : start + end].strip(b"\r")) + 1
    return CsvDialect(
        ord(mark), quoted, _column_names(path, first), after, head.count(b"\n", 0, after) + 1, assumed_header
    )


def _head(path: Path, encoding: str, kind: str) -> bytes:
    """Return the beginning of a file, with at least one complete row."""
    size, whole, head = HEAD, False, b""
    while not whole and size <= _LARGEST:
        head, whole = read_head(path, encoding, size)
        if head.endswith(b"\n") and next(first_rows(head, ord(_MARKS[kind]), True, 1), None) is not None:
            break
        size *= 16
    return head


def _detect_separator(head: bytes, kind: str) -> str:
    """Return the separator that fits the first rows: the usual one of the format, unless only another fits."""
    usual = _MARKS[kind]
    widths = {mark: [len(row) for row in first_rows(head, ord(mark), True, _TRIED)] for mark in (usual, *_OTHERS)}
    even = [mark for mark, found in widths.items() if found and found[0] > 1 and len(set(found)) == 1]
    if usual in even or not even:
        return usual
    return max(even, key=lambda mark: widths[mark][0])


def _column_names(path: Path, row: list[str]) -> tuple[str, ...]:
    names = [name.strip() or f"column_{number}" for number, name in enumerate(row, 1)]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        places = " and ".join(str(number) for number, name in enumerate(names, 1) if name == twice)
        raise InputError(
            f"{path} calls its columns {places} both {clip(twice, 40)!r}; give them different names in the file"
        )
    return tuple(names)


def table_chunks(path: Path, dialect: CsvDialect, encoding: str, size: int) -> Iterator[RecordChunk]:
    """Iterate over the rows of a table in chunks with regular quoting."""
    line = dialect.line

    def cut(data: bytes, final: bool) -> tuple[bytes, int]:
        nonlocal line
        try:
            sound = complete_rows(data, dialect.separator, final=final)
        except OpenQuoteError as problem:
            raise _open_quote(path, line + data.count(b"\n", 0, problem.position), ended=problem.ended) from problem
        line += data.count(b"\n", 0, sound.used)
        return sound.data, sound.used

    chunks = _skip_bytes(decode_chunks(path, encoding, size), dialect.start)
    return record_chunks(path, chunks, cut if dialect.quoted else cut_at_line_end, dialect.line)


def _skip_bytes(chunks: Iterator[tuple[bytes, int]], start: int) -> Iterator[tuple[bytes, int]]:
    """Yield chunks without the first `start` bytes."""
    for data, position in chunks:
        if start < len(data):
            yield data[start:], position
        start = max(start - len(data), 0)


def parse_rows(path: Path, dialect: CsvDialect, chunk: RecordChunk, column: str | None = None) -> pl.DataFrame:
    """Return a chunk of rows as a table of strings, null for empty fields; of one column only, if it is given."""
    data = _regular_rows(path, dialect, chunk)
    names = dialect.names if column is None else (column,)
    schema = dict.fromkeys(dialect.names, pl.String)
    if not data:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    return pl.read_csv(
        io.BytesIO(data),
        has_header=False,
        schema=schema,
        columns=[dialect.names.index(name) for name in names],
        separator=chr(dialect.separator),
        quote_char='"' if dialect.quoted else None,
    )


def _regular_rows(path: Path, dialect: CsvDialect, chunk: RecordChunk) -> bytes:
    """Return rows without blank lines, or raise if one has a wrong number of columns."""
    data, width = chunk.data, len(dialect.names)
    ends, counts = row_ends(data, dialect.separator, dialect.quoted)
    starts = np.concatenate([[0], ends[:-1] + 1])
    sizes = ends - starts
    letters = np.frombuffer(data, np.uint8)
    blank = (sizes == 0) | ((sizes == 1) & (letters[np.minimum(starts, len(letters) - 1)] == ord("\r")))
    wrong = np.flatnonzero((counts != width) & ~blank)
    if not len(wrong) and not blank.any():
        return data
    rows = {int(row): _trim_row(path, dialect, chunk, int(starts[row]), int(ends[row])) for row in wrong}
    rows_to_keep = np.flatnonzero(~blank).tolist()
    return b"".join(rows.get(row, data[starts[row] : ends[row]]) + b"\n" for row in rows_to_keep)


def _trim_row(path: Path, dialect: CsvDialect, chunk: RecordChunk, start: int, end: int) -> bytes:
    """Return a row without surplus empty fields at its end, or raise if they aren't empty."""
    row, width = chunk.data[start:end].removesuffix(b"\r"), len(dialect.names)
    have = int(row_ends(row, dialect.separator, dialect.quoted)[1][0])
    if have > width:
        extra = bytes([dialect.separator]) * (have - width)
        short = without_extra_fields(row, dialect.separator, width) if dialect.quoted else None
        if short is not None or row.endswith(extra):
            return row.removesuffix(extra) if short is None else short
    line = chunk.line + chunk.data.count(b"\n", 0, start)
    raise InputError(
        f"{path}, line {line:,}: the row has {have} columns by {dialect.mark} where "
        f"there are {width} ({clip(row.decode(errors='replace'), 60)!r}); {_remedy(dialect, have, row)}"
    )


def _remedy(dialect: CsvDialect, have: int, row: bytes) -> str:
    if not dialect.quoted and b'"' in row:
        return "if fields are quoted in this file, pass separator='tab' (--separator tab)"
    if have > len(dialect.names):
        return "quote fields that contain the separator, without a space before the quote"
    return "check for an unquoted line break, or pass another separator= (--separator)"


def _complete_head(path: Path, head: bytes, start: int, separator: int, quoted: bool) -> bytes:
    if not quoted:
        return head[start:]
    try:
        return complete_rows(head[start:], separator, final=False).data or head[start:]
    except OpenQuoteError as problem:
        line = head.count(b"\n", 0, start + problem.position) + 1
        raise _open_quote(path, line, ended=problem.ended) from problem


def _open_quote(path: Path, line: int, *, ended: bool) -> InputError:
    what = "that isn't closed" if ended else "that closes in the middle of a field some lines later"
    return InputError(
        f"cannot read {path}: line {line:,} opens a quote {what}; inside a quoted field, write a quote twice; "
        f"expected a table in which each row has the same number of columns"
    )
