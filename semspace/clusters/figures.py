"""The figures of a clustering, for its report and for `Clustering.plot`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from semspace import checks
from semspace.clusters.over_time_section import time_figure
from semspace.clusters.projection import MAX_DRAWN, project
from semspace.display import clip
from semspace.errors import InputError
from semspace.report import Figure, bars, dendrogram, scatter
from semspace.types import Ints1d

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering

_MAX_BARS = 24  # groups in the figure of sizes
_MAX_LEAVES = 80  # groups in the figure of the hierarchy


def map_figure(clustering: Clustering, most: int = MAX_DRAWN) -> Figure:
    """Draw documents on a map, with the names of groups where their documents are."""
    rows, coordinates = project(clustering, checks.whole("most", most, low=3))
    labels, names, sizes = clustering.labels[rows], list(clustering.names), clustering.sizes.tolist()
    if len(clustering.outliers):
        names.append("no group")
        sizes.append(len(clustering.outliers))
        labels = np.where(labels < 0, len(clustering), labels)
    return scatter(
        coordinates,
        labels.tolist(),
        names,
        texts_of(clustering, rows),
        caption="Every mark is a document; documents near each other are similar.",
        most=most,
        sizes=sizes,
        unit="documents",
        named=True,
    )


def sizes_figure(clustering: Clustering) -> Figure:
    """Draw the number of documents of each group, the largest first."""
    order = np.argsort(-clustering.sizes, kind="stable")[:_MAX_BARS]
    return bars(
        [clustering.names[group] for group in order],
        [int(clustering.sizes[group]) for group in order],
        caption="Documents in each group."
        if len(order) == len(clustering)
        else f"Documents in the {len(order)} largest groups.",
    )


def hierarchy_figure(clustering: Clustering) -> Figure:
    """Draw which groups merge first, as a tree."""
    if len(clustering) < 2:
        raise InputError("a hierarchy needs at least two groups; this clustering has one")
    shown = clustering if len(clustering) <= _MAX_LEAVES else clustering.coarsen(_MAX_LEAVES)
    return dendrogram(shown.tree, shown.names, caption="Groups merge at the distance of their centres.")


def shares_figure(
    clustering: Clustering,
    times: str | Sequence[Any] | None = None,
    periods: int = 10,
    groups: Sequence[int] | None = None,
) -> Figure:
    """Draw the share of each group in each period."""
    shares = shares_over_time(clustering, times, periods)
    if groups is not None:
        shares = shares.filter(pl.col("group").is_in(checked_groups(clustering, groups)))
    return time_figure(shares)


def shares_over_time(clustering: Clustering, times: str | Sequence[Any] | None, periods: int) -> pl.DataFrame:
    """Return `Clustering.over_time`, or raise `InputError` if nobody says which times."""
    if times is None:
        raise InputError("plot('time') needs times=, a column of the space's metadata or a value for each point")
    return clustering.over_time(times, periods=periods)


def checked_groups(clustering: Clustering, groups: Sequence[int]) -> list[int]:
    """Return the numbers of groups, or raise `InputError`."""
    return [checks.whole("each of groups", group, low=0, high=len(clustering) - 1) for group in groups]


def texts_of(clustering: Clustering, rows: Ints1d, width: int = 100) -> list[str]:
    """Return the texts of some rows, cut to `width` characters, or their ids where there are no texts."""
    table = clustering.space.metadata
    if table is None or table.schema.get("text") != pl.String:
        return [str(id) for id in clustering.space.ids[rows]]
    return [clip(text or "", width) for text in table["text"].gather(rows)]
