"""Partition of one corpus by a column of its metadata: by its values, or by the periods between bin edges."""

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
import polars as pl

from semspace import checks
from semspace.comparison import written_dates
from semspace.comparison.written_dates import DateReading
from semspace.deprecation import renamed_function
from semspace.display import clip
from semspace.errors import InputError, SemspaceWarning
from semspace.types import Bools1d, Ints1d

_MAX_NUMBERS = 12  # different numbers that are values; more need bins
_ACROSS, _UNREADABLE, _NONE, _UNSURE = -1, -2, -3, -4  # labels of documents without a period
_MAX_EXAMPLES = 3  # values that a message shows
_REMEDY = (
    "write dates as 1920-06-05, for example with polars: "
    "pl.col({by!r}).str.to_date('%d/%m/%Y'), or '%m/%d/%Y' where the month is first"
)


@dataclass(frozen=True)
class Partition:
    """The parts of a corpus, in the order of the column's values, and the documents in none of them.

    Parameters
    ----------
    names : tuple of str
    rows : tuple of ndarray of int
        The documents of each part.
    left_out : int
        The number of documents that are in no part.
    notes : tuple of str
        Sentences about these documents, and about empty periods.
    """

    names: tuple[str, ...]
    rows: tuple[Ints1d, ...]
    left_out: int = 0
    notes: tuple[str, ...] = ()


class _Edge(NamedTuple):
    """A bin edge: as the user wrote it, and its position on the scale of the column."""

    text: str
    position: Any
    whole_number: int | None = None  # if it is a year or a whole number


class _Periods(NamedTuple):
    labels: Ints1d  # the period of each document, or why it has none
    edges: list[_Edge]
    whole_number: bool  # all values are whole numbers, or the edges years
    span: tuple[str, str]  # the least and the greatest value


def partition_rows(table: pl.DataFrame | None, by: str, bins: Any = None) -> tuple[tuple[str, ...], list[Ints1d]]:
    """Return the names and rows of the parts by a column, in the order of its values."""
    result = partition(table, by, bins)
    for note in result.notes:
        warnings.warn(note, SemspaceWarning, stacklevel=3)
    return result.names, list(result.rows)


parts_of = renamed_function("parts_of", partition_rows)


def partition(table: pl.DataFrame | None, by: str, bins: Any = None) -> Partition:
    """Return the partition of metadata by a column.

    Raises
    ------
    InputError
        If there is no such column, it can't be divided, or all documents are on one side of all edges.
    """
    values = _column(table, by)
    if bins is not None:
        return _by_periods(values, by, bins)
    labels, names = _by_values(values, by)
    missing = int((labels < 0).sum())
    notes = (f"{missing:,} of {len(values):,} documents have no {by!r} and are left out",) if missing else ()
    parts = [(name, np.flatnonzero(labels == number)) for number, name in enumerate(names)]
    parts = [(name, rows) for name, rows in parts if len(rows)]
    return Partition(tuple(name for name, _ in parts), tuple(rows for _, rows in parts), missing, notes)


def _column(table: pl.DataFrame | None, by: str) -> pl.Series:
    if table is None or by not in table.columns:
        raise InputError(checks.missing_column("by", by, () if table is None else table.columns))
    values = table[by]
    if values.dtype.is_nested() or values.dtype in (pl.Object, pl.Binary):
        raise InputError(f"by: the column {by!r} must hold texts, numbers or dates; it holds {values.dtype}")
    if values.dtype in (pl.Categorical, pl.Enum):
        return values.cast(pl.String)  # type: ignore[no-any-return]
    return values.fill_nan(None) if values.dtype.is_float() else values


# -- by values ------------------------------------------------------------------------------------------------


def _by_values(values: pl.Series, by: str) -> tuple[Ints1d, list[str]]:
    different = values.drop_nulls().unique().sort()
    ordered = values.dtype.is_numeric() or values.dtype.is_temporal()
    if ordered and len(different) > _MAX_NUMBERS:
        raise InputError(
            f"by={by!r} has {len(different):,} different values, from {different[0]} to {different[-1]}; give "
            f"bins, as in bins={_median(different)!r} or a list of such"
        )
    # Not by Python's values: of two hours that share a name at the end of summer time it sees one, and no nanoseconds.
    number = pl.DataFrame({"value": different}).with_row_index("number")
    found = pl.DataFrame({"value": values}).join(number, on="value", how="left", maintain_order="left")["number"]
    names = [_value_name(value) for value in different.to_list()]
    if values.dtype.is_temporal() and len(set(names)) < len(names):  # they differ by nanoseconds
        names = different.dt.to_string("iso").to_list()
    return found.cast(pl.Int64).fill_null(-1).to_numpy(), names


def _median(values: pl.Series) -> Any:
    median = values[len(values) // 2]
    return str(median) if values.dtype.is_temporal() else median


def _value_name(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "(empty)"


# -- by periods -----------------------------------------------------------------------------------------------


def _by_periods(values: pl.Series, by: str, bins: Any) -> Partition:
    """Partition by periods; each begins with its edge."""
    bin_values = _as_list(bins)
    if values.dtype == pl.String:
        found = _periods_of_texts(values, by, bin_values)
    elif values.dtype in (pl.Date, pl.Datetime, pl.Time):
        found = _periods_of_times(values, by, bin_values)
    elif values.dtype.is_numeric():
        found = _periods_of_numbers(values, by, bin_values)
    else:
        raise InputError(f"bins need a column of numbers, dates or texts; {by!r} holds {values.dtype}")
    names = _period_names(found.edges, found.whole_number)
    parts = [(name, np.flatnonzero(found.labels == position)) for position, name in enumerate(names)]
    kept = [(name, rows) for name, rows in parts if len(rows)]
    if len(kept) < 2:
        raise InputError(
            f"bins={', '.join(edge.text for edge in found.edges)} put all documents into one period: {by!r} goes from "
            f"{found.span[0]} to {found.span[1]}"
        )
    empty = [name for name, rows in parts if not len(rows)]
    notes = _notes(values, by, found.labels)
    if empty:
        notes.append(f"no document has a {by!r} of {', '.join(empty)}")
    left_out = int((found.labels < 0).sum())
    return Partition(tuple(name for name, _ in kept), tuple(rows for _, rows in kept), left_out, tuple(notes))


def _as_list(bins: Any) -> list[Any]:
    several = isinstance(bins, Iterable) and not isinstance(bins, (str, bytes, dict))
    bin_values = [edge.item() if isinstance(edge, np.generic) else edge for edge in (bins if several else [bins])]
    if not bin_values:
        raise InputError("bins must be a value of the column, or a list of them; got an empty list")
    return bin_values


def _notes(values: pl.Series, by: str, labels: Ints1d) -> list[str]:
    """Return a note on how many documents are in no period, and why."""
    total = int((labels < 0).sum())
    if not total:
        return []
    reasons = [f"{none:,} without a value"] if (none := int((labels == _NONE).sum())) else []
    for label, what in ((_UNREADABLE, "not a number or date"), (_ACROSS, "on both sides of an edge")):
        rows = np.flatnonzero(labels == label)
        if len(rows):
            shown = [
                repr(clip(str(value), 30))
                for value in values.gather(rows).unique(maintain_order=True).head(_MAX_EXAMPLES)
            ]
            reasons.append(f"{len(rows):,} {what}, such as {', '.join(shown)}")
    left = f"{total:,} of {len(values):,} documents are left out, since {by!r} puts them in no period"
    return [f"{left}: {'; '.join(reasons)}"]


def _in_order(edges: list[_Edge]) -> list[_Edge]:
    """Return edges in order, or raise `InputError` if two are equal."""
    ordered = sorted(edges, key=lambda edge: edge.position)
    for one, other in pairwise(ordered):
        if one.position == other.position:
            same = one.text if one.text == other.text else f"{one.text} and {other.text}"
            raise InputError(f"bins must differ; {same} comes twice")
    return ordered


def _period_names(edges: list[_Edge], whole_number: bool) -> list[str]:
    names = [f"before {edges[0].text}"]
    for low, high in pairwise(edges):
        years = whole_number and low.whole_number is not None and high.whole_number is not None
        last = f"{high.whole_number - 1}" if years and high.whole_number is not None else f"before {high.text}"
        names.append(low.text if years and low.text == last else f"{low.text} to {last}")
    return [*names, f"{edges[-1].text} and after"]


def _edge_text(edge: Any) -> str:
    """Return an edge as the user wrote it."""
    if isinstance(edge, datetime.datetime) and edge.time() == datetime.time() and edge.tzinfo is None:
        return str(edge.date())
    return " ".join(edge.split()) if isinstance(edge, str) else str(edge)


def _periods_of_numbers(values: pl.Series, by: str, bin_values: list[Any]) -> _Periods:
    edges = _in_order([_number_edge(edge, by) for edge in bin_values])
    labels = np.full(len(values), _NONE, np.int64)
    labels[values.is_not_null().to_numpy()] = 0
    for edge in edges:
        labels[_reached(values, edge.position)] += 1
    return _Periods(labels, edges, values.dtype.is_integer(), (str(values.min()), str(values.max())))


def _reached(values: pl.Series, edge: float) -> Bools1d:
    """Return which values are at least an edge, which may be beyond what the column's type can hold."""
    low: Any = values.min()
    high: Any = values.max()
    if low is None or edge > high:
        return np.zeros(len(values), bool)
    reached = values.is_not_null() if edge <= low else (values >= edge).fill_null(False)
    return reached.to_numpy()


def _number_edge(edge: Any, by: str) -> _Edge:
    number = edge
    if isinstance(edge, str):
        found = written_dates.read_date(edge)
        number = found[0].number[0] if len(found) == 1 and found[0].plain and found[0].number else None
        number = int(number) if number is not None and number.is_integer() else number
    elif not isinstance(edge, (int, float)) or isinstance(edge, bool) or math.isnan(edge):
        number = None
    if number is None:
        raise InputError(f"bins must be numbers, as the column {by!r} holds; got {_quoted(edge)}")
    return _Edge(_edge_text(edge), number, int(number) if isinstance(number, int) else None)


def _quoted(edge: Any) -> str:
    return clip(repr(edge) if not isinstance(edge, datetime.date) else str(edge), 60)


# -- times ----------------------------------------------------------------------------------------------------


def _periods_of_times(values: pl.Series, by: str, bin_values: list[Any]) -> _Periods:
    """Partition dates, moments or times of day; an edge without an offset is in the column's time zone."""
    if values.dtype == pl.Time:
        edges = _in_order([_clock_edge(edge, by) for edge in bin_values])
        positions = values.to_physical() // 1_000
    else:
        edges, zoned = _moment_edges(bin_values)
        zone = values.dtype.time_zone if isinstance(values.dtype, pl.Datetime) else None
        if zoned and zone is None:
            raise InputError(
                f"the column {by!r} has no time zone: write bins={_quoted(bin_values[0])} without an offset"
            )
        if zone is not None:
            values = (values.dt.convert_time_zone("UTC") if zoned else values).dt.replace_time_zone(None)
        positions = values.cast(pl.Datetime("us")).to_physical()
    labels = np.full(len(values), _NONE, np.int64)
    has_value = values.is_not_null().to_numpy()
    labels[has_value] = np.searchsorted(
        [edge.position for edge in edges], positions.drop_nulls().to_numpy(), side="right"
    )
    return _Periods(labels, edges, True, (str(values.min()), str(values.max())))


def _clock_edge(edge: Any, by: str) -> _Edge:
    if isinstance(edge, datetime.time):
        return _Edge(_edge_text(edge), written_dates.micros(edge))
    found = written_dates.read_date(edge) if isinstance(edge, str) else []
    if len(found) != 1 or found[0].clock is None:
        raise InputError(f"bins must be times of day such as '12:30', as the column {by!r} holds; got {_quoted(edge)}")
    return _Edge(_edge_text(edge), found[0].clock)


def _moment_edges(bin_values: list[Any], conventions: dict[str, str] | None = None) -> tuple[list[_Edge], bool]:
    """Return edges as moments, and whether they are in UTC instead of the column's time zone."""
    edges = [_moment_edge(edge, conventions or {}) for edge in bin_values]
    zoned = {offset is not None for _, offset in edges}
    if len(zoned) > 1:
        raise InputError("bins must all have an offset, or none of them")
    return _in_order([edge._replace(position=edge.position - (offset or 0)) for edge, offset in edges]), zoned.pop()


def _moment_edge(edge: Any, conventions: dict[str, str]) -> tuple[_Edge, int | None]:
    """Return an edge as a moment, and its offset from UTC if it has one."""
    if isinstance(edge, datetime.date):
        away = edge.utcoffset() if isinstance(edge, datetime.datetime) else None
        offset = None if away is None else round(away.total_seconds() * 1_000_000)
        return _Edge(_edge_text(edge), written_dates.start_of(edge)), offset
    number = isinstance(edge, (int, float)) and not isinstance(edge, bool)
    readings = written_dates.read_date(f"{edge:.15g}" if number else edge) if number or isinstance(edge, str) else []
    readings = [one for one in _preferred(readings, conventions) if one.moment is not None and one.plain]
    if not readings:
        raise InputError(f"bins must be years or dates such as 2021-03-05; got {_quoted(edge)}")
    positions = {one.moment[0] for one in readings if one.moment is not None}
    if len(positions) > 1:
        raise InputError(f"bins={_quoted(edge)} is ambiguous: day or month first; write it as 2021-03-05")
    years = [int(one.number[0]) for one in readings if one.number is not None]
    return _Edge(_edge_text(edge), positions.pop(), years[0] if years else None), readings[0].offset


# -- texts ----------------------------------------------------------------------------------------------------


def _periods_of_texts(values: pl.Series, by: str, bin_values: list[Any]) -> _Periods:
    """Partition numbers, years, dates or times of day that are written out."""
    different = values.drop_nulls().unique(maintain_order=True)
    readings = {text: written_dates.read_date(text) for text in different.to_list()}
    _check_order(readings, by)
    scale = _scale(readings.values(), bin_values)
    readings = {text: [one for one in found if getattr(one, scale) is not None] for text, found in readings.items()}
    conventions = _conventions(readings.values())
    readings = {text: _preferred(found, conventions) for text, found in readings.items()}
    zoned = False
    if scale == "number":
        edges = _in_order([_number_edge(edge, by) for edge in bin_values])
    elif scale == "clock":
        edges = _in_order([_clock_edge(edge, by) for edge in bin_values])
    else:
        edges, zoned = _moment_edges(bin_values, conventions)
    positions = [edge.position for edge in edges]
    labels = {text: _label(text, found, scale, positions, zoned) for text, found in readings.items()}
    unsure = next((text for text, label in labels.items() if label == _UNSURE), None)
    if unsure is not None:
        raise InputError(
            f"{by!r} holds {unsure!r}, which has two readings (day or month first, a month or a range of years), one "
            f"before an edge and one after it, and no other value decides; {_REMEDY.format(by=by)}"
        )
    found_labels = np.array([_NONE if text is None else labels[text] for text in values.to_list()], np.int64)
    whole_number = scale == "moment" or all(
        end.is_integer() for found in readings.values() for one in found for end in one.number or () if abs(end) < 1e300
    )
    return _Periods(found_labels, edges, whole_number, _span(readings, scale))


def _check_order(readings: dict[str, list[DateReading]], by: str) -> None:
    """Raise `InputError` if most values are neither numbers nor times."""
    others = [text for text in readings if not readings[text] and not written_dates.is_missing_date(text)]
    read = sum(map(bool, readings.values()))
    if not read or len(others) > read:
        such = ", ".join(repr(clip(text, 30)) for text in others[:_MAX_EXAMPLES]) or "none at all"
        raise InputError(
            f"bins need a column of numbers, years or dates; {by!r} holds texts such as {such}, of which {read:,} of "
            f"{read + len(others):,} different ones can be read as such (years have four digits in dates)"
        )


def _scale(readings: Iterable[list[DateReading]], bin_values: Sequence[Any]) -> str:
    """Return the scale of a column: a field of `DateReading`."""
    kinds = Counter(_kind(found) for found in readings if found)
    edges = [
        "moment"
        if isinstance(edge, datetime.date)
        else _kind(written_dates.read_date(edge))
        if isinstance(edge, str)
        else ""
        for edge in bin_values
    ]
    if kinds["clock"] > kinds.total() / 2:
        return "clock"
    dated = kinds["moment"] >= kinds["number"] and kinds["moment"] > 0
    return "moment" if dated or ("moment" in edges and kinds["number"] <= kinds["year"]) else "number"


def _kind(found: list[DateReading]) -> str:
    if not found or found[0].clock is not None:
        return "clock" if found else ""
    if any(one.number is None for one in found):
        return "moment"
    return "number" if found[0].moment is None else "year"


def _conventions(readings: Iterable[list[DateReading]]) -> dict[str, str]:
    """Return the convention of the column for each kind of choice, if its unambiguous values agree."""
    seen: dict[str, set[str]] = {}
    for found in readings:
        if len(found) == 1 and found[0].choice:
            seen.setdefault(found[0].choice, set()).add(found[0].chosen)
    return {choice: ways.pop() for choice, ways in seen.items() if len(ways) == 1}


def _preferred(found: list[DateReading], conventions: dict[str, str]) -> list[DateReading]:
    wanted = [one for one in found if conventions.get(one.choice, one.chosen) == one.chosen]
    return wanted or found


def _label(text: str, found: list[DateReading], scale: str, positions: list[Any], zoned: bool) -> int:
    """Return the period of a text under all its readings, or why it has none."""
    if not found:
        return _NONE if written_dates.is_missing_date(text) else _UNREADABLE
    labels = set()
    for one in found:
        value = getattr(one, scale)
        low, high = value if isinstance(value, tuple) else (value, value)
        if zoned:
            if one.offset is None:
                return _UNREADABLE
            low, high = low - one.offset, high - one.offset
        first, last = np.searchsorted(positions, [low, high], side="right").tolist()
        labels.add(first if first == last else _ACROSS)
    return labels.pop() if len(labels) == 1 else _UNSURE


def _span(readings: dict[str, list[DateReading]], scale: str) -> tuple[str, str]:
    """Return the texts with the least and the greatest value."""
    first = {
        text: value[0] if isinstance(value, tuple) else value
        for text, found in readings.items()
        for value in (getattr(found[0], scale) if found else None,)
        if value is not None
    }
    return min(first, key=first.__getitem__), max(first, key=first.__getitem__)
