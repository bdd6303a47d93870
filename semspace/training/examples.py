"""`Examples`: training data read from tuples, tables, files or corpora, as texts and rows of their numbers."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from semspace import checks
from semspace.display import clip
from semspace.errors import InputError, SemspaceWarning
from semspace.text.corpus import Corpus
from semspace.text.dataframes import as_polars
from semspace.text.read_corpus import read_table
from semspace.types import ArrayXd, Floats2d, Int32s2d, Ints1d

# Names of the columns with the two or three texts of an example.
_TEXT_COLUMNS = (
    ("anchor", "positive", "negative"),
    ("query", "positive", "negative"),
    ("query", "document", "negative"),
    ("question", "answer", "negative"),
    ("sentence1", "sentence2", "sentence3"),
    ("question1", "question2", "question3"),
    ("text1", "text2", "text3"),
    ("text_a", "text_b", "text_c"),
)
_TARGET_COLUMNS = ("score", "label", "similarity")
MISSING = -1  # stands in `Examples.rows` where an example has no text


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples to train on.

    Parameters
    ----------
    texts : list of str
        Without duplicates.
    rows : ndarray of int32, shape (n, columns)
        The texts of each example, as indices of `texts`; `MISSING` where an example has fewer.
    targets : ndarray, shape (n,) or (n, dim), optional
        The score, the label's number or the teacher's vector of each example.
    parent : Examples, optional
        All examples, where these are a part of them.
    guide_vectors : ndarray of float32, shape (len(texts), dim), optional
        Vectors of all texts by a guide (`guide.py`), of length 1.
    """

    texts: list[str]
    rows: Int32s2d
    targets: ArrayXd | None = None
    parent: Examples | None = None
    guide_vectors: Floats2d | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def from_columns(cls, columns: Sequence[Sequence[str | None]], targets: ArrayXd | None = None) -> Examples:
        """Create examples from columns of texts, None where there is no text."""
        numbers: dict[str, int] = {}
        rows = np.empty((len(columns[0]), len(columns)), np.int32)
        for i, column in enumerate(columns):
            rows[:, i] = [MISSING if text is None else numbers.setdefault(text, len(numbers)) for text in column]
        return cls(list(numbers), rows, targets)

    @classmethod
    def from_texts(cls, texts: Sequence[str]) -> Examples:
        """Create an example of each text; the texts must differ."""
        return cls(list(texts), np.arange(len(texts), dtype=np.int32)[:, None])

    def take(self, indices: Ints1d) -> Examples:
        """Return some of the examples, in this order; the numbers of the texts don't change."""
        targets = None if self.targets is None else self.targets[indices]
        return replace(self, rows=self.rows[indices], targets=targets, parent=self.parent or self)

    @cached_property
    def positives(self) -> dict[int, set[int]]:
        """The texts that stand in an example with a text, itself included: the first two columns, both ways."""
        if self.parent is not None:
            return self.parent.positives
        positives: dict[int, set[int]] = {}
        for a, b in self.rows[:, :2].tolist():
            positives.setdefault(a, {a}).add(b)
            positives.setdefault(b, {b}).add(a)
        return positives


def read_pairs(data: Any, what: str) -> pl.DataFrame:
    """Read pairs or triples of texts: columns ``a``, ``b``, perhaps ``c``, and ``target`` if there are numbers."""
    table = _as_table(data, what)
    text_columns = _text_columns(table, what)
    known = any(set(names[:2]) <= set(table.columns) for names in _TEXT_COLUMNS)
    target: str | None = next((name for name in _TARGET_COLUMNS if name in table.columns), None)
    if target is None:
        others = [name for name in table.columns if name not in text_columns and (known or name.casefold() != "id")]
        target = others[0] if len(others) == 1 and _is_numeric(table[others[0]].dtype) else None
    if not (known and target in (None, *_TARGET_COLUMNS)):
        _warn_of_guess(table, text_columns, target, what)
    selected = table.select(
        *(pl.col(name).alias(short) for name, short in zip(text_columns, "abc", strict=False)),
        *([] if target is None else [pl.col(target).cast(pl.Float64, strict=False).alias("target")]),
    )
    return _checked(selected, what)


def read_texts(data: Any, what: str) -> list[str]:
    """Read texts, without duplicates."""
    if isinstance(data, Corpus):
        texts = data.texts.to_list()
    elif isinstance(data, (str, Path)):
        texts = Corpus.read(data).texts.to_list()
    else:
        texts = _as_texts(data, what)
    return list(dict.fromkeys(texts))


def read_labelled(data: Any, column: str, what: str) -> tuple[list[str], list[Any]]:
    """Read texts with a label each; texts that have two labels are left out, with a warning."""
    if isinstance(data, (str, Path)):
        data = Corpus.read(data)
    if isinstance(data, Corpus):
        frame = data.frame
        if column not in frame.columns:
            raise InputError(checks.missing_column("labels", column, frame.columns))
        table = frame.select(a=pl.col("text"), target=pl.col(column))
    else:
        table = _as_table(data, what)
        if column in table.columns and "text" in table.columns:
            table = table.select(a=pl.col("text"), target=pl.col(column))
        elif len(table.columns) == 2:
            table = table.rename(dict(zip(table.columns, ("a", "target"), strict=True)))
        else:
            raise InputError(f"{what} need a text and a label each; got the columns {', '.join(table.columns)}")
    table = _checked(table.drop_nulls("target"), what).unique(maintain_order=True)
    ambiguous = table.filter(pl.col("a").is_duplicated())
    if len(ambiguous):
        warn_of_data(
            f"{ambiguous['a'].n_unique():,} texts have more than one label and are left out", ambiguous["a"][0]
        )
        table = table.filter(~pl.col("a").is_duplicated())
    return table["a"].to_list(), table["target"].to_list()


def merge_duplicates(table: pl.DataFrame) -> pl.DataFrame:
    """Return each pair once, with the mean of its numbers; warn where they differ."""
    keys = [pl.min_horizontal("a", "b").alias("x"), pl.max_horizontal("a", "b").alias("y")]
    grouped = table.with_columns(keys).group_by("x", "y", maintain_order=True)
    merged = grouped.agg(
        pl.col("a", "b").first(), pl.col("target").mean(), highest=pl.max("target"), lowest=pl.min("target")
    )
    conflicts = merged.filter(pl.col("highest") > pl.col("lowest"))
    if len(conflicts):
        warn_of_data(
            f"{len(conflicts):,} pairs occur more than once with different numbers; the mean is used",
            conflicts["a"][0],
            conflicts["b"][0],
        )
    return merged.select("a", "b", "target")


def warn_of_data(problem: str, *texts: str) -> None:
    """Warn the caller of `EncoderTrainer.train` of a problem in the data, and show the first texts that have it."""
    excerpts = " / ".join(clip(text, 40) for text in texts)
    warnings.warn(f"{problem} (the first: {excerpts})", SemspaceWarning, stacklevel=7)


# -- tables -----------------------------------------------------------------------------------------------------


def _as_table(data: Any, what: str) -> pl.DataFrame:
    if isinstance(data, pl.DataFrame):
        return data
    if isinstance(data, (str, Path)):
        return read_table(data, strings=[name for names in _TEXT_COLUMNS for name in names])
    pairs = getattr(data, "pairs", None)  # of an evaluation.STS
    if pairs is not None:
        data = pairs
    if isinstance(data, Mapping):
        return as_polars(data)
    if hasattr(data, "columns") and hasattr(data, "to_dict"):  # pandas
        return _from_pandas(data, what)
    if isinstance(data, Corpus) or not isinstance(data, Iterable):
        raise InputError(
            f"{what} must be tuples of texts, a DataFrame, or the path of a table; got {type(data).__name__}"
        )
    rows = [tuple(row) if isinstance(row, (tuple, list)) else (row,) for row in data]
    widths = sorted({len(row) for row in rows})
    if not rows or len(widths) != 1 or widths[0] < 2:
        got = "none" if not rows else f"tuples of length {', '.join(map(str, widths))}"
        raise InputError(f"{what} must be tuples of the same length, 2 or more; got {got}")
    columns = zip(*rows, strict=True)
    return pl.DataFrame([_column(f"column {i}", list(values), what) for i, values in enumerate(columns, 1)])


def _from_pandas(data: Any, what: str) -> pl.DataFrame:
    columns = []
    for name in data.columns:
        values = zip(data[name].tolist(), data[name].isna().tolist(), strict=True)
        columns.append(_column(str(name), [None if missing else value for value, missing in values], what))
    return pl.DataFrame(columns)


def _column(name: str, values: list[Any], what: str) -> pl.Series:
    """Return a column of values of one type; polars would convert others to the type of the first."""
    types = {type(value) for value in values if value is not None}
    if len(types) > 1 and all(issubclass(kind, Real) and not issubclass(kind, bool) for kind in types):
        values = [None if value is None else float(value) for value in values]
    try:
        return pl.Series(name, values, strict=True)
    except (pl.exceptions.PolarsError, TypeError) as problem:
        names = ", ".join(sorted(kind.__name__ for kind in types))
        raise InputError(f"{what} must have values of one type in each column; {name} has {names}") from problem


def _text_columns(table: pl.DataFrame, what: str) -> list[str]:
    for names in _TEXT_COLUMNS:
        if set(names[:2]) <= set(table.columns):
            return [name for name in names if name in table.columns]
    others = [name for name in table.columns if name.casefold() != "id"]
    text_columns = [name for name in others if table[name].dtype == pl.String]
    n_numbers = sum(name in _TARGET_COLUMNS or _is_numeric(table[name].dtype) for name in others)
    if len(text_columns) not in (2, 3) or n_numbers > 1 or len(others) > len(text_columns) + n_numbers:
        raise InputError(
            f"{what} need two columns of texts, such as anchor and positive, or sentence1 and sentence2; the columns "
            f"are {', '.join(table.columns)}: rename two of them; for one text in a row with a label, use "
            f"SupervisedContrastive(label=...), and for texts alone objective='simcse'"
        )
    return text_columns


def _warn_of_guess(table: pl.DataFrame, text_columns: list[str], target: str | None, what: str) -> None:
    """Warn which columns were taken, unless they have no names, or are the only two."""
    unnamed = all(name.removeprefix("column ").isdigit() for name in table.columns)
    if unnamed or (len(text_columns) == 2 and target is None):
        return
    number = "" if target is None else f", and their number from {clip(target, 40)!r}"
    warnings.warn(
        f"{what}: the texts are taken from the columns {', '.join(map(repr, text_columns))}{number}; if these "
        f"aren't the ones, rename the columns anchor, positive, negative and label",
        SemspaceWarning,
        stacklevel=6,
    )


def _is_numeric(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype == pl.Boolean


def _checked(table: pl.DataFrame, what: str) -> pl.DataFrame:
    """Return a table in which no text is empty and no number missing, or raise `InputError`."""
    for name in (name for name in ("a", "b", "c") if name in table.columns):
        if table[name].dtype != pl.String:
            raise InputError(f"{what} must be texts; got {table[name].dtype} values")
        empty = table[name].fill_null("").str.strip_chars() == ""
        if name != "c" and empty.any():
            raise InputError(
                f"{int(empty.sum()):,} of {len(table):,} {what} have an empty text (the first in row "
                f"{int(empty.arg_max() or 0) + 1}); remove them"
            )
        if name == "c":
            table = table.with_columns(pl.when(~empty).then(pl.col("c")))
    if "target" in table.columns and table["target"].dtype.is_float():
        invalid = ~(table["target"].is_finite().fill_null(value=False))
        if invalid.any():
            raise InputError(
                f"{int(invalid.sum()):,} of {len(table):,} {what} have no finite number (the first in row "
                f"{int(invalid.arg_max() or 0) + 1}); remove them"
            )
    if not len(table):
        raise InputError(f"the data have no {what} to train on")
    return table


def _as_texts(data: Any, what: str) -> list[str]:
    rows = list(data) if isinstance(data, Iterable) else []
    invalid = next((i for i, text in enumerate(rows) if not isinstance(text, str) or not text.strip()), None)
    if not rows or invalid is not None:
        got = type(data).__name__ if not rows else f"{rows[invalid or 0]!r:.40} in row {(invalid or 0) + 1}"
        raise InputError(f"{what} must be a Corpus, a path, or non-empty texts; got {got}")
    return rows
