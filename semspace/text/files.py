"""Finding the files at a path, recognising their formats by name, and opening them."""

from __future__ import annotations

import gzip
import stat
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, cast

from semspace.errors import EmptyInputError, InputError, MissingFileError, SemspaceError, SemspaceWarning
from semspace.files import PathLike, resolved_path

_KINDS = "txt, csv, tsv, jsonl, json and parquet"
_ENDINGS = {
    "txt": "txt", "cor": "txt", "csv": "csv", "tsv": "tsv", "jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl",
    "parquet": "parquet",
}  # fmt: skip
_TABLE = (
    "a table with a header row and the same number of columns in each row, separated by commas (.csv) or tabs (.tsv)"
)
EXPECTED = {
    "txt": "one document per line",
    "csv": _TABLE,
    "tsv": _TABLE,
    "jsonl": "one JSON object per line",
    "parquet": "a Parquet file",
}
# Remedies for common formats that semspace doesn't read.
_REMEDIES = {
    **dict.fromkeys(("bz2", "xz", "lzma", "zst", "zip", "7z", "rar", "tar", "tgz"), "unpack it first"),
    **dict.fromkeys(
        ("xlsx", "xls", "ods", "numbers"), "save it as CSV UTF-8, or give pandas.read_excel(…) to Corpus.from_frame"
    ),
    **dict.fromkeys(("docx", "doc", "odt", "rtf", "pdf", "html", "epub"), "save it as plain text, a .txt in UTF-8"),
    **dict.fromkeys(("arrow", "feather", "ipc"), "give polars.read_ipc(…) to Corpus.from_frame"),
}
# Maximum ratio of unpacked to packed size: text compresses to about a fifth, so more is a decompression bomb.
_RATIO = 100
_ALWAYS = 256 << 20  # number of bytes that every .gz may unpack to
_PIECE = 1 << 20  # number of bytes unpacked at a time
_NAMED = 3  # maximum number of files named in a warning


class InputFiles(NamedTuple):
    """The files at a path, and the folder that ids are relative to (None for a single file)."""

    paths: list[Path]
    root: Path | None


class Readable(Protocol):
    """A source of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, or all there are."""
        ...


def find_files(path: PathLike) -> InputFiles:
    """Return the files at `path`, a file, a folder or a glob; warn of other files in a folder."""
    source = resolved_path(path)
    if source.is_file():
        return InputFiles([source], None)
    if source.is_dir():
        return InputFiles(_of_folder(source), source)
    if has_magic(str(source)):
        paths = sorted(p for p in map(Path, glob(str(source), recursive=True)) if p.is_file())  # noqa: PTH207  (Path.glob takes no absolute pattern)
        if not paths:
            raise MissingFileError(f"no file matches {source}; check the pattern")
        return InputFiles(paths, _fixed_part(source))
    _refuse_special(source)
    raise MissingFileError(f"no file at {source}; check the path")


def _refuse_special(path: Path) -> None:
    """Raise if `path` is a pipe, a socket or a device: these can be read only once, and may never end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    what = "a named pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
    raise InputError(f"{path} is {what}, not a file; write its content to a file first")


def _of_folder(folder: Path) -> list[Path]:
    readable_files, hidden, other = [], [], []
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        # In a folder a .json is most often metadata: it is read only by its own name or by a glob.
        readable = format_or_none(path) is not None and ".json" not in [s.lower() for s in path.suffixes[-2:]]
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            hidden += [path] if readable else []
        elif readable and path.is_file():
            readable_files.append(path)
        else:
            other.append(path)
    if not readable_files:
        contents = f"; it holds {_some(other, folder)}" if other else ""
        raise MissingFileError(f"no readable files in {folder}{contents}; semspace reads {_KINDS}, each also as .gz")
    for paths, why in ((other, f"not in a format that semspace reads ({_KINDS})"), (hidden, "hidden")):
        if paths:
            were = "file is" if len(paths) == 1 else "files are"
            warn_user(f"{len(paths):,} {were} left out of {folder}, {why}: {_some(paths, folder)}")
    return readable_files


def _some(paths: Sequence[Path], root: Path) -> str:
    names = [path.relative_to(root).as_posix() for path in paths[:_NAMED]]
    return ", ".join(names) + (f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else "")


def warn_user(note: str) -> None:
    """Issue a `SemspaceWarning` about the input, at the line that called semspace."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "semspace":
        frame, level = frame.f_back, level + 1
    warnings.warn(note, SemspaceWarning, stacklevel=level)


def _fixed_part(pattern: Path) -> Path:
    parts = pattern.parts
    first = next(i for i, part in enumerate(parts) if has_magic(part))
    return Path(*parts[:first])


def _ending(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return name.rpartition(".")[2] if "." in name else ""


def format_or_none(path: Path) -> str | None:
    """Return the format of a file by its name, or None if semspace doesn't read it."""
    return _ENDINGS.get(_ending(path))


def file_format(path: Path) -> str:
    """Return the format of a file by its name: txt, csv, tsv, jsonl or parquet."""
    kind = format_or_none(path)
    if kind is None:
        remedy = _REMEDIES.get(_ending(path))
        raise InputError(
            f"can't read {path.name!r}; semspace reads {_KINDS}, each also as .gz" + (f": {remedy}" if remedy else "")
        )
    return kind


@contextmanager
def open_unpacked(path: Path) -> Iterator[tuple[Readable, Callable[[], int]]]:
    """Open a file, unpacking a ``.gz``; also return a function for the position in the file on disk."""
    with _readable(path), open(path, "rb") as raw:
        if not path.name.lower().endswith(".gz"):
            yield raw, raw.tell
            return
        with gzip.GzipFile(fileobj=raw) as unpacked:
            yield _Bounded(path, cast("BinaryIO", unpacked)), raw.tell


class _Bounded:
    """The content of a ``.gz``, up to a maximum size."""

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
                f"bytes, like a decompression bomb; if that is intended, unpack it first (gunzip)"
            )
        return piece


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except SemspaceError:
        raise
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise InputError(f"{path} is not a complete gzip file ({problem}); download or compress it again") from problem
    except OSError as problem:
        raise InputError(f"cannot read {path}: {problem.strerror or problem}") from problem


def empty_file_error(path: Path) -> EmptyInputError:
    """Return the error for an empty file."""
    return EmptyInputError(f"{path} is empty; expected {EXPECTED[file_format(path)]}")
