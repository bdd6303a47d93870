"""Anyone's table → a polars frame."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import polars as pl

from semspace.errors import InputError


def as_polars(frame: Any) -> pl.DataFrame:
    """Return a polars DataFrame for one of polars, pandas or Arrow, or for a mapping of names to columns.

    A lazy frame has no order of its own: it is collected by the engine that keeps the order of what it was made of.
    """
    if isinstance(frame, pl.LazyFrame):
        # The streaming engine, polars' own choice, gives the rows of a join in another order at each call.
        return frame.collect(engine="in-memory")
    if isinstance(frame, pl.DataFrame):
        return frame
    if type(frame).__module__.partition(".")[0] == "pandas":
        return _of_pandas(frame)
    if isinstance(frame, Mapping):
        return _columns((str(name), list(column)) for name, column in frame.items())
    if hasattr(frame, "__arrow_c_stream__"):
        return pl.DataFrame(frame)
    raise InputError(f"expected a polars or pandas DataFrame; got {type(frame).__name__}")


def storable(table: pl.DataFrame) -> pl.DataFrame:
    """Give the table as others can't change it, values of mixed types as text: a column has one type."""
    return table.with_columns(pl.col(pl.Object).map_elements(str, return_dtype=pl.String)).clone()


def column_of(name: str, values: Sequence[Any], *, text: bool = False) -> pl.Series:
    """Return Python values as a column in which none is lost: whole numbers beside fractions are numbers, keys stay.

    Values of several types are objects, or, where `text` is asked for, strings.
    """
    kinds = {type(value) for value in values if value is not None}
    try:
        if any(issubclass(kind, _NESTED) for kind in kinds):
            return _nested(name, values)
        if len(kinds) > 1 and all(issubclass(kind, Real) and not issubclass(kind, _TRUTH) for kind in kinds):
            if not any(isinstance(value, Integral) and abs(int(value)) > _EXACT for value in values):
                return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
        elif len({issubclass(kind, _TRUTH) for kind in kinds}) < 2:
            made = pl.Series(name, values, strict=True)
            return made.cast(pl.String) if made.dtype == pl.Int128 else made
    except UnicodeEncodeError as problem:
        row = next(row for row, value in enumerate(values) if _half(value))
        raise InputError(
            f"the column {name!r} must be sound Unicode; row {row} holds half a character (a lone surrogate)"
        ) from problem
    except (TypeError, OverflowError, pl.exceptions.PolarsError):  # values of several types
        pass
    if text:
        return pl.Series(name, [_spelled(value) for value in values], dtype=pl.String)
    return pl.Series(name, values, dtype=pl.Object)


_NESTED = (dict, list, tuple, np.ndarray)
_TRUTH = (bool, np.bool_)
_EXACT = 1 << 53  # whole numbers beyond aren't floating-point numbers


def _nested(name: str, values: Sequence[Any]) -> pl.Series:
    """Return dicts and lists as structures with all the keys there are, or as JSON where they don't fit in one type."""
    items = [value for value in values if value is not None]
    if not any(isinstance(value, dict) for value in items):
        inner = {type(item) for value in items for item in value if item is not None}
        if len(inner) < 2 and not any(issubclass(kind, _NESTED) for kind in inner):
            return pl.Series(name, [None if value is None else list(value) for value in values], strict=True)
    # Polars itself would take the type of the first, and drop what else there is in the others.
    lines = [json.dumps({"value": value}, ensure_ascii=False, default=_simple).encode() for value in values]
    try:
        return pl.read_ndjson(io.BytesIO(b"\n".join(lines)), infer_schema_length=None)["value"].alias(name)
    except pl.exceptions.PolarsError:
        pass
    return pl.Series(name, [_spelled(value) for value in values], dtype=pl.String)


def _simple(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)


def _spelled(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=_simple)


def _half(value: Any) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in _spelled(value) or "")


def _of_pandas(frame: Any) -> pl.DataFrame:
    # Column by column: polars' own conversion wants pyarrow, which semspace doesn't need.
    if not hasattr(frame, "columns"):
        raise InputError(f"expected a DataFrame; got a pandas {type(frame).__name__}: use its to_frame()")
    if not frame.columns.is_unique:
        raise InputError(f"column names must be unique; got {', '.join(map(str, frame.columns))}")
    named = frame.reset_index() if _has_index(frame.index) else frame
    return _columns((str(name), _plain(named[name])) for name in named.columns)


def _has_index(index: Any) -> bool:
    """Check whether an index says more than the number of a row."""
    if any(name is not None for name in index.names):
        return True
    return index.dtype.kind not in "iu"


def _columns(columns: Iterable[tuple[str, list[Any]]]) -> pl.DataFrame:
    try:
        return pl.DataFrame([column_of(name, values) for name, values in columns])
    except pl.exceptions.PolarsError as problem:
        raise InputError(f"the columns don't make a table: {problem}") from problem


def _plain(column: Any) -> list[Any]:
    """Turn a pandas column into Python values, with None where pandas holds NaN, NaT or NA."""
    return column.astype(object).where(column.notna(), None).tolist()  # type: ignore[no-any-return]
