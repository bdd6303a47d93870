"""What an `Index` asks of the points under it, wherever they lie: in this process, or on a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import polars as pl

from semspace.types import Floats1d, Floats2d


class Hits(NamedTuple):
    """What a query found: at most k ids, their scores (higher is nearer, not increasing), and their metadata."""

    ids: tuple[str, ...]
    scores: Floats1d
    metadata: pl.DataFrame | None


class Collection(Protocol):
    """Points by id, with vectors and metadata, that can be searched and changed.

    The `Index` above has checked all arguments for form (k is whole and at least 1, vectors are finite float32 of the
    right width, ids are distinct strings); a collection checks what only it knows: which ids and columns there are.
    """

    @property
    def method(self) -> str:
        """``"exact"``, ``"hnsw"`` or ``"milvus"``."""

    @property
    def metric(self) -> str:
        """``"cosine"``, ``"dot"`` or ``"euclidean"`` (whose score is the negative distance)."""

    @property
    def dim(self) -> int:
        """Number of dimensions."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the metadata's columns."""

    def __len__(self) -> int:
        """Count the live points."""

    def present(self, ids: Sequence[str]) -> list[bool]:
        """Tell of each id whether it is a live point."""

    def nearest_spellings(self, id: str) -> list[str]:
        """Return ids that are spelled like this one, for an error message."""

    def vectors(self, ids: Sequence[str]) -> Floats2d:
        """Give the vectors of ids, float32 (n, dim), in their order; raise `UnknownIdError` where one isn't there."""

    def pieces(self) -> Iterator[tuple[list[str], Floats2d]]:
        """Walk all live points, some thousands at a time."""

    def nearest(
        self,
        queries: Floats2d,
        k: int,
        *,
        where: str | None = None,
        among: Sequence[str] | None = None,
        skip: Sequence[Sequence[str]] | None = None,
        exact: bool = False,
    ) -> list[Hits]:
        """Find the nearest live points of each query; fewer than k where fewer are there, never an error.

        `where` is a condition on the metadata and ``id``; `among` are ids, those that aren't there are passed over;
        `skip` are for each query ids that mayn't come back. Equal scores go by id.
        """

    def add(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Add points; when it returns they are safe. Raise `InputError` where an id is there already, and add none."""

    def delete(self, ids: Sequence[str]) -> None:
        """Delete points; raise `UnknownIdError` where one isn't there, and delete none."""

    def update(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Give points other vectors and metadata; raise `UnknownIdError` where one isn't there, and change none."""

    def compact(self) -> None:
        """Free what deleted points still take."""

    def close(self) -> None:
        """Let go of files and connections."""
