"""Which files a path means, of which kind each is, and how its bytes are opened."""

from __future__ import annotations

import gzip
import stat
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, cast

from semspace.bundle import PathLike, place_of
from semspace.errors import InputError, MissingFileError, SemspaceError, SemspaceWarning

_KINDS = "txt, csv, tsv, jsonl, json and parquet"
_ENDINGS = {
    "txt": "txt", "cor": "txt", "csv": "csv", "tsv": "tsv", "jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl",
    "parquet": "parquet",
}  # fmt: skip
_TABLE = "a table with a header row and the same number of columns in each row, by commas in .csv and tabs in .tsv"
EXPECTED = {
    "txt": "one document a line",
    "csv": _TABLE,
    "tsv": _TABLE,
    "jsonl": "one JSON object a line",
    "parquet": "a Parquet file",
}
# What to do with files of kinds that people have and semspace doesn't read.
_REMEDIES = {
    **dict.fromkeys(("bz2", "xz", "lzma", "zst", "zip", "7z", "rar", "tar", "tgz"), "unpack it first"),
    **dict.fromkeys(
        ("xlsx", "xls", "ods", "numbers"), "save it as CSV UTF-8, or give pandas.read_excel(…) to Corpus.from_frame"
    ),
    **dict.fromkeys(("docx", "doc", "odt", "rtf", "pdf", "html", "epub"), "save it as plain text, a .txt in UTF-8"),
    **dict.fromkeys(("arrow", "feather", "ipc"), "give polars.read_ipc(…) to Corpus.from_frame"),
}
# A .gz that holds much more than this for its size was made to fill a memory or a disk; text packs to a fifth or so.
_RATIO = 100
_ALWAYS = 256 << 20  # bytes that any .gz may hold
_PIECE = 1 << 20
_NAMED = 3  # files named in a note


class Found(NamedTuple):
    """The files that a path means: tables and single texts, and the folder that ids start from (None for one file)."""

    paths: list[Path]
    root: Path | None


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, or all there are."""
        ...


def find(path: PathLike) -> Found:
    """Return the files that `path`, a file, a folder or a pattern, means; what a folder holds besides is said."""
    place = place_of(path)
    if place.is_file():
        return Found([place], None)
    if place.is_dir():
        return Found(_of_folder(place), place)
    if has_magic(str(place)):
        found = sorted(p for p in map(Path, glob(str(place), recursive=True)) if p.is_file())  # noqa: PTH207  (Path.glob takes no absolute pattern)
        if not found:
            raise MissingFileError(f"no file matches {place}; check the pattern")
        return Found(found, _fixed_part(place))
    _refuse_special(place)
    raise MissingFileError(f"no file at {place}; check the path")


def _refuse_special(path: Path) -> None:
    """Raise if what lies at `path` is no file: a pipe is read but once, and may never end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    what = "a named pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
    raise InputError(f"{path} is {what}, not a file; write what comes from it to a file first, and read that")


def _of_folder(folder: Path) -> list[Path]:
    found, hidden, other = [], [], []
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        # In a folder a .json is most often about the texts: it is read by its own name, or by a pattern.
        readable = kind_or_none(path) is not None and ".json" not in [s.lower() for s in path.suffixes[-2:]]
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            hidden += [path] if readable else []
        elif readable and path.is_file():
            found.append(path)
        else:
            other.append(path)
    if not found:
        held = f"; it holds {_some(other, folder)}" if other else ""
        raise MissingFileError(f"no readable files in {folder}{held}; semspace reads {_KINDS}, each also as .gz")
    for paths, why in ((other, f"of other kinds than {_KINDS}"), (hidden, "hidden")):
        if paths:
            were = "file is" if len(paths) == 1 else "files are"
            say(f"{len(paths):,} {were} left out of {folder}, being {why}: {_some(paths, folder)}")
    return found


def _some(paths: Sequence[Path], root: Path) -> str:
    names = [path.relative_to(root).as_posix() for path in paths[:_NAMED]]
    return ", ".join(names) + (f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else "")


def say(note: str) -> None:
    """Warn of something about the files that whoever reads them should know."""
    warnings.warn(note, SemspaceWarning, stacklevel=2)


def _fixed_part(pattern: Path) -> Path:
    parts = pattern.parts
    first = next(i for i, part in enumerate(parts) if has_magic(part))
    return Path(*parts[:first])


def _ending(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return name.rpartition(".")[2] if "." in name else ""


def kind_or_none(path: Path) -> str | None:
    """Return the format of a file by its name, or None if semspace doesn't read it."""
    return _ENDINGS.get(_ending(path))


def kind_of(path: Path) -> str:
    """Return the format of a file by its name: txt, csv, tsv, jsonl or parquet."""
    kind = kind_or_none(path)
    if kind is None:
        remedy = _REMEDIES.get(_ending(path))
        raise InputError(
            f"don't know how to read {path.name!r}; semspace reads {_KINDS}, each also as .gz"
            + (f": {remedy}" if remedy else "")
        )
    return kind


@contextmanager
def opened(path: Path) -> Iterator[tuple[Readable, Callable[[], int]]]:
    """Open a file, unpacking a ``.gz``; with it comes what tells the place reached in the file as it lies there."""
    with _readable(path), open(path, "rb") as raw:
        if not path.name.lower().endswith(".gz"):
            yield raw, raw.tell
            return
        with gzip.GzipFile(fileobj=raw) as unpacked:
            yield _Bounded(path, cast("BinaryIO", unpacked)), raw.tell


class _Bounded:
    """What a ``.gz`` holds, up to a bound."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file, self._read = path, file, 0
        self._bound = max(_ALWAYS, _RATIO * path.stat().st_size)

    def read(self, size: int = -1, /) -> bytes:
        if size >= 0:
            return self._piece(size)
        return b"".join(iter(lambda: self._piece(_PIECE), b""))

    def _piece(self, size: int) -> bytes:
        piece = self._file.read(size)
        self._read += len(piece)
        if self._read > self._bound:
            raise InputError(
                f"{self._path} unpacks to more than {self._bound >> 20:,} MiB from {self._path.stat().st_size:,} "
                f"bytes, as files do that were made to fill a memory; if it is meant so, unpack it first (gunzip)"
            )
        return piece


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except SemspaceError:
        raise
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise InputError(f"{path} is not a whole gzip file ({problem}); fetch or pack it again") from problem
    except OSError as problem:
        raise InputError(f"cannot read {path}: {problem.strerror or problem}") from problem


def empty_file(path: Path) -> InputError:
    """Make the error for a file with nothing in it."""
    return InputError(f"{path} is empty; expected {EXPECTED[kind_of(path)]}")
