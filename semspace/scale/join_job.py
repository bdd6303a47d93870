"""`join`, `duplicates` and `read_pairs`: similar points of two sets of vectors, or of one, block by block."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import polars as pl

from semspace import checks, queries
from semspace.errors import InputError, SemspaceWarning
from semspace.index.query import checked_min_score
from semspace.scale.inputs import InputFile
from semspace.scale.job import ShardJob
from semspace.scale.joining_shards import KINDS, PAIRS
from semspace.scale.manifest import JobManifest
from semspace.scale.reading import finished_job, numbered_after, raised_ids, read_shard
from semspace.scale.run_options import RunOptions
from semspace.scale.running import run_job
from semspace.scale.storage import open_storage
from semspace.scale.vector_inputs import check_apart, check_unchanged, points_checksums, vector_inputs

_MAX_PAIRS, _LEAST = 1_000_000, 0.95  # as for `ss.join`


def join(
    a: Any,
    b: Any,
    out: Any,
    min_score: float | None = None,
    *,
    k: int | None = None,
    metric: str = "cosine",
    max_pairs: int | None = None,
    client: Any = None,
    threads: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> ShardJob:
    """Find the pairs of similar points between two finished sets of vectors, a block of two shards at a time.

    Every point of `a` is compared with every point of `b`, as by `ss.join`, so no pair is missed.

    Parameters
    ----------
    a, b : path or URL
        Folders that `encode` wrote to, with the same model.
    out, client, threads, overwrite, progress
        As for `encode`.
    min_score, k, metric, max_pairs
        As for `ss.join`.

    Returns
    -------
    ShardJob
        Read the pairs with `read_pairs`.

    Raises
    ------
    ExistsError
        If `out` holds another job, or anything else.
    InputError
        If one of the jobs isn't complete, they have other models, or a parameter can't be used.
    ShardsFailedError
        If some blocks failed; all others are finished.
    """
    options = RunOptions(client, threads, overwrite, progress)
    settings = _settings(min_score, k, metric, max_pairs)
    (left, files_a), (right, files_b) = vector_inputs("a", a), vector_inputs("b", b)
    if left.settings["encoding"] != right.settings["encoding"]:
        raise InputError(
            f"a was encoded by {left.settings['made_by']} and b by {right.settings['made_by']}, or in another way; "
            f"encode both with the same model and settings"
        )
    blocks = {f"{i:06}-{j:06}": (one, other) for i, one in enumerate(files_a) for j, other in enumerate(files_b)}
    return _run(left, right, out, settings, blocks, options)


def duplicates(
    vectors: Any,
    out: Any,
    min_score: float | None = None,
    *,
    metric: str = "cosine",
    max_pairs: int | None = None,
    client: Any = None,
    threads: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> ShardJob:
    """Find the pairs of points that are nearly the same in finished vectors, a block of two shards at a time.

    Every point is compared with every other, so no pair is missed.

    Parameters
    ----------
    vectors : path or URL
        A folder that `encode` wrote to.
    out, client, threads, overwrite, progress
        As for `encode`.
    min_score, metric, max_pairs
        As for `ss.join`.

    Returns
    -------
    ShardJob
        Read the pairs with `read_pairs`; `a` is the earlier point.

    Raises
    ------
    ExistsError
        If `out` holds another job, or anything else.
    InputError
        If the job isn't complete, or a parameter can't be used.
    ShardsFailedError
        If some blocks failed; all others are finished.
    """
    options = RunOptions(client, threads, overwrite, progress)
    settings = _settings(min_score, None, metric, max_pairs)
    job, files = vector_inputs("vectors", vectors)
    blocks = {
        f"{i:06}-{j:06}": (files[i],) if i == j else (files[i], files[j])
        for i in range(len(files))
        for j in range(i, len(files))
    }
    return _run(job, job, out, settings, blocks, options)


def read_pairs(pairs: Any) -> pl.DataFrame:
    """Return the pairs of all blocks of `join` or `duplicates`.

    Parameters
    ----------
    pairs : path or URL
        The folder that they wrote to.

    Returns
    -------
    polars.DataFrame
        ``a``, ``b`` (ids) and ``score`` (float32), highest score first; equal scores in the order of `a`, then `b`; at
        most `max_pairs`, with a warning where there are more.

    Raises
    ------
    InputError
        If the job, or one whose vectors it compared, isn't complete.
    DamagedError
        If a file has changed since it was written.
    """
    storage = open_storage("pairs", pairs)
    job = finished_job(storage, "join")
    sides = [finished_job(open_storage(name, job.settings[name]), "encode") for name in ("a", "b")]
    offsets = [list(numbered_after(side).values()) for side in sides]
    checksums = [points_checksums(side) for side in sides]
    starts = [_starts([side.records[key].rows for key in side.inputs]) for side in sides]
    tables = []
    for key in job.inputs:
        i, j = map(int, key.split("-"))
        now = (checksums[0][i:][:1], checksums[1][j:][:1])
        check_unchanged(job, key, (*now[0], *(now[1] if len(job.inputs[key]) == 2 else ())))
        table = read_shard(storage, job.records[key], PAIRS, KINDS)
        tables.append(
            table.with_columns(
                raised_ids(table["a"], offsets[0][i]),
                raised_ids(table["b"], offsets[1][j]),
                pl.col("row_a") + starts[0][i],
                pl.col("row_b") + starts[1][j],
            )
        )
    found = pl.concat(tables)
    k, most = job.settings["k"], job.settings["max_pairs"]
    if k is not None:
        found = found.sort(["row_a", "score", "b"], descending=[False, True, False]).group_by("row_a").head(k)
    found = found.sort(["score", "row_a", "row_b"], descending=[True, False, False]).select("a", "b", "score")
    if k is None and (len(found) > most or job.total("truncated")):
        warnings.warn(
            f"there are more than max_pairs={most:,} pairs with a score of at least {job.settings['min_score']:g}; "
            f"only the best are returned: raise min_score or max_pairs for all",
            SemspaceWarning,
            stacklevel=2,
        )
        found = found.head(most)
    return found


def _starts(rows: list[int]) -> list[int]:
    return [sum(rows[:place]) for place in range(len(rows))]


def _settings(min_score: float | None, k: int | None, metric: str, max_pairs: int | None) -> dict[str, Any]:
    checks.choice("metric", metric, queries.METRICS)
    if k is not None:
        checks.whole("k", k)
        if max_pairs is not None:
            raise InputError("k= bounds the number of pairs already; leave out max_pairs=, or k=")
    lowest = None if k is not None and min_score is None else checked_min_score(min_score, _LEAST, metric)
    most = checks.whole("max_pairs", _MAX_PAIRS if max_pairs is None else max_pairs)
    return {"min_score": lowest, "k": k, "metric": metric, "max_pairs": most}


def _run(
    left: ShardJob,
    right: ShardJob,
    out: Any,
    settings: dict[str, Any],
    blocks: Mapping[str, tuple[InputFile, ...]],
    options: RunOptions,
) -> ShardJob:
    manifest = JobManifest("join", {**settings, "a": left.out, "b": right.out}, blocks)
    storage = open_storage("out", out)
    check_apart(storage, left, right)
    return run_job(storage, manifest, "comparing", options)
