"""Encoding straight onto the disk: a shard at a time, never a text twice, and going on after whatever broke it off.

Beside the space's place lies, until it is whole, a hidden folder `.NAME.encoding`:

    plan.json        what is encoded, by what
    texts.arrow      the texts, in order
    vectors.npy      their vectors, mapped and filled shard by shard: the very file that becomes the space's
    cut.npy          which of the texts were cut
    done.jsonl       a line for each shard that is whole: its number, and a checksum of its rows

A shard counts only once its rows are on the disk and its line after them; a line whose rows don't fit its checksum
counts for nothing. What is copied rather than encoded comes from a space that is there already, from work that was
broken off when the corpus was another, or from an earlier row with the same text.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.bundle import (
    PathLike,
    check_free,
    create_bundle,
    delete_interrupted,
    digest,
    is_bundle,
    open_bundle,
    resolved_path,
    write_text,
)
from semspace.disk import FileLock, LockedError, disk_reason, is_full
from semspace.errors import DamagedError, ExistsError, InputError, SemspaceError
from semspace.progress import bar
from semspace.sentences import blocks
from semspace.sentences.encoding_plan import EncodingPlan, metadata_of
from semspace.space import KIND, Space, write_space
from semspace.space import read_bundle as read_space
from semspace.text.corpus import Corpus
from semspace.text.mmap_array import release_pages

CUT = "cut"
_NO_FALLOCATE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_HEADER = 128  # bytes before the numbers of an .npy file
Numbers = npt.NDArray[Any]


def embed_into(plan: EncodingPlan, corpus: Corpus, into: PathLike, *, overwrite: bool, progress: bool) -> Space:
    """Encode a corpus into a space at a path; see `Encoder.embed`."""
    target = resolved_path(into)
    with _full_disk_said(target), _locked(target):
        old = _earlier(target, plan, overwrite=overwrite)
        check_free(target, overwrite=overwrite or old is not None)
        delete_interrupted(target)
        if old is not None and _is_whole(old, plan, corpus):
            if _place(target).exists() and _plan_of(_place(target)) == _plan(plan, plan.points(corpus)):
                _remove(_place(target))  # all of it is in the space
            return old.space
        points = plan.points(corpus)
        work = _begin(target, plan, points)
        left = _left(target, plan)
        _fill(work, plan, points, [*left.values(), *([old] if old is not None else [])], progress=progress)
        _publish(work, target, plan, points, corpus, overwrite=overwrite or old is not None)
        for folder in (work.folder, *left):
            _remove(folder)
        return replace(read_space(open_bundle(target, KIND, verify=False)), encoder=plan.encoder)


@dataclass(frozen=True)
class _Work:
    """A folder in which a corpus is being encoded."""

    folder: Path
    count: int
    dim: int

    def rows(self, name: str, columns: tuple[int, ...], dtype: npt.DTypeLike, mode: Any = "r") -> Numbers:
        """Map one of the arrays."""
        shape = (self.count, *columns)
        return np.memmap(self.folder / f"{name}.npy", dtype, mode, _HEADER, shape)

    def vectors(self, mode: str = "r") -> Numbers:
        """Map the vectors."""
        return self.rows("vectors", (self.dim,), np.float32, mode)

    def cut(self, mode: str = "r") -> Numbers:
        """Map which texts were cut."""
        return self.rows(CUT, (), np.bool_, mode)

    def is_sound(self) -> bool:
        """Tell whether the files are there, whole: not if the process was killed while it removed them."""
        try:
            sizes = [(self.folder / f"{name}.npy").stat().st_size - _HEADER for name in ("vectors", CUT)]
        except OSError:
            return False
        return (self.folder / "texts.arrow").is_file() and sizes == [4 * self.count * self.dim, self.count]

    def done(self) -> set[int]:
        """Give the shards that are whole."""
        return {shard for shard, checksum in self._lines() if self._checksum(shard) == checksum}

    def _lines(self) -> Iterator[tuple[int, str]]:
        try:
            lines = (self.folder / "done.jsonl").read_bytes().splitlines()
        except OSError:
            return
        for line in lines:
            try:
                shard, checksum = json.loads(line)
            except (ValueError, TypeError):  # written by half
                continue
            yield int(shard), str(checksum)

    def _checksum(self, shard: int) -> str:
        rows = slice(shard * blocks.BLOCK_TEXTS, (shard + 1) * blocks.BLOCK_TEXTS)
        return digest(np.array(self.vectors()[rows]).data.cast("B"), np.array(self.cut()[rows]).data.cast("B"))

    def put(self, shard: int, vectors: Numbers, cut: Numbers) -> None:
        """Write a shard's rows, and then the line that says they are there."""
        first = shard * blocks.BLOCK_TEXTS
        for name, values in (("vectors", vectors), (CUT, cut)):
            with open(self.folder / f"{name}.npy", "r+b") as file:
                file.seek(_HEADER + first * (values.nbytes // max(len(values), 1)))
                file.write(values.data)
                file.flush()
                os.fsync(file.fileno())
        line = json.dumps([shard, digest(vectors.data.cast("B"), cut.data.cast("B"))])
        with open(self.folder / "done.jsonl", "a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")  # the first end of line closes what a killed process left open
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True)
class _Source:
    """Texts that have vectors already; `kept` tells which rows may be taken."""

    texts: pl.Series
    vectors: Numbers
    cut: Numbers
    kept: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Earlier(_Source):
    """A space that is at the place already."""

    space: Space


def _fill(work: _Work, plan: EncodingPlan, points: Corpus, sources: list[_Source], *, progress: bool) -> None:
    """Encode or copy the rows of every shard that isn't there."""
    origin = _origins(points.texts, sources)
    done = work.done()
    shards = [shard for shard in range(-(-len(points) // blocks.BLOCK_TEXTS)) if shard not in done]
    asked = [np.flatnonzero(_part(origin.source, shard) == -1) for shard in shards]
    total = sum(map(len, asked))
    texts = (
        points.texts[shard * blocks.BLOCK_TEXTS : (shard + 1) * blocks.BLOCK_TEXTS].gather(rows).to_list()
        for shard, rows in zip(shards, asked, strict=True)
        if len(rows)
    )
    fresh = plan.encode(texts, total, progress=progress)
    with bar("copying", len(points), unit="text", progress=progress and not total) as shown:
        for shard, rows in zip(shards, asked, strict=True):
            vectors, cut = _copied(work, origin, shard, sources)
            if len(rows):
                part = next(fresh)
                vectors[rows], cut[rows] = part.vectors, part.truncated
            _repeat(origin, shard, vectors, cut)
            work.put(shard, vectors, cut)
            shown.update(len(vectors))
        next(fresh, None)  # to its end, where it says how many texts were unknown


@dataclass(frozen=True)
class _Origins:
    """Where each row comes from: of which source which row; -1 encoded, -2 an earlier row of this very corpus."""

    source: npt.NDArray[np.int32]
    row: npt.NDArray[np.int64]


def _origins(texts: pl.Series, sources: list[_Source]) -> _Origins:
    source, row = np.full(len(texts), -1, np.int32), np.zeros(len(texts), np.int64)
    asked = pl.DataFrame({"text": texts}).with_row_index("row")
    first = asked.select(pl.col("row").first().over("text"))["row"].to_numpy()
    again = first != np.arange(len(texts))
    source[again], row[again] = -2, first[again]
    for number, known in enumerate(sources):
        theirs = pl.DataFrame({"text": known.texts}).with_row_index("theirs").filter(pl.Series(known.kept))
        found = asked.join(theirs.unique("text", keep="first"), on="text", how="left", maintain_order="left")["theirs"]
        new = found.is_not_null().to_numpy() & (source < 0)
        source[new], row[new] = number, found.fill_null(0).to_numpy()[new]
    return _Origins(source, row)


def _part(array: Numbers, shard: int) -> Numbers:
    return array[shard * blocks.BLOCK_TEXTS : (shard + 1) * blocks.BLOCK_TEXTS]


def _copied(work: _Work, origin: _Origins, shard: int, sources: list[_Source]) -> tuple[Numbers, Numbers]:
    """Give a shard's rows, filled with what other places and earlier shards have."""
    source, row = _part(origin.source, shard), _part(origin.row, shard)
    vectors, cut = np.zeros((len(source), work.dim), np.float32), np.zeros(len(source), np.bool_)
    for number, known in enumerate(sources):
        mine = np.flatnonzero(source == number)
        vectors[mine], cut[mine] = known.vectors[row[mine]], known.cut[row[mine]]
        release_pages(known.vectors)
    earlier = np.flatnonzero((source == -2) & (row < shard * blocks.BLOCK_TEXTS))
    if len(earlier):
        written = work.vectors()
        vectors[earlier], cut[earlier] = written[row[earlier]], work.cut()[row[earlier]]
        release_pages(written)
    return vectors, cut


def _repeat(origin: _Origins, shard: int, vectors: Numbers, cut: Numbers) -> None:
    """Give a text that comes twice within a shard what its first row has."""
    source, row = _part(origin.source, shard), _part(origin.row, shard) - shard * blocks.BLOCK_TEXTS
    same = np.flatnonzero((source == -2) & (row >= 0))
    vectors[same], cut[same] = vectors[row[same]], cut[row[same]]


# -- the folder of the work -----------------------------------------------------------------------------------------


def _place(target: Path) -> Path:
    return target.with_name(f".{target.name}.encoding")


def _begin(target: Path, plan: EncodingPlan, points: Corpus) -> _Work:
    """Open the work that is going on with this corpus, or lay out a new one; work with another is put by."""
    folder = _place(target)
    wanted = _plan(plan, points)
    work = _Work(folder, len(points), plan.encoder.dim)
    if work.is_sound() and (folder / "vectors.npy").stat().st_nlink > 1:
        _remove(folder)  # it is a space already: its file mayn't be written to any more
    elif _plan_of(folder) == wanted and work.is_sound():
        return work
    elif _plan_of(folder) is None:
        _remove(folder)  # half laid out, or half removed
    else:
        os.replace(folder, folder.with_name(f"{folder.name}-{uuid.uuid4().hex[:8]}"))
    fresh = folder.with_name(f"{folder.name}-new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        points.frame.select("text").write_ipc(fresh / "texts.arrow")
        _lay_out(fresh / "vectors.npy", (len(points), plan.encoder.dim), np.float32)
        _lay_out(fresh / f"{CUT}.npy", (len(points),), np.bool_)
        write_text(fresh / "plan.json", json.dumps(wanted))
        os.replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return work


def _lay_out(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
    """Make an .npy file of zeros with room for all its rows, so that a disk too small says so at once."""
    with open(path, "wb") as file:
        described = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, described)
        if file.tell() != _HEADER:
            raise DamagedError(f"numpy writes headers of {file.tell()} bytes here; {_HEADER} were expected")
        size = _HEADER + int(np.prod(shape)) * np.dtype(dtype).itemsize
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except (AttributeError, OSError) as problem:
            if isinstance(problem, OSError) and problem.errno not in _NO_FALLOCATE:
                raise
            file.truncate(size)  # a system, or a disk, that sets no room aside
        os.fsync(file.fileno())


def _plan(plan: EncodingPlan, points: Corpus) -> dict[str, Any]:
    return {
        "count": len(points),
        "dim": plan.encoder.dim,
        "block": blocks.BLOCK_TEXTS,
        "texts": _texts_of(points),
        **plan.settings(),
    }


def _texts_of(points: Corpus) -> str:
    hasher = hashlib.sha256()
    for text in points.texts:
        part = text.encode()
        hasher.update(len(part).to_bytes(8, "little") + part)
    return hasher.hexdigest()


def _remove(folder: Path) -> None:
    """Remove the folder of a work; without its plan, which goes first, it counts for nothing."""
    (folder / "plan.json").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _plan_of(folder: Path) -> dict[str, Any] | None:
    try:
        plan: dict[str, Any] = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return plan


def _leftovers(target: Path) -> list[Path]:
    prefix = f".{target.name}.encoding-"
    return sorted(path for path in target.parent.iterdir() if path.name.startswith(prefix) and path.is_dir())


def _left(target: Path, plan: EncodingPlan) -> dict[Path, _Source]:
    """Give what was encoded in the same way when the corpus was another, by its folder."""
    return {folder: source for folder in _leftovers(target) if (source := _source(folder, plan)) is not None}


def _source(folder: Path, plan: EncodingPlan) -> _Source | None:
    found = _plan_of(folder)
    if found is None or {name: found.get(name) for name in plan.settings()} != plan.settings():
        return None
    if found.get("block") != blocks.BLOCK_TEXTS or found.get("dim") != plan.encoder.dim:
        return None
    work = _Work(folder, int(found["count"]), plan.encoder.dim)
    if not work.is_sound():
        return None
    kept = np.zeros(work.count, np.bool_)
    for shard in work.done():
        _part(kept, shard)[:] = True
    return _Source(pl.read_ipc(folder / "texts.arrow")["text"], work.vectors(), work.cut(), kept)


# -- the space ------------------------------------------------------------------------------------------------------


def _holds_space(target: Path) -> bool:
    """Tell whether a space is at the place."""
    return is_bundle(target) and open_bundle(target, verify=False).kind == KIND


def _earlier(target: Path, plan: EncodingPlan, *, overwrite: bool) -> _Earlier | None:
    """Open the space at a place if it was encoded in the same way; another is an error, unless it may be replaced."""
    try:
        found = _opened(target, plan) if _holds_space(target) else None
    except DamagedError:
        if not overwrite:
            raise
        return None
    if found is None and _holds_space(target) and not overwrite:
        raise ExistsError(
            f"{target} holds a space that was made by another encoder or in another way, and is left alone; choose "
            f"another place, or say overwrite=True"
        )
    return found


def _opened(target: Path, plan: EncodingPlan) -> _Earlier | None:
    bundle = open_bundle(target, KIND)
    made = bundle.meta.facts("space").facts("provenance")
    told = bundle.has(f"{CUT}.npy")
    if made.get("encoding") != plan.settings() or (made.get("truncated") and not told):
        return None
    space = replace(read_space(bundle), encoder=plan.encoder)
    named = space.metadata is not None and "text" in space.metadata.columns
    texts = space.metadata["text"] if named and space.metadata is not None else pl.Series("text", space.ids.tolist())
    cut = bundle.array(CUT) if told else np.zeros(len(space), np.bool_)
    return _Earlier(texts, space.vectors, cut, np.ones(len(space), np.bool_), space)


def _is_whole(old: _Earlier, plan: EncodingPlan, corpus: Corpus) -> bool:
    """Tell whether the space at the place is of this very corpus, metadata and all."""
    made = old.space.provenance
    if made["corpus"] != corpus.fingerprint or made["text"] != json.loads(
        json.dumps(dict(corpus.provenance), default=str)
    ):
        return False
    points = plan.points(corpus)
    columns = metadata_of(points)
    if not columns.width:
        return old.space.metadata is None
    return old.space.metadata is not None and old.space.metadata.equals(columns)


def _publish(work: _Work, target: Path, plan: EncodingPlan, points: Corpus, corpus: Corpus, *, overwrite: bool) -> None:
    cut = work.cut()
    vectors = np.load(work.folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    space = plan.space(points, corpus, vectors, int(cut.sum()))
    with create_bundle(target, KIND, overwrite=overwrite) as draft:
        write_space(space, draft, work.folder / "vectors.npy")
        draft.array(CUT, np.array(cut))


# -- what may go wrong ----------------------------------------------------------------------------------------------


@contextmanager
def _full_disk_said(target: Path) -> Iterator[None]:
    try:
        yield
    except SemspaceError:
        raise
    except Exception as problem:
        reason = disk_reason(problem)
        if reason is None:
            raise
        if is_full(problem):
            raise InputError(
                f"no room for the vectors at {target} ({reason}); what was encoded is kept: make room, and say the "
                f"same again"
            ) from problem
        raise InputError(f"cannot write to {target}: {reason}; choose another place") from problem


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Keep other processes out while this one encodes; the lock goes with the process, however it ends."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(target.with_name(f".{target.name}.lock"), required=False):
            yield
    except LockedError as problem:
        raise InputError(
            f"another process is encoding into {target}; wait for it, or choose another place"
        ) from problem
