"""`Corpus`: documents in columns, with unique ids, non-empty texts, and metadata."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import polars as pl

from semspace import checks, pools
from semspace.bundle import Bundle, PathLike, create_bundle, digest
from semspace.display import clip, html_table, text_table
from semspace.errors import InputError
from semspace.text.columns import TEXT_NAMES, check_header, id_column, same_text_column, text_column, to_strings
from semspace.text.dataframes import as_polars, storable
from semspace.text.files import warn_user
from semspace.text.read_corpus import FileTable, read_tables, stack_tables
from semspace.text.read_options import ReadOptions

KIND = "corpus"


class Document(NamedTuple):
    """A document, as returned by iteration over a corpus."""

    id: str
    text: str


@dataclass(frozen=True, eq=False, repr=False)
class Corpus:
    """Documents in columns: ``id``, ``text``, and whatever metadata came with them.

    Create one with `Corpus.read`, `Corpus.from_frame` or `Corpus.from_texts`. It is immutable: `select`, `filter`,
    `head` and `sample` return new ones. It can be iterated over any number of times.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns ``id`` (unique strings) and ``text`` (non-empty strings), then metadata.
    provenance : mapping
        Origin of the corpus.

    Examples
    --------
    >>> import semspace as ss
    >>> corpus = ss.Corpus.from_texts(["the cat sat", "dogs bark"], ids=["a", "b"])
    >>> len(corpus), corpus["b"]
    (2, 'dogs bark')
    """

    frame: pl.DataFrame
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pools.need_polars("a corpus")
        if not isinstance(self.frame, pl.DataFrame):
            raise InputError(
                f"Corpus takes a polars DataFrame; got {type(self.frame).__name__}: use Corpus.from_texts for a list "
                "of strings, Corpus.from_frame for other tables, or Corpus.read for files"
            )
        if not {"id", "text"} <= set(self.frame.columns):
            raise InputError("a corpus needs the columns id and text; Corpus.from_frame takes columns of other names")
        object.__setattr__(self, "frame", storable(self.frame))
        if not len(self.frame):
            raise InputError("a corpus needs at least one document; got none")
        if self.ids.n_unique() < len(self):
            checks.unique("document ids", self.ids.to_list())

    # -- creating one -------------------------------------------------------------------------------------

    @classmethod
    def read(
        cls,
        source: PathLike | Any,
        *,
        text: str | None = None,
        id: str | None = None,
        empty: str = "raise",
        encoding: str = "utf-8",
        separator: str | None = None,
        header: bool | None = None,
        columns: Sequence[str] | None = None,
        documents: str | None = None,
    ) -> Corpus:
        """Read csv, tsv, jsonl, parquet or txt (each also ``.gz``), a folder of them, a glob, or a DataFrame.

        Parameters
        ----------
        source : path, pattern, or polars or pandas DataFrame
            A ``.txt`` file holds one document per line; in a folder or a glob, each ``.txt`` file is one document: see
            `documents`. A ``.json`` file holds an array of objects, or an object per line like ``.jsonl``.
        text : str, optional
            Name of the text column. By default ``text``, ``body``, ``content``, ``document`` or ``sentence``,
            else the only column with words.
        id : str, optional
            Name of the id column. By default ``id``, else rows are numbered from 0.
        empty : {"raise", "drop"}
            Raise an error for documents without text, or leave them out with a warning.
        encoding : str
            Encoding of text files, for example ``"cp1252"``; a byte order mark overrides it. An invalid byte is an
            error and never skipped.
        separator : str, optional
            Separator of the columns of a csv or tsv, such as ``";"`` or ``"tab"``; by default detected from the first
            rows. Quoted fields in a tsv are recognised only if it is given.
        header : bool, optional
            Whether the first row of a csv or tsv holds the column names. By default it does, and a row that looks like
            a document is an error. Without a header, columns are called ``column_1`` and so on.
        columns : sequence of str, optional
            Names of the columns of a csv or tsv without a header.
        documents : {"lines", "file", "paragraphs"}, optional
            Unit of documents in ``.txt`` files. By default the lines of a single file, and each file of several. The id
            of a line or paragraph is the number of its first line.

        Raises
        ------
        MissingFileError
            If there is no file at the path.
        InputError
            If the file can't be read (wrong encoding, malformed table), a column is missing, ids aren't unique, or a
            document is empty.
        """
        options = ReadOptions(encoding, separator, header, columns, documents)
        if not isinstance(source, (str, os.PathLike)):
            options.refuse_for("a DataFrame")
            return cls.from_frame(source, text=text, id=id, empty=empty)
        checks.choice("empty", empty, ("raise", "drop"))
        # Types of ids and texts aren't inferred: an id 007 isn't a number, and neither is a text of digits.
        tables = read_tables(
            source, options, (*((id,) if id else ("id", "ID", "Id")), *((text,) if text else TEXT_NAMES))
        )
        union = stack_tables([table.frame for table in tables])
        column = text_column(union, text, assumed_header=any(table.assumed_header for table in tables))
        for table in tables:
            check_header(table, column, text)
        tables = same_text_column(tables, column)
        named = id_column(union, id)
        _check_ids(tables, named)
        documents_frame, dropped = _documents(
            stack_tables([table.frame for table in tables]), column, named, empty, tables
        )
        return cls(documents_frame, {**dropped, "source": str(source)})

    @classmethod
    def from_frame(cls, frame: Any, *, text: str | None = None, id: str | None = None, empty: str = "raise") -> Corpus:
        """Create a corpus from a polars or pandas DataFrame; see `read` for the parameters.

        A lazy polars frame is collected by the engine that keeps the order of its rows.
        """
        checks.choice("empty", empty, ("raise", "drop"))
        table = as_polars(frame)
        return cls(*_documents(table, text_column(table, text), id_column(table, id), empty))

    @classmethod
    def from_texts(cls, texts: Sequence[str], ids: Sequence[str] | None = None) -> Corpus:
        """Create a corpus from a list of strings, numbered from 0 unless `ids` are given."""
        rows = checks.strings("texts", texts)
        names = [str(i) for i in range(len(rows))] if ids is None else checks.strings("ids", ids)
        if len(names) != len(rows):
            raise InputError(f"ids and texts must have the same length; got {len(names)} ids and {len(rows)} texts")
        return cls.from_frame(pl.DataFrame({"id": names, "text": rows}, schema={"id": pl.String, "text": pl.String}))

    # -- access -----------------------------------------------------------------------------------------

    @property
    def ids(self) -> pl.Series:
        """The ids, in order (polars Series of n strings)."""
        return self.frame["id"]

    @property
    def texts(self) -> pl.Series:
        """The texts, in order (polars Series of n strings)."""
        return self.frame["text"]

    @property
    def metadata(self) -> pl.DataFrame:
        """The columns except ``text``: ``id`` and the metadata."""
        return self.frame.drop("text")

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids and texts, in order."""
        parts = (part.encode() for document in self for part in document)
        return digest(*(len(part).to_bytes(8, "little") + part for part in parts))

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.ids)}

    def __len__(self) -> int:
        return len(self.frame)

    def __iter__(self) -> Iterator[Document]:
        for part in self.frame.select("id", "text").iter_slices(10_000):
            yield from (Document(*row) for row in part.iter_rows())

    def __contains__(self, id: object) -> bool:
        return id in self._rows

    def __getitem__(self, id: str) -> str:
        if id not in self._rows:
            raise checks.unknown("document", str(id), self._rows, where=f"this corpus of {len(self):,}")
        return str(self.texts[self._rows[id]])

    def __repr__(self) -> str:
        rows = [(d.id, d.text) for d in self.head(min(3, len(self)))]
        more = f"\nand {len(self) - 3:,} more" if len(self) > 3 else ""
        extra = [c for c in self.frame.columns if c not in ("id", "text")]
        columns = f", metadata {', '.join(extra)}" if extra else ""
        return f"Corpus of {len(self):,} documents{columns}\n{text_table(('id', 'text'), rows)}{more}"

    def _repr_html_(self) -> str:
        rows = [(d.id, clip(d.text, 200)) for d in self.head(min(5, len(self)))]
        return html_table(("id", "text"), rows, caption=f"Corpus of {len(self):,} documents")

    # -- subsets ------------------------------------------------------------------------------------------

    def head(self, n: int = 5) -> Corpus:
        """Return the first `n` documents."""
        return Corpus(self.frame.head(checks.whole("n", n)), self.provenance)

    def sample(self, n: int, *, seed: int = 0) -> Corpus:
        """Return `n` documents drawn without replacement, in corpus order."""
        size = checks.whole("n", n, high=len(self))
        rows = pl.int_range(len(self), eager=True).sample(size, seed=seed).sort()
        return Corpus(self.frame[rows], self.provenance)

    def select(self, ids: Sequence[str]) -> Corpus:
        """Return the documents with these ids, in this order."""
        ids = checks.strings("ids", ids)
        missing = next((i for i in ids if i not in self._rows), None)
        if missing is not None:
            raise checks.unknown("document", str(missing), self._rows, where=f"this corpus of {len(self):,}")
        return Corpus(self.frame[[self._rows[i] for i in ids]], self.provenance)

    def filter(self, where: str) -> Corpus:
        """Return the documents that match a condition, such as ``"year >= 2001 and label = 'sport'"``."""
        from semspace.text.filters import matching

        documents = self.frame.filter(matching(self.frame, where))
        if not len(documents):
            raise InputError(f"no document of {len(self):,} matches {where!r}; change the condition")
        return Corpus(documents, self.provenance)

    # -- on disk ------------------------------------------------------------------------------------------

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory; see `semspace.save`."""
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            draft.meta.update(count=len(self), provenance=dict(self.provenance))
            draft.table("documents", self.frame)


def read_bundle(bundle: Bundle) -> Corpus:
    """Return the corpus that an opened bundle holds."""
    documents = bundle.table("documents", {"id": pl.String, "text": pl.String})
    return Corpus(documents, bundle.meta.mapping("provenance"))


def _documents(
    table: pl.DataFrame, text: str, id: str | None, empty: str, tables: Sequence[FileTable] = ()
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return a table with the columns of a corpus, and the number of rows left out for the provenance."""
    ids = _ids(table, id, tables)
    texts = _strings(table, text, ids)
    metadata = table.drop([text, *([id] if id else [])])
    # If another column serves as `id` or `text`, an existing column of that name is renamed.
    new_names: dict[str, str] = {
        name: _free(f"{name}_column", metadata) for name in ("id", "text") if name in metadata.columns
    }
    columns = pl.DataFrame({"id": ids, "text": texts}).hstack(metadata.rename(new_names))
    with_text, dropped = _without_empty(columns, text, empty, tables)
    return with_text, {"dropped_empty": dropped} if dropped else {}


def _free(name: str, table: pl.DataFrame) -> str:
    return name if name not in table.columns else _free(f"{name}_", table)


def _place(tables: Sequence[FileTable], row: int) -> str:
    """Return " of FILE" for a row, for messages; an empty string if there is only one file."""
    for table in tables:
        if row < len(table.frame):
            return f" of {table.path}"
        row -= len(table.frame)
    return ""


def _check_ids(tables: Sequence[FileTable], column: str | None) -> None:
    """Raise if one of several files lacks the id column, or if two files share an id."""
    if column is None or len(tables) < 2:
        return
    without = next((table.path for table in tables if column not in table.frame.columns), None)
    if without is not None:
        raise InputError(
            f"{without} has no column {column!r}, which holds the ids in the other files; rename its column"
        )
    if any(table.frame.schema[column].is_nested() for table in tables):
        return
    names = [table.frame.get_column(column).cast(pl.String, strict=False).drop_nulls() for table in tables]
    if pl.concat(names).is_unique().all():
        return
    seen: dict[str, FileTable] = {}
    for table, ids in zip(tables, names, strict=True):
        twice = next((name for name in ids.unique(maintain_order=True) if name in seen), None)
        if twice is not None:
            raise InputError(
                f"document ids must be unique; {twice!r} is in {seen[twice].path} and in {table.path}: choose another "
                f"column with id=, or read the files separately"
            )
        seen.update(dict.fromkeys(ids, table))


def _ids(table: pl.DataFrame, column: str | None, tables: Sequence[FileTable] = ()) -> pl.Series:
    if column is None:
        numbers: pl.Series = pl.int_range(len(table), eager=True).cast(pl.String).alias("id")
        return numbers
    ids = table.get_column(column)
    if ids.null_count():
        row = int(ids.is_null().arg_true()[0])
        origin = _place(tables, row)
        raise InputError(f"the id column {column!r}{origin} is empty in row {row}; choose another with id=, or fill it")
    if ids.dtype.is_nested() or ids.dtype in (pl.Object, pl.Binary):
        raise InputError(f"the id column {column!r} must hold strings or numbers; it holds {ids.dtype}")
    named: pl.Series = pl.Series("id", ids.cast(pl.String))
    return named


def _strings(table: pl.DataFrame, column: str, ids: pl.Series) -> pl.Series:
    texts = to_strings(table.get_column(column), column)
    if texts.dtype == pl.Object:
        bad = next(i for i, value in enumerate(texts) if not isinstance(value, str) and value is not None)
        raise InputError(
            f"the text column {column!r} must hold strings; document {ids[bad]!r} holds {type(texts[bad]).__name__}"
        )
    if texts.dtype != pl.String:
        raise InputError(
            f"the text column {column!r} must hold strings; it holds {texts.dtype}; choose another with text="
        )
    named: pl.Series = texts.alias("text")
    return named


def _without_empty(
    frame: pl.DataFrame, column: str, empty: str, tables: Sequence[FileTable] = ()
) -> tuple[pl.DataFrame, int]:
    blank = frame["text"].is_null() | (frame["text"].str.strip_chars() == "").fill_null(True)
    count = int(blank.sum())
    if not count:
        return frame, 0
    first = int(blank.arg_true()[0])
    have = "has" if count == 1 else "have"
    which = f"(the first is id {frame['id'][first]!r}{_place(tables, first)})"
    what = f"{count:,} of {len(frame):,} documents {have} no text in column {column!r} {which}"
    if empty == "raise":
        raise InputError(f"{what}; pass empty='drop' (--drop-empty) to leave them out")
    if count < len(frame):
        warn_user(f"{what} and {'was' if count == 1 else 'were'} left out")
    return frame.filter(~blank), count
