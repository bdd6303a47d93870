"""All similarities of two sets of points, block by block: in memory, into an array, or into a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.disk import exists
from semspace.errors import ExistsError, InputError
from semspace.files import PathLike, replace_file, resolved_path
from semspace.progress import bar
from semspace.quantization.vectors import as_quantized
from semspace.queries import as_list
from semspace.similarity.locating import locate
from semspace.similarity.point_set import PointSet
from semspace.threads import limited
from semspace.types import ArrayXd, Doubles1d, Floats2d

_SCORES_AT_ONCE = 16_000_000  # 64 MB
_FEWEST_ROWS, _COLUMNS = 64, 8_192  # of a block, and of a tile of it, which stays in the cache
_SHARE = 0.9  # of the free memory that a result may take


def similarity_matrix(
    points: PointSet,
    a: Any,
    b: Any,
    metric: str,
    out: PathLike | ArrayXd | None,
    threads: int | None,
    *,
    progress: bool,
) -> ArrayXd:
    """Compute all similarities of two sets of points; see `Space.similarity_matrix`."""
    rows = _operand(points, "a", a)
    columns = rows if b is None else _operand(points, "b", b)
    shape = len(rows), len(columns)
    target = None if out is None or isinstance(out, np.ndarray) else _free_path(out, shape)
    result = _memory(shape) if out is None else out if isinstance(out, np.ndarray) else None
    if isinstance(out, np.ndarray):
        _check_array(out, shape)
    step = max(_FEWEST_ROWS, _SCORES_AT_ONCE // shape[1])
    with limited(threads), bar("similarities", shape[0], unit="row", progress=progress) as shown:
        blocks = _blocks(rows, columns, metric, step, result if out is None else None)
        if target is not None:
            _write(target, shape, blocks, shown)
            written: ArrayXd = np.load(target, mmap_mode="r", allow_pickle=False)
            return written
        assert result is not None
        for start, block in blocks:
            if out is not None:
                result[start : start + len(block)] = block
            shown.update(len(block))
    return result


def _operand(points: PointSet, name: str, given: Any) -> Floats2d:
    """Return the vectors of a set of points: all of a space, those of ids and texts, or a matrix."""
    if given is None or given is points.ids:
        return points.vectors
    if isinstance(given, np.ndarray) and given.dtype.kind in "fiu" and given.ndim == 2:
        matrix = checks.matrix(name, given, dim=points.dim)
        checks.finite_rows(f"the vector in {name}", matrix, None)
        return matrix
    asked = as_list(name, given)
    if not asked:
        raise InputError(f"{name} is empty; give at least one id, text or vector, or leave it out for all points")
    rows = [points._rows.get(one, -1) if isinstance(one, str) else -1 for one in asked]
    if min(rows) >= 0:
        return points.vectors[rows]
    vectors = np.stack([one.vector for one in locate(points, asked)]).astype(np.float32, copy=False)
    queries.check_directions(vectors, [queries.title_of(one) for one in asked])
    return vectors


def _blocks(
    a: Floats2d, b: Floats2d, metric: str, step: int, result: Floats2d | None
) -> Iterator[tuple[int, Floats2d]]:
    """Iterate over a few rows of the matrix at a time; they are rows of `result` where there is one."""
    mean = _mean(b) if metric == "euclidean" else None
    buffer = np.empty((min(step, len(a)), len(b)), np.float32) if result is None else None
    for start in range(0, len(a), step):
        rows = a[start : start + step]
        if metric == "cosine":
            rows = queries.unit(rows)
        block = buffer[: len(rows)] if buffer is not None else result[start : start + step]  # type: ignore[index]
        for first in range(0, len(b), _COLUMNS):
            columns, tile = b[first : first + _COLUMNS], block[:, first : first + _COLUMNS]
            if mean is not None:
                np.negative(queries.distances(rows, columns, mean), out=tile)
            elif metric == "dot":
                np.matmul(rows, columns.T, out=tile)
            else:
                np.matmul(rows, queries.unit(columns).T, out=tile)
                np.clip(tile, -1, 1, out=tile)
        yield start, block


def _mean(vectors: Floats2d) -> Doubles1d:
    stored = as_quantized(vectors)
    mean: Doubles1d = vectors.mean(axis=0, dtype=np.float64) if stored is None else stored.mean()
    return mean


def _memory(shape: tuple[int, int]) -> Floats2d:
    """Return memory for the result, or raise `InputError` where there isn't enough."""
    needed, free = 4 * shape[0] * shape[1], _free_memory()
    if free is not None and needed > _SHARE * free:
        raise InputError(
            f"{shape[0]:,} × {shape[1]:,} similarities take {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB of memory "
            f"are free; give out='similarities.npy' to write them to disk, or fewer points as a= and b="
        )
    return np.empty(shape, np.float32)


def _free_memory() -> int | None:
    """Return how many bytes of memory are available, None where the system doesn't say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):  # not Linux
        names = getattr(os, "sysconf_names", {})
        known = "SC_PHYS_PAGES" in names and "SC_PAGE_SIZE" in names
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else None


def _check_array(out: ArrayXd, shape: tuple[int, int]) -> None:
    if out.shape != shape or out.dtype not in (np.float16, np.float32, np.float64) or not out.flags.writeable:
        raise InputError(
            f"out must be a writeable array of float16, float32 or float64 and of shape {shape}; got {out.dtype} of "
            f"shape {out.shape}{'' if out.flags.writeable else ', read-only'}"
        )


def _free_path(out: PathLike, shape: tuple[int, int]) -> Path:
    """Return the path of the file to write, or raise where something is there, or the disk is too small."""
    checks.ending("out", out, ".npy")
    target = resolved_path(out)
    if exists(target):
        raise ExistsError(f"{target} exists already; choose another path, or delete it")
    above = target.absolute().parent
    if not above.is_dir():
        raise InputError(f"cannot write {target}: there is no folder {above}; create it, or choose another path")
    needed, free = 4 * shape[0] * shape[1], shutil.disk_usage(above).free
    if needed > free:
        raise InputError(
            f"{shape[0]:,} × {shape[1]:,} similarities take {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free "
            f"at {above}; choose another path, or fewer points"
        )
    return target


def _write(target: Path, shape: tuple[int, int], blocks: Iterator[tuple[int, Floats2d]], shown: Any) -> None:
    """Write the matrix as a file of numpy, which appears when it is complete."""
    header = {"descr": np.dtype(np.float32).str, "fortran_order": False, "shape": shape}
    with replace_file(target) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for _, block in blocks:
            file.write(block.data)
            shown.update(len(block))
