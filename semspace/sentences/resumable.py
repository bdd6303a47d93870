"""Encoding into a space on disk, shard by shard; interrupted work is resumed, and no text is encoded twice.

Until the space is complete, a hidden folder `.NAME.encoding` beside it holds the work:

    plan.json        the settings of the encoding and a digest of the texts
    texts.arrow      the texts, in order
    vectors.npy      their vectors, memory-mapped and filled shard by shard; it becomes the file of the space
    cut.npy          which of the texts were truncated
    done.jsonl       a line for each complete shard: its number, and a checksum of its rows

The line of a shard is written after its rows; a line whose checksum doesn't fit the rows is ignored. Vectors are copied
rather than encoded if the text is in an existing space, in interrupted work on another corpus, or in an earlier row.
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

from semspace.bundle import create_bundle, open_bundle
from semspace.disk import FileLock, LockedError, disk_reason, is_full
from semspace.errors import DamagedError, ExistsError, InputError, SemspaceError
from semspace.files import PathLike, digest, resolved_path, write_text
from semspace.progress import bar
from semspace.replacement import check_free, delete_interrupted, is_bundle
from semspace.sentences import blocks
from semspace.sentences.encoding_plan import EncodingPlan, metadata_of, recorded_settings
from semspace.space import KIND, Space, write_space
from semspace.space import read_bundle as read_space
from semspace.text.corpus import Corpus
from semspace.text.mmap_array import release_pages
from semspace.types import ArrayXd, Bools1d

CUT = "cut"
_NO_FALLOCATE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_HEADER_BYTES = 128  # of an .npy file


def embed_into(plan: EncodingPlan, corpus: Corpus, out: PathLike, *, overwrite: bool, progress: bool) -> Space:
    """Encode a corpus into a space at a path; see `Encoder.embed`."""
    target = resolved_path(out)
    with _disk_errors_explained(target), _locked(target):
        old = _existing_space(target, plan, overwrite=overwrite)
        check_free(target, overwrite=overwrite or old is not None)
        delete_interrupted(target)
        if old is not None and _is_complete(old, plan, corpus):
            _remove_finished(target, plan, corpus)
            return old.space
        points = plan.points(corpus)
        if old is not None and not overwrite:
            _check_same_corpus(old, points, target)
        work = _start_work(target, plan, points)
        interrupted = _interrupted_work(target, plan)
        _fill(work, plan, points, [*interrupted.values(), *([old] if old is not None else [])], progress=progress)
        _publish(work, target, plan, points, corpus, overwrite=overwrite or old is not None)
        for folder in (work.folder, *interrupted):
            _remove(folder)
        return replace(read_space(open_bundle(target, KIND, verify=False)), encoder=plan.encoder)


@dataclass(frozen=True)
class _Work:
    """The folder of the work on a corpus."""

    folder: Path
    count: int
    dim: int

    def rows(self, name: str, columns: tuple[int, ...], dtype: npt.DTypeLike, mode: Any = "r") -> ArrayXd:
        """Return one of the arrays, memory-mapped."""
        shape = (self.count, *columns)
        return np.memmap(self.folder / f"{name}.npy", dtype, mode, _HEADER_BYTES, shape)

    def vectors(self, mode: str = "r") -> ArrayXd:
        """Return the vectors, memory-mapped."""
        return self.rows("vectors", (self.dim,), np.float32, mode)

    def cut(self, mode: str = "r") -> ArrayXd:
        """Return which texts were truncated, memory-mapped."""
        return self.rows(CUT, (), np.bool_, mode)

    def is_sound(self) -> bool:
        """Check whether all files exist with their full size; a process may have been killed while it deleted them."""
        try:
            sizes = [(self.folder / f"{name}.npy").stat().st_size - _HEADER_BYTES for name in ("vectors", CUT)]
        except OSError:
            return False
        return (self.folder / "texts.arrow").is_file() and sizes == [4 * self.count * self.dim, self.count]

    def done(self) -> set[int]:
        """Return the numbers of the complete shards."""
        return {shard for shard, checksum in self._lines() if self._checksum(shard) == checksum}

    def _lines(self) -> Iterator[tuple[int, str]]:
        try:
            lines = (self.folder / "done.jsonl").read_bytes().splitlines()
        except OSError:
            return
        for line in lines:
            try:
                shard, checksum = json.loads(line)
            except (ValueError, TypeError):  # written in part
                continue
            yield int(shard), str(checksum)

    def _checksum(self, shard: int) -> str:
        rows = slice(shard * blocks.BLOCK_TEXTS, (shard + 1) * blocks.BLOCK_TEXTS)
        return digest(np.array(self.vectors()[rows]).data.cast("B"), np.array(self.cut()[rows]).data.cast("B"))

    def put(self, shard: int, vectors: ArrayXd, cut: ArrayXd) -> None:
        """Write the rows of a shard, and then its line in ``done.jsonl``."""
        first = shard * blocks.BLOCK_TEXTS
        for name, values in (("vectors", vectors), (CUT, cut)):
            with open(self.folder / f"{name}.npy", "r+b") as file:
                file.seek(_HEADER_BYTES + first * (values.nbytes // max(len(values), 1)))
                file.write(values.data)
                file.flush()
                os.fsync(file.fileno())
        line = json.dumps([shard, digest(vectors.data.cast("B"), cut.data.cast("B"))])
        with open(self.folder / "done.jsonl", "a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")  # the first line break ends a line that a killed process left incomplete
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True)
class _VectorSource:
    """Texts that have vectors already; `usable` says which rows can be copied."""

    texts: pl.Series
    vectors: ArrayXd
    cut: ArrayXd
    usable: Bools1d


@dataclass(frozen=True)
class _ExistingSpace(_VectorSource):
    """A space that exists at the target, encoded in the same way."""

    space: Space


def _fill(work: _Work, plan: EncodingPlan, points: Corpus, sources: list[_VectorSource], *, progress: bool) -> None:
    """Encode or copy the rows of all shards that aren't complete."""
    origin = _origins(points.texts, sources)
    done = work.done()
    shards = [shard for shard in range(-(-len(points) // blocks.BLOCK_TEXTS)) if shard not in done]
    to_encode = [np.flatnonzero(_part(origin.source, shard) == -1) for shard in shards]
    total = sum(map(len, to_encode))
    texts = (
        points.texts[shard * blocks.BLOCK_TEXTS : (shard + 1) * blocks.BLOCK_TEXTS].gather(rows).to_list()
        for shard, rows in zip(shards, to_encode, strict=True)
        if len(rows)
    )
    encoded = plan.encode(texts, total, progress=progress)
    with bar("copying", len(points), unit="text", progress=progress and not total) as shown:
        for shard, rows in zip(shards, to_encode, strict=True):
            vectors, cut = _copied(work, origin, shard, sources)
            if len(rows):
                part = next(encoded)
                vectors[rows], cut[rows] = part.vectors, part.truncated
            _repeat(origin, shard, vectors, cut)
            work.put(shard, vectors, cut)
            shown.update(len(vectors))
        next(encoded, None)  # to its end, where it warns of texts without known tokens


@dataclass(frozen=True)
class _Origins:
    """The source of each row and the row there; source -1 is to be encoded, -2 is an earlier row of the same corpus."""

    source: npt.NDArray[np.int32]
    row: npt.NDArray[np.int64]


def _origins(texts: pl.Series, sources: list[_VectorSource]) -> _Origins:
    source, row = np.full(len(texts), -1, np.int32), np.zeros(len(texts), np.int64)
    all_texts = pl.DataFrame({"text": texts}).with_row_index("row")
    first = all_texts.select(pl.col("row").first().over("text"))["row"].to_numpy()
    again = first != np.arange(len(texts))
    source[again], row[again] = -2, first[again]
    for number, candidate in enumerate(sources):
        rows = pl.DataFrame({"text": candidate.texts}).with_row_index("source_row").filter(pl.Series(candidate.usable))
        rows = rows.unique("text", keep="first")
        source_rows = all_texts.join(rows, on="text", how="left", maintain_order="left")["source_row"]
        is_new = source_rows.is_not_null().to_numpy() & (source < 0)
        source[is_new], row[is_new] = number, source_rows.fill_null(0).to_numpy()[is_new]
    return _Origins(source, row)


def _part(array: ArrayXd, shard: int) -> ArrayXd:
    return array[shard * blocks.BLOCK_TEXTS : (shard + 1) * blocks.BLOCK_TEXTS]


def _copied(work: _Work, origin: _Origins, shard: int, sources: list[_VectorSource]) -> tuple[ArrayXd, ArrayXd]:
    """Return the rows of a shard, filled from the sources and from earlier shards."""
    source, row = _part(origin.source, shard), _part(origin.row, shard)
    vectors, cut = np.zeros((len(source), work.dim), np.float32), np.zeros(len(source), np.bool_)
    for number, candidate in enumerate(sources):
        copied = np.flatnonzero(source == number)
        vectors[copied], cut[copied] = candidate.vectors[row[copied]], candidate.cut[row[copied]]
        release_pages(candidate.vectors)
    earlier = np.flatnonzero((source == -2) & (row < shard * blocks.BLOCK_TEXTS))
    if len(earlier):
        written = work.vectors()
        vectors[earlier], cut[earlier] = written[row[earlier]], work.cut()[row[earlier]]
        release_pages(written)
    return vectors, cut


def _repeat(origin: _Origins, shard: int, vectors: ArrayXd, cut: ArrayXd) -> None:
    """Copy the rows of texts that occur earlier in the same shard."""
    source, row = _part(origin.source, shard), _part(origin.row, shard) - shard * blocks.BLOCK_TEXTS
    same = np.flatnonzero((source == -2) & (row >= 0))
    vectors[same], cut[same] = vectors[row[same]], cut[row[same]]


# -- the folder of the work -----------------------------------------------------------------------------------------


def _work_folder(target: Path) -> Path:
    return target.with_name(f".{target.name}.encoding")


def _start_work(target: Path, plan: EncodingPlan, points: Corpus) -> _Work:
    """Open the interrupted work on this corpus, or start new work; work on another corpus is renamed."""
    folder = _work_folder(target)
    facts = _plan_facts(plan, points)
    work = _Work(folder, len(points), plan.encoder.dim)
    if work.is_sound() and (folder / "vectors.npy").stat().st_nlink > 1:
        _remove(folder)  # the file belongs to a finished space now, so it must not be written to
    elif _read_plan(folder) == facts and work.is_sound():
        return work
    elif _read_plan(folder) is None:
        _remove(folder)  # incomplete: it was being created or deleted
    else:
        os.replace(folder, folder.with_name(f"{folder.name}-{uuid.uuid4().hex[:8]}"))
    new_folder = folder.with_name(f"{folder.name}-new")
    shutil.rmtree(new_folder, ignore_errors=True)
    new_folder.mkdir(parents=True)
    try:
        points.frame.select("text").write_ipc(new_folder / "texts.arrow")
        _allocate_array(new_folder / "vectors.npy", (len(points), plan.encoder.dim), np.float32)
        _allocate_array(new_folder / f"{CUT}.npy", (len(points),), np.bool_)
        write_text(new_folder / "plan.json", json.dumps(facts))
        os.replace(new_folder, folder)
    finally:
        shutil.rmtree(new_folder, ignore_errors=True)
    return work


def _allocate_array(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
    """Create an .npy file of zeros at full size, so that a full disk is noticed at once."""
    with open(path, "wb") as file:
        described = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, described)
        if file.tell() != _HEADER_BYTES:
            raise DamagedError(f"numpy wrote a header of {file.tell()} bytes; expected {_HEADER_BYTES}")
        size = _HEADER_BYTES + int(np.prod(shape)) * np.dtype(dtype).itemsize
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except (AttributeError, OSError) as problem:
            if isinstance(problem, OSError) and problem.errno not in _NO_FALLOCATE:
                raise
            file.truncate(size)  # the system or the disk can't reserve space
        os.fsync(file.fileno())


def _plan_facts(plan: EncodingPlan, points: Corpus) -> dict[str, Any]:
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
    """Delete the folder of some work; the plan goes first, and without it the folder is ignored."""
    (folder / "plan.json").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _remove_finished(target: Path, plan: EncodingPlan, corpus: Corpus) -> None:
    """Delete the folders of work whose vectors are all in the space at the target, or that were being deleted."""
    if folders := [folder for folder in (_work_folder(target), *_leftovers(target)) if folder.is_dir()]:
        facts = _plan_facts(plan, plan.points(corpus))
        for folder in folders:
            if _read_plan(folder) in (None, facts):
                _remove(folder)


def _read_plan(folder: Path) -> dict[str, Any] | None:
    try:
        plan: dict[str, Any] = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return plan


def _leftovers(target: Path) -> list[Path]:
    prefix = f".{target.name}.encoding-"
    return sorted(path for path in target.parent.iterdir() if path.name.startswith(prefix) and path.is_dir())


def _interrupted_work(target: Path, plan: EncodingPlan) -> dict[Path, _VectorSource]:
    """Return interrupted work on other corpora that was encoded in the same way, by its folder."""
    return {folder: source for folder in _leftovers(target) if (source := _source(folder, plan)) is not None}


def _source(folder: Path, plan: EncodingPlan) -> _VectorSource | None:
    facts = _read_plan(folder)
    if facts is None or {name: facts.get(name) for name in plan.settings()} != plan.settings():
        return None
    if facts.get("block") != blocks.BLOCK_TEXTS or facts.get("dim") != plan.encoder.dim:
        return None
    work = _Work(folder, int(facts["count"]), plan.encoder.dim)
    if not work.is_sound():
        return None
    usable = np.zeros(work.count, np.bool_)
    for shard in work.done():
        _part(usable, shard)[:] = True
    return _VectorSource(pl.read_ipc(folder / "texts.arrow")["text"], work.vectors(), work.cut(), usable)


# -- the space ------------------------------------------------------------------------------------------------------


def _holds_space(target: Path) -> bool:
    """Check whether there is a space at a path."""
    return is_bundle(target) and open_bundle(target, verify=False).kind == KIND


def _existing_space(target: Path, plan: EncodingPlan, *, overwrite: bool) -> _ExistingSpace | None:
    """Open the space at a path if it was encoded in the same way; raise for any other, unless it may be replaced."""
    try:
        existing = _open_existing(target, plan) if _holds_space(target) else None
    except DamagedError:
        if not overwrite:
            raise
        return None
    if existing is None and _holds_space(target) and not overwrite:
        raise ExistsError(
            f"{target} holds a space that was made by another encoder or in another way; choose another path, or give "
            f"overwrite=True to replace it"
        )
    return existing


def _open_existing(target: Path, plan: EncodingPlan) -> _ExistingSpace | None:
    bundle = open_bundle(target, KIND)
    made = bundle.meta.facts("space").facts("provenance")
    has_cut = bundle.has(f"{CUT}.npy")
    if recorded_settings(made) != plan.settings() or (made.get("truncated") and not has_cut):
        return None
    space = replace(read_space(bundle), encoder=plan.encoder)
    if space.precision != "float32":  # nearly the vectors of the texts, but not those
        return None
    named = space.metadata is not None and "text" in space.metadata.columns
    texts = space.metadata["text"] if named and space.metadata is not None else pl.Series("text", space.ids.tolist())
    cut = bundle.array(CUT) if has_cut else np.zeros(len(space), np.bool_)
    return _ExistingSpace(texts, space.vectors, cut, np.ones(len(space), np.bool_), space)


def _check_same_corpus(old: _ExistingSpace, points: Corpus, target: Path) -> None:
    """Raise if a space has no text in common with a corpus, and so was not made from an earlier state of it."""
    if len(old.texts) and not old.texts.is_in(points.texts.implode()).any():
        raise ExistsError(
            f"{target} holds {len(old.texts):,} other texts, none of which is in this corpus; choose another path, or "
            "pass overwrite=True (--overwrite) to replace them"
        )


def _is_complete(old: _ExistingSpace, plan: EncodingPlan, corpus: Corpus) -> bool:
    """Check whether an existing space is of the same corpus, with the same metadata."""
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


# -- errors --------------------------------------------------------------------------------------------------------


@contextmanager
def _disk_errors_explained(target: Path) -> Iterator[None]:
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
                f"no room for the vectors at {target} ({reason}); progress is saved: free disk space, and run the same "
                f"call again"
            ) from problem
        raise InputError(f"cannot write to {target}: {reason}; choose another path") from problem


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Lock out other processes while this one encodes; the lock ends with the process."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(target.with_name(f".{target.name}.lock"), required=False):
            yield
    except LockedError as problem:
        raise InputError(f"another process is encoding into {target}; wait for it, or choose another path") from problem
