"""The interface of the search engines of a local index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from semspace.bundle import Draft
from semspace.types import Bools1d, Floats2d, Ints2d

if TYPE_CHECKING:
    from semspace.index.points import View

RowsAndScores = tuple[Ints2d, Floats2d]  # rows (m, k), filled up with -1, and their scores, nearest first


class Engine(Protocol):
    """Finds rows of points; the `LocalCollection` above it knows their ids and metadata."""

    method: ClassVar[str]
    metric: str

    def search(
        self,
        view: View,
        query_vectors: Floats2d,
        k: int,
        allowed: Bools1d | None = None,
        *,
        ef: int | None = None,
        threads: int | None = None,
    ) -> RowsAndScores:
        """Return for each query at most `k` allowed rows that are live in a view, and their scores."""
        ...

    def catch_up(self, *, wait: bool = False) -> None:
        """Add the rows that are new; with `wait` only if they are many."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return the settings it was built with, for the report and the manifest."""
        ...

    def measured(self) -> dict[str, Any]:
        """Return what was measured, by the names of `IndexReport`."""
        ...

    def details(self) -> dict[str, Any]:
        """Return other numbers for the report."""
        ...

    def write(self, draft: Draft) -> None:
        """Write what can't be rebuilt cheaply into a bundle."""
        ...
