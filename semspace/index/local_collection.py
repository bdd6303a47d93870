"""Points and their engine in this process, in memory or over the files of a saved index."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import polars as pl

from semspace import checks, pools
from semspace.bundle import MANIFEST, Bundle, Draft, digest, opening, writing
from semspace.errors import DamagedError, InputError, ReplacedError, SemspaceError, SemspaceWarning
from semspace.index.collection import Hits
from semspace.index.engine import Engine, Found, Mask, Rows
from semspace.index.exact import compare_all
from semspace.index.journal import Journal, Lock, Record
from semspace.index.points import Ground, Points, View
from semspace.text.filters import matching
from semspace.types import Floats2d

_CONDITIONS = 16  # whose answers are kept
_PIECE = 4_096  # points walked at a time
_CHECKED_FIRST = 64 << 20  # bytes: as much is verified before an index opens, more while it is in use
_FOLD = 0.25  # of the index's size: a journal that has grown so large is folded into it
_RESIDENT = 0.2  # of the vectors' bytes may be in memory for rescoring, of a mapped index
_LOOK = 1.0  # seconds after which a reader looks again whether its files were replaced
_READ = 16 * 64 * 1024  # bytes of a mapped file that come into memory with one query: a window around each candidate


class LocalCollection:
    """Points by id with an engine that finds their rows; see `Collection`.

    A reader takes points and engine together, and of the points one view, and stays with them until its answer is
    whole; a writer holds `_changing`.
    """

    def __init__(self, points: Points, engine: Engine, rebuild: Callable[[Points], Engine]) -> None:
        self._now = (points, engine)
        self._rebuild = rebuild
        self._changing = threading.RLock()
        self._home: Home | None = None
        self._read = 0
        self._fold_at = 0.0  # bytes of the journal
        pools.on_fork(self)

    def forked(self) -> None:
        """Replace the lock, which a thread of the parent may have held; the right to write stays with the parent."""
        self._changing = threading.RLock()

    # -- looking into it ----------------------------------------------------------------------------------

    @property
    def points(self) -> Points:
        """The points."""
        return self._now[0]

    @property
    def engine(self) -> Engine:
        """What finds their rows."""
        return self._now[1]

    @property
    def method(self) -> str:
        """``"exact"`` or ``"hnsw"``."""
        return self.engine.method

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
        """Check of each id whether it is a live point."""
        return [row >= 0 for row in self.points.known(ids)]

    def nearest_spellings(self, id: str) -> list[str]:
        """Return ids that are spelled like this one, for an error message."""
        return checks.nearest_spellings(id, self.points.names())

    def vectors(self, ids: Sequence[str]) -> Floats2d:
        """Return the vectors of ids, float32 (n, dim)."""
        view, rows = self.points.rows_of(ids)
        return view.vectors(rows)

    def metadata(self, ids: Sequence[str]) -> pl.DataFrame | None:
        """Return the metadata of ids."""
        view, rows = self.points.rows_of(ids)
        return view.metadata(rows)

    def pieces(self) -> Iterator[tuple[list[str], Floats2d]]:
        """Walk all live points."""
        view = self.points.view
        rows = view.live_rows()
        for start in range(0, len(rows), _PIECE):
            part = rows[start : start + _PIECE]
            yield view.ids(part), view.vectors(part)

    # -- asking -------------------------------------------------------------------------------------------

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
        """Find the nearest live points of each query."""
        self.ready()
        points, engine = self._now
        view, (inside, *own) = points.located(among or (), *(skip or ((),) * len(queries)))
        extra = max(map(len, own), default=0)
        allowed = self._allowed(view, where, None if among is None else inside)
        found = self._find(engine, view, queries, min(k + extra, max(view.live, 1)), allowed, exact=exact)
        return self._dressed(view, *found, own, k)

    def find(
        self,
        queries: Floats2d,
        k: int,
        where: str | None = None,
        among: Sequence[str] | None = None,
        *,
        exact: bool = False,
        ef: int | None = None,
        threads: int | None = None,
    ) -> Found:
        """Find rows and scores; fewer than `k` columns where there are fewer points."""
        self.ready()
        points, engine = self._now
        view, (inside,) = points.located(among or ())
        allowed = self._allowed(view, where, None if among is None else inside)
        k = min(k, max(view.live, 1))
        return self._find(engine, view, queries, k, allowed, exact=exact, ef=ef, threads=threads)

    def _find(
        self, engine: Engine, view: View, queries: Floats2d, k: int, allowed: Mask | None, *, exact: bool,
        ef: int | None = None, threads: int | None = None,
    ) -> Found:  # fmt: skip
        if exact:
            return compare_all(view, engine.metric, queries, k, allowed)
        found = engine.search(view, queries, k, allowed, ef=ef, threads=threads)
        self._trim(view, len(queries))
        return found

    def _allowed(self, view: View, where: str | None, among: Sequence[int] | None) -> Mask | None:
        """Tell of each row whether it may be found; None where all may."""
        mask = None if where is None else self._where(view, where)
        if among is not None:
            inside = np.zeros(view.count, np.bool_)
            inside[[row for row in among if row >= 0]] = True
            mask = inside if mask is None else mask & inside
        return None if mask is None else np.ascontiguousarray(mask)

    def _where(self, view: View, where: str) -> Mask:
        """Tell of each row whether a condition holds; the last answers are kept while nothing changes."""
        known = view.answers if isinstance(where, str) else {}
        mask = known.get(where)
        if mask is None:
            pools.need_polars("a condition (where=)")
            mask = matching(view.table(), where).to_numpy()
            if len(known) >= _CONDITIONS:
                known.clear()
            known[where] = mask
        return mask

    def _dressed(self, view: View, rows: Rows, scores: Floats2d, own: Sequence[Sequence[int]], k: int) -> list[Hits]:
        """Put rows in order, equal scores by id, and look up what belongs to them: once for all queries."""
        held = (rows >= 0).sum(axis=1)
        every = rows[rows >= 0]
        names = view.ids(every)
        table = view.metadata(every)
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
                part = None if table is None else _rows_of(table, [start + i for i in order])
                hits.append(Hits(tuple(ids[i] for i in order), values[order], part))
            start = stop
        return hits

    def _trim(self, view: View, count: int) -> None:
        """Give back the pages of a mapped file that rescoring has read, once they are many."""
        self._read += count * _READ
        if self._home is not None and self._read > max(_RESIDENT * view.ground.vectors.nbytes, _CHECKED_FIRST):
            view.release()
            self._read = 0

    # -- changing -----------------------------------------------------------------------------------------

    def add(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Add points; when it returns they are safe."""
        with self._changing:
            taken = next((id for id, there in zip(ids, self.present(ids), strict=True) if there), None)
            if taken is not None:
                raise InputError(
                    f"the index already has {taken!r}; choose another id, or give it a new vector with update"
                )
            self._put(ids, vectors, self.points.fitting(len(ids), metadata))

    def update(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Give points other vectors and metadata; without any, they keep what they have."""
        with self._changing:
            view, rows = self.points.rows_of(ids)
            table = view.metadata(rows) if metadata is None else self.points.fitting(len(ids), metadata)
            self._put(ids, vectors, table)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete points."""
        with self._changing:
            self._commit(Record("delete", list(ids)))

    def _put(self, ids: Sequence[str], vectors: Floats2d, table: pl.DataFrame | None) -> None:
        if len(ids):
            self._commit(Record("add", list(ids), vectors, table))

    def _commit(self, record: Record) -> None:
        """Write a change down, then make it: both, or neither."""
        self.ready()
        home = self._home
        if home is not None:
            home.check_writable()
        after = self._after(record)
        with pools.uninterrupted():
            written = home.journal.size if home is not None else 0
            try:
                if home is not None:
                    home.journal.append(record)
            finally:
                if home is None or home.journal.size > written:  # whatever has stopped us, it is written down
                    self._become(after)
        self.engine.catch_up(wait=True)
        if home is not None and after.live and home.journal.size > self._fold_at:
            self._fold_by_itself()

    def _become(self, after: View) -> None:
        try:
            self.points.become(after)
        except BaseException:  # stopped in another thread than the main one, where nothing holds it up
            self.points.become(after)
            raise

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

    def _after(self, record: Record) -> View:
        """Prepare how the points are after a change."""
        if record.what == "delete":
            return self.points.without(record.ids)
        assert record.vectors is not None
        return self.points.with_more(record.ids, record.vectors, record.metadata)

    def compact(self) -> None:
        """Build anew of the live points."""
        with self._changing:
            self.ready()
            if self._home is not None:
                self._home.check_writable()
            view = self.points.view
            if not view.live:
                raise InputError("the index has no live points left, so there is nothing to compact; add some first")
            points = Points(Ground.of_space(view.space(None, {})))
            self._now = (points, self._rebuild(points))
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
            self.points.become(self._after(record))
        self.engine.catch_up(wait=True)
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
        view = self.points.view
        pools.need_polars("saving an index")
        draft.stacked("vectors", view.pieces(_PIECE), (view.count, view.dim), "<f4")
        draft.array("sizes", view.sizes[: view.count])
        draft.table("ids", pl.DataFrame({"id": view.all_ids()}))
        if view.all_metadata is not None:
            draft.table("metadata", view.all_metadata)
        if view.alive is not None:
            draft.array("alive", view.alive)
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
        self._gone = ""  # why it can't be written any more
        self._folding = False  # which files lie there isn't known: a fold was begun, and its end not seen
        self._replaced = False  # and its reader was told
        self._manifest, self._looked = _identity(bundle.folder), monotonic()
        self._settle(bundle)
        if verify or (verify is None and bundle.size <= _CHECKED_FIRST):
            bundle.check()
        elif verify is None:
            threading.Thread(target=self._check, args=(bundle,), daemon=True).start()
        pools.on_fork(self)

    def forked(self) -> None:
        """Leave the right to write with the parent."""
        if self._lock is not None:
            self._gone = f"was opened for writing by another process ({self._lock.owner}), from which this one forked"
            self.close()

    def _settle(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.size = bundle.size
        self.journal = Journal(bundle.folder, digest(bundle.signature))

    def _check(self, bundle: Bundle) -> None:
        try:
            bundle.check()
        except (ReplacedError, OSError):  # replaced and gone meanwhile; what is mapped stays what it was
            pass
        except DamagedError as damage:
            self._damage = damage

    def ready(self) -> None:
        """Raise what the check has found so far; warn a reader, once, when others lie at the place of its files."""
        if self._damage is not None:
            raise self._damage
        if self._lock is None and not self._replaced and not self._gone and monotonic() - self._looked >= _LOOK:
            self._looked = monotonic()
            if _identity(self._target) != self._manifest:
                self._replaced = True
                warnings.warn(
                    f"{self._target} was replaced since it was opened: the answers are those of the points it had "
                    f"then; open it again for the new ones",
                    SemspaceWarning,
                    stacklevel=5,
                )

    def records(self) -> list[Record]:
        """Return the changes since the index was written."""
        try:
            found = list(self.journal.read())
        finally:
            self._bundle.unchanged()  # a journal there may be that of what has taken its place
        return found

    def check_writable(self) -> None:
        """Raise where the index was opened for reading, or closed; find out what a fold that was stopped came to."""
        if self._gone:
            raise InputError(f"the index {self._target} {self._gone}; open it again with writable=True to change it")
        if self._lock is None:
            raise InputError(f"{self._target} is open for reading; open it with writable=True to change it")
        if self._folding:
            bundle = self._opened()
            if bundle.signature != self._bundle.signature:
                self._settle(bundle)
            self._folding = False

    def _opened(self) -> Bundle:
        bundle = opening(self._target, "index", verify=False)
        if bundle.folder != self._target:  # stopped between two renames
            os.replace(bundle.folder, self._target)
            bundle = opening(self._target, "index", verify=False)
        return bundle

    def writes(self, place: Path) -> bool:
        """Check whether this is the place, open for writing."""
        return self._lock is not None and self._target.resolve() == place.resolve()

    def fold(self, write: Callable[[Draft], None]) -> None:
        """Replace the index on disk by what it is now."""
        self.check_writable()
        self.journal.close()  # opened again if this fails
        self._folding = True
        with writing(self._target, "index", overwrite=True) as draft:
            draft.meta.update(self._meta(draft))
            write(draft)
        self.check_writable()

    def close(self) -> None:
        """Let go of the journal, and let others write."""
        self._gone = self._gone or "was closed"
        self.journal.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _identity(folder: Path) -> tuple[int, ...]:
    """Return what tells a manifest from one that took its place."""
    try:
        seen = (folder / MANIFEST).stat()
    except OSError:
        return ()
    return seen.st_ino, seen.st_mtime_ns, seen.st_size


def _rows_of(table: pl.DataFrame, rows: list[int]) -> pl.DataFrame:
    return pl.DataFrame([column.gather(rows) for column in table.get_columns()])


def _by_score(scores: Any, ids: Sequence[str]) -> list[int]:
    """Order hits: the highest score first, equal ones by id. They are nearly always in order already."""
    if (scores[1:] < scores[:-1]).all():
        return list(range(len(ids)))
    values = scores.tolist()
    return sorted(range(len(ids)), key=lambda i: (-values[i], ids[i]))
