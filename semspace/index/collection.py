"""The interface of an `Index` to its points, in this process or on a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import polars as pl

from semspace.types import Floats1d, Floats2d


class Hits(NamedTuple):
    """The result of a query: at most k ids, their scores in descending order, and their metadata."""

    ids: tuple[str, ...]
    scores: Floats1d
    metadata: pl.DataFrame | None


class Collection(Protocol):
    """Points by id, with vectors and metadata, that can be searched and changed.

    The `Index` above has checked all arguments for form (k is whole and at least 1, vectors are finite float32 of the
    right width, ids are distinct strings); a collection checks ids and columns against its points.
    """

    @property
    def method(self) -> str:
        """``"exact"``, ``"hnsw"``, ``"hnswlib"``, ``"milvus"``, ``"qdrant"`` or ``"pgvector"``."""

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
        """Check of each id whether it is a live point."""

    def nearest_spellings(self, id: str) -> list[str]:
        """Return ids that are spelled like this one, for an error message."""

    def vectors(self, ids: Sequence[str]) -> Floats2d:
        """Return the vectors of ids in their order, float32 (n, dim); raise `UnknownIdError` for an unknown id."""

    def metadata(self, ids: Sequence[str]) -> pl.DataFrame | None:
        """Return the metadata of ids in their order; raise `UnknownIdError` for an unknown id."""

    def pieces(
        self, *, where: str | None = None, among: Sequence[str] | None = None
    ) -> Iterator[tuple[list[str], Floats2d]]:
        """Iterate over the live points that `where` and `among` leave, some thousands at a time; see `nearest`."""

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
        """Find the nearest live points of each query; fewer than k where there are fewer.

        `where` is a condition on the metadata and ``id``; `among` are ids, unknown ones are ignored;
        `skip` holds for each query the ids to leave out. Equal scores are ordered by id.
        """

    def add(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Add points; when it returns they are safe. Raise `InputError` for an id that exists, and add nothing."""

    def delete(self, ids: Sequence[str]) -> None:
        """Delete points; raise `UnknownIdError` for an id that doesn't exist, and delete nothing."""

    def update(self, ids: Sequence[str], vectors: Floats2d | None, metadata: pl.DataFrame | None) -> None:
        """Replace vectors and columns of metadata, those that are given, and leave the others as they are.

        Raise `UnknownIdError` for an id that doesn't exist, and change nothing.
        """

    def upsert(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Update the points that are there, and add the others, all or none; see `update` and `add`.

        Columns that aren't given stay as they are where all points are there; a new point needs all columns.
        """

    def compact(self) -> None:
        """Free the memory of deleted points."""

    def close(self) -> None:
        """Close files and connections."""
