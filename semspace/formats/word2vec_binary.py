"""word2vec's binary format: a first line of two counts, then words and their float32 numbers, byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from semspace.checks import LARGEST
from semspace.display import clip
from semspace.errors import DamagedError, InputError
from semspace.formats.text_format import check_count, read_header
from semspace.formats.vector_file import LONGEST, Source, decoded, grown, trimmed
from semspace.formats.vector_table import VectorTable
from semspace.space import Space
from semspace.types import Floats2d

_ROWS = 65_536  # rows written at a time
Bytes = npt.NDArray[np.uint8]


def read_binary(source: Source, limit: int | None, encoding: str, keep_bad: bool) -> VectorTable:
    """Read word2vec's binary format, in which a space ends a word."""
    count, dim = read_header(source)
    words: list[str] = []
    vectors = np.empty((0, dim), np.dtype("<f4"))
    with _perhaps_spaces():
        for texts, tails in records(source, b" ", 4 * dim, count if limit is None else min(limit, count)):
            done = len(words)
            words += decoded(texts, encoding, keep_bad, lambda i, n=done: f"word {n + i + 1:,} of {source.path}")  # type: ignore[misc]
            vectors = grown(vectors, len(words))
            rows = vectors[done : len(words)]
            rows.view(np.uint8)[:] = tails
            _check_values(source, words, rows, done)
        check_count(source, len(words), count, limit)
    return VectorTable(words, trimmed(vectors, len(words)))


@contextmanager
def _perhaps_spaces() -> Iterator[None]:
    """Say of what goes wrong that it may come from a word with a space: nothing marks it, all behind it is shifted."""
    try:
        yield
    except (InputError, DamagedError) as problem:
        raise type(problem)(
            f"{problem}; or it holds words with spaces in them, such as 'new york', which nobody can read back from "
            f"this binary format: then have them written as text"
        ) from problem


def _check_values(source: Source, words: list[str], rows: Floats2d, first: int) -> None:
    size = np.maximum(rows.max(axis=1), -rows.min(axis=1))  # NaN where there is one
    bad = np.flatnonzero(~(size <= LARGEST))
    if len(bad):
        row = first + int(bad[0])
        what = f"is too large ({size[bad[0]]:.2g})" if np.isfinite(size[bad[0]]) else "holds NaN or infinity"
        raise InputError(f"the vector of {clip(words[row], 40)!r} (word {row + 1:,} of {source.path}) {what}")


def records(source: Source, mark: bytes, tail: int, count: int) -> Iterator[tuple[Bytes, Bytes]]:
    """Read up to `count` records of a word, the byte `mark`, and `tail` bytes more.

    Gives, block by block, the words with a line end after each, and the tails, shape (n, tail). What comes after
    the last record is left to be read.
    """
    from semspace.formats.vector_kernel import copy_tails, gather, scan

    done, rest = 0, b""
    while done < count and (chunk := source.read()):
        held = rest + chunk
        data = np.frombuffer(held, np.uint8)
        room = min(count - done, len(data) // (tail + 1))
        starts, ends = np.empty(room, np.int64), np.empty(room, np.int64)
        found, consumed = scan(data, ord(mark), tail, starts, ends)
        rest = held[consumed:]
        if len(rest) > LONGEST + tail:
            raise DamagedError(f"{source.path} is damaged: word {done + found + 1:,} has no end")
        starts, ends = starts[:found], ends[:found]
        words = np.empty(int((ends - starts).sum()) + found, np.uint8)
        good = gather(data, starts, ends, words)
        if good < found:
            raise DamagedError(f"{source.path} is damaged: word {done + good + 1:,} holds the end of a line")
        tails = np.empty((found, tail), np.uint8)
        copy_tails(data, ends, tails)
        done += found
        yield words, tails
    if done < count and rest.strip(b"\n"):
        raise source.cut(f"word {done + 1:,} of {count:,}")
    source.held = rest + source.held


def write_rows(space: Space, file: BinaryIO) -> None:
    """Write words and their numbers."""
    vectors = space.vectors.astype("<f4", copy=False)
    for start in range(0, len(space), _ROWS):
        words = space.ids[start : start + _ROWS].tolist()
        rows = vectors[start : start + _ROWS]
        file.write(b"".join(b"%s %s" % (word.encode(), row.tobytes()) for word, row in zip(words, rows, strict=True)))
