"""Vectors as text: a word and its numbers a line, as GloVe writes them, and word2vec after a line of two counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.errors import DamagedError, InputError
from semspace.formats.vector_file import LONGEST, Source, decoded, grown, trimmed
from semspace.formats.vector_table import VectorTable
from semspace.space import Space
from semspace.types import Floats2d

HEADER = re.compile(rb"[ \t]*(\d{1,18})[ \t]+(\d{1,18})[ \t]*\r?\n")
NUMBER = re.compile(rb"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan(\(.*\))?|inf|infinity)", re.I)
FRACTION = re.compile(rb"[+-]?(\d+\.\d*|\.\d+|\d+(?=e))(e[+-]?\d+)?", re.I)
_NUMBER_LAST = re.compile(rf"[ \t]({NUMBER.pattern.decode()})", re.I)
_BLANKS = re.compile(rb"[ \t]+")
_MOST_DIMENSIONS = 1_000_000
_SAMPLE = 200  # lines, or words, by which dimensions are judged
_ROWS = 4_096  # rows written at a time
Places = npt.NDArray[np.int64]


def read_word2vec(source: Source, limit: int | None, encoding: str, keep_bad: bool) -> VectorTable:
    """Read word2vec's text format, which fastText's ``.vec`` is too; words may hold spaces."""
    count, dim = read_header(source)
    table = _Lines(source, dim, encoding, keep_bad, first=2).read(count if limit is None else min(limit, count))
    _check_dimensions(source, table.words, dim)
    check_count(source, len(table.words), count, limit)
    return table


def _check_dimensions(source: Source, words: list[str], dim: int) -> None:
    """Raise `DamagedError` if numbers are left over in most lines, which then aren't parts of words."""
    sample = words[:_SAMPLE]
    more = sum(_NUMBER_LAST.fullmatch(word, max(word.rfind(" "), word.rfind("\t"), 0)) is not None for word in sample)
    if 2 * more > len(sample):
        raise DamagedError(
            f"{source.path} announces {dim:,} dimensions, and most of its lines have more numbers than that; fetch it "
            f"again, or correct its first line"
        )


def read_glove(source: Source, limit: int | None, encoding: str, keep_bad: bool) -> VectorTable:
    """Read GloVe's text format: no first line of counts, and words may hold spaces."""
    lines = source.peek().split(b"\n", _SAMPLE)
    dim = commonest_dimensions(lines[:-1] or lines)
    if dim < 1:
        raise InputError(f"{source.path} has no lines of a word and its numbers; it starts with {lines[0][:40]!r}")
    return _Lines(source, dim, encoding, keep_bad, first=1).read(limit)


def commonest_dimensions(lines: Sequence[bytes]) -> int:
    """Return how many numbers most of some lines end in, after a word, which may be a number or hold spaces."""
    counts = Counter(_numbers_at_end(line.split()) for line in lines if line.strip())
    return min((-times, dim) for dim, times in counts.items())[1] if counts else 0


def _numbers_at_end(fields: Sequence[bytes]) -> int:
    numbers = takewhile(NUMBER.fullmatch, reversed(fields[1:]))
    return sum(1 for _ in numbers)


def ends_in_numbers(line: bytes, dim: int) -> bool:
    """Check whether a line ends in `dim` numbers after a word, judged by the last eight."""
    fields = line.split()
    return len(fields) > dim and all(NUMBER.fullmatch(field) for field in fields[-min(dim, 8) :])


def read_header(source: Source) -> tuple[int, int]:
    """Read the first line of word2vec's formats: how many words, of how many dimensions."""
    line = source.line()
    found = HEADER.fullmatch(line)
    if found is None:
        raise InputError(
            f"{source.path} doesn't start with a line of two numbers, words and dimensions, as word2vec's formats do; "
            f"it starts with {line[:40]!r}"
        )
    count, dim = int(found[1]), int(found[2])
    if not count or not dim:
        raise InputError(f"{source.path} announces {count} words of {dim} dimensions; at least one of each is needed")
    if dim > _MOST_DIMENSIONS:
        raise DamagedError(f"{source.path} announces {dim:,} dimensions, more than any word has; fetch it again")
    return count, dim


def check_count(source: Source, found: int, count: int, limit: int | None) -> None:
    """Raise `DamagedError` unless the file holds as many words as it announces, where all were to be read."""
    if found < (count if limit is None else min(limit, count)):
        raise DamagedError(f"{source.path} announces {count:,} words and ends after {found:,}; fetch it again")
    if limit is None and any(part.strip() for part in iter(source.read, b"")):
        raise DamagedError(
            f"{source.path} announces {count:,} words and goes on after them; fetch it again, or read only those with "
            f"limit={count}"
        )


@dataclass(frozen=True)
class _Lines:
    """Lines of a word, which may hold spaces, and `dim` numbers, the next one being line `first`."""

    source: Source
    dim: int
    encoding: str
    keep_bad: bool
    first: int

    def read(self, most: int | None) -> VectorTable:
        """Read up to `most` lines."""
        words: list[str] = []
        vectors = np.empty((0, self.dim), np.float32)
        line, rest = self.first, b""
        while (most is None or len(words) < most) and (chunk := self.source.read()):
            data = rest + chunk
            starts, ends = _whole_lines(data, None if most is None else most - len(words))
            cut = int(ends[-1]) + 1 if len(ends) else 0
            rest = data[cut:]
            if len(rest) > LONGEST:
                raise DamagedError(f"line {line} of {self.source.path} has no end; is it a file of text?")
            block = _Block(data, starts, ends, line)
            vectors = grown(vectors, len(words) + len(starts))
            words += self._parse(block, vectors[len(words) : len(words) + len(starts)])
            line += data.count(b"\n", 0, cut)
        if most is not None and len(words) == most:
            self.source.held = rest + self.source.held
        elif rest.strip():
            raise DamagedError(
                f"{self.source.path} is cut short: line {line} has no end; fetch it again, or end its last line if it "
                f"is whole"
            )
        return VectorTable(words, trimmed(vectors, len(words)))

    def _parse(self, block: _Block, out: Floats2d) -> list[str]:
        from semspace.formats.vector_kernel import gather, parse_lines

        text = np.frombuffer(block.data, np.uint8)
        word_ends = np.empty_like(block.starts)
        good = parse_lines(text, block.starts, block.ends, out, word_ends)
        if good < len(out):
            raise self._wrong_width(block, good)
        for row, column in np.argwhere(np.isnan(out)):
            out[row, column] = self._number(block, int(row), int(column))
        words = np.empty(int((word_ends - block.starts).sum()) + len(out), np.uint8)
        gather(text, block.starts, word_ends, words)
        return decoded(words, self.encoding, self.keep_bad, lambda row: self._place(block, row, "the word in "))

    def _number(self, block: _Block, row: int, column: int) -> float:
        """Read a number the careful way, or say what is wrong with it."""
        field = _BLANKS.split(block.line(row).rstrip(b" \t\r"))[column - self.dim]
        if NUMBER.fullmatch(field) is None:
            raise InputError(f"{self._place(block, row)} holds {field[:40]!r} where a number should be")
        with np.errstate(over="ignore"):  # becomes infinity, which is told of below
            value = np.float32(float(field.partition(b"(")[0]))
        if not np.isfinite(value):
            raise InputError(f"{self._place(block, row)} holds {field[:40].decode()}, which isn't finite; leave it out")
        return float(value)

    def _wrong_width(self, block: _Block, row: int) -> DamagedError:
        fields = len(block.line(row).split())
        place = self._place(block, row)
        return DamagedError(f"{place} has {fields} fields; a word and {self.dim} numbers make {self.dim + 1}")

    def _place(self, block: _Block, row: int, of: str = "") -> str:
        return f"{of}line {block.number(row):,} of {self.source.path}"


@dataclass(frozen=True)
class _Block:
    """Some lines of a file: ``data[starts[i]:ends[i]]``; `first` is the number of the line at its beginning."""

    data: bytes
    starts: Places
    ends: Places
    first: int

    def line(self, row: int) -> bytes:
        """Give the line of a row."""
        return self.data[self.starts[row] : self.ends[row]]

    def number(self, row: int) -> int:
        """Give the number of the line of a row, as an editor counts."""
        return self.first + self.data.count(b"\n", 0, int(self.starts[row]))


def _whole_lines(data: bytes, most: int | None) -> tuple[Places, Places]:
    """Give start and end of up to `most` lines that aren't blank, of those that have an end."""
    text = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    blank = (ends == starts) | ((ends == starts + 1) & (text[starts] == ord("\r")))
    return starts[~blank][:most], ends[~blank][:most]


def write_rows(space: Space, file: BinaryIO) -> None:
    """Write a word and its numbers a line, each in the fewest digits that read back as the same float32."""
    for start in range(0, len(space), _ROWS):
        part = pl.from_numpy(space.vectors[start : start + _ROWS], orient="row")
        part.insert_column(0, pl.Series("id", space.ids[start : start + _ROWS].tolist(), dtype=pl.String))
        file.write(part.write_csv(include_header=False, separator=" ", quote_style="never").encode())
