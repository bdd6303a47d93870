"""Large files are cut into parts, so that no shard is much larger than asked for."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from semspace import checks
from semspace.scale.file_parts import FilePart
from semspace.text.files import file_format

SHARD_BYTES = 32_000_000  # of short texts, about twenty minutes of a core to encode
_WINDOW = 1 << 16  # bytes that are read to find a line end, and more where it is further away
# Encodings in which the byte 10 may be another thing than a line end, or a text depends on what stands before.
_UNCUT = ("utf-16", "utf-32", "utf-7", "iso2022", "hz")
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


def cut_file(fs: Any, path: str, name: str, size: int, shard_bytes: int, encoding: str) -> tuple[FilePart, ...]:
    """Return the parts of a file, or none where it is one shard: not too large, or it can't be cut.

    Lines (.txt, .jsonl) are cut at the first line end at or after each multiple of `shard_bytes`. Parquet is cut
    between row groups: each part has as many as fit into `shard_bytes`, at least one. Tables (.csv, .tsv), JSON arrays,
    ``.gz`` and texts in UTF-16 or UTF-32 can't be cut without reading them.
    """
    if size <= shard_bytes or name.lower().endswith(".gz"):
        return ()
    kind = file_format(Path(name))
    if kind == "parquet":
        parts = _of_row_groups(fs, path, shard_bytes)
    elif kind in ("txt", "jsonl") and _has_plain_lines(fs, path, kind, encoding):
        parts = _of_lines(fs, path, size, shard_bytes)
    else:
        parts = []
    return tuple(parts) if len(parts) > 1 else ()


def _has_plain_lines(fs: Any, path: str, kind: str, encoding: str) -> bool:
    head = fs.cat_file(path, start=0, end=_WINDOW)
    if head.startswith(_MARKS) or codecs.lookup(encoding).name.startswith(_UNCUT):
        return False
    return kind != "jsonl" or not head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"[")


def _of_lines(fs: Any, path: str, size: int, shard_bytes: int) -> list[FilePart]:
    ends = sorted({_line_end(fs, path, place, size) for place in range(shard_bytes, size, shard_bytes)} | {0, size})
    return [FilePart(number, start, stop) for number, (start, stop) in enumerate(pairwise(ends), 1)]


def _line_end(fs: Any, path: str, place: int, size: int) -> int:
    """Return where the line ends in which a byte stands."""
    window = _WINDOW
    while place < size:
        found = fs.cat_file(path, start=place, end=min(place + window, size)).find(b"\n")
        if found >= 0:
            return place + int(found) + 1
        place += window
        window = min(2 * window, 64 << 20)
    return size


def _of_row_groups(fs: Any, path: str, shard_bytes: int) -> list[FilePart]:
    parquet = checks.need("pyarrow.parquet", "dask")
    arrow = checks.need("pyarrow", "dask")
    try:
        with fs.open(path, "rb") as file:
            footer = parquet.read_metadata(file)
    except (arrow.ArrowException, OSError):
        return []  # the worker that reads it says what is wrong
    starts = [_first_byte(footer.row_group(i)) for i in range(footer.num_row_groups)]
    if sorted(set(starts)) != starts:
        return []  # row groups don't lie one after the other
    rows = [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]
    end = int(fs.size(path)) - 8 - int(footer.serialized_size)
    parts, row = list[FilePart](), 0
    for first, last in _runs([*starts, end], shard_bytes):
        n_rows = sum(rows[first:last])
        parts.append(FilePart(len(parts) + 1, starts[first], [*starts, end][last], row, n_rows))
        row += n_rows
    return parts


def _first_byte(group: Any) -> int:
    columns = [group.column(i) for i in range(group.num_columns)]
    places = [place for one in columns for place in (one.dictionary_page_offset, one.data_page_offset) if place]
    return min(places, default=0)


def _runs(bounds: list[int], most: int) -> Iterator[tuple[int, int]]:
    """Iterate over runs of neighbours that together are no larger than `most`, as long as possible."""
    first = 0
    for last in range(1, len(bounds)):
        is_end = last == len(bounds) - 1
        if is_end or bounds[last + 1] - bounds[first] > most:
            yield first, last
            first = last
