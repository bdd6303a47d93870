"""`IndexReport`: the recall of an index, its speed, and its settings."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from semspace.deprecation import renamed_parameters, renamed_property
from semspace.display import html_table, text_table
from semspace.index.local_collection import LocalCollection

_LIKE = "queries like the points; Index.measure(queries) measures it for yours"


@renamed_parameters(kind="method", asked="n_queries")
@dataclass(frozen=True, repr=False)
class IndexReport:
    """The measurements and settings of an index.

    Parameters
    ----------
    method, metric : str
    points, deleted, dim : int
        Live points; deleted points that still take memory; dimensions.
    recall : float
        The share of the true ten nearest points that searches found, in [0, 1]: single searches, for queries like the
        points.
    target_recall : float
        The recall that the index was built for.
    settings : dict
        What the engine was built with, or found out.
    n_queries : int
        Number of held-out points that recall was measured with; 0 where it wasn't measured.
    queries_per_second : float
        One query after another, with one thread, ten neighbours each.
    worst_recall : float
        The recall where it is smallest: in one of up to twenty regions into which the points are divided.
    worst_points : int
        About how many points lie there.
    """

    method: str
    metric: str
    points: int
    deleted: int
    dim: int
    recall: float
    target_recall: float
    settings: dict[str, Any]
    n_queries: int = 0
    queries_per_second: float = 0.0
    worst_recall: float = 1.0
    worst_points: int = 0

    kind = renamed_property("kind", "method")
    asked = renamed_property("asked", "n_queries")

    def _rows(self) -> list[tuple[str, str]]:
        measured = (
            f"{self.recall:.3f} of the true ten nearest found, measured with {self.n_queries:,} held-out points"
            f" (target {self.target_recall:g})"
        )
        worst = f"{self.worst_recall:.3f}, in a region of about {self.worst_points:,} points"
        if self.method == "exact":
            measured = "1.000: every point is compared"
        elif not self.n_queries:
            measured = "not measured here; see Index.measure"
        speed = (
            f"{self.queries_per_second:,.0f} per second with one thread" if self.queries_per_second else "not measured"
        )
        rest = f", {self.deleted:,} deleted ones still take memory (compact frees it)" if self.deleted else ""
        return [
            ("method", f"{self.method}, {self.metric}"),
            ("points", f"{self.points:,} in {self.dim} dimensions{rest}"),
            ("recall", measured),
            *([("smallest recall", worst), ("measured for", _LIKE)] if self.n_queries and self.worst_points else []),
            ("queries", speed),
            *(
                (name.replace("_", " "), f"{value:g}" if isinstance(value, float) else f"{value}")
                for name, value in self.settings.items()
            ),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain values."""
        return asdict(self)

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each field and setting: ``name`` and ``value``, both text."""
        values = {name: value for name, value in self.to_dict().items() if name != "settings"} | self.settings
        return pl.DataFrame({"name": [*values], "value": [str(value) for value in values.values()]})

    def __repr__(self) -> str:
        return text_table(("index", ""), self._rows(), width=100)

    def _repr_html_(self) -> str:
        return html_table(("index", ""), self._rows())


def index_report(local: LocalCollection) -> IndexReport:
    """Return what was measured of a local index, with the points that it has now; see `Index.report`."""
    view, engine = local.points.view, local.engine
    settings = {name: value for name, value in engine.settings().items() if value is not None}
    return IndexReport(
        method=local.method,
        metric=local.metric,
        points=view.live,
        deleted=view.count - view.live,
        dim=local.dim,
        settings={**settings, **engine.details()},
        **{"worst_points": view.live, **engine.measured()},
    )
