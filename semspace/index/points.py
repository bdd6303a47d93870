"""The points of a local index: those of a space, and those added since. A row is never used twice.

The points at one moment are a `View`, which never changes: a reader uses one until it is done. The one writer prepares
the next view, and one assignment makes it the current one, so that nobody sees a change half done.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from semspace import checks, pools, queries
from semspace.errors import InputError
from semspace.index.id_lookup import IdLookup
from semspace.index.new_points import in_types
from semspace.space import Space
from semspace.text import mmap_array
from semspace.text.dataframes import check_columns
from semspace.types import ArrayXd, Bools1d, Floats1d, Floats2d, Ints1d

_FEW = 128  # ids


@dataclass(frozen=True, eq=False)
class FrozenPoints:
    """Points that don't change, in memory or mapped from a file."""

    ids: pl.Series
    vectors: Floats2d
    sizes: Floats1d
    metadata: pl.DataFrame | None

    @classmethod
    def of_space(cls, space: Space) -> FrozenPoints:
        """Return the points of a space."""
        ids = pl.Series("id", space.ids.tolist(), dtype=pl.String)
        return cls(ids, space.vectors, space.norms, space.metadata)

    @classmethod
    def of_view(cls, view: View) -> FrozenPoints:
        """Copy the live points of a view."""
        rows = view.live_rows()
        return cls(
            view.all_ids().gather(rows), view.live_vectors(), checks.frozen(view.sizes[rows]), view.metadata(rows)
        )


@dataclass(frozen=True, eq=False)
class View:
    """The points at one moment, live ones and deleted ones.

    Parameters
    ----------
    ground : Ground
    count : int
        Rows ever given.
    live : int
    alive : (count,) bool, optional
        None while all are.
    sizes : (at least count,) float32
    own : float32
        Vectors of the points added since, with room for more.
    own_ids : list of str
        Ids of the points added since, in the order of their rows, followed by those of later views.
    tables : tuple of polars.DataFrame
        Metadata of the points added since.
    gone : tuple of str
        Ids that the view before had, and this one doesn't.
    start : int
        The first row that the view before didn't have.
    """

    ground: FrozenPoints
    count: int
    live: int
    alive: Bools1d | None
    sizes: Floats1d
    own: Floats2d
    own_ids: list[str]
    tables: tuple[pl.DataFrame, ...] = ()
    gone: tuple[str, ...] = ()
    start: int = 0
    answers: dict[str, Bools1d] = field(default_factory=dict)  # of conditions asked before

    @property
    def base(self) -> int:
        """Count the rows of the first points."""
        return len(self.ground.ids)

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return int(self.ground.vectors.shape[1])

    @property
    def more(self) -> Floats2d:
        """Vectors of the points added since, in the order of their rows."""
        return self.own[: self.count - self.base]

    def ids(self, rows: Ints1d) -> list[str]:
        """Return the ids of rows, deleted ones too."""
        base = self.base
        old = rows < base
        if len(rows) < _FEW:  # polars takes longer to set out than for these
            return [self.ground.ids[row] if row < base else self.own_ids[row - base] for row in rows.tolist()]
        names: list[str] = self.ground.ids.gather(rows[old]).to_list()
        if old.all():
            return names
        known = iter(names)
        return [next(known) if row < base else self.own_ids[row - base] for row in rows.tolist()]

    def vectors(self, rows: Ints1d) -> Floats2d:
        """Copy the vectors of rows, float32 (n, dim)."""
        found = np.empty((len(rows), self.dim), np.float32)
        old = rows < self.base
        found[old] = self.ground.vectors[rows[old]]
        found[~old] = self.own[rows[~old] - self.base]
        return found

    def metadata(self, rows: Ints1d) -> pl.DataFrame | None:
        """Return the metadata of rows, if the points have any."""
        # Column by column: rows of a table would be gathered by polars' threads, which a child process hasn't.
        table = self.all_metadata
        return None if table is None else pl.DataFrame([column.gather(rows) for column in table.get_columns()])

    @cached_property
    def all_metadata(self) -> pl.DataFrame | None:
        """The metadata of all rows, if the points have any."""
        table = self.ground.metadata
        if table is None or not self.tables:
            return table
        columns = [column.clone() for column in table.get_columns()]
        for more in self.tables:
            for column, later in zip(columns, more.get_columns(), strict=True):
                column.append(later)
        return pl.DataFrame(columns)

    def texts(self, start: int = 0) -> pl.Series:
        """Return the texts of the rows from `start` on, deleted ones too: the column ``text`` of the metadata."""
        assert self.all_metadata is not None
        return self.all_metadata["text"][start:]

    def table(self) -> pl.DataFrame:
        """Return a table of all rows with their metadata and ``id``, for conditions."""
        table = self.all_metadata
        if table is None:
            return pl.DataFrame({"id": self.all_ids()})
        return table if "id" in table.columns else table.with_columns(self.all_ids())

    def all_ids(self) -> pl.Series:
        """Return the ids of all rows."""
        return pl.concat([self.ground.ids, pl.Series("id", self.own_ids[: self.count - self.base], dtype=pl.String)])

    def live_mask(self, allowed: Bools1d | None = None) -> Bools1d | None:
        """Return of each row whether it is live and allowed; None where all are."""
        if allowed is None or self.alive is None:
            return self.alive if allowed is None else allowed
        return allowed & self.alive

    def live_rows(self) -> Ints1d:
        """List the rows of live points."""
        return np.arange(self.count) if self.alive is None else np.flatnonzero(self.alive)

    def live_vectors(self) -> Floats2d:
        """Return the vectors of live points, (n, dim), read-only; a copy where points were added or deleted."""
        if self.untouched:
            return self.ground.vectors
        vectors = self.vectors(self.live_rows())
        vectors.setflags(write=False)
        return vectors

    @property
    def untouched(self) -> bool:
        """Check that nothing was added or deleted."""
        return self.alive is None and self.count == self.base

    def space(self, encoder: Any, provenance: Any) -> Space:
        """Create a space of the live points, in the order of their rows."""
        rows, vectors = self.live_rows(), self.live_vectors()
        ids = np.array(self.all_ids().gather(rows).to_list(), object)
        return Space(ids, vectors, self.metadata(rows), encoder, provenance)

    def pieces(self, size: int) -> Iterator[Floats2d]:
        """Iterate over the vectors of all rows, `size` at a time."""
        for start in range(0, self.count, size):
            yield self.vectors(np.arange(start, min(start + size, self.count)))

    def release(self) -> None:
        """Release the pages of mapped vectors that were read."""
        mmap_array.release_pages(self.ground.vectors)


class PointTable:
    """Points by row and by id: the current view, and the preparation of the next one."""

    def __init__(self, ground: FrozenPoints, alive: Bools1d | None = None, lookup: IdLookup | None = None) -> None:
        count, dim = ground.vectors.shape
        live = count if alive is None else int(alive.sum())
        self.view = View(ground, count, live, alive, ground.sizes, np.empty((0, dim), np.float32), [])
        self._lock = threading.Lock()
        self._lookup, self._checked = lookup, False  # of the first points' ids
        self._later: dict[str, int] = {}  # rows of the points added since
        self._named = self.view  # `self._later` is of
        pools.on_fork(self)

    def forked(self) -> None:
        """Replace the lock, which a thread of the parent may have held."""
        self._lock = threading.Lock()

    # -- contents -----------------------------------------------------------------------------------------

    @property
    def ground(self) -> FrozenPoints:
        """The first points."""
        return self.view.ground

    @property
    def count(self) -> int:
        """Rows ever given."""
        return self.view.count

    @property
    def live(self) -> int:
        """Live points."""
        return self.view.live

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return self.view.dim

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the metadata's columns."""
        return () if self.ground.metadata is None else tuple(self.ground.metadata.columns)

    @property
    def _table(self) -> pl.DataFrame | None:
        return self.view.all_metadata

    def located(self, *lists: Sequence[str]) -> tuple[View, list[list[int]]]:
        """Return the current view, and in it the row of each id, -1 where there is no such live point.

        What finds ids is made when one is first asked for, if it wasn't saved.
        """
        if not any(map(len, lists)):
            return self.view, [[] for _ in lists]
        with self._lock:
            self._number_later()
            return self.view, [self._find(ids) for ids in lists]

    def known(self, ids: Sequence[str]) -> list[int]:
        """Return the row of each id, -1 where there is no such live point."""
        return self.located(ids)[1][0]

    def names(self) -> list[str]:
        """Return the ids of the live points."""
        view = self.view
        names: list[str] = view.all_ids().gather(view.live_rows()).to_list()
        return names

    def rows_of(self, ids: Sequence[str]) -> tuple[View, Ints1d]:
        """Return the current view, and the rows of live points in it; raise `UnknownIdError` for an unknown id."""
        view, (rows,) = self.located(ids)
        for id, row in zip(ids, rows, strict=True):
            if row < 0:
                raise checks.unknown("point", str(id), self.names(), where=f"this index of {view.live:,}")
        return view, np.array(rows, np.int64)

    def _find(self, ids: Sequence[str]) -> list[int]:
        """Return the row of each id in the present view; to be called by who holds the lock."""
        rows = [self._later.get(id, -1) for id in ids]
        others = [at for at, row in enumerate(rows) if row < 0]
        if others:
            found = self._first_ids().find([ids[at] for at in others], self.view.alive)
            for at, row in zip(others, found, strict=True):
                rows[at] = row
        return rows

    def _first_ids(self) -> IdLookup:
        """Return what finds the ids of the first points; raise `DamagedError` where it can't be right."""
        if not self._checked:
            self._lookup = self._lookup or IdLookup.of(self.ground.ids)
            self._lookup.check(None if self.view.alive is None else self.view.alive[: len(self.ground.ids)])
            self._checked = True
        assert self._lookup is not None
        return self._lookup

    def _number_later(self) -> None:
        """Bring the rows of the points added since to the present view; to be called by who holds the lock.

        It may be stopped anywhere and begun again.
        """
        view = self.view
        if self._named is not view:
            for id in view.gone:
                self._later.pop(id, None)
            fresh = view.own_ids[view.start - view.base : view.count - view.base]
            self._later.update(zip(fresh, range(view.start, view.count), strict=True))
            self._named = view

    # -- changing it --------------------------------------------------------------------------------------

    def metadata_for(self, count: int, metadata: Any | None) -> pl.DataFrame | None:
        """Return metadata for new points in the columns and types there are, or raise `InputError`."""
        if (self.ground.metadata is None) != (metadata is None):
            have, need = ("have", "with") if metadata is None else ("have no", "without")
            raise InputError(f"the points of this index {have} metadata, so new ones must come {need} it")
        if self.ground.metadata is None or metadata is None:
            return None
        pools.need_polars("a change of metadata")
        check_columns(self.ground.metadata, metadata)
        if len(metadata) != count:
            raise InputError(f"metadata must have a row for each of the {count} points; it has {len(metadata)}")
        return in_types(metadata, self.ground.metadata.schema)

    def without(self, ids: Sequence[str]) -> View:
        """Prepare a view in which live points are deleted; their rows stay empty."""
        view, rows = self.rows_of(ids)
        alive = np.ones(view.count, np.bool_) if view.alive is None else view.alive.copy()
        alive[rows] = False
        return replace(
            view, alive=alive, live=view.live - len(rows), gone=tuple(ids), start=view.count, answers={}
        )  # fmt: skip

    def with_more(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> View:
        """Prepare a view with new points, in which live ones of the same ids are deleted."""
        there = [id for id, row in zip(ids, self.known(ids), strict=True) if row >= 0]
        view = self.without(there) if there else replace(self.view, gone=(), answers={})
        start, stop, base = view.count, view.count + len(ids), view.base
        own, sizes, alive = view.own, view.sizes, view.alive
        if stop - base > len(own):
            own = _grown(own, start - base, max(stop - base, 2 * len(own), 64))
        if stop > len(sizes) or not sizes.flags.writeable:
            sizes = _grown(sizes, start, max(stop, start + start // 2))
        # What is behind a view's rows nobody looks at, also where another change was begun there and given up.
        own[start - base : stop - base] = vectors
        sizes[start:stop] = queries.lengths(vectors)
        if alive is not None:
            alive = np.concatenate([alive, np.ones(len(ids), np.bool_)])
        del view.own_ids[start - base :]
        view.own_ids.extend(ids)
        tables = view.tables if metadata is None else _stacked((*view.tables, metadata))
        return replace(
            view, count=stop, live=view.live + len(ids), alive=alive, sizes=sizes, own=own, tables=tables, start=start
        )  # fmt: skip

    def become(self, view: View) -> None:
        """Publish a prepared view as the current one."""
        with self._lock:
            self._number_later()  # those of the view before it: the next ones are told by the difference
            self.view = view
            self._number_later()


def _stacked(tables: tuple[pl.DataFrame, ...]) -> tuple[pl.DataFrame, ...]:
    """Return the tables with small ones concatenated, so that both tables and copies of a row are few."""
    while len(tables) > 1 and len(tables[-2]) <= 2 * len(tables[-1]):
        columns = [a.clone().append(b) for a, b in zip(tables[-2].get_columns(), tables[-1].get_columns(), strict=True)]
        tables = (*tables[:-2], pl.DataFrame([column.rechunk() for column in columns]))
    return tables


def _grown(array: ArrayXd, used: int, room: int) -> ArrayXd:
    larger = np.zeros((room, *array.shape[1:]), array.dtype)
    larger[:used] = array[:used]
    return larger
