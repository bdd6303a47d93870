"""Inferring numeric and boolean types for columns of strings, where no information is lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

# Spellings of a missing number in files of other tools.
_MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
_WHOLE = r"^-?(?:0|[1-9][0-9]*)$"
# 1e5 may be a code: tools write numbers with a signed exponent or a decimal point.
_DECIMAL = r"^-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-][0-9]+)?|(?:0|[1-9][0-9]*)\.[0-9]*[eE][0-9]+|\.[0-9]+)$"
_PATTERNS = {"whole": _WHOLE, "decimal": rf"{_DECIMAL}|^-?(?:inf|Infinity)$", "bool": "^(?i:true|false)$"}
_DIGITS = 18  # maximum number of digits of an integer in a column of integers
_EXACT = 15  # maximum number of digits of an integer in a column of decimals
_TRIED = 1_000  # number of rows that are checked before the whole column is


def infer_types(frames: Sequence[pl.DataFrame], strings: Collection[str] = ()) -> list[pl.DataFrame]:
    """Return tables in which columns of strings that all are numbers or booleans have that type, the same in each.

    Columns of codes, with leading zeros or too many digits, and those named in `strings` stay strings.
    """
    unchanged = {name.casefold() for name in strings}
    names = dict.fromkeys(name for frame in frames for name in frame.columns if name.casefold() not in unchanged)
    typed_columns = [dict[str, pl.Series]() for _ in frames]
    for name in names:
        holding = [(index, frame.get_column(name)) for index, frame in enumerate(frames) if name in frame.columns]
        values = pl.concat([column for _, column in holding])
        cast = _cast(values)
        if cast is None:
            continue
        start = 0
        for index, column in holding:
            typed_columns[index][name] = cast.slice(start, len(column))
            start += len(column)
    return [frame.with_columns(columns.values()) for frame, columns in zip(frames, typed_columns, strict=True)]


def _cast(column: pl.Series) -> pl.Series | None:
    """Return a column as numbers or booleans, or None if it is text."""
    missing = column.is_in(_MISSING).fill_null(False)
    values = column.zip_with(~missing, pl.Series([None], dtype=pl.String)) if missing.any() else column
    if _kind(values.head(_TRIED).drop_nulls()) is None:
        return None
    present = values.drop_nulls()
    kind = _kind(present) if len(present) else None
    if kind == "bool":
        return values.str.to_lowercase() == "true"
    if kind == "whole":
        # Integers with more digits than int64 holds are codes.
        return None if present.str.len_chars().max() > _DIGITS else values.cast(pl.Int64)  # type: ignore[operator]
    if kind == "decimal":
        digits = present.filter(present.str.contains(_WHOLE)).str.strip_chars_start("-").str.len_chars()
        return None if (digits > _EXACT).any() else values.cast(pl.Float64)
    return None


def _kind(values: pl.Series) -> str | None:
    """Return the narrowest kind that all strings fit, or None for text."""
    return next((kind for kind, pattern in _PATTERNS.items() if values.str.contains(pattern).all()), None)


class TypeSurvey:
    """Infers the types of columns from parts of a table, which needn't be in memory together."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[str | None]] = {}
        self._letters: set[str] = set()

    def add(self, part: pl.DataFrame) -> None:
        """Add a part of the table."""
        for column in part:
            kinds = self._kinds.setdefault(column.name, set())
            if column.dtype != pl.String:
                kinds |= {str(column.dtype)} - {"Null"}
                continue
            present = column.drop_nulls()
            present = present.filter(~present.is_in(_MISSING))
            if len(present):
                kinds.add(_kind(present))
                if column.name not in self._letters and present.str.contains(r"\p{L}").any():
                    self._letters.add(column.name)

    def sample(self) -> pl.DataFrame:
        """Return a table of one row with the types of the whole table."""
        return pl.DataFrame([self._value(name, kinds) for name, kinds in self._kinds.items()])

    def _value(self, name: str, kinds: set[str | None]) -> pl.Series:
        text = not kinds or None in kinds or ("bool" in kinds and len(kinds) > 1)
        if not text:
            return pl.Series(name, [1])
        return pl.Series(name, ["a" if name in self._letters else "1"])
