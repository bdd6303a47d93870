"""Files of many formats → texts, block by block, so that a source may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from semspace.bundle import PathLike
from semspace.errors import InputError
from semspace.text import read_corpus
from semspace.text.columns import TEXT_NAMES, as_texts, check_header, known_column, same_column, text_column
from semspace.text.decoding import text_of
from semspace.text.files import empty_file
from semspace.text.read_corpus import BLOCK, Records, Table
from semspace.text.read_options import Reading, Run
from semspace.text.type_inference import Words

_ROWS = 1_000  # of Parquet, at a time
_TEXTS = (pl.String, pl.Null, pl.Categorical, pl.Enum, pl.Binary)


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
    """What to read: the files, and which column of each holds the text.

    Parameters
    ----------
    files : tuple of (Records, str)
        Files of tables, lines or paragraphs, each with the name of its text column.
    essays : tuple of Path
        Files that are one document each.
    encoding : str
    """

    files: tuple[tuple[Records, str], ...]
    essays: tuple[Path, ...]
    encoding: str

    @classmethod
    def find(cls, path: PathLike, *, text: str | None = None, reading: Reading | None = None) -> Source:
        """Find what `path` means, as `Corpus.read` does.

        Only the beginning of each file is read, unless it leaves open which column holds the text.
        """
        reading = reading or Reading()
        files, essays, root = read_corpus.sources(path, reading)
        heads = [file.beginning() for file in files]
        if not _decided([frame for frame, _ in heads], files, text):
            heads = [(file_survey(file, *head), True) for file, head in zip(files, heads, strict=True)]
        tables = [
            Table(file.path, frame, file.layout is not None and file.layout.unsaid)
            for file, (frame, _) in zip(files, heads, strict=True)
        ]
        if essays:
            whole = pl.DataFrame(schema={"id": pl.String, "text": pl.String})
            tables.append(Table(root or essays[0], whole))
        union = read_corpus.stack([table.frame for table in tables])
        column = text_column(union, text, unsaid=any(table.unsaid for table in tables))
        for table in tables:
            check_header(table, column, text)
        own = [same.frame.columns.index(column) for same in same_column(tables, column)]
        if union.schema[column] not in _TEXTS:
            kind = union.schema[column]
            raise InputError(f"the text column {column!r} must hold strings; it holds {kind}: name another with text=")
        named = [(file, table.frame.columns[place]) for file, table, place in zip(files, tables, own, strict=False)]
        return cls(tuple(named), tuple(essays), reading.encoding)

    @property
    def size(self) -> int:
        """Bytes of all the files."""
        return sum(path.stat().st_size for path in (*(file.path for file, _ in self.files), *self.essays))

    def blocks(self, size: int = BLOCK) -> Iterator[Block]:
        """Walk the documents in blocks of about `size` bytes, and of one document at least."""
        for file, column in self.files:
            yield from (_parquet_blocks if file.kind == "parquet" else _record_blocks)(file, column, size)
        yield from _essay_blocks(self.essays, self.encoding, size)


def _decided(heads: Iterable[pl.DataFrame], files: Iterable[Records], text: str | None) -> bool:
    """Check whether the beginnings of files say for sure which column holds the text, and that it holds strings."""
    pairs = list(zip(heads, files, strict=True))
    for head, file in pairs:
        # Of JSON lines a later one may have a key of a likelier name, or strings where the first have numbers.
        lines = file.kind == "jsonl"
        column = text if text is not None else TEXT_NAMES[0] if lines else known_column(head.columns)
        if column not in head.columns or (lines and head.schema[column] not in _TEXTS):
            return False
    return True


def file_survey(file: Records, head: pl.DataFrame, whole: bool) -> pl.DataFrame:
    """Return a table of a row or none with the columns that a file has anywhere, of the types that all of it has."""
    if file.kind == "parquet":
        return _parquet_survey(file, head)
    if whole:
        return head
    words = Words()
    for run in file.runs(BLOCK):
        words.add(file.table(run))
    return words.sample()


def _parquet_survey(file: Records, head: pl.DataFrame) -> pl.DataFrame:
    texts = [name for name, kind in head.schema.items() if kind in _TEXTS and kind != pl.Null]
    if not texts:
        return head
    with read_corpus.parsing(file.path), read_corpus.unpacked(file.path) as path:
        letters = [pl.col(name).cast(pl.String, strict=False).str.contains(r"\p{L}").any() for name in texts]
        found = pl.scan_parquet(path).select(letters).collect().row(0)
    sample = {name: "a" if any_ else "1" for name, any_ in zip(texts, found, strict=True)}
    return pl.DataFrame(
        [
            pl.Series(name, [sample.get(name)], dtype=pl.String if name in sample else kind)
            for name, kind in head.schema.items()
        ]
    )


def blocks_of(texts: pl.Series, size: int = BLOCK) -> Iterator[Block]:
    """Walk texts that are in memory already."""
    for some in slices(texts, size):
        yield Block((Path("the corpus"),), int(some.str.len_bytes().sum()), partial(_same, some))


def slices(texts: pl.Series, size: int = BLOCK) -> Iterator[pl.Series]:
    """Cut a column of texts into blocks of about `size` bytes, and of one document at least."""
    ends = texts.str.len_bytes().fill_null(0).cum_sum()
    start = before = 0
    while start < len(texts):
        stop = max(int(ends.search_sorted(before + size, side="right")), start + 1)
        yield texts[start:stop]
        start, before = stop, int(ends[stop - 1])


# -- tables and lines ---------------------------------------------------------------------------------------------


def _record_blocks(file: Records, column: str, size: int) -> Iterator[Block]:
    position, blank = 0, True
    for run in file.runs(size):
        blank = blank and not run.data.strip()
        yield Block((file.path,), run.place - position, partial(_texts_of, file, run, column))
        position = run.place
    if blank and file.layout is None:
        raise empty_file(file.path)


def _texts_of(file: Records, run: Run, column: str) -> pl.Series:
    return file.table(run, column).to_series()


# -- whole files and Parquet --------------------------------------------------------------------------------------


def _essay_blocks(paths: Iterable[Path], encoding: str, size: int) -> Iterator[Block]:
    held: list[tuple[Path, str]] = []
    letters = passed = 0
    for path in paths:
        text = text_of(path, encoding)
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


def _parquet_blocks(file: Records, column: str, size: int) -> Iterator[Block]:
    total = file.path.stat().st_size
    if not total:
        raise empty_file(file.path)
    with read_corpus.parsing(file.path), read_corpus.unpacked(file.path) as path:
        table = pl.scan_parquet(path)
        # The number of rows is in the file's last bytes.
        rows, done = int(table.select(pl.len()).collect().item()), 0
        for batch in table.select(column).collect_batches(chunk_size=_ROWS, maintain_order=True):
            for texts in slices(as_texts(batch.get_column(column), column), size):
                passed = total * (done + len(texts)) // rows - total * done // rows
                done += len(texts)
                yield Block((file.path,), passed, partial(_same, texts))


def _same(texts: pl.Series) -> pl.Series:
    return texts
