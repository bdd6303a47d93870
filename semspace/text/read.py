"""Files of many formats → one table of texts. Nothing here knows what a corpus promises."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Sequence
from glob import glob, has_magic
from pathlib import Path

import polars as pl

from semspace.bundle import PathLike, place_of
from semspace.errors import InputError, MissingFileError

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
    _check_encoding(encoding)
    paths, root = _resolve(place_of(path))
    texts = [one for one in paths if _kind(one) == "txt"] if root is not None else []
    frames = [_read_one(one, encoding, strings) for one in paths if one not in texts]
    if texts and root is not None:
        frames.append(_whole_texts(texts, root, encoding))
    if len(frames) == 1:
        return frames[0]
    return _stack(frames, paths)


def _stack(frames: Sequence[pl.DataFrame], paths: Sequence[Path]) -> pl.DataFrame:
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


def _kind(path: Path) -> str:
    kind = _kind_or_none(path)
    if kind is None:
        raise InputError(f"don't know how to read {path.name!r}; semspace reads {_KINDS}, each also as .gz")
    return kind


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.name.lower().endswith(".gz") else data
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise InputError(f"{path} is not a whole gzip file ({problem}); fetch or pack it again") from problem
    except OSError as problem:
        raise InputError(f"cannot read {path}: {problem.strerror or problem}") from problem


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
        line = data.count(b"\n", 0, problem.start) + 1
        raise InputError(
            f"{path} is not {encoding}: byte 0x{data[problem.start]:02x} at offset {problem.start} (line {line}); "
            f"say which encoding it has, for example encoding='latin-1' (--encoding latin-1)"
        ) from problem


def _read_one(path: Path, encoding: str, strings: Sequence[str]) -> pl.DataFrame:
    kind, data = _kind(path), _bytes(path)
    expected = _EXPECTED[kind]
    if not data.strip():
        raise InputError(f"{path} is empty; expected {expected}")
    try:
        return _READERS[kind](data if kind == "parquet" else _decode(data, path, encoding).encode(), strings)
    except (pl.exceptions.PolarsError, _UnreadableError) as problem:
        first = str(problem).strip().splitlines()[0]
        raise InputError(f"cannot read {path}: {first}; expected {expected}") from problem


def _text_lines(data: bytes, _: Sequence[str]) -> pl.DataFrame:
    # Not splitlines(), which also breaks at form feeds and other marks within a line.
    lines = pl.Series("text", data.decode().replace("\r\n", "\n").removesuffix("\n").split("\n"), dtype=pl.String)
    frame = pl.DataFrame({"id": pl.int_range(1, len(lines) + 1, eager=True).cast(pl.String), "text": lines})
    return frame.filter(pl.col("text").str.strip_chars() != "")


def _whole_texts(paths: Iterable[Path], root: Path, encoding: str) -> pl.DataFrame:
    rows = [(one.relative_to(root).as_posix(), _decode(_bytes(one), one, encoding)) for one in paths]
    return pl.DataFrame(rows, schema={"id": pl.String, "text": pl.String}, orient="row")


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


_READERS: dict[str, Reader] = {
    "txt": _text_lines,
    "csv": _delimited(",", '"'),
    # By the format's definition (IANA text/tab-separated-values) a quote in a TSV file is only a quote.
    "tsv": _delimited("\t", None),
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
