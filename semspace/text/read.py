"""Files of many formats → one table of texts. Nothing here knows what a corpus promises."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

from semspace.bundle import PathLike, place_of
from semspace.errors import InputError, MissingFileError, SemspaceError

# The bytes of a file, and the columns to be read as strings → a table.
Reader = Callable[[bytes, Sequence[str]], pl.DataFrame]


class _UnreadableError(Exception):
    """A file that can be parsed, and can't be meant so."""


def read_table(path: PathLike, *, encoding: str = "utf-8", strings: Sequence[str] = ()) -> pl.DataFrame:
    """Read a file, a folder of texts, or a glob into a table with a column a format.

    A ``.txt`` file given by itself holds one document a line (the line number is its ``id``); the texts of a
    folder or a glob are one document a file (the path below the folder is its ``id``). Files of tables
    under a folder or a glob are put one below the other. Columns named in `strings` are read as they stand.
    """
    tables, essays, root = _sorted(path, encoding)
    frames = [_read_one(one, encoding, strings) for one in tables]
    if essays and root is not None:
        frames.append(_whole_texts(essays, root, encoding))
    if len(frames) == 1:
        return frames[0]
    return stack(frames, [*tables, *essays])


def sort_files(path: PathLike, encoding: str) -> tuple[list[Path], list[Path]]:
    """Find the files that `path` means: those of tables or lines, and those that are one document each."""
    tables, essays, _ = _sorted(path, encoding)
    return tables, essays


def _sorted(path: PathLike, encoding: str) -> tuple[list[Path], list[Path], Path | None]:
    _check_encoding(encoding)
    paths, root = _resolve(place_of(path))
    kinds = [kind_of(one) for one in paths]
    essays = [one for one, kind in zip(paths, kinds, strict=True) if kind == "txt" and root is not None]
    tables = [one for one, kind in zip(paths, kinds, strict=True) if kind != "txt" or root is None]
    return tables, essays, root


def stack(frames: Sequence[pl.DataFrame], paths: Sequence[Path]) -> pl.DataFrame:
    """Put tables one below the other, with all the columns there are."""
    try:
        return pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as problem:
        raise InputError(f"the {len(paths)} files don't have the same columns: {problem}") from problem


def _resolve(path: Path) -> tuple[list[Path], Path | None]:
    """Give the files meant by `path`, and the folder their ids start from (None for one file)."""
    if path.is_file():
        return [path], None
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.is_file() and _kind_or_none(p) and not _hidden(p, path))
        if not found:
            raise MissingFileError(f"no readable files in {path}; semspace reads {_KINDS}, each also as .gz")
        return found, path
    if has_magic(str(path)):
        found = sorted(p for p in map(Path, glob(str(path), recursive=True)) if p.is_file())  # noqa: PTH207  (Path.glob takes no absolute pattern)
        if not found:
            raise MissingFileError(f"no file matches {path}; check the pattern")
        return found, _fixed_part(path)
    raise MissingFileError(f"no file at {path}; check the path")


def _fixed_part(pattern: Path) -> Path:
    parts = pattern.parts
    first = next(i for i, part in enumerate(parts) if has_magic(part))
    return Path(*parts[:first])


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _kind_or_none(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz")
    ending = name.rpartition(".")[2] if "." in name else ""
    return _ENDINGS.get(ending)


def kind_of(path: Path) -> str:
    """Tell the format of a file from its name: txt, csv, tsv, jsonl or parquet."""
    kind = _kind_or_none(path)
    if kind is None:
        raise InputError(f"don't know how to read {path.name!r}; semspace reads {_KINDS}, each also as .gz")
    return kind


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, Callable[[], int]]]:
    """Open a file, unpacking a ``.gz``; with it comes what tells the place reached in the file as it lies there."""
    with _readable(path), open(path, "rb") as raw:
        if not path.name.lower().endswith(".gz"):
            yield raw, raw.tell
            return
        with gzip.GzipFile(fileobj=raw) as unpacked:
            yield cast("BinaryIO", unpacked), raw.tell


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except SemspaceError:
        raise
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise InputError(f"{path} is not a whole gzip file ({problem}); fetch or pack it again") from problem
    except OSError as problem:
        raise InputError(f"cannot read {path}: {problem.strerror or problem}") from problem


def _bytes(path: Path) -> bytes:
    with opened(path) as (file, _):
        return file.read()


def read_lines(path: PathLike) -> list[str]:
    """Read the lines of a UTF-8 file, also ``.gz``, without their ends."""
    file = place_of(path)
    if not file.is_file():
        raise MissingFileError(f"no file at {file}; check the path")
    return _decode(_bytes(file), file, "utf-8").splitlines()


def _check_encoding(encoding: str) -> None:
    try:
        "x".encode(encoding).decode(encoding)
    except (LookupError, TypeError) as problem:
        raise InputError(f"no encoding {encoding!r}; use a name such as utf-8, latin-1 or cp1252") from problem


def _decode(data: bytes, path: Path, encoding: str) -> str:
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        raise not_decoded(path, encoding, problem) from problem


def not_decoded(path: Path, encoding: str, problem: UnicodeDecodeError, offset: int = 0, lines: int = 0) -> InputError:
    """Make the error for a byte that doesn't fit, in bytes that start `offset` bytes and `lines` lines into a file."""
    data, at = problem.object, problem.start
    line = lines + data.count(b"\n", 0, at) + 1
    return InputError(
        f"{path} is not {encoding}: byte 0x{data[at]:02x} at offset {offset + at} (line {line}); "
        f"say which encoding it has, for example encoding='latin-1' (--encoding latin-1)"
    )


def empty_file(path: Path) -> InputError:
    """Make the error for a file with nothing in it."""
    return InputError(f"{path} is empty; expected {_EXPECTED[kind_of(path)]}")


def _read_one(path: Path, encoding: str, strings: Sequence[str]) -> pl.DataFrame:
    kind, data = kind_of(path), _bytes(path)
    if not data.strip():
        raise empty_file(path)
    with parsing(path):
        return READERS[kind](data if kind == "parquet" else _decode(data, path, encoding).encode(), strings)


@contextmanager
def parsing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a file is parsed into one sentence."""
    try:
        yield
    except (pl.exceptions.PolarsError, _UnreadableError) as problem:
        first = str(problem).strip().splitlines()[0]
        raise InputError(f"cannot read {path}: {first}; expected {_EXPECTED[kind_of(path)]}") from problem


def text_lines(data: bytes, _: Sequence[str] = ()) -> pl.DataFrame:
    """Make a table of the lines that aren't blank."""
    # Not splitlines(), which also breaks at form feeds and other marks within a line.
    lines = pl.Series("text", data.decode().replace("\r\n", "\n").removesuffix("\n").split("\n"), dtype=pl.String)
    frame = pl.DataFrame({"id": pl.int_range(1, len(lines) + 1, eager=True).cast(pl.String), "text": lines})
    return frame.filter(pl.col("text").str.strip_chars() != "")


def _whole_texts(paths: Iterable[Path], root: Path, encoding: str) -> pl.DataFrame:
    rows = [(one.relative_to(root).as_posix(), whole_text(one, encoding)) for one in paths]
    return pl.DataFrame(rows, schema={"id": pl.String, "text": pl.String}, orient="row")


def whole_text(path: Path, encoding: str) -> str:
    """Read a whole text file, also ``.gz``."""
    return _decode(_bytes(path), path, encoding)


def delimited_strings(data: bytes, kind: str, column: str) -> pl.Series:
    """Read one column of a csv or tsv table as it stands; nulls if it isn't there."""
    separator, quote = _MARKS[kind]
    header = pl.read_csv(io.BytesIO(data), separator=separator, quote_char=quote, n_rows=0).columns
    table = pl.read_csv(
        io.BytesIO(data),
        separator=separator,
        quote_char=quote,
        infer_schema_length=0,  # everything is a string
        columns=[column if column in header else header[0]],
    )
    return table.to_series() if column in header else pl.Series(column, [None] * len(table), dtype=pl.String)


def _delimited(separator: str, quote: str | None) -> Reader:
    def read(data: bytes, strings: Sequence[str]) -> pl.DataFrame:
        header = pl.read_csv(io.BytesIO(data), separator=separator, quote_char=quote, n_rows=0).columns
        other = next((mark for mark in _SEPARATORS if len(header) == 1 and mark in header[0]), None)
        if other is not None:
            raise _UnreadableError(f"its only column is {header[0]!r}; is the table separated by {other!r}?")
        # Other types are guessed from every row: a guess from the first hundred fails on a late surprise.
        return pl.read_csv(
            io.BytesIO(data),
            separator=separator,
            quote_char=quote,
            infer_schema_length=None,
            schema_overrides={name: pl.String for name in strings if name in header},
        )

    return read


# By the format's definition (IANA text/tab-separated-values) a quote in a TSV file is only a quote.
_MARKS: dict[str, tuple[str, str | None]] = {"csv": (",", '"'), "tsv": ("\t", None)}
READERS: dict[str, Reader] = {
    "txt": text_lines,
    "csv": _delimited(*_MARKS["csv"]),
    "tsv": _delimited(*_MARKS["tsv"]),
    "jsonl": lambda data, _: pl.read_ndjson(io.BytesIO(data), infer_schema_length=None),
    "parquet": lambda data, _: pl.read_parquet(io.BytesIO(data)),
}
_SEPARATORS = (";", "\t", "|", ",")
_TABLE = "a table with a header row and the same number of columns in each row, by commas in .csv and tabs in .tsv"
_EXPECTED = {
    "txt": "one document a line",
    "csv": _TABLE,
    "tsv": _TABLE,
    "jsonl": "one JSON object a line",
    "parquet": "a Parquet file",
}
_ENDINGS = {
    "txt": "txt", "cor": "txt", "csv": "csv", "tsv": "tsv", "jsonl": "jsonl", "ndjson": "jsonl", "parquet": "parquet"
}  # fmt: skip
_KINDS = "txt, csv, tsv, jsonl and parquet"
