"""Parsing of years, dates, times and numbers as people write them: "c. 1850", "[1851]", "31.12.1929", "1850s".

Each is an interval: a year is all its days, "1850s" ten years. An ambiguous text (day or month first, a month or years)
has two readings, between which the rest of the column may decide.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator
from typing import NamedTuple

MISSING = frozenset(
    [
        *("0000", "0000-00-00", "00.00.0000", "00/00/0000"),
        *("", "-", "--", ".", "?", "n/a", "na", "n.a.", "nan", "nil", "none", "null", "not available", "tbd", "x"),
        *(
            "unknown",
            "unbekannt",
            "undated",
            "no date",
            "n.d.",
            "n. d.",
            "nd",
            "s.d.",
            "s. d.",
            "s.a.",
            "s. a.",
            "o.j.",
        ),
    ]
)  # what is written for an unknown date, also in Latin and German
FAR = 2**62  # beyond every moment
DAY = 86_400_000_000  # microseconds
_MONTHS = [
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
]
_MONTH = rf"(?P<month>{'|'.join(f'{name[:3]}(?:{name[3:]})?' if name[3:] else name for name in _MONTHS)}|sept)\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?\.?"
_YEAR = r"(?P<year>\d{3,4})"
_NAMED = [
    re.compile(rf"{_DAY}[ \-/]*(?:of )?{_MONTH}[ ,\-/]*{_YEAR}"),
    re.compile(rf"{_MONTH}[ \-]*{_DAY}(?:,? +|, ?|-){_YEAR}"),
    re.compile(rf"{_MONTH}[ ,\-/]*{_YEAR}"),
    re.compile(rf"{_YEAR}[ ,\-]*{_MONTH}(?:[ \-]*{_DAY})?"),
]
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?|[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_COMPACT = re.compile(r"([12]\d{3})(\d\d)(\d\d)")  # 19450508
_SHORT_YEAR = re.compile(r"['’‘`]\d\d")  # of some century
_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_SPLIT = re.compile(r"(\d{1,2})([./-]) ?(\d{1,2})\2 ?(\d{4})")
_MONTH_YEAR = re.compile(r"(\d{1,2})[/.](\d{4})")
_RANGE = re.compile(r"(\d{1,4}) ?(-|/|to|or|and|bis) ?(\d{1,4})")
_TIME = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)? ?(?P<half>am|pm)?"
)
_WITH_TIME = re.compile(rf"(.*\d)(?:t|,? ){_TIME.pattern} ?(?P<zone>z|utc|gmt|[+-]\d\d(?::?\d\d)?)?(?:\[[\w/+-]+\])?")
_APPROXIMATE = re.compile(
    r"(?:circa|approx(?:imately)?|about|around|ca|cca|c|um|etwa|vers|early|late|mid|copyright|cop|anno|ad|in|year|from|"
    r"between|spring|summer|autumn|fall|winter)(?:\b[. -]*|(?=\d))"
)
_BEFORE, _AFTER = re.compile(r"(?:before|until|pre|ante|<)[ -]*"), re.compile(r"(?:after|since|post|>)[ -]*")
_CHRIST = re.compile(r" ?(?:(?P<before>b\.?c\.?(?:e\.?)?)|a\.?d\.?|c\.?e\.?)$")
_MARKS = " []()<>{}\"'?,;:~©*"


class DateReading(NamedTuple):
    """One reading of a text as an interval that includes both ends."""

    number: tuple[float, float] | None = None  # a number, or a year
    moment: tuple[int, int] | None = None  # microseconds since 1970, in local time
    clock: int | None = None  # microseconds since midnight
    offset: int | None = None  # from UTC in microseconds, if it is written
    choice: str = ""  # the kind of ambiguity, such as "date/"
    chosen: str = ""  # its resolution: "day" or "month" first, or a "month" or "range"
    plain: bool = True  # exactly one number, year, month or moment, not approximate


def read_date(text: str) -> list[DateReading]:
    """Return the readings of a text; none if it isn't a number, a year, a date or a time.

    Examples
    --------
    >>> [reading.number for reading in read_date("c. 1850")], [reading.chosen for reading in read_date("05/06/1920")]
    ([(1850.0, 1850.0)], ['day', 'month'])
    """
    written = re.sub(r"[\u2010-\u2015\u2212]", "-", " ".join(text.split())).casefold()
    if written in MISSING or _SHORT_YEAR.fullmatch(written):
        return []
    compact = _COMPACT.fullmatch(written)
    if compact and (day := list(_day(int(compact[1]), int(compact[2]), int(compact[3])))):
        return day
    if _NUMBER.fullmatch(written):
        number = float(written.replace(",", ""))
        return [_number(number)] if math.isfinite(number) else []
    return list(_dates(written)) or [one for one in (_clock(written),) if one] or list(_approximate(written))


def is_missing_date(text: str) -> bool:
    """Check whether a text stands for a missing value."""
    return " ".join(text.split()).casefold() in MISSING


def year(number: int) -> tuple[int, int]:
    """Return the first and the last microsecond of a year."""
    return _start(number, 1, 1), _start(number + 1, 1, 1) - 1


def start_of(moment: datetime.date) -> int:
    """Return a date or moment in microseconds since 1970, in its own time zone."""
    days = _start(moment.year, moment.month, moment.day)
    return days + micros(moment.time()) if isinstance(moment, datetime.datetime) else days


def micros(clock: datetime.time) -> int:
    """Return a time of day in microseconds since midnight."""
    return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1_000_000 + clock.microsecond


def _start(of_year: int, month: int, day: int) -> int:
    """Return the start of a day, also before the year 1, where Python's calendar ends."""
    cycles, rest = divmod(of_year - 1, 400)  # 400 years are 146,097 days
    days = datetime.date(rest + 1, month, day).toordinal() + cycles * 146_097
    return (days - datetime.date(1970, 1, 1).toordinal()) * DAY


def _number(number: float, *, plain: bool = True) -> DateReading:
    whole = abs(number) <= 9_999 and number == int(number)
    return DateReading((number, number), year(int(number)) if whole else None, plain=plain)


def _years(first: int, last: int, *, choice: str = "", plain: bool = False) -> DateReading:
    chosen = "range" if choice else ""
    return DateReading(
        (float(first), float(last)), (year(first)[0], year(last)[1]), choice=choice, chosen=chosen, plain=plain
    )


# -- dates ----------------------------------------------------------------------------------------------------


def _dates(written: str) -> Iterator[DateReading]:
    """Iterate over the readings of a date with a day or a month, with or without a time."""
    match = _WITH_TIME.fullmatch(written)
    clock, offset = (_of_day(match), _offset(match["zone"])) if match else (None, None)
    if match and clock is None:
        return
    for reading in _days(match[1] if match else written):
        assert reading.moment is not None
        low, high = reading.moment
        if clock is None:
            yield reading
        elif high - low < DAY:
            yield reading._replace(moment=(low + clock, low + clock), offset=offset)


def _days(written: str) -> Iterator[DateReading]:
    if match := _ISO.fullmatch(written):
        yield from _day(int(match[1]), int(match[3]), int(match[4]))
    elif match := _SPLIT.fullmatch(written):
        yield from _either_first(int(match[1]), match[2], int(match[3]), int(match[4]))
    elif match := _MONTH_YEAR.fullmatch(written):
        yield from _month(int(match[2]), int(match[1]))
    elif (match := _RANGE.fullmatch(written)) and len(match[1]) == 4 and len(match[3]) == 2:
        yield from _month_or_range(int(match[1]), match[2], match[3])
    else:
        for form in _NAMED:
            if match := form.fullmatch(written):
                parts = match.groupdict()
                month = next(n for n, name in enumerate(_MONTHS, 1) if name[:3] == parts["month"][:3])
                day = parts.get("day")
                yield from _day(int(parts["year"]), month, int(day)) if day else _month(int(parts["year"]), month)
                return


def _day(of_year: int, month: int, day: int, choice: str = "", chosen: str = "") -> Iterator[DateReading]:
    try:
        start = _start(of_year, month, day)
    except ValueError:  # there is no such day
        return
    yield DateReading(moment=(start, start + DAY - 1), choice=choice, chosen=chosen)


def _month(of_year: int, month: int, choice: str = "") -> Iterator[DateReading]:
    if 1 <= month <= 12:
        after = _start(of_year + month // 12, month % 12 + 1, 1)
        chosen = "month" if choice else ""
        yield DateReading(moment=(_start(of_year, month, 1), after - 1), choice=choice, chosen=chosen)


def _either_first(first: int, mark: str, second: int, of_year: int) -> Iterator[DateReading]:
    """Iterate over the readings of a day and a month in either order; with dots, the day is first if possible."""
    if first == second:
        yield from _day(of_year, second, first)
        return
    day_first = list(_day(of_year, second, first, f"date{mark}", "day"))
    yield from day_first
    if mark != "." or not day_first:
        yield from _day(of_year, first, second, f"date{mark}", "month")


def _month_or_range(first: int, mark: str, second: str) -> Iterator[DateReading]:
    """Iterate over the readings of 1905-07, a month or years; 2021-03 and 1850-60 can only be one of them."""
    yield from _month(first, int(second), f"month{mark}") if mark in "-/" else ()
    last = first // 100 * 100 + int(second)
    if last > first:
        yield _years(first, last, choice=f"month{mark}" if mark in "-/" else "")


def _of_day(match: re.Match[str]) -> int | None:
    hour, half = int(match["hour"]), match["half"]
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + 12 * (half == "pm") if half else hour
    fraction = int((match["fraction"] or "").ljust(6, "0")[:6])
    try:
        return micros(datetime.time(hour, int(match["minute"]), int(match["second"] or 0), fraction))
    except ValueError:
        return None


def _offset(zone: str | None) -> int | None:
    if not zone:
        return None
    if zone in ("z", "utc", "gmt"):
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return (-minutes if zone[0] == "-" else minutes) * 60_000_000


def _clock(written: str) -> DateReading | None:
    match = _TIME.fullmatch(written)
    clock = _of_day(match) if match else None
    return None if clock is None else DateReading(clock=clock)


# -- approximate dates -----------------------------------------------------------------------------------------------


def _approximate(written: str) -> Iterator[DateReading]:
    """Iterate over the readings of approximate dates: in brackets, decades, centuries, ranges, before and after."""
    if match := re.fullmatch(r"\[?([12]\d\d)\?\]?", written):  # a decade, in catalogues, or an unsure year of long ago
        yield _years(int(match[1]), int(match[1]) * 10 + 9)
        return
    for form, before in ((_BEFORE, True), (_AFTER, False)):
        core = written.lstrip(" [(")
        if match := form.match(core):
            yield from _open(list(_stripped(core[match.end() :])), before=before)
            return
    yield from _stripped(written)


def _open(readings: list[DateReading], *, before: bool) -> Iterator[DateReading]:
    for number, moment, *_ in readings:
        infinite = float("inf")
        if before:
            yield DateReading(
                (-infinite, number[0] - 1) if number else None, (-FAR, moment[0] - 1) if moment else None, plain=False
            )
        else:
            yield DateReading(
                (number[1] + 1, infinite) if number else None, (moment[1] + 1, FAR) if moment else None, plain=False
            )


def _stripped(written: str) -> Iterator[DateReading]:
    """Iterate over the readings of a year or date without the marks and words around it."""
    core = written
    while True:
        inside = core.strip(_MARKS)
        inside = inside[:-1] if re.search(r"\d\.$", inside) else inside
        if match := _APPROXIMATE.match(inside):
            inside = inside[match.end() :]
        if inside == core:
            break
        core = inside
    era = _CHRIST.search(core)
    core, past = (core[: era.start()], bool(era["before"])) if era else (core, False)
    if _NUMBER.fullmatch(core):
        number = float(core.replace(",", ""))
        yield _number(-number if past else number, plain=era is not None and core + written[era.start() :] == written)
        return
    found_span = _span(core)
    if found_span:
        first, last = found_span
        yield _years(*sorted((-first, -last))) if past else _years(first, last)
    elif not past:
        for reading in _dates(core):
            yield reading._replace(plain=False)


def _span(core: str) -> tuple[int, int] | None:
    """Return the first and last year of a decade, a century or a range."""
    if match := re.fullmatch(r"(\d{2,3})0'?s", core):
        first = int(match[1]) * 10
        return first, first + (99 if first % 100 == 0 else 9)  # the 1800s may be a century
    if match := re.fullmatch(r"(\d\d\d)[-x_u]", core):
        return int(match[1]) * 10, int(match[1]) * 10 + 9
    if match := re.fullmatch(r"(\d\d)(?:--|xx|__|uu)", core):
        return int(match[1]) * 100, int(match[1]) * 100 + 99
    if match := re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th) ?-?(?:century|cent|c)\.?", core):
        return (int(match[1]) - 1) * 100 + 1, int(match[1]) * 100
    if (match := _RANGE.fullmatch(core)) and len(match[1]) >= 3:
        first, last = int(match[1]), match[3]
        full = int(match[1][: len(match[1]) - len(last)] + last) if len(last) < len(match[1]) else int(last)
        return (first, full) if full >= first else None
    return None
