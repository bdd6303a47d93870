"""A connection to Qdrant: a server at ``qdrant://host:port``, or a folder that qdrant-client reads in this process."""

from __future__ import annotations

import json
import re
import threading
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from semspace import checks
from semspace.errors import InputError, MissingFileError, ServerError

EXTRA = "qdrant"
_ADDRESS = re.compile(r"qdrant(?:\+(https?))?://([^/@\s:]+|\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?(/\S*)?")
_PORT = 6333
_PATIENCE = 60  # seconds to wait for one answer
_REACH = 5  # seconds to wait for a server to answer at all


@dataclass(eq=False)
class QdrantServer:
    """A client of Qdrant that raises semspace's errors; make one with `QdrantServer.open`.

    A folder can be opened once: all connections of this process to it share a client, and take turns.
    """

    uri: str
    client: Any
    closed: bool = False
    turn: Any = field(default_factory=threading.RLock)
    _folders: ClassVar[dict[str, tuple[Any, Any, int]]] = {}  # path → client, lock, how many have it open
    _lock: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def open(cls, uri: str, token: str | None = None, *, new: bool = False) -> QdrantServer:
        """Connect within some seconds; `new` allows a folder that isn't there yet."""
        where = str(uri)
        if "://" not in where and where.endswith(".qdrant"):
            return cls._open_folder(Path(where), new=new)
        parts = _ADDRESS.fullmatch(where)
        if not parts:
            raise InputError(
                "uri must be the address of a Qdrant server, such as qdrant://127.0.0.1:6333, "
                f"or a folder that ends in .qdrant; got {uri!r}"
            )
        scheme, host, port, prefix = parts.groups()
        options = {
            "url": f"{scheme or 'http'}://{host}:{port or _PORT}",
            "prefix": (prefix or "").strip("/") or None,
            "api_key": token,
        }
        client = _client(**options, timeout=_REACH)
        failures = checks.need("qdrant_client.http.exceptions", EXTRA)
        try:
            client.get_collections()
        except ValueError as problem:  # an answer that isn't JSON, or not that of a Qdrant
            raise ServerError(
                f"what answers at {where} is no Qdrant ({_reason(problem)}); is it the port of its HTTP interface?"
            ) from problem
        except failures.ApiException as problem:
            raise ServerError(
                f"cannot reach Qdrant at {where} within {_REACH} seconds ({_reason(problem)}); "
                "is it running, and is the token right?"
            ) from problem
        finally:
            client.close()
        return cls(where, _client(**options, timeout=_PATIENCE))

    @classmethod
    def _open_folder(cls, path: Path, *, new: bool) -> QdrantServer:
        qdrant = checks.need("qdrant_client", EXTRA)
        if path.is_file():
            raise InputError(f"{path} is a file, not a folder of qdrant-client; take another name")
        if not path.exists() and not (new and path.parent.is_dir()):
            missing = path.parent if new else path
            raise MissingFileError(
                f"there is no {missing}; {'make that folder first' if new else 'push a space into it'}"
            )
        where = str(path.resolve())
        with cls._lock:
            client, turn, users = cls._folders.get(where) or (None, threading.RLock(), 0)
            if client is None:
                try:
                    client = qdrant.QdrantClient(path=where, force_disable_check_same_thread=True)
                except (RuntimeError, ValueError, OSError, KeyError) as problem:
                    raise ServerError(
                        f"cannot open {where}: another process has it open, or it is no folder of qdrant-client "
                        f"({_reason(problem)})"
                    ) from problem
            cls._folders[where] = client, turn, users + 1
        return cls(where, client, turn=turn)

    @property
    def local(self) -> bool:
        """Whether this is a folder in this process, and no server."""
        return "://" not in self.uri

    def ask(self, verb: str, *given: Any, **more: Any) -> Any:
        """Call the client's method `verb`, and turn its errors into semspace's."""
        if self.closed:
            raise ServerError(f"the connection to {self.uri} is closed; connect again")
        failures = checks.need("qdrant_client.http.exceptions", EXTRA)
        own = (failures.ApiException, ValueError, RuntimeError, OSError)
        try:
            if not self.local:
                return getattr(self.client, verb)(*given, **more)
            with self.turn:
                return getattr(self.client, verb)(*given, **more)
        except own as problem:
            raise ServerError(
                f"Qdrant at {self.uri} refused to {verb.replace('_', ' ')}: {_reason(problem)}"
            ) from problem

    def collections(self) -> list[str]:
        """List the names of the collections."""
        return sorted(one.name for one in self.ask("get_collections").collections)

    def close(self) -> None:
        """Close the connection; the last to a folder also closes the folder, so that other processes can open it."""
        if self.closed:
            return
        self.closed = True
        if not self.local:
            self.client.close()
            return
        with self._lock:
            client, turn, users = self._folders[self.uri]
            if users > 1:
                self._folders[self.uri] = client, turn, users - 1
                return
            del self._folders[self.uri]
            with turn:
                client.close()


def _client(**options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a key that goes over http, which may be behind a tunnel
        return checks.need("qdrant_client", EXTRA).QdrantClient(**options, check_compatibility=False)


def _reason(problem: Exception) -> str:
    """Return the first line of what went wrong, and of a server's answer what it says."""
    try:
        told = json.loads(problem.content)["status"]["error"]  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError, KeyError):
        told = str(problem)
    return (str(told).strip().splitlines() or [type(problem).__name__])[0][:300]
