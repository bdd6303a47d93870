"""Paths that users give, and single files that are written atomically."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from semspace.disk import temporary_beside, translate_disk_errors
from semspace.errors import ExistsError, InputError

PathLike = str | os.PathLike[str]
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def resolved_path(path: PathLike) -> Path:
    """Return a path with ``~``, links, and ``.`` resolved."""
    if not isinstance(path, (str, os.PathLike)) or not str(path) or "\0" in str(path):
        raise InputError(f"a path must be a string or a Path that isn't empty; got {path!r}")
    if isinstance(path, str) and _URL.match(path):
        raise InputError(f"{path} is a URL, and this takes a path on this machine; semspace.scale takes URLs")
    try:
        place = Path(path).expanduser()
        return place.resolve() if place.is_symlink() or place.name in ("", "..") else place
    except (OSError, RuntimeError, TypeError, ValueError) as problem:
        raise InputError(f"{path} can't be used as a path: {problem}") from problem


def check_writable(path: PathLike) -> None:
    """Raise `InputError` if nothing can be created at a path: its parent isn't a folder, or is read-only."""
    above = resolved_path(path).absolute().parent
    while not os.path.lexists(above) and above != above.parent:
        above = above.parent
    if not above.is_dir():
        raise InputError(f"cannot write {path}: {above} isn't a folder; choose another path")
    if not os.access(above, os.W_OK | os.X_OK):
        raise InputError(f"cannot write {path}: {above} isn't writable; choose another path")


def write_text(path: PathLike, text: str) -> Path:
    """Write a text file, such as a report, atomically and return its path."""
    target = resolved_path(path)
    try:
        data = text.encode()
    except UnicodeError as problem:
        raise InputError(f"cannot write {target}: {problem}; remove these characters") from problem
    with replace_file(target) as file:
        file.write(data)
    return target


def write_texts(folder: PathLike, texts: Mapping[str, str]) -> None:
    """Write text files into a folder, creating it if necessary: all of them, or none if the disk fails."""
    place = resolved_path(folder)
    if place.is_file():
        raise ExistsError(f"{place} is a file, and several files are written into a folder; give the name of a folder")
    with ExitStack() as written:
        for name, text in texts.items():
            file = written.enter_context(replace_file(place / name))
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())  # so that nothing can go wrong when they take their places


@contextmanager
def replace_file(target: Path, ready: Callable[[], object] = bool) -> Iterator[BinaryIO]:
    """Write a file, which appears at `target` when the block ends, and not at all if the block raises.

    Parameters
    ----------
    ready
        Called before the file is renamed to `target`; it may raise.

    Raises
    ------
    InputError
        If the disk can't be written to.
    """
    with translate_disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary_beside(target, folder=False) as place:
            with open(place, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            ready()
            os.replace(place, target)


def digest(*parts: bytes | memoryview) -> str:
    """Return the SHA-256 of some bytes, in hex."""
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(part)
    return hasher.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with open(path, "rb") as file:
        return digest_of(file)


def digest_of(file: BinaryIO) -> str:
    """Return the SHA-256 of an open file, in hex."""
    hasher = hashlib.sha256()
    while block := file.read(1 << 20):
        hasher.update(block)
    return hasher.hexdigest()
