"""Which column of a table holds the texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import polars as pl

from semspace.display import clip
from semspace.errors import InputError, UnknownIdError
from semspace.text.files import say
from semspace.text.read_corpus import Table

TEXT_NAMES = ("text", "body", "content", "document", "sentence")
_TEXTS = (pl.String, pl.Categorical, pl.Enum, pl.Binary)
_NUMBER = re.compile(r"[-+]?[\d.,:/ -]*\d[\d.,:/ -]*(?:[eE][-+]?\d+)?%?")
_NAME = 40  # letters that the name of a column has at most


def text_column(table: pl.DataFrame, name: str | None, *, unsaid: bool = False) -> str:
    """Return the column that is named, or the one that is called as texts often are, or the only one with words.

    `unsaid` says that the names are the first row of a file, and nobody said so.
    """
    hint = ""
    if unsaid and any(_is_data(column) for column in table.columns):
        hint = "; if these are the first row of a table without a header, pass header=False (--no-header)"
    if name is not None:
        return _has(table, name, "text", hint)
    known = known_column(table.columns)
    if known is not None:
        return known
    texts = [column for column, kind in table.schema.items() if kind in _TEXTS and column.casefold() != "id"]
    words = [column for column in texts if len(texts) == 1 or _has_words(table.get_column(column))]
    if len(words) == 1:
        return words[0]
    names = ", ".join(clip(column, _NAME) for column in table.columns) or "none"
    raise InputError(f"which column holds the text? say text=NAME (--text NAME); there are {names}{hint}")


def known_column(names: Sequence[str]) -> str | None:
    """Return the name that columns of texts often have, in whatever case, the likeliest first."""
    for guess in TEXT_NAMES:
        if guess in names:
            return guess
    folded = [name.casefold() for name in names]
    for guess in TEXT_NAMES:
        if folded.count(guess) == 1:
            return names[folded.index(guess)]
    return None


def id_column(table: pl.DataFrame, name: str | None) -> str | None:
    """Return the column that is named, or the one called ``id`` if there is one, else ``ID`` or ``Id``."""
    if name is not None:
        return _has(table, name, "id")
    if "id" in table.columns:
        return "id"
    others = [column for column in table.columns if column.casefold() == "id"]
    return others[0] if len(others) == 1 else None


def _has(table: pl.DataFrame, name: str, role: str, hint: str = "") -> str:
    if name not in table.columns:
        known = ", ".join(clip(column, _NAME) for column in table.columns) or "none"
        cased = next((f"; did you mean {own!r}?" for own in table.columns if own.casefold() == name.casefold()), "")
        raise UnknownIdError(f"no column {name!r} for {role}=; the columns are {known}{cased}{hint}")
    return name


def check_header(table: Table, column: str, name: str | None) -> None:
    """Raise if the first row of a table, taken as names of columns, is more likely a document; say it if it may be.

    Where the column of texts was named, or is called as such columns are, the row is a header.
    """
    if not table.unsaid or name is not None or known_column([column]) is not None:
        return
    names = table.frame.columns
    remedy = "if it is a document, pass header=False (--no-header); if it names the columns"
    if len(names) == 1 and not _is_prose(column) and not _is_data(column):
        first = f"the first row of {table.path}, {column!r}, is taken as the name of its column"
        say(f"{first}; {remedy}, header=True (--header)")
    elif (len(names) == 1 and _is_prose(column)) or any(_is_data(other) for other in names):
        shown = clip(", ".join(names), 80)
        raise InputError(
            f"{table.path} seems to have no header: its first row is {shown!r}; {remedy}, pass header=True (--header) "
            f"or text=NAME"
        )


def _is_data(name: str) -> bool:
    return _NUMBER.fullmatch(name) is not None


def _is_prose(name: str) -> bool:
    return len(name) > _NAME or len(name.split()) > 3 or name[-1] in ".!?…。！？"


def _has_words(column: pl.Series) -> bool:
    return bool(column.cast(pl.String, strict=False).str.contains(r"\p{L}").any())


def same_column(tables: Iterable[Table], column: str) -> list[Table]:
    """Return tables that all hold their texts in one column, or raise if one has no such column."""
    made = []
    for table in tables:
        own = _own_column(table, column)
        made.append(table if own == column else table._replace(frame=table.frame.rename({own: column})))
    return made


def _own_column(table: Table, column: str) -> str:
    names = table.frame.columns
    if column in names:
        return column
    near = [name for name in names if name.casefold() == column.casefold()]
    if len(near) == 1:
        return near[0]
    raise InputError(
        f"{table.path} has no column {column!r}, which holds the text of the other files; its columns are "
        f"{', '.join(clip(name, _NAME) for name in names) or 'none'}: leave the file out by a pattern such as "
        f"'{table.path.parent}/*.txt', or name its column as in the others"
    )


def as_texts(column: pl.Series, name: str) -> pl.Series:
    """Return a column of categories or of bytes in UTF-8 as strings; any other as it is."""
    texts: pl.Series = column
    if column.dtype in (pl.Categorical, pl.Enum, pl.Null):
        texts = column.cast(pl.String)
    if column.dtype == pl.Binary:
        try:
            texts = column.cast(pl.String)
        except pl.exceptions.PolarsError as problem:
            raise InputError(f"the column {name!r} holds bytes that aren't UTF-8; decode them first") from problem
    return texts
