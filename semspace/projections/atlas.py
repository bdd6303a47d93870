"""A map in Apple's Embedding Atlas: the table it reads, and its server on this machine."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from semspace import checks
from semspace.clusters.knn import KnnSearch
from semspace.errors import InputError
from semspace.queries import unit
from semspace.text.dataframes import storable

if TYPE_CHECKING:
    from semspace.projections.projection import Projection

HOST = "127.0.0.1"
PORT = 5055
EXTRA = "atlas"
_MODULE = "embedding_atlas"
_X, _Y, _GROUP, _NEIGHBORS = "x", "y", "group", "neighbors"


def need_atlas() -> None:
    """Raise `MissingExtraError` where Embedding Atlas can't run, before long work starts."""
    if importlib.util.find_spec(_MODULE) is None:
        raise checks.missing_extra("embedding-atlas", EXTRA)


def atlas_table(projection: Projection, k: int = 15) -> pl.DataFrame:
    """Create the table that Embedding Atlas reads.

    Parameters
    ----------
    projection : Projection
    k : int
        Number of neighbours of each point, by cosine in all dimensions, not on the map; fewer where there are fewer
        points.

    Returns
    -------
    polars.DataFrame
        A row for each point, in the space's order: ``id``, the metadata, ``group`` where there are groups,
        and no column of the metadata says the same, ``by_chance`` (see `Projection`) where it was measured, ``x``,
        ``y``, and ``neighbors``: a struct of ``ids``, which are numbers of rows from 0, and ``distances``, one minus
        the cosine. A column of the metadata whose name is taken gets ``_column`` behind it.
    """
    checks.whole("k", k)
    table = projection.to_frame()
    metadata = projection.space.metadata
    own = [_X, _Y, *([_GROUP] if _says_more(table, metadata) else [])]
    own += ["by_chance"] if table["by_chance"].is_not_null().any() else []
    columns = [table["id"], *_columns_of(metadata, {"id", *own, _NEIGHBORS})]
    return pl.DataFrame([*columns, *(table[name] for name in own), _neighbors(projection, k)])


def _says_more(table: pl.DataFrame, metadata: pl.DataFrame | None) -> bool:
    """Check whether there are groups, and other ones than those of a column of the metadata."""
    if _GROUP not in table.columns:
        return False
    texts = () if metadata is None else [c for c in metadata.get_columns() if c.dtype == pl.String]
    return not any((column == table[_GROUP]).fill_null(value=False).all() for column in texts)


def _columns_of(metadata: pl.DataFrame | None, taken: set[str]) -> list[pl.Series]:
    if metadata is None:
        return []
    return [column.alias(f"{column.name}_column") if column.name in taken else column for column in storable(metadata)]


def _neighbors(projection: Projection, k: int) -> pl.Series:
    """Return the nearest points of each, as Embedding Atlas takes them."""
    directions = unit(np.asarray(projection.space.vectors, np.float32), floor=1e-12)
    rows, cosines = KnnSearch(directions).neighbors(k)
    distances = np.clip(1 - cosines.astype(np.float64), 0, 2)
    pairs = (
        {"ids": ids[ids >= 0].tolist(), "distances": apart[ids >= 0].tolist()}
        for ids, apart in zip(rows, distances, strict=True)
    )
    kind = pl.Struct({"ids": pl.List(pl.Int64), "distances": pl.List(pl.Float64)})
    return pl.Series(_NEIGHBORS, [*pairs], dtype=kind)


def atlas_labels(projection: Projection) -> pl.DataFrame:
    """Create the table of the groups' names and the middles of their points: ``x``, ``y``, ``text``.

    The middle is that of the median of both coordinates. Without groups it is empty, and Embedding Atlas finds labels
    of its own.
    """
    known = range(len(projection.names) if projection.has_groups else 0)
    members = [projection.coordinates[projection.groups == group] for group in known]
    middles = [
        (np.median(places, axis=0), projection.names[group]) for group, places in enumerate(members) if len(places)
    ]
    return pl.DataFrame(
        {
            "x": [float(m[0]) for m, _ in middles],
            "y": [float(m[1]) for m, _ in middles],
            "text": [n for _, n in middles],
        },
        schema={"x": pl.Float64, "y": pl.Float64, "text": pl.String},
    )


def write_atlas(projection: Projection, folder: Path, *, k: int = 15, port: int = PORT) -> list[str]:
    """Write the tables into a folder, and return the command of the server that shows them.

    Raises
    ------
    InputError
        If `port` isn't one.
    """
    checks.whole("port", port, high=65_535)
    table, labels = atlas_table(projection, k), atlas_labels(projection)
    table.write_parquet(folder / "points.parquet")
    command = [
        sys.executable, "-m", f"{_MODULE}.cli", str(folder / "points.parquet"),
        "--disable-projection", "--x", _X, "--y", _Y, "--neighbors", _NEIGHBORS,
        "--host", HOST, "--port", str(port), "--no-auto-port", "--duckdb", "server",
    ]  # fmt: skip
    if "text" in table.columns:
        command += ["--text", "text"]
    if len(labels):
        labels.write_parquet(folder / "labels.parquet")
        command += ["--labels", str(folder / "labels.parquet")]
    return command


def serve_atlas(projection: Projection, *, k: int = 15, port: int = PORT, on_ready: Callable[[str], object]) -> None:
    """Show a map in Embedding Atlas until the process is interrupted (Ctrl-C).

    The server is a process of its own, which only this machine can reach. `on_ready` is called with the address when it
    answers.

    Raises
    ------
    MissingExtraError
        If embedding-atlas isn't installed, or Python is older than 3.11.
    InputError
        If the port is in use, or the server ends by itself.
    """
    need_atlas()
    check_port(port)
    with tempfile.TemporaryDirectory(prefix="semspace-atlas-") as folder:
        command = write_atlas(projection, Path(folder), k=k, port=port)
        with (Path(folder) / "log.txt").open("w+b") as log:
            server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603
            try:
                _wait(server, port, log.name)
                on_ready(f"http://{HOST}:{port}")
                server.wait()
            finally:
                server.terminate()
                server.wait()


def check_port(port: int) -> None:
    """Raise `InputError` if something answers at a port already."""
    checks.whole("port", port, high=65_535)
    if _answers(port):
        raise InputError(f"the port {port} is in use; choose another with port=")


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _wait(server: subprocess.Popen[bytes], port: int, log: str) -> None:
    """Wait until the server answers, or raise `InputError` with the last thing it said."""
    while not _answers(port):
        if server.poll() is not None:
            said = Path(log).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise InputError(f"Embedding Atlas ended by itself: {said[-1] if said else 'it said nothing'}")
        time.sleep(0.1)
