"""`Clustering.plot`: a figure, or an interactive one of Plotly that carries it as an image."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from semspace import checks
from semspace.clusters import figures, interactive
from semspace.report.figure import Figure

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering


class _Kind(NamedTuple):
    draw: Callable[..., Figure]
    draw_interactive: Callable[..., Any]
    options: tuple[str, ...]


_KINDS = {
    "map": _Kind(figures.map_figure, interactive.interactive_map, ("most",)),
    "sizes": _Kind(figures.sizes_figure, interactive.interactive_sizes, ()),
    "hierarchy": _Kind(figures.hierarchy_figure, interactive.interactive_hierarchy, ()),
    "time": _Kind(figures.shares_figure, interactive.interactive_time, ("times", "periods", "groups")),
}


def plot(clustering: Clustering, kind: str, is_interactive: bool, options: Mapping[str, Any]) -> Any:
    """Draw a figure; see `Clustering.plot`."""
    known = _KINDS[checks.choice("kind", kind, tuple(_KINDS))]
    checks.flag("interactive", is_interactive)
    if is_interactive:
        checks.need("plotly", "explore")
    checks.options(options, known.options, of=f"plot({kind!r})")
    figure = known.draw(clustering, **options)
    return _with_image(known.draw_interactive(clustering, **options), figure) if is_interactive else figure


def _with_image(figure: Any, image: Figure) -> Any:
    """Return a Plotly figure that also gives a notebook an image, for where no script of Plotly runs.

    A notebook that is exported, or shown on a web site, is such a place.
    """
    from plotly.graph_objects import Figure as PlotlyFigure

    class FigureWithImage(PlotlyFigure):  # type: ignore[misc]
        """A figure of Plotly with an image beside it."""

        _ipython_display_ = None  # Plotly's own shows the interactive form alone

        def _repr_html_(self) -> str:
            return image._repr_html_()

        def _repr_mimebundle_(self, *_: object, **__: object) -> dict[str, object]:
            return {
                "application/vnd.plotly.v1+json": json.loads(self.to_json()),
                "image/svg+xml": image._repr_svg_(),
                "text/plain": image.caption,
            }

    return FigureWithImage(figure)
