"""`ReadOptions`: how text files are to be read, and `RecordChunk`: parts of a file with complete records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from semspace import checks
from semspace.errors import InputError
from semspace.text.decoding import check_encoding

LONGEST = 1 << 30  # maximum number of bytes of a document
_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"}
_UNITS = ("lines", "file", "paragraphs")


@dataclass(frozen=True)
class ReadOptions:
    """Options for reading files of texts.

    Parameters
    ----------
    encoding : str
        Encoding of text files; a byte order mark takes precedence.
    separator : str, optional
        Separator of the columns of a csv or tsv.
    header : bool, optional
        Whether the first row of a csv or tsv holds the column names.
    columns : sequence of str, optional
        Column names of a csv or tsv without a header.
    documents : {"lines", "file", "paragraphs"}, optional
        Unit of a .txt file that is a document.
    """

    encoding: str = "utf-8"
    separator: str | None = None
    header: bool | None = None
    columns: Sequence[str] | None = None
    documents: str | None = None

    def __post_init__(self) -> None:
        check_encoding(self.encoding)
        if self.separator is not None:
            object.__setattr__(self, "separator", _separator(self.separator))
        if self.header is not None:
            checks.flag("header", self.header)
        if self.columns is not None:
            names = checks.strings("columns", self.columns)
            checks.unique("columns", names)
            if self.header:
                raise InputError("columns= is for tables without a header row; leave out header=True")
            object.__setattr__(self, "columns", tuple(names))
        if self.documents is not None:
            checks.choice("documents", self.documents, _UNITS)

    @property
    def has_header(self) -> bool:
        """Whether a table is taken to have a header row."""
        return self.columns is None and self.header is not False

    def refuse_for(self, what: str) -> None:
        """Raise if an option was given that applies to files only."""
        for name in ("separator", "header", "columns", "documents"):
            if getattr(self, name) is not None:
                raise InputError(f"{name}= doesn't apply to {what}; leave it out")
        if self.encoding != "utf-8":
            raise InputError(f"encoding= doesn't apply to {what}; leave it out")


def _separator(separator: object) -> str:
    mark = _SEPARATORS.get(separator.lower(), separator) if isinstance(separator, str) else separator
    if not isinstance(mark, str) or len(mark) != 1 or not mark.isascii() or mark in '"\r\n\0' or mark.isalnum():
        raise InputError(
            f"separator must be one ASCII character, such as ';' or ',', or one of "
            f"{', '.join(name for name in _SEPARATORS if name.isalpha())}; got {separator!r}"
        )
    return mark


class RecordChunk(NamedTuple):
    """Complete records of a file in UTF-8, the number of the first line, and the position reached in the file."""

    data: bytes
    line: int
    position: int


# Takes bytes, and whether they are the file's last; returns the complete records and how many bytes were consumed.
CutFunction = Callable[[bytes, bool], tuple[bytes, int]]


def record_chunks(
    path: Path, chunks: Iterable[tuple[bytes, int]], cut: CutFunction, line: int = 1
) -> Iterator[RecordChunk]:
    """Yield the chunks of a file regrouped so that each holds complete records."""
    pieces: list[bytes] = []
    n_bytes = position = minimum = 0
    for chunk, position in chunks:
        pieces.append(chunk)
        n_bytes += len(chunk)
        if n_bytes > LONGEST:
            raise InputError(f"{path} has a row of more than 1 GiB; check for an open quote or missing line ends")
        if n_bytes < minimum:
            continue
        data = b"".join(pieces)
        whole, used = cut(data, False)
        if used:
            yield RecordChunk(whole, line, position)
            line += data.count(b"\n", 0, used)
        pieces, n_bytes = [data[used:]], len(data) - used
        # A record longer than a chunk isn't scanned again for each chunk.
        minimum = 0 if used else 2 * n_bytes
    data = b"".join(pieces)
    if data:
        yield RecordChunk(cut(data, True)[0], line, position)


def cut_at_line_end(data: bytes, final: bool) -> tuple[bytes, int]:
    """Cut after the last complete line."""
    end = len(data) if final else data.rfind(b"\n") + 1
    return data[:end], end
