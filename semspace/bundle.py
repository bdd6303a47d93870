"""Saved values: a directory with a manifest and checksums, written atomically.

    docs.space/
        manifest.json     kind, format version, meta, and size and SHA-256 of every file
        vectors.npy       arrays, opened memory-mapped, never unpickled
        ids.arrow         tables, in Arrow's file format

A bundle is written to a temporary directory and then renamed, so a crash leaves the old value or the new one. A reader
holds the directory open, so it reads one value even while writers replace it.
"""

import math
import os
import random
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, pools, schema, table_claims
from semspace.disk import Folder, exists, temporary_beside, translate_disk_errors
from semspace.errors import DamagedError, InputError, MissingFileError, ReplacedError
from semspace.files import PathLike, digest_of, resolved_path
from semspace.manifest import MANIFEST, is_inside, read_manifest, write_manifest
from semspace.replacement import aside_of, check_free, is_superseded, publish

T = TypeVar("T")
_MAX_READ_ATTEMPTS = 50  # for a reader whose value is replaced repeatedly


@dataclass(frozen=True)
class Draft:
    """A bundle that is being written; its arrays, tables and files are listed in the manifest."""

    folder: Path
    meta: dict[str, Any]

    def array(self, name: str, value: npt.NDArray[Any]) -> None:
        """Write an array as NAME.npy."""
        np.save(self.folder / f"{name}.npy", np.ascontiguousarray(value), allow_pickle=False)

    def stacked(
        self, name: str, parts: Iterable[npt.NDArray[Any]], shape: tuple[int, ...], dtype: npt.DTypeLike
    ) -> None:
        """Write an array as NAME.npy from consecutive parts, without holding it in memory."""
        header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
        with open(self.folder / f"{name}.npy", "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for part in parts:
                file.write(np.ascontiguousarray(part, dtype=dtype).data)

    def table(self, name: str, value: pl.DataFrame) -> None:
        """Write a table as NAME.arrow."""
        pools.need_polars("saving this value")
        value.write_ipc(self.folder / f"{name}.arrow")

    def linked(self, name: str, path: Path) -> None:
        """Add an existing file, by a hard link where possible, else a copy; it must not change afterwards."""
        try:
            os.link(path, self.folder / name)
        except OSError:
            shutil.copyfile(path, self.folder / name)

    def file(self, name: str, write: Callable[[Path], object]) -> None:
        """Write the file NAME by a function, for libraries with their own format."""
        write(self.folder / name)


@dataclass(frozen=True)
class Bundle:
    """A saved value whose files have been checked against its manifest."""

    folder: Path
    kind: str
    meta: schema.Facts
    files: Mapping[str, Any]  # of each its size and SHA-256
    signature: bytes  # the manifest as it was read
    held: Folder = field(repr=False)
    stamp: tuple[int, ...] = field(repr=False)  # of the manifest's file

    def array(
        self, name: str, *, dtype: npt.DTypeLike | None = None, shape: schema.Shape | None = None
    ) -> npt.NDArray[Any]:
        """Open NAME.npy, memory-mapped and read-only, and check its type and shape (None: any length)."""
        file = f"{name}.npy"
        with self.open(file) as opened:
            try:
                array = _mapped(opened)
            except (ValueError, EOFError, SyntaxError, TokenError, OverflowError, TypeError, RecursionError) as problem:
                what = checks.first_line(problem)
                raise DamagedError(f"{self.folder / file} isn't an array semspace can open: {what}") from problem
        schema.array(str(self.folder / file), array, dtype=dtype, shape=shape)
        return array

    def table(self, name: str, columns: Mapping[str, Any] | None = None, *, rows: int | None = None) -> pl.DataFrame:
        """Read NAME.arrow, and check the types of its columns and its number of rows."""
        pools.need_polars(f"opening {self.folder}")
        file = f"{name}.arrow"
        with self.open(file) as opened:
            try:
                table_claims.check_arrow(opened)
                table = pl.read_ipc(opened)
            except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as problem:
                pools.raise_interrupt(problem)
                what = checks.first_line(problem)
                raise DamagedError(f"{self.folder / file} isn't a table semspace can open: {what}") from problem
        schema.check_table(str(self.folder / file), table, columns or {}, rows=rows)
        return table

    def text(self, file: str) -> str:
        """Read a text file."""
        with self.open(file) as opened:
            try:
                return opened.read().decode("utf-8")
            except UnicodeDecodeError as problem:
                raise DamagedError(f"{self.folder / file} isn't UTF-8 text: {problem}") from problem

    def has(self, file: str) -> bool:
        """Return whether the manifest lists FILE."""
        return file in self.files

    def path(self, file: str) -> Path:
        """Return the path of a file in the manifest; call `unchanged` after opening it."""
        if file not in self.files:
            raise DamagedError(f"{self.folder} lists no file {file!r} in its manifest; save the value again")
        return self.folder / file

    def open(self, file: str) -> BinaryIO:
        """Open a file that the manifest lists."""
        self.path(file)
        try:
            return self.held.open(file)
        except FileNotFoundError as problem:
            self.unchanged()
            raise self._lacks(file) from problem
        except OSError as problem:
            self.unchanged()
            raise _unreadable(self.folder / file, problem) from problem

    @cached_property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(int(entry["bytes"]) for entry in self.files.values())

    def check(self, *, sums: bool = True) -> None:
        """Compare file sizes, and checksums, with the manifest; raise `DamagedError` if they differ."""
        try:
            self.held.refuse_strange()
            for name, entry in self.files.items():
                self._check_file(name, entry, verify=sums)
        except (DamagedError, OSError) as problem:
            self.unchanged()  # a replaced value is the better explanation
            if isinstance(problem, OSError):
                raise _unreadable(self.folder, problem) from problem
            raise

    def _check_file(self, name: str, entry: Mapping[str, Any], *, verify: bool) -> None:
        path = self.folder / name
        if not is_inside(name) or not path.is_file():
            raise self._lacks(name)
        with self.open(name) as file:
            size = os.fstat(file.fileno()).st_size
            if size != entry["bytes"]:
                should = f"{entry['bytes']}; restore it or save again"
                raise DamagedError(f"{path} has {size} bytes and should have {should}")
            if verify and digest_of(file) != entry["sha256"]:
                raise DamagedError(f"{path} is damaged: its checksum doesn't match; restore it or save the value again")

    def _lacks(self, file: str) -> DamagedError:
        return DamagedError(f"{self.folder} lacks its file {file!r}; restore it or save the value again")

    def unchanged(self) -> None:
        """Raise `ReplacedError` if another value has been saved here, so that two are never mixed."""
        if not self.held.is_current() or _stamp(self.folder) != self.stamp or is_superseded(self.folder):
            raise ReplacedError(f"{self.folder} was replaced while it was being opened; open it again")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Raise `DamagedError` if what is read in this block isn't what it should be."""
        try:
            with schema.reading(self.folder):
                yield
        except DamagedError as problem:
            if not isinstance(problem, ReplacedError):
                self.unchanged()
            raise


@contextmanager
def create_bundle(path: PathLike, kind: str, *, overwrite: bool = False) -> Iterator[Draft]:
    """Write a bundle, which appears at `path` when the block ends, and not at all if the block raises.

    If two processes write to one path, the last one to finish wins.

    Raises
    ------
    ExistsError
        If something is at `path`, unless it is a semspace bundle and `overwrite` is true.
    InputError
        If the disk can't be written to, because it is full or read-only.
    """
    checks.flag("overwrite", overwrite)
    target = resolved_path(path)
    check_free(target, overwrite=overwrite)
    with translate_disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary_beside(target, folder=True) as folder:
            draft = Draft(folder, {})
            yield draft
            write_manifest(folder, kind, draft.meta)
            publish(folder, target, overwrite=overwrite)


def open_bundle(path: PathLike, kind: str | None = None, *, verify: bool = True) -> Bundle:
    """Open a bundle, checking size and SHA-256 of every file against the manifest.

    Parameters
    ----------
    path : path of the bundle's directory
    kind : what it must be, for example ``"space"``; any kind when None
    verify : compare checksums (about 1 GB/s); sizes are always compared

    Raises
    ------
    MissingFileError
        If nothing is there.
    DamagedError
        If it isn't a bundle, is of a later format, or a file is missing, short or altered.
    InputError
        If it is a sound bundle of another kind.
    """
    checks.flag("verify", verify)
    return retry_if_replaced(lambda: _opening(resolved_path(path), kind, verify=verify))


def retry_if_replaced(read: Callable[[], T]) -> T:
    """Read a value, and again if it was replaced meanwhile, so that a reader always gets one complete value."""
    for left in reversed(range(_MAX_READ_ATTEMPTS)):
        try:
            return read()
        except ReplacedError:
            if not left:
                raise
            time.sleep(random.uniform(0, 0.02))  # noqa: S311  (so as not to keep step with the writer)
    raise AssertionError("unreachable")


def _opening(target: Path, kind: str | None, *, verify: bool) -> Bundle:
    folder, held, stamp, signature = _found(target)
    manifest = read_manifest(folder, signature)
    if kind is not None and manifest["kind"] != kind:
        raise InputError(f"{folder} holds {_a(manifest['kind'])}; this needs {_a(kind)}")
    meta = schema.Facts(manifest.get("meta"), f"{folder / MANIFEST}, under 'meta',")
    opened = Bundle(folder, manifest["kind"], meta, manifest["files"], signature, held, stamp)
    opened.check(sums=verify)
    return opened


def _found(target: Path) -> tuple[Path, Folder, tuple[int, ...], bytes]:
    """Find the bundle of a path, and read its manifest."""
    for _ in range(3):  # a writer may rename one away just when it is looked for
        # A writer died, or is just now, between its two renames: the old value is still the value.
        for folder in (target, aside_of(target)):
            with suppress(FileNotFoundError, NotADirectoryError):
                held = _folder(folder)
                with held.open(MANIFEST) as file:
                    return folder, held, _stamp_of(os.fstat(file.fileno())), file.read()
    if not exists(target):
        raise MissingFileError(f"there is no file or folder {target}; check the path")
    if target.is_dir():
        model = (target / "config.json").exists() or (target / "modules.json").exists()
        remedy = "; a model's folder is opened by Encoder.load" if model else "; give the folder that save wrote"
        raise DamagedError(f"{target} isn't a saved semspace value: it has no {MANIFEST}{remedy}")
    raise InputError(
        f"{target} is a file, and a saved semspace value is a folder; read texts with Corpus.read, and vectors with "
        "read_vectors"
    )


def _folder(path: Path) -> Folder:
    try:
        if not path.is_dir():  # a named pipe, say
            raise NotADirectoryError
        return Folder(path)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as problem:
        raise _unreadable(path, problem) from problem


def _unreadable(path: Path, problem: OSError) -> InputError:
    return InputError(f"cannot read {path}: {problem.strerror or problem}; check the path and its permissions")


def _mapped(file: BinaryIO) -> npt.NDArray[Any]:
    """Map the array of an open .npy file; `np.load` would open it by name, which may belong to another file by now."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of the .npy format")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    told = int.from_bytes(file.read(2 * version[0]), "little")
    if told > os.fstat(file.fileno()).st_size:  # numpy takes memory for as much
        raise ValueError(f"it tells of a header of {told:,} bytes, which aren't there")
    file.seek(-2 * version[0], os.SEEK_CUR)
    shape, by_column, dtype = read(file)
    if dtype.hasobject or not dtype.itemsize:
        raise ValueError("it holds Python objects" if dtype.hasobject else "its values have no size")
    told, there = math.prod(shape) * dtype.itemsize, os.fstat(file.fileno()).st_size - file.tell()
    if min(shape, default=0) < 0 or told > there:  # np.memmap multiplies with overflow
        raise ValueError(f"its header tells of {told:,} bytes, of the shape {shape}, and {there:,} are there")
    order: Any = "F" if by_column else "C"
    array: npt.NDArray[Any] = np.memmap(file, dtype, "r", file.tell(), shape, order)
    return array


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _stamp(folder: Path) -> tuple[int, ...]:
    try:
        return _stamp_of((folder / MANIFEST).stat())
    except OSError:
        return ()


def _stamp_of(facts: os.stat_result) -> tuple[int, ...]:
    """Return an identity of a file, which changes when it is rewritten with the same content."""
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns
