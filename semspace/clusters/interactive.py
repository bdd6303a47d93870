"""A clustering as interactive figures of Plotly: a map, sizes, the hierarchy, and shares over time."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.cluster.hierarchy import dendrogram

from semspace import checks
from semspace.clusters.figures import checked_groups, shares_over_time
from semspace.clusters.projection import MAX_DRAWN, project
from semspace.display import clip
from semspace.errors import InputError
from semspace.report.figure import PALETTE
from semspace.report.label_places import Places
from semspace.report.marks import shape_of
from semspace.report.text_width import measure
from semspace.types import Doubles2d, Ints1d

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from semspace.clusters.clustering import Clustering

_SYMBOLS = {"circle": "circle", "square": "square", "triangle": "triangle-up", "diamond": "diamond"}
_FRAME = (640, 380)  # pixels of a map in a notebook, for which labels are placed
_INK, _FAINT = "#757575", "rgba(128,128,128,0.3)"
_MAX_LINES = 6  # groups over time
_GREY = "#9A9A9A"


def interactive_map(clustering: Clustering, most: int = MAX_DRAWN) -> Figure:
    """Draw documents, with the names of groups where their documents are."""
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
                    "size": 7,
                    "opacity": 0.8,
                    "color": _GREY if group < 0 else PALETTE[group % len(PALETTE)],
                    "symbol": "x-thin-open" if group < 0 else _SYMBOLS[shape_of(group)],
                },
            )
        )
    for label in _map_labels(clustering, labels, coordinates):
        figure.add_annotation(label)
    note = "" if len(rows) == len(clustering.labels) else f"<br>{len(rows):,} of {len(clustering.labels):,} are drawn"
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return _styled(figure, f"Documents near each other are similar{note}")


def _map_labels(
    clustering: Clustering, labels: npt.NDArray[np.integer[Any]], coordinates: Doubles2d
) -> list[dict[str, Any]]:
    """Return the names of groups as Plotly's annotations: no name over another in a figure of at least this size."""
    middles = {g: np.median(coordinates[labels == g], axis=0) for g in np.unique(labels[labels >= 0]).tolist()}
    scale = min(np.array(_FRAME) / np.maximum(np.ptp(coordinates, axis=0), 1e-9))
    low = coordinates.min(axis=0)
    places = Places((-60, -60, _FRAME[0] + 60, _FRAME[1] + 60))
    annotations = []
    for group in sorted(middles, key=lambda g: -int(clustering.sizes[g])):
        text = clip(clustering.names[group], 28)
        x, y = (middles[group] - low) * scale * (1, -1) + (0, _FRAME[1])
        placed = places.find(x, y, measure(text, 12) + 6, 18, on_point=True, crossing=True)
        if placed is None:
            continue
        left, top, right, bottom = placed.box
        annotations.append(
            {
                "x": middles[group][0],
                "y": middles[group][1],
                "text": _safe(text, 28),
                "showarrow": True,
                "arrowhead": 0,
                "arrowwidth": 1,
                "arrowcolor": _GREY,
                "ax": (left + right) / 2 - x,
                "ay": (top + bottom) / 2 - y,
                "font": {"size": 12, "color": "#111"},
                "bgcolor": "rgba(255,255,255,0.75)",
            }
        )
    return annotations


def interactive_sizes(clustering: Clustering) -> Figure:
    """Draw the number of documents of each group, coloured by its stability."""
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


def interactive_hierarchy(clustering: Clustering) -> Figure:
    """Draw which groups merge first."""
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


def interactive_time(
    clustering: Clustering,
    times: str | Sequence[Any] | None = None,
    periods: int = 10,
    groups: Sequence[int] | None = None,
) -> Figure:
    """Draw the shares of groups in each period, with their intervals."""
    from plotly.graph_objects import Figure, Scatter

    shares = shares_over_time(clustering, times, periods)
    chosen = range(min(_MAX_LINES, len(clustering))) if groups is None else checked_groups(clustering, groups)
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
    return _styled(figure, f"{which} over time, with 95% intervals")


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


def _styled(figure: Figure, title: str, *, height: int | None = None) -> Figure:
    """Set what all figures have in common; without a height, a figure is as high as its window."""
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        template="plotly_white",
        height=height,
        margin={"l": 20, "r": 20, "t": 60, "b": 40},
        # Below the figure: at its right, names of groups leave a telephone nothing of the map.
        legend={"itemsizing": "constant", "orientation": "h", "y": -0.05, "yanchor": "top", "x": 0},
        # No page behind it, and letters that can be read on white and on black.
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": _INK},
    )
    figure.update_xaxes(gridcolor=_FAINT, zerolinecolor=_FAINT, linecolor=_FAINT)
    figure.update_yaxes(automargin=True, gridcolor=_FAINT, zerolinecolor=_FAINT, linecolor=_FAINT)
    return figure
