"""`Corpus`: documents in columns, with unique ids, non-empty texts, and metadata."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, overload

import polars as pl

from semspace import checks, pools
from semspace.bundle import Bundle, create_bundle
from semspace.display import clip, html_table, rows_of, text_table
from semspace.errors import InputError, UnknownIdError
from semspace.files import PathLike, digest
from semspace.peer_names import answers_peer_attributes, answers_peer_parameters
from semspace.text.columns import TEXT_NAMES, check_header, id_column, same_text_column, text_column
from semspace.text.dataframes import as_polars, ids_from_index, storable, to_pandas
from semspace.text.document_table import check_ids, document_table
from semspace.text.files import warn_user
from semspace.text.read_corpus import read_tables, stack_tables
from semspace.text.read_options import ReadOptions
from semspace.types import Id

KIND = "corpus"
_PRINTED, _SHOWN = 3, 5  # documents in a terminal, and in a notebook
_SHOWN_COLUMNS = 6  # of metadata, in a notebook


class Document(NamedTuple):
    """A document, as returned by iteration over a corpus."""

    id: str
    text: str


@answers_peer_attributes
@dataclass(frozen=True, eq=False, repr=False)
class Corpus:
    """Documents in columns: ``id``, ``text``, and whatever metadata came with them.

    Create one with `Corpus.read`, `Corpus.from_frame` or `Corpus.from_texts`. It is immutable: `select`, `filter`,
    `head`, `sample`, `deduplicate` and slices such as ``corpus[:10]`` return new ones. It can be iterated over any
    number of times.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns ``id`` (unique strings) and ``text`` (non-empty strings), then metadata. A list of strings is read by
        `from_texts`.
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
        given: Any = self.frame
        if isinstance(given, (list, tuple)):
            object.__setattr__(self, "frame", Corpus.from_texts(given).frame)
        if not isinstance(self.frame, pl.DataFrame):
            raise InputError(
                f"Corpus takes a polars DataFrame or a list of strings; got {type(self.frame).__name__}: use "
                "Corpus.from_frame for other tables, or Corpus.read for files"
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
    @answers_peer_parameters
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
            Name of the text column. By default ``text``, ``body``, ``content``, ``document`` or ``sentence``, in any
            case; else the only column with words; else the only one with a likely name, such as ``message``,
            ``review`` or ``comment``, or at last ``title``.
        id : str, optional
            Name of the id column, of strings or whole numbers. By default ``id``, in any case, or the index of a pandas
            frame (see `from_frame`), else rows are numbered from 0.
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
        _check_arguments(text, id, empty)
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
        check_ids(tables, named)
        documents_frame, dropped = document_table(
            stack_tables([table.frame for table in tables]), column, named, empty, tables
        )
        return cls(documents_frame, {**dropped, "source": str(source)})

    @classmethod
    @answers_peer_parameters
    def from_frame(cls, frame: Any, *, text: str | None = None, id: str | None = None, empty: str = "raise") -> Corpus:
        """Create a corpus from a polars or pandas DataFrame; see `read` for the parameters.

        If no id column is named and there is none, the ids are the index of a pandas frame, so that results can be
        joined to it; an index that has several levels, or holds anything but unique strings, whole numbers or UUIDs, is
        left out of this with a warning, and the documents are numbered from 0. A lazy polars frame is collected by the
        engine that keeps the order of its rows.

        Examples
        --------
        >>> import pandas as pd
        >>> import semspace as ss
        >>> frame = pd.DataFrame({"message": ["my screen flickers", "where is my parcel"]}, index=[4711, 4712])
        >>> ss.Corpus.from_frame(frame).ids.to_list()
        ['4711', '4712']
        """
        _check_arguments(text, id, empty)
        table = as_polars(frame if id is not None else ids_from_index(frame))
        return cls(*document_table(table, text_column(table, text), id_column(table, id), empty))

    @classmethod
    def from_texts(cls, texts: Sequence[str], ids: Sequence[Id] | None = None) -> Corpus:
        """Create a corpus from a list of strings, numbered from 0 unless `ids` are given.

        Ids are strings, or whole numbers or UUIDs, which become their text.
        """
        rows = checks.strings("texts", texts)
        names = [str(i) for i in range(len(rows))] if ids is None else checks.ids("ids", ids)
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
    def columns(self) -> list[str]:
        """The names of the columns: ``id``, ``text``, and those of the metadata."""
        return self.frame.columns

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
        return checks.id_text(id) in self._rows

    @overload
    def __getitem__(self, id: str) -> str: ...
    @overload
    def __getitem__(self, id: slice) -> Corpus: ...
    def __getitem__(self, id: str | slice) -> str | Corpus:
        """Return the text of an id, or the corpus of a slice such as ``corpus[:10]``.

        Raises
        ------
        UnknownIdError
            If there is no such id, or it is a position or the name of a column.
        """
        if isinstance(id, slice):
            return self._slice(id)
        if not isinstance(id, str):
            raise UnknownIdError(
                f"a corpus is read by id, which is a string; got {id!r}: use corpus.texts[{id!r}] for a position, "
                f"corpus[{str(id)!r}] for an id, or corpus.select(ids) for several ids"
            )
        if id not in self._rows and id in self.columns:
            raise UnknownIdError(f"there is no document {id!r}; the column of that name is corpus.frame[{id!r}]")
        if id not in self._rows:
            raise self._unknown(id)
        return str(self.texts[self._rows[id]])

    def _unknown(self, id: str) -> UnknownIdError:
        """Create the error for an id that no document has; it shows how ids of this corpus look."""
        where = f"this corpus of {len(self):,}, whose first is {self.ids[0]!r}"
        return checks.unknown("document", id, self._rows, where=where)

    def _slice(self, rows: slice) -> Corpus:
        try:
            rows.indices(len(self))  # raises for anything but whole numbers
        except TypeError as problem:
            raise InputError(f"a slice of a corpus counts documents, as in corpus[:10]; got {rows!r}") from problem
        part = self.frame[rows]
        if not len(part):
            raise InputError(f"the slice holds none of the {len(self):,} documents; change its bounds")
        return Corpus(part, self.provenance)

    def __repr__(self) -> str:
        rows = [(d.id, d.text) for d in self.head(min(_PRINTED, len(self)))]
        return f"{self._title()}\n{text_table(('id', 'text'), rows)}{self._more(_PRINTED)}"

    def _repr_html_(self) -> str:
        shown = self.frame.head(_SHOWN).select(["id", "text", *self._metadata_names()[:_SHOWN_COLUMNS]])
        table = html_table(shown.columns, rows_of(shown), caption=self._title())
        return f"{table}<p>{self._more(_SHOWN).strip()}</p>" if len(self) > _SHOWN else table

    def _metadata_names(self) -> list[str]:
        return [column for column in self.frame.columns if column not in ("id", "text")]

    def _title(self) -> str:
        names = self._metadata_names()
        return f"Corpus of {len(self):,} documents" + (f", metadata {', '.join(map(clip, names))}" if names else "")

    def _more(self, shown: int) -> str:
        return f"\nand {len(self) - shown:,} more" if len(self) > shown else ""

    # -- subsets ------------------------------------------------------------------------------------------

    def head(self, n: int = 5) -> Corpus:
        """Return the first `n` documents."""
        return Corpus(self.frame.head(checks.whole("n", n)), self.provenance)

    def sample(self, n: int, *, seed: int = 0) -> Corpus:
        """Return `n` documents drawn without replacement, in corpus order."""
        size = checks.whole("n", n, high=len(self))
        rows = pl.int_range(len(self), eager=True).sample(size, seed=seed).sort()
        return Corpus(self.frame[rows], self.provenance)

    def select(self, ids: Sequence[Id]) -> Corpus:
        """Return the documents with these ids, in this order."""
        ids = checks.ids("ids", ids)
        missing = next((i for i in ids if i not in self._rows), None)
        if missing is not None:
            raise self._unknown(str(missing))
        return Corpus(self.frame[[self._rows[i] for i in ids]], self.provenance)

    def filter(self, where: str) -> Corpus:
        """Return the documents that match a condition, such as ``"year >= 2001 and label = 'sport'"``."""
        from semspace.text.filters import matching

        documents = self.frame.filter(matching(self.frame, where))
        if not len(documents):
            raise InputError(f"no document of {len(self):,} matches {where!r}; change the condition")
        return Corpus(documents, self.provenance)

    def deduplicate(self) -> Corpus:
        """Return the first document of each text; a warning and ``provenance["duplicates"]`` count the others.

        Texts must be exactly the same; `Index.duplicates` finds those that nearly are.

        Examples
        --------
        >>> import semspace as ss
        >>> ss.Corpus.from_texts(["yes", "no"]).deduplicate().ids.to_list()
        ['0', '1']
        """
        kept = self.frame.unique("text", keep="first", maintain_order=True)
        n_left_out = len(self) - len(kept)
        if not n_left_out:
            return self
        was = "was" if n_left_out == 1 else "were"
        warn_user(f"{n_left_out:,} of {len(self):,} documents {was} left out: an earlier one has the same text")
        return Corpus(kept, {**self.provenance, "duplicates": n_left_out})

    # -- as a table -----------------------------------------------------------------------------------------

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with ``id``, ``text`` and the metadata."""
        return self.frame

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame with ``id``, ``text`` and the metadata; it needs pandas, but not pyarrow.

        Raises
        ------
        MissingExtraError
            If pandas isn't installed.
        """
        return to_pandas(self.frame)

    # -- on disk ------------------------------------------------------------------------------------------

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory; see `semspace.save`."""
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            draft.meta.update(count=len(self), provenance=dict(self.provenance))
            draft.table("documents", self.frame)


def _check_arguments(text: object, id: object, empty: str) -> None:
    """Raise `InputError` unless columns are named by strings, and `empty` is known."""
    checks.choice("empty", empty, ("raise", "drop"))
    for role, name in (("text", text), ("id", id)):
        if name is not None:
            checks.string(role, name)


def read_bundle(bundle: Bundle) -> Corpus:
    """Return the corpus that an opened bundle holds."""
    documents = bundle.table("documents", {"id": pl.String, "text": pl.String})
    return Corpus(documents, bundle.meta.mapping("provenance"))
