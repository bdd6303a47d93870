"""A clustering as Plotly figures: a map, sizes, the hierarchy, and shares over time."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.cluster.hierarchy import dendrogram

from semspace import checks
from semspace.clusters.projection import MAX_DRAWN, project
from semspace.display import clip
from semspace.errors import InputError
from semspace.report.figure import PALETTE
from semspace.types import Ints1d

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from semspace.clusters.clustering import Clustering

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
_MAX_LINES = 6  # groups over time
_GREY = "#9A9A9A"


def plot(clustering: Clustering, kind: str, options: Mapping[str, Any]) -> Figure:
    """Draw a figure; see `Clustering.plot`."""
    checks.choice("kind", kind, tuple(_KINDS))
    checks.need("plotly", "explore")
    draw, names = _KINDS[kind]
    checks.options(options, names, of=f"plot({kind!r})")
    return draw(clustering, **options)


def _map(clustering: Clustering, most: int = MAX_DRAWN) -> Figure:
    from plotly.graph_objects import Figure, Scattergl

    rows, coordinates = project(clustering, checks.whole("most", most, low=3))
    labels = clustering.labels[rows]
    hover = _hover(clustering, rows)
    figure = Figure()
    for group in sorted(set(labels.tolist()), key=lambda g: (g < 0, g)):
        in_group = labels == group
        figure.add_trace(
            Scattergl(
                x=coordinates[in_group, 0],
                y=coordinates[in_group, 1],
                mode="markers",
                name=_safe("no group" if group < 0 else clustering.names[group], 40),
                text=[hover[point] for point in np.flatnonzero(in_group)],
                hovertemplate="%{text}<extra></extra>",
                marker={
                    "size": 6,
                    "opacity": 0.8,
                    "color": _GREY if group < 0 else PALETTE[group % len(PALETTE)],
                    "symbol": "x-thin-open" if group < 0 else _SYMBOLS[group // len(PALETTE) % len(_SYMBOLS)],
                },
            )
        )
        if group >= 0:
            x, y = np.median(coordinates[in_group], axis=0)
            figure.add_annotation(
                x=x,
                y=y,
                text=_safe(clustering.names[group], 28),
                showarrow=False,
                font={"size": 12, "color": "#111"},
                bgcolor="rgba(255,255,255,0.75)",
            )
    note = (
        "" if len(rows) == len(clustering.labels) else f" ({len(rows):,} of {len(clustering.labels):,} documents drawn)"
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return _styled(figure, f"Documents near each other are similar{note}", height=680)


def _sizes(clustering: Clustering) -> Figure:
    from plotly.graph_objects import Bar, Figure

    order = np.argsort(clustering.sizes, kind="stable")
    stabilities = ["unknown" if np.isnan(value) else f"{value:.2f}" for value in clustering.stability]
    figure = Figure(
        Bar(
            x=clustering.sizes[order],
            y=[_safe(clustering.names[g], 45) for g in order],
            orientation="h",
            text=[f"{clustering.sizes[g]:,}" for g in order],
            customdata=[[stabilities[g], _safe(", ".join(clustering.keywords[g]), 200)] for g in order],
            hovertemplate="%{y}: %{x:,} documents<br>stability %{customdata[0]}<br>%{customdata[1]}<extra></extra>",
            marker={
                "color": np.nan_to_num(clustering.stability[order], nan=0.5),
                "colorscale": "Blues",
                "cmin": 0,
                "cmax": 1,
                "colorbar": {"title": "stability"},
            },
        )
    )
    figure.update_xaxes(title="documents")
    return _styled(figure, "Size and stability of the groups", height=160 + 26 * len(clustering))


def _hierarchy(clustering: Clustering) -> Figure:
    from plotly.graph_objects import Figure, Scatter

    if len(clustering) < 2:
        raise InputError("a hierarchy needs at least two groups; this clustering has one")
    tree = dendrogram(clustering.tree, no_plot=True)
    figure = Figure()
    for positions, distances in zip(tree["icoord"], tree["dcoord"], strict=True):
        figure.add_trace(
            Scatter(x=distances, y=positions, mode="lines", line={"color": PALETTE[0]}, hoverinfo="x", showlegend=False)
        )
    ticks = [5 + 10 * row for row in range(len(clustering))]
    figure.update_yaxes(
        tickvals=ticks, ticktext=[_safe(clustering.names[g], 45) for g in tree["leaves"]], autorange="reversed"
    )
    figure.update_xaxes(title="cosine distance of the groups that merge", range=[0, 1.04 * clustering.tree[-1, 2]])
    return _styled(figure, "The hierarchy of groups", height=160 + 26 * len(clustering))


def _time(
    clustering: Clustering,
    times: str | Sequence[Any] | None = None,
    periods: int = 10,
    groups: Sequence[int] | None = None,
) -> Figure:
    from plotly.graph_objects import Figure, Scatter

    if times is None:
        raise InputError("plot('time') needs times=, a column of the space's metadata or a value for each point")
    shares = clustering.over_time(times, periods=periods)
    chosen = (
        range(min(_MAX_LINES, len(clustering))) if groups is None else [_checked_group(clustering, g) for g in groups]
    )
    figure = Figure()
    for position, group in enumerate(chosen):
        series = shares.filter(pl.col("group") == group)
        x, colour = series["period"].to_list(), PALETTE[position % len(PALETTE)]
        name = _safe(clustering.names[group], 40)
        figure.add_trace(
            Scatter(
                x=[*x, *x[::-1]],
                y=[*series["high"], *series["low"].reverse()],
                mode="lines",
                fill="toself",
                fillcolor=_faint(colour),
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
                legendgroup=name,
            )
        )
        figure.add_trace(
            Scatter(
                x=x,
                y=series["share"].to_list(),
                mode="lines+markers",
                name=name,
                line={"color": colour},
                legendgroup=name,
            )
        )
    figure.update_yaxes(title="share of the period's documents", tickformat=".0%", rangemode="tozero")
    which = "Groups" if len(chosen) == len(clustering) else f"{len(chosen)} of {len(clustering)} groups"
    return _styled(figure, f"{which} over time, with 95% intervals", height=520)


def _checked_group(clustering: Clustering, group: int) -> int:
    return checks.whole("each of groups", group, low=0, high=len(clustering) - 1)


def _hover(clustering: Clustering, rows: Ints1d) -> list[str]:
    table = clustering.space.metadata
    texts = (
        table["text"].gather(rows).to_list() if table is not None and table.schema.get("text") == pl.String else None
    )
    names = [*clustering.names, "no group"]
    labels = []
    for position, row in enumerate(rows.tolist()):
        lines = [f"<b>{_safe(names[clustering.labels[row]], 60)}</b>", _safe(str(clustering.space.ids[row]), 60)]
        if texts is not None:
            text = clip(texts[position] or "", 240)
            lines += [_safe(text[start : start + 80], 80) for start in range(0, len(text), 80)]
        labels.append("<br>".join(lines))
    return labels


def _safe(text: str, width: int) -> str:
    """Return a text cut and escaped, as Plotly interprets tags."""
    return html.escape(clip(text, width), quote=False)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def _styled(figure: Figure, title: str, *, height: int) -> Figure:
    figure.update_layout(
        title=title,
        template="plotly_white",
        height=height,
        margin={"l": 20, "r": 20, "t": 60, "b": 40},
        legend={"itemsizing": "constant"},
    )
    figure.update_yaxes(automargin=True)
    return figure


_KINDS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "map": (_map, ("most",)),
    "sizes": (_sizes, ()),
    "hierarchy": (_hierarchy, ()),
    "time": (_time, ("times", "periods", "groups")),
}
