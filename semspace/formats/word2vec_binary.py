"""word2vec's binary format: a header line, then words and their float32 numbers in binary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np

from semspace.checks import LARGEST
from semspace.display import clip
from semspace.errors import DamagedError, InputError
from semspace.formats.text_format import check_count, read_header
from semspace.formats.vector_file import LONGEST, VectorFile, decode_words, grow_rows, trim_rows
from semspace.formats.vector_table import VectorTable
from semspace.space import Space
from semspace.types import Bytes1d, Floats2d

_ROWS = 65_536  # number of rows written at a time


def read_binary(source: VectorFile, limit: int | None, encoding: str, keep_bad: bool) -> VectorTable:
    """Read word2vec's binary format, in which a space ends a word."""
    count, dim = read_header(source)
    words: list[str] = []
    vectors = np.empty((0, dim), np.dtype("<f4"))
    with _perhaps_spaces():
        for texts, tails in read_records(source, b" ", 4 * dim, count if limit is None else min(limit, count)):
            done = len(words)
            words += decode_words(texts, encoding, keep_bad, lambda i, n=done: f"word {n + i + 1:,} of {source.path}")  # type: ignore[misc]
            vectors = grow_rows(vectors, len(words))
            rows = vectors[done : len(words)]
            rows.view(np.uint8)[:] = tails
            _check_values(source, words, rows, done)
        check_count(source, len(words), count, limit)
    return VectorTable(words, trim_rows(vectors, len(words)))


@contextmanager
def _perhaps_spaces() -> Iterator[None]:
    """Add to errors that a word with a space may be the cause: everything after it is read at the wrong offset."""
    try:
        yield
    except (InputError, DamagedError) as problem:
        raise type(problem)(
            f"{problem}; or it holds words with spaces, such as 'new york', which can't be read back from this "
            f"binary format: write it as text instead"
        ) from problem


def _check_values(source: VectorFile, words: list[str], rows: Floats2d, first: int) -> None:
    size = np.maximum(rows.max(axis=1), -rows.min(axis=1))  # NaN where there is one
    bad = np.flatnonzero(~(size <= LARGEST))
    if len(bad):
        row = first + int(bad[0])
        what = f"is too large ({size[bad[0]]:.2g})" if np.isfinite(size[bad[0]]) else "holds NaN or infinity"
        raise InputError(f"the vector of {clip(words[row], 40)!r} (word {row + 1:,} of {source.path}) {what}")


def read_records(source: VectorFile, mark: bytes, tail: int, count: int) -> Iterator[tuple[Bytes1d, Bytes1d]]:
    """Read up to `count` records of a word, the byte `mark`, and `tail` bytes.

    Yield, block by block, the words with a newline after each, and the tails, shape (n, tail). The bytes after the last
    record stay unread.
    """
    from semspace.formats.vector_kernel import copy_tails, find_records, join_words

    done, remainder = 0, b""
    while done < count and (chunk := source.read()):
        buffer = remainder + chunk
        data = np.frombuffer(buffer, np.uint8)
        room = min(count - done, len(data) // (tail + 1))
        starts, ends = np.empty(room, np.int64), np.empty(room, np.int64)
        n_found, consumed = find_records(data, ord(mark), tail, starts, ends)
        remainder = buffer[consumed:]
        if len(remainder) > LONGEST + tail:
            raise DamagedError(f"{source.path} is damaged: word {done + n_found + 1:,} has no end")
        starts, ends = starts[:n_found], ends[:n_found]
        words = np.empty(int((ends - starts).sum()) + n_found, np.uint8)
        n_good = join_words(data, starts, ends, words)
        if n_good < n_found:
            raise DamagedError(f"{source.path} is damaged: word {done + n_good + 1:,} holds the end of a line")
        tails = np.empty((n_found, tail), np.uint8)
        copy_tails(data, ends, tails)
        done += n_found
        yield words, tails
    if done < count and remainder.strip(b"\n"):
        raise source.cut(f"word {done + 1:,} of {count:,}")
    source.held = remainder + source.held


def write_binary_rows(space: Space, file: BinaryIO) -> None:
    """Write words and their numbers."""
    vectors = space.vectors.astype("<f4", copy=False)
    for start in range(0, len(space), _ROWS):
        words = space.ids[start : start + _ROWS].tolist()
        rows = vectors[start : start + _ROWS]
        file.write(b"".join(b"%s %s" % (word.encode(), row.tobytes()) for word, row in zip(words, rows, strict=True)))
