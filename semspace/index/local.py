"""Points and their engine in this process, in memory or over the files of a saved index."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from semspace.bundle import Bundle, Draft, digest, opening, writing
from semspace.checks import FloatMatrix
from semspace.errors import DamagedError, InputError, SemspaceError, SemspaceWarning
from semspace.index.base import Engine, Found, Mask, Rows
from semspace.index.collection import Hits
from semspace.index.exact import compare_all
from semspace.index.journal import Journal, Lock, Record
from semspace.index.points import Ground, Points
from semspace.text.where import matching

_CONDITIONS = 16  # whose answers are kept
_PIECE = 4_096  # points walked at a time
_CHECKED_FIRST = 64 << 20  # bytes: as much is verified before an index opens, more while it is in use
_FOLD = 0.25  # of the index's size: a journal that has grown so large is folded into it
_RESIDENT = 0.2  # of the vectors' bytes may be in memory for rescoring, of a mapped index
_READ = 16 * 64 * 1024  # bytes of a mapped file that come into memory with one query: a window around each candidate


class LocalCollection:
    """Points by id with an engine that finds their rows; see `Collection`."""

    def __init__(self, points: Points, engine: Engine, rebuild: Callable[[Points], Engine]) -> None:
        self.points, self.engine = points, engine
        self._rebuild = rebuild
        self._changing = threading.RLock()
        self._home: Home | None = None
        self._read = 0
        self._fold_at = 0.0  # bytes of the journal
        self._conditions: dict[str, Mask] = {}

    # -- looking into it ----------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """``"exact"`` or ``"hnsw"``."""
        return self.engine.kind

    @property
    def metric(self) -> str:
        """``"cosine"``, ``"dot"`` or ``"euclidean"``."""
        return self.engine.metric

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return self.points.dim

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the metadata's columns."""
        return self.points.columns

    def __len__(self) -> int:
        return self.points.live

    def present(self, ids: Sequence[str]) -> list[bool]:
        """Tell of each id whether it is a live point."""
        return [row >= 0 for row in self.points.known(ids)]

    def vectors(self, ids: Sequence[str]) -> FloatMatrix:
        """Give the vectors of ids, float32 (n, dim)."""
        return self.points.vectors(self.points.rows_of(ids))

    def metadata(self, ids: Sequence[str]) -> pl.DataFrame | None:
        """Give the metadata of ids."""
        return self.points.metadata(self.points.rows_of(ids))

    def pieces(self) -> Iterator[tuple[list[str], FloatMatrix]]:
        """Walk all live points."""
        rows = self.points.live_rows()
        for start in range(0, len(rows), _PIECE):
            part = rows[start : start + _PIECE]
            yield self.points.ids(part), self.points.vectors(part)

    # -- asking -------------------------------------------------------------------------------------------

    def nearest(
        self,
        queries: FloatMatrix,
        k: int,
        *,
        where: str | None = None,
        among: Sequence[str] | None = None,
        skip: Sequence[Sequence[str]] | None = None,
        exact: bool = False,
    ) -> list[Hits]:
        """Find the nearest live points of each query."""
        self.ready()
        own = [self.points.known(ids) for ids in skip] if skip else [[] for _ in queries]
        extra = max((len(rows) for rows in own), default=0)
        rows, scores = self.find(queries, min(k + extra, max(len(self), 1)), self.allowed(where, among), exact=exact)
        return self._dressed(rows, scores, own, k)

    def find(
        self,
        queries: FloatMatrix,
        k: int,
        allowed: Mask | None,
        *,
        exact: bool = False,
        ef: int | None = None,
        threads: int | None = None,
    ) -> Found:
        """Find rows and scores."""
        if exact:
            return compare_all(self.points, self.metric, queries, k, allowed)
        found = self.engine.search(queries, k, allowed, ef=ef, threads=threads)
        self._trim(len(queries))
        return found

    def allowed(self, where: str | None, among: Sequence[str] | None) -> Mask | None:
        """Tell of each row whether it may be found; None where all may."""
        mask = None
        if where is not None:
            mask = self._where(where)
        if among is not None:
            rows = [row for row in self.points.known(among) if row >= 0]
            inside = np.zeros(self.points.count, np.bool_)
            inside[rows] = True
            mask = inside if mask is None else mask & inside
        return None if mask is None else np.ascontiguousarray(mask)

    def _where(self, where: str) -> Mask:
        """Tell of each row whether a condition holds; the last answers are kept while nothing changes."""
        known = self._conditions if isinstance(where, str) else {}
        mask = known.get(where)
        if mask is None:
            mask = matching(self.points.table(), where).to_numpy()
            if len(known) >= _CONDITIONS:
                known.clear()
            known[where] = mask  # where another thread changes something meanwhile, `known` isn't asked any more
        return mask

    def _dressed(self, rows: Rows, scores: FloatMatrix, own: Sequence[Sequence[int]], k: int) -> list[Hits]:
        """Put rows in order, equal scores by id, and look up what belongs to them: once for all queries."""
        held = (rows >= 0).sum(axis=1)
        every = rows[rows >= 0]
        names = self.points.ids(every)
        table = self.points.metadata(every)
        hits, start = [], 0
        for at, skip in enumerate(own):
            stop = start + int(held[at])
            ids, values = names[start:stop], scores[at, : stop - start]
            order = _by_score(values, ids)
            if skip:
                order = [i for i in order if rows[at, i] not in skip]
            if order[:k] == [*range(min(k, len(ids)))]:  # as it nearly always is, and slices cost little
                part = None if table is None else table[start : start + min(k, len(ids))]
                hits.append(Hits(tuple(ids[:k]), values[:k], part))
            else:
                order = order[:k]
                part = None if table is None else table[[start + i for i in order]]
                hits.append(Hits(tuple(ids[i] for i in order), values[order], part))
            start = stop
        return hits

    def _trim(self, count: int) -> None:
        """Give back the pages of a mapped file that rescoring has read, once they are many."""
        self._read += count * _READ
        vectors = self.points.ground.vectors
        if self._home is not None and self._read > max(_RESIDENT * vectors.nbytes, _CHECKED_FIRST):
            self.points.release()
            self._read = 0

    # -- changing -----------------------------------------------------------------------------------------

    def add(self, ids: Sequence[str], vectors: FloatMatrix, metadata: pl.DataFrame | None) -> None:
        """Add points; when it returns they are safe."""
        with self._changing:
            taken = next((id for id, there in zip(ids, self.present(ids), strict=True) if there), None)
            if taken is not None:
                raise InputError(
                    f"the index already has {taken!r}; choose another id, or give it a new vector with update"
                )
            self._put(ids, vectors, self.points.fitting(len(ids), metadata))

    def update(self, ids: Sequence[str], vectors: FloatMatrix, metadata: pl.DataFrame | None) -> None:
        """Give points other vectors and metadata; without any, they keep what they have."""
        with self._changing:
            rows = self.points.rows_of(ids)
            table = self.points.metadata(rows) if metadata is None else self.points.fitting(len(ids), metadata)
            self._put(ids, vectors, table)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete points."""
        with self._changing:
            self.points.rows_of(ids)
            self._commit(Record("delete", list(ids)))

    def _put(self, ids: Sequence[str], vectors: FloatMatrix, table: pl.DataFrame | None) -> None:
        if len(ids):
            self._commit(Record("add", list(ids), vectors, table))

    def _commit(self, record: Record) -> None:
        """Write a change down, then make it."""
        self.ready()
        if self._home is not None:
            self._home.append(record)
        self.apply(record)
        if self._home is not None and self.points.live and self._home.journal.size > self._fold_at:
            self._fold_by_itself()

    def _fold_by_itself(self) -> None:
        """Fold a journal that has grown; if that fails, the change is safe all the same."""
        assert self._home is not None
        try:
            self.fold()
        except (SemspaceError, OSError) as problem:
            self._fold_at = 2 * self._home.journal.size
            warnings.warn(
                f"the change is safe, but the journal can't be folded into the index and goes on growing: {problem}",
                SemspaceWarning,
                stacklevel=5,
            )

    def apply(self, record: Record) -> None:
        """Make a change in memory."""
        self._conditions = {}
        if record.what == "delete":
            self.points.remove(record.ids)
            return
        there = [id for id, known in zip(record.ids, self.present(record.ids), strict=True) if known]
        if there:
            self.points.remove(there)
        assert record.vectors is not None
        self.engine.add(self.points.append(record.ids, record.vectors, record.metadata))

    def compact(self) -> None:
        """Build anew of the live points."""
        with self._changing:
            self.ready()
            if self._home is not None:
                self._home.check_writable()
            if not self.points.live:
                raise InputError("the index has no live points left, so there is nothing to compact; add some first")
            points = Points(Ground.of_space(self.points.space(None, {})))
            self.points, self.engine = points, self._rebuild(points)
            self._conditions = {}
            if self._home is not None:
                self.fold()

    # -- on disk ------------------------------------------------------------------------------------------

    def ready(self) -> None:
        """Raise what a check of the files has found meanwhile."""
        if self._home is not None:
            self._home.ready()

    def live_at(self, home: Home) -> LocalCollection:
        """Let the points be those of a place on disk, and make the changes its journal tells of."""
        for record in home.records():
            self.apply(record)
        self._home = home
        self._fold_at = max(_FOLD * home.size, _CHECKED_FIRST)
        return self

    def fold(self) -> None:
        """Write the index anew as it is now, and begin another journal."""
        assert self._home is not None
        with self._changing:
            self._home.fold(self.write)
            self._fold_at = max(_FOLD * self._home.size, _CHECKED_FIRST)

    def at_rest(self) -> AbstractContextManager[object]:
        """Keep other threads from changing anything meanwhile."""
        return self._changing

    def writes(self, place: Path) -> bool:
        """Tell whether these are the points of a place on disk, open for writing."""
        return self._home is not None and self._home.writes(place)

    def write(self, draft: Draft) -> None:
        """Put points and engine into a bundle being written."""
        points = self.points
        rows = np.arange(points.count)
        draft.stacked("vectors", points.pieces(_PIECE), (points.count, points.dim), "<f4")
        draft.array("sizes", points.sizes[: points.count])
        draft.table("ids", pl.DataFrame({"id": points.all_ids()}))
        table = points.metadata(rows)
        if table is not None:
            draft.table("metadata", table)
        if points.alive is not None:
            draft.array("alive", points.alive[: points.count])
        self.engine.write(draft)

    def close(self) -> None:
        """Let go of files."""
        if self._home is not None:
            self._home.close()


class Home:
    """The place of an opened index: its bundle, checked while it is in use, its journal, and the right to write."""

    def __init__(
        self,
        bundle: Bundle,
        target: Path,
        lock: Lock | None,
        verify: bool | None,
        meta: Callable[[Draft], dict[str, Any]],
    ) -> None:
        self._target, self._lock, self._meta = target, lock, meta
        self._damage: DamagedError | None = None
        self._closed = False
        self._settle(bundle)
        if verify or (verify is None and bundle.size <= _CHECKED_FIRST):
            bundle.check()
        elif verify is None:
            threading.Thread(target=self._check, args=(bundle,), daemon=True).start()

    def _settle(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.size = bundle.size
        self.journal = Journal(bundle.folder, digest(bundle.signature))

    def _check(self, bundle: Bundle) -> None:
        try:
            bundle.check()
        except DamagedError as damage:
            self._damage = damage
        except OSError:  # replaced and gone meanwhile; what is mapped stays what it was
            pass

    def ready(self) -> None:
        """Raise what the check has found so far."""
        if self._damage is not None:
            raise self._damage

    def records(self) -> list[Record]:
        """Give the changes since the index was written."""
        try:
            found = list(self.journal.read())
        finally:
            self._bundle.unchanged()  # a journal there may be that of what has taken its place
        return found

    def append(self, record: Record) -> None:
        """Write a change down."""
        self.check_writable()
        self.journal.append(record)

    def check_writable(self) -> None:
        """Raise where the index was opened for reading, or closed."""
        if self._closed:
            raise InputError(f"the index {self._target} was closed; open it again with writable=True to change it")
        if self._lock is None:
            raise InputError(f"{self._target} is open for reading; open it with writable=True to change it")

    def writes(self, place: Path) -> bool:
        """Tell whether this is the place, open for writing."""
        return self._lock is not None and self._target.resolve() == place.resolve()

    def fold(self, write: Callable[[Draft], None]) -> None:
        """Replace the index on disk by what it is now."""
        self.check_writable()
        self.journal.close()  # opened again if this fails
        with writing(self._target, "index", overwrite=True) as draft:
            draft.meta.update(self._meta(draft))
            write(draft)
        self._settle(opening(self._target, "index", verify=False))

    def close(self) -> None:
        """Let go of the journal, and let others write."""
        self._closed = True
        self.journal.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _by_score(scores: Any, ids: Sequence[str]) -> list[int]:
    """Order hits: the highest score first, equal ones by id. They are nearly always in order already."""
    if (scores[1:] < scores[:-1]).all():
        return list(range(len(ids)))
    values = scores.tolist()
    return sorted(range(len(ids)), key=lambda i: (-values[i], ids[i]))
