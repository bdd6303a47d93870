"""Conditions as people write them, ``"year >= 2001 and label = 'sport'"`` → a condition of SQL for Postgres.

Values are never written into the SQL: they are parameters. SQL has the three truth values that conditions have, so the
tree is written as it is; what differs is made equal. NaN, which Postgres puts above all numbers, is null here. Texts
are ordered by code point (COLLATE "C"). Whole numbers, dates and times lie in BIGINT (days or ticks), floats in DOUBLE
PRECISION, truth in BOOLEAN, and texts in TEXT. What Postgres computes otherwise is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from semspace.index.milvus_fields import kind_of
from semspace.text.condition import (
    AllOf,
    AnyOf,
    Arithmetic,
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
    dtype_of,
    integer_comparison,
    ordered_categories,
    rounded,
    value_kind,
)
from semspace.text.condition_reader import condition_error, read_condition

Value: TypeAlias = "int | float | str | bool"
_ID = "id"
_SIGNS = {"==": "=", "!=": "<>"}
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_NAN = "CAST('NaN' AS double precision)"
_ESCAPE = "!"


@dataclass(frozen=True)
class Statement:
    """A part of SQL with ``%s`` where a value belongs, and the values in order, as psycopg takes them.

    Parameters
    ----------
    text : str
    values : tuple of int, float, str and bool
    """

    text: str
    values: tuple[Value, ...] = ()

    def within(self, form: str) -> Statement:
        """Return it in place of ``{}`` in a form."""
        return Statement(form.replace("{}", self.text), self.values)


def translate(where: str, schema: Mapping[str, pl.DataType], names: Mapping[str, str], id_name: str = _ID) -> Statement:
    r"""Translate a condition into one of SQL, to stand after WHERE.

    Parameters
    ----------
    where : str
    schema : mapping of str to polars.DataType
        The columns of the metadata.
    names : mapping of str to str
        Column → column of the table in Postgres.
    id_name : str
        Column of the table that holds the points' ids; a column of the metadata called ``id`` goes before it.

    Raises
    ------
    InputError
        If the condition can't be read, names no column there is, or asks what Postgres doesn't know.

    Examples
    --------
    >>> import polars as pl
    >>> schema = {"year": pl.Int64(), "label": pl.String()}
    >>> translate("year >= 2001 and not label = 'it''s'", schema, {"year": "year", "label": "label"})
    Statement(text='(("year" >= %s) AND (NOT ("label" = %s)))', values=(2001, "it's"))
    """
    known = {**schema, **({} if _ID in schema else {_ID: pl.String()})}
    condition = read_condition(where, known)
    try:
        return _SqlWriter(names, id_name).truth(condition)
    except ConditionError as problem:
        raise condition_error(where, str(problem), known) from None


@dataclass(frozen=True)
class _SqlWriter:
    names: Mapping[str, str]
    id_name: str

    def truth(self, node: Node) -> Statement:
        """Write a condition."""
        if isinstance(node, (AllOf, AnyOf)):
            return _listed(map(self.truth, node.parts), " AND " if isinstance(node, AllOf) else " OR ")
        if isinstance(node, Not):
            return self.truth(node.condition).within("(NOT {})")
        if isinstance(node, Is):
            return self.truth(node.condition).within(f"({{}} IS {'TRUE' if node.value else 'FALSE'})")
        if isinstance(node, IsNull):
            return self._null_or_not(node.operand)
        if isinstance(node, Compare):
            return self._compare(node)
        if isinstance(node, OneOf):
            return self._one_of(self.value(node.operand), dtype_of(node.operand), node.values)
        if isinstance(node, Like):
            return self._like(node)
        return self.value(node)

    # -- operands -----------------------------------------------------------------------------------------

    def value(self, node: Node) -> Statement:
        """Write an operand; NaN is null."""
        if isinstance(node, ColumnRef):
            kind = kind_of(node.dtype)
            if kind is None or kind == "json":
                raise ConditionError(f"{node.name!r} holds {node.dtype}, of which Postgres can only tell IS NULL")
            return Statement(f"NULLIF({self._name(node)}, {_NAN})" if kind == "float" else self._name(node))
        if isinstance(node, Constant):
            return _constant(node)
        if isinstance(node, Arithmetic):
            return self._calculated(node)
        if isinstance(node, Call):
            return self._called(node)
        return self.truth(node)

    def _name(self, column: ColumnRef) -> str:
        name = self.names.get(column.name, self.id_name)
        return '"' + name.replace('"', '""').replace("%", "%%") + '"'  # % begins a parameter

    def _calculated(self, node: Arithmetic) -> Statement:
        if node.sign == "%":
            raise ConditionError("Postgres doesn't know % of floats")
        left, right = (self._float(side) for side in (node.left, node.right))
        if node.sign == "/":
            right = right.within("NULLIF({}, 0)")
        return _listed([left, right], f" {node.sign} ").within(f"NULLIF({{}}, {_NAN})")

    def _float(self, node: Node) -> Statement:
        return self.value(node).within("CAST({} AS double precision)")

    def _called(self, node: Call) -> Statement:
        first, *more = node.arguments
        if node.name == "COALESCE":
            write = self._float if node.dtype == pl.Float64 else self.value
            return _listed(map(write, node.arguments), ", ").within("COALESCE{}")
        if node.name in ("ABS", "FLOOR", "CEIL"):
            return self._float(first).within(f"{node.name}({{}})")
        if node.name in _CALLS:
            return _CALLS[node.name](self.value(first), *(self.value(argument) for argument in more))
        raise ConditionError(f"Postgres doesn't know {node.name}(…) as it is meant here; use it with a local index")

    # -- comparisons --------------------------------------------------------------------------------------

    def _null_or_not(self, node: Node) -> Statement:
        if isinstance(node, ColumnRef) and kind_of(node.dtype) in (None, "json"):
            return Statement(f"({self._name(node)} IS NULL)")
        return self.value(node).within("({} IS NULL)")

    def _compare(self, node: Compare) -> Statement:
        left, right, dtype = node.left, node.right, dtype_of(node.left)
        if isinstance(right, Constant):
            if isinstance(dtype, pl.Enum) and node.sign not in ("==", "!="):
                return self._one_of(self.value(left), dtype, ordered_categories(dtype, node.sign, right))
            return _against(self.value(left), dtype, node.sign, right)
        sides = [self.value(left), self.value(right)]
        kind, other = value_kind(dtype), dtype_of(right)
        if kind in ("date", "time") and dtype != other:
            sides = [
                Statement(f"{side.text} * CAST({_nanoseconds(of)} AS numeric)", side.values)
                for side, of in zip(sides, (dtype, other), strict=True)
            ]
        elif kind == "number" and dtype.is_integer() != other.is_integer():
            sides = [side.within("CAST({} AS double precision)") for side in sides]
        return _signed(sides[0], kind, node.sign, sides[1])

    def _one_of(self, operand: Statement, dtype: pl.DataType, values: Sequence[Constant]) -> Statement:
        wanted: list[Value] = []
        for value in values:
            if isinstance(value.value, (str, bool)):
                wanted.append(_plain(value.value))
            elif dtype.is_float():
                wanted.append(rounded(value.value, dtype))
            elif value.value.denominator == 1 and _LOWEST <= value.value <= _HIGHEST:
                wanted.append(int(value.value))
        if not wanted:
            return _always(operand, False)
        marks = ", ".join(["%s"] * len(wanted))
        return Statement(f"({operand.text} IN ({marks}))", (*operand.values, *wanted))

    def _like(self, node: Like) -> Statement:
        if node.ignore_case:
            raise ConditionError("Postgres knows ILIKE only in the language of its database: use LIKE, or IN")
        operand = self.value(node.operand)
        written = "".join(text if wildcard else _escaped(text) for text, wildcard in node.pattern)
        return Statement(f"({operand.text} LIKE %s ESCAPE '{_ESCAPE}')", (*operand.values, _plain(written)))


def _against(operand: Statement, dtype: pl.DataType, sign: str, constant: Constant) -> Statement:
    """Write a comparison with a constant."""
    value = constant.value
    if isinstance(value, (str, bool)):
        return _signed(operand, value_kind(dtype), sign, Statement("%s", (_plain(value),)))
    if dtype.is_float():
        return _signed(operand, "number", sign, Statement("%s", (rounded(value, dtype),)))
    found = integer_comparison(sign, value, _LOWEST, _HIGHEST)
    if isinstance(found, bool):
        return _always(operand, found)
    return _signed(operand, "number", found[0], Statement("%s", (found[1],)))


def _signed(left: Statement, kind: str, sign: str, right: Statement) -> Statement:
    by_code_point = ' COLLATE "C"' if kind == "text" and sign not in ("==", "!=") else ""
    text = f"{left.text}{by_code_point} {_SIGNS.get(sign, sign)} {right.text}"
    return Statement(f"({text})", (*left.values, *right.values))


def _always(operand: Statement, holds: bool) -> Statement:
    """Write what holds for every known value, or for none; unknown stays unknown."""
    sign = "=" if holds else "<>"
    return Statement(f"({operand.text} {sign} {operand.text})", operand.values * 2)


def _listed(parts: Iterable[Statement], between: str) -> Statement:
    every = [*parts]
    values = tuple(value for part in every for value in part.values)
    return Statement(f"({between.join(part.text for part in every)})", values)


def _constant(node: Constant) -> Statement:
    if isinstance(node.value, bool):
        return Statement("TRUE" if node.value else "FALSE")
    return Statement("%s", (_plain(node.value) if isinstance(node.value, str) else _number(node),))


def _number(node: Constant) -> Value:
    assert not isinstance(node.value, str)
    whole = node.value.denominator == 1 and _LOWEST <= node.value <= _HIGHEST
    return int(node.value) if whole else float(node.value)


def _plain(value: str | bool) -> str | bool:
    if isinstance(value, str) and "\0" in value:
        raise ConditionError("Postgres' texts can't hold the character NUL")
    return value


def _escaped(text: str) -> str:
    for character in (_ESCAPE, "%", "_"):
        text = text.replace(character, _ESCAPE + character)
    return text


def _nanoseconds(dtype: pl.DataType) -> int:
    if dtype == pl.Date:
        return 86_400 * 10**9
    return {"ms": 10**6, "us": 10**3, "ns": 1}[getattr(dtype, "time_unit", "ns")]


def _call(form: str) -> Callable[..., Statement]:
    """Return what writes a call: each ``{}`` of the form is an argument, in order."""
    pieces = form.split("{}")

    def write(*arguments: Statement) -> Statement:
        text = pieces[0] + "".join(one.text + piece for one, piece in zip(arguments, pieces[1:], strict=True))
        return Statement(text, tuple(value for one in arguments for value in one.values))

    return write


def _substr(values: Statement, start: Statement, *length: Statement) -> Statement:
    form = "SUBSTR({}, CAST({} AS integer)" + (", CAST({} AS integer))" if length else ")")
    return _call(form)(values, start, *length)


# Functions that Postgres computes just so.
_CALLS: dict[str, Callable[..., Statement]] = {
    "CHAR_LENGTH": _call("CHAR_LENGTH({})"),
    "LENGTH": _call("CHAR_LENGTH({})"),
    "CONTAINS": _call("(STRPOS({}, CAST({} AS text)) > 0)"),
    "STARTS_WITH": _call("STARTS_WITH({}, CAST({} AS text))"),
    "LEFT": _call("SUBSTR({}, 1, CAST({} AS integer))"),
    "SUBSTR": _substr,
}
