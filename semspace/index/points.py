"""The points of a local index: those of a space, and those that came since. A row is never used twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, queries
from semspace.bundle import Bundle
from semspace.checks import FloatMatrix, FloatVector
from semspace.errors import DamagedError, InputError
from semspace.index.base import Mask, Rows
from semspace.space import Space, below
from semspace.text import stored

_FEW = 128  # ids


@dataclass(frozen=True, eq=False)
class Ground:
    """Points that don't change: a space's, or as they lie in a file, read where they are needed."""

    ids: pl.Series
    vectors: FloatMatrix
    sizes: FloatVector
    metadata: pl.DataFrame | None

    @classmethod
    def of_space(cls, space: Space) -> Ground:
        """Take the points of a space."""
        ids = pl.Series("id", space.ids.tolist(), dtype=pl.String)
        return cls(ids, space.vectors, space.sizes, space.metadata)

    @classmethod
    def read(cls, bundle: Bundle) -> Ground:
        """Open the points that lie in an index's bundle: mapped, nothing is read yet."""
        vectors = bundle.array("vectors", dtype=np.float32, shape=(None, None))
        n = len(vectors)
        ids = bundle.table("ids", {"id": pl.String}, rows=n)["id"]
        table = bundle.table("metadata", rows=n) if bundle.has("metadata.arrow") else None
        sizes = (
            bundle.array("sizes", dtype=np.float32, shape=(n,)) if bundle.has("sizes.npy") else queries.lengths(vectors)
        )
        return cls(ids, vectors, sizes, table)


class Points:
    """Points by row and by id, live ones and deleted ones."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.count = len(ground.ids)  # rows ever given
        self.dim = int(ground.vectors.shape[1])
        self.alive: Mask | None = None  # None while all are
        self.live = self.count
        self.sizes = ground.sizes
        self._vectors = np.empty((0, self.dim), np.float32)  # of the points that came since, with room for more
        self._ids: list[str] = []
        self._tables: list[pl.DataFrame] = []

    # -- looking into it ----------------------------------------------------------------------------------

    @property
    def more(self) -> FloatMatrix:
        """Vectors of the points that came since, in the order of their rows."""
        return self._vectors[: self.count - len(self.ground.ids)]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the metadata's columns."""
        return () if self.ground.metadata is None else tuple(self.ground.metadata.columns)

    @cached_property
    def _rows(self) -> dict[str, int]:
        rows = {id: row for row, id in enumerate(self.ground.ids.to_list())}
        for row, id in enumerate(self._ids, len(self.ground.ids)):
            rows[id] = row
        if self.alive is not None:
            dead = np.flatnonzero(~self.alive[: self.count])
            for row, id in zip(dead.tolist(), self.ids(dead), strict=True):
                if rows.get(id) == row:
                    del rows[id]
        return rows

    def row(self, id: str) -> int:
        """Give the row of a live point, or raise `UnknownIdError` with the nearest spellings."""
        if id not in self._rows:
            raise checks.unknown("point", str(id), self._rows, where=f"this index of {self.live:,}")
        return self._rows[id]

    def rows_of(self, ids: Sequence[str]) -> Rows:
        """Give the rows of live points, in their order."""
        return np.array([self.row(id) for id in ids], np.int64)

    def known(self, ids: Sequence[str]) -> list[int]:
        """Give the row of each id, -1 where there is no such live point."""
        return [self._rows.get(id, -1) for id in ids]

    def ids(self, rows: Rows) -> list[str]:
        """Give the ids of rows, deleted ones too."""
        base = len(self.ground.ids)
        old = rows < base
        if len(rows) < _FEW:  # polars takes longer to set out than for these
            return [self.ground.ids[row] if row < base else self._ids[row - base] for row in rows.tolist()]
        names: list[str] = self.ground.ids.gather(rows[old]).to_list()
        if old.all():
            return names
        known = iter(names)
        return [next(known) if row < base else self._ids[row - base] for row in rows.tolist()]

    def vectors(self, rows: Rows) -> FloatMatrix:
        """Copy the vectors of rows, float32 (n, dim)."""
        base = len(self.ground.ids)
        found = np.empty((len(rows), self.dim), np.float32)
        old = rows < base
        found[old] = self.ground.vectors[rows[old]]
        found[~old] = self._vectors[rows[~old] - base]
        return found

    def metadata(self, rows: Rows) -> pl.DataFrame | None:
        """Give the metadata of rows, if the points have any."""
        table = self._table
        return None if table is None else table[rows]

    def table(self) -> pl.DataFrame:
        """Give a table of all rows with their metadata and ``id``, for conditions."""
        if self._table is None:
            return pl.DataFrame({"id": self.all_ids()})
        if "id" in self._table.columns:
            return self._table
        return self._table.with_columns(self.all_ids())

    def all_ids(self) -> pl.Series:
        """Give the ids of all rows."""
        return pl.concat([self.ground.ids, pl.Series("id", self._ids, dtype=pl.String)])

    @property
    def own_ids(self) -> list[str]:
        """Ids of the points that came since, in the order of their rows."""
        return self._ids

    def live_mask(self, allowed: Mask | None = None) -> Mask | None:
        """Tell of each row whether it is live, and allowed; None where all are."""
        if self.alive is None:
            return allowed
        alive = self.alive[: self.count]
        if allowed is None:
            return alive
        seen = min(len(allowed), len(alive))  # points that came since a condition was looked at don't count
        return allowed[:seen] & alive[:seen]

    def live_rows(self) -> Rows:
        """List the rows of live points."""
        return np.arange(self.count) if self.alive is None else np.flatnonzero(self.alive[: self.count])

    @property
    def _table(self) -> pl.DataFrame | None:
        if self.ground.metadata is None:
            return None
        if len(self._tables) > 1:
            self._tables = [pl.concat(self._tables)]
        return pl.concat([self.ground.metadata, *self._tables]) if self._tables else self.ground.metadata

    def restore(self, alive: Mask) -> None:
        """Take note of rows that were deleted before they were saved."""
        if len(alive) != self.count:
            raise DamagedError(
                f"the index has {self.count} rows and tells of {len(alive)} whether they are live; build it again"
            )
        self.alive, self.live = alive, int(alive.sum())

    @property
    def untouched(self) -> bool:
        """Tell whether nothing was added or deleted."""
        return self.alive is None and self.count == len(self.ground.ids)

    # -- changing it --------------------------------------------------------------------------------------

    def fitting(self, count: int, metadata: Any | None) -> pl.DataFrame | None:
        """Give metadata for new points in the columns and types there are, or raise `InputError`."""
        if (self.ground.metadata is None) != (metadata is None):
            have, need = ("have", "with") if metadata is None else ("have no", "without")
            raise InputError(f"the points of this index {have} metadata, so new ones must come {need} it")
        if self.ground.metadata is None or metadata is None:
            return None
        table = below(self.ground.metadata.clear(), metadata)
        if len(table) != count:
            raise InputError(f"metadata must have a row for each of the {count} points; it has {len(table)}")
        try:
            return table.cast(self.ground.metadata.schema)
        except pl.exceptions.PolarsError as problem:
            raise InputError(
                f"metadata must have columns of the same types as before: {_first_line(problem)}"
            ) from problem

    def append(self, ids: Sequence[str], vectors: FloatMatrix, metadata: pl.DataFrame | None) -> Rows:
        """Take new points, and give their rows."""
        start, stop = self.count, self.count + len(ids)
        base = len(self.ground.ids)
        if stop - base > len(self._vectors):
            room = max(stop - base, 2 * len(self._vectors), 64)
            self._vectors = _grown(self._vectors, room)
        if stop > len(self.sizes):
            self.sizes = _grown(self.sizes, max(stop, self.count + self.count // 2))
        self._vectors[start - base : stop - base] = vectors
        self.sizes[start:stop] = queries.lengths(vectors)
        if self.alive is not None:
            if stop > len(self.alive):
                self.alive = _grown(self.alive, max(stop, self.count + self.count // 2))
            self.alive[start:stop] = True
        self._ids.extend(ids)
        if metadata is not None:
            self._tables.append(metadata)
        if "_rows" in self.__dict__:
            self._rows.update(zip(ids, range(start, stop), strict=True))
        self.count = stop
        self.live += len(ids)
        return np.arange(start, stop)

    def remove(self, ids: Sequence[str]) -> None:
        """Delete live points; their rows stay empty."""
        rows = self.rows_of(ids)
        if self.alive is None:
            self.alive = np.ones(self.count, np.bool_)
        self.alive[rows] = False
        for id in ids:
            del self._rows[id]
        self.live -= len(ids)

    def space(self, encoder: Any, provenance: Any) -> Space:
        """Make a space of the live points, in the order of their rows."""
        rows = self.live_rows()
        if self.untouched:
            vectors: FloatMatrix = self.ground.vectors
        else:
            vectors = checks.frozen(self.vectors(rows))
        ids = np.array(self.all_ids().gather(rows).to_list(), object)
        return Space(ids, vectors, self.metadata(rows), encoder, provenance)

    def pieces(self, size: int) -> Iterator[FloatMatrix]:
        """Walk the vectors of all rows, `size` at a time."""
        for start in range(0, self.count, size):
            yield self.vectors(np.arange(start, min(start + size, self.count)))

    def release(self) -> None:
        """Let the system take back the pages of mapped vectors that were read."""
        stored.release(self.ground.vectors)


def _first_line(problem: Exception) -> str:
    return str(problem).strip().partition("\n")[0]


def _grown(array: npt.NDArray[Any], room: int) -> npt.NDArray[Any]:
    larger = np.zeros((room, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger
