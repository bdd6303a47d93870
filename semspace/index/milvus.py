"""`MilvusCollection`: points on a Milvus server, more than this machine can hold, or in a file of Milvus Lite."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from semspace import checks, queries
from semspace.errors import ExistsError, InputError
from semspace.index.collection import Hits
from semspace.index.milvus_fields import ID, KINDS, LONGEST, VECTOR, Fields, sizes
from semspace.index.milvus_filter import Expression, both, literal, one_of, translate
from semspace.index.milvus_server import EXTRA, Server
from semspace.index.new_points import completed
from semspace.types import Floats2d

FORMAT = 1
_PROPERTY = "semspace"  # of a collection, under which lies what `connect` needs to know
_METRICS = {"cosine": "COSINE", "dot": "IP", "euclidean": "L2"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_WINDOW = 16_384  # the most hits that Milvus gives to one query
_IDS = 1_000  # in one condition
_QUERIES = 256  # in one search
_HITS = 50_000  # in one answer
_BYTES = 8_000_000  # of points in one message: a server takes 64 MB, JSON and copies included
_PAGE = 4_000  # points walked at a time

MilvusHit = tuple[str, float, Mapping[str, Any] | None]


@dataclass(frozen=True, eq=False, repr=False)
class MilvusCollection:
    """Points of one space in Milvus; make one with `MilvusCollection.create`, or `connect` to one.

    It satisfies `semspace.index.collection.Collection`. Every question sees all that was written before it
    (consistency level "Strong"). Milvus checks ids neither where points are added nor where they are deleted, so that
    is done here, just before: of two programs that add the same id at the same moment, both may succeed.

    Parameters
    ----------
    server : Server
    name : str
        Of the collection.
    dim : int
    metric : {"cosine", "dot", "euclidean"}
    fields : Fields
        How the metadata's columns lie in it.
    facts : mapping
        What it was created with: the fingerprint of the space, its encoder, and whatever else JSON can hold.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> points = MilvusCollection.create(f"{folder.name}/points.db", "animals", dim=2)
    >>> points.add(["cat", "dog", "car"], np.float32([[1, 1], [1, 0.8], [-1, 1]]), None)
    >>> points.nearest(np.float32([[1, 1]]), 2)[0].ids
    ('cat', 'dog')
    >>> points.close(); folder.cleanup()
    """

    server: Server
    name: str
    dim: int
    metric: str
    fields: Fields
    facts: Mapping[str, Any]
    method: str = "milvus"

    # -- making -------------------------------------------------------------------------------------------

    @classmethod
    def connect(cls, uri: str, collection: str, token: str | None = None) -> MilvusCollection:
        """Connect to a collection that is there.

        Parameters
        ----------
        uri : str
            ``"http://host:19530"``, or the path of a Milvus Lite, which ends in ``.db``.
        collection : str
        token : str, optional
            ``"user:password"``, or an API key.

        Raises
        ------
        ServerError
            If the server doesn't answer within some seconds.
        InputError
            If there is no such collection, or semspace didn't make it.
        """
        server = Server.open(uri, token)
        try:
            return cls._open(server, collection)
        except BaseException:
            server.close()
            raise

    @classmethod
    def create(
        cls,
        uri: str,
        collection: str,
        *,
        dim: int,
        metric: str = "cosine",
        metadata_schema: pl.Schema | Mapping[str, pl.DataType] | None = None,
        facts: Mapping[str, Any] | None = None,
        token: str | None = None,
        overwrite: bool = False,
    ) -> MilvusCollection:
        """Create an empty collection.

        Parameters
        ----------
        uri, collection, token
            See `connect`. The file of a Milvus Lite is made where it isn't there.
        dim : int
        metric : {"cosine", "dot", "euclidean"}
        metadata_schema : polars.Schema, optional
            The columns of the metadata and their types. Whole numbers, floats, times, truth and text can be searched
            by; lists and structs are only kept.
        facts : mapping, optional
            What `connect` shall give back as ``facts``: values that JSON can hold.
        overwrite : bool
            Drop a collection of this name, with all its points.
        """
        fields = Fields.of(metadata_schema)
        stored = {
            "format": FORMAT,
            "dim": checks.whole("dim", dim),
            "metric": checks.choice("metric", metric, queries.METRICS),
            "facts": checked_json(facts or {}),
            **fields.to_text(),
        }
        if not isinstance(collection, str) or not _NAME.fullmatch(collection):
            raise InputError(
                "the name of a collection in Milvus has letters, digits and underscores, and begins with no digit; "
                f"got {collection!r}"
            )
        server = Server.open(uri, token, new=True)
        try:
            if server.ask("has_collection", collection):
                if not overwrite:
                    raise ExistsError(
                        f"the collection {collection!r} is there already in {server.uri}; "
                        "take another name, or overwrite=True"
                    )
                server.ask("drop_collection", collection)
            _make(server, collection, dim, fields, stored)
            return cls._open(server, collection)
        except BaseException:
            server.close()
            raise

    @classmethod
    def _open(cls, server: Server, name: str) -> MilvusCollection:
        there = server.collections()
        if name not in there:
            raise InputError(f"no collection {name!r} in {server.uri}; there are {', '.join(there) or 'none'}")
        told = server.ask("describe_collection", name)
        stored = _read_json(told.get("properties", {}).get(_PROPERTY))
        if not isinstance(stored, dict) or "format" not in stored:
            raise InputError(
                f"the collection {name!r} in {server.uri} wasn't made by semspace; push a space into a new collection"
            )
        if stored["format"] > FORMAT:
            raise InputError(f"the collection {name!r} in {server.uri} was made by a later semspace; upgrade this one")
        fields = Fields.from_text(stored, nulls=not server.old)
        _make_ready(server, name, stored["metric"])
        return cls(server, name, stored["dim"], stored["metric"], fields, stored["facts"])

    # -- contents -----------------------------------------------------------------------------------------

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the metadata's columns."""
        return self.fields.columns

    def __len__(self) -> int:
        """Count the live points."""
        return int(self._query("", ["count(*)"])[0]["count(*)"])

    def __repr__(self) -> str:
        return f"MilvusCollection({self.name!r} in {self.server.uri}: {self.metric}, {self.dim} dimensions)"

    def present(self, ids: Sequence[str]) -> list[bool]:
        """Check of each id whether it is a live point."""
        there = {row[ID] for some in _batches(ids) for row in self._query(one_of(ID, some), [ID])}
        return [id in there for id in ids]

    def vectors(self, ids: Sequence[str]) -> Floats2d:
        """Return the vectors of ids in their order, float32 (n, dim); raise `UnknownIdError` for an unknown id."""
        rows = self._rows(ids, [VECTOR])
        return np.array([row[VECTOR] for row in rows], np.float32).reshape(len(rows), self.dim)

    def metadata(self, ids: Sequence[str]) -> pl.DataFrame | None:
        """Return the metadata of ids in their order; raise `UnknownIdError` for one that doesn't exist."""
        return self.fields.decode(self._rows(ids, self._outputs))

    def pieces(
        self, *, where: str | None = None, among: Sequence[str] | None = None
    ) -> Iterator[tuple[list[str], Floats2d]]:
        """Iterate over the live points that `where` and `among` leave, some thousands at a time."""
        condition = True if where is None else translate(where, self.fields)
        return iter(()) if condition is False else self._walk(condition, among)

    @cached_property
    def _outputs(self) -> list[str]:
        return [ID, *self.fields.names.values()]

    def _query(self, condition: str, outputs: list[str], **more: Any) -> list[dict[str, Any]]:
        return list(
            self.server.ask(
                "query", self.name, filter=condition, output_fields=outputs, consistency_level="Strong", **more
            )
        )

    def _rows(self, ids: Sequence[str], outputs: list[str]) -> list[dict[str, Any]]:
        """Return the rows of points by id, in their order."""
        found = {row[ID]: row for some in _batches(ids) for row in self._query(one_of(ID, some), [ID, *outputs])}
        self._check_known(ids, found)
        return [found[id] for id in ids]

    def _check_known(self, ids: Sequence[str], there: Mapping[str, Any]) -> None:
        missing = next((id for id in ids if id not in there), None)
        if missing is None:
            return
        count = len(self)
        known = self._few_ids(count)
        raise checks.unknown("point", missing, known, where=f"the collection {self.name!r} of {count:,}")

    def nearest_spellings(self, id: str) -> list[str]:
        """Return ids that are spelled like this one, for an error message; none of a large collection."""
        return checks.nearest_spellings(id, self._few_ids(len(self)))

    def _few_ids(self, count: int) -> list[str]:
        """Return all ids of a collection that one answer can hold, none of a larger one."""
        return [row[ID] for row in self._query("", [ID], limit=_WINDOW)] if 0 < count <= _WINDOW else []

    def _walk(self, condition: Expression, among: Sequence[str] | None) -> Iterator[tuple[list[str], Floats2d]]:
        """Iterate over points in pages; pymilvus' own iterator fails on ids with quotation marks."""
        for some in self._conditions(condition, among):
            last: str | None = None
            while True:
                after = True if last is None else f"{ID} > {literal(last)}"
                rows = self._page(both(after, some))
                if not rows:
                    break
                last = max(row[ID] for row in rows)  # Python's order of strings is that of their UTF-8
                yield (
                    [row[ID] for row in rows],
                    np.array([row[VECTOR] for row in rows], np.float32).reshape(len(rows), self.dim),
                )

    def _page(self, condition: Expression) -> list[dict[str, Any]]:
        page = max(1, min(_PAGE, 4 * _BYTES // (4 * self.dim)))
        # The two settings are those of pymilvus' iterator: the next points in the order of ids, none left out.
        return self._query(
            "" if condition is True else str(condition),
            [ID, VECTOR],
            limit=page,
            iterator="True",
            reduce_stop_for_best="True",
        )

    # -- searching ----------------------------------------------------------------------------------------

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

        With `exact`, and beyond 16,384 hits, which is Milvus' limit, all points that `where` and `among` leave are
        fetched and compared here: that is exact, and takes as long as reading them. Otherwise Milvus' index answers.
        """
        condition = True if where is None else translate(where, self.fields)
        left_out = [frozenset(ids) for ids in skip] if skip else [frozenset[str]()] * len(queries)
        most = k + max(map(len, left_out), default=0)
        if condition is False or not len(queries) or (among is not None and not len(among)):
            return [self._hits([], {}) for _ in queries]
        if exact or most >= _WINDOW:
            found = self._compared(queries, k, condition, among, left_out)
            ids = list(dict.fromkeys(id for own in found for id, _, _ in own))
            rows = self._rows(ids, self._outputs) if self.fields.names else []
            known: dict[str, Mapping[str, Any]] = {row[ID]: row for row in rows}
        else:
            found = self._searched(queries, most, condition, among)
            known = {id: row for own in found for id, _, row in own if row is not None}
        kept = [[hit for hit in own if hit[0] not in out][:k] for own, out in zip(found, left_out, strict=True)]
        return [self._hits(own, known) for own in kept]

    def _hits(self, found: Sequence[MilvusHit], known: Mapping[str, Mapping[str, Any]]) -> Hits:
        ids = tuple(id for id, _, _ in found)
        scores = np.array([score for _, score, _ in found], np.float32)
        rows = [known[id] for id in ids] if self.fields.names else []
        return Hits(ids, scores, self.fields.decode(rows))

    def _conditions(self, condition: Expression, among: Sequence[str] | None) -> Iterator[Expression]:
        """Iterate over conditions of which every wanted point satisfies one."""
        if among is None:
            yield condition
            return
        for some in _batches(list(dict.fromkeys(among))):
            yield both(one_of(ID, some), condition)

    def _searched(
        self, query_vectors: Floats2d, most: int, condition: Expression, among: Sequence[str] | None
    ) -> list[list[MilvusHit]]:
        """Search by Milvus, a few queries at a time."""
        best: list[list[MilvusHit]] = [[] for _ in query_vectors]
        step = max(1, min(_QUERIES, _HITS // most))
        for some in self._conditions(condition, among):
            for start in range(0, len(query_vectors), step):
                answers = self._search(query_vectors[start : start + step], most, some)
                for query, own in enumerate(answers, start):
                    best[query] = _best([*best[query], *own], most)
        return best

    def _search(self, query_vectors: Floats2d, most: int, condition: Expression) -> list[list[MilvusHit]]:
        """Search for the nearest and one more, which shows whether points with the last score were cut off."""
        limit, rest, found = most, list(range(len(query_vectors))), [list[MilvusHit]() for _ in query_vectors]
        while rest:
            limit = min(limit + 1, _WINDOW)
            answers = self.server.ask(
                "search",
                self.name,
                data=[query_vectors[query].tolist() for query in rest],
                anns_field=VECTOR,
                limit=limit,
                filter="" if condition is True else str(condition),
                output_fields=self._outputs,
                search_params={"metric_type": _METRICS[self.metric]},
                consistency_level="Strong",
            )
            for query, answer in zip(rest, answers, strict=True):
                found[query] = [(hit[ID], self._score(hit["distance"]), hit["entity"]) for hit in answer]
            rest = [query for query in rest if _cut(found[query], most, limit)]
            limit *= 4
        return found

    def _score(self, distance: float) -> float:
        # Milvus' L2 is squared, and rounding may take it below 0; its cosine and inner product are scores already.
        score = -np.sqrt(max(distance, 0.0)) if self.metric == "euclidean" else distance
        return float(np.float32(score))

    def _compared(
        self,
        query_vectors: Floats2d,
        k: int,
        condition: Expression,
        among: Sequence[str] | None,
        left_out: Sequence[frozenset[str]],
    ) -> list[list[MilvusHit]]:
        """Fetch the points and compare them here, a page at a time."""
        best: list[list[MilvusHit]] = [[] for _ in query_vectors]
        for ids, vectors in self._walk(condition, among):
            place = {id: row for row, id in enumerate(ids)}
            near = queries.nearest(
                vectors,
                queries.lengths(vectors),
                query_vectors,
                k,
                names=ids,
                metric=self.metric,
                skip=[[place[id] for id in out if id in place] for out in left_out],
            )
            for query, (rows, scores) in enumerate(near):
                own: list[MilvusHit] = [
                    (ids[row], score, None) for row, score in zip(rows, scores.tolist(), strict=True)
                ]
                best[query] = _best([*best[query], *own], k)
        return best

    # -- changing -----------------------------------------------------------------------------------------

    def add(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Add points; when it returns they are safe. Raise `InputError` where an id is there already, and add none.

        Points go in messages of some megabytes: if the server fails between two, those sent before are there.
        """
        taken = next((id for id, there in zip(ids, self.present(ids), strict=True) if there), None)
        if taken is not None:
            raise InputError(f"the collection {self.name!r} already has {taken!r}; choose other ids, or update it")
        self.write("insert", ids, vectors, metadata)

    def update(self, ids: Sequence[str], vectors: Floats2d | None, metadata: pl.DataFrame | None) -> None:
        """Replace vectors and columns of metadata, where they are given.

        Raise `UnknownIdError` for an id that doesn't exist, and change nothing.
        """
        self._check_known(ids, {id: True for id, there in zip(ids, self.present(ids), strict=True) if there})
        self._replace(ids, self.vectors(ids) if vectors is None else vectors, metadata)

    def upsert(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Update the points that are there, and add the others; when it returns they are safe."""
        if all(self.present(ids)):
            self._replace(ids, vectors, metadata)
        else:
            self.write("upsert", ids, vectors, metadata)

    def _replace(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Replace points that are there; columns that aren't given stay as they are."""
        complete = metadata is not None and set(metadata.columns) >= set(self.columns)
        if self.columns and not complete:
            metadata = completed(metadata, self.metadata(ids))
        self.write("upsert", ids, vectors, metadata)

    def write(self, verb: str, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Send points with ``"insert"`` or ``"upsert"``, without looking at what is there."""
        for id in ids:
            if not id or len(id.encode()) > LONGEST:
                raise InputError(f"Milvus takes ids of 1 to {LONGEST:,} bytes; got {id[:40]!r} of {len(id.encode()):,}")
        values = self.fields.encode(ids, metadata)
        for start, end in _pieces(sizes(self.dim, ids, values).tolist()):
            rows = [
                {ID: id, VECTOR: vector, **{name: column[row] for name, column in values.items()}}
                for row, id, vector in zip(range(start, end), ids[start:end], vectors[start:end].tolist(), strict=True)
            ]
            self.server.ask(verb, self.name, rows)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete points; raise `UnknownIdError` where one isn't there, and delete none."""
        self._check_known(ids, {id: True for id, there in zip(ids, self.present(ids), strict=True) if there})
        for some in _batches(ids):
            self.server.ask("delete", self.name, filter=one_of(ID, some))

    def compact(self) -> None:
        """Ask the server to free the space of deleted points, which it does in its own time.

        A Milvus Lite does it by itself when it writes to disk, and nothing more can be asked of it.
        """
        if not self.server.local:
            self.server.ask("compact", self.name)

    def close(self) -> None:
        """Close the connection, and the file of a Milvus Lite that nobody else in this process has open."""
        self.server.close()


def _make(server: Server, name: str, dim: int, fields: Fields, stored: Mapping[str, Any]) -> None:
    pymilvus = checks.need("pymilvus", EXTRA)
    types = pymilvus.DataType
    schema = pymilvus.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field(ID, types.VARCHAR, is_primary=True, max_length=LONGEST)
    schema.add_field(VECTOR, types.FLOAT_VECTOR, dim=dim)
    for column, field in fields.names.items():
        kind = KINDS[fields.kind(column)]
        more = {"max_length": LONGEST} if kind == "VARCHAR" else {}
        schema.add_field(field, types[kind], nullable=True, **more)
    properties = {_PROPERTY: json.dumps(stored)}
    server.ask("create_collection", name, schema=schema, consistency_level="Strong", properties=properties)


def _make_ready(server: Server, name: str, metric: str) -> None:
    """Create and load the index where that isn't done: a program may have been killed before."""
    if not server.ask("list_indexes", name, field_name=VECTOR):
        pymilvus = checks.need("pymilvus", EXTRA)
        wanted = pymilvus.MilvusClient.prepare_index_params()
        wanted.add_index(VECTOR, index_type="AUTOINDEX", metric_type=_METRICS[metric])
        server.ask("create_index", name, wanted, sync=False)  # else pymilvus sleeps; loading waits for it anyway
    server.ask("load_collection", name)


def checked_json(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as JSON restores them, with tuples as lists and keys as text."""
    try:
        return dict(json.loads(json.dumps(dict(facts), allow_nan=False)))
    except (TypeError, ValueError) as problem:
        raise InputError(f"facts must hold what JSON can hold ({problem}); got {facts!r:.200}") from problem


def _read_json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut ids into as many as one condition may hold."""
    for start, end in _pieces([_BYTES // _IDS + len(id) for id in ids]):
        yield ids[start:end]


def _pieces(bytes_each: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Cut a row of things into pieces of about `_BYTES`, each of at least one thing."""
    start = total = 0
    for place, size in enumerate(bytes_each):
        if place > start and total + size > _BYTES:
            yield start, place
            start, total = place, 0
        total += size
    if start < len(bytes_each):
        yield start, len(bytes_each)


def _best(found: list[MilvusHit], most: int) -> list[MilvusHit]:
    return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:most]


def _cut(found: Sequence[MilvusHit], most: int, limit: int) -> bool:
    """Check whether points with the score of the last one may be missing; equal scores are ordered by id."""
    return len(found) == limit < _WINDOW and found[most - 1][1] == found[-1][1]
