"""The functions of conditions; each works on single rows, and none returns values much larger than its input."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import polars as pl

Operation = Callable[..., pl.Series]
Whole, Number, Text, Truth = pl.Int64(), pl.Float64(), pl.String(), pl.Boolean()


class Function(NamedTuple):
    """A function: kinds of arguments (those after the first `least` are optional), type of the result, and operation.

    Arguments of the kinds "characters" and "count" are constants: a text, or an integer of at least 0.
    """

    takes: tuple[str, ...]
    returns: pl.DataType
    operation: Operation
    least: int = 1


def _part(name: str) -> Function:
    return Function(("date",), Whole, lambda values: getattr(values.dt, name)())


def _clock(name: str) -> Function:
    return Function(("date or time",), Whole, lambda values: _moments(getattr(values.dt, name), values))


def _moments(part: Callable[[], pl.Series], values: pl.Series) -> pl.Series:
    return pl.Series([0]).new_from_index(0, len(values)) if values.dtype == pl.Date else part()


def _substring(values: pl.Series, start: int, length: int | None = None) -> pl.Series:
    """Return substrings; `start` counts from 1, as in SQL."""
    end = None if length is None else max(start - 1 + length, 0)
    first = max(start - 1, 0)
    return values.str.slice(first, None if end is None else max(end - first, 0))


FUNCTIONS = {
    "ABS": Function(("number",), Number, lambda values: values.abs()),
    "ARRAY_CONTAINS": Function(("list", "item"), Truth, lambda values, item: values.list.contains(item), 2),
    "CEIL": Function(("number",), Number, lambda values: values.ceil()),
    "CHAR_LENGTH": Function(("text",), Whole, lambda values: values.str.len_chars()),
    "CONTAINS": Function(("text", "characters"), Truth, lambda v, part: v.str.contains(part, literal=True), 2),
    "DATE": Function(("date",), pl.Date(), lambda values: values.dt.date()),
    "DAY": _part("day"),
    "ENDS_WITH": Function(("text", "characters"), Truth, lambda values, part: values.str.ends_with(part), 2),
    "FLOOR": Function(("number",), Number, lambda values: values.floor()),
    "HOUR": _clock("hour"),
    "LEFT": Function(("text", "count"), Text, lambda values, count: values.str.head(count), 2),
    "LENGTH": Function(("text",), Whole, lambda values: values.str.len_chars()),
    "LOWER": Function(("text",), Text, lambda values: values.str.to_lowercase()),
    "LTRIM": Function(("text",), Text, lambda values: values.str.strip_chars_start()),
    "MINUTE": _clock("minute"),
    "MONTH": _part("month"),
    "RIGHT": Function(("text", "count"), Text, lambda v, count: v.str.tail(count), 2),
    "ROUND": Function(("number", "count"), Number, lambda values, digits=0: values.round(min(digits, 300)), 1),
    "RTRIM": Function(("text",), Text, lambda values: values.str.strip_chars_end()),
    "SECOND": _clock("second"),
    "STARTS_WITH": Function(("text", "characters"), Truth, lambda values, part: values.str.starts_with(part), 2),
    "SUBSTR": Function(("text", "count", "count"), Text, _substring, 2),
    "TRIM": Function(("text",), Text, lambda values: values.str.strip_chars()),
    "UPPER": Function(("text",), Text, lambda values: values.str.to_uppercase()),
    "WEEK": _part("week"),
    "WEEKDAY": _part("weekday"),
    "YEAR": _part("year"),
}
OTHER_NAMES = {"SUBSTRING": "SUBSTR", "CHARACTER_LENGTH": "CHAR_LENGTH", "CEILING": "CEIL"}
PARTS = ("YEAR", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND")  # parts of dates for EXTRACT(… FROM …)

# Types of CAST(… AS …), and the kinds that can be cast. Values that can't become null.
TYPES = {
    **dict.fromkeys(("INT", "INTEGER", "BIGINT"), (Whole, ("number", "text", "bool"))),
    **dict.fromkeys(("FLOAT", "DOUBLE", "REAL"), (Number, ("number", "text", "bool"))),
    **dict.fromkeys(("TEXT", "VARCHAR", "STRING"), (Text, ("number", "text", "bool", "date", "time"))),
    "DATE": (pl.Date(), ("text", "date")),
}


def cast_values(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return values cast to another type; null where that fails."""
    if values.dtype == pl.String and dtype == pl.Date:
        return values.str.to_date("%Y-%m-%d", strict=False)
    if values.dtype == pl.String and dtype.is_numeric():
        values = values.str.strip_chars()
    return values.cast(dtype, strict=False)  # type: ignore[no-any-return]


AGGREGATES = ("AVG", "COUNT", "FIRST", "LAST", "MAX", "MEAN", "MEDIAN", "MIN", "STDDEV", "SUM", "VARIANCE")
