"""A connection to Postgres with the extension vector (pgvector), at ``postgresql://user@host:port/database``."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from semspace import checks
from semspace.errors import InputError, ServerError

EXTRA = "pgvector"
_ADDRESS = re.compile(r"postgres(ql)?://\S*")
_REACH = 5  # seconds to wait for a server to answer at all
_OLDEST = (0, 5)  # of pgvector, which has graphs from then on
_ITERATES = (0, 8)  # of pgvector, which searches on from then on, where a condition has left too few


@dataclass(eq=False)
class PostgresServer:
    """A connection that raises semspace's errors; make one with `PostgresServer.open`.

    Threads take turns; a connection that was lost is made anew.
    """

    uri: str  # without the password
    address: str
    password: str | None
    connection: Any
    version: tuple[int, ...] = ()  # of pgvector; () where it isn't there yet
    closed: bool = False
    turn: Any = field(default_factory=threading.RLock)

    @classmethod
    def open(cls, uri: str, token: str | None = None) -> PostgresServer:
        """Connect within some seconds; `token` is the password, where `uri` has none."""
        where = str(uri)
        if not _ADDRESS.fullmatch(where):
            raise InputError(
                "uri must be the address of a database, such as postgresql://user@127.0.0.1:5432/database; "
                f"got {without_password(where)!r}"
            )
        server = cls(without_password(where), where, token, None)
        server._connect()
        server.read_version()
        return server

    def _connect(self) -> None:
        psycopg = checks.need("psycopg", EXTRA)
        given = {} if self.password is None else {"password": self.password}
        try:
            self.connection = psycopg.connect(self.address, connect_timeout=_REACH, autocommit=True, **given)
        except psycopg.ProgrammingError as problem:
            raise InputError(f"uri isn't an address that Postgres' client can read: {_reason(problem)}") from problem
        except psycopg.Error as problem:
            raise ServerError(
                f"cannot reach Postgres at {self.uri} within {_REACH} seconds ({_reason(problem)}); "
                "is it running, and are the user and the password right?"
            ) from problem

    def read_version(self) -> None:
        """Read which pgvector the database has; raise `ServerError` for one without graphs."""
        found = self.rows("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        self.version = tuple(map(int, re.findall(r"\d+", found[0][0])[:2])) if found else ()
        if found and self.version < _OLDEST:
            raise ServerError(
                f"Postgres at {self.uri} has pgvector {found[0][0]}, and this needs 0.5 or later; upgrade the extension"
            )

    @property
    def iterates(self) -> bool:
        """Whether a search goes on where a condition has left too few."""
        return self.version >= _ITERATES

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Return a cursor in a transaction, all or nothing; turn errors into semspace's."""
        with self._asked() as connection, connection.transaction(), connection.cursor(binary=True) as cursor:
            yield cursor

    def rows(self, text: Any, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Ask one question, and return its rows."""
        with self._asked() as connection, connection.cursor(binary=True) as cursor:
            cursor.execute(text, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    @contextmanager
    def _asked(self) -> Iterator[Any]:
        psycopg = checks.need("psycopg", EXTRA)
        with self.turn:
            if self.closed:
                raise ServerError(f"the connection to {self.uri} is closed; connect again")
            if self.connection.closed or self.connection.broken:
                self._connect()
            try:
                yield self.connection
            except psycopg.errors.UniqueViolation as problem:
                raise InputError(f"another program added an id at the same moment ({_detail(problem)})") from problem
            except psycopg.Error as problem:
                raise ServerError(f"Postgres at {self.uri} refused: {_reason(problem)}") from problem

    def collections(self) -> list[str]:
        """List the names of the tables, with those that others made."""
        found = self.rows(
            "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')"
        )
        return sorted(name for (name,) in found)

    def close(self) -> None:
        """Close the connection."""
        with self.turn:
            self.closed = True
            self.connection.close()


def without_password(uri: str) -> str:
    """Return an address to be shown.

    Examples
    --------
    >>> without_password("postgresql://me:secret@localhost:5432/db?password=secret&sslmode=require")
    'postgresql://me@localhost:5432/db?sslmode=require'
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri.partition("://")[0] + "://…"
    user, at, host = parts.netloc.rpartition("@")
    shown = [(name, value) for name, value in parse_qsl(parts.query) if name not in ("password", "sslpassword")]
    query = urlencode(shown, quote_via=quote, safe="/")
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}{'?' if query else ''}{query}"


def _reason(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0][:300]


def _detail(problem: Any) -> str:
    return str(getattr(problem.diag, "message_detail", None) or _reason(problem))[:200]
