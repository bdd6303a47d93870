"""`InputFile`: the files that a job reads, one shard each; large files are several."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from semspace import checks
from semspace.errors import InputError, MissingFileError, SemspaceWarning
from semspace.files import digest, file_digest
from semspace.scale.cutting import cut_file
from semspace.scale.file_parts import FilePart, copy_lines, copy_row_groups
from semspace.scale.storage import Storage, access_explained, is_local_url, local_path, open_filesystem, reached
from semspace.schema import Facts
from semspace.text.files import file_format, format_or_none

_MAGIC = re.compile(r"[*?\[]")
_STEM = 40  # characters of a file's name in the name of its shard


@dataclass(frozen=True)
class InputFile:
    """A file to read, or a part of a large one.

    Parameters
    ----------
    url : str
    name : str
        Its path below the folder or the fixed part of the pattern; the key of its shard is made of it.
    size : int
        In bytes.
    stamp : str
        What changes with the content, as far as the filesystem tells without reading it: an ETag or a time, and
        the size.
    prefix : str
        Stands before the ids of a .txt, whose ids are numbers of lines.
    part : FilePart, optional
    """

    url: str
    name: str
    size: int
    stamp: str
    prefix: str = ""
    part: FilePart | None = None

    @property
    def key(self) -> str:
        """The name of the shard: readable, and different for different files."""
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", PurePosixPath(self.name).name.partition(".")[0])[:_STEM].strip("-")
        part = f"-{self.part.number:05}" if self.part else ""
        return f"{stem or 'shard'}-{digest(self.name.encode())[:10]}{part}"

    @property
    def title(self) -> str:
        """What to call it in a message."""
        return f"{self.name} (part {self.part.number})" if self.part else self.name

    def facts(self) -> dict[str, Any]:
        """Return the values as JSON."""
        return asdict(self)

    @classmethod
    def of(cls, facts: Facts) -> InputFile:
        """Return the file that a manifest describes."""
        part = FilePart.of(facts.facts("part")) if facts.get("part") is not None else None
        return cls(
            facts.text("url"), facts.text("name"), facts.whole("size"), facts.text("stamp"), facts.text("prefix"), part
        )

    @contextmanager
    def local(self) -> Iterator[tuple[Path, str]]:
        """Return the path of the file on this machine, a copy where it is elsewhere or a part, and its SHA-256."""
        fs, path = open_filesystem(self.url)
        here = Path(path) if is_local_url(self.url) else None
        if here and not self.part:
            with access_explained(self.url):
                sha = file_digest(here)
            yield here, sha
            return
        with TemporaryDirectory(prefix="semspace-shard-") as folder:
            copy = Path(folder) / PurePosixPath(self.name).name
            with access_explained(self.url):
                if not self.part:
                    fs.get_file(path, str(copy))
                    sha = file_digest(copy)
                elif self.part.n_rows:
                    sha = copy_row_groups(fs, path, self.part, copy, here)
                else:
                    sha = copy_lines(fs, path, self.part, copy)
            yield copy, sha


def find_inputs(name: str, source: object, shard_bytes: int, encoding: str) -> tuple[InputFile, ...]:
    """Return the files of a path, a folder, a pattern, or a list of them, in the order that `Corpus.read` reads them.

    Files larger than `shard_bytes` are cut into parts where their format allows it.

    Raises
    ------
    MissingFileError
        If there is none.
    InputError
        If a file is in a format that semspace doesn't read, or two have the same name.
    """
    checks.whole("shard_bytes", shard_bytes)
    if isinstance(source, (list, tuple)):
        files = [file for item in source for file in _found(name, item, several=len(source) > 1)]
    else:
        files = _found(name, source, several=False)
    if not files:
        raise MissingFileError(f"{name} holds no files; give a path, a folder or a pattern such as 'texts/*.parquet'")
    for file in files:
        file_format(Path(file.name))
    checks.unique(f"the files of {name}", [file.name for file in files])
    checks.unique(f"the files of {name}", [file.url for file in files])  # a folder, and one of its files by its path
    parts = [_cut(file, shard_bytes, encoding) for file in files]
    whole = [file for file, cut in zip(files, parts, strict=True) if not cut and file.size >= 2 * shard_bytes]
    if whole:
        warnings.warn(
            f"files at least twice as large as shard_bytes={shard_bytes:,} that are one shard each, read whole and "
            f"lost whole with its worker: {len(whole):,}, such as {whole[0].name} ({whole[0].size / 1e6:,.1f} MB); "
            f"only Parquet of several row groups, .jsonl and .txt of several lines, not packed, are cut into parts",
            SemspaceWarning,
            stacklevel=3,
        )
    return tuple(part for file, cut in zip(files, parts, strict=True) for part in cut or [file])


def _cut(file: InputFile, shard_bytes: int, encoding: str) -> list[InputFile]:
    """Return the parts of a file, or none where it is one shard."""
    if file.size <= shard_bytes:
        return []
    fs, path = open_filesystem(file.url)
    with reached(file.url):
        parts = cut_file(fs, path, file.name, file.size, shard_bytes, encoding)
    return [replace(file, size=part.stop - part.start, part=part) for part in parts]


def check_outside(storage: Storage, name: str, source: object) -> None:
    """Raise `InputError` where results would lie among the files that they are made of, and be taken for such."""
    for item in source if isinstance(source, (list, tuple)) else [source]:
        text = str(item)
        fs, path = open_filesystem(_whole(text))
        is_pattern = _is_pattern(fs, path)
        root = _fixed_part(path) if is_pattern else path.rstrip("/")
        looks_below = "**" in path or not is_pattern
        if looks_below and type(fs) is type(storage.fs) and storage.path("").startswith(f"{root}/") and fs.isdir(root):
            if storage.path("").rstrip("/") == root:
                continue  # the folder of the texts itself, which isn't empty
            raise InputError(
                f"out={storage.url} is inside {name}={text}, so that the next call would take the results for texts; "
                f"choose a folder beside it"
            )


def _found(name: str, source: object, *, several: bool) -> list[InputFile]:
    if not isinstance(source, (str, Path)):
        raise InputError(
            f"{name} must be the path or URL of a file, a folder or a pattern, or a list of them; got "
            f"{type(source).__name__}: write texts that are in memory to files first"
        )
    text = str(source) if isinstance(source, Path) else checks.string(name, source)
    url = _whole(text)
    with reached(url):
        return _listed(text, *open_filesystem(url), several=several)


def _listed(text: str, fs: Any, path: str, *, several: bool) -> list[InputFile]:
    fs.invalidate_cache()
    is_pattern = _is_pattern(fs, path)
    if is_pattern:
        listed, root = {}, _fixed_part(path)
        with suppress(FileNotFoundError):  # the folder that the pattern begins with
            listed = fs.glob(path, detail=True)
    elif fs.isdir(path):
        listed, root = fs.find(path, detail=True), path.rstrip("/")
    elif fs.exists(path):
        facts = _followed(fs, path, fs.info(path))
        return [_input(fs, path, facts, path if several else PurePosixPath(path).name, single=not several)]
    else:
        raise MissingFileError(f"no file at {text}; check the path")
    files = []
    for found, info in listed.items():
        below = PurePosixPath(found[len(root) :].lstrip("/"))
        hidden = any(part.startswith(".") for part in below.parts)
        facts = _followed(fs, found, info)
        if facts["type"] == "file" and not hidden and (is_pattern or format_or_none(Path(below))):
            files.append(_input(fs, found, facts, below.as_posix(), single=False))
    if not files:
        raise MissingFileError(f"no readable file in {text}; check the path or the pattern")
    return sorted(files, key=lambda file: PurePosixPath(file.name).parts)


def _whole(text: str) -> str:
    """Return a URL, or the whole path of a file on this machine."""
    return text if "://" in text and not is_local_url(text) else local_path(text)


def _is_pattern(fs: Any, path: str) -> bool:
    """Whether a path stands for several, and isn't the name of a file or folder itself."""
    return bool(_MAGIC.search(path)) and not fs.exists(path)


def _followed(fs: Any, path: str, info: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of a file, and of a link on this machine what is known of what it leads to."""
    if info["type"] != "link" and not info.get("islink"):
        return info
    try:
        found: dict[str, Any] = fs.info(os.path.realpath(path))
    except OSError:  # it leads nowhere
        return info
    return found


def _input(fs: Any, path: str, info: dict[str, Any], name: str, *, single: bool) -> InputFile:
    if info["type"] != "file":
        raise InputError(f"{path} isn't a file; give files, a folder, or a pattern")
    size = int(info["size"])
    changed = next((info[key] for key in ("ETag", "etag", "mtime", "LastModified", "created") if info.get(key)), "")
    is_lines = PurePosixPath(name).name.lower().removesuffix(".gz").endswith(".txt")
    prefix = f"{name}:" if is_lines and not single else ""
    return InputFile(fs.unstrip_protocol(path), name, size, f"{changed} {size}", prefix)


def _fixed_part(pattern: str) -> str:
    parts = pattern.split("/")
    first = next(place for place, part in enumerate(parts) if _MAGIC.search(part))
    return "/".join(parts[:first])
