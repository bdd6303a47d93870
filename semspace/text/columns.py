"""Finding the columns of texts and ids in a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import polars as pl

from semspace import checks
from semspace.display import clip
from semspace.errors import InputError, UnknownIdError
from semspace.text.files import warn_user
from semspace.text.read_corpus import FileTable

TEXT_NAMES = ("text", "body", "content", "document", "sentence")  # the first one that is there
# Of these, the only one that is there and has words.
_LIKELY_TEXT_NAMES = frozenset({
    "abstract", "article", "caption", "comment", "description", "feedback", "message", "paragraph", "passage", "post",
    "review", "speech", "tweet", "utterance",
})  # fmt: skip
_TITLE = "title"
_TEXTS = (pl.String, pl.Categorical, pl.Enum, pl.Binary)
_NUMBER = re.compile(r"[-+]?[\d.,:/ -]*\d[\d.,:/ -]*(?:[eE][-+]?\d+)?%?")
_NAME = 40  # maximum number of characters of a column's name; a longer first row is prose


def text_column(table: pl.DataFrame, name: str | None, *, assumed_header: bool = False) -> str:
    """Return the column called `name`, else the one with a usual name, else the only one with words, else a likely one.

    `assumed_header` is true if the first row of a file was taken as the header without being told.
    """
    hint = ""
    if assumed_header and any(_is_data(column) for column in table.columns):
        hint = "; if these are the first row of a table without a header, pass header=False (--no-header)"
    if name is not None:
        return _has(table, name, "text", hint)
    usual = usual_text_column(table.columns)
    if usual is not None:
        return usual
    texts = [column for column, kind in table.schema.items() if kind in _TEXTS and column.casefold() != "id"]
    words = [column for column in texts if len(texts) == 1 or _has_words(table.get_column(column))]
    guess = words[0] if len(words) == 1 else _likely(words)
    if guess is not None:
        return guess
    names = ", ".join(clip(column, _NAME) for column in table.columns) or "none"
    raise InputError(
        f"can't tell which column holds the text; pass text=NAME (--text NAME). The columns are {names}{hint}"
    )


def _likely(words: Sequence[str]) -> str | None:
    """Return the only column with a likely name; a title, which is seldom the text itself, with a warning."""
    likely = [column for column in words if column.casefold() in _LIKELY_TEXT_NAMES]
    titles = [column for column in words if column.casefold() == _TITLE]
    if likely or len(titles) != 1:
        return likely[0] if len(likely) == 1 else None
    others = ", ".join(clip(column, _NAME) for column in words if column != titles[0])
    warn_user(f"the text is taken from the column {titles[0]!r}; if it is in {others}, pass text=NAME (--text NAME)")
    return titles[0]


def usual_text_column(names: Sequence[str]) -> str | None:
    """Return the most likely of the usual names of text columns, in any case, or None."""
    for guess in TEXT_NAMES:
        if guess in names:
            return guess
    folded = [name.casefold() for name in names]
    for guess in TEXT_NAMES:
        if folded.count(guess) == 1:
            return names[folded.index(guess)]
    return None


def id_column(table: pl.DataFrame, name: str | None) -> str | None:
    """Return the column called `name`, else the one called ``id`` in any case, or None."""
    if name is not None:
        return _has(table, name, "id")
    if "id" in table.columns:
        return "id"
    others = [column for column in table.columns if column.casefold() == "id"]
    return others[0] if len(others) == 1 else None


def _has(table: pl.DataFrame, name: str, role: str, hint: str = "") -> str:
    if name not in table.columns:
        raise UnknownIdError(checks.missing_column(role, name, table.columns) + hint)
    return name


def check_header(table: FileTable, column: str, name: str | None) -> None:
    """Raise if the first row of a table, taken as its header, is more likely a document; warn if it may be one.

    The row is a header if the text column was named by the caller or has a usual name.
    """
    known = usual_text_column([column]) is not None or column.casefold() in {*_LIKELY_TEXT_NAMES, _TITLE}
    if not table.assumed_header or name is not None or known:
        return
    names = table.frame.columns
    remedy = "if it is a document, pass header=False (--no-header); if it names the columns"
    if len(names) == 1 and not _is_prose(column) and not _is_data(column):
        first = f"the first row of {table.path}, {column!r}, is taken as the name of the column"
        warn_user(f"{first}; {remedy}, header=True (--header)")
    elif (len(names) == 1 and _is_prose(column)) or any(_is_data(other) for other in names):
        row = clip(", ".join(names), 80)
        raise InputError(
            f"{table.path} seems to have no header: its first row is {row!r}; {remedy}, pass header=True (--header) "
            f"or text=NAME"
        )


def _is_data(name: str) -> bool:
    return _NUMBER.fullmatch(name) is not None


def _is_prose(name: str) -> bool:
    return len(name) > _NAME or len(name.split()) > 3 or name[-1] in ".!?…。！？"


def _has_words(column: pl.Series) -> bool:
    return bool(column.cast(pl.String, strict=False).str.contains(r"\p{L}").any())


def same_text_column(tables: Iterable[FileTable], column: str) -> list[FileTable]:
    """Return tables in which the text column has one name, or raise if a table has no such column."""
    renamed = []
    for table in tables:
        name = _own_column(table, column)
        renamed.append(table if name == column else table._replace(frame=table.frame.rename({name: column})))
    return renamed


def _own_column(table: FileTable, column: str) -> str:
    names = table.frame.columns
    if column in names:
        return column
    near = [name for name in names if name.casefold() == column.casefold()]
    if len(near) == 1:
        return near[0]
    raise InputError(
        f"{table.path} has no column {column!r}, which holds the text of the other files; its columns are "
        f"{', '.join(clip(name, _NAME) for name in names) or 'none'}: leave the file out with a pattern such as "
        f"'{table.path.parent}/*.txt', or rename its column"
    )


def to_strings(column: pl.Series, name: str) -> pl.Series:
    """Return a column of categories or UTF-8 bytes as strings, and any other column unchanged."""
    texts: pl.Series = column
    if column.dtype in (pl.Categorical, pl.Enum, pl.Null):
        texts = column.cast(pl.String)
    if column.dtype == pl.Binary:
        try:
            texts = column.cast(pl.String)
        except pl.exceptions.PolarsError as problem:
            raise InputError(f"the column {name!r} holds bytes that aren't UTF-8; decode them first") from problem
    return texts
