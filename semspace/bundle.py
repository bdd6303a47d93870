"""How a value lies on disk: one directory with a manifest, checksums, and an atomic birth.

    docs.space/
        manifest.json     kind, format version, meta, and size and SHA-256 of every file
        vectors.npy       arrays, opened memory-mapped, never unpickled
        rows.arrow        tables, in Arrow's file format

A bundle is written beside its place and renamed into it, so a crash leaves the old value or the new one.
This module doesn't know what the arrays mean.
"""

import errno
import glob
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.errors import DamagedError, ExistsError, InputError, MissingFileError, ReplacedError

FORMAT = "semspace"
VERSION = 1
MANIFEST = "manifest.json"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room on the disk, or none allowed
PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Draft:
    """A bundle being written: name arrays, tables and files, and they go into the manifest."""

    folder: Path
    meta: dict[str, Any]

    def array(self, name: str, value: npt.NDArray[Any]) -> None:
        """Write an array as NAME.npy."""
        np.save(self.folder / f"{name}.npy", np.ascontiguousarray(value), allow_pickle=False)

    def stacked(
        self, name: str, parts: Iterable[npt.NDArray[Any]], shape: tuple[int, ...], dtype: npt.DTypeLike
    ) -> None:
        """Write NAME.npy of parts that come one after the other, so that it needn't lie in memory."""
        header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
        with open(self.folder / f"{name}.npy", "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for part in parts:
                file.write(np.ascontiguousarray(part, dtype=dtype).data)

    def table(self, name: str, value: pl.DataFrame) -> None:
        """Write a table as NAME.arrow."""
        value.write_ipc(self.folder / f"{name}.arrow")

    def linked(self, name: str, path: Path) -> None:
        """Take a file as it is: linked where the disk can, else copied. Nobody may write to it any more."""
        try:
            os.link(path, self.folder / name)
        except OSError:
            shutil.copyfile(path, self.folder / name)

    def file(self, name: str, write: Callable[[Path], object]) -> None:
        """Let a library write its own binary under NAME."""
        write(self.folder / name)


@dataclass(frozen=True)
class Bundle:
    """A saved value whose files have been checked against its manifest."""

    folder: Path
    kind: str
    meta: Mapping[str, Any]
    files: Mapping[str, Any]  # of each its size and SHA-256
    signature: bytes  # the manifest as it was read

    def array(self, name: str) -> npt.NDArray[Any]:
        """Open NAME.npy, memory-mapped and read-only."""
        path = self.path(f"{name}.npy")
        try:
            array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except OSError:
            self.unchanged()
            raise
        except (ValueError, EOFError, SyntaxError, TokenError, OverflowError, TypeError) as problem:
            raise DamagedError(f"{path} isn't an array semspace can open: {problem}") from problem
        self.unchanged()
        return array

    def table(self, name: str) -> pl.DataFrame:
        """Open NAME.arrow."""
        path = self.path(f"{name}.arrow")
        try:
            table = pl.read_ipc(path)
        except OSError:
            self.unchanged()
            raise
        except pl.exceptions.PolarsError as problem:
            raise DamagedError(f"{path} isn't a table semspace can open: {problem}") from problem
        self.unchanged()
        return table

    def has(self, file: str) -> bool:
        """Tell whether the manifest lists FILE."""
        return file in self.files

    def path(self, file: str) -> Path:
        """Give the path of a file that the manifest lists."""
        if file not in self.files:
            raise DamagedError(f"{self.folder} lists no file {file!r} in its manifest; save the value again")
        return self.folder / file

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry["bytes"] for entry in self.files.values())

    def check(self, *, sums: bool = True) -> None:
        """Compare sizes, and checksums, with the manifest; raise `DamagedError`."""
        try:
            for name, entry in self.files.items():
                _check_file(self.folder, name, entry, verify=sums)
        except DamagedError:
            self.unchanged()  # the better reason, where it is the reason
            raise

    def unchanged(self) -> None:
        """Raise if another value has taken this one's place, so that two are never read as one."""
        if _signature(self.folder) != self.signature:
            raise ReplacedError(f"{self.folder} was replaced while it was being opened; open it again")


@contextmanager
def writing(path: PathLike, kind: str, *, overwrite: bool = False) -> Iterator[Draft]:
    """Write a bundle: it appears at `path` whole when the block ends, and not at all if the block raises.

    Raises
    ------
    ExistsError
        If something is at `path`, unless it is a semspace bundle and `overwrite` is true.
    """
    target = place_of(path)
    check_free(target, overwrite=overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = target.with_name(f".{target.name}.new-{uuid.uuid4().hex[:8]}")
        folder.mkdir()
    except OSError as problem:
        raise InputError(f"cannot write to {target}: {problem.strerror or problem}; choose another place") from problem
    try:
        draft = Draft(folder, {})
        yield draft
        _write_manifest(draft, kind)
        check_free(target, overwrite=overwrite)
        _publish(folder, target)
    except BaseException as problem:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(problem, OSError) and problem.errno in FULL:
            raise InputError(
                f"cannot write {target}: {problem.strerror}; make room, or choose another place"
            ) from problem
        raise


def opening(path: PathLike, kind: str | None = None, *, verify: bool = True) -> Bundle:
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
    folder = place_of(path)
    if not folder.exists() and is_bundle(_aside(folder)):
        # A writer died, or is just now, between its two renames: the old value is still the value.
        folder = _aside(folder)
    if not folder.exists():
        raise MissingFileError(f"nothing at {folder}; check the path, or save a value there first")
    if not is_bundle(folder):
        raise DamagedError(f"{folder} isn't a saved semspace value: it has no {MANIFEST}")
    signature = _signature(folder)
    manifest = _read_manifest(folder)
    if kind is not None and manifest["kind"] != kind:
        raise InputError(f"{folder} holds {_a(manifest['kind'])}; this needs {_a(kind)}")
    opened = Bundle(folder, manifest["kind"], manifest["meta"], manifest["files"], signature)
    opened.check(sums=verify)
    return opened


def tidy(path: PathLike) -> None:
    """Delete what a writer that was killed has left beside `path`; for those who know that nobody is writing there."""
    target = place_of(path)
    for left in target.parent.glob(f"{glob.escape(f'.{target.name}.new-')}*"):
        shutil.rmtree(left, ignore_errors=True)
    if is_bundle(target) and is_bundle(_aside(target)):
        _remove(_aside(target))


def discard(path: PathLike) -> None:
    """Delete a bundle; anything else is left alone."""
    if is_bundle(path):
        shutil.rmtree(place_of(path))


def is_bundle(path: PathLike) -> bool:
    """Tell whether `path` looks like a saved semspace value."""
    try:
        return (place_of(path) / MANIFEST).is_file()
    except OSError:  # a name the system can't have, say
        return False


def is_there(path: PathLike) -> bool:
    """Tell whether something lies at `path`, or did when its writer died between two renames."""
    target = place_of(path)
    return target.exists() or is_bundle(_aside(target))


def check_free(path: PathLike, *, overwrite: bool) -> None:
    """Raise `ExistsError` if `path` is taken and mayn't be replaced (only bundles ever may)."""
    target = place_of(path)
    if not target.exists():
        return
    if not overwrite:
        raise ExistsError(f"{target} exists already; choose another path or pass overwrite=True (--overwrite)")
    if not is_bundle(target):
        raise ExistsError(f"{target} exists and isn't a saved semspace value, so it won't be overwritten")


def write_text(path: PathLike, text: str) -> Path:
    """Write one text file atomically (a report, say) and return its path."""
    target = place_of(path)
    beside = target.with_name(f".{target.name}.new-{uuid.uuid4().hex[:8]}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except (OSError, UnicodeError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise InputError(f"cannot write {target}: {reason}; choose another place") from problem
    finally:
        if beside.is_file():
            beside.unlink()
    return target


def digest(*parts: bytes | memoryview) -> str:
    """Return the SHA-256 of some bytes, in hex."""
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(part)
    return hasher.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()


def _write_manifest(draft: Draft, kind: str) -> None:
    files = {}
    for path in sorted(draft.folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(draft.folder).as_posix()
            files[name] = {"bytes": path.stat().st_size, "sha256": file_digest(path)}
        sync(path)
    body = {"format": FORMAT, "version": VERSION, "kind": kind, "meta": draft.meta, "files": files}
    body = json.loads(json.dumps(body, default=str))  # as it will be read: keys are strings, paths are texts
    text = json.dumps({**body, "sha256": _own_digest(body)}, indent=1, ensure_ascii=False, allow_nan=False)
    manifest = draft.folder / MANIFEST
    manifest.write_text(text + "\n", encoding="utf-8")
    sync(manifest)
    sync(draft.folder)


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        own = manifest.pop("sha256")
        name, version, _ = manifest["format"], manifest["version"], (manifest["kind"], manifest["files"].items())
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DamagedError(f"{folder / MANIFEST} is damaged or isn't semspace's; save the value again") from problem
    if name != FORMAT:
        raise DamagedError(f"{folder} isn't a semspace bundle: its manifest says {name!r}")
    if not isinstance(version, int) or version > VERSION:
        raise DamagedError(
            f"{folder} has format version {version}, and this semspace reads up to {VERSION}; upgrade semspace"
        )
    if own != _own_digest(manifest):
        raise DamagedError(f"{folder / MANIFEST} has been altered: its checksum doesn't match; save the value again")
    return dict(manifest)


def _own_digest(body: Mapping[str, Any]) -> str:
    return digest(json.dumps(body, sort_keys=True, ensure_ascii=False).encode())


def _check_file(folder: Path, name: str, entry: Mapping[str, Any], *, verify: bool) -> None:
    path = folder / name
    if not _is_inside(name) or not path.is_file():
        raise DamagedError(f"{folder} lacks its file {name!r}; restore it or save the value again")
    size = path.stat().st_size
    if size != entry["bytes"]:
        raise DamagedError(f"{path} has {size} bytes and should have {entry['bytes']}; restore it or save again")
    if verify and file_digest(path) != entry["sha256"]:
        raise DamagedError(f"{path} is damaged: its checksum doesn't match; restore it or save the value again")


def _is_inside(name: str) -> bool:
    """Tell whether a name from a manifest means a file of the bundle: in it, or in a folder of it."""
    parts = name.split("/")
    return len(parts) <= 2 and all(part not in ("", "..") and Path(part).name == part for part in parts)


def _publish(folder: Path, target: Path) -> None:
    """Rename the finished bundle into place, stepping the old one aside first."""
    aside = _aside(target)
    if is_bundle(aside):  # what a writer left that died
        if target.exists():
            _remove(aside)
        else:
            os.replace(aside, target)
    with suppress(OSError):
        aside.rmdir()  # it died when only the empty folder was left
    if target.exists():
        os.replace(target, aside)
    try:
        os.replace(folder, target)
    except OSError as problem:
        raise ExistsError(f"{target} was written by another process at the same time; try again") from problem
    sync(target.parent)
    if is_bundle(aside):
        _remove(aside)


def _remove(folder: Path) -> None:
    """Delete a bundle, its manifest last, so that what a killed process leaves of it is still known as one."""
    with suppress(OSError):  # a system may keep files that somebody reads
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != MANIFEST:
                path.unlink()
        shutil.rmtree(folder, ignore_errors=True)


def place_of(path: PathLike) -> Path:
    """Give the place a path means: in one's home for ``~``, what a link points to, what ``.`` stands for."""
    if not isinstance(path, (str, os.PathLike)) or not str(path) or "\0" in str(path):
        raise InputError(f"a path must be a string or a Path that isn't empty; got {path!r}")
    place = Path(path).expanduser()
    try:
        return place.resolve() if place.is_symlink() or place.name in ("", "..") else place
    except (OSError, RuntimeError) as problem:
        raise InputError(f"{place} can't be used as a path: {problem}") from problem


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.semspace-old")


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _signature(folder: Path) -> bytes:
    try:
        return (folder / MANIFEST).read_bytes()
    except OSError:
        return b""


def sync(path: Path) -> None:
    """Push a file or a directory entry to the disk, so that a rename never outruns its contents."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
