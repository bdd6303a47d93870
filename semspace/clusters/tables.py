"""Clusterings as tables: groups, documents, quality, and groups over time and by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, queries
from semspace.clusters import keywords
from semspace.clusters.stability import HOLDS
from semspace.errors import InputError
from semspace.statistics import wilson

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering

_PART = 50_000


def groups(found: Clustering) -> pl.DataFrame:
    """Return a row for each group; see `Clustering.to_frame`."""
    held = pl.Series(found.stability, dtype=pl.Float64).fill_nan(None)
    return pl.DataFrame(
        {
            "group": pl.Series(range(len(found)), dtype=pl.Int64),
            "name": pl.Series(list(found.names), dtype=pl.String),
            "size": found.sizes,
            "stability": held,
            "holds": held >= HOLDS,
            "keywords": pl.Series([list(words) for words in found.keywords], dtype=pl.List(pl.String)),
            "central": pl.Series([list(found.representative(g)) for g in range(len(found))], dtype=pl.List(pl.String)),
        }
    )


def documents(found: Clustering) -> pl.DataFrame:
    """Return a row for each document; see `Clustering.documents`."""
    stood = found.stands
    names = pl.Series([*found.names, None], dtype=pl.String)
    table = pl.DataFrame(
        {
            "id": found.space.ids.tolist(),
            "group": found.labels,
            "name": names.gather(_or_last(found.labels, len(found))),
            "membership": stood.share,
            "second": pl.Series(stood.second).replace(-1, None),
            "second_name": names.gather(_or_last(stood.second, len(found))),
        }
    )
    own = found.space.metadata
    return table if own is None or "text" not in own.columns else table.with_columns(own["text"])


def quality(found: Clustering) -> pl.DataFrame:
    """Return how good each group is; see `Clustering.quality`."""
    k = len(found)
    widths = silhouettes(found)
    vocabulary = found.vocabulary
    npmi = np.full(k, np.nan) if vocabulary is None else keywords.coherence(vocabulary, found.keywords)
    return pl.DataFrame(
        {
            "group": pl.Series(range(k), dtype=pl.Int64),
            "name": pl.Series(list(found.names), dtype=pl.String),
            "size": found.sizes,
            "stability": found.stability,
            "silhouette": _means(widths, found.labels, k),
            "membership": _means(found.stands.share, found.labels, k),
            "coherence": npmi,
        }
    ).with_columns(pl.col("stability", "silhouette", "coherence").fill_nan(None))


def silhouettes(found: Clustering) -> npt.NDArray[np.float64]:
    """Return the simplified silhouette of each point, by cosine (Hruschka et al. 2004); NaN for one group."""
    n, k = len(found.labels), len(found)
    widths = np.full(n, np.nan)
    if k < 2:
        return widths
    for start in range(0, n, _PART):
        labels = found.labels[start : start + _PART]
        near = queries.unit(found.space.vectors[start : start + _PART]) @ found.centers.T
        at = np.flatnonzero(labels >= 0)
        own = near[at, labels[at]].astype(np.float64)
        near[at, labels[at]] = -np.inf
        other = near[at].max(axis=1)
        widths[start + at] = (own - other) / np.maximum(np.maximum(1 - own, 1 - other), 1e-9)
    return widths


def over_time(found: Clustering, times: str | Sequence[Any], periods: int) -> pl.DataFrame:
    """Return how large each group is in each period; see `Clustering.over_time`."""
    values = _periods(_values(found, "times", times), checks.whole("periods", periods))
    return _shares(found, values, "period")


def per_class(found: Clustering, classes: str | Sequence[Any]) -> pl.DataFrame:
    """Return how large each group is in each class; see `Clustering.per_class`."""
    return _shares(found, _values(found, "classes", classes), "class")


def _shares(found: Clustering, values: pl.Series, name: str) -> pl.DataFrame:
    """Count each group in each of the values; documents without a value or a group are left out of the groups."""
    table = pl.DataFrame({name: values, "group": found.labels}).filter(pl.col(name).is_not_null())
    totals = table.group_by(name).agg(pl.len().alias("total"))
    if not len(totals):
        raise InputError(f"no document has a {name}; every value is missing")
    grid = totals.join(pl.DataFrame({"group": pl.Series(range(len(found)), dtype=pl.Int32)}), how="cross")
    counts = table.group_by(name, "group").agg(pl.len().alias("count"))
    every = grid.join(counts, on=[name, "group"], how="left").with_columns(pl.col("count").fill_null(0))
    low, high = wilson(every["count"].to_numpy(), every["total"].to_numpy())
    return (
        every.with_columns(
            (pl.col("count") / pl.col("total")).alias("share"),
            pl.Series("low", low),
            pl.Series("high", high),
            pl.Series("name", list(found.names), dtype=pl.String).gather(every["group"]).alias("name"),
        )
        .sort([name, "group"])
        .select(name, "group", "name", "count", "share", "low", "high")
    )


def _values(found: Clustering, role: str, given: Any) -> pl.Series:
    if isinstance(given, str):
        table = found.space.metadata
        if table is None or given not in table.columns:
            have = ", ".join(table.columns) if table is not None else "none"
            raise InputError(f"{role}: the space has no column {given!r}; it has {have}")
        values = table[given]
    else:
        try:
            values = pl.Series(given if isinstance(given, (np.ndarray, pl.Series)) else list(given), strict=False)
        except (TypeError, ValueError, pl.exceptions.PolarsError) as problem:
            got = f"{role} must be a column's name or a value for each point; got {given!s:.60}"
            raise InputError(got) from problem
    if len(values) != len(found.labels):
        raise InputError(f"{role} must have a value for each of the {len(found.labels)} points; got {len(values)}")
    if values.dtype.is_decimal():
        values = values.cast(pl.Float64)
    if values.dtype.is_nested() or values.dtype == pl.Object:
        raise InputError(f"{role} must be numbers, dates or texts; got {values.dtype}")
    if values.dtype.is_float():
        values = values.fill_nan(None)
        if values.is_infinite().any():
            raise InputError(f"{role} holds infinity; give numbers, and None where there is none")
    return values


def _periods(values: pl.Series, periods: int) -> pl.Series:
    """Give each value its period: as it is where there are few, else the start of one of equal length."""
    if values.dtype == pl.String:
        dates = values.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        values = dates if dates.null_count() == values.null_count() else values
    if values.n_unique() - (values.null_count() > 0) <= periods:
        return values
    if not (values.dtype.is_numeric() or values.dtype.is_temporal()):
        raise InputError(
            f"times has {values.n_unique():,} different values that are neither numbers nor dates as 2021-03-05; "
            f"give those, or at most periods={periods} values"
        )
    numbers = values.to_physical() if values.dtype.is_temporal() else values
    low, high = numbers.min(), numbers.max()
    assert isinstance(low, (int, float))
    assert isinstance(high, (int, float))
    edges = low + np.arange(periods) * ((high - low) / periods)
    if not values.dtype.is_float():
        edges = np.ceil(edges)
    place = np.searchsorted(edges, numbers.fill_null(low).to_numpy(), side="right") - 1
    known = pl.DataFrame({"start": edges[place], "given": numbers.is_not_null()})
    starts: pl.Series = known.select(pl.when("given").then("start")).to_series()
    if not values.dtype.is_float():
        starts = starts.cast(pl.Int64)
    if values.dtype.is_temporal():
        starts = starts.cast(numbers.dtype).cast(values.dtype)
    return starts


def _means(values: npt.NDArray[Any], labels: npt.NDArray[np.int32], k: int) -> npt.NDArray[np.float64]:
    own = labels >= 0
    with np.errstate(invalid="ignore"):
        means: npt.NDArray[np.float64] = np.bincount(labels[own], values[own], minlength=k) / np.bincount(
            labels[own], minlength=k
        )
    return means


def _or_last(labels: npt.NDArray[np.int32], k: int) -> list[int]:
    return np.where(labels < 0, k, labels).tolist()  # type: ignore[no-any-return]
