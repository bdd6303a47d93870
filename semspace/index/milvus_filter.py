"""Conditions as people write them, ``"year >= 2001 and label = 'sport'"`` → the expressions that Milvus takes.

`text/condition_reader.py` reads them, and here they are written anew, so no text of a user ever stands in an expression
unescaped. Milvus' versions differ in what NOT makes of unknown values, so none is written (`condition_sides.py`). What
Milvus can't compute is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import polars as pl

from semspace.index.condition_sides import Sides, SidesWriter
from semspace.index.milvus_fields import ID, Fields
from semspace.text.condition import ColumnRef, ConditionError, Constant, Like, integer_comparison, rounded
from semspace.text.condition_reader import condition_error, read_condition

Expression = str | bool  # True holds for every point, False for none

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_ALLOWED = "there, a column can be compared with values, by =, <>, <, <=, >, >=, IN, LIKE, BETWEEN, IS NULL and IS TRUE"


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
        return _MilvusWriter(fields).sides(condition).yes
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


@dataclass(frozen=True)
class _MilvusWriter(SidesWriter[str]):
    """Writes conditions for a collection's fields."""

    fields: Fields
    engine: ClassVar[str] = "Milvus"
    allowed: ClassVar[str] = _ALLOWED

    def joined(self, parts: Sequence[str], *, every: bool) -> str:
        return f"({(' and ' if every else ' or ').join(parts)})"

    def is_known(self, column: ColumnRef) -> Expression:
        return True if self._always(column) else f"{self._field(column)} is not null"

    def is_unknown(self, column: ColumnRef) -> Expression:
        return False if self._always(column) else f"{self._field(column)} is null"

    def compared(self, column: ColumnRef, sign: str, value: Constant) -> Expression:
        kind = self.fields.kind(column.name) if column.name in self.fields.columns else "text"
        dtype = column.dtype
        if kind == "json":
            raise ConditionError(f"{column.name!r} holds {dtype}, of which Milvus can only tell IS NULL")
        written = _written(dtype, kind, sign, value)
        if isinstance(written, bool):
            return self.is_known(column) if written else False
        text = f"{self._field(column)} {written}"
        return self.known_but(column, text) if sign == "!=" else text

    def listed(self, column: ColumnRef, values: Sequence[Constant]) -> Sides[str]:
        equal = {self.compared(column, "==", value): None for value in values}  # without doubles, in order
        listed = [text for text in equal if isinstance(text, str)]
        # The least whole number there is can't be listed, and 0.0 in a list isn't -0.0.
        if any(" == " not in text or text.endswith(" 0.0") for text in listed):
            unlike = [self.compared(column, "!=", value) for value in values]
            return Sides(self.any_of(listed), self.known_but(column, self.all_of(unlike)))
        if not listed:
            return Sides(False, self.is_known(column))
        field = self._field(column)
        written = f"[{', '.join(text.partition(' == ')[2] for text in listed)}]"
        return Sides(f"{field} in {written}", self.known_but(column, f"{field} not in {written}"))

    def like(self, column: ColumnRef, node: Like) -> Sides[str]:
        if node.ignore_case:
            raise ConditionError("Milvus doesn't know ILIKE; use LIKE, or IN")
        if not self.fields.nulls and [wildcard for _, wildcard in node.pattern] != [False, True]:
            raise ConditionError("a Milvus before 2.5 knows LIKE only for beginnings, such as LIKE 'abc%'")
        fixed = "".join(text for text, wildcard in node.pattern if not wildcard)
        if set(fixed) & set("\\%_"):  # characters like others to us; to Milvus at times, and at times not
            raise ConditionError("Milvus can't look for a backslash, % or _ with LIKE; use =, or IN")
        text = f"{self._field(column)} like {literal(''.join(text for text, _ in node.pattern))}"
        return Sides(text, self.known_but(column, f"not ({text})"))

    def _always(self, column: ColumnRef) -> bool:
        """Check whether a column's values are all known."""
        return not self.fields.nulls or column.name not in self.fields.columns

    def _field(self, column: ColumnRef) -> str:
        return self.fields.names.get(column.name, ID)  # a column called id goes before the points' ids


def _written(dtype: pl.DataType, kind: str, sign: str, value: Constant) -> str | bool:
    """Write what follows the field, or tell that it holds for every known value, or for none."""
    if isinstance(value.value, bool):
        return f"{sign} {str(value.value).lower()}"
    if isinstance(value.value, str):
        return f"{sign} {literal(value.value)}"
    return f"{sign} {rounded(value.value, dtype)!r}" if kind == "float" else _whole(sign, value.value)


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
