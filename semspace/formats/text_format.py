"""Text formats of word vectors: one word and its numbers per line (GloVe), with a header line in word2vec's format."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import BinaryIO

import numpy as np
import polars as pl

from semspace.errors import DamagedError, InputError
from semspace.formats.file_kinds import beginning
from semspace.formats.vector_file import LONGEST, VectorFile, decode_words, grow_rows, trim_rows
from semspace.formats.vector_table import VectorTable
from semspace.space import Space
from semspace.types import Floats2d, Ints1d

HEADER = re.compile(rb"[ \t]*(\d{1,18})[ \t]+(\d{1,18})[ \t]*\r?\n")
NUMBER = re.compile(rb"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan(\(.*\))?|inf|infinity)", re.I)
FRACTION = re.compile(rb"[+-]?(\d+\.\d*|\.\d+|\d+(?=e))(e[+-]?\d+)?", re.I)
_NUMBER_LAST = re.compile(rf"[ \t]({NUMBER.pattern.decode()})", re.I)
_BLANKS = re.compile(rb"[ \t]+")
_MOST_DIMENSIONS = 1_000_000
_SAMPLE = 200  # number of lines, or words, from which the dimension is inferred
_ROWS = 4_096  # number of rows written at a time


def read_word2vec(source: VectorFile, limit: int | None, encoding: str, keep_bad: bool) -> VectorTable:
    """Read word2vec's text format, which fastText's ``.vec`` is too; words may hold spaces."""
    count, dim = read_header(source)
    table = _LineReader(source, dim, encoding, keep_bad, first=2).read(count if limit is None else min(limit, count))
    _check_dimensions(source, table.words, dim)
    check_count(source, len(table.words), count, limit)
    return table


def _check_dimensions(source: VectorFile, words: list[str], dim: int) -> None:
    """Raise `DamagedError` if most words end in a number, which shows that lines have more numbers than announced."""
    sample = words[:_SAMPLE]
    more = sum(_NUMBER_LAST.fullmatch(word, max(word.rfind(" "), word.rfind("\t"), 0)) is not None for word in sample)
    if 2 * more > len(sample):
        raise DamagedError(
            f"{source.path} announces {dim:,} dimensions, and most of its lines have more numbers than that; fetch it "
            f"again, or correct its first line"
        )


def read_glove(source: VectorFile, limit: int | None, encoding: str, keep_bad: bool) -> VectorTable:
    """Read GloVe's text format: no first line of counts, and words may hold spaces."""
    lines = source.peek().split(b"\n", _SAMPLE)
    dim = likely_dimensions(lines[:-1] or lines)
    if dim < 1:
        raise InputError(f"{source.path} has no lines of a word and its numbers; it starts with {beginning(lines[0])}")
    return _LineReader(source, dim, encoding, keep_bad, first=1).read(limit)


def likely_dimensions(lines: Sequence[bytes]) -> int:
    """Return the most common count of numbers at the ends of lines; the word before may hold spaces or be a number."""
    counts = Counter(_numbers_at_end(line.split()) for line in lines if line.strip())
    return min((-times, dim) for dim, times in counts.items())[1] if counts else 0


def _numbers_at_end(fields: Sequence[bytes]) -> int:
    numbers = takewhile(NUMBER.fullmatch, reversed(fields[1:]))
    return sum(1 for _ in numbers)


def ends_in_numbers(line: bytes, dim: int) -> bool:
    """Check whether a line has more than `dim` fields and its last fields, up to eight, are numbers."""
    fields = line.split()
    return len(fields) > dim and all(NUMBER.fullmatch(field) for field in fields[-min(dim, 8) :])


def read_header(source: VectorFile) -> tuple[int, int]:
    """Read the header of word2vec's formats: the number of words and the dimension."""
    line = source.line()
    match = HEADER.fullmatch(line)
    if match is None:
        raise InputError(
            f"{source.path} doesn't start with word2vec's header, a line with the number of words and the dimension; "
            f"it starts with {beginning(line)}"
        )
    count, dim = int(match[1]), int(match[2])
    if not count or not dim:
        raise InputError(f"{source.path} announces {count} words of {dim} dimensions; at least one of each is needed")
    if dim > _MOST_DIMENSIONS:
        raise DamagedError(f"{source.path} announces {dim:,} dimensions, more than any word has; fetch it again")
    return count, dim


def check_count(source: VectorFile, n_read: int, count: int, limit: int | None) -> None:
    """Raise `DamagedError` if the file holds fewer words than its header says, or more when all were to be read."""
    if n_read < (count if limit is None else min(limit, count)):
        raise DamagedError(f"{source.path} announces {count:,} words and ends after {n_read:,}; fetch it again")
    if limit is None and any(part.strip() for part in iter(source.read, b"")):
        raise DamagedError(
            f"{source.path} announces {count:,} words but has more; fetch it again, or read only those with "
            f"limit={count}"
        )


@dataclass(frozen=True)
class _LineReader:
    """Reader of lines with a word, which may hold spaces, and `dim` numbers; the next line has the number `first`."""

    source: VectorFile
    dim: int
    encoding: str
    keep_bad: bool
    first: int

    def read(self, most: int | None) -> VectorTable:
        """Read up to `most` lines."""
        words: list[str] = []
        vectors = np.empty((0, self.dim), np.float32)
        line, remainder = self.first, b""
        while (most is None or len(words) < most) and (chunk := self.source.read()):
            data = remainder + chunk
            starts, ends = _whole_lines(data, None if most is None else most - len(words))
            cut = int(ends[-1]) + 1 if len(ends) else 0
            remainder = data[cut:]
            if len(remainder) > LONGEST:
                raise DamagedError(f"line {line} of {self.source.path} has no end; is it a file of text?")
            block = _LineBlock(data, starts, ends, line)
            vectors = grow_rows(vectors, len(words) + len(starts))
            words += self._parse(block, vectors[len(words) : len(words) + len(starts)])
            line += data.count(b"\n", 0, cut)
        if most is not None and len(words) == most:
            self.source.held = remainder + self.source.held
        elif remainder.strip():
            raise DamagedError(
                f"{self.source.path} is cut short: line {line} has no end; fetch it again, or end its last line if it "
                f"is whole"
            )
        return VectorTable(words, trim_rows(vectors, len(words)))

    def _parse(self, block: _LineBlock, out: Floats2d) -> list[str]:
        from semspace.formats.vector_kernel import join_words, parse_lines

        text = np.frombuffer(block.data, np.uint8)
        word_ends = np.empty_like(block.starts)
        n_good = parse_lines(text, block.starts, block.ends, out, word_ends)
        if n_good < len(out):
            raise self._wrong_width(block, n_good)
        for row, column in np.argwhere(np.isnan(out)):
            out[row, column] = self._number(block, int(row), int(column))
        words = np.empty(int((word_ends - block.starts).sum()) + len(out), np.uint8)
        join_words(text, block.starts, word_ends, words)
        return decode_words(words, self.encoding, self.keep_bad, lambda row: self._place(block, row, "the word in "))

    def _number(self, block: _LineBlock, row: int, column: int) -> float:
        """Return a number that the fast parser refused, or raise `InputError` if it isn't a finite number."""
        field = _BLANKS.split(block.line(row).rstrip(b" \t\r"))[column - self.dim]
        if NUMBER.fullmatch(field) is None:
            raise InputError(f"{self._place(block, row)} holds {field[:40]!r} where a number should be")
        with np.errstate(over="ignore"):  # becomes infinity, which is reported below
            value = np.float32(float(field.partition(b"(")[0]))
        if not np.isfinite(value):
            raise InputError(f"{self._place(block, row)} holds {field[:40].decode()}, which isn't finite; leave it out")
        return float(value)

    def _wrong_width(self, block: _LineBlock, row: int) -> DamagedError:
        fields = len(block.line(row).split())
        where = self._place(block, row)
        return DamagedError(f"{where} has {fields} fields; a word and {self.dim} numbers make {self.dim + 1}")

    def _place(self, block: _LineBlock, row: int, prefix: str = "") -> str:
        return f"{prefix}line {block.number(row):,} of {self.source.path}"


@dataclass(frozen=True)
class _LineBlock:
    """Lines of a file, ``data[starts[i]:ends[i]]``; `first` is the number of the first line of `data`."""

    data: bytes
    starts: Ints1d
    ends: Ints1d
    first: int

    def line(self, row: int) -> bytes:
        """Return the line of a row."""
        return self.data[self.starts[row] : self.ends[row]]

    def number(self, row: int) -> int:
        """Return the line number of a row, counted as editors do."""
        return self.first + self.data.count(b"\n", 0, int(self.starts[row]))


def _whole_lines(data: bytes, most: int | None) -> tuple[Ints1d, Ints1d]:
    """Return the starts and ends of the first `most` complete lines that aren't blank."""
    text = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    blank = (ends == starts) | ((ends == starts + 1) & (text[starts] == ord("\r")))
    return starts[~blank][:most], ends[~blank][:most]


def write_text_rows(space: Space, file: BinaryIO) -> None:
    """Write one word and its numbers per line, with the fewest digits that read back as the same float32."""
    for start in range(0, len(space), _ROWS):
        part = pl.from_numpy(space.vectors[start : start + _ROWS], orient="row")
        part.insert_column(0, pl.Series("id", space.ids[start : start + _ROWS].tolist(), dtype=pl.String))
        file.write(part.write_csv(include_header=False, separator=" ", quote_style="never").encode())
