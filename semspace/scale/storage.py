"""`Storage`: a folder at any fsspec path, whose files appear complete or not at all."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from semspace import checks
from semspace.errors import DamagedError, InputError, MissingFileError, SemspaceError, ServerError
from semspace.files import digest, replace_file, resolved_path

EXTRA = "dask"  # the extra that brings fsspec
_WHOLE_PUTS = ("s3", "s3a", "gs", "gcs", "abfs", "az", "adl", "oss", "memory")  # an object appears when it is complete
_AT_ONCE = 1_000  # small files read by one request for many


@dataclass(frozen=True)
class Storage:
    """A folder, local or at a URL such as ``s3://bucket/folder``; made by `open_storage`."""

    url: str

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        fs, root = open_filesystem(self.url)
        return fs, root.rstrip("/")

    @property
    def fs(self) -> Any:
        """The filesystem of fsspec."""
        return self._opened[0]

    def path(self, name: str) -> str:
        """Return the path of a file in the filesystem."""
        return f"{self._opened[1]}/{name}"

    def is_within(self, other: Storage) -> bool:
        """Whether this is another folder or below it."""
        return type(self.fs) is type(other.fs) and self.path("").startswith(other.path(""))

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises
        ------
        MissingFileError
            If it isn't there.
        """
        with access_explained(f"{self.url}/{name}"):
            data: bytes = self.fs.cat_file(self.path(name))
            return data

    def read_all(self, folder: str, names: Iterable[str]) -> dict[str, bytes]:
        """Return the contents of small files in a folder, those that are there, by name."""
        listed, found = sorted(names), {}
        for start in range(0, len(listed), _AT_ONCE):
            paths = {self.path(f"{folder}/{name}"): name for name in listed[start : start + _AT_ONCE]}
            if any(character in self.path(folder) for character in "*?["):  # which `cat` of many reads as a pattern
                contents = self._read_each(paths)
            else:
                contents = self.fs.cat(list(paths), on_error="omit")
            found.update({posixpath.basename(path): data for path, data in contents.items()})
        return found

    def _read_each(self, paths: Iterable[str]) -> dict[str, bytes]:
        contents = {}
        for path in paths:
            with suppress(FileNotFoundError):
                contents[path] = self.fs.cat_file(path)
        return contents

    def read_checked(self, name: str, sha256: str) -> bytes:
        """Return the content of a file, or raise `DamagedError` where it isn't what was written."""
        data = self.read(name)
        if digest(data) != sha256:
            raise DamagedError(
                f"{self.url}/{name} isn't as it was written (another checksum); delete it, and run the job again"
            )
        return data

    def write(self, name: str, data: bytes) -> None:
        """Write a file, which appears when it is complete."""
        path = self.path(name)
        if _is_local(self.fs):
            with replace_file(Path(path)) as file:
                file.write(data)
            return
        with access_explained(f"{self.url}/{name}"):
            if set(_protocols(self.fs)) & set(_WHOLE_PUTS):
                self.fs.pipe_file(path, data)
                return
            self.fs.makedirs(posixpath.dirname(path), exist_ok=True)
            draft = f"{posixpath.dirname(path)}/.{posixpath.basename(path)}.{digest(data)[:8]}.tmp"
            self.fs.pipe_file(draft, data)
            self.fs.mv(draft, path)

    def sizes(self, folder: str = "") -> dict[str, int]:
        """Return the sizes of the files in a folder, by name; without hidden ones, which are incomplete."""
        self.fs.invalidate_cache()
        path = self.path(folder) if folder else self._opened[1]
        try:
            with access_explained(path):
                entries = self.fs.ls(path, detail=True)
        except (MissingFileError, NotADirectoryError):
            return {}
        named = [(posixpath.basename(entry["name"].rstrip("/")), entry) for entry in entries]
        return {
            name: int(entry["size"] or 0)
            for name, entry in named
            if entry["type"] == "file" and name and not name.startswith(".")
        }

    def is_empty(self) -> bool:
        """Whether nothing is there but what is hidden."""
        self.fs.invalidate_cache()
        try:
            with access_explained(self.url):
                entries = self.fs.ls(self._opened[1], detail=False)
        except MissingFileError:
            return True
        root = self._opened[1]
        names = [posixpath.basename(entry.rstrip("/")) for entry in entries if entry.rstrip("/") != root]
        return all(name.startswith(".") for name in names)

    def delete(self, folder: str, names: Iterable[str]) -> None:
        """Delete files of a folder; those that aren't there any more are no error."""
        for name in names:
            with suppress(FileNotFoundError):
                self.fs.rm_file(self.path(f"{folder}/{name}" if folder else name))


def open_storage(name: str, url: object) -> Storage:
    """Return the folder at a path or a URL, or raise `InputError`."""
    text = str(url) if isinstance(url, Path) else checks.string(name, url)
    if not text.strip():
        raise InputError(f"{name} must be a folder, local or at a URL such as s3://bucket/folder; got {text!r}")
    if is_local_url(text):  # whole, since another process may read it from elsewhere
        return Storage(local_path(text))
    storage = Storage(text.rstrip("/"))
    _ = storage.fs  # where the library of such a URL isn't there, say so now
    return storage


def open_filesystem(url: str) -> tuple[Any, str]:
    """Return the filesystem of a path or URL, and the path in it; raise `InputError` where there is none."""
    core = checks.need("fsspec.core", EXTRA)
    try:
        if is_local_url(url):  # in a path, :: isn't a filesystem within another
            fs = checks.need("fsspec", EXTRA).filesystem("file")
            return fs, fs._strip_protocol(url)
        fs, path = core.url_to_fs(url)
    except ImportError as problem:
        raise InputError(f"{url} can't be opened: {checks.first_line(problem)}") from problem
    except (ValueError, TypeError, OSError) as problem:
        raise InputError(f"{url} can't be opened: {checks.first_line(problem)}; check the part before ://") from problem
    return fs, path


def is_local_url(url: str) -> bool:
    """Whether a folder is on a disk of this machine."""
    return "://" not in url or url.startswith(("file://", "local://"))


def local_path(text: str) -> str:
    """Return the whole path of a folder or file on this machine, given as a path or a ``file://`` URL."""
    return str(resolved_path(re.sub("^(file|local)://", "", text)).absolute())


class access_explained:
    """Raise errors of semspace in place of those of a filesystem."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, problem: BaseException | None, trace: Any) -> None:
        if isinstance(problem, SemspaceError):
            return
        if isinstance(problem, FileNotFoundError):
            raise MissingFileError(
                f"there is no {self._what}; on a cluster, paths must be such that every worker can read them"
            ) from problem
        if isinstance(problem, PermissionError):
            raise InputError(
                f"{self._what} can't be accessed ({checks.first_line(problem)}); check the rights, and the keys that "
                f"each worker has in its environment"
            ) from problem


@contextmanager
def reached(url: str) -> Iterator[None]:
    """Raise `ServerError` or `InputError` where a place can't be used at all, at the first access of a call.

    Not for workers: an error of a filesystem may pass, so that they raise it, and try again.
    """
    try:
        with access_explained(url):
            yield
    except SemspaceError:
        raise
    except Exception as problem:  # of whatever library the filesystem is made of
        why = f"{type(problem).__name__}: {checks.first_line(problem)}"
        if is_local_url(url):
            raise InputError(f"{url} can't be used ({why}); check the path") from problem
        raise ServerError(
            f"{url} can't be reached ({why}); check the address, and the keys in the environment of this process and "
            f"of each worker"
        ) from problem


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _is_local(fs: Any) -> bool:
    return "file" in _protocols(fs)
