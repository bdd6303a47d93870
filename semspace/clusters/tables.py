"""A clustering as tables: groups, documents, quality, and shares over time and by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from semspace import checks, queries
from semspace.clusters import keywords
from semspace.clusters.periods import PERIODS, equal_periods, whole_periods
from semspace.clusters.stability import HOLDS
from semspace.errors import InputError
from semspace.statistics import wilson
from semspace.text.dataframes import nan_as_none
from semspace.types import ArrayXd, Doubles1d, Int32s1d

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering

_BLOCK_ROWS = 50_000  # vectors compared with the centres at a time


def group_table(clustering: Clustering) -> pl.DataFrame:
    """Return a row for each group; see `Clustering.to_frame`."""
    groups = range(len(clustering))
    stability = pl.Series(clustering.stability, dtype=pl.Float64).fill_nan(None)
    return pl.DataFrame(
        {
            "group": pl.Series(groups, dtype=pl.Int64),
            "name": pl.Series(list(clustering.names), dtype=pl.String),
            "size": clustering.sizes,
            "stability": stability,
            "holds": stability >= HOLDS,
            "keywords": pl.Series([list(words) for words in clustering.keywords], dtype=pl.List(pl.String)),
            "central": pl.Series([list(clustering.representative(g)) for g in groups], dtype=pl.List(pl.String)),
        }
    )


def document_table(clustering: Clustering) -> pl.DataFrame:
    """Return a row for each document; see `Clustering.documents`."""
    votes, n_clusters = clustering._member_votes, len(clustering)
    names = pl.Series([*clustering.names, None], dtype=pl.String)
    table = pl.DataFrame(
        {
            "id": clustering.space.ids.tolist(),
            "group": clustering.labels,
            "name": names.gather(_or_last(clustering.labels, n_clusters)),
            "membership": votes.share,
            "second": pl.Series(votes.second).replace(-1, None),
            "second_name": names.gather(_or_last(votes.second, n_clusters)),
        }
    )
    metadata = clustering.space.metadata
    return table if metadata is None or "text" not in metadata.columns else table.with_columns(metadata["text"])


def quality_table(clustering: Clustering) -> pl.DataFrame:
    """Return measures of each group's quality; see `Clustering.quality`."""
    n_clusters, labels, terms = len(clustering), clustering.labels, clustering._document_terms
    coherence = np.full(n_clusters, np.nan) if terms is None else keywords.coherence(terms, clustering.keywords)
    return pl.DataFrame(
        {
            "group": pl.Series(range(n_clusters), dtype=pl.Int64),
            "name": pl.Series(list(clustering.names), dtype=pl.String),
            "size": clustering.sizes,
            "stability": clustering.stability,
            "silhouette": _group_means(silhouettes(clustering), labels, n_clusters),
            "membership": _group_means(clustering._member_votes.share, labels, n_clusters),
            "coherence": coherence,
        }
    ).with_columns(pl.col("stability", "silhouette", "coherence").fill_nan(None))


def silhouettes(clustering: Clustering) -> Doubles1d:
    """Return the simplified silhouette of each point by cosine distances to centres (Hruschka et al. 2004), shape (n,).

    NaN for outliers, and where there is one group only.
    """
    n = len(clustering.labels)
    values = np.full(n, np.nan)
    if len(clustering) < 2:
        return values
    for start in range(0, n, _BLOCK_ROWS):
        labels = clustering.labels[start : start + _BLOCK_ROWS]
        cosines = queries.unit(clustering.space.vectors[start : start + _BLOCK_ROWS]) @ clustering.centers.T
        rows = np.flatnonzero(labels >= 0)
        to_own = cosines[rows, labels[rows]].astype(np.float64)
        cosines[rows, labels[rows]] = -np.inf
        to_next = cosines[rows].max(axis=1)
        values[start + rows] = (to_own - to_next) / np.maximum(np.maximum(1 - to_own, 1 - to_next), 1e-9)
    return values


def over_time(clustering: Clustering, times: str | Sequence[Any], period: str, n_periods: int | None) -> pl.DataFrame:
    """Return the share of each group in each period; see `Clustering.over_time`."""
    checks.choice("period", period, PERIODS)
    if n_periods is not None:
        checks.whole("periods", n_periods)
        if period != "auto":
            raise InputError(f"periods={n_periods} and period={period!r} both cut the time; give only one of them")
    values = _values(clustering, "times", times)
    starts = whole_periods(values, period) if n_periods is None else equal_periods(values, n_periods)
    return _shares(clustering, starts, "period")


def per_class(clustering: Clustering, classes: str | Sequence[Any]) -> pl.DataFrame:
    """Return the share of each group in each class; see `Clustering.per_class`."""
    return _shares(clustering, _values(clustering, "classes", classes), "class")


def _shares(clustering: Clustering, values: pl.Series, name: str) -> pl.DataFrame:
    """Count each group for each distinct value; documents without a value or a group don't count in any group."""
    table = pl.DataFrame({name: values, "group": clustering.labels}).filter(pl.col(name).is_not_null())
    totals = table.group_by(name).agg(pl.len().alias("total"))
    if not len(totals):
        raise InputError(f"no document has a {name}; every value is missing")
    groups = pl.DataFrame({"group": pl.Series(range(len(clustering)), dtype=pl.Int32)})
    counts = table.group_by(name, "group").agg(pl.len().alias("count"))
    grid = totals.join(groups, how="cross").join(counts, on=[name, "group"], how="left")
    grid = grid.with_columns(pl.col("count").fill_null(0))
    low, high = wilson(grid["count"].to_numpy(), grid["total"].to_numpy())
    return (
        grid.with_columns(
            (pl.col("count") / pl.col("total")).alias("share"),
            pl.Series("low", low),
            pl.Series("high", high),
            pl.Series("name", list(clustering.names), dtype=pl.String).gather(grid["group"]).alias("name"),
        )
        .sort([name, "group"])
        .select(name, "group", "name", "count", "share", "low", "high")
    )


def _values(clustering: Clustering, role: str, source: Any) -> pl.Series:
    """Return the values of `source`, a column of the metadata or a value for each point; null where one is missing."""
    if isinstance(source, str):
        table = clustering.space.metadata
        if table is None or source not in table.columns:
            raise InputError(checks.missing_column(role, source, () if table is None else table.columns))
        values = table[source]
    else:
        try:
            is_column = isinstance(source, (np.ndarray, pl.Series))
            values = pl.Series(source if is_column else nan_as_none(list(source)), strict=False)
        except (TypeError, ValueError, pl.exceptions.PolarsError) as problem:
            message = f"{role} must be a column's name or a value for each point; got {source!s:.60}"
            raise InputError(message) from problem
    if len(values) != len(clustering.labels):
        raise InputError(f"{role} must have a value for each of the {len(clustering.labels)} points; got {len(values)}")
    if values.dtype.is_decimal():
        values = values.cast(pl.Float64)
    if values.dtype.is_nested() or values.dtype == pl.Object:
        raise InputError(f"{role} must be numbers, dates or strings; got {values.dtype}")
    if values.dtype.is_float():
        values = values.fill_nan(None)
        if values.is_infinite().any():
            raise InputError(f"{role} contains infinity; give finite numbers, or None where a value is missing")
    return values


def _group_means(values: ArrayXd, labels: Int32s1d, n_clusters: int) -> Doubles1d:
    """Return the mean of the values in each group, shape (n_clusters,)."""
    grouped = labels >= 0
    with np.errstate(invalid="ignore"):
        means: Doubles1d = np.bincount(labels[grouped], values[grouped], minlength=n_clusters) / np.bincount(
            labels[grouped], minlength=n_clusters
        )
    return means


def _or_last(labels: Int32s1d, n_clusters: int) -> list[int]:
    """Return labels with `n_clusters` in place of -1."""
    return np.where(labels < 0, n_clusters, labels).tolist()  # type: ignore[no-any-return]
