"""`LocalCollection`: points and their engine in this process, in memory or mapped from a saved index."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from semspace import checks, pools
from semspace.bundle import Draft
from semspace.errors import InputError, SemspaceError, SemspaceWarning, UnknownIdError
from semspace.index.collection import Hits
from semspace.index.engine import Engine, RowsAndScores
from semspace.index.exact import compare_all
from semspace.index.fusion import DEPTH, Fusion
from semspace.index.hybrid import fused_rows
from semspace.index.id_lookup import IdLookup
from semspace.index.journal import Record
from semspace.index.new_points import completed
from semspace.index.points import FrozenPoints, PointTable, View
from semspace.index.source import SpaceSource
from semspace.index.store import IndexStore
from semspace.index.words import WordSearch
from semspace.lexical import Postings, query_words, write_postings
from semspace.space import fingerprint_of, manifest_facts
from semspace.text.filters import matching
from semspace.types import Bools1d, Floats2d, Ints1d

_CACHED_CONDITIONS = 16
_PIECE = 4_096  # points read at a time
_FOLD_SHARE = 0.25  # of the index's size: a larger journal is folded into it
_RESIDENT_SHARE = 0.2  # of a mapped index's vectors may stay in memory after rescoring
_SMALL = 64 << 20  # bytes: a smaller journal isn't folded, fewer pages aren't released
_BYTES_PER_QUERY = 16 * 64 * 1024  # of a mapped file read for one query: a window around each candidate


class LocalCollection:
    """Points by id, and an engine that finds their rows; see `Collection`.

    A reader takes points and engine together, and one view of the points, and uses them until its answer is complete; a
    writer holds the lock `_changing`.

    Parameters
    ----------
    points : Points
    engine : Engine
    build_engine : callable
        Builds another engine over points, for `compact`.
    source : SpaceSource
        Of the space that the points were taken from.
    store : IndexStore, optional
        The folder that the points were read from; the changes in its journal are made first.
    counted : callable, optional
        Returns the postings of the points' texts, as they were saved.
    """

    def __init__(
        self,
        points: PointTable,
        engine: Engine,
        build_engine: Callable[[PointTable], Engine],
        source: SpaceSource,
        store: IndexStore | None = None,
        counted: Callable[[], Postings] | None = None,
    ) -> None:
        self.source = source
        self._current = (points, engine)
        self._build_engine = build_engine
        self._changing = threading.RLock()
        self._store = store
        self._words = WordSearch(points.ground, counted)
        self._bytes_read = 0  # of mapped files, by queries, since their pages were released
        self._fold_above = 0.0  # bytes of the journal
        if store is not None:
            self._replay(store)
        pools.on_fork(self)

    def _replay(self, store: IndexStore) -> None:
        for record in store.records():
            self.points.become(self._after_saved(record))
        self.engine.catch_up(wait=True)
        self._fold_above = _fold_above(store)

    def forked(self) -> None:
        """Replace the lock, which a thread of the parent may have held; the right to write stays with the parent."""
        self._changing = threading.RLock()

    # -- contents -----------------------------------------------------------------------------------------

    @property
    def points(self) -> PointTable:
        """The points."""
        return self._current[0]

    @property
    def engine(self) -> Engine:
        """The engine that finds their rows."""
        return self._current[1]

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

    def pieces(
        self, *, where: str | None = None, among: Sequence[str] | None = None
    ) -> Iterator[tuple[list[str], Floats2d]]:
        """Iterate over the live points that `where` and `among` leave."""
        view, (inside,) = self.points.located(among or ())
        mask = view.live_mask(self._allowed(view, where, None if among is None else inside))
        rows = view.live_rows() if mask is None else np.flatnonzero(mask)
        for start in range(0, len(rows), _PIECE):
            part = rows[start : start + _PIECE]
            yield view.ids(part), view.vectors(part)

    # -- queries ------------------------------------------------------------------------------------------

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
        self.check()
        points, engine = self._current
        view, (inside, *own) = points.located(among or (), *(skip or ((),) * len(queries)))
        extra = max(map(len, own), default=0)
        allowed = self._allowed(view, where, None if among is None else inside)
        found = self._find(engine, view, queries, min(k + extra, max(view.live, 1)), allowed, exact=exact)
        return self._dressed(view, *found, own, k)

    @property
    def has_texts(self) -> bool:
        """Whether the metadata has a column ``text`` of texts."""
        table = self.points.ground.metadata
        return table is not None and table.schema.get("text") == pl.String

    def fused(
        self,
        vectors: Floats2d,
        texts: Sequence[str],
        k: int,
        fusion: Fusion,
        *,
        where: str | None = None,
        among: Sequence[str] | None = None,
        exact: bool = False,
    ) -> list[Hits]:
        """Find live points by the vectors of queries and by their words; the points must have texts."""
        pools.need_polars("hybrid search (hybrid=False compares vectors alone)")
        self.check()
        points, engine = self._current
        view, (inside,) = points.located(among or ())
        allowed = self._allowed(view, where, None if among is None else inside)
        bm25 = self._words.of(view)
        k = min(k, max(view.live, 1))
        depth = min(max(k, DEPTH), max(view.live, 1))
        if fusion.alpha > 0:
            rows, scores = self._find(engine, view, vectors, depth, allowed, exact=exact)
        else:
            rows, scores = np.empty((len(texts), 0), np.int64), np.empty((len(texts), 0), np.float32)
        found_rows, found_scores = np.full((len(texts), k), -1, np.int64), np.full((len(texts), k), -np.inf, np.float32)
        for at, words in enumerate(query_words(texts)):
            word_scores = bm25.scores_of(words)
            if allowed is not None:
                word_scores[~allowed] = 0
            near = (rows[at, rows[at] >= 0], scores[at, rows[at] >= 0])
            best, values = fused_rows(
                view, engine.metric, vectors[at], near, word_scores, bm25.highest(words), fusion, k, depth
            )
            found_rows[at, : len(best)], found_scores[at, : len(best)] = best, values
        return self._dressed(view, found_rows, found_scores, [()] * len(texts), k)

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
    ) -> RowsAndScores:
        """Find rows and scores; fewer than `k` columns where there are fewer points."""
        self.check()
        points, engine = self._current
        view, (inside,) = points.located(among or ())
        allowed = self._allowed(view, where, None if among is None else inside)
        k = min(k, max(view.live, 1))
        return self._find(engine, view, queries, k, allowed, exact=exact, ef=ef, threads=threads)

    def _find(
        self, engine: Engine, view: View, queries: Floats2d, k: int, allowed: Bools1d | None, *, exact: bool,
        ef: int | None = None, threads: int | None = None,
    ) -> RowsAndScores:  # fmt: skip
        if exact:
            return compare_all(view, engine.metric, queries, k, allowed)
        found = engine.search(view, queries, k, allowed, ef=ef, threads=threads)
        self._trim(view, len(queries))
        return found

    def _allowed(self, view: View, where: str | None, among: Sequence[int] | None) -> Bools1d | None:
        """Return of each row whether it is allowed; None where all are."""
        mask = None if where is None else self._where(view, where)
        if among is not None:
            inside = np.zeros(view.count, np.bool_)
            inside[[row for row in among if row >= 0]] = True
            mask = inside if mask is None else mask & inside
        return None if mask is None else np.ascontiguousarray(mask)

    def _where(self, view: View, where: str) -> Bools1d:
        """Return of each row whether a condition holds; the last results are cached until a change."""
        known = view.answers if isinstance(where, str) else {}
        mask = known.get(where)
        if mask is None:
            pools.need_polars("a condition (where=)")
            mask = matching(view.table(), where).to_numpy()
            if len(known) >= _CACHED_CONDITIONS:
                known.clear()
            known[where] = mask
        return mask

    def _dressed(self, view: View, rows: Ints1d, scores: Floats2d, own: Sequence[Sequence[int]], k: int) -> list[Hits]:
        """Return hits in order, equal scores by id, with ids and metadata, looked up once for all queries."""
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
        """Release the pages of a mapped file that rescoring has read, once they are many."""
        self._bytes_read += count * _BYTES_PER_QUERY
        if self._store is not None and self._bytes_read > max(_RESIDENT_SHARE * view.ground.vectors.nbytes, _SMALL):
            view.release()
            self._bytes_read = 0

    # -- changing -----------------------------------------------------------------------------------------

    def add(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Add points; when it returns they are safe."""
        with self._changing:
            taken = next((id for id, there in zip(ids, self.present(ids), strict=True) if there), None)
            if taken is not None:
                raise InputError(
                    f"the index already has {taken!r}; choose another id, or give it a new vector with update"
                )
            self._put(ids, vectors, self.points.metadata_for(len(ids), metadata))

    def update(self, ids: Sequence[str], vectors: Floats2d | None, metadata: pl.DataFrame | None) -> None:
        """Replace the vectors of points, and the columns of their metadata, where they are given."""
        with self._changing:
            view, rows = self.points.rows_of(ids)
            self._put(ids, view.vectors(rows) if vectors is None else vectors, self._table(view, rows, metadata))

    def upsert(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Update the points that are there, and add the others: one change."""
        with self._changing:
            view, (rows,) = self.points.located(ids)
            all_there = all(row >= 0 for row in rows)
            table = (
                self._table(view, np.array(rows, np.int64), metadata)
                if all_there
                else self.points.metadata_for(len(ids), metadata)
            )
            self._put(ids, vectors, table)

    def _table(self, view: View, rows: Ints1d, metadata: pl.DataFrame | None) -> pl.DataFrame | None:
        """Return the metadata of points that are there, with the columns given in place of theirs."""
        present = view.metadata(rows)
        return present if metadata is None else self.points.metadata_for(len(rows), completed(metadata, present))

    def delete(self, ids: Sequence[str]) -> None:
        """Delete points."""
        with self._changing:
            self._commit(Record("delete", list(ids)))

    def _put(self, ids: Sequence[str], vectors: Floats2d, table: pl.DataFrame | None) -> None:
        if len(ids):
            self._commit(Record("add", list(ids), vectors, table))

    def _commit(self, record: Record) -> None:
        """Write a change to the journal, then make it: both, or neither."""
        self.check()
        store = self._store
        if store is not None:
            store.check_writable()
        after = self._after(record)
        with pools.uninterrupted():
            written = store.journal.size if store is not None else 0
            try:
                if store is not None:
                    store.journal.append(record)
            finally:
                if store is None or store.journal.size > written:  # whatever has stopped us, it is written down
                    self._become(after)
        self.engine.catch_up(wait=True)
        if store is not None and after.live and store.journal.size > self._fold_above:
            self._fold_by_itself()

    def _become(self, after: View) -> None:
        try:
            self.points.become(after)
        except BaseException:  # stopped in another thread than the main one, where nothing holds it up
            self.points.become(after)
            raise

    def _fold_by_itself(self) -> None:
        """Fold a journal that has grown; if that fails, the change is safe nevertheless."""
        assert self._store is not None
        try:
            self.fold()
        except (SemspaceError, OSError) as problem:
            self._fold_above = 2 * self._store.journal.size
            warnings.warn(
                f"the change is safe, but the journal can't be folded into the index and goes on growing: {problem}",
                SemspaceWarning,
                stacklevel=5,
            )

    def _after(self, record: Record) -> View:
        """Return the view of the points after a change."""
        if record.what == "delete":
            return self.points.without(record.ids)
        assert record.vectors is not None
        return self.points.with_more(record.ids, record.vectors, record.metadata)

    def _after_saved(self, record: Record) -> View:
        """Return the view after a change that was read; raise `DamagedError` where it is none of these points."""
        assert self._store is not None
        try:
            if record.vectors is not None:
                if record.vectors.shape[1] != self.dim:
                    raise InputError(f"it has {record.vectors.shape[1]} dimensions, and the index {self.dim}")
                checks.finite_rows("the vector", record.vectors, record.ids)
                own, there = record.metadata, self.points.ground.metadata
                if (own is None or there is None or own.schema != there.schema) and own is not there:
                    record = replace(record, metadata=self.points.metadata_for(len(record.ids), own))
                if own is not None and len(own) != len(record.ids):
                    raise InputError(f"it has {len(own)} rows of metadata for {len(record.ids)} points")
            return self._after(record)
        except (InputError, UnknownIdError) as problem:
            raise self._store.journal.unusable(problem) from problem

    def compact(self) -> None:
        """Rebuild points and engine from the live points."""
        with self._changing:
            self.check()
            if self._store is not None:
                self._store.check_writable()
            view = self.points.view
            if not view.live:
                raise InputError("the index has no live points left, so there is nothing to compact; add some first")
            points = PointTable(FrozenPoints.of_view(view))
            self._current = (points, self._build_engine(points))
            if self._store is not None:
                self.fold()

    def refresh(self) -> bool | None:
        """Apply the changes that another process has written to the folder since; return whether there are any.

        None where the folder must be opened again, because its files were replaced.
        """
        with self._changing:
            before = self.points.view
            records = iter(()) if self._store is None else self._store.new_records()
            if records is None:
                return None
            while self._make_next(records):
                pass
            if self.points.view is before:
                return False
            self.engine.catch_up(wait=True)
            return True

    def _make_next(self, records: Iterator[Record]) -> bool:
        """Apply the next change, if there is one: it is read and applied, or neither."""
        with pools.uninterrupted():
            record = next(records, None)
            if record is not None:
                self._become(self._after_saved(record))
        return record is not None

    # -- on disk ------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise damage that the verification of the files has found."""
        if self._store is not None:
            self._store.check()

    def fold(self) -> None:
        """Write the index as it is now, and begin a new journal."""
        assert self._store is not None
        with self._changing:
            self._store.fold(self.write)
            self._fold_above = _fold_above(self._store)

    def at_rest(self) -> AbstractContextManager[object]:
        """Return a lock that keeps other threads from changing anything."""
        return self._changing

    @property
    def place(self) -> Path:
        """The folder that the points were read from."""
        assert self._store is not None
        return self._store.target

    def writes(self, place: Path) -> bool:
        """Check whether these are the points of a folder, opened for writing."""
        return self._store is not None and self._store.writes(place)

    def write(self, draft: Draft) -> None:
        """Write points, engine and manifest into a bundle."""
        view, engine = self.points.view, self.engine
        draft.meta.update(
            engine=engine.method,
            metric=engine.metric,
            settings=engine.settings(),
            space=self._manifest_facts(view, draft),
            origin=self.source.fingerprint,
        )
        pools.need_polars("saving an index")
        draft.stacked("vectors", view.pieces(_PIECE), (view.count, view.dim), "<f4")
        draft.array("sizes", view.sizes[: view.count])
        draft.table("ids", pl.DataFrame({"id": view.all_ids()}))
        IdLookup.of(view.all_ids()).write(draft)
        if view.all_metadata is not None:
            draft.table("metadata", view.all_metadata)
        if view.alive is not None:
            draft.array("alive", view.alive)
        if self.has_texts:
            write_postings(draft, self._words.postings(view))
        engine.write(draft)

    def _manifest_facts(self, view: View, draft: Draft) -> dict[str, Any]:
        """Return what the manifest says of the live points as a space, without a copy of all their vectors."""
        rows = view.live_rows()
        vectors = (view.vectors(rows[start : start + _PIECE]) for start in range(0, len(rows), _PIECE))
        fingerprint = fingerprint_of(view.dim, view.all_ids().gather(rows).to_list(), vectors)
        source = self.source
        return manifest_facts(draft, view.live, view.dim, fingerprint, source.encoder, source.provenance)

    def close(self) -> None:
        """Close files."""
        if self._store is not None:
            self._store.close()


def _fold_above(store: IndexStore) -> float:
    """Return the size of the journal above which it is folded."""
    return max(_FOLD_SHARE * store.size, _SMALL)


def _rows_of(table: pl.DataFrame, rows: list[int]) -> pl.DataFrame:
    return pl.DataFrame([column.gather(rows) for column in table.get_columns()])


def _by_score(scores: Any, ids: Sequence[str]) -> list[int]:
    """Order hits: the highest score first, equal ones by id. They are nearly always in order already."""
    if (scores[1:] < scores[:-1]).all():
        return list(range(len(ids)))
    values = scores.tolist()
    return sorted(range(len(ids)), key=lambda i: (-values[i], ids[i]))
