"""`assign` and `read_assignment`: finished vectors → the groups of a saved clustering."""

from __future__ import annotations

import os
from typing import Any

import polars as pl

from semspace import checks, schema
from semspace.clusters.assigned import Assignment
from semspace.errors import InputError
from semspace.files import resolved_path
from semspace.scale.assigning import GROUPS, KINDS, clustering_digest, opened_clustering
from semspace.scale.job import ShardJob
from semspace.scale.manifest import JobManifest
from semspace.scale.reading import finished_job, numbered_after, raised_ids, read_shard
from semspace.scale.run_options import RunOptions
from semspace.scale.running import run_job
from semspace.scale.storage import open_storage
from semspace.scale.vector_inputs import check_apart, check_unchanged, points_checksums, vector_inputs


def assign(
    vectors: Any,
    clustering: str | os.PathLike[str],
    out: Any,
    *,
    min_share: float = 0.0,
    min_typicality: float = 0.05,
    client: Any = None,
    threads: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> ShardJob:
    """Find the groups of the points of finished vectors, a shard at a time, in this process or on a cluster.

    Cluster a sample on one machine, save it, and assign all the others to its groups.

    Parameters
    ----------
    vectors : path or URL
        A folder that `encode` wrote to.
    clustering : path
        A `Clustering` that was saved with `ss.save`, at a path that all workers can read.
    out, client, threads, overwrite, progress
        As for `encode`.
    min_share, min_typicality
        As for `Clustering.assign`.

    Returns
    -------
    ShardJob
        Read the groups with `read_assignment`.

    Raises
    ------
    ExistsError
        If `out` holds another job, or anything else.
    InputError
        If the vectors aren't complete, or were made by another encoder than the groups.
    ShardsFailedError
        If some shards failed; all others are finished.
    """
    options = RunOptions(client, threads, overwrite, progress)
    for name, share in (("min_share", min_share), ("min_typicality", min_typicality)):
        checks.number(name, share, high=1)
    if not isinstance(clustering, (str, os.PathLike)):
        raise InputError(
            f"clustering must be the path of a saved one, which every worker opens; got {type(clustering).__name__}: "
            f"save it with ss.save"
        )
    path = str(resolved_path(clustering).absolute())
    sha = clustering_digest(path)
    groups = opened_clustering(path, sha)
    job, files = vector_inputs("vectors", vectors)
    made = getattr(groups.space.encoder, "fingerprint", None)
    if groups.space.dim != job.settings["dim"] or made not in (None, job.settings["encoding"]["encoder"]):
        raise InputError(
            f"the groups at {path} were made of vectors of another encoder than those in {job.out}; encode both with "
            f"the same"
        )
    settings = {
        "clustering": path,
        "digest": sha,
        "group_names": list(groups.names),
        "min_share": float(min_share),
        "min_typicality": float(min_typicality),
        "vectors": job.out,
    }
    manifest = JobManifest("assign", settings, {key: (file,) for key, file in zip(job.inputs, files, strict=True)})
    storage = open_storage("out", out)
    check_apart(storage, job)
    if storage.is_within(open_storage("clustering", path)):
        raise InputError(f"out={storage.url} is in the folder of the clustering; choose another, beside it")
    return run_job(storage, manifest, "assigning", options)


def read_assignment(groups: Any) -> Assignment:
    """Return the groups of all points.

    Parameters
    ----------
    groups : path or URL
        The folder that `assign` wrote to.

    Returns
    -------
    Assignment
        Its ``items`` holds the ids, in the order of `read_space`.

    Raises
    ------
    InputError
        If the job isn't complete.
    DamagedError
        If a file has changed since it was written.
    """
    storage = open_storage("groups", groups)
    job = finished_job(storage, "assign")
    vectors = finished_job(open_storage("vectors", job.settings["vectors"]), "encode")
    offsets, names = numbered_after(vectors), tuple(job.settings["group_names"])
    checksums = dict(zip(vectors.inputs, points_checksums(vectors), strict=True))
    tables = []
    for key in job.inputs:
        check_unchanged(job, key, (checksums[key],) if key in checksums else ())
        table = read_shard(storage, job.records[key], GROUPS, KINDS)
        for column in ("label", "nearest"):
            schema.within(f"the groups of {key} in {storage.url}", table[column].to_numpy(), -1, len(names) - 1)
        tables.append(table.with_columns(raised_ids(table["id"], offsets.get(key))))
    found = pl.concat(tables)
    columns = {name: found[name].to_numpy() for name in ("label", "nearest", "share", "typicality")}
    return Assignment(
        columns["label"], columns["nearest"], columns["share"], columns["typicality"], names, found.select("id")
    )
