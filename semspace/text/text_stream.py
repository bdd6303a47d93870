"""Reading texts block by block, so that a source may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from semspace.errors import InputError
from semspace.files import PathLike
from semspace.text import read_corpus
from semspace.text.columns import TEXT_NAMES, check_header, same_text_column, text_column, to_strings, usual_text_column
from semspace.text.decoding import read_text
from semspace.text.files import empty_file_error
from semspace.text.read_corpus import BLOCK, FileTable, Records
from semspace.text.read_options import ReadOptions, RecordChunk
from semspace.text.type_inference import TypeSurvey

_ROWS = 1_000  # number of rows of Parquet read at a time
_TEXTS = (pl.String, pl.Null, pl.Categorical, pl.Enum, pl.Binary)


class TextBlock(NamedTuple):
    """Consecutive documents of a source.

    ``texts()`` parses them in the calling thread and returns n strings, null for documents without text. ``size`` is
    the number of bytes of the source read since the last block. ``paths`` holds one file for all, or one per document.
    """

    paths: tuple[Path, ...]
    size: int
    texts: Callable[[], pl.Series]


@dataclass(frozen=True)
class TextSource:
    """The files to read, and the text column of each.

    Parameters
    ----------
    files : tuple of (Records, str)
        Files with records (rows, lines or paragraphs), each with the name of its text column.
    whole_files : tuple of Path
        Files that are one document each.
    encoding : str
    """

    files: tuple[tuple[Records, str], ...]
    whole_files: tuple[Path, ...]
    encoding: str

    @classmethod
    def find(cls, path: PathLike, *, text: str | None = None, options: ReadOptions | None = None) -> TextSource:
        """Return the source at `path`, found as by `Corpus.read`.

        Only the beginning of each file is read, unless the text column can't be decided from it.
        """
        options = options or ReadOptions()
        files, whole_files, root = read_corpus.find_sources(path, options)
        heads = [file.beginning() for file in files]
        if not _decided([frame for frame, _ in heads], files, text):
            heads = [(file_survey(file, *head), True) for file, head in zip(files, heads, strict=True)]
        tables = [
            FileTable(file.path, frame, file.dialect is not None and file.dialect.assumed_header)
            for file, (frame, _) in zip(files, heads, strict=True)
        ]
        if whole_files:
            whole = pl.DataFrame(schema={"id": pl.String, "text": pl.String})
            tables.append(FileTable(root or whole_files[0], whole))
        union = read_corpus.stack_tables([table.frame for table in tables])
        column = text_column(union, text, assumed_header=any(table.assumed_header for table in tables))
        for table in tables:
            check_header(table, column, text)
        indices = [same.frame.columns.index(column) for same in same_text_column(tables, column)]
        if union.schema[column] not in _TEXTS:
            kind = union.schema[column]
            raise InputError(
                f"the text column {column!r} must hold strings; it holds {kind}; choose another with text="
            )
        named = [(file, table.frame.columns[index]) for file, table, index in zip(files, tables, indices, strict=False)]
        return cls(tuple(named), tuple(whole_files), options.encoding)

    @property
    def size(self) -> int:
        """Number of bytes of all files."""
        return sum(path.stat().st_size for path in (*(file.path for file, _ in self.files), *self.whole_files))

    def blocks(self, size: int = BLOCK) -> Iterator[TextBlock]:
        """Iterate over the documents in blocks of about `size` bytes and at least one document."""
        for file, column in self.files:
            yield from (_parquet_blocks if file.kind == "parquet" else _record_blocks)(file, column, size)
        yield from _whole_file_blocks(self.whole_files, self.encoding, size)


def _decided(heads: Iterable[pl.DataFrame], files: Iterable[Records], text: str | None) -> bool:
    """Check whether the beginnings of files determine the text column, and that it holds strings."""
    pairs = list(zip(heads, files, strict=True))
    for head, file in pairs:
        # In JSON lines a later object may have a key with a likelier name, or strings where the first have numbers.
        lines = file.kind == "jsonl"
        column = text if text is not None else TEXT_NAMES[0] if lines else usual_text_column(head.columns)
        if column not in head.columns or (lines and head.schema[column] not in _TEXTS):
            return False
    return True


def file_survey(file: Records, head: pl.DataFrame, whole: bool) -> pl.DataFrame:
    """Return a table of at most one row with all columns of a file, in the types that they have over the whole file."""
    if file.kind == "parquet":
        return _parquet_survey(file, head)
    if whole:
        return head
    words = TypeSurvey()
    for chunk in file.chunks(BLOCK):
        words.add(file.table(chunk))
    return words.sample()


def _parquet_survey(file: Records, head: pl.DataFrame) -> pl.DataFrame:
    texts = [name for name, kind in head.schema.items() if kind in _TEXTS and kind != pl.Null]
    if not texts:
        return head
    with read_corpus.parse_errors(file.path), read_corpus.unpacked_parquet(file.path) as path:
        letters = [pl.col(name).cast(pl.String, strict=False).str.contains(r"\p{L}").any() for name in texts]
        has_letters = pl.scan_parquet(path).select(letters).collect().row(0)
    sample = {name: "a" if any_ else "1" for name, any_ in zip(texts, has_letters, strict=True)}
    return pl.DataFrame(
        [
            pl.Series(name, [sample.get(name)], dtype=pl.String if name in sample else kind)
            for name, kind in head.schema.items()
        ]
    )


def text_blocks(texts: pl.Series, size: int = BLOCK) -> Iterator[TextBlock]:
    """Iterate over blocks of texts that are in memory."""
    for part in slice_texts(texts, size):
        yield TextBlock((Path("the corpus"),), int(part.str.len_bytes().sum()), partial(_same, part))


def slice_texts(texts: pl.Series, size: int = BLOCK) -> Iterator[pl.Series]:
    """Iterate over slices of a column of texts, of about `size` bytes and at least one document."""
    ends = texts.str.len_bytes().fill_null(0).cum_sum()
    start = before = 0
    while start < len(texts):
        stop = max(int(ends.search_sorted(before + size, side="right")), start + 1)
        yield texts[start:stop]
        start, before = stop, int(ends[stop - 1])


# -- tables and lines ---------------------------------------------------------------------------------------------


def _record_blocks(file: Records, column: str, size: int) -> Iterator[TextBlock]:
    position, blank = 0, True
    for chunk in file.chunks(size):
        blank = blank and not chunk.data.strip()
        yield TextBlock((file.path,), chunk.position - position, partial(_texts_of, file, chunk, column))
        position = chunk.position
    if blank and file.dialect is None:
        raise empty_file_error(file.path)


def _texts_of(file: Records, chunk: RecordChunk, column: str) -> pl.Series:
    return file.table(chunk, column).to_series()


# -- whole files and Parquet --------------------------------------------------------------------------------------


def _whole_file_blocks(paths: Iterable[Path], encoding: str, size: int) -> Iterator[TextBlock]:
    pending: list[tuple[Path, str]] = []
    letters = passed = 0
    for path in paths:
        text = read_text(path, encoding)
        if pending and letters + len(text) > size:
            yield _whole_file_block(pending, passed)
            pending, letters, passed = [], 0, 0
        pending.append((path, text))
        letters, passed = letters + len(text), passed + path.stat().st_size
    if pending:
        yield _whole_file_block(pending, passed)


def _whole_file_block(pending: list[tuple[Path, str]], passed: int) -> TextBlock:
    texts = pl.Series("text", [text for _, text in pending], dtype=pl.String)
    return TextBlock(tuple(path for path, _ in pending), passed, partial(_same, texts))


def _parquet_blocks(file: Records, column: str, size: int) -> Iterator[TextBlock]:
    total = file.path.stat().st_size
    if not total:
        raise empty_file_error(file.path)
    with read_corpus.parse_errors(file.path), read_corpus.unpacked_parquet(file.path) as path:
        table = pl.scan_parquet(path)
        # The number of rows comes from the file's footer.
        rows, done = int(table.select(pl.len()).collect().item()), 0
        for batch in table.select(column).collect_batches(chunk_size=_ROWS, maintain_order=True):
            for texts in slice_texts(to_strings(batch.get_column(column), column), size):
                passed = total * (done + len(texts)) // rows - total * done // rows
                done += len(texts)
                yield TextBlock((file.path,), passed, partial(_same, texts))


def _same(texts: pl.Series) -> pl.Series:
    return texts
