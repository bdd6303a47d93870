"""`Reading`: what is said about files that they don't say themselves, and runs of whole records in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from semspace import checks
from semspace.errors import InputError
from semspace.text.decoding import check_encoding

LONGEST = 1 << 30  # bytes of one document
_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"}
_UNITS = ("lines", "file", "paragraphs")


@dataclass(frozen=True)
class Reading:
    """How files are to be read.

    Parameters
    ----------
    encoding : str
        Of files of text; a mark at the beginning of a file goes before it.
    separator : str, optional
        What is between the columns of a table.
    header : bool, optional
        Whether the first row of a table has the names of its columns.
    columns : sequence of str, optional
        Names of the columns of a table that has no header.
    documents : {"lines", "file", "paragraphs"}, optional
        What the documents of a .txt are.
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
                raise InputError("columns= names the columns of a table without a header row; leave header=True out")
            object.__setattr__(self, "columns", tuple(names))
        if self.documents is not None:
            checks.choice("documents", self.documents, _UNITS)

    @property
    def has_header(self) -> bool:
        """Whether a table has a header row, unless it is said otherwise."""
        return self.columns is None and self.header is not False

    def refuse_for(self, what: str) -> None:
        """Raise if anything was said that has no use with something that isn't a file."""
        for name in ("separator", "header", "columns", "documents"):
            if getattr(self, name) is not None:
                raise InputError(f"{name}= has no use with {what}; leave it out")
        if self.encoding != "utf-8":
            raise InputError(f"encoding= has no use with {what}; leave it out")


def _separator(given: object) -> str:
    mark = _SEPARATORS.get(given.lower(), given) if isinstance(given, str) else given
    if not isinstance(mark, str) or len(mark) != 1 or not mark.isascii() or mark in '"\r\n\0' or mark.isalnum():
        raise InputError(
            f"separator must be one ASCII character, such as ';' or ',', or one of "
            f"{', '.join(name for name in _SEPARATORS if name.isalpha())}; got {given!r}"
        )
    return mark


class Run(NamedTuple):
    """Whole records of a file in UTF-8, the number of their first line, and the place reached in the file."""

    data: bytes
    line: int
    place: int


# Bytes, and whether nothing follows → those of them that are whole records, and how many bytes these were made of.
Cut = Callable[[bytes, bool], tuple[bytes, int]]


def runs(path: Path, chunks: Iterable[tuple[bytes, int]], cut: Cut, line: int = 1) -> Iterator[Run]:
    """Put the chunks of a file together into runs of whole records."""
    pieces: list[bytes] = []
    held = place = wanted = 0
    for chunk, place in chunks:
        pieces.append(chunk)
        held += len(chunk)
        if held > LONGEST:
            raise InputError(f"{path} has a row of more than 1 GiB; is a quote left open, or are lines not ended?")
        if held < wanted:
            continue
        data = b"".join(pieces)
        whole, used = cut(data, False)
        if used:
            yield Run(whole, line, place)
            line += data.count(b"\n", 0, used)
        pieces, held = [data[used:]], len(data) - used
        # A record that is longer than a chunk isn't looked through again with each.
        wanted = 0 if used else 2 * held
    data = b"".join(pieces)
    if data:
        yield Run(cut(data, True)[0], line, place)


def at_line_ends(data: bytes, final: bool) -> tuple[bytes, int]:
    """Cut after the last line."""
    end = len(data) if final else data.rfind(b"\n") + 1
    return data[:end], end
