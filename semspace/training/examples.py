"""What people have (tuples, tables, files, corpora) → `Examples`: texts, and which of them make an example."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.display import clip
from semspace.errors import InputError, SemspaceWarning
from semspace.text.corpus import Corpus
from semspace.text.read_corpus import read_table

Numbers = npt.NDArray[np.int32]
# How people call the two or three texts of a pair, and what is known of them.
_NAMES = (
    ("anchor", "positive", "negative"),
    ("query", "positive", "negative"),
    ("query", "document", "negative"),
    ("question", "answer", "negative"),
    ("sentence1", "sentence2", "sentence3"),
    ("question1", "question2", "question3"),
    ("text1", "text2", "text3"),
    ("text_a", "text_b", "text_c"),
)
MISSING = -1


@dataclass(frozen=True, eq=False)
class Examples:
    """Texts, and the rows of them that are learnt from.

    Parameters
    ----------
    texts : list of str
        Each once.
    rows : ndarray of int32, shape (n, columns)
        Numbers of texts; `MISSING` where an example has fewer.
    targets : ndarray, shape (n,) or (n, dim), optional
        What is known of each example: a score, a label's number, a teacher's vector.
    whole : Examples, optional
        All examples, where these are some of them.
    """

    texts: list[str]
    rows: Numbers
    targets: npt.NDArray[Any] | None = None
    whole: Examples | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(cls, columns: Sequence[Sequence[str | None]], targets: npt.NDArray[Any] | None = None) -> Examples:
        """Make examples of columns of texts, None being none."""
        numbers: dict[str, int] = {}
        rows = np.empty((len(columns[0]), len(columns)), np.int32)
        for place, column in enumerate(columns):
            rows[:, place] = [MISSING if text is None else numbers.setdefault(text, len(numbers)) for text in column]
        return cls(list(numbers), rows, targets)

    def take(self, which: npt.NDArray[Any]) -> Examples:
        """Give some of the examples, in this order; the texts stay numbered as they are."""
        targets = None if self.targets is None else self.targets[which]
        return replace(self, rows=self.rows[which], targets=targets, whole=self.whole or self)

    @cached_property
    def positives(self) -> dict[int, set[int]]:
        """Which texts go with a text anywhere: the first two columns, both ways."""
        if self.whole is not None:
            return self.whole.positives
        found: dict[int, set[int]] = {}
        for a, b in self.rows[:, :2].tolist():
            found.setdefault(a, {a}).add(b)
            found.setdefault(b, {b}).add(a)
        return found


def pairs_of(data: Any, what: str) -> pl.DataFrame:
    """Read pairs or triples of texts: columns ``a``, ``b``, perhaps ``c``, and ``known``, a number, if there is any."""
    table = _table(data, what)
    names = _text_columns(table, what)
    known: str | None = next((name for name in ("score", "label", "similarity") if name in table.columns), None)
    if known is None:
        rest = [name for name in table.columns if name not in names and _counts(table[name].dtype)]
        known = rest[0] if len(table.columns) == len(names) + 1 and rest else None
    chosen = table.select(
        *(pl.col(name).alias(short) for name, short in zip(names, "abc", strict=False)),
        *([] if known is None else [_number(known).alias("known")]),
    )
    return _sound(chosen, what)


def texts_of(data: Any, what: str) -> list[str]:
    """Read texts alone, each once."""
    if isinstance(data, Corpus):
        found = data.texts.to_list()
    elif isinstance(data, (str, Path)):
        found = Corpus.read(data).texts.to_list()
    else:
        found = _strings(data, what)
    return list(dict.fromkeys(found))


def labelled_of(data: Any, column: str, what: str) -> tuple[list[str], list[Any]]:
    """Read texts with a label each; a text that has two labels is left out, and said."""
    if isinstance(data, (str, Path)):
        data = Corpus.read(data)
    if isinstance(data, Corpus):
        frame = data.frame
        if column not in frame.columns:
            known = ", ".join(name for name in frame.columns if name not in ("id", "text")) or "none"
            raise InputError(f"the corpus has no column {column!r} to learn from; its columns are {known}")
        table = frame.select(a=pl.col("text"), known=pl.col(column))
    else:
        table = _table(data, what)
        if column in table.columns and "text" in table.columns:
            table = table.select(a=pl.col("text"), known=pl.col(column))
        elif len(table.columns) == 2:
            table = table.rename(dict(zip(table.columns, ("a", "known"), strict=True)))
        else:
            raise InputError(f"{what} need a text and a label each; got the columns {', '.join(table.columns)}")
    table = _sound(table.drop_nulls("known"), what).unique(maintain_order=True)
    twice = table.filter(pl.col("a").is_duplicated())
    if len(twice):
        say(f"{twice['a'].n_unique():,} texts have more than one label and aren't learnt from", twice["a"][0])
        table = table.filter(~pl.col("a").is_duplicated())
    return table["a"].to_list(), table["known"].to_list()


def agreed(table: pl.DataFrame) -> pl.DataFrame:
    """Give each pair once; where it has several numbers, which is said, their mean."""
    keys = [pl.min_horizontal("a", "b").alias("x"), pl.max_horizontal("a", "b").alias("y")]
    grouped = table.with_columns(keys).group_by("x", "y", maintain_order=True)
    merged = grouped.agg(pl.col("a", "b").first(), pl.col("known").mean(), most=pl.max("known"), least=pl.min("known"))
    apart = merged.filter(pl.col("most") > pl.col("least"))
    if len(apart):
        say(
            f"{len(apart):,} pairs come more than once with different numbers; each counts with their mean",
            *_first(apart),
        )
    return merged.select("a", "b", "known")


def _first(table: pl.DataFrame) -> tuple[str, str]:
    return table["a"][0], table["b"][0]


def say(problem: str, *texts: str) -> None:
    """Warn of what is in the data of whoever called `EncoderTrainer.train`, and show the first."""
    shown = " / ".join(clip(text, 40) for text in texts)
    warnings.warn(f"{problem} (the first: {shown})", SemspaceWarning, stacklevel=6)


# -- tables -----------------------------------------------------------------------------------------------------


def _table(data: Any, what: str) -> pl.DataFrame:
    if isinstance(data, pl.DataFrame):
        return data
    if isinstance(data, (str, Path)):
        return read_table(data, strings=[name for names in _NAMES for name in names])
    pairs = getattr(data, "pairs", None)  # an evaluation.STS
    if pairs is not None:
        data = pairs
    if hasattr(data, "columns") and hasattr(data, "to_dict"):  # pandas
        return _of_pandas(data, what)
    if isinstance(data, Corpus) or not isinstance(data, Iterable):
        raise InputError(
            f"{what} must be tuples of texts, a DataFrame, or the path of a table; got {type(data).__name__}"
        )
    rows = [tuple(row) if isinstance(row, (tuple, list)) else (row,) for row in data]
    widths = sorted({len(row) for row in rows})
    if not rows or len(widths) != 1 or widths[0] < 2:
        shown = "none" if not rows else f"rows of {', '.join(map(str, widths))}"
        raise InputError(f"{what} must be tuples of the same length, two texts or more; got {shown}")
    columns = zip(*rows, strict=True)
    return pl.DataFrame([_column(f"column {i}", list(values), what) for i, values in enumerate(columns, 1)])


def _of_pandas(data: Any, what: str) -> pl.DataFrame:
    columns = []
    for name in data.columns:
        values = zip(data[name].tolist(), data[name].isna().tolist(), strict=True)
        columns.append(_column(str(name), [None if missing else value for value, missing in values], what))
    return pl.DataFrame(columns)


def _column(name: str, values: list[Any], what: str) -> pl.Series:
    """Make a column of values of one kind; polars would make others into the kind of the first."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) > 1 and all(issubclass(kind, Real) and not issubclass(kind, bool) for kind in kinds):
        values = [None if value is None else float(value) for value in values]
    try:
        return pl.Series(name, values, strict=True)
    except (pl.exceptions.PolarsError, TypeError) as problem:
        shown = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise InputError(f"{what} must have one kind of values in each column; {name} has {shown}") from problem


def _text_columns(table: pl.DataFrame, what: str) -> list[str]:
    for names in _NAMES:
        if set(names[:2]) <= set(table.columns):
            return [name for name in names if name in table.columns]
    texts = [name for name in table.columns if table[name].dtype == pl.String]
    if len(texts) not in (2, 3):
        raise InputError(
            f"{what} need two columns of texts, such as anchor and positive, or sentence1 and sentence2; the columns "
            f"are {', '.join(table.columns)}"
        )
    return texts


def _counts(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype == pl.Boolean


def _number(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Float64, strict=False)


def _sound(table: pl.DataFrame, what: str) -> pl.DataFrame:
    """Check that no text is empty, and no number missing."""
    for name in (name for name in ("a", "b", "c") if name in table.columns):
        if table[name].dtype != pl.String:
            raise InputError(f"{what} must be texts; got {table[name].dtype} values")
        empty = table[name].fill_null("").str.strip_chars() == ""
        if name != "c" and empty.any():
            raise InputError(
                f"{int(empty.sum()):,} of {len(table):,} {what} have an empty side (the first is row "
                f"{int(empty.arg_max() or 0) + 1}); leave them out"
            )
        if name == "c":
            table = table.with_columns(pl.when(~empty).then(pl.col("c")))
    if "known" in table.columns and table["known"].dtype.is_float():
        bad = ~(table["known"].is_finite().fill_null(value=False))
        if bad.any():
            raise InputError(
                f"{int(bad.sum()):,} of {len(table):,} {what} have no number (the first is row "
                f"{int(bad.arg_max() or 0) + 1}); leave them out"
            )
    if not len(table):
        raise InputError(f"there are no {what} to learn from")
    return table


def _strings(data: Any, what: str) -> list[str]:
    rows = list(data) if isinstance(data, Iterable) else []
    wrong = next((i for i, text in enumerate(rows) if not isinstance(text, str) or not text.strip()), None)
    if not rows or wrong is not None:
        got = type(data).__name__ if not rows else f"{rows[wrong or 0]!r:.40} in row {(wrong or 0) + 1}"
        raise InputError(f"{what} must be a Corpus, a path, or texts none of which is empty; got {got}")
    return rows
