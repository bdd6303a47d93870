"""Cutting time into periods: whole years, months and so on, or parts of equal length."""

from __future__ import annotations

import numpy as np
import polars as pl

from semspace.errors import InputError

MOST = 24  # periods, where their length is chosen from the times: two years of months, a day of hours
_PARTS = 10  # of what has no whole periods, such as times of day
# The lengths of whole periods in years; dates in them are numbered by their year.
_YEARS = {"year": 1, "decade": 10, "century": 100}
# Shorter ones, as polars truncates to them.
_TRUNCATIONS = {"hour": "1h", "day": "1d", "week": "1w", "month": "1mo", "quarter": "1q"}
_HOURS = {"hour": 1, "day": 24, "week": 168}
# A day, a month and a year in any order, or a month before a year; names such as 2020/21 and 1.2.3 aren't like these.
_LIKE_A_DATE = (
    r"^\s*(?:\d{4}([./-])\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{1,2}[./-]\d{4})(?:\D|$)"
    # A month by its name or a quarter, with a year: by their letters, Apr 2020 would come before Jan 2020.
    r"|(?i)^\W*(?:\d{1,2}(?:st|nd|rd|th)?\W+|\d{4}\W+)?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\W+\d"
    r"|(?i)^\W*\d{4}\W+(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\W*$|(?i)^\W*q[1-4]\W+\d{4}\W*$"
)
_SHOWN = 40  # characters of a text in a message
PERIODS = ("auto", *_TRUNCATIONS, *_YEARS)


def whole_periods(values: pl.Series, period: str) -> pl.Series:
    """Return the whole period of each value: its first day or hour, or its first year as a whole number.

    Parameters
    ----------
    values : Series
        Dates, times, ISO dates as text, or numbers. Whole numbers are taken for years where `period` isn't "auto".
    period : {"auto", "hour", "day", "week", "month", "quarter", "year", "decade", "century"}
        ``"auto"``: the shortest of which there are at most 24. Few distinct values are their own periods, and numbers
        are divided at round ones.
    """
    values = _read(values)
    if values.dtype in (pl.Date, pl.Datetime):
        return _of_dates(values, _chosen(values) if period == "auto" else period)
    if period == "auto":
        if _n_distinct(values) <= MOST:
            return values
        _check_ordered(values, MOST)
        return _round_parts(values) if values.dtype.is_numeric() else equal_periods(values, _PARTS)
    if not values.dtype.is_integer() or period not in _YEARS:
        kinds = ", ".join(_YEARS) if values.dtype.is_integer() else "auto"
        raise InputError(
            f"period={period!r} needs dates, and times are {values.dtype}; give dates, or choose among {kinds}"
        )
    return _floored(values, _YEARS[period])


def _chosen(dates: pl.Series) -> str:
    """Return the shortest period of which at most `MOST` lie between the first and the last date.

    It isn't shorter than the dates tell: not a day where all are midnights, not a month where all are 1 January.
    """
    finest = next((name for name in ("year", "month", "day") if _are_starts(dates, name)), "hour")
    fitting = PERIODS[PERIODS.index(finest) :]
    return next((name for name in fitting if _count(dates, name) <= MOST), "century")


def _are_starts(dates: pl.Series, period: str) -> bool:
    """Return whether all dates are the beginnings of a year, of a month or of a day."""
    length = {"year": "1y", "month": "1mo", "day": "1d"}[period]
    return bool((dates.dt.truncate(length) == dates).all())


def _count(dates: pl.Series, period: str) -> int:
    """Return the number of periods from the first to the last date, those without documents too."""
    ends = pl.Series([dates.min(), dates.max()], dtype=dates.dtype)
    if period in _YEARS:
        numbers, length = ends.dt.year().cast(pl.Int64), _YEARS[period]
    elif period in _HOURS:
        numbers, length = ends.cast(pl.Datetime("us")).dt.epoch("s") // 3_600, _HOURS[period]
        numbers += 72 if period == "week" else 0  # 1970 began on a Thursday
    else:
        numbers, length = ends.dt.year().cast(pl.Int64) * 12 + ends.dt.month() - 1, 3 if period == "quarter" else 1
    first, last = (numbers // length).to_list()
    return 0 if first is None else int(last - first) + 1


def _of_dates(dates: pl.Series, period: str) -> pl.Series:
    if period in _YEARS:
        return _floored(dates.dt.year(), _YEARS[period])
    starts = dates.dt.truncate(_TRUNCATIONS[period])
    return starts if period == "hour" else starts.cast(pl.Date)


def _round_parts(numbers: pl.Series) -> pl.Series:
    """Return the largest round number that isn't above each number: 1, 2 or 5 times a power of ten apart."""
    low, high = float(numbers.min()), float(numbers.max())  # type: ignore[arg-type]
    least = (high - low) / (MOST - 1)
    power = 10.0 ** np.floor(np.log10(least))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)
    if numbers.dtype.is_integer():
        return _floored(numbers, max(1, round(step)))
    digits = max(0, int(np.ceil(-np.log10(step))) + 1)
    starts: pl.Series = ((numbers.cast(pl.Float64) / step).floor() * step).round(digits)
    return starts


def _floored(numbers: pl.Series, length: int) -> pl.Series:
    """Return the largest multiple of `length` that isn't above each whole number."""
    starts: pl.Series = numbers.cast(pl.Int64) // length * length
    return starts


def equal_periods(values: pl.Series, periods: int) -> pl.Series:
    """Return the period of each value: the value itself where there are few, else the start of one of equal length."""
    values = _read(values)
    if _n_distinct(values) <= periods:
        return values
    _check_ordered(values, periods)
    numbers = values.to_physical() if values.dtype.is_temporal() else values
    low, high = numbers.min(), numbers.max()
    assert isinstance(low, (int, float))
    assert isinstance(high, (int, float))
    edges = low + np.arange(periods) * ((high - low) / periods)
    if not values.dtype.is_float():
        edges = np.ceil(edges)
    period = np.searchsorted(edges, numbers.fill_null(low).to_numpy(), side="right") - 1
    table = pl.DataFrame({"start": edges[period], "exists": numbers.is_not_null()})
    starts: pl.Series = table.select(pl.when("exists").then("start")).to_series()
    if not values.dtype.is_float():
        starts = starts.cast(pl.Int64)
    if values.dtype.is_temporal():
        starts = starts.cast(numbers.dtype).cast(values.dtype)
    return starts


def _read(values: pl.Series) -> pl.Series:
    """Return texts as dates if all are ISO dates, without a day too, or as whole numbers; empty ones are null."""
    if values.dtype != pl.String:
        return values
    values = values.set(values.str.strip_chars() == "", None)
    for text in (values.str.slice(0, 10), values + "-01"):
        dates = text.str.to_date("%Y-%m-%d", strict=False)
        if dates.null_count() == values.null_count():
            return dates
    _check_dates(values)
    numbers = values.str.contains(r"^-?\d{1,18}$").all()
    return values.cast(pl.Int64) if numbers and values.null_count() < len(values) else values


def _check_dates(texts: pl.Series) -> None:
    """Raise `InputError` for a text that looks like a date but isn't read as one, as 2021-03-05 is."""
    not_read = texts.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).is_null()
    odd = texts.filter(not_read & texts.str.contains(_LIKE_A_DATE))
    if len(odd):
        raise InputError(
            f"times has {odd[0][:_SHOWN]!r}, which isn't a date of the form 2021-03-05; write all so, or give dates"
        )


def _n_distinct(values: pl.Series) -> int:
    return values.n_unique() - (values.null_count() > 0)


def _check_ordered(values: pl.Series, most: int) -> None:
    """Raise `InputError` unless values lie on a line that can be cut."""
    if not (values.dtype.is_numeric() or values.dtype.is_temporal()):
        raise InputError(
            f"times has {values.n_unique():,} distinct values that are neither numbers nor dates such as 2021-03-05; "
            f"give those, or at most {most} distinct values"
        )
