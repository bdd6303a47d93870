"""Files of vectors, plain or packed with gzip: opened, read to the byte, and written whole or not at all."""

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
import numpy.typing as npt

from semspace.bundle import PathLike, is_bundle, place_of, replacing
from semspace.disk import exists
from semspace.errors import DamagedError, ExistsError, InputError, MissingFileError, SemspaceError
from semspace.progress import Bar, bar
from semspace.types import Floats2d

CHUNK = 1 << 24  # bytes read at a time
LONGEST = 1 << 27  # bytes that a line may have: more means that the file isn't what it seems
_HEAD = 1 << 20  # bytes that say what a file is
_GZIP = b"\x1f\x8b"


@dataclass
class Source:
    """A file being read, from its beginning to its end.

    Parameters
    ----------
    path : the file, for messages
    file : what it holds, unpacked
    held : bytes that were read ahead and are still to be taken
    advance : function that is called after each read, to move a progress bar
    """

    path: Path
    file: BinaryIO
    held: bytes = b""
    advance: Callable[[], object] = lambda: None

    def read(self, size: int = CHUNK) -> bytes:
        """Read up to `size` bytes; none at the end of the file."""
        if self.held:
            some, self.held = self.held[:size], self.held[size:]
            return some
        part = self.file.read(size)
        self.advance()
        return part

    def peek(self) -> bytes:
        """Give the beginning of what is still to be read, at least a line if there is a whole one."""
        while len(self.held) < _HEAD and (part := self.file.read(_HEAD)):
            self.held += part
        if b"\n" not in self.held:
            self.held += self.file.readline(LONGEST)
        return self.held

    def line(self) -> bytes:
        """Read up to the end of a line."""
        head, end, rest = self.held.partition(b"\n")
        self.held = rest
        return head + end if end else head + self.file.readline(LONGEST)

    def take(self, size: int, what: str) -> bytes:
        """Read exactly `size` bytes, or raise `DamagedError` that says the file ends within `what`."""
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
                f"{self.path} announces {rows:,} vectors of {dim:,} dimensions, which memory can't hold"
            ) from problem
        if not matrix.size:
            return matrix
        room = matrix.data.cast("B")
        at = 0
        while at < len(room):
            part = self.read(min(len(room) - at, CHUNK))
            if not part:
                raise self.cut(what)
            room[at : at + len(part)] = part
            at += len(part)
        return matrix

    def skip(self, size: int, what: str) -> None:
        """Pass over `size` bytes."""
        while size:
            part = self.read(min(size, CHUNK))
            if not part:
                raise self.cut(what)
            size -= len(part)

    def cut(self, what: str) -> DamagedError:
        """Make the error for a file that ends too early."""
        return DamagedError(f"{self.path} is cut short: it ends in the middle of {what}; fetch it again")


@dataclass
class _Position:
    """How much of a file has been read, as a progress bar shows it."""

    file: BinaryIO
    shown: Bar
    reported: int = 0

    def advance(self) -> None:
        position = self.file.tell()
        self.shown.update(position - self.reported)
        self.reported = position


@contextmanager
def reading(path: PathLike, *, progress: bool = False) -> Iterator[Source]:
    """Open a file of vectors; one packed with gzip, by its content and not its name, is unpacked on the way."""
    place = place_of(path)
    if is_bundle(place):
        raise InputError(f"{place} is a saved semspace value, not a file of vectors; open it with ss.load")
    if place.is_dir():
        raise InputError(f"{place} is a folder, not a file of vectors; name the file")
    if not exists(place):
        raise MissingFileError(f"no file at {place}; check the path")
    if not place.is_file():  # a named pipe would be waited for
        raise InputError(f"{place} is neither a file nor a folder; write what it gives into a file first")
    try:
        with (
            open(place, "rb") as file,
            bar("reading vectors", place.stat().st_size, unit="B", progress=progress) as shown,
        ):
            packed = file.read(2) == _GZIP
            file.seek(0)
            unpacked = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
            yield Source(place, unpacked, advance=_Position(file, shown).advance)
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise DamagedError(f"{place} is not a whole gzip file ({problem}); fetch it again") from problem
    except SemspaceError:
        raise
    except OSError as problem:
        raise InputError(f"cannot read {place}: {problem.strerror or problem}") from problem


@contextmanager
def writing(path: PathLike, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Write a file that appears whole when the block ends, and not at all if it raises; ``.gz`` packs it."""
    target = place_of(path)
    check_free(target, overwrite=overwrite)
    with replacing(target, partial(check_free, target, overwrite=overwrite)) as raw:
        if target.suffix.lower() == ".gz":
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
                yield cast(BinaryIO, packed)
        else:
            yield raw


def check_free(path: PathLike, *, overwrite: bool) -> None:
    """Raise `ExistsError` if `path` is taken and mayn't be replaced; a folder never may."""
    target = place_of(path)
    if target.is_dir():
        raise ExistsError(f"{target} is a folder, so no file can be written there; choose another path")
    if exists(target) and not overwrite:
        raise ExistsError(f"{target} exists already; choose another path or pass overwrite=True (--overwrite)")


def grown(vectors: Floats2d, rows: int) -> Floats2d:
    """Give `vectors` room for at least `rows` rows; the old array mustn't be used any more."""
    if rows > len(vectors):
        # In place: a matrix that fills half the memory couldn't be copied to a larger one.
        vectors.resize((max(rows, len(vectors) * 3 // 2), vectors.shape[1]), refcheck=False)
    return vectors


def trimmed(vectors: Floats2d, rows: int) -> Floats2d:
    """Give the first `rows` rows, read-only; the old array mustn't be used any more."""
    vectors.resize((rows, vectors.shape[1]), refcheck=False)
    vectors.setflags(write=False)
    return vectors


def decoded(words: npt.NDArray[np.uint8], encoding: str, keep_bad: bool, where: Callable[[int], str]) -> list[str]:
    """Decode words that each end in a line end.

    Parameters
    ----------
    keep_bad : bool
        Put lone surrogates for bytes that can't be decoded, instead of raising `InputError`.
    where : function of int
        Names the place of a word, by its number from 0, for the message.
    """
    data = words.tobytes()
    try:
        return data.decode(encoding, "surrogateescape" if keep_bad else "strict").split("\n")[:-1]
    except UnicodeDecodeError as problem:
        number = data.count(b"\n", 0, problem.start)
        word = data.split(b"\n")[number]
        raise InputError(
            f"{where(number)} is not {encoding}: {word[:40]!r}; say which encoding it has, for example "
            f"encoding='latin-1', or leave such words out with undecodable='drop'"
        ) from problem
