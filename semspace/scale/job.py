"""`ShardJob`: how far a job is; what is done, what failed and why."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from semspace.display import clip
from semspace.scale.manifest import JobManifest, read_manifest
from semspace.scale.records import ShardRecord, failures, finished_records
from semspace.scale.storage import Storage, open_storage

_SHOWN = 5  # failures in a print


@dataclass(frozen=True, eq=False, repr=False)
class ShardJob:
    """A job as it was when it was looked at; returned by the functions of `semspace.scale` and by `status`.

    Parameters
    ----------
    out : str
        The job's folder.
    task : str
        The function of `semspace.scale` that does it, such as ``"encode"``.
    settings : mapping
    inputs : mapping of str to tuple of str
        The names of the files of each shard, in the order of the results.
    records : mapping of str to ShardRecord
        Finished shards.
    failed : mapping of str to str
        Why shards failed in the last run, by their names.
    """

    out: str
    task: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, tuple[str, ...]]
    records: Mapping[str, ShardRecord]
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return len(self.inputs)

    @property
    def n_done(self) -> int:
        """Number of finished shards."""
        return len(self.records)

    @property
    def is_complete(self) -> bool:
        """Whether all shards are finished."""
        return self.n_done == self.n_shards

    @property
    def rows(self) -> int:
        """Number of rows of the finished shards."""
        return sum(record.rows for record in self.records.values())

    @property
    def nbytes(self) -> int:
        """Bytes of the finished shards."""
        return sum(record.nbytes for record in self.records.values())

    def total(self, fact: str) -> int:
        """Return the sum of a fact over all finished shards, such as ``"truncated"``."""
        return sum(int(record.facts.get(fact, 0)) for record in self.records.values())

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each shard.

        Columns ``shard``, ``inputs``, ``state`` (``"done"``, ``"failed"`` or ``"open"``), ``rows``, ``bytes``,
        ``seconds`` that it took, and ``error``; null where it isn't done, or didn't fail.
        """
        rows = []
        for key, names in self.inputs.items():
            record, error = self.records.get(key), self.failed.get(key)
            state = "done" if record is not None else "failed" if error is not None else "open"
            numbers = (None, None, None) if record is None else (record.rows, record.nbytes, record.seconds)
            rows.append((key, ", ".join(names), state, *numbers, error if record is None else None))
        kinds = {"shard": pl.String, "inputs": pl.String, "state": pl.String, "rows": pl.Int64, "bytes": pl.Int64}
        return pl.DataFrame(rows, schema={**kinds, "seconds": pl.Float64, "error": pl.String}, orient="row")

    def __repr__(self) -> str:
        done = f"{self.n_done:,} of {self.n_shards:,} shards done"
        head = f"{self.task} {self.out}: {done}, {self.rows:,} rows, {self.nbytes / 1e6:,.1f} MB"
        lines = [f"  {key}: {clip(error, 200)}" for key, error in list(self.failed.items())[:_SHOWN]]
        more = [f"  and {len(self.failed) - _SHOWN:,} more: job.failed"] if len(self.failed) > _SHOWN else []
        return "\n".join([head + (f", {len(self.failed):,} failed:" if self.failed else ""), *lines, *more])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


def job_of(storage: Storage, manifest: JobManifest) -> ShardJob:
    """Return how far a job is."""
    records = finished_records(storage, manifest.job)
    there = {key: records[key] for key in manifest.shards if key in records}
    failed = {key: error for key, error in failures(storage).items() if key in manifest.shards and key not in there}
    names = {key: tuple(file.title for file in files) for key, files in manifest.shards.items()}
    return ShardJob(storage.url, manifest.call, manifest.settings, names, there, failed)


def status(out: object) -> ShardJob:
    """Return how far the job in a folder is, from any process and machine, while it runs or later.

    Parameters
    ----------
    out : path or URL
        The folder that a function of `semspace.scale` writes to.

    Returns
    -------
    ShardJob

    Raises
    ------
    MissingFileError
        If no job is there.
    """
    storage = open_storage("out", out)
    return job_of(storage, read_manifest(storage))
