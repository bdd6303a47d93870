"""JSON lines and arrays of objects: parsing them into tables without losing keys."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from semspace.errors import InputError
from semspace.text.dataframes import holds_floats, make_column
from semspace.text.decoding import decode_chunks, read_head, read_text
from semspace.text.read_options import RecordChunk, cut_at_line_end, record_chunks

# Polars would read a lone surrogate as a NUL.
_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_LARGE = re.compile(rb"[:,\[]\s*-?\d{16}")  # a whole number that may have no exact float64
_LONE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def object_chunks(path: Path, encoding: str, size: int) -> Iterator[RecordChunk]:
    """Iterate over a file in chunks of lines, each an object; an array is read whole, its items become lines."""
    head, _ = read_head(path, encoding)
    array = head.lstrip().startswith(b"[")
    return record_chunks(
        path, _items(path, encoding, size) if array else decode_chunks(path, encoding, size), cut_at_line_end
    )


def _items(path: Path, encoding: str, size: int) -> Iterator[tuple[bytes, int]]:
    """Iterate over the items of an array as lines, in chunks of about `size` bytes."""
    lines, length, items = list[bytes](), 0, _array(path, encoding)
    total = path.stat().st_size
    for number, item in enumerate(items, 1):
        lines.append(json.dumps(item).encode() + b"\n")
        length += len(lines[-1])
        if length >= size or number == len(items):
            yield b"".join(lines), total * number // len(items)
            lines, length = [], 0


def _array(path: Path, encoding: str) -> list[dict[str, Any]]:
    try:
        items = _parse(read_text(path, encoding))
    except json.JSONDecodeError as problem:
        raise _error(f"{path}, line {problem.lineno:,}", problem.msg) from problem
    except RecursionError as problem:
        raise _error(path, _TOO_DEEP) from problem
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            raise _error(path, f"item {number:,} is {_type_name(item)}, not an object")
    return items  # type: ignore[no-any-return]


def parse_objects(path: Path, chunk: RecordChunk, column: str | None = None) -> pl.DataFrame:
    """Return a chunk of lines as a table, or one column of it as strings."""
    if b"\\u" not in chunk.data or not _LONE.search(_PAIR.sub(b"", chunk.data)):
        try:
            if column is not None:  # only this one; where it is missing, nulls
                return pl.read_ndjson(io.BytesIO(chunk.data), schema={column: pl.String})
            table = pl.read_ndjson(io.BytesIO(chunk.data), infer_schema_length=None)
            # Otherwise polars may have rounded whole numbers, or made a type that few can read.
            if not (_LARGE.search(chunk.data) and any(map(holds_floats, table.dtypes))):
                return table
        except pl.exceptions.PolarsError:
            pass  # an invalid line, which is reported below, or values of several types
    rows = _rows(path, chunk)
    names = dict.fromkeys(name for row in rows for name in row) if column is None else [column]
    columns = [make_column(name, [row.get(name) for row in rows], text=True) for name in names]
    return pl.DataFrame(columns if column is None else [columns[0].cast(pl.String)])


def _rows(path: Path, chunk: RecordChunk) -> list[dict[str, Any]]:
    lines = enumerate(chunk.data.split(b"\n"), chunk.line)
    return [_row(line, f"{path}, line {number:,}") for number, line in lines if line.strip()]


def _row(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = _parse(line)
    except json.JSONDecodeError as problem:
        raise _error(where, f"{problem.msg} (column {problem.colno:,})") from problem
    except RecursionError as problem:
        raise _error(where, _TOO_DEEP) from problem
    if not isinstance(row, dict):
        raise _error(where, f"it is {_type_name(row)}, not an object")
    if b"\\u" in line and any("\ud800" <= c <= "\udfff" for c in json.dumps(row, ensure_ascii=False)):
        raise InputError(
            f"cannot read {where}: it contains a lone surrogate, which isn't valid Unicode; correct it or leave it out"
        )
    return row


_TOO_DEEP = "it is nested too deeply"


def _error(where: object, problem: str) -> InputError:
    return InputError(f"cannot read {where}: {problem}; expected one JSON object per line, or an array of objects")


def _parse(text: str | bytes) -> Any:
    return json.loads(text, parse_constant=_constant, object_pairs_hook=_first)


def _constant(name: str) -> float | None:
    """Return the value of a constant that Python writes beyond JSON; NaN is a missing number."""
    return None if name == "NaN" else float(name.replace("Infinity", "inf"))


def _first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a dict of pairs; the first of repeated keys wins, as in polars."""
    first_values: dict[str, Any] = {}
    for key, value in pairs:
        first_values.setdefault(key, value)
    return first_values


def _type_name(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
