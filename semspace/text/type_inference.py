"""Columns of strings → numbers, where nothing of what was written is lost by it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

# What other tools write where a number is missing.
_MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
_WHOLE = r"^-?(?:0|[1-9][0-9]*)$"
# A code such as 1e5 is none: whatever writes numbers gives an exponent a sign, or the number a point.
_DECIMAL = r"^-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-][0-9]+)?|(?:0|[1-9][0-9]*)\.[0-9]*[eE][0-9]+|\.[0-9]+)$"
_PATTERNS = {"whole": _WHOLE, "decimal": rf"{_DECIMAL}|^-?(?:inf|Infinity)$", "bool": "^(?i:true|false)$"}
_DIGITS = 18  # that a whole number may have
_EXACT = 15  # that one may have among fractions
_TRIED = 1_000


def typed(frames: Sequence[pl.DataFrame], strings: Collection[str] = ()) -> list[pl.DataFrame]:
    """Return tables of strings with numbers and truth values in columns that hold nothing else, the same in each.

    A column of codes, with leading zeros or too many digits, stays as it stands, as do the columns called `strings`.
    """
    kept = {name.casefold() for name in strings}
    names = dict.fromkeys(name for frame in frames for name in frame.columns if name.casefold() not in kept)
    made = [dict[str, pl.Series]() for _ in frames]
    for name in names:
        holding = [(place, frame.get_column(name)) for place, frame in enumerate(frames) if name in frame.columns]
        values = pl.concat([column for _, column in holding])
        cast = _cast(values)
        if cast is None:
            continue
        start = 0
        for place, column in holding:
            made[place][name] = cast.slice(start, len(column))
            start += len(column)
    return [frame.with_columns(columns.values()) for frame, columns in zip(frames, made, strict=True)]


def _cast(column: pl.Series) -> pl.Series | None:
    """Return a column as numbers or truth values, None if it is text."""
    missing = column.is_in(_MISSING).fill_null(False)
    values = column.zip_with(~missing, pl.Series([None], dtype=pl.String)) if missing.any() else column
    if _kind(values.head(_TRIED).drop_nulls()) is None:
        return None
    held = values.drop_nulls()
    kind = _kind(held) if len(held) else None
    if kind == "bool":
        return values.str.to_lowercase() == "true"
    if kind == "whole":
        # More digits than a number holds are a code.
        return None if held.str.len_chars().max() > _DIGITS else values.cast(pl.Int64)  # type: ignore[operator]
    if kind == "decimal":
        digits = held.filter(held.str.contains(_WHOLE)).str.strip_chars_start("-").str.len_chars()
        return None if (digits > _EXACT).any() else values.cast(pl.Float64)
    return None


def _kind(values: pl.Series) -> str | None:
    """Return what strings stand for, the narrowest of it; None if for themselves."""
    return next((kind for kind, pattern in _PATTERNS.items() if values.str.contains(pattern).all()), None)


class Words:
    """Which columns hold words, told from parts of a table that needn't be in memory together."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[str | None]] = {}
        self._letters: set[str] = set()

    def add(self, part: pl.DataFrame) -> None:
        """Look at a part."""
        for column in part:
            kinds = self._kinds.setdefault(column.name, set())
            if column.dtype != pl.String:
                kinds |= {str(column.dtype)} - {"Null"}
                continue
            held = column.drop_nulls()
            held = held.filter(~held.is_in(_MISSING))
            if len(held):
                kinds.add(_kind(held))
                if column.name not in self._letters and held.str.contains(r"\p{L}").any():
                    self._letters.add(column.name)

    def sample(self) -> pl.DataFrame:
        """Return a table of one row in which columns are of the types that the whole table has."""
        return pl.DataFrame([self._value(name, kinds) for name, kinds in self._kinds.items()])

    def _value(self, name: str, kinds: set[str | None]) -> pl.Series:
        text = not kinds or None in kinds or ("bool" in kinds and len(kinds) > 1)
        if not text:
            return pl.Series(name, [1])
        return pl.Series(name, ["a" if name in self._letters else "1"])
