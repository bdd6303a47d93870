"""Files of many formats → texts, block by block, so that a source may be larger than memory."""

from __future__ import annotations

import codecs
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from semspace.bundle import PathLike
from semspace.errors import InputError
from semspace.text import read
from semspace.text.corpus import _TEXT_NAMES, _text_column

BLOCK = 1 << 20  # bytes of text at a time: enough to keep every core busy, little enough to bound memory
_FIRST = 1 << 16  # bytes that a file's columns are told from
_ROWS = 1_000  # of Parquet, at a time
_LONGEST = 1 << 30  # bytes of one document


class Block(NamedTuple):
    """Whole documents in their order.

    ``texts()`` parses them, in whichever thread it is called: n strings, null where there is no text. ``size`` is how
    much of the source went by since the block before. ``paths`` names the file that holds them all, or one a document.
    """

    paths: tuple[Path, ...]
    size: int
    texts: Callable[[], pl.Series]


@dataclass(frozen=True)
class Source:
    """What to read: the files, and which column of them holds the text.

    Parameters
    ----------
    tables : tuple of Path
        Files of tables or lines.
    essays : tuple of Path
        Files that are one document each.
    column : str
        Name of the text column.
    """

    tables: tuple[Path, ...]
    essays: tuple[Path, ...]
    column: str
    encoding: str

    @classmethod
    def find(cls, path: PathLike, *, text: str | None = None, encoding: str = "utf-8") -> Source:
        """Find what `path` means, as `Corpus.read` does; only the beginning of each file is read."""
        tables, essays = read.sort_files(path, encoding)
        strings = ("id", *((text,) if text else _TEXT_NAMES))
        known = [_schema(one, encoding, strings) for one in tables]
        if essays:
            known.append(pl.DataFrame(schema={"id": pl.String, "text": pl.String}))
        union = known[0] if len(known) == 1 else read.stack(known, [*tables, *essays])
        column = _text_column(union, text)
        if union.schema[column] not in (pl.String, pl.Null):
            kind = union.schema[column]
            raise InputError(f"the text column {column!r} must hold strings; it holds {kind}: name another with text=")
        return cls(tuple(tables), tuple(essays), column, encoding)

    @property
    def size(self) -> int:
        """Bytes of all the files."""
        return sum(path.stat().st_size for path in (*self.tables, *self.essays))

    def blocks(self, size: int = BLOCK) -> Iterator[Block]:
        """Walk the documents in blocks of about `size` bytes, and of one document at least."""
        for path in self.tables:
            kind = read.kind_of(path)
            if kind == "parquet":
                yield from _parquet_blocks(path, self.column, size)
            else:
                yield from _record_blocks(path, kind, self.column, self.encoding, size)
        yield from _essay_blocks(self.essays, self.encoding, size)


def blocks_of(texts: pl.Series, size: int = BLOCK) -> Iterator[Block]:
    """Walk texts that are in memory already."""
    for some in slices(texts, size):
        yield Block((Path("the corpus"),), 0, partial(_same, some))


def slices(texts: pl.Series, size: int = BLOCK) -> Iterator[pl.Series]:
    """Cut a column of texts into blocks of about `size` bytes, and of one document at least."""
    ends = texts.str.len_bytes().fill_null(0).cum_sum()
    start = before = 0
    while start < len(texts):
        stop = max(int(ends.search_sorted(before + size, side="right")), start + 1)
        yield texts[start:stop]
        start, before = stop, int(ends[stop - 1])


# -- tables and lines ---------------------------------------------------------------------------------------------


def _record_blocks(path: Path, kind: str, column: str, encoding: str, size: int) -> Iterator[Block]:
    quote = b'"' if kind == "csv" else b""
    header, position, blank = b"", 0, True
    for records, now in _records(path, encoding, quote, size):
        blank = blank and not records.strip()
        if kind in ("csv", "tsv") and not header:
            header, rows = _split_header(records, quote)
        else:
            rows = records
        if rows:
            yield Block((path,), now - position, partial(_parse, path, kind, header, rows, column))
            position = now
    if blank:
        raise read.empty_file(path)


def _parse(path: Path, kind: str, header: bytes, records: bytes, column: str) -> pl.Series:
    with read.parsing(path):
        if kind == "jsonl":
            # Only this column; where it is missing, nulls.
            return pl.read_ndjson(io.BytesIO(records), schema={column: pl.String}).to_series()
        if kind == "txt":
            lines = read.text_lines(records)
            return lines["text"] if column == "text" else lines["id"]
        return read.delimited_strings(header + records, kind, column)


def _schema(path: Path, encoding: str, strings: Iterable[str]) -> pl.DataFrame:
    """Give a table without rows that has the columns of a file."""
    kind = read.kind_of(path)
    if kind == "parquet":
        with read.parsing(path), _unpacked(path) as file:
            return pl.scan_parquet(file).head(0).collect()
    quote = b'"' if kind == "csv" else b""
    for records, _ in _records(path, encoding, quote, _FIRST):
        if records.strip():
            with read.parsing(path):
                return read.READERS[kind](records, tuple(strings)).head(0)
    raise read.empty_file(path)


def _split_header(records: bytes, quote: bytes) -> tuple[bytes, bytes]:
    records = records.lstrip(b"\r\n")
    end = records.find(b"\n")
    while quote and end >= 0 and records.count(quote, 0, end) % 2:
        end = records.find(b"\n", end + 1)
    return (records, b"") if end < 0 else (records[: end + 1], records[end + 1 :])


def _records(path: Path, encoding: str, quote: bytes, size: int) -> Iterator[tuple[bytes, int]]:
    """Walk a file in runs of whole lines in UTF-8, with the place reached in the file.

    A line that ends within quotes goes on after its end.
    """
    rest: list[bytes] = []
    quotes = held = position = 0
    for chunk, now in _decoded(path, encoding, size):
        position = now
        at = _last_end(chunk, quote, quotes)
        if at:
            yield b"".join([*rest, chunk[:at]]), position
            rest, quotes, held = [], 0, 0
        rest.append(chunk[at:])
        held += len(chunk) - at
        quotes += chunk.count(quote, at) if quote else 0
        if held > _LONGEST:
            raise InputError(f"{path} has a row of more than 1 GiB; is a quote left open, or are lines not ended?")
    if held:
        yield b"".join(rest), position


def _last_end(chunk: bytes, quote: bytes, quotes: int) -> int:
    """Give the place after the last end of a line that isn't within quotes, 0 if there is none."""
    end = chunk.rfind(b"\n")
    if not quote:
        return end + 1
    quotes += chunk.count(quote, 0, max(end, 0))
    while end >= 0 and quotes % 2:
        opening = chunk.rfind(quote, 0, end)
        before = chunk.rfind(b"\n", 0, max(opening, 0))
        quotes -= chunk.count(quote, max(before, 0), end)
        end = before
    return end + 1


def _decoded(path: Path, encoding: str, size: int) -> Iterator[tuple[bytes, int]]:
    """Walk a file in chunks of sound UTF-8, whatever its encoding is."""
    decoder = codecs.getincrementaldecoder(encoding)()
    already = codecs.lookup(encoding).name == "utf-8"
    given = lines = 0
    start = True
    with read.opened(path) as (file, place):
        while True:
            chunk = file.read(size)
            given += len(chunk)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as problem:
                # The decoder was given these bytes last, after what it had kept back.
                raise read.not_decoded(path, encoding, problem, given - len(problem.object), lines) from problem
            if not chunk and not text:
                return
            data = chunk if already else text.encode()
            lines += chunk.count(b"\n")
            if start:
                data, start = data.removeprefix(codecs.BOM_UTF8), False
            yield data, place()


# -- whole files and Parquet --------------------------------------------------------------------------------------


def _essay_blocks(paths: Iterable[Path], encoding: str, size: int) -> Iterator[Block]:
    held: list[tuple[Path, str]] = []
    letters = passed = 0
    for path in paths:
        text = read.whole_text(path, encoding)
        if held and letters + len(text) > size:
            yield _essays(held, passed)
            held, letters, passed = [], 0, 0
        held.append((path, text))
        letters, passed = letters + len(text), passed + path.stat().st_size
    if held:
        yield _essays(held, passed)


def _essays(held: list[tuple[Path, str]], passed: int) -> Block:
    texts = pl.Series("text", [text for _, text in held], dtype=pl.String)
    return Block(tuple(path for path, _ in held), passed, partial(_same, texts))


def _parquet_blocks(path: Path, column: str, size: int) -> Iterator[Block]:
    total = path.stat().st_size
    with read.parsing(path), _unpacked(path) as file:
        table = pl.scan_parquet(file)
        # The number of rows is in the file's last bytes.
        rows, done = int(table.select(pl.len()).collect().item()), 0
        if column not in table.collect_schema():
            yield Block((path,), total, lambda: pl.Series(column, [None] * rows, dtype=pl.String))
            return
        for batch in table.select(pl.col(column).cast(pl.String)).collect_batches(
            chunk_size=_ROWS, maintain_order=True
        ):
            for texts in slices(batch.get_column(column), size):
                passed = total * (done + len(texts)) // rows - total * done // rows
                done += len(texts)
                yield Block((path,), passed, partial(_same, texts))


def _same(texts: pl.Series) -> pl.Series:
    return texts


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Give a Parquet file as it can be read in parts: one that was packed again, unpacked into a temporary file."""
    if path.suffix.lower() != ".gz":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder, read.opened(path) as (packed, _):
        plain = Path(folder) / "plain.parquet"
        with open(plain, "wb") as file:
            while chunk := packed.read(BLOCK):
                file.write(chunk)
        yield plain
