"""Parsing dates and times of conditions (ISO 8601), and converting them to the ticks of a column's type."""

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
    """A date, a date with time, or a time of day, in seconds since 1970 or midnight."""

    kind: str  # a key of FORMS
    seconds: Fraction
    zoned: bool = False  # whether an offset was given, so that the seconds are in UTC


def read_moment(text: str) -> Moment:
    """Return the date, date with time, or time of day of a text.

    Raises
    ------
    ConditionError
        If it has another form, or the time doesn't exist.

    Examples
    --------
    >>> read_moment("1970-01-02 00:00:01+01:00")
    Moment(kind='moment', seconds=Fraction(82801, 1), zoned=True)
    """
    match = _MOMENT.fullmatch(text.strip())
    if not match or not text.isascii():
        raise ConditionError(f"{text[:40]!r} isn't a date or time of the form {', '.join(FORMS.values())}")
    try:
        if match["only"]:
            clock = datetime.time.fromisoformat(match["only_clock"])
            seconds = Fraction(clock.hour * 3_600 + clock.minute * 60 + clock.second)
            return Moment("time", seconds + Fraction(match["only_fraction"] or 0))
        moment = datetime.datetime.fromisoformat(f"{match['date']} {match['clock'] or '00:00'}")
    except ValueError as problem:
        raise ConditionError(f"{text!r} isn't a valid date or time ({problem})") from None
    since = moment - _EPOCH
    seconds = since.days * _DAY + since.seconds + Fraction(match["fraction"] or 0)
    if match["zone"]:
        return Moment("moment", seconds - _offset(match["zone"]), zoned=True)
    return Moment("moment" if match["clock"] else "date", seconds)


def to_ticks(text: str, dtype: pl.DataType, name: str) -> Fraction:
    """Return a text's date or time in ticks of a column's type: days, or units of time, since 1970 or midnight.

    For a column with a time zone, a time without an offset is local time in that zone.

    Raises
    ------
    ConditionError
        If the text isn't a date or time, or not of the column's kind.
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
    """Return the UTC seconds of a local time in a zone; the earlier if there are two."""
    whole = int(seconds // 1)
    clocks = pl.Series([whole * 1_000_000], dtype=pl.Int64).cast(pl.Datetime("us"))
    zoned = clocks.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    if zoned[0] is None:
        raise ConditionError(f"the local time {text} doesn't exist in {zone}, because clocks are set forward")
    return Fraction(int(zoned.to_physical()[0]), 1_000_000) + seconds - whole
