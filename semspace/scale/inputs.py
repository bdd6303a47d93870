"""`InputFile`: the files that a job reads, one shard each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from semspace import checks
from semspace.bundle import digest, file_digest, resolved_path
from semspace.errors import InputError, MissingFileError
from semspace.scale.storage import access_explained, is_local_url, open_filesystem
from semspace.schema import Facts
from semspace.text.files import file_format, format_or_none

_MAGIC = re.compile(r"[*?\[]")
_STEM = 40  # characters of a file's name in the name of its shard


@dataclass(frozen=True)
class InputFile:
    """A file to read.

    Parameters
    ----------
    url : str
    name : str
        Its path below the folder or the fixed part of the pattern; the key of its shard is made of it.
    size : int
        In bytes.
    stamp : str
        What changes with the content, as far as the filesystem tells without reading it: an ETag, a time.
    prefix : str
        Stands before the ids of a .txt, whose ids are numbers of lines.
    """

    url: str
    name: str
    size: int
    stamp: str
    prefix: str = ""

    @property
    def key(self) -> str:
        """The name of the shard: readable, and different for different files."""
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", PurePosixPath(self.name).name.partition(".")[0])[:_STEM].strip("-")
        return f"{stem or 'shard'}-{digest(self.name.encode())[:10]}"

    def facts(self) -> dict[str, Any]:
        """Return the values as JSON."""
        return asdict(self)

    @classmethod
    def of(cls, facts: Facts) -> InputFile:
        """Return the file that a manifest describes."""
        return cls(
            facts.text("url"), facts.text("name"), facts.whole("size"), facts.text("stamp"), facts.text("prefix")
        )

    @contextmanager
    def local(self) -> Iterator[tuple[Path, str]]:
        """Return the path of the file on this machine, a copy where it is elsewhere, and its SHA-256."""
        if is_local_url(self.url):
            here = Path(open_filesystem(self.url)[1])
            with access_explained(self.url):
                sha = file_digest(here)
            yield here, sha
            return
        fs, path = open_filesystem(self.url)
        with TemporaryDirectory(prefix="semspace-shard-") as folder:
            copy = Path(folder) / PurePosixPath(self.name).name
            with access_explained(self.url):
                fs.get_file(path, str(copy))
            yield copy, file_digest(copy)


def find_inputs(name: str, source: object) -> tuple[InputFile, ...]:
    """Return the files of a path, a folder, a pattern, or a list of them, in the order that `Corpus.read` reads them.

    Raises
    ------
    MissingFileError
        If there is none.
    InputError
        If a file is in a format that semspace doesn't read, or two have the same name.
    """
    if isinstance(source, (list, tuple)):
        return _checked(name, [file for item in source for file in _found(name, item, several=len(source) > 1)])
    return _checked(name, _found(name, source, several=False))


def _checked(name: str, files: Sequence[InputFile]) -> tuple[InputFile, ...]:
    if not files:
        raise MissingFileError(f"{name} holds no files; give a path, a folder or a pattern such as 'texts/*.parquet'")
    for file in files:
        file_format(Path(file.name))
    checks.unique(f"the files of {name}", [file.name for file in files])
    return tuple(files)


def _found(name: str, source: object, *, several: bool) -> list[InputFile]:
    text = str(source) if isinstance(source, Path) else checks.string(name, source)
    url = text if "://" in text else str(resolved_path(text))
    fs, path = open_filesystem(url)
    fs.invalidate_cache()
    if _MAGIC.search(path):
        listed, root = fs.glob(path, detail=True), _fixed_part(path)
    elif fs.isdir(path):
        listed, root = fs.find(path, detail=True), path.rstrip("/")
    elif fs.exists(path):
        return [_input(fs, path, fs.info(path), path if several else PurePosixPath(path).name, single=not several)]
    else:
        raise MissingFileError(f"no file at {text}; check the path")
    files = []
    for found, info in listed.items():
        below = PurePosixPath(found[len(root) :].lstrip("/"))
        hidden = any(part.startswith(".") for part in below.parts)
        if info["type"] == "file" and not hidden and (_MAGIC.search(path) or format_or_none(Path(below))):
            files.append(_input(fs, found, info, below.as_posix(), single=False))
    if not files:
        raise MissingFileError(f"no readable file in {text}; check the path or the pattern")
    return sorted(files, key=lambda file: PurePosixPath(file.name).parts)


def _input(fs: Any, path: str, info: dict[str, Any], name: str, *, single: bool) -> InputFile:
    if info["type"] != "file":
        raise InputError(f"{path} isn't a file; give files, a folder, or a pattern")
    stamp = next((info[key] for key in ("ETag", "etag", "mtime", "LastModified", "created") if info.get(key)), "")
    is_lines = PurePosixPath(name).name.lower().removesuffix(".gz").endswith(".txt")
    prefix = f"{name}:" if is_lines and not single else ""
    return InputFile(fs.unstrip_protocol(path), name, int(info["size"]), str(stamp), prefix)


def _fixed_part(pattern: str) -> str:
    parts = pattern.split("/")
    first = next(place for place, part in enumerate(parts) if _MAGIC.search(part))
    return "/".join(parts[:first])
