"""`PgvectorCollection`: points in a table of Postgres, searched by its extension vector (pgvector)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.index.pgvector_filter import Statement, translate
from semspace.index.servers.collection import ServerCollection, ServerHit
from semspace.index.servers.fields import ID, VECTOR
from semspace.index.servers.pgvector_fields import LONGEST_NAME, PgvectorFields, is_name
from semspace.index.servers.postgres_server import EXTRA, PostgresServer
from semspace.types import Floats1d, Floats2d

_MARK = "semspace: "  # before what `connect` needs to know, in the table's comment
_OPERATORS = {"cosine": ("<=>", "vector_cosine_ops"), "dot": ("<#>", "vector_ip_ops")}
_OPERATORS["euclidean"] = ("<->", "vector_l2_ops")
_LONGEST_ID = 2_000  # bytes; an index of Postgres takes 2,704
_LONGEST_INDEXED = 2_000  # dimensions of a graph
_WIDTH, _WIDEST = 200, 1_000  # of a search in the graph, least and most
_MEMORY = (64, 2_048)  # megabytes for building a graph, least and most

_EVERY = Statement("TRUE")


@dataclass(frozen=True, eq=False, repr=False)
class PgvectorCollection(ServerCollection):
    """Points of one space in Postgres; make one with `PgvectorCollection.create`, or `connect` to one.

    A table has the columns ``id`` (its primary key), ``vector`` and those of the metadata. Changes are transactions,
    all or nothing. The graph is built by `settle`, which `push` calls when all points are there: until then, every
    point is compared, as it is with more than 2,000 dimensions, which pgvector's graphs don't take.
    """

    method: ClassVar[str] = "pgvector"
    title: ClassVar[str] = "Postgres"
    fields_type: ClassVar[type[PgvectorFields]] = PgvectorFields

    # -- making -------------------------------------------------------------------------------------------

    @classmethod
    def _connection(cls, uri: str, token: str | None, *, new: bool) -> PostgresServer:  # noqa: ARG003
        return PostgresServer.open(uri, token)

    @classmethod
    def _check_name(cls, name: str) -> None:
        if not isinstance(name, str) or not is_name(name):
            raise InputError(
                f'the name of a table in Postgres has 1 to {LONGEST_NAME} bytes, none of " % {{ }}; got {name!r}'
            )

    @classmethod
    def _drop(cls, server: PostgresServer, name: str) -> None:
        server.rows(_sql("DROP TABLE {}", name))

    @classmethod
    def _make(cls, server: PostgresServer, name: str, fields: PgvectorFields, stored: Mapping[str, Any]) -> None:
        sql = checks.need("psycopg.sql", EXTRA)
        columns = ['id text COLLATE "C" PRIMARY KEY', f"vector vector({stored['dim']}) NOT NULL"]
        columns += [f'"{field}" {kind}' for field, kind in zip(fields.names.values(), fields.types(), strict=True)]
        with server.transaction() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
            cursor.execute(_sql(f"CREATE TABLE {{}} ({', '.join(columns)})", name))
            cursor.execute(_sql("COMMENT ON TABLE {} IS ", name) + sql.Literal(_MARK + json.dumps(stored)))
        server.read_version()

    @classmethod
    def _stored(cls, server: PostgresServer, name: str) -> Any:
        found = server.rows(
            "SELECT obj_description(c.oid, 'pg_class') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = current_schema() AND c.relname = %s",
            [name],
        )
        comment = found[0][0] if found else None
        try:
            return json.loads(comment[len(_MARK) :]) if comment and comment.startswith(_MARK) else None
        except ValueError:
            return None

    # -- contents -----------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Count the live points."""
        return int(self._ask("SELECT count(*) FROM {}")[0][0])

    def _ask(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.server.rows(_sql(text, self.name), values)  # type: ignore[no-any-return]

    @cached_property
    def _outputs(self) -> str:
        return "".join(f', "{field}"' for field in self.fields.names.values())

    def _row(self, values: Sequence[Any]) -> Mapping[str, Any]:
        return dict(zip(self.fields.names.values(), values, strict=True))

    def _rows_of(self, ids: Sequence[str], *, metadata: bool = False) -> dict[str, Mapping[str, Any]]:
        outputs = self._outputs if metadata else ""
        rows = self._ask(f"SELECT id{outputs} FROM {{}} WHERE id = ANY(%s)", [_writable(ids)])
        return {row[0]: self._row(row[1:]) if metadata else {} for row in rows}

    def _vectors_of(self, ids: Sequence[str]) -> dict[str, Any]:
        rows = self._ask("SELECT id, vector FROM {} WHERE id = ANY(%s)", [_writable(ids)])
        return {id: _read_vector(bytes_) for id, bytes_ in rows}

    def _some_ids(self, most: int) -> list[str]:
        return [id for (id,) in self._ask("SELECT id FROM {} LIMIT %s", [most])]

    def _translate(self, where: str) -> Statement:
        return translate(where, self.fields.schema or {}, self.fields.names, ID)

    def _walk(self, condition: Any, among: Sequence[str] | None) -> Iterator[tuple[list[str], Floats2d]]:
        some, last = _within(condition, among), ""
        while True:
            rows = self._ask(
                f"SELECT id, vector FROM {{}} WHERE id > %s AND {some.text} ORDER BY id LIMIT %s",
                [last, *some.values, self._page()],
            )
            if not rows:
                return
            last = rows[-1][0]
            yield [id for id, _ in rows], np.stack([_read_vector(bytes_) for _, bytes_ in rows])

    # -- searching ----------------------------------------------------------------------------------------

    def _search(
        self, query_vectors: Floats2d, limit: int, condition: Any, among: Sequence[str] | None, *, exact: bool
    ) -> list[list[ServerHit]]:
        """Search in the graph, and compare all points where it gave fewer than were asked for."""
        some = _within(condition, among)
        exact = exact or (some is not _EVERY and not self.server.iterates)
        found = []
        with self.server.transaction() as cursor:
            if not exact:
                self._widen(cursor, limit)
            for vector in query_vectors:
                own = [] if exact else self._ordered(cursor, vector, limit, some, exact=False)
                found.append(own if len(own) == limit else self._ordered(cursor, vector, limit, some, exact=True))
        return found

    def _widen(self, cursor: Any, limit: int) -> None:
        """Set how far a search goes to have enough; each setting ends with the transaction."""
        settings: dict[str, Any] = {"hnsw.ef_search": min(_WIDEST, max(_WIDTH, 2 * limit))}
        if self.server.iterates:
            settings.update({"hnsw.iterative_scan": "strict_order", "hnsw.max_scan_tuples": 2**31 - 1})
        for name, value in settings.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, str(value)])

    def _ordered(self, cursor: Any, vector: Floats1d, limit: int, some: Statement, *, exact: bool) -> list[ServerHit]:
        distance = f"(vector {_OPERATORS[self.metric][0]} %s::vector)"
        # No graph answers for the order of a sum; and equal distances are then in the order of ids.
        order = f"{distance} + 0, id" if exact else distance
        text = f"SELECT id, {distance}{self._outputs} FROM {{}} WHERE {some.text} ORDER BY {order} LIMIT %s"
        asked = _write_vector(vector)
        cursor.execute(_sql(text, self.name), [asked, *some.values, asked, limit])
        return [(row[0], self._score(row[1]), self._row(row[2:])) for row in cursor.fetchall()]

    def _score(self, distance: float) -> float:
        return float(np.float32(1 - distance if self.metric == "cosine" else -distance))

    # -- changing -----------------------------------------------------------------------------------------

    def _check_ids(self, ids: Sequence[str]) -> None:
        for id in ids:
            if not id or len(id.encode()) > _LONGEST_ID or "\x00" in id:
                raise InputError(
                    f"Postgres takes ids of 1 to {_LONGEST_ID:,} bytes without the character NUL; "
                    f"got {id[:40]!r} of {len(id.encode()):,}"
                )

    def _send(
        self,
        verb: str,
        ids: Sequence[str],
        vectors: Floats2d,
        values: Mapping[str, list[Any]],
        pieces: Sequence[tuple[int, int]],  # noqa: ARG002  (COPY takes any number)
    ) -> None:
        names = [ID, VECTOR, *self.fields.names.values()]
        columns = ", ".join(f'"{name}"' for name in names)
        with self.server.transaction() as cursor:
            if verb == "insert":
                self._copy(cursor, self.name, columns, ids, vectors, values)
                return
            cursor.execute(_sql("CREATE TEMPORARY TABLE pg_temp.semspace_new (LIKE {}) ON COMMIT DROP", self.name))
            self._copy(cursor, "semspace_new", columns, ids, vectors, values)
            changed = ", ".join(f'"{name}" = excluded."{name}"' for name in names[1:])
            cursor.execute(
                _sql(
                    f"INSERT INTO {{}} ({columns}) SELECT {columns} FROM pg_temp.semspace_new "
                    f"ON CONFLICT (id) DO UPDATE SET {changed}",
                    self.name,
                )
            )

    def _copy(
        self,
        cursor: Any,
        table: str,
        columns: str,
        ids: Sequence[str],
        vectors: Floats2d,
        values: Mapping[str, list[Any]],
    ) -> None:
        with cursor.copy(_sql(f"COPY {{}} ({columns}) FROM STDIN (FORMAT BINARY)", table)) as copy:
            copy.set_types(["text", "bytea", *self.fields.types()])  # of a vector the bytes that Postgres receives
            for row in zip(ids, map(_vector_bytes, vectors), *values.values(), strict=True):
                copy.write_row(row)

    def _remove(self, ids: Sequence[str]) -> None:
        self._ask("DELETE FROM {} WHERE id = ANY(%s)", [list(ids)])

    def settle(self) -> None:
        """Build the graph, where there is none yet and pgvector can have one, and count the values of the columns.

        By these counts Postgres chooses whether it walks the graph or compares what a condition leaves.
        """
        if self.dim <= _LONGEST_INDEXED and not self._has_graph():
            needed = len(self) * (4 * self.dim + 400) >> 20
            memory = min(max(needed, _MEMORY[0]), _MEMORY[1])
            with self.server.transaction() as cursor:
                cursor.execute("SELECT set_config('maintenance_work_mem', %s, true)", [f"{memory}MB"])
                cursor.execute(
                    _sql(f"CREATE INDEX ON {{}} USING hnsw (vector {_OPERATORS[self.metric][1]})", self.name)
                )
        self._ask("ANALYZE {}")

    def _has_graph(self) -> bool:
        found = self.server.rows(
            "SELECT 1 FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = t.relnamespace "
            "WHERE n.nspname = current_schema() AND t.relname = %s AND a.amname = 'hnsw' AND i.indisvalid",
            [self.name],
        )
        return bool(found)

    def compact(self) -> None:
        """Free the space of deleted points, and build the graph where there is none yet."""
        self.settle()
        self._ask("VACUUM {}")


def _sql(text: str, table: str) -> Any:
    """Return SQL with the name of a table, in quotation marks, in place of ``{}``."""
    sql = checks.need("psycopg.sql", EXTRA)
    return sql.SQL(text).format(sql.Identifier(table))


def _within(condition: Any, among: Sequence[str] | None) -> Statement:
    wanted: Statement = _EVERY if condition is True else condition
    if among is None:
        return wanted
    return Statement(f"(id = ANY(%s) AND {wanted.text})", (_writable(among), *wanted.values))  # type: ignore[arg-type]


def _writable(ids: Sequence[str]) -> list[str]:
    """Return the ids that a text of Postgres can hold; no point has another."""
    return [id for id in ids if "\x00" not in id]


def _write_vector(vector: Floats1d) -> str:
    return f"[{','.join(map(repr, vector.tolist()))}]"


def _vector_bytes(vector: Floats1d) -> bytes:
    """Return what Postgres receives as a vector: its length, two bytes for later use, and its numbers."""
    return len(vector).to_bytes(2, "big") + bytes(2) + vector.astype(">f4").tobytes()


def _read_vector(received: bytes) -> Floats1d:
    return np.frombuffer(received, ">f4", offset=4).astype(np.float32)
