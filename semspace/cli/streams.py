"""``-`` in place of a file: texts from standard input, results to standard output."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from semspace.errors import InputError

STREAM = "-"
FORMATS = ("csv", "tsv", "jsonl", "json", "txt", "parquet")
_BLOCK = 1 << 20
_names: dict[str, str] = {}  # path of a temporary file → what a message calls it


def is_stream(path: object) -> bool:
    """Check whether an argument stands for standard input or output."""
    return str(path) in (STREAM, "/dev/stdin", "/dev/stdout")


@contextmanager
def standard_input(format: str | None = None, *, otherwise: str = "txt") -> Iterator[Path]:
    """Copy standard input to a temporary file whose name has the ending of its format.

    Without `format`, objects of JSON are recognised by their first character; everything else is `otherwise`, by
    default plain text.
    """
    source: BinaryIO = sys.stdin.buffer
    head = source.read(_BLOCK)
    if not head.strip():
        raise InputError("standard input is empty; give texts, one a line, or as JSON lines")
    with tempfile.TemporaryDirectory(prefix="semspace-") as folder:
        path = Path(folder) / f"stdin.{format or _format_of(head) or otherwise}"
        with open(path, "wb") as file:
            file.write(head)
            shutil.copyfileobj(source, file, _BLOCK)
        _names[str(path)] = "standard input"
        yield path


@contextmanager
def written(path: Path, ending: str) -> Iterator[Path]:
    """Return the path to write a file to: `path`, or for ``-`` a temporary file that goes to standard output."""
    if not is_stream(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="semspace-") as folder:
        place = Path(folder) / f"stdout{ending}"
        yield place
        sys.stdout.flush()
        with open(place, "rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer, _BLOCK)
        sys.stdout.buffer.flush()


def without_temporary_names(message: str) -> str:
    """Return a message that names standard input instead of a temporary file."""
    for path, name in _names.items():
        message = message.replace(path, name)
    return message


def _format_of(head: bytes) -> str | None:
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return {b"{": "jsonl", b"[": "json"}.get(first)
