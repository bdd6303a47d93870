"""`run_shard`: one shard in, one shard out; the same on every machine, however often it runs."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl

from semspace.errors import SemspaceError, SemspaceWarning
from semspace.files import digest
from semspace.scale.inputs import InputFile
from semspace.scale.records import SHARDS, ShardFile, ShardRecord, read_record
from semspace.scale.storage import Storage

# Task → the module whose function `process` does the work of a shard.
TASKS = {
    "assign": "semspace.scale.assigning",
    "count": "semspace.scale.tokenizing",
    "encode": "semspace.scale.encoding",
    "join": "semspace.scale.joining_shards",
    "tokenize": "semspace.scale.tokenizing",
}


@dataclass(frozen=True)
class ShardTask:
    """The work on one shard: plain values, so that any engine can send it to a worker.

    Parameters
    ----------
    out : str
        URL of the job's folder.
    job : str
        The digest of the task and its settings.
    task : str
        A key of `TASKS`.
    settings : mapping
        JSON; all that decides the result besides the inputs.
    key : str
        The shard's name.
    inputs : tuple of InputFile
    """

    out: str
    job: str
    task: str
    settings: Mapping[str, Any]
    key: str
    inputs: tuple[InputFile, ...]

    @property
    def size(self) -> int:
        """Bytes to read."""
        return sum(file.size for file in self.inputs)


@dataclass(frozen=True)
class ShardInput:
    """A file of a shard, on this machine."""

    path: Path
    file: InputFile
    sha256: str


@dataclass(frozen=True)
class ShardOutput:
    """What a task makes of a shard: the number of rows, tables by what they hold, and facts for its record."""

    rows: int
    tables: Mapping[str, pl.DataFrame]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The end of a shard: its record, or why there is none."""

    key: str
    record: ShardRecord | None
    error: str = ""


Process = Callable[[tuple[ShardInput, ...], Mapping[str, Any], "int | None"], ShardOutput]


def run_shard(task: ShardTask, threads: int | None = None) -> Outcome:
    """Do the work on a shard, write its files and then its record.

    An error of semspace, such as a document without text, is an outcome: trying again wouldn't help. Any other is
    raised, and the engine may try again.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SemspaceWarning)  # what they say is counted in the record
            return Outcome(task.key, _finish(task, threads))
    except SemspaceError as problem:
        return Outcome(task.key, None, str(problem))


def _finish(task: ShardTask, threads: int | None) -> ShardRecord:
    storage, begun = Storage(task.out), time.perf_counter()
    with ExitStack() as stack:
        inputs = []
        for file in task.inputs:
            path, sha = stack.enter_context(file.local())
            inputs.append(ShardInput(path, file, sha))
        stamps = tuple((each.file.stamp, each.sha256) for each in inputs)
        known = _known(storage, task, tuple(sha for _, sha in stamps))
        if known is not None:
            if known.inputs != stamps:  # the same bytes, written again
                known = replace(known, inputs=stamps)
                known.write(storage)
            return known
        process: Process = import_module(TASKS[task.task]).process
        made = process(tuple(inputs), task.settings, threads)
    files = {what: _write(storage, task.key, what, table) for what, table in made.tables.items()}
    record = ShardRecord(task.key, task.job, made.rows, files, stamps, made.facts, time.perf_counter() - begun)
    record.write(storage)
    return record


def _known(storage: Storage, task: ShardTask, shas: tuple[str, ...]) -> ShardRecord | None:
    """Return the record of this shard from before, where it was made of the same bytes and its files are there."""
    record = read_record(storage, task.key)
    if record is None or record.job != task.job or tuple(sha for _, sha in record.inputs) != shas:
        return None
    sizes = {}
    for file in record.files.values():
        try:
            sizes[file.name] = int(storage.fs.size(storage.path(f"{SHARDS}/{file.name}")))
        except FileNotFoundError:
            return None
    return record if record.is_there(sizes) else None


def _write(storage: Storage, key: str, what: str, table: pl.DataFrame) -> ShardFile:
    """Write a table as Parquet; its name holds its checksum, so that two workers on one shard don't get in the way."""
    buffer = io.BytesIO()
    table.write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
    data = buffer.getvalue()
    sha = digest(data)
    name = f"{key}.{what}.{sha[:12]}.parquet"
    storage.write(f"{SHARDS}/{name}", data)
    return ShardFile(name, len(data), sha)
