"""What a condition on metadata is made of: columns, constants, calculations, comparisons, and what joins them.

A condition is read once (`condition_reader.py`), its types are checked against the columns' types, and this tree of
values is what every door works on: `where.py` evaluates it on a polars table, `index/milvus_filter.py` writes it as an
expression of Milvus. So a condition means the same at both, or one of them refuses it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import polars as pl

SIGNS = {"=": "==", "==": "==", "<>": "!=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
TURNED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


class ConditionError(Exception):
    """What is wrong with a condition; whoever reads it says which condition it is."""


@dataclass(frozen=True)
class Column:
    """A column, by name."""

    name: str
    dtype: pl.DataType


@dataclass(frozen=True)
class Constant:
    """A value that was written into the condition.

    Beside an operand with dates or times it counts that operand's own ticks (days, micro- or nanoseconds).
    """

    value: Fraction | str | bool
    written: str


@dataclass(frozen=True)
class Call:
    """A function of `functions.py`, of operands."""

    name: str
    arguments: tuple[Node, ...]
    dtype: pl.DataType


@dataclass(frozen=True)
class Arithmetic:
    """A calculation with two numbers, in floating point."""

    sign: str
    left: Node
    right: Node
    dtype: pl.DataType


@dataclass(frozen=True)
class Compare:
    """Two operands of one kind, compared by a sign of `OPPOSITE`."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True)
class OneOf:
    """Whether an operand is one of some constants."""

    operand: Node
    values: tuple[Constant, ...]


@dataclass(frozen=True)
class Like:
    """Whether a text fits a pattern: texts, and between them "%" for any text and "_" for one character."""

    operand: Node
    pattern: tuple[tuple[str, bool], ...]  # (characters, whether they are a wildcard)
    ignore_case: bool = False


@dataclass(frozen=True)
class IsNull:
    """Whether a value is unknown: null or NaN."""

    operand: Node


@dataclass(frozen=True)
class Is:
    """Whether a condition is known, and true (or known, and false)."""

    condition: Node
    value: bool


@dataclass(frozen=True)
class Not:
    """Negation: what is unknown stays unknown."""

    condition: Node


@dataclass(frozen=True)
class All:
    """Conditions joined by AND."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Any:
    """Conditions joined by OR."""

    parts: tuple[Node, ...]


Node: TypeAlias = Column | Constant | Call | Arithmetic | Compare | OneOf | Like | IsNull | Is | Not | All | Any


def kind_of(dtype: pl.DataType) -> str:
    """Return which values a type can be compared with: "number", "text", "bool", "date", "time", or "" for none."""
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
    """Return the polars type of what a node stands for."""
    if isinstance(node, (Column, Call, Arithmetic)):
        return node.dtype
    if isinstance(node, Constant) and not isinstance(node.value, bool):
        return pl.String() if isinstance(node.value, str) else pl.Float64()
    return pl.Boolean()


def whole_comparison(sign: str, number: Fraction, low: int, high: int) -> tuple[str, int] | bool:
    """Return how whole numbers within [low, high] are compared with any number: a sign and a whole number.

    Returns True where the comparison holds for every one of them, False where for none.

    Examples
    --------
    >>> whole_comparison("<", Fraction("2.5"), 0, 255), whole_comparison("<", Fraction(300), 0, 255)
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
