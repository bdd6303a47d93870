"""Exact search: every point is compared. The truth that other engines are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from semspace import queries
from semspace.bundle import Bundle, Draft
from semspace.checks import FloatMatrix
from semspace.index.base import Found
from semspace.space import Space


@dataclass(frozen=True)
class ExactEngine:
    """Compare a query with every point of the space."""

    space: Space
    metric: str
    kind: ClassVar[str] = "exact"

    @classmethod
    def build(cls, space: Space, metric: str, *, progress: bool = True) -> ExactEngine:  # noqa: ARG003  (every engine is built alike)
        """There is nothing to build."""
        return cls(space, metric)

    @classmethod
    def read(cls, bundle: Bundle, space: Space, settings: dict[str, Any]) -> ExactEngine:  # noqa: ARG003
        """There is nothing to read but the space."""
        return cls(space, settings["metric"])

    def search(self, asked: FloatMatrix, k: int) -> Found:
        """Return the exact nearest rows of each query."""
        space = self.space
        return queries.nearest(
            space.vectors,
            space.sizes,
            asked,
            k,
            names=space.ids,
            metric=self.metric,
        )

    def settings(self) -> dict[str, Any]:
        """Return the metric: there is nothing else to set."""
        return {"metric": self.metric}

    def write(self, draft: Draft) -> None:
        """There is nothing to write but the space."""
