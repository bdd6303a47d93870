"""Files of vectors, plain or gzipped: buffered reading, and atomic writing."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from semspace.disk import exists
from semspace.errors import DamagedError, ExistsError, InputError, MissingFileError, SemspaceError
from semspace.files import PathLike, replace_file, resolved_path
from semspace.progress import Bar, bar
from semspace.replacement import is_bundle
from semspace.types import Bytes1d, Floats2d

CHUNK = 1 << 24  # number of bytes read at a time
LONGEST = 1 << 27  # maximum number of bytes of a line; a longer one shows that the file isn't text
_HEAD = 1 << 20  # number of bytes from which the format is detected
_GZIP = b"\x1f\x8b"


@dataclass
class VectorFile:
    """A file of vectors that is read from beginning to end.

    Parameters
    ----------
    path : path of the file, for messages
    file : unpacked content
    held : bytes that were read ahead and not consumed yet
    advance : function that is called after each read, to move a progress bar
    """

    path: Path
    file: BinaryIO
    held: bytes = b""
    advance: Callable[[], object] = lambda: None

    def read(self, size: int = CHUNK) -> bytes:
        """Read up to `size` bytes; none at the end of the file."""
        if self.held:
            ahead, self.held = self.held[:size], self.held[size:]
            return ahead
        part = self.file.read(size)
        self.advance()
        return part

    def peek(self) -> bytes:
        """Return the next bytes without consuming them, at least one line if there is a complete one."""
        while len(self.held) < _HEAD and (part := self.file.read(_HEAD)):
            self.held += part
        if b"\n" not in self.held:
            self.held += self.file.readline(LONGEST)
        return self.held

    def line(self) -> bytes:
        """Read up to the end of a line."""
        head, end, remainder = self.held.partition(b"\n")
        self.held = remainder
        return head + end if end else head + self.file.readline(LONGEST)

    def take(self, size: int, what: str) -> bytes:
        """Read exactly `size` bytes; raise a `DamagedError` that names `what` if the file ends before."""
        parts = []
        while size:
            part = self.read(min(size, CHUNK))
            if not part:
                raise self.cut(what)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def matrix(self, rows: int, dim: int, what: str) -> Floats2d:
        """Read a matrix of little-endian float32, row by row."""
        try:
            matrix = np.empty((rows, dim), np.dtype("<f4"))
        except (MemoryError, ValueError) as problem:
            raise DamagedError(
                f"{self.path} announces {rows:,} vectors of {dim:,} dimensions, which don't fit into memory"
            ) from problem
        if not matrix.size:
            return matrix
        buffer = matrix.data.cast("B")
        n_read = 0
        while n_read < len(buffer):
            part = self.read(min(len(buffer) - n_read, CHUNK))
            if not part:
                raise self.cut(what)
            buffer[n_read : n_read + len(part)] = part
            n_read += len(part)
        return matrix

    def skip(self, size: int, what: str) -> None:
        """Skip `size` bytes."""
        while size:
            part = self.read(min(size, CHUNK))
            if not part:
                raise self.cut(what)
            size -= len(part)

    def cut(self, what: str) -> DamagedError:
        """Return the error for a file that ends too early."""
        return DamagedError(f"{self.path} is cut short: it ends in the middle of {what}; fetch it again")


@dataclass
class _Position:
    """The position in a file, reported to a progress bar."""

    file: BinaryIO
    shown: Bar
    reported: int = 0

    def advance(self) -> None:
        position = self.file.tell()
        self.shown.update(position - self.reported)
        self.reported = position


@contextmanager
def open_vectors(path: PathLike, *, progress: bool = False) -> Iterator[VectorFile]:
    """Open a file of vectors; gzip is detected by content, not by name, and unpacked while reading."""
    location = resolved_path(path)
    if is_bundle(location):
        raise InputError(f"{location} is a saved semspace value, not a file of vectors; open it with ss.load")
    if location.is_dir():
        raise InputError(f"{location} is a folder, not a file of vectors; name the file")
    if not exists(location):
        raise MissingFileError(f"no file at {location}; check the path")
    if not location.is_file():  # a named pipe would be waited for
        raise InputError(f"{location} is neither a file nor a folder; write its content to a file first")
    try:
        with (
            open(location, "rb") as file,
            bar("reading vectors", location.stat().st_size, unit="B", progress=progress) as progress_bar,
        ):
            packed = file.read(2) == _GZIP
            file.seek(0)
            unpacked = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
            yield VectorFile(location, unpacked, advance=_Position(file, progress_bar).advance)
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise DamagedError(f"{location} is not a whole gzip file ({problem}); fetch it again") from problem
    except SemspaceError:
        raise
    except OSError as problem:
        raise InputError(f"cannot read {location}: {problem.strerror or problem}") from problem


@contextmanager
def create_file(path: PathLike, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Write a file atomically: it appears when the block ends, and not at all if it raises; ``.gz`` compresses it."""
    target = resolved_path(path)
    check_file_free(target, overwrite=overwrite)
    with replace_file(target, partial(check_file_free, target, overwrite=overwrite)) as raw:
        if target.suffix.lower() == ".gz":
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
                yield cast(BinaryIO, packed)
        else:
            yield raw


def check_file_free(path: PathLike, *, overwrite: bool) -> None:
    """Raise `ExistsError` if `path` exists and must not be replaced; a folder never is."""
    target = resolved_path(path)
    if target.is_dir():
        raise ExistsError(f"{target} is a folder, so no file can be written there; choose another path")
    if exists(target) and not overwrite:
        raise ExistsError(f"{target} exists already; choose another path or pass overwrite=True")


def grow_rows(vectors: Floats2d, rows: int) -> Floats2d:
    """Return `vectors` enlarged to at least `rows` rows; the old array must not be used any more."""
    if rows > len(vectors):
        # In place: a matrix that fills half the memory couldn't be copied to a larger one.
        vectors.resize((max(rows, len(vectors) * 3 // 2), vectors.shape[1]), refcheck=False)
    return vectors


def trim_rows(vectors: Floats2d, rows: int) -> Floats2d:
    """Return the first `rows` rows, read-only; the old array must not be used any more."""
    vectors.resize((rows, vectors.shape[1]), refcheck=False)
    vectors.setflags(write=False)
    return vectors


def decode_words(words: Bytes1d, encoding: str, keep_bad: bool, where: Callable[[int], str]) -> list[str]:
    """Return decoded words; each ends with a newline in `words`.

    Parameters
    ----------
    keep_bad : bool
        Replace bytes that can't be decoded by lone surrogates instead of raising `InputError`.
    where : function of int
        Returns the location of a word, by its index, for the message.
    """
    data = words.tobytes()
    try:
        return data.decode(encoding, "surrogateescape" if keep_bad else "strict").split("\n")[:-1]
    except UnicodeDecodeError as problem:
        number = data.count(b"\n", 0, problem.start)
        word = data.split(b"\n")[number]
        raise InputError(
            f"{where(number)} is not {encoding}: {word[:40]!r}; give its encoding, for example "
            f"encoding='latin-1', or leave such words out with undecodable='drop'"
        ) from problem
