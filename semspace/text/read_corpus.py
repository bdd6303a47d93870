"""Files of many formats → tables of texts. Nothing here knows what a corpus promises."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import polars as pl

from semspace.bundle import PathLike
from semspace.errors import InputError
from semspace.text.decoding import decoded, head_of, text_of
from semspace.text.delimited import Layout, layout_of, rows_in, table_runs
from semspace.text.files import EXPECTED, empty_file, find, kind_of, opened
from semspace.text.json_lines import object_runs, objects_in
from semspace.text.plain_text import cut_of, documents_of, note_prose
from semspace.text.read_options import Reading, Run, runs
from semspace.text.type_inference import typed

BLOCK = 1 << 20
_LARGE = 1 << 24  # bytes of a table that are parsed at a time, where all of it is wanted
_NOTHING: tuple[str, ...] = ()


class Records(NamedTuple):
    """A file whose records are documents: its kind, how a table in it is written, and what a .txt's documents are.

    `prefix` comes before the ids of a .txt among others.
    """

    path: Path
    kind: str
    layout: Layout | None
    unit: str
    encoding: str
    prefix: str = ""

    def runs(self, size: int) -> Iterator[Run]:
        """Walk the records in runs of about `size` bytes; not of Parquet, which isn't text."""
        if self.layout is not None:
            return table_runs(self.path, self.layout, self.encoding, size)
        if self.kind == "jsonl":
            return object_runs(self.path, self.encoding, size)
        return runs(self.path, decoded(self.path, self.encoding, size), cut_of(self.unit))

    def table(self, run: Run, column: str | None = None) -> pl.DataFrame:
        """Return a run as a table, or as one column of strings, null where it isn't there."""
        with parsing(self.path):
            if self.layout is not None:
                return rows_in(self.path, self.layout, run, column)
            if self.kind == "jsonl":
                return objects_in(self.path, run, column)
        made = documents_of(run, self.unit)
        if self.prefix:
            made = made.with_columns(pl.concat_str([pl.lit(self.prefix), "id"]).alias("id"))
        return made if column is None else made.select(column)

    def beginning(self) -> tuple[pl.DataFrame, bool]:
        """Return a table of the first records, and whether these are all."""
        if self.kind == "parquet":
            with parsing(self.path), unpacked(self.path) as file:
                return pl.scan_parquet(file).head(0).collect(), True
        if self.kind == "jsonl":
            head, whole = head_of(self.path, self.encoding)
            if not head.strip():
                raise empty_file(self.path)
            if head.lstrip().startswith(b"["):
                return self.whole(), True
            if not whole and not head.endswith(b"\n"):  # the first line is longer
                return pl.DataFrame(), False
            return self.table(Run(head, 1, 0)), whole
        if self.layout is not None:
            return pl.DataFrame(schema=dict.fromkeys(self.layout.names, pl.String)), False
        return pl.DataFrame(schema={"id": pl.String, "text": pl.String}), True

    def whole(self) -> pl.DataFrame:
        """Return all records as a table; those of csv and tsv are strings."""
        if self.kind == "parquet":
            if not self.path.stat().st_size:
                raise empty_file(self.path)
            with parsing(self.path), unpacked(self.path) as file:
                return pl.read_parquet(file)
        if self.kind == "jsonl":  # types are told from all lines
            parts = [run.data for run in self.runs(_LARGE)]
            data = b"".join(parts)
            if not data.strip():
                raise empty_file(self.path)
            return self.table(Run(data, 1, 0))
        tables = [self.table(run) for run in self.runs(_LARGE)]
        if self.layout is None and not any(map(len, tables)):
            raise empty_file(self.path)
        return pl.concat([self.beginning()[0], *tables])


class Table(NamedTuple):
    """What one file holds, or all single texts together, and whether nobody said that its first row is a header."""

    path: Path
    frame: pl.DataFrame
    unsaid: bool = False


def read_table(path: PathLike, *, encoding: str = "utf-8", strings: Sequence[str] = ()) -> pl.DataFrame:
    """Read a file, a folder of texts, or a glob into a table with a column a format.

    A ``.txt`` file given by itself holds one document a line (the line number is its ``id``); the texts of a
    folder or a glob are one document a file (the path below the folder is its ``id``). Files of tables
    under a folder or a glob are put one below the other. Columns named in `strings` are read as they stand.
    """
    return stack([table.frame for table in read_tables(path, Reading(encoding, documents=None), strings, quiet=True)])


def read_tables(
    path: PathLike, reading: Reading, strings: Sequence[str] = _NOTHING, *, quiet: bool = False
) -> list[Table]:
    """Read the files that `path` means, one table each, and one of all texts that are a document a file."""
    files, essays, root = sources(path, reading, quiet=quiet)
    frames = [file.whole() for file in files]
    delimited = [place for place, file in enumerate(files) if file.layout is not None]
    for place, frame in zip(delimited, typed([frames[i] for i in delimited], strings), strict=True):
        frames[place] = frame
    tables = [
        Table(file.path, frame, file.layout is not None and file.layout.unsaid)
        for file, frame in zip(files, frames, strict=True)
    ]
    if essays:
        rows = [(id_of(one, root), text_of(one, reading.encoding)) for one in essays]
        tables.append(Table(root or essays[0], pl.DataFrame(rows, schema=["id", "text"], orient="row")))
    return tables


def sources(path: PathLike, reading: Reading, *, quiet: bool = False) -> tuple[list[Records], list[Path], Path | None]:
    """Find the files that `path` means: those of records, those that are one document each, and where ids start."""
    found = find(path)
    kinds = [kind_of(one) for one in found.paths]
    _refuse_idle(path, reading, kinds)
    unit = reading.documents or ("file" if found.root is not None else "lines")
    files, essays = [], []
    for one, kind in zip(found.paths, kinds, strict=True):
        if kind == "txt" and unit == "file":
            essays.append(one)
            continue
        if kind == "txt" and reading.documents is None and not quiet:
            note_prose(one, reading.encoding)
        layout = layout_of(one, kind, reading) if kind in ("csv", "tsv") else None
        prefix = f"{id_of(one, found.root)}:" if kind == "txt" and found.root is not None else ""
        files.append(Records(one, kind, layout, unit, reading.encoding, prefix))
    return files, essays, found.root


def _refuse_idle(path: PathLike, reading: Reading, kinds: Sequence[str]) -> None:
    """Raise if something was said that has no use with any of the files."""
    tables = {"separator": reading.separator, "header": reading.header, "columns": reading.columns}
    idle = next((name for name, value in tables.items() if value is not None), None)
    if idle is not None and not {"csv", "tsv"} & set(kinds):
        raise InputError(f"{idle}= has no use with {path}, which holds no csv or tsv; leave it out")
    if reading.documents is not None and "txt" not in kinds:
        raise InputError(f"documents= has no use with {path}, which holds no txt; leave it out")


def id_of(path: Path, root: Path | None) -> str:
    """Return the id of a text that is a document by itself."""
    return path.name if root is None else path.relative_to(root).as_posix()


def stack(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Put tables one below the other, with all the columns there are."""
    frames = list(frames)
    if len(frames) == 1:
        return frames[0]
    try:
        return pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as problem:
        first = str(problem).strip().splitlines()[0]
        raise InputError(f"the {len(frames)} files don't have the same columns: {first}") from problem


@contextmanager
def parsing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a file is parsed into one sentence."""
    try:
        yield
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as problem:
        first = str(problem).strip().splitlines()[0]
        raise InputError(f"cannot read {path}: {first}; expected {EXPECTED[kind_of(path)]}") from problem


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give a Parquet file as it can be read in parts: one that was packed again, unpacked into a temporary file."""
    if path.suffix.lower() != ".gz":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder, opened(path) as (packed, _):
        plain = Path(folder) / "plain.parquet"
        with open(plain, "wb") as file:
            while chunk := packed.read(BLOCK):
                file.write(chunk)
        yield plain
