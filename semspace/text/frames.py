"""Anyone's table → a polars frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from semspace.errors import InputError


def as_polars(frame: Any) -> pl.DataFrame:
    """Give a polars DataFrame for one of polars or pandas, or for a mapping of names to columns."""
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    if type(frame).__module__.partition(".")[0] == "pandas":
        # Column by column: polars' own conversion wants pyarrow, which semspace doesn't need.
        if not hasattr(frame, "columns"):
            raise InputError(f"expected a DataFrame; got a pandas {type(frame).__name__}: use its to_frame()")
        if not frame.columns.is_unique:
            raise InputError(f"column names must be unique; got {', '.join(map(str, frame.columns))}")
        named = frame.reset_index() if any(name is not None for name in frame.index.names) else frame
        return _columns((str(name), _plain(named[name])) for name in named.columns)
    if isinstance(frame, Mapping):
        return _columns((str(name), list(column)) for name, column in frame.items())
    raise InputError(f"expected a polars or pandas DataFrame; got {type(frame).__name__}")


def storable(table: pl.DataFrame) -> pl.DataFrame:
    """Give the table as others can't change it, values of mixed types as text: a column has one type."""
    return table.with_columns(pl.col(pl.Object).map_elements(str, return_dtype=pl.String)).clone()


def _columns(columns: Iterable[tuple[str, list[Any]]]) -> pl.DataFrame:
    try:
        return pl.DataFrame([_series(name, values) for name, values in columns])
    except pl.exceptions.PolarsError as problem:
        raise InputError(f"the columns don't make a table: {problem}") from problem


def _plain(column: Any) -> list[Any]:
    """Turn a pandas column into Python values, with None where pandas holds NaN, NaT or NA."""
    return column.astype(object).where(column.notna(), None).tolist()  # type: ignore[no-any-return]


def _series(name: str, values: list[Any]) -> pl.Series:
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, pl.exceptions.PolarsError):  # values of several types
        return pl.Series(name, values, dtype=pl.Object)
