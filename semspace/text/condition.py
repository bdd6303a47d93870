"""The syntax tree of conditions on metadata: columns, constants, calculations, comparisons and connectives.

`condition_reader.py` parses a condition and checks its types against the columns' types. `filters.py` evaluates the
tree on a polars table, and `index/milvus_filter.py`, `index/qdrant_filter.py` and `index/pgvector_filter.py` write it
for these engines: so a condition means the same everywhere, or an engine refuses it. This module is the whole of what a
translator must know; its nodes are immutable, and compare and hash by value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import polars as pl

SIGNS = {"=": "==", "==": "==", "<>": "!=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


class ConditionError(Exception):
    """An error in a condition; the caller adds the condition to the message."""


@dataclass(frozen=True)
class ColumnRef:
    """A reference to a column."""

    name: str
    dtype: pl.DataType


@dataclass(frozen=True)
class Constant:
    """A literal value in the condition.

    Compared with dates or times, it is in the ticks of that operand's type (days, micro- or nanoseconds).
    """

    value: Fraction | str | bool
    written: str


@dataclass(frozen=True)
class Call:
    """A call of a function of `condition_functions.py`."""

    name: str
    arguments: tuple[Node, ...]
    dtype: pl.DataType


@dataclass(frozen=True)
class Arithmetic:
    """A floating-point operation on two numbers."""

    sign: str
    left: Node
    right: Node
    dtype: pl.DataType


@dataclass(frozen=True)
class Compare:
    """A comparison of two operands of one kind, by an operator of `OPPOSITE`."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True)
class OneOf:
    """IN: whether an operand is one of some constants."""

    operand: Node
    values: tuple[Constant, ...]


@dataclass(frozen=True)
class Like:
    """LIKE: whether a text matches a pattern of literal parts, "%" for any text and "_" for one character."""

    operand: Node
    pattern: tuple[tuple[str, bool], ...]  # (characters, whether they are a wildcard)
    ignore_case: bool = False


@dataclass(frozen=True)
class IsNull:
    """IS NULL: whether a value is unknown, which is null or NaN."""

    operand: Node


@dataclass(frozen=True)
class Is:
    """IS TRUE or IS FALSE: whether a condition is known and has this value."""

    condition: Node
    value: bool


@dataclass(frozen=True)
class Not:
    """NOT: unknown stays unknown."""

    condition: Node


@dataclass(frozen=True)
class AllOf:
    """Conditions joined by AND."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class AnyOf:
    """Conditions joined by OR."""

    parts: tuple[Node, ...]


Node: TypeAlias = ColumnRef | Constant | Call | Arithmetic | Compare | OneOf | Like | IsNull | Is | Not | AllOf | AnyOf


def value_kind(dtype: pl.DataType) -> str:
    """Return the kind of values that a type compares with: "number", "text", "bool", "date", "time", or "" for none."""
    if dtype.is_numeric():
        return "number"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    if dtype == pl.Boolean:
        return "bool"
    if dtype in (pl.Date, pl.Datetime):
        return "date"
    return "time" if dtype == pl.Time else ""


def dtype_of(node: Node) -> pl.DataType:
    """Return the polars type of a node's value."""
    if isinstance(node, (ColumnRef, Call, Arithmetic)):
        return node.dtype
    if isinstance(node, Constant) and not isinstance(node.value, bool):
        return pl.String() if isinstance(node.value, str) else pl.Float64()
    return pl.Boolean()


def integer_comparison(sign: str, number: Fraction, low: int, high: int) -> tuple[str, int] | bool:
    """Return a comparison of integers in [low, high] with any number as an operator and an integer.

    Return True or False if the comparison holds for all of them or for none.

    Examples
    --------
    >>> integer_comparison("<", Fraction("2.5"), 0, 255), integer_comparison("<", Fraction(300), 0, 255)
    (('<=', 2), True)
    """
    if number.denominator != 1:
        if sign in ("==", "!="):
            return sign == "!="
        number, sign = (
            (Fraction(math.floor(number)), "<=") if sign in ("<", "<=") else (Fraction(math.ceil(number)), ">=")
        )
    whole = int(number)
    if low <= whole <= high:
        return sign, whole
    above = whole > high
    return {"<": above, "<=": above, ">": not above, ">=": not above, "==": False, "!=": True}[sign]


def rounded(value: Fraction, dtype: pl.DataType) -> float:
    """Return a number rounded to the precision of a column of floats: 0.1 is the float32 nearest to it in such one."""
    number = float(value)
    if dtype in (pl.Float16, pl.Float32):
        with np.errstate(over="ignore"):
            nearest = float(np.float16(number) if dtype == pl.Float16 else np.float32(number))
        return nearest if math.isfinite(nearest) else number
    return number


def ordered_categories(dtype: pl.Enum, sign: str, value: Constant) -> tuple[Constant, ...]:
    """Return the categories that lie so in order beside one of them.

    Examples
    --------
    >>> found = ordered_categories(pl.Enum(["low", "middle", "high"]), ">=", Constant("middle", "'middle'"))
    >>> [category.value for category in found]
    ['middle', 'high']
    """
    categories = dtype.categories.to_list()
    at = categories.index(value.value)
    within = {"<": slice(at), "<=": slice(at + 1), ">": slice(at + 1, None), ">=": slice(at, None)}[sign]
    return tuple(Constant(name, repr(name)) for name in categories[within])
