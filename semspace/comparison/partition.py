"""The parts of one corpus by a column of its metadata: by its values, or by periods between cuts."""

from __future__ import annotations

import datetime
import math
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.comparison import written_dates
from semspace.comparison.written_dates import Reading
from semspace.display import clip
from semspace.errors import InputError, SemspaceWarning

Rows = npt.NDArray[np.int64]
_NUMBERS_AS_THEY_ARE = 12
_ACROSS, _UNREADABLE, _NONE, _UNSURE = -1, -2, -3, -4  # labels of what has no period
_SHOWN = 3  # values that a sentence names
_REMEDY = (
    "write dates as 1920-06-05, for example with polars: "
    "pl.col({by!r}).str.to_date('%d/%m/%Y'), or '%m/%d/%Y' where the month is first"
)


@dataclass(frozen=True)
class Parts:
    """The parts of a corpus, in the order of the column's values, and what is in none of them.

    Parameters
    ----------
    names : tuple of str
    rows : tuple of ndarray of int
        The documents of each part.
    left_out : int
        Documents without a value that has a place.
    notes : tuple of str
        What is to be known: of these documents, and of cuts without any.
    """

    names: tuple[str, ...]
    rows: tuple[Rows, ...]
    left_out: int = 0
    notes: tuple[str, ...] = ()


class _Cut(NamedTuple):
    """A cut: what the user wrote, and the place that stands for on the scale of the column."""

    said: str
    place: Any
    whole: int | None = None  # the year or whole number that it is


class _Periods(NamedTuple):
    labels: Rows  # the period of each document, or why there is none
    cuts: list[_Cut]
    whole: bool  # all values are whole numbers, or the cuts years
    span: tuple[str, str]  # the least and the greatest value


def parts_of(table: pl.DataFrame | None, by: str, bins: Any = None) -> tuple[tuple[str, ...], list[Rows]]:
    """Divide metadata by a column; return the parts' names and rows, in the order of the column's values."""
    found = divide(table, by, bins)
    for note in found.notes:
        warnings.warn(note, SemspaceWarning, stacklevel=3)
    return found.names, list(found.rows)


def divide(table: pl.DataFrame | None, by: str, bins: Any = None) -> Parts:
    """Divide metadata by a column.

    Raises
    ------
    InputError
        If there is no such column, it can't be divided so, or all documents are on one side of all cuts.
    """
    values = _column(table, by)
    if bins is not None:
        return _by_periods(values, by, bins)
    labels, names = _values(values, by)
    missing = int((labels < 0).sum())
    notes = (f"{missing:,} of {len(values):,} documents have no {by!r} and are left out",) if missing else ()
    parts = [(name, np.flatnonzero(labels == number)) for number, name in enumerate(names)]
    parts = [(name, rows) for name, rows in parts if len(rows)]
    return Parts(tuple(name for name, _ in parts), tuple(rows for _, rows in parts), missing, notes)


def _column(table: pl.DataFrame | None, by: str) -> pl.Series:
    if table is None or by not in table.columns:
        known = ", ".join(name for name in table.columns if name not in ("id", "text")) if table is not None else ""
        raise InputError(f"by: there is no column {by!r}; there are {known or 'none'}")
    values = table[by]
    if values.dtype.is_nested() or values.dtype in (pl.Object, pl.Binary):
        raise InputError(f"by: the column {by!r} must hold texts, numbers or dates; it holds {values.dtype}")
    if values.dtype in (pl.Categorical, pl.Enum):
        return values.cast(pl.String)  # type: ignore[no-any-return]
    return values.fill_nan(None) if values.dtype.is_float() else values


# -- by values ------------------------------------------------------------------------------------------------


def _values(values: pl.Series, by: str) -> tuple[Rows, list[str]]:
    different = values.drop_nulls().unique().sort()
    ordered = values.dtype.is_numeric() or values.dtype.is_temporal()
    if ordered and len(different) > _NUMBERS_AS_THEY_ARE:
        raise InputError(
            f"by={by!r} has {len(different):,} different values, from {different[0]} to {different[-1]}; say where to "
            f"cut it, as in bins={_middle(different)!r} or a list of such"
        )
    number = {value: place for place, value in enumerate(different.to_list())}
    labels = np.array([number.get(value, -1) for value in values.to_list()], np.int64)
    return labels, [_name(value) for value in different.to_list()]


def _middle(values: pl.Series) -> Any:
    middle = values[len(values) // 2]
    return str(middle) if values.dtype.is_temporal() else middle


def _name(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "(empty)"


# -- by periods -----------------------------------------------------------------------------------------------


def _by_periods(values: pl.Series, by: str, bins: Any) -> Parts:
    """Divide by periods; each begins with its cut."""
    given = _listed(bins)
    if values.dtype == pl.String:
        found = _periods_of_texts(values, by, given)
    elif values.dtype in (pl.Date, pl.Datetime, pl.Time):
        found = _periods_of_times(values, by, given)
    elif values.dtype.is_numeric():
        found = _periods_of_numbers(values, by, given)
    else:
        raise InputError(f"bins need a column of numbers, dates or texts; {by!r} holds {values.dtype}")
    names = _period_names(found.cuts, found.whole)
    parts = [(name, np.flatnonzero(found.labels == place)) for place, name in enumerate(names)]
    kept = [(name, rows) for name, rows in parts if len(rows)]
    if len(kept) < 2:
        raise InputError(
            f"bins={', '.join(cut.said for cut in found.cuts)} leave all documents in one period: {by!r} runs from "
            f"{found.span[0]} to {found.span[1]}"
        )
    empty = [name for name, rows in parts if not len(rows)]
    notes = _notes(values, by, found.labels)
    if empty:
        notes.append(f"no document has a {by!r} of {', '.join(empty)}")
    left_out = int((found.labels < 0).sum())
    return Parts(tuple(name for name, _ in kept), tuple(rows for _, rows in kept), left_out, tuple(notes))


def _listed(bins: Any) -> list[Any]:
    several = isinstance(bins, Iterable) and not isinstance(bins, (str, bytes, dict))
    given = [cut.item() if isinstance(cut, np.generic) else cut for cut in (bins if several else [bins])]
    if not given:
        raise InputError("bins must be a value of the column, or a list of them; got an empty list")
    return given


def _notes(values: pl.Series, by: str, labels: Rows) -> list[str]:
    """Say how many documents are in no period, and why."""
    total = int((labels < 0).sum())
    if not total:
        return []
    reasons = [f"{none:,} without a value"] if (none := int((labels == _NONE).sum())) else []
    for label, what in ((_UNREADABLE, "not a number or date"), (_ACROSS, "on both sides of a cut")):
        rows = np.flatnonzero(labels == label)
        if len(rows):
            shown = [
                repr(clip(str(value), 30)) for value in values.gather(rows).unique(maintain_order=True).head(_SHOWN)
            ]
            reasons.append(f"{len(rows):,} {what}, such as {', '.join(shown)}")
    left = f"{total:,} of {len(values):,} documents are left out, since {by!r} puts them in no period"
    return [f"{left}: {'; '.join(reasons)}"]


def _checked(cuts: list[_Cut]) -> list[_Cut]:
    """Return cuts in their order, each of them once."""
    ordered = sorted(cuts, key=lambda cut: cut.place)
    for one, other in pairwise(ordered):
        if one.place == other.place:
            same = one.said if one.said == other.said else f"{one.said} and {other.said}"
            raise InputError(f"bins must differ; {same} comes twice")
    return ordered


def _period_names(cuts: list[_Cut], whole: bool) -> list[str]:
    names = [f"before {cuts[0].said}"]
    for low, high in pairwise(cuts):
        years = whole and low.whole is not None and high.whole is not None
        last = f"{high.whole - 1}" if years and high.whole is not None else f"before {high.said}"
        names.append(low.said if years and low.said == last else f"{low.said} to {last}")
    return [*names, f"{cuts[-1].said} and after"]


def _cut_said(cut: Any) -> str:
    """Return a cut as its user wrote it."""
    if isinstance(cut, datetime.datetime) and cut.time() == datetime.time() and cut.tzinfo is None:
        return str(cut.date())
    return " ".join(cut.split()) if isinstance(cut, str) else str(cut)


def _periods_of_numbers(values: pl.Series, by: str, given: list[Any]) -> _Periods:
    cuts = _checked([_number_cut(cut, by) for cut in given])
    labels = np.full(len(values), _NONE, np.int64)
    labels[values.is_not_null().to_numpy()] = 0
    for cut in cuts:
        labels[(values >= cut.place).fill_null(False).to_numpy()] += 1
    return _Periods(labels, cuts, values.dtype.is_integer(), (str(values.min()), str(values.max())))


def _number_cut(cut: Any, by: str) -> _Cut:
    number = cut
    if isinstance(cut, str):
        found = written_dates.read(cut)
        number = found[0].number[0] if len(found) == 1 and found[0].plain and found[0].number else None
        number = int(number) if number is not None and number.is_integer() else number
    elif not isinstance(cut, (int, float)) or isinstance(cut, bool) or math.isnan(cut):
        number = None
    if number is None:
        raise InputError(f"bins must be numbers, as the column {by!r} holds; got {_shown(cut)}")
    return _Cut(_cut_said(cut), number, int(number) if isinstance(number, int) else None)


def _shown(cut: Any) -> str:
    return clip(repr(cut) if not isinstance(cut, datetime.date) else str(cut), 60)


# -- times ----------------------------------------------------------------------------------------------------


def _periods_of_times(values: pl.Series, by: str, given: list[Any]) -> _Periods:
    """Divide dates, moments or times of day; a cut without an offset goes by the column's own clocks."""
    if values.dtype == pl.Time:
        cuts = _checked([_clock_cut(cut, by) for cut in given])
        places = values.to_physical() // 1_000
    else:
        cuts, zoned = _moment_cuts(given)
        zone = values.dtype.time_zone if isinstance(values.dtype, pl.Datetime) else None
        if zoned and zone is None:
            raise InputError(f"the column {by!r} has no time zone: write bins={_shown(given[0])} without an offset")
        if zone is not None:
            values = (values.dt.convert_time_zone("UTC") if zoned else values).dt.replace_time_zone(None)
        places = values.cast(pl.Datetime("us")).to_physical()
    labels = np.full(len(values), _NONE, np.int64)
    known = values.is_not_null().to_numpy()
    labels[known] = np.searchsorted([cut.place for cut in cuts], places.drop_nulls().to_numpy(), side="right")
    return _Periods(labels, cuts, True, (str(values.min()), str(values.max())))


def _clock_cut(cut: Any, by: str) -> _Cut:
    if isinstance(cut, datetime.time):
        return _Cut(_cut_said(cut), written_dates.micros(cut))
    found = written_dates.read(cut) if isinstance(cut, str) else []
    if len(found) != 1 or found[0].clock is None:
        raise InputError(f"bins must be times of day such as '12:30', as the column {by!r} holds; got {_shown(cut)}")
    return _Cut(_cut_said(cut), found[0].clock)


def _moment_cuts(given: list[Any], chosen: dict[str, str] | None = None) -> tuple[list[_Cut], bool]:
    """Return cuts as moments, and whether they go by UTC instead of by the clocks of the column."""
    cuts = [_moment_cut(cut, chosen or {}) for cut in given]
    zoned = {offset is not None for _, offset in cuts}
    if len(zoned) > 1:
        raise InputError("bins must all have an offset, or none of them")
    return _checked([cut._replace(place=cut.place - (offset or 0)) for cut, offset in cuts]), zoned.pop()


def _moment_cut(cut: Any, chosen: dict[str, str]) -> tuple[_Cut, int | None]:
    """Return a cut as a moment, and the offset of its clocks from UTC if it has one."""
    if isinstance(cut, datetime.date):
        away = cut.utcoffset() if isinstance(cut, datetime.datetime) else None
        offset = None if away is None else round(away.total_seconds() * 1_000_000)
        return _Cut(_cut_said(cut), written_dates.start_of(cut)), offset
    number = isinstance(cut, (int, float)) and not isinstance(cut, bool)
    readings = written_dates.read(f"{cut:.15g}" if number else cut) if number or isinstance(cut, str) else []
    readings = [one for one in _preferred(readings, chosen) if one.moment is not None and one.plain]
    if not readings:
        raise InputError(f"bins must be years or dates such as 2021-03-05; got {_shown(cut)}")
    places = {one.moment[0] for one in readings if one.moment is not None}
    if len(places) > 1:
        raise InputError(f"bins={_shown(cut)} has the day or the month first; write it as 2021-03-05")
    years = [int(one.number[0]) for one in readings if one.number is not None]
    return _Cut(_cut_said(cut), places.pop(), years[0] if years else None), readings[0].offset


# -- texts ----------------------------------------------------------------------------------------------------


def _periods_of_texts(values: pl.Series, by: str, given: list[Any]) -> _Periods:
    """Divide numbers, years, dates or times of day that are written out, as people write them."""
    different = values.drop_nulls().unique(maintain_order=True)
    readings = {text: written_dates.read(text) for text in different.to_list()}
    _check_order(readings, by)
    scale = _scale(readings.values(), given)
    readings = {text: [one for one in found if getattr(one, scale) is not None] for text, found in readings.items()}
    chosen = _chosen(readings.values())
    readings = {text: _preferred(found, chosen) for text, found in readings.items()}
    zoned = False
    if scale == "number":
        cuts = _checked([_number_cut(cut, by) for cut in given])
    elif scale == "clock":
        cuts = _checked([_clock_cut(cut, by) for cut in given])
    else:
        cuts, zoned = _moment_cuts(given, chosen)
    places = [cut.place for cut in cuts]
    labels = {text: _label(text, found, scale, places, zoned) for text, found in readings.items()}
    unsure = next((text for text, label in labels.items() if label == _UNSURE), None)
    if unsure is not None:
        raise InputError(
            f"{by!r} holds {unsure!r}, which has two readings (day or month first, a month or a range of years), one "
            f"before a cut and one after it, and no other value tells which; {_REMEDY.format(by=by)}"
        )
    found_labels = np.array([_NONE if text is None else labels[text] for text in values.to_list()], np.int64)
    whole = scale == "moment" or all(
        end.is_integer() for found in readings.values() for one in found for end in one.number or () if abs(end) < 1e300
    )
    return _Periods(found_labels, cuts, whole, _span(readings, scale))


def _check_order(readings: dict[str, list[Reading]], by: str) -> None:
    """Refuse a column of which most values are neither numbers nor times: it has no order but the alphabet's."""
    others = [text for text in readings if not readings[text] and not written_dates.is_missing(text)]
    read = sum(map(bool, readings.values()))
    if not read or len(others) > read:
        such = ", ".join(repr(clip(text, 30)) for text in others[:_SHOWN]) or "none at all"
        raise InputError(
            f"bins need a column of numbers, years or dates; {by!r} holds texts such as {such}, of which {read:,} of "
            f"{read + len(others):,} different ones can be read as such (years have four digits in dates)"
        )


def _scale(readings: Iterable[list[Reading]], given: Sequence[Any]) -> str:
    """Return what a column holds: a field of `Reading`."""
    kinds = Counter(_kind(found) for found in readings if found)
    cuts = [
        "moment" if isinstance(cut, datetime.date) else _kind(written_dates.read(cut)) if isinstance(cut, str) else ""
        for cut in given
    ]
    if kinds["clock"] > kinds.total() / 2:
        return "clock"
    dated = kinds["moment"] >= kinds["number"] and kinds["moment"] > 0
    return "moment" if dated or ("moment" in cuts and kinds["number"] <= kinds["year"]) else "number"


def _kind(found: list[Reading]) -> str:
    if not found or found[0].clock is not None:
        return "clock" if found else ""
    if any(one.number is None for one in found):
        return "moment"
    return "number" if found[0].moment is None else "year"


def _chosen(readings: Iterable[list[Reading]]) -> dict[str, str]:
    """Return how each kind of choice goes in this column, where its values that leave none all say the same."""
    seen: dict[str, set[str]] = {}
    for found in readings:
        if len(found) == 1 and found[0].choice:
            seen.setdefault(found[0].choice, set()).add(found[0].chosen)
    return {choice: ways.pop() for choice, ways in seen.items() if len(ways) == 1}


def _preferred(found: list[Reading], chosen: dict[str, str]) -> list[Reading]:
    wanted = [one for one in found if chosen.get(one.choice, one.chosen) == one.chosen]
    return wanted or found


def _label(text: str, found: list[Reading], scale: str, places: list[Any], zoned: bool) -> int:
    """Return the period in which a text lies under all its readings, or why there is none."""
    if not found:
        return _NONE if written_dates.is_missing(text) else _UNREADABLE
    labels = set()
    for one in found:
        value = getattr(one, scale)
        low, high = value if isinstance(value, tuple) else (value, value)
        if zoned:
            if one.offset is None:
                return _UNREADABLE
            low, high = low - one.offset, high - one.offset
        first, last = np.searchsorted(places, [low, high], side="right").tolist()
        labels.add(first if first == last else _ACROSS)
    return labels.pop() if len(labels) == 1 else _UNSURE


def _span(readings: dict[str, list[Reading]], scale: str) -> tuple[str, str]:
    """Return the texts with the least and the greatest value."""
    first = {
        text: value[0] if isinstance(value, tuple) else value
        for text, found in readings.items()
        for value in (getattr(found[0], scale) if found else None,)
        if value is not None
    }
    return min(first, key=first.__getitem__), max(first, key=first.__getitem__)
