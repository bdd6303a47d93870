"""`push`: finished vectors → a server of Milvus, Qdrant or Postgres, shard by shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from semspace import checks
from semspace.errors import EmptyInputError, InputError
from semspace.files import digest
from semspace.index.servers.push import push as push_collection
from semspace.scale.encoding import VECTOR
from semspace.scale.job import ShardJob
from semspace.scale.reading import encoder_of, finished_job, point_tables, table_schemas
from semspace.scale.storage import Storage, open_storage
from semspace.text.read_corpus import stack_tables
from semspace.text_encoder import encoder_facts
from semspace.types import Floats2d


@dataclass
class ShardedPoints:
    """Finished vectors as what `semspace.index.servers.push` reads; one shard is in memory at a time."""

    storage: Storage
    job: ShardJob
    metric: str

    def __post_init__(self) -> None:
        self._table = pl.DataFrame(schema=self._schema)

    @cached_property
    def _schema(self) -> pl.Schema:
        """The columns of the ids and the metadata, with types that hold those of all shards, as `read_space` has them.

        They are read before anything is sent, from the ends of the files.
        """
        found = [schema for schema, rows in table_schemas(self.storage, self.job) if rows]
        if not found:
            raise EmptyInputError(f"{self.storage.url} has no points: no file of the job has documents")
        names = list(found[0])
        other = next((schema for schema in found if set(schema) != set(names)), None)
        if other is not None:
            raise InputError(
                f"the files have other columns of metadata, {', '.join(other)} and {', '.join(names)}; a collection "
                f"needs the same for all points"
            )
        common = stack_tables([pl.DataFrame(schema=schema) for schema in found]).schema
        return pl.Schema({name: pl.String if kind == pl.Null else kind for name, kind in common.items()})

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return int(self.job.settings["dim"])

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the metadata's columns."""
        return tuple(self._schema.names()[1:])

    @property
    def facts(self) -> dict[str, Any]:
        """What the points are."""
        files = [self.job.records[key].files["points"].sha256 for key in self.job.inputs]
        provenance = {"made_by": self.job.settings["made_by"], "encoding": self.job.settings["encoding"]}
        return {
            "fingerprint": digest("".join(files).encode()),
            "encoder": encoder_facts(encoder_of(self.job)),
            "provenance": provenance,
        }

    def __len__(self) -> int:
        """Count the points."""
        return self.job.rows

    def pieces(self) -> Iterator[tuple[list[str], Floats2d]]:
        """Iterate over the shards."""
        for table in point_tables(self.storage, self.job):
            if len(table):
                self._table = table.select(self._schema.names()).cast(self._schema)
                yield self._table["id"].to_list(), table[VECTOR].to_numpy()

    def metadata(self, ids: Sequence[str]) -> pl.DataFrame | None:
        """Return the metadata of ids of the shard that is being sent, in their order."""
        if not self.columns:
            return None
        wanted = pl.DataFrame({"id": list(ids)}, schema={"id": pl.String})
        return wanted.join(self._table, on="id", how="left", maintain_order="left").drop("id")


def push(
    vectors: Any,
    uri: str,
    collection: str,
    *,
    metric: str = "cosine",
    token: str | None = None,
    batch: int = 1_000,
    overwrite: bool = False,
    progress: bool = True,
) -> int:
    """Send finished vectors with their metadata to a server, shard by shard, in batches.

    Run again after it was interrupted, it asks which points are there already, and sends the others. Open it with
    `Index.connect`.

    Parameters
    ----------
    vectors : path or URL
        A folder that `encode` wrote to.
    uri, collection, token
        See `Index.connect`. The collection is created where it isn't there.
    metric : {"cosine", "dot", "euclidean"}
    batch : int
        Points sent at a time.
    overwrite : bool
        Drop a collection of this name first, with all its points.
    progress : bool

    Returns
    -------
    int
        The number of points in the collection.

    Raises
    ------
    InputError
        If the vectors aren't complete, files have other columns, or the collection holds points of another space.
    ServerError
        If the server can't be reached.
    """
    checks.choice("metric", metric, ("cosine", "dot", "euclidean"))
    storage = open_storage("vectors", vectors)
    points: Any = ShardedPoints(storage, finished_job(storage, "encode"), metric)
    target = push_collection(points, uri, collection, token=token, batch=batch, progress=progress, overwrite=overwrite)
    try:
        return len(target)
    finally:
        target.close()
