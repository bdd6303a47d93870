"""Points that are to be added to an index or to replace points of it: the checks of their form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from semspace import checks
from semspace.errors import InputError
from semspace.index.collection import Collection
from semspace.space import Space
from semspace.text.dataframes import as_polars, kind_of
from semspace.text_encoder import TextEncoder, reads_texts
from semspace.types import Floats2d, Id

Changes = tuple[list[str], Floats2d | None, pl.DataFrame | None]  # vectors None: they stay what they are
NewPoints = tuple[list[str], Floats2d, pl.DataFrame | None]  # ids, vectors, metadata


def read_new_points(
    points: Collection, encoder: TextEncoder | None, ids: Sequence[Id] | Space, vectors: Any, metadata: Any | None
) -> NewPoints:
    """Return ids, vectors and metadata of new points, or raise `InputError`; texts are encoded as documents."""
    if isinstance(ids, Space):
        return read_new_points(points, encoder, *ids._as_new_points(encoder, vectors, metadata))
    if vectors is None:
        raise InputError("new points need vectors, or texts for the encoder; or give a Space, which has them")
    names = checks.ids("ids", ids)
    checks.unique("ids", names)
    table = None if metadata is None else as_polars(metadata)
    if isinstance(vectors, str) or not hasattr(vectors, "__iter__"):
        raise InputError(f"vectors must be a matrix of numbers, or a list of texts; got {type(vectors).__name__}")
    rows: Any = vectors if isinstance(vectors, np.ndarray) else list(vectors)
    if len(rows) and isinstance(rows[0], str):
        table = _with_texts(points.columns, rows, table)
        rows = _encoded(rows, encoder)
    matrix = checks.matrix("vectors", rows, dim=points.dim) if names else np.empty((0, points.dim), np.float32)
    if len(matrix) != len(names):
        raise InputError(f"ids and vectors must have the same length; got {len(names)} ids and {len(matrix)} vectors")
    if names:
        checks.finite_rows("the vector", matrix, np.array(names, object))
    return names, matrix, table


def read_changes(
    points: Collection, encoder: TextEncoder | None, ids: Sequence[Id] | Space, vectors: Any | None,
    metadata: Any | None,
) -> Changes:  # fmt: skip
    """Return ids, vectors and metadata of changed points, or raise `InputError`; one of the two may be None."""
    if vectors is not None or isinstance(ids, Space):
        return read_new_points(points, encoder, ids, vectors, metadata)
    if metadata is None:
        raise InputError("update needs vectors (or texts) or metadata= for the points; got neither")
    names = checks.ids("ids", ids)
    checks.unique("ids", names)
    return names, None, as_polars(metadata)


def completed(metadata: pl.DataFrame | None, present: pl.DataFrame | None) -> pl.DataFrame | None:
    """Return metadata of points that are there, with the columns that aren't given as they are."""
    if metadata is None or present is None:
        return present if metadata is None else metadata
    if not set(metadata.columns) < set(present.columns):
        return metadata  # whether these are the right columns is checked with those of new points
    if len(metadata) != len(present):
        raise InputError(f"metadata must have a row for each of the {len(present)} points; it has {len(metadata)}")
    given = {column.name: column for column in metadata.get_columns()}
    # Not `with_columns`, which uses polars' threads: a child process hasn't got them.
    return pl.DataFrame([given.get(column.name, column) for column in present.get_columns()])


def in_types(metadata: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Return a table in the columns and types of a schema; raise `InputError` where a value would become another."""
    return pl.DataFrame([in_type(metadata[name], dtype) for name, dtype in schema.items()])


def in_type(given: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return a column in the type that the points have; raise `InputError` where a value would become another.

    Floats may be rounded to a column of shorter floats, in whose precision they are compared, too. Texts become numbers
    and back where they are spelled so, and dates where they are of the form 2021-03-05, as a file of csv has them.
    """
    zones = [getattr(each, "time_zone", None) for each in (given.dtype, dtype) if isinstance(each, pl.Datetime)]
    if len(zones) == 2 and (zones[0] is None) != (zones[1] is None):
        raise InputError(
            f"metadata must have columns of the same types as before: {given.name!r} holds {dtype}, and got "
            f"{given.dtype}; say which time zone is meant, with replace_time_zone of polars"
        )
    if given.dtype == pl.String and dtype == pl.Date:
        column = given.str.to_date("%Y-%m-%d", strict=False)
    else:
        try:
            column = given.cast(dtype, strict=False)
        except pl.exceptions.PolarsError:  # there is no way from one to the other
            column = pl.Series(given.name, [None], dtype).new_from_index(0, len(given))
    if _floats(given.dtype) and _floats(dtype) and column.null_count() == given.null_count():
        return column
    other = _are_others(given, column)
    if other.any():
        row = int(other.arg_true()[0])
        raise InputError(
            f"metadata must have columns of the same types as before: {given.name!r} holds {dtype}, in which "
            f"{_shown(given, row)} (row {row}) would become {_shown(column, row)}; change it, or build an index where "
            f"{given.name!r} holds {given.dtype}"
        )
    return column


def _are_others(given: pl.Series, column: pl.Series) -> pl.Series:
    """Return for each value whether it has become another one."""
    kinds = {kind_of(given.dtype), kind_of(column.dtype)}
    if len(kinds) == 2 and kinds not in ({"text", "number"}, {"text", "date"}):
        return given.is_not_null()
    if kinds == {"text", "date"}:
        return given.is_not_null() & (column.is_null() | pl.Series([given.dtype != pl.String]))
    others: pl.Series = column.cast(given.dtype, strict=False).ne_missing(given)
    return others


def _shown(values: pl.Series, row: int) -> str:
    try:
        value = values.slice(row, 1).to_list()[0]
    except (ValueError, OverflowError):  # a date that Python can't hold
        return "a date out of range"
    return "nothing" if value is None else repr(value)


def _floats(dtype: pl.DataType) -> bool:
    """Whether a column holds floats, by themselves or in lists."""
    while isinstance(dtype, (pl.List, pl.Array)):
        dtype = dtype.inner  # type: ignore[assignment]
    return dtype.is_float()


def _encoded(texts: Sequence[str], encoder: TextEncoder | None) -> Floats2d:
    texts = checks.strings("texts", texts)
    if not reads_texts(encoder):
        raise InputError("this index has no encoder, so it can't take texts; give vectors")
    encode = getattr(encoder, "encode_documents", encoder.encode)
    vectors: Floats2d = encode(texts)
    return vectors


def _with_texts(columns: Sequence[str], texts: Sequence[str], table: pl.DataFrame | None) -> pl.DataFrame | None:
    """Return the metadata with the texts in the column ``text``, if the points have one."""
    if "text" not in columns or (table is not None and "text" in table.columns):
        return table
    column = pl.Series("text", list(texts), dtype=pl.String)
    return pl.DataFrame([column]) if table is None else table.with_columns(column)
