"""The section of a report on groups over time: a chart for each group, and a table of all shares."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import polars as pl

from semspace.report import Figure, Section, Series, Table, small_multiples

_MAX_GROUPS = 60  # groups in the chart and the table: the largest
_ROOM, _PER_LETTER, _PER_COLUMN = 710, 8, 28  # pixels beside a name; of a letter in a header, and around it
_METHOD = (
    "The share is of all documents of the period, and the shaded area its 95% interval (Wilson 1927), which is wide "
    "where a period has few documents. All charts have the same scale; an interval that goes beyond it is cut. A "
    "change may lie in what was collected as well as in what was written."
)


def over_time_section(shares: pl.DataFrame) -> Section:
    """Return the section for the shares that `Clustering.over_time` returns."""
    labels, series = _series(shares)[1:]
    return Section("Over time", (time_figure(shares), *_tables(labels, series)), _METHOD)


def time_figure(shares: pl.DataFrame) -> Figure:
    """Return a chart of the shares of each group over time."""
    positions, labels, series = _series(shares)
    count = shares["group"].n_unique()
    which = "each group" if len(series) == count else f"the {len(series)} largest of {count} groups"
    return small_multiples(positions, labels, series, caption=f"Share of each period's documents in {which}.")


def _series(shares: pl.DataFrame) -> tuple[list[float], list[str], list[Series]]:
    """Return where periods lie, what they are called, and the shares of the largest groups."""
    shares = shares.filter(pl.col("period").is_not_null())
    periods = shares["period"].unique().sort()
    counts = shares.group_by("group").agg(pl.col("count").sum(), pl.col("name").first())
    largest = counts.sort(["count", "group"], descending=[True, False]).head(_MAX_GROUPS)
    series = []
    for group, name in largest.select("group", "name").iter_rows():
        own = pl.DataFrame({"period": periods}).join(shares.filter(pl.col("group") == group), on="period", how="left")
        own = own.sort("period")
        series.append(Series(name, *(own[column].to_list() for column in ("share", "low", "high"))))
    return _positions(periods.to_list()), period_names(periods.to_list()), series


def _tables(labels: Sequence[str], series: Sequence[Series]) -> list[Table]:
    """Return the shares as tables of a few periods each, all of whose columns can be seen."""
    most = max(1, _ROOM // (_PER_LETTER * max(map(len, labels)) + _PER_COLUMN))
    count = -(-len(labels) // most)
    edges = [len(labels) * number // count for number in range(count + 1)]
    tables = []
    for start, end in pairwise(edges):
        rows = [
            (one.name, *("" if share is None else f"{share:.1%}" for share in one.shares[start:end])) for one in series
        ]
        caption = "Share of each period's documents"
        if count > 1:
            caption += f", {labels[start]} to {labels[end - 1]}"
        tables.append(Table(("group", *labels[start:end]), rows, caption, limit=_MAX_GROUPS))
    return tables


def period_names(periods: Sequence[Any]) -> list[str]:
    """Return the names of periods that start at these times: years and months where all start with one.

    Examples
    --------
    >>> period_names([datetime.date(2024, 3, 1), datetime.date(2024, 4, 1)])
    ['2024-03', '2024-04']
    >>> period_names([datetime.datetime(2024, 3, 13, 21, 36), datetime.datetime(2024, 3, 14, 9, 0)])
    ['2024-03-13', '2024-03-14']
    """
    if not all(isinstance(period, datetime.date) for period in periods):  # a datetime is a date, too
        return [str(period) for period in periods]
    for length in (4, 7, 10, 16):
        starts = [
            period.isoformat(" ") if isinstance(period, datetime.datetime) else period.isoformat() for period in periods
        ]
        names = [start[:length] for start in starts]
        loses = length < 10 and any(start[length:10] not in ("-01-01", "-01") for start in starts)
        if not loses and len(set(names)) == len(names):
            return names
    return [str(period) for period in periods]


def _positions(periods: Sequence[Any]) -> list[float]:
    """Return where periods lie on an axis: by their value where they are numbers or dates, else by their order."""
    if all(isinstance(period, (int, float)) for period in periods):
        return [float(period) for period in periods]
    if all(isinstance(period, datetime.datetime) for period in periods):
        return [(period - periods[0]).total_seconds() for period in periods]
    if all(isinstance(period, datetime.date) for period in periods):
        return [float(period.toordinal()) for period in periods]
    return [float(number) for number in range(len(periods))]
