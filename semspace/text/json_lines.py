"""JSON, an object a line or an array of objects → tables in which no key is lost."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from semspace.errors import InputError
from semspace.text.dataframes import column_of
from semspace.text.decoding import decoded, head_of, text_of
from semspace.text.read_options import Run, at_line_ends, runs

# Polars reads half a character, which no text holds, as a NUL.
_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_LONE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def object_runs(path: Path, encoding: str, size: int) -> Iterator[Run]:
    """Walk a file in runs of lines, each an object; an array is read as a whole, and its items are lines."""
    head, _ = head_of(path, encoding)
    array = head.lstrip().startswith(b"[")
    return runs(path, _items(path, encoding, size) if array else decoded(path, encoding, size), at_line_ends)


def _items(path: Path, encoding: str, size: int) -> Iterator[tuple[bytes, int]]:
    """Walk the items of an array as lines, in chunks of about `size` bytes."""
    held, length, items = list[bytes](), 0, _array(path, encoding)
    total = path.stat().st_size
    for number, item in enumerate(items, 1):
        held.append(json.dumps(item).encode() + b"\n")
        length += len(held[-1])
        if length >= size or number == len(items):
            yield b"".join(held), total * number // len(items)
            held, length = [], 0


def _array(path: Path, encoding: str) -> list[dict[str, Any]]:
    text = text_of(path, encoding)
    try:
        items = json.loads(text, parse_constant=_constant, object_pairs_hook=_first)
    except json.JSONDecodeError as problem:
        raise InputError(f"cannot read {path}, line {problem.lineno:,}: {problem.msg}; {_EXPECTED}") from problem
    except RecursionError as problem:
        raise InputError(f"cannot read {path}: it is nested too deeply; {_EXPECTED}") from problem
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            raise InputError(f"cannot read {path}: item {number:,} is no object but {_what(item)}; {_EXPECTED}")
    return items  # type: ignore[no-any-return]


def objects_in(path: Path, run: Run, column: str | None = None) -> pl.DataFrame:
    """Return a run of lines as a table; of one column of strings only, if it is named."""
    if b"\\u" not in run.data or not _LONE.search(_PAIR.sub(b"", run.data)):
        try:
            if column is None:
                return pl.read_ndjson(io.BytesIO(run.data), infer_schema_length=None)
            # Only this column; where it is missing, nulls.
            return pl.read_ndjson(io.BytesIO(run.data), schema={column: pl.String})
        except pl.exceptions.PolarsError:
            pass  # a wrong line, which is named below, or values of several types, which are read there
    rows = _rows(path, run)
    names = dict.fromkeys(name for row in rows for name in row) if column is None else [column]
    made = [column_of(name, [row.get(name) for row in rows], text=True) for name in names]
    return pl.DataFrame(made if column is None else [made[0].cast(pl.String)])


def _rows(path: Path, run: Run) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(run.data.split(b"\n"), run.line):
        if not line.strip():
            continue
        where = f"cannot read {path}, line {number:,}"
        try:
            row = json.loads(line, parse_constant=_constant, object_pairs_hook=_first)
        except json.JSONDecodeError as problem:
            raise InputError(f"{where}: {problem.msg} (letter {problem.colno:,}); {_EXPECTED}") from problem
        except RecursionError as problem:
            raise InputError(f"{where}: it is nested too deeply; {_EXPECTED}") from problem
        if not isinstance(row, dict):
            raise InputError(f"{where}: it is no object but {_what(row)}; {_EXPECTED}")
        if b"\\u" in line and any("\ud800" <= c <= "\udfff" for c in json.dumps(row, ensure_ascii=False)):
            raise InputError(f"{where}: it holds half a character (a lone surrogate); write it anew, or leave it out")
        rows.append(row)
    return rows


_EXPECTED = "expected one JSON object a line, or an array of objects"


def _constant(name: str) -> float | None:
    """Read what Python writes for numbers that JSON doesn't have; NaN is a number that is missing."""
    return None if name == "NaN" else float(name.replace("Infinity", "inf"))


def _first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of pairs; of a key that comes twice the first counts, as where lines are read by polars."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        made.setdefault(key, value)
    return made


def _what(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
