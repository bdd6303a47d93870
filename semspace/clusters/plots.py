"""The groups as Plotly figures: a map, sizes, the hierarchy, and over time."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.cluster.hierarchy import dendrogram

from semspace import checks
from semspace.clusters.projection import MOST, layout
from semspace.display import clip
from semspace.errors import InputError
from semspace.report.figures import PALETTE

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from semspace.clusters.clustering import Clustering

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
_LARGEST = 6
_GREY = "#9A9A9A"


def plot(found: Clustering, kind: str, options: Mapping[str, Any]) -> Figure:
    """Draw the groups; see `Clustering.plot`."""
    checks.choice("kind", kind, tuple(_KINDS))
    checks.need("plotly", "explore")
    draw, known = _KINDS[kind]
    checks.options(options, known, of=f"plot({kind!r})")
    return draw(found, **options)


def _map(found: Clustering, most: int = MOST) -> Figure:
    from plotly.graph_objects import Figure, Scattergl

    rows, places = layout(found, checks.whole("most", most, low=3))
    labels = found.labels[rows]
    hover = _hover(found, rows)
    figure = Figure()
    for group in sorted(set(labels.tolist()), key=lambda g: (g < 0, g)):
        own = labels == group
        figure.add_trace(
            Scattergl(
                x=places[own, 0],
                y=places[own, 1],
                mode="markers",
                name=_safe("no group" if group < 0 else found.names[group], 40),
                text=[hover[at] for at in np.flatnonzero(own)],
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
            x, y = np.median(places[own], axis=0)
            figure.add_annotation(
                x=x,
                y=y,
                text=_safe(found.names[group], 28),
                showarrow=False,
                font={"size": 12, "color": "#111"},
                bgcolor="rgba(255,255,255,0.75)",
            )
    shown = "" if len(rows) == len(found.labels) else f" ({len(rows):,} of {len(found.labels):,} documents drawn)"
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return _dressed(figure, f"What lies near means alike{shown}", height=680)


def _sizes(found: Clustering) -> Figure:
    from plotly.graph_objects import Bar, Figure

    order = np.argsort(found.sizes, kind="stable")
    told = ["not known" if np.isnan(held) else f"{held:.2f}" for held in found.stability]
    figure = Figure(
        Bar(
            x=found.sizes[order],
            y=[_safe(found.names[g], 45) for g in order],
            orientation="h",
            text=[f"{found.sizes[g]:,}" for g in order],
            customdata=[[told[g], _safe(", ".join(found.keywords[g]), 200)] for g in order],
            hovertemplate="%{y}: %{x:,} documents<br>stability %{customdata[0]}<br>%{customdata[1]}<extra></extra>",
            marker={
                "color": np.nan_to_num(found.stability[order], nan=0.5),
                "colorscale": "Blues",
                "cmin": 0,
                "cmax": 1,
                "colorbar": {"title": "stability"},
            },
        )
    )
    figure.update_xaxes(title="documents")
    return _dressed(figure, "How large the groups are, and how well they hold", height=160 + 26 * len(found))


def _hierarchy(found: Clustering) -> Figure:
    from plotly.graph_objects import Figure, Scatter

    if len(found) < 2:
        raise InputError("a hierarchy takes two groups or more; this clustering has one")
    drawn = dendrogram(found.tree, no_plot=True)
    figure = Figure()
    for places, distances in zip(drawn["icoord"], drawn["dcoord"], strict=True):
        figure.add_trace(
            Scatter(x=distances, y=places, mode="lines", line={"color": PALETTE[0]}, hoverinfo="x", showlegend=False)
        )
    ticks = [5 + 10 * row for row in range(len(found))]
    figure.update_yaxes(
        tickvals=ticks, ticktext=[_safe(found.names[g], 45) for g in drawn["leaves"]], autorange="reversed"
    )
    figure.update_xaxes(title="cosine distance of the groups that merge", range=[0, 1.04 * found.tree[-1, 2]])
    return _dressed(figure, "Which groups are near each other", height=160 + 26 * len(found))


def _time(
    found: Clustering,
    times: str | Sequence[Any] | None = None,
    periods: int = 10,
    groups: Sequence[int] | None = None,
) -> Figure:
    from plotly.graph_objects import Figure, Scatter

    if times is None:
        raise InputError("plot('time') needs times=, a column of the space's metadata or a value for each point")
    shares = found.over_time(times, periods=periods)
    chosen = range(min(_LARGEST, len(found))) if groups is None else [_known(found, g) for g in groups]
    figure = Figure()
    for at, group in enumerate(chosen):
        own = shares.filter(pl.col("group") == group)
        x, colour = own["period"].to_list(), PALETTE[at % len(PALETTE)]
        name = _safe(found.names[group], 40)
        figure.add_trace(
            Scatter(
                x=[*x, *x[::-1]],
                y=[*own["high"], *own["low"].reverse()],
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
                x=x, y=own["share"].to_list(), mode="lines+markers", name=name, line={"color": colour}, legendgroup=name
            )
        )
    figure.update_yaxes(title="share of the period's documents", tickformat=".0%", rangemode="tozero")
    return _dressed(figure, "Groups over time, with 95% intervals", height=520)


def _known(found: Clustering, group: int) -> int:
    return checks.whole("each of groups", group, low=0, high=len(found) - 1)


def _hover(found: Clustering, rows: Any) -> list[str]:
    table = found.space.metadata
    texts = (
        table["text"].gather(rows).to_list() if table is not None and table.schema.get("text") == pl.String else None
    )
    names = [*found.names, "no group"]
    said = []
    for at, row in enumerate(rows.tolist()):
        lines = [f"<b>{_safe(names[found.labels[row]], 60)}</b>", _safe(str(found.space.ids[row]), 60)]
        if texts is not None:
            text = clip(texts[at] or "", 240)
            lines += [_safe(text[start : start + 80], 80) for start in range(0, len(text), 80)]
        said.append("<br>".join(lines))
    return said


def _safe(text: str, width: int) -> str:
    """Cut a text and escape it: Plotly reads tags."""
    return html.escape(clip(text, width), quote=False)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def _dressed(figure: Figure, title: str, *, height: int) -> Figure:
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
