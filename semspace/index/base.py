"""What a search engine under an `Index` must do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from semspace.bundle import Bundle, Draft
from semspace.checks import FloatMatrix, FloatVector
from semspace.queries import Rows
from semspace.space import Space

Found = list[tuple[Rows, FloatVector]]


class Engine(Protocol):
    """Finds rows of one space; the `Index` above it deals in ids, texts and metadata."""

    kind: ClassVar[str]

    @property
    def metric(self) -> str:
        """``"cosine"``, ``"dot"`` or ``"euclidean"``."""
        ...

    def search(self, queries: FloatMatrix, k: int) -> Found:
        """Return, for each query, at most `k` rows and their scores, nearest first."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return what it was built with, for people and for the manifest."""
        ...

    def write(self, draft: Draft) -> None:
        """Put what can't be rebuilt cheaply into a bundle being written."""
        ...


@dataclass(frozen=True)
class EngineMaker:
    """How an engine comes to be: built over a space, or read back from a bundle."""

    build: Callable[..., Engine]
    read: Callable[[Bundle, Space, dict[str, Any]], Engine]
