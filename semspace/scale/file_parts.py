"""`FilePart`: a part of a large file that is a shard of its own, and a file on this machine that holds only it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from semspace import schema
from semspace.schema import Facts

_PIECE = 8 << 20  # bytes copied at a time
_TAIL = 8  # bytes at the end of a Parquet file: the length of its footer, and PAR1


@dataclass(frozen=True)
class FilePart:
    """Whole lines, or whole row groups of a Parquet file.

    Parameters
    ----------
    number : int
        Of the parts of the file, from 1.
    start, stop : int
        Its first byte, and the one after its last.
    first_row, n_rows : int
        Of the row groups; 0 for lines.
    """

    number: int
    start: int
    stop: int
    first_row: int = 0
    n_rows: int = 0

    @classmethod
    def of(cls, facts: Facts) -> FilePart:
        """Return the part that a manifest describes."""
        start = facts.whole("start")
        return cls(
            facts.whole("number", low=1),
            start,
            facts.whole("stop", low=start + 1),
            facts.whole("first_row"),
            facts.whole("n_rows"),
        )


def copy_lines(fs: Any, path: str, part: FilePart, copy: Path) -> str:
    """Write the lines of a part to a file, and return their SHA-256."""
    hasher = hashlib.sha256()
    with fs.open(path, "rb") as source, open(copy, "wb") as target:
        for piece in _pieces(source, part.start, part.stop):
            hasher.update(piece)
            target.write(piece)
    return hasher.hexdigest()


def copy_row_groups(fs: Any, path: str, part: FilePart, copy: Path, here: Path | None) -> str:
    """Write the row groups of a part to a Parquet file, and return the SHA-256 of their bytes.

    Of a file that isn't `here`, only these bytes and the footer are fetched, into a file with holes for the others.
    """
    hasher = hashlib.sha256()
    with ExitStack() as stack:
        source = stack.enter_context(fs.open(path, "rb"))
        partial = copy.with_suffix(".partial")
        target = None if here else stack.enter_context(open(partial, "wb"))
        for piece in _pieces(source, part.start, part.stop):
            hasher.update(piece)
            if target:
                target.seek(source.tell() - len(piece))
                target.write(piece)
        if target:
            size = source.seek(0, 2)
            source.seek(size - _TAIL)
            footer = size - _TAIL - int.from_bytes(source.read(4), "little")
            target.seek(max(footer, 0))
            target.writelines(_pieces(source, max(footer, 0), size))
    with schema.reading(path):
        rows = pl.scan_parquet(here or partial).slice(part.first_row, part.n_rows).collect()
    rows.write_parquet(copy, compression="lz4", statistics=False)
    return hasher.hexdigest()


def _pieces(source: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    source.seek(start)
    while start < stop and (piece := source.read(min(_PIECE, stop - start))):
        yield piece
        start += len(piece)
