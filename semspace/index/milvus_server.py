"""A connection to Milvus: a server at ``http://host:port``, or the file of a Milvus Lite in this process."""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from semspace import checks
from semspace.errors import InputError, MissingFileError, ServerError

EXTRA = "scale"
_ADDRESS = re.compile(r"(https?|tcp)://[^/\s]+(/\S*)?")
_REACH = 5.0  # seconds to wait for a server to answer at all
_PATIENCE = 120.0  # seconds to wait for one answer, after which pymilvus' own retries end too


@dataclass(eq=False)
class Server:
    """A client of Milvus that raises semspace's errors; make one with `Server.open`."""

    uri: str
    client: Any
    closed: bool = False
    _users: ClassVar[Counter[str]] = Counter()
    _lock: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def open(cls, uri: str, token: str | None = None, *, new: bool = False) -> Server:
        """Connect within some seconds; `new` allows a file that isn't there yet."""
        where = str(uri)
        local = where.endswith(".db") and "://" not in where
        if local:
            where = _file(Path(where), new=new)
        elif not _ADDRESS.fullmatch(where):
            raise InputError(
                "uri must be the address of a Milvus server, such as http://127.0.0.1:19530, "
                f"or a path that ends in .db; got {uri!r}"
            )
        pymilvus = checks.need("pymilvus", EXTRA)
        try:
            with _quiet():
                client = pymilvus.MilvusClient(where, token=token or "", timeout=_REACH)
        except (pymilvus.MilvusException, ValueError) as problem:  # ValueError: of what is no URL
            raise ServerError(_unreachable(where, local, problem)) from problem
        if local:
            with cls._lock:
                if not cls._users[where]:
                    _forget_schemas()
                cls._users[where] += 1
        return cls(where, client)

    @property
    def local(self) -> bool:
        """Whether this is a file in this process, and no server."""
        return "://" not in self.uri

    @cached_property
    def old(self) -> bool:
        """Whether this is a Milvus before 2.5, which knows no unknown values and few patterns of LIKE."""
        version = re.match(r"v?(\d+)\.(\d+)", str(self.ask("get_server_version")))
        return version is not None and (int(version[1]), int(version[2])) < (2, 5)

    def ask(self, verb: str, *given: Any, **more: Any) -> Any:
        """Call the client's method `verb`, and turn its errors into semspace's."""
        if self.closed:
            raise ServerError(f"the connection to {self.uri} is closed; connect again")
        pymilvus = checks.need("pymilvus", EXTRA)
        try:
            with _quiet():
                return getattr(self.client, verb)(*given, timeout=_PATIENCE, **more)
        except pymilvus.MilvusException as problem:
            first = str(problem.message).strip().splitlines()[0] if problem.message else type(problem).__name__
            raise ServerError(f"Milvus at {self.uri} refused to {verb.replace('_', ' ')}: {first}") from problem

    def collections(self) -> list[str]:
        """List the names of the collections."""
        return sorted(self.ask("list_collections"))

    def close(self) -> None:
        """Close the connection; the last of a file also closes the file, so that other processes can open it."""
        if self.closed:
            return
        self.closed = True
        with _quiet():
            self.client.close()
        if not self.local:
            return
        with self._lock:
            self._users[self.uri] -= 1
            last = self._users[self.uri] == 0
        if last:
            with _quiet():
                checks.need("milvus_lite.server_manager", EXTRA).server_manager_instance.release_server(self.uri)


def _forget_schemas() -> None:
    """Empty pymilvus' cache of schemas, which are asked for again where they are needed.

    pymilvus 3.0 keeps them by the server's address, and Milvus Lite serves each file that is opened at a free port: one
    that an earlier file had would get that file's schema, and rows with fields that it doesn't have.
    """
    checks.need("pymilvus.client.cache", EXTRA).GlobalCache.schema.clear()


def _file(path: Path, *, new: bool) -> str:
    """Check the path of a Milvus Lite, which is a folder whose name ends in .db."""
    checks.need("milvus_lite", EXTRA)
    if path.is_file():
        raise InputError(f"{path} is a file, not a database of Milvus Lite 3 (one of Milvus Lite 2 can't be read)")
    if not path.exists() and not (new and path.parent.is_dir()):
        missing = path.parent if new else path
        raise MissingFileError(f"there is no {missing}; {'make that folder first' if new else 'push a space into it'}")
    return str(path.resolve())


def _unreachable(uri: str, local: bool, problem: Exception) -> str:
    if local:
        return f"cannot open {uri}: it is no database of Milvus Lite, or another process has it open"
    reason = str(getattr(problem, "message", problem)).strip().splitlines()[0]
    told = f"cannot reach Milvus at {uri} within {_REACH:g} seconds ({reason}); is it running, and is the token right?"
    if re.search(r"qdrant|:633[34]\b", uri):
        return f"{told} A server of Qdrant is addressed as qdrant://HOST:6333."
    return told


class _Quiet:
    """Keeps pymilvus from printing a traceback for what is raised as an error anyway, while any thread is within."""

    def __init__(self) -> None:
        self._lock, self._within, self._levels = threading.Lock(), 0, [0, 0, 0]
        self._loggers = [logging.getLogger(name) for name in ("pymilvus", "milvus_lite", "grpc")]

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if not self._within:
                self._levels = [logger.level for logger in self._loggers]
            self._within += 1
            self._set([logging.CRITICAL] * 3)
        try:
            yield
        finally:
            with self._lock:
                self._within -= 1
                if not self._within:
                    self._set(self._levels)

    def _set(self, levels: list[int]) -> None:
        for logger, level in zip(self._loggers, levels, strict=True):
            logger.setLevel(level)


_quiet = _Quiet()
