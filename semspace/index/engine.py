"""What a search engine under a local index must do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from semspace.bundle import Draft
from semspace.types import Floats2d

if TYPE_CHECKING:
    from semspace.index.points import View

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
Found = tuple[Rows, Floats2d]  # rows (m, k), -1 where there are no more, and their scores, nearest first


class Engine(Protocol):
    """Finds rows of points; the `LocalPoints` above it deals in ids and metadata."""

    method: ClassVar[str]
    metric: str

    def search(
        self,
        view: View,
        asked: Floats2d,
        k: int,
        allowed: Mask | None = None,
        *,
        ef: int | None = None,
        threads: int | None = None,
    ) -> Found:
        """Return, for each query, at most `k` rows live in a view that are allowed, and their scores."""
        ...

    def catch_up(self, *, wait: bool = False) -> None:
        """Take in the rows that have come since; with `wait` only if they are many."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return what it was built with, for people and for the manifest."""
        ...

    def measured(self) -> dict[str, Any]:
        """Return what was measured, by the names of `IndexReport`."""
        ...

    def details(self) -> dict[str, Any]:
        """Return other numbers for the report."""
        ...

    def write(self, draft: Draft) -> None:
        """Put what can't be rebuilt cheaply into a bundle being written."""
        ...
