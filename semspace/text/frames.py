"""Anyone's table → a polars frame."""

from __future__ import annotations

from collections.abc import Mapping
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
        return pl.DataFrame([_series(str(name), _plain(frame[name])) for name in frame.columns])
    if isinstance(frame, Mapping):
        return pl.DataFrame([_series(str(name), list(column)) for name, column in frame.items()])
    raise InputError(f"expected a polars or pandas DataFrame; got {type(frame).__name__}")


def _plain(column: Any) -> list[Any]:
    """Turn a pandas column into Python values, with None where pandas holds NaN, NaT or NA."""
    return column.astype(object).where(column.notna(), None).tolist()  # type: ignore[no-any-return]


def _series(name: str, values: list[Any]) -> pl.Series:
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, pl.exceptions.PolarsError):  # values of several types
        return pl.Series(name, values, dtype=pl.Object)
