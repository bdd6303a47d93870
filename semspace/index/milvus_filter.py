"""Conditions as people write them, ``"year >= 2001 and label = 'sport'"`` → the expressions that Milvus takes.

`text/condition_reader.py` reads them, and here they are written anew, so no text of a user ever stands in an expression
unescaped. Milvus' versions differ in what NOT makes of unknown values, so none is written: each condition is translated
into two expressions, one for where it is true and one for where it is false, and NOT changes their places. Where a
value is unknown neither holds, as in SQL (Kleene's logic). What Milvus can't compute is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import polars as pl

from semspace.index.milvus_fields import ID, Fields
from semspace.text.condition import (
    OPPOSITE,
    AllOf,
    AnyOf,
    Call,
    ColumnRef,
    Compare,
    ConditionError,
    Constant,
    Is,
    IsNull,
    Like,
    Node,
    Not,
    OneOf,
    integer_comparison,
)
from semspace.text.condition_reader import condition_error, read_condition

Expression = str | bool  # True holds for every point, False for none

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_ALLOWED = "there, a column can be compared with values, by =, <>, <, <=, >, >=, IN, LIKE, BETWEEN, IS NULL and IS TRUE"


class Truth(NamedTuple):
    """Where a condition is true, and where it is false."""

    yes: Expression
    no: Expression


def translate(where: str, fields: Fields) -> Expression:
    r"""Translate a condition into an expression for Milvus; True or False where it holds for every point or for none.

    Raises
    ------
    InputError
        If the condition can't be read, names no column there is, or asks what Milvus doesn't know.

    Examples
    --------
    >>> import polars as pl
    >>> translate("year >= 2001 and not label = 'it''s'", Fields.of({"year": pl.Int64(), "label": pl.String()}))
    '(year >= 2001 and (label is not null and label != "it\'s"))'
    """
    schema = {**(fields.schema or {}), **({} if ID in fields.columns else {ID: pl.String()})}
    condition = read_condition(where, schema)
    try:
        return _Writer(fields).truth(condition).yes
    except ConditionError as problem:
        raise condition_error(where, str(problem), schema) from None


def literal(text: str) -> str:
    """Write a text as Milvus reads it: in double quotes, with what would end it escaped."""
    for raw, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(raw, escaped)
    return f'"{text}"'


def one_of(field: str, values: Sequence[str]) -> str:
    """Write that a field is one of these texts."""
    return f"{field} in [{', '.join(map(literal, values))}]"


def both(a: Expression, b: Expression) -> Expression:
    """Join two expressions with AND."""
    if a is True or b is False:
        return b
    return a if b is True or a is False else f"({a} and {b})"


def either(a: Expression, b: Expression) -> Expression:
    """Join two expressions with OR."""
    if a is False or b is True:
        return b
    return a if b is False or a is True else f"({a} or {b})"


@dataclass(frozen=True)
class _Writer:
    """Writes conditions for a collection's fields."""

    fields: Fields

    def truth(self, node: Node) -> Truth:
        """Write where a condition is true and where it is false."""
        if isinstance(node, Constant):
            return Truth(bool(node.value), not node.value)
        if isinstance(node, ColumnRef):
            return self._compare(node, "==", Constant(True, "true"))
        if isinstance(node, (AllOf, AnyOf)):
            return self._joined(node)
        if isinstance(node, Not):
            truth = self.truth(node.condition)
            return Truth(truth.no, truth.yes)
        if isinstance(node, Is):
            truth = self.truth(node.condition)
            wanted, other = (truth.yes, truth.no) if node.value else (truth.no, truth.yes)
            return Truth(wanted, either(other, self._unknown(node.condition)))
        if isinstance(node, IsNull) and isinstance(node.operand, (Compare, OneOf, Like, Not, AllOf, AnyOf, Is)):
            truth = self.truth(node.operand)
            return Truth(self._unknown(node.operand), either(truth.yes, truth.no))
        if isinstance(node, IsNull):
            known = self._known(self._column(node.operand))
            return Truth(False, True) if known is True else Truth(f"{self._field(node.operand)} is null", known)
        if isinstance(node, Like):
            return self._like(node)
        if isinstance(node, OneOf):
            return self._one_of(node)
        if isinstance(node, Compare) and isinstance(node.right, Constant):
            return self._compare(node.left, node.sign, node.right)
        raise ConditionError(f"Milvus can't compare columns with one another, or calculate; {_ALLOWED}")

    def _joined(self, node: AllOf | AnyOf) -> Truth:
        found = self.truth(node.parts[0])
        for part in node.parts[1:]:
            more = self.truth(part)
            if isinstance(node, AllOf):
                found = Truth(both(found.yes, more.yes), either(found.no, more.no))
            else:
                found = Truth(either(found.yes, more.yes), both(found.no, more.no))
        return found

    def _unknown(self, node: Node) -> Expression:
        """Write where it isn't known whether a condition of one column holds."""
        while isinstance(node, (Not, Is)):
            if isinstance(node, Is):
                return False
            node = node.condition
        if isinstance(node, (AllOf, AnyOf)):
            raise ConditionError("Milvus can't tell where a condition made with AND or OR IS TRUE or IS FALSE")
        if isinstance(node, (Constant, IsNull)):
            return False
        known = self._known(self._column(node if isinstance(node, ColumnRef) else _operand(node)))
        return False if known is True else str(known).replace(" is not null", " is null")

    def _column(self, node: Node) -> ColumnRef:
        if isinstance(node, ColumnRef):
            return node
        what = f"the function {node.name}" if isinstance(node, Call) else "a calculation"
        raise ConditionError(f"Milvus doesn't know {what}; {_ALLOWED}")

    def _known(self, column: ColumnRef) -> Expression:
        """Write that the column's value is known."""
        always = not self.fields.nulls or column.name not in self.fields.columns
        return True if always else f"{self._field(column)} is not null"

    def _field(self, node: Node) -> str:
        return self.fields.names.get(self._column(node).name, ID)  # a column called id goes before the points' ids

    # -- what is compared ---------------------------------------------------------------------------------

    def _compare(self, node: Node, sign: str, value: Constant) -> Truth:
        column = self._column(node)
        return Truth(self._leaf(column, sign, value), self._leaf(column, OPPOSITE[sign], value))

    def _one_of(self, node: OneOf) -> Truth:
        column = self._column(node.operand)
        equal = {self._leaf(column, "==", value): None for value in node.values}  # without doubles, in order
        listed = [text for text in equal if isinstance(text, str)]
        if any(" == " not in text for text in listed):  # the least whole number there is can't be listed
            every = [self._compare(column, "==", value) for value in node.values]
            yes: Expression = False
            no: Expression = self._known(column)
            for one in every:
                yes, no = either(yes, one.yes), both(no, one.no)
            return Truth(yes, no)
        if not listed:
            return Truth(False, self._known(column))
        field = self._field(column)
        values = f"[{', '.join(text.partition(' == ')[2] for text in listed)}]"
        return Truth(f"{field} in {values}", both(self._known(column), f"{field} not in {values}"))

    def _like(self, node: Like) -> Truth:
        column = self._column(node.operand)
        if node.ignore_case:
            raise ConditionError("Milvus doesn't know ILIKE; use LIKE, or IN")
        fixed = "".join(text for text, wildcard in node.pattern if not wildcard)
        if all(not wildcard for _, wildcard in node.pattern):
            return self._compare(column, "==", Constant(fixed, repr(fixed)))
        if not self.fields.nulls and [wildcard for _, wildcard in node.pattern] != [False, True]:
            raise ConditionError("a Milvus before 2.5 knows LIKE only for beginnings, such as LIKE 'abc%'")
        if set(fixed) & set("\\%_"):  # characters like others to us; to Milvus at times, and at times not
            raise ConditionError("Milvus can't look for a backslash, % or _ with LIKE; use =, or IN")
        pattern = "".join(text for text, _ in node.pattern)
        text = f"{self._field(column)} like {literal(pattern)}"
        return Truth(text, both(self._known(column), f"not ({text})"))

    def _leaf(self, column: ColumnRef, sign: str, value: Constant) -> Expression:
        kind = self.fields.kind(column.name) if column.name in self.fields.columns else "text"
        dtype = column.dtype
        if kind == "json":
            raise ConditionError(f"{column.name!r} holds {dtype}, of which Milvus can only tell IS NULL")
        if sign not in ("==", "!=") and isinstance(dtype, pl.Enum):
            raise ConditionError(f"{column.name!r} holds {dtype}, which Milvus can't put in order: use =, <> or IN")
        compared = _written(dtype, kind, sign, value)
        if isinstance(compared, bool):
            return self._known(column) if compared else False
        text = f"{self._field(column)} {compared}"
        return both(self._known(column), text) if sign == "!=" else text


def _operand(node: Node) -> Node:
    if isinstance(node, Compare):
        return node.left
    return node.operand if isinstance(node, (OneOf, Like)) else node


def _written(dtype: pl.DataType, kind: str, sign: str, value: Constant) -> str | bool:
    """Write what follows the field, or tell that it holds for every known value, or for none."""
    if isinstance(value.value, bool):
        return f"{sign} {str(value.value).lower()}"
    if isinstance(value.value, str):
        return f"{sign} {literal(value.value)}"
    return _float(dtype, sign, value.value) if kind == "float" else _whole(sign, value.value)


def _float(dtype: pl.DataType, sign: str, value: Fraction) -> str:
    number = float(value)
    if dtype == pl.Float32:  # compared in the column's own precision: 0.1 is the float32 nearest to it
        with np.errstate(over="ignore"):
            nearest = float(np.float32(number))
        number = nearest if math.isfinite(nearest) else number
    return f"{sign} {number!r}"


def _whole(sign: str, number: Fraction) -> str | bool:
    """Compare whole numbers with any number; Milvus takes whole ones of 64 bits only."""
    found = integer_comparison(sign, number, _LOWEST, _HIGHEST)
    if isinstance(found, bool):
        return found
    sign, whole = found
    if whole == _LOWEST:  # can't be written: Milvus reads its digits before the minus, and they are too large
        table: dict[str, str | bool] = {"<": False, ">=": True, "==": f"< {whole + 1}", "<=": f"< {whole + 1}"}
        return table.get(sign, f">= {whole + 1}")
    return f"{sign} {whole}"
