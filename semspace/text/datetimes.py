"""Dates and times as conditions write them (ISO 8601), turned into the ticks that a column of a type counts."""

from __future__ import annotations

import datetime
import re
from fractions import Fraction
from typing import NamedTuple

import polars as pl

from semspace.text.condition import ConditionError

_DATE = r"(?P<date>\d{4}-\d\d-\d\d)"
_CLOCK = r"(?P<clock>\d\d:\d\d(?::\d\d)?)(?P<fraction>\.\d{1,9})?"
_MOMENT = re.compile(
    rf"{_DATE}(?:[ T]{_CLOCK} ?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?|(?P<only>{_CLOCK.replace('?P<', '?P<only_')})"
)
_EPOCH = datetime.datetime(1970, 1, 1)
_PER_SECOND = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DAY = 86_400
FORMS = {"date": "'2001-12-31'", "moment": "'2001-12-31 23:59:59'", "time": "'23:59:59'"}


class Moment(NamedTuple):
    """A date, a moment or a time of day: seconds since 1970 or midnight, and what is known of it."""

    kind: str  # a key of FORMS
    seconds: Fraction
    zoned: bool = False  # the seconds are those of UTC


def read_moment(text: str) -> Moment:
    """Return the date, moment or time of day that a text is.

    Raises
    ------
    ConditionError
        If it has another form, or there is no such time.

    Examples
    --------
    >>> read_moment("1970-01-02 00:00:01+01:00")
    Moment(kind='moment', seconds=Fraction(82801, 1), zoned=True)
    """
    found = _MOMENT.fullmatch(text.strip())
    if not found or not text.isascii():
        raise ConditionError(f"{text[:40]!r} isn't a time of the form {', '.join(FORMS.values())}")
    try:
        if found["only"]:
            clock = datetime.time.fromisoformat(found["only_clock"])
            seconds = Fraction(clock.hour * 3_600 + clock.minute * 60 + clock.second)
            return Moment("time", seconds + Fraction(found["only_fraction"] or 0))
        moment = datetime.datetime.fromisoformat(f"{found['date']} {found['clock'] or '00:00'}")
    except ValueError as problem:
        raise ConditionError(f"{text!r} isn't a time there is ({problem})") from None
    since = moment - _EPOCH
    seconds = since.days * _DAY + since.seconds + Fraction(found["fraction"] or 0)
    if found["zone"]:
        return Moment("moment", seconds - _offset(found["zone"]), zoned=True)
    return Moment("moment" if found["clock"] else "date", seconds)


def ticks(text: str, dtype: pl.DataType, name: str) -> Fraction:
    """Return how many ticks of a column's type a text stands for: days, units of time since 1970 or midnight.

    Without an offset, a moment beside a column with a time zone is the time on the clocks of that zone.

    Raises
    ------
    ConditionError
        If the text isn't a time, or not of the column's kind.
    """
    moment = read_moment(text)
    if (moment.kind == "time") != (dtype == pl.Time):
        form = FORMS["time" if dtype == pl.Time else "date"]
        raise ConditionError(f"{name} holds {dtype}, which can't be compared with {text!r}: write it as {form}")
    if dtype == pl.Time:
        return moment.seconds * _PER_SECOND["ns"]
    if dtype == pl.Date and not moment.zoned:
        return moment.seconds / _DAY
    zone = dtype.time_zone if isinstance(dtype, pl.Datetime) else None
    if moment.zoned and zone is None:
        raise ConditionError(f"{name} holds {dtype}, which has no time zone: write {text!r} without an offset")
    seconds = moment.seconds
    if zone is not None and not moment.zoned:
        seconds = _in_zone(seconds, zone, text)
    assert isinstance(dtype, pl.Datetime)
    return seconds * _PER_SECOND[dtype.time_unit]


def _offset(zone: str) -> int:
    if zone == "Z":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return (-1 if zone[0] == "-" else 1) * (int(digits[:2]) * 3_600 + int(digits[2:]) * 60)


def _in_zone(seconds: Fraction, zone: str, text: str) -> Fraction:
    """Return the seconds of UTC at which the clocks of a zone show a time; the first, where they show it twice."""
    whole = int(seconds // 1)
    clocks = pl.Series([whole * 1_000_000], dtype=pl.Int64).cast(pl.Datetime("us"))
    there = clocks.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    if there[0] is None:
        raise ConditionError(f"clocks in {zone} never show {text}: they are put forward there")
    return Fraction(int(there.to_physical()[0]), 1_000_000) + seconds - whole
