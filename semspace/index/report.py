"""`IndexReport`: what an index is, how much it finds, and how fast."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from semspace.display import html_table, text_table

_LIKE = "queries like the points; Index.measure(queries) measures it for yours"


@dataclass(frozen=True, repr=False)
class IndexReport:
    """What was measured of an index, and what it is made of.

    Parameters
    ----------
    kind, metric : str
    points, deleted, dim : int
        Live points; deleted ones that still take room; dimensions.
    recall : float
        The share of the true ten nearest points that searches found, in [0, 1]: single searches, for queries like the
        points.
    asked : int
        On how many points that was measured; they weren't in the index while it was.
    queries_per_second : float
        With one thread, ten neighbours each.
    settings : dict
        What the engine was built with, or found out.
    worst_recall : float
        The recall where it is smallest: in one of up to twenty regions into which the points are divided.
    worst_points : int
        About how many points lie there.
    """

    kind: str
    metric: str
    points: int
    deleted: int
    dim: int
    recall: float
    asked: int
    queries_per_second: float
    settings: dict[str, Any]
    worst_recall: float = 1.0
    worst_points: int = 0

    def _rows(self) -> list[tuple[str, str]]:
        measured = f"{self.recall:.3f} of the true ten nearest found, measured on {self.asked:,} points held out"
        worst = f"{self.worst_recall:.3f}, among about {self.worst_points:,} points that lie together"
        if self.kind == "exact":
            measured = "1.000: every point is compared"
        elif not self.asked:
            measured = "not measured here; see Index.measure"
        speed = (
            f"{self.queries_per_second:,.0f} a second with one thread" if self.queries_per_second else "not measured"
        )
        rest = f", {self.deleted:,} deleted ones still take room (compact frees it)" if self.deleted else ""
        return [
            ("kind", f"{self.kind}, {self.metric}"),
            ("points", f"{self.points:,} in {self.dim} dimensions{rest}"),
            ("recall", measured),
            *([("smallest recall", worst), ("it holds for", _LIKE)] if self.asked and self.worst_points else []),
            ("queries", speed),
            *(
                (name.replace("_", " "), f"{value:g}" if isinstance(value, float) else f"{value}")
                for name, value in self.settings.items()
            ),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return asdict(self)

    def __repr__(self) -> str:
        return text_table(("index", ""), self._rows(), width=100)

    def _repr_html_(self) -> str:
        return html_table(("index", ""), self._rows())
