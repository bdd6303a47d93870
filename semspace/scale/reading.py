"""`read_space`: finished shards of vectors → one `Space`, with the ids that one machine would give."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from semspace import checks, schema
from semspace.errors import DamagedError, EmptyInputError, InputError
from semspace.progress import bar
from semspace.scale.encoding import POINTS, VECTOR
from semspace.scale.job import ShardJob, job_of
from semspace.scale.manifest import read_manifest
from semspace.scale.records import SHARDS, ShardRecord
from semspace.scale.storage import Storage, access_explained, open_storage
from semspace.sentences.lazy_encoder import EncoderReference
from semspace.space import Space
from semspace.table_claims import check_parquet
from semspace.text.read_corpus import stack_tables


def finished_job(storage: Storage, *tasks: str) -> ShardJob:
    """Return the job in a folder, of one of some tasks; raise `InputError` unless all its shards are finished."""
    job = job_of(storage, read_manifest(storage, *tasks))
    if not job.is_complete:
        raise InputError(
            f"{storage.url} isn't complete: {job.n_done:,} of {job.n_shards:,} shards are done; run scale.{job.task} "
            f"again with the same settings, which does only the rest"
        )
    return job


def read_shard(
    storage: Storage, record: ShardRecord, what: str, columns: Mapping[str, Any] | None = None
) -> pl.DataFrame:
    """Return a table of a finished shard, whose checksum is compared before it is opened."""
    if what not in record.files:
        raise DamagedError(
            f"the record of {record.key} in {storage.url} names no {what}; delete it, and run the job again"
        )
    file = record.files[what]
    place = f"{storage.url}/{SHARDS}/{file.name}"
    data = storage.read_checked(f"{SHARDS}/{file.name}", file.sha256)
    with schema.reading(place):
        check_parquet(io.BytesIO(data))
        table = pl.read_parquet(io.BytesIO(data))
    schema.check_table(place, table, columns or {})
    return table


def numbered_after(job: ShardJob) -> dict[str, int | None]:
    """Return by how much the ids of each shard's rows are raised, or None for ids that stood in the files.

    Rows without an id are numbered through all files, and lines of a .txt through its parts, as `Corpus.read` numbers
    them.
    """
    read = {key: job.records[key].facts for key in job.inputs}
    # A part of blank lines alone doesn't tell whether rows have ids.
    with_numbers = {bool(facts.get("numbered")) for facts in read.values() if facts.get("rows_read", 1)}
    if len(with_numbers) > 1:
        key = next(key for key, facts in read.items() if facts.get("numbered") and facts["rows_read"])
        raise InputError(
            f"{', '.join(job.inputs[key])} has no ids, and other files of the job have; give all files a column id"
        )
    offsets: dict[str, int | None] = dict.fromkeys(job.inputs)
    total = 0
    for key, facts in read.items():
        if with_numbers == {True}:
            offsets[key] = total
            total += int(facts["rows_read"])
        elif "part" in facts:
            total = total if facts["part"] > 1 else 0
            offsets[key] = total
            total += int(facts["lines"])
    return offsets


def raised_ids(ids: pl.Series, offset: int | None) -> pl.Series:
    """Return ids with the number of their row raised; a file's name before it and a passage's number after it stay."""
    if not offset:
        return ids
    pieces = [ids.str.extract(r"^(?s)(.*?)(\d+)(#\d+)?$", group) for group in (1, 2, 3)]
    raised: pl.Series = (
        pieces[0] + (pieces[1].cast(pl.Int64) + offset).cast(pl.String) + pieces[2].fill_null("")
    ).alias(ids.name)
    return raised


def point_tables(storage: Storage, job: ShardJob) -> Iterator[pl.DataFrame]:
    """Iterate over the shards of a finished encoding, in order: ``id``, metadata, ``vector``."""
    if not job.rows:
        raise EmptyInputError(f"{storage.url} has no points: no file of the job has documents")
    dim, offsets = int(job.settings["dim"]), numbered_after(job)
    kinds = {"id": pl.String, VECTOR: pl.Array(pl.Float32, dim)}
    for key in job.inputs:
        record = job.records[key]
        table = read_shard(storage, record, POINTS, kinds)
        if len(table) != record.rows:
            raise DamagedError(
                f"the record of {key} in {storage.url} tells of {record.rows:,} points, and its file has "
                f"{len(table):,}; delete it, and run the job again"
            )
        if not len(table):  # types that were guessed from no value must not decide those of other files
            table = table.cast(dict.fromkeys(set(table.columns) - set(kinds), pl.Null))
        of_document = "document" in table.columns and job.settings["long_texts"] == "passages"
        columns = ["id", *(["document"] if offsets[key] and of_document else [])]
        yield table.with_columns([raised_ids(table[name], offsets[key]) for name in columns])


def table_schemas(storage: Storage, job: ShardJob) -> Iterator[tuple[dict[str, pl.DataType], int]]:
    """Iterate over the columns of each shard of a finished encoding but its vectors, and over its number of rows."""
    for key in job.inputs:
        record = job.records[key]
        place = f"{SHARDS}/{record.files[POINTS].name}"
        url = f"{storage.url}/{place}"
        with schema.reading(url), access_explained(url), storage.fs.open(storage.path(place), "rb") as file:
            check_parquet(file)
            columns = pl.read_parquet_schema(file)
        yield {name: kind for name, kind in columns.items() if name != VECTOR}, record.rows


def encoder_of(job: ShardJob) -> EncoderReference:
    """Return the encoder of a job, which is opened when a text comes."""
    facts = job.settings
    return EncoderReference(facts["made_by"], int(facts["dim"]), facts["encoding"]["encoder"], facts.get("max_tokens"))


def read_space(vectors: Any, *, progress: bool = True) -> Space:
    """Open the finished vectors of `encode` as one space, in memory.

    Ids and their order are those of `Encoder.embed` on `Corpus.read` of the same files, of several ``.txt`` with
    ``documents="lines"``: rows without an id are numbered through all files.

    Parameters
    ----------
    vectors : path or URL
        The folder that `encode` wrote to.
    progress : bool

    Returns
    -------
    Space
        With the metadata and the encoder, which is opened when a text comes.

    Raises
    ------
    InputError
        If the job isn't complete, or an id stands in two files.
    DamagedError
        If a file has changed since it was written.
    """
    checks.flag("progress", progress)
    storage = open_storage("vectors", vectors)
    job = finished_job(storage, "encode")
    matrix = np.empty((job.rows, int(job.settings["dim"])), np.float32)
    rest, done = [], 0
    with bar("reading vectors", job.rows, unit="point", progress=progress) as shown:
        for table in point_tables(storage, job):
            matrix[done : done + len(table)] = table[VECTOR].to_numpy()
            rest.append(table.drop(VECTOR))
            done += len(table)
            shown.update(len(table))
    frame = stack_tables(rest)
    metadata = frame.drop("id")
    if "text" in metadata.columns and metadata["text"].equals(frame["id"]):
        metadata = metadata.drop("text")
    matrix.setflags(write=False)
    made = {
        "made_by": job.settings["made_by"],
        "text": {"source": storage.url},
        "truncated": job.total("truncated"),
        "encoding": job.settings["encoding"],
    }
    return Space.from_vectors(
        frame["id"].to_list(), matrix, metadata if metadata.width else None, encoder_of(job), made
    )
