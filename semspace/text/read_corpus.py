"""Reading files of several formats into tables of texts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import polars as pl

from semspace import checks, pools
from semspace.errors import InputError, SemspaceError
from semspace.files import PathLike
from semspace.table_claims import check_parquet
from semspace.text.dataframes import check_column_names
from semspace.text.decoding import decode_chunks, read_head, read_text
from semspace.text.delimited import CsvDialect, detect_dialect, parse_rows, table_chunks
from semspace.text.files import EXPECTED, empty_file_error, file_format, find_files, open_unpacked
from semspace.text.json_lines import object_chunks, parse_objects
from semspace.text.plain_text import cut_function, parse_documents, warn_of_prose
from semspace.text.read_options import ReadOptions, RecordChunk, record_chunks
from semspace.text.type_inference import infer_types

BLOCK = 1 << 20  # number of bytes of a block of documents
_LARGE = 1 << 24  # number of bytes parsed at a time where a whole file is read
_NOTHING: tuple[str, ...] = ()


class Records(NamedTuple):
    """A file whose records are documents: its format, the dialect of a csv or tsv, and the unit of a .txt's documents.

    `prefix` is put before the ids of a .txt that is one of several files.
    """

    path: Path
    kind: str
    dialect: CsvDialect | None
    unit: str
    encoding: str
    prefix: str = ""

    def chunks(self, size: int) -> Iterator[RecordChunk]:
        """Iterate over the records in chunks of about `size` bytes (not for Parquet)."""
        if self.dialect is not None:
            return table_chunks(self.path, self.dialect, self.encoding, size)
        if self.kind == "jsonl":
            return object_chunks(self.path, self.encoding, size)
        return record_chunks(self.path, decode_chunks(self.path, self.encoding, size), cut_function(self.unit))

    def table(self, chunk: RecordChunk, column: str | None = None) -> pl.DataFrame:
        """Return a chunk as a table, or one column of it as strings, with null where it is missing."""
        with parse_errors(self.path):
            if self.dialect is not None:
                return parse_rows(self.path, self.dialect, chunk, column)
            if self.kind == "jsonl":
                return parse_objects(self.path, chunk, column)
        frame = parse_documents(chunk, self.unit)
        if self.prefix:
            frame = frame.with_columns(pl.concat_str([pl.lit(self.prefix), "id"]).alias("id"))
        return frame if column is None else frame.select(column)

    def beginning(self) -> tuple[pl.DataFrame, bool]:
        """Return a table of the first records, and whether it has all columns and types of the file."""
        if self.kind == "parquet":
            with parse_errors(self.path), unpacked_parquet(self.path) as file:
                return pl.scan_parquet(file).head(0).collect(), True
        if self.kind == "jsonl":
            head, whole = read_head(self.path, self.encoding)
            if not head.strip():
                raise empty_file_error(self.path)
            if head.lstrip().startswith(b"["):
                return self.whole(), True
            if not whole and not head.endswith(b"\n"):  # the first line is longer
                return pl.DataFrame(), False
            return self.table(RecordChunk(head, 1, 0)), whole
        if self.dialect is not None:
            return pl.DataFrame(schema=dict.fromkeys(self.dialect.names, pl.String)), False
        return pl.DataFrame(schema={"id": pl.String, "text": pl.String}), True

    def whole(self) -> pl.DataFrame:
        """Return all records as a table; columns of csv and tsv are strings."""
        if self.kind == "parquet":
            if not self.path.stat().st_size:
                raise empty_file_error(self.path)
            with parse_errors(self.path), unpacked_parquet(self.path) as file:
                return pl.read_parquet(file)
        if self.kind == "jsonl":  # types are inferred from all lines
            parts = [chunk.data for chunk in self.chunks(_LARGE)]
            data = b"".join(parts)
            if not data.strip():
                raise empty_file_error(self.path)
            return self.table(RecordChunk(data, 1, 0))
        tables = [self.table(chunk) for chunk in self.chunks(_LARGE)]
        if self.dialect is None and not any(map(len, tables)):
            raise empty_file_error(self.path)
        return pl.concat([self.beginning()[0], *tables])


class FileTable(NamedTuple):
    """The content of a file, or of all files that are one document each; `assumed_header` as in `CsvDialect`."""

    path: Path
    frame: pl.DataFrame
    assumed_header: bool = False


def read_table(path: PathLike, *, encoding: str = "utf-8", strings: Sequence[str] = ()) -> pl.DataFrame:
    """Read a file, a folder, or a glob into one table.

    A single ``.txt`` file holds one document per line (its ``id`` is the line number); the ``.txt`` files of a folder
    or a glob are one document each (its ``id`` is the path below the folder). The tables of several files are
    concatenated. Types of the columns named in `strings` aren't inferred.
    """
    return stack_tables(
        [table.frame for table in read_tables(path, ReadOptions(encoding, documents=None), strings, quiet=True)]
    )


def read_tables(
    path: PathLike, options: ReadOptions, strings: Sequence[str] = _NOTHING, *, quiet: bool = False
) -> list[FileTable]:
    """Read the files at `path` into one table each, and all files that are one document each into one table."""
    files, whole_files, root = find_sources(path, options, quiet=quiet)
    frames = [file.whole() for file in files]
    for frame in frames:
        check_column_names(frame.columns)
    delimited = [index for index, file in enumerate(files) if file.dialect is not None]
    for index, frame in zip(delimited, infer_types([frames[i] for i in delimited], strings), strict=True):
        frames[index] = frame
    tables = [
        FileTable(file.path, frame, file.dialect is not None and file.dialect.assumed_header)
        for file, frame in zip(files, frames, strict=True)
    ]
    if whole_files:
        rows = [
            (document_id(document_path, root), read_text(document_path, options.encoding))
            for document_path in whole_files
        ]
        tables.append(FileTable(root or whole_files[0], pl.DataFrame(rows, schema=["id", "text"], orient="row")))
    return tables


def find_sources(
    path: PathLike, options: ReadOptions, *, quiet: bool = False
) -> tuple[list[Records], list[Path], Path | None]:
    """Return the files at `path`: those with records, those that are one document each, and the root of ids."""
    inputs = find_files(path)
    kinds = [file_format(file_path) for file_path in inputs.paths]
    _refuse_idle(path, options, kinds)
    unit = options.documents or ("file" if inputs.root is not None else "lines")
    files, whole_files = [], []
    for file_path, kind in zip(inputs.paths, kinds, strict=True):
        if kind == "txt" and unit == "file":
            whole_files.append(file_path)
            continue
        if kind == "txt" and options.documents is None and not quiet:
            warn_of_prose(file_path, options.encoding)
        dialect = detect_dialect(file_path, kind, options) if kind in ("csv", "tsv") else None
        prefix = f"{document_id(file_path, inputs.root)}:" if kind == "txt" and inputs.root is not None else ""
        files.append(Records(file_path, kind, dialect, unit, options.encoding, prefix))
    return files, whole_files, inputs.root


def _refuse_idle(path: PathLike, options: ReadOptions, kinds: Sequence[str]) -> None:
    """Raise if an option was given that applies to none of the files."""
    tables = {"separator": options.separator, "header": options.header, "columns": options.columns}
    unused = next((name for name, value in tables.items() if value is not None), None)
    if unused is not None and not {"csv", "tsv"} & set(kinds):
        raise InputError(f"{unused}= applies to csv and tsv, and {path} has none; leave it out")
    if options.documents is not None and "txt" not in kinds:
        raise InputError(f"documents= applies to txt, and {path} has none; leave it out")


def document_id(path: Path, root: Path | None) -> str:
    """Return the id of a file that is one document."""
    return path.name if root is None else path.relative_to(root).as_posix()


def stack_tables(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Concatenate tables, with the union of their columns."""
    frames = list(frames)
    if len(frames) == 1:
        return frames[0]
    try:
        return pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as problem:
        first = str(problem).strip().splitlines()[0]
        raise InputError(f"the columns of the {len(frames)} files have different types: {first}") from problem


@contextmanager
def parse_errors(path: Path) -> Iterator[None]:
    """Raise an `InputError` that names the file for errors of parsing."""
    try:
        yield
    except SemspaceError:
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as problem:
        pools.raise_interrupt(problem)
        first = checks.first_line(problem)
        raise InputError(f"cannot read {path}: {first}; expected {EXPECTED[file_format(path)]}") from problem


@contextmanager
def unpacked_parquet(path: Path) -> Iterator[Path]:
    """Return the path of a Parquet file; a ``.gz`` is unpacked into a temporary file to be read in parts."""
    if path.suffix.lower() != ".gz":
        with open(path, "rb") as file:
            check_parquet(file)
        yield path
        return
    with tempfile.TemporaryDirectory() as folder, open_unpacked(path) as (packed, _):
        plain = Path(folder) / "plain.parquet"
        with open(plain, "wb") as file:
            while chunk := packed.read(BLOCK):
                file.write(chunk)
        with open(plain, "rb") as file:
            check_parquet(file)
        yield plain
