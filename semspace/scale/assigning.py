"""A shard of vectors → the groups of its points."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from semspace.clusters.clustering import Clustering
from semspace.errors import DamagedError, InputError, MissingFileError
from semspace.files import file_digest
from semspace.saving import load
from semspace.scale.shard import ShardInput, ShardOutput
from semspace.scale.vector_inputs import read_points
from semspace.threads import limited

GROUPS = "groups"
KINDS = {
    "id": pl.String,
    "label": pl.Int32,
    "nearest": pl.Int32,
    "share": pl.Float32,
    "typicality": pl.Float64,
}
_LOCK = threading.Lock()
_OPENED: dict[tuple[str, str], Clustering] = {}


def clustering_digest(path: str | os.PathLike[str]) -> str:
    """Return the digest of a saved clustering: of its manifest, which holds the checksums of all its files."""
    manifest = Path(path) / "manifest.json"
    if not manifest.is_file():
        raise MissingFileError(
            f"there is no saved clustering at {path}; save one with ss.save, where all workers read it"
        )
    return file_digest(manifest)


def opened_clustering(path: str, sha256: str) -> Clustering:
    """Return a saved clustering, which a process opens once."""
    with _LOCK:
        if (path, sha256) not in _OPENED:
            if clustering_digest(path) != sha256:
                raise DamagedError(f"the clustering at {path} isn't the one that the job began with; save it again")
            found = load(path)
            if not isinstance(found, Clustering):
                raise InputError(f"{path} holds no clustering, but a {type(found).__name__}; give a saved Clustering")
            _OPENED.clear()
            _OPENED[path, sha256] = found
        return _OPENED[path, sha256]


def process(inputs: tuple[ShardInput, ...], settings: Mapping[str, Any], threads: int | None) -> ShardOutput:
    """Assign the points of a shard to groups."""
    clustering = opened_clustering(settings["clustering"], settings["digest"])
    space = read_points(inputs[0])
    if space is None:
        return ShardOutput(0, {GROUPS: pl.DataFrame(schema=KINDS)})
    with _LOCK, limited(threads):
        found = clustering.assign(space, min_share=settings["min_share"], min_typicality=settings["min_typicality"])
    columns = (space.ids.tolist(), found.labels, found.nearest, found.share, found.typicality)
    table = pl.DataFrame(
        [pl.Series(name, values, dtype=kind) for (name, kind), values in zip(KINDS.items(), columns, strict=True)]
    )
    return ShardOutput(len(table), {GROUPS: table})
