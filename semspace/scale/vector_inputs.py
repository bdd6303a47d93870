"""Shards of vectors as the input of further work: joins, and assignment to groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from semspace import schema
from semspace.errors import DamagedError, InputError
from semspace.scale.encoding import POINTS, VECTOR
from semspace.scale.inputs import InputFile
from semspace.scale.job import ShardJob
from semspace.scale.reading import finished_job
from semspace.scale.records import SHARDS
from semspace.scale.shard import ShardInput
from semspace.scale.storage import Storage, open_storage
from semspace.space import Space
from semspace.table_claims import check_parquet


def vector_inputs(name: str, vectors: Any) -> tuple[ShardJob, tuple[InputFile, ...]]:
    """Return a finished job of `encode`, and the file of each of its shards, whose stamp is its checksum."""
    storage = open_storage(name, vectors)
    job = finished_job(storage, "encode")
    files = [job.records[key].files[POINTS] for key in job.inputs]
    url = storage.fs.unstrip_protocol(storage.path(SHARDS))
    return job, tuple(InputFile(f"{url}/{file.name}", file.name, file.size, file.sha256) for file in files)


def check_apart(storage: Storage, *jobs: ShardJob) -> None:
    """Raise `InputError` where results would be written into the folder of the vectors that they are made of."""
    for job in jobs:
        vectors = Storage(job.out)
        if storage.is_within(vectors):
            place = "the" if vectors.is_within(storage) else "inside the"
            raise InputError(f"out={storage.url} is {place} folder of the vectors; choose another, beside it")


def points_checksums(job: ShardJob) -> list[str]:
    """Return the SHA-256 of the points of each shard of a finished `encode`, in order."""
    return [job.records[key].files[POINTS].sha256 for key in job.inputs]


def check_unchanged(job: ShardJob, key: str, checksums: tuple[str, ...]) -> None:
    """Raise `InputError` where the vectors that a shard was made of are others now."""
    if job.records[key].stamps != checksums:
        raise InputError(
            f"the vectors were changed after {job.out} was made of them; run the same call of scale.{job.task} again, "
            f"which does only what has changed"
        )


def read_points(source: ShardInput) -> Space | None:
    """Return the points of a shard, with the ids that stand in its file; None if it has none."""
    if source.sha256 != source.file.stamp:
        raise DamagedError(
            f"{source.file.url} isn't as it was written (another checksum); delete it, and run the same call of "
            f"scale.encode again"
        )
    with schema.reading(source.file.url):
        with open(source.path, "rb") as file:
            check_parquet(file)
        table = pl.read_parquet(source.path, columns=["id", VECTOR])
    schema.check_table(source.file.url, table, {"id": pl.String, VECTOR: None})
    matrix = table[VECTOR].to_numpy()
    schema.array(source.file.url, matrix, dtype=np.float32, shape=(len(table), None))
    if not len(table):
        return None
    return Space.from_vectors(table["id"].to_list(), matrix)
