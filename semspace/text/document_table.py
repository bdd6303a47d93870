"""From a table to the columns of a corpus: ids, texts, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from semspace import checks
from semspace.errors import InputError
from semspace.text.columns import to_strings
from semspace.text.dataframes import check_column_names
from semspace.text.files import warn_user
from semspace.text.read_corpus import FileTable


def document_table(
    table: pl.DataFrame, text: str, id: str | None, empty: str, tables: Sequence[FileTable] = ()
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return a table with the columns of a corpus, and the number of rows left out for the provenance."""
    check_column_names(table.columns)
    ids = _ids(table, id, tables)
    texts = _strings(table, text, ids)
    metadata = table.drop([text, *([id] if id else [])])
    # If another column serves as `id` or `text`, an existing column of that name is renamed.
    new_names: dict[str, str] = {
        name: _free(f"{name}_column", metadata) for name in ("id", "text") if name in metadata.columns
    }
    columns = pl.DataFrame({"id": ids, "text": texts}).hstack(metadata.rename(new_names))
    with_text, dropped = _without_empty(columns, text, empty, tables)
    return with_text, {"dropped_empty": dropped} if dropped else {}


def _free(name: str, table: pl.DataFrame) -> str:
    return name if name not in table.columns else _free(f"{name}_", table)


def _place(tables: Sequence[FileTable], row: int) -> str:
    """Return " of FILE" for a row, for messages; an empty string if there is only one file."""
    for table in tables:
        if row < len(table.frame):
            return f" of {table.path}"
        row -= len(table.frame)
    return ""


def check_ids(tables: Sequence[FileTable], column: str | None) -> None:
    """Raise if one of several files lacks the id column, or if two files share an id."""
    if column is None or len(tables) < 2:
        return
    without = next((table.path for table in tables if column not in table.frame.columns), None)
    if without is not None:
        raise InputError(
            f"{without} has no column {column!r}, which holds the ids in the other files; rename its column"
        )
    if any(table.frame.schema[column].is_nested() for table in tables):
        return
    names = [table.frame.get_column(column).cast(pl.String, strict=False).drop_nulls() for table in tables]
    if pl.concat(names).is_unique().all():
        return
    seen: dict[str, FileTable] = {}
    for table, ids in zip(tables, names, strict=True):
        twice = next((name for name in ids.unique(maintain_order=True) if name in seen), None)
        if twice is not None:
            raise InputError(
                f"document ids must be unique; {twice!r} is in {seen[twice].path} and in {table.path}: choose another "
                f"column with id=, or read the files separately"
            )
        seen.update(dict.fromkeys(ids, table))


def _ids(table: pl.DataFrame, column: str | None, tables: Sequence[FileTable] = ()) -> pl.Series:
    if column is None:
        numbers: pl.Series = pl.int_range(len(table), eager=True).cast(pl.String).alias("id")
        return numbers
    ids = table.get_column(column)
    if ids.null_count():
        row = int(ids.is_null().arg_true()[0])
        origin = _place(tables, row)
        raise InputError(f"the id column {column!r}{origin} is empty in row {row}; choose another with id=, or fill it")
    if ids.dtype == pl.Object:  # of several types
        ids = pl.Series("id", checks.ids(f"the id column {column!r}", ids.to_list()), dtype=pl.String)
    if ids.dtype.is_nested() or ids.dtype == pl.Binary or ids.dtype.is_float():
        raise InputError(
            f"the id column {column!r} must hold strings or whole numbers; it holds {ids.dtype}; convert it, or choose "
            f"another with id="
        )
    named: pl.Series = pl.Series("id", ids.cast(pl.String))
    return named


def _strings(table: pl.DataFrame, column: str, ids: pl.Series) -> pl.Series:
    texts = to_strings(table.get_column(column), column)
    if texts.dtype == pl.Object:
        bad = next(i for i, value in enumerate(texts) if not isinstance(value, str) and value is not None)
        raise InputError(
            f"the text column {column!r} must hold strings; document {ids[bad]!r} holds {type(texts[bad]).__name__}"
        )
    if texts.dtype != pl.String:
        raise InputError(
            f"the text column {column!r} must hold strings; it holds {texts.dtype}; choose another with text="
        )
    named: pl.Series = texts.alias("text")
    return named


def _without_empty(
    frame: pl.DataFrame, column: str, empty: str, tables: Sequence[FileTable] = ()
) -> tuple[pl.DataFrame, int]:
    blank = frame["text"].is_null() | (frame["text"].str.strip_chars() == "").fill_null(True)
    count = int(blank.sum())
    if not count:
        return frame, 0
    first = int(blank.arg_true()[0])
    have = "has" if count == 1 else "have"
    which = f"(the first is id {frame['id'][first]!r}{_place(tables, first)})"
    what = f"{count:,} of {len(frame):,} documents {have} no text in column {column!r} {which}"
    if empty == "raise":
        raise InputError(f"{what}; pass empty='drop' (--empty drop) to leave them out")
    if count < len(frame):
        warn_user(f"{what} and {'was' if count == 1 else 'were'} left out")
    return frame.filter(~blank), count
