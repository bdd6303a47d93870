"""`MilvusCollection`: points on a Milvus server, more than this machine can hold, or in a file of Milvus Lite."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from semspace import checks, queries
from semspace.errors import InputError
from semspace.index.milvus_fields import ID, KINDS, LONGEST, VECTOR, Fields
from semspace.index.milvus_filter import Expression, both, literal, one_of, translate
from semspace.index.milvus_server import EXTRA, Server
from semspace.index.servers.collection import ServerCollection, ServerHit, best_hits
from semspace.types import Floats2d

_PROPERTY = "semspace"  # of a collection, under which lies what `connect` needs to know
_METRICS = {"cosine": "COSINE", "dot": "IP", "euclidean": "L2"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")


@dataclass(frozen=True, eq=False, repr=False)
class MilvusCollection(ServerCollection):
    """Points of one space in Milvus; make one with `MilvusCollection.create`, or `connect` to one.

    Every question sees all that was written before it (consistency level "Strong").

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

    method: ClassVar[str] = "milvus"
    title: ClassVar[str] = "Milvus"
    fields_type: ClassVar[type[Fields]] = Fields
    most_hits: ClassVar[int] = 16_384  # Milvus' own limit
    message_bytes: ClassVar[int] = 8_000_000  # a server takes 64 MB, JSON and copies included

    # -- making -------------------------------------------------------------------------------------------

    @classmethod
    def _connection(cls, uri: str, token: str | None, *, new: bool) -> Server:
        return Server.open(uri, token, new=new)

    @classmethod
    def _check_name(cls, name: str) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputError(
                "the name of a collection in Milvus has letters, digits and underscores, and begins with no digit; "
                f"got {name!r}"
            )

    @classmethod
    def _drop(cls, server: Server, name: str) -> None:
        server.ask("drop_collection", name)

    @classmethod
    def _make(cls, server: Server, name: str, fields: Fields, stored: Mapping[str, Any]) -> None:
        pymilvus = checks.need("pymilvus", EXTRA)
        types = pymilvus.DataType
        schema = pymilvus.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field(ID, types.VARCHAR, is_primary=True, max_length=LONGEST)
        schema.add_field(VECTOR, types.FLOAT_VECTOR, dim=stored["dim"])
        for column, field in fields.names.items():
            kind = KINDS[fields.kind(column)]
            more = {"max_length": LONGEST} if kind == "VARCHAR" else {}
            schema.add_field(field, types[kind], nullable=True, **more)
        properties = {_PROPERTY: json.dumps(stored)}
        server.ask("create_collection", name, schema=schema, consistency_level="Strong", properties=properties)

    @classmethod
    def _stored(cls, server: Server, name: str) -> Any:
        told = server.ask("describe_collection", name)
        try:
            return json.loads(told.get("properties", {}).get(_PROPERTY))
        except (TypeError, ValueError):
            return None

    @classmethod
    def _opened_fields(cls, server: Server, stored: Mapping[str, Any]) -> Fields:
        return Fields.from_text(stored, nulls=not server.old)

    @classmethod
    def _open(cls, server: Server, name: str) -> MilvusCollection:
        points = super()._open(server, name)
        _make_ready(server, name, points.metric)
        return points

    # -- contents -----------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Count the live points."""
        return int(self._query("", ["count(*)"])[0]["count(*)"])

    @cached_property
    def _outputs(self) -> list[str]:
        return [ID, *self.fields.names.values()]

    def _query(self, condition: str, outputs: list[str], **more: Any) -> list[dict[str, Any]]:
        return list(
            self.server.ask(
                "query", self.name, filter=condition, output_fields=outputs, consistency_level="Strong", **more
            )
        )

    def _rows_of(self, ids: Sequence[str], *, metadata: bool = False) -> dict[str, Mapping[str, Any]]:
        return {row[ID]: row for row in self._query(one_of(ID, ids), self._outputs if metadata else [ID])}

    def _vectors_of(self, ids: Sequence[str]) -> dict[str, Any]:
        return {row[ID]: row[VECTOR] for row in self._query(one_of(ID, ids), [ID, VECTOR])}

    def _some_ids(self, most: int) -> list[str]:
        return [row[ID] for row in self._query("", [ID], limit=most)]

    def _translate(self, where: str) -> Expression:
        return translate(where, self.fields)

    def _walk(self, condition: Expression, among: Sequence[str] | None) -> Iterator[tuple[list[str], Floats2d]]:
        """Iterate over points in pages; pymilvus' own iterator fails on ids with quotation marks."""
        some, last = _within(condition, among), None
        while True:
            rows = self._page_of(both(True if last is None else f"{ID} > {literal(last)}", some))
            if not rows:
                return
            last = max(row[ID] for row in rows)  # Python's order of strings is that of their UTF-8
            yield (
                [row[ID] for row in rows],
                np.array([row[VECTOR] for row in rows], np.float32).reshape(len(rows), self.dim),
            )

    def _page_of(self, condition: Expression) -> list[dict[str, Any]]:
        # The two settings are those of pymilvus' iterator: the next points in the order of ids, none left out.
        return self._query(
            "" if condition is True else str(condition),
            [ID, VECTOR],
            limit=self._page(),
            iterator="True",
            reduce_stop_for_best="True",
        )

    # -- searching ----------------------------------------------------------------------------------------

    def _nearest(
        self,
        query_vectors: Floats2d,
        k: int,
        condition: Any,
        among: Sequence[str] | None,
        left_out: Sequence[frozenset[str]],
        *,
        exact: bool,
    ) -> list[list[ServerHit]]:
        """Search with Milvus' index, or compare all points here.

        With `exact`, and beyond 16,384 hits, which is Milvus' limit, all points that the condition leaves are fetched
        and compared here: that is exact, and takes as long as reading them.
        """
        most = k + max(map(len, left_out), default=0)
        if exact or most >= self.most_hits:
            return self._compared(query_vectors, k, condition, among, left_out)
        return super()._nearest(query_vectors, k, condition, among, left_out, exact=False)

    def _search(
        self, query_vectors: Floats2d, limit: int, condition: Any, among: Sequence[str] | None, *, exact: bool
    ) -> list[list[ServerHit]]:
        assert not exact  # these are compared here
        some = _within(condition, among)
        answers = self.server.ask(
            "search",
            self.name,
            data=query_vectors.tolist(),
            anns_field=VECTOR,
            limit=limit,
            filter="" if some is True else str(some),
            output_fields=self._outputs,
            search_params={"metric_type": _METRICS[self.metric]},
            consistency_level="Strong",
        )
        return [[(hit[ID], self._score(hit["distance"]), hit["entity"]) for hit in answer] for answer in answers]

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
    ) -> list[list[ServerHit]]:
        """Fetch the points and compare them here, a page at a time."""
        best: list[list[ServerHit]] = [[] for _ in query_vectors]
        for ids, vectors in self._walked(condition, among):
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
                own: list[ServerHit] = [
                    (ids[row], score, None) for row, score in zip(rows, scores.tolist(), strict=True)
                ]
                best[query] = best_hits([*best[query], *own], k)
        return best

    # -- changing -----------------------------------------------------------------------------------------

    def _check_ids(self, ids: Sequence[str]) -> None:
        for id in ids:
            if not id or len(id.encode()) > LONGEST:
                raise InputError(f"Milvus takes ids of 1 to {LONGEST:,} bytes; got {id[:40]!r} of {len(id.encode()):,}")

    def _send(
        self,
        verb: str,
        ids: Sequence[str],
        vectors: Floats2d,
        values: Mapping[str, list[Any]],
        pieces: Sequence[tuple[int, int]],
    ) -> None:
        for start, end in pieces:
            rows = [
                {ID: id, VECTOR: vector, **{name: column[row] for name, column in values.items()}}
                for row, id, vector in zip(range(start, end), ids[start:end], vectors[start:end].tolist(), strict=True)
            ]
            self.server.ask(verb, self.name, rows)

    def _remove(self, ids: Sequence[str]) -> None:
        self.server.ask("delete", self.name, filter=one_of(ID, ids))

    def compact(self) -> None:
        """Ask the server to free the space of deleted points, which it does in its own time.

        A Milvus Lite does it by itself when it writes to disk, and nothing more can be asked of it.
        """
        if not self.server.local:
            self.server.ask("compact", self.name)


def _within(condition: Expression, among: Sequence[str] | None) -> Expression:
    return condition if among is None else both(one_of(ID, among), condition)


def _make_ready(server: Server, name: str, metric: str) -> None:
    """Create and load the index where that isn't done: a program may have been killed before."""
    if not server.ask("list_indexes", name, field_name=VECTOR):
        pymilvus = checks.need("pymilvus", EXTRA)
        wanted = pymilvus.MilvusClient.prepare_index_params()
        wanted.add_index(VECTOR, index_type="AUTOINDEX", metric_type=_METRICS[metric])
        server.ask("create_index", name, wanted, sync=False)  # else pymilvus sleeps; loading waits for it anyway
    server.ask("load_collection", name)
