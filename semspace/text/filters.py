"""Conditions on metadata, such as ``"year >= 2001 and label = 'sport'"``, evaluated on a polars table.

`condition_reader.py` parses them. Each comparison is evaluated on whole columns, and the results are combined by
Kleene's three-valued logic, in which null and NaN are unknown.
"""

from __future__ import annotations

from fractions import Fraction
from operator import add, mod, mul, sub, truediv

import polars as pl

from semspace.text.condition import (
    MIRRORED,
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
    integer_comparison,
    rounded,
    value_kind,
)
from semspace.text.condition_functions import FUNCTIONS, cast_values
from semspace.text.condition_reader import condition_error, read_condition

_EXACT = pl.Int128()
_NANOSECONDS = {"ms": 1_000_000, "us": 1_000, "ns": 1}


def matching(frame: pl.DataFrame, where: str) -> pl.Series:
    """Return for each row whether a condition holds (polars Series of n bools; unknown counts as false).

    Raises
    ------
    InputError
        If the condition can't be parsed, names an unknown column, or compares values of different kinds.

    Examples
    --------
    >>> matching(pl.DataFrame({"year": [1999, None, 2010]}), "year >= 2001").to_list()
    [False, False, True]
    """
    condition = read_condition(where, frame.schema)
    try:
        return _ConditionEvaluator(frame).truth(condition).fill_null(False).rename("match")
    except ConditionError as problem:
        raise condition_error(where, str(problem), frame.schema) from None
    except pl.exceptions.PolarsError as problem:  # such as a pattern of LIKE that is too large
        raise condition_error(where, str(problem).strip().partition("\n")[0], frame.schema) from problem


class _ConditionEvaluator:
    """Evaluates conditions on the rows of a table."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def truth(self, node: Node) -> pl.Series:
        """Return for each row whether a condition holds; null for unknown."""
        if isinstance(node, Constant):
            return self._always(bool(node.value))
        if isinstance(node, AllOf):
            return self._joined(node.parts, every=True)
        if isinstance(node, AnyOf):
            return self._joined(node.parts, every=False)
        if isinstance(node, Not):
            return ~self.truth(node.condition)
        if isinstance(node, Is):
            truth = self.truth(node.condition)
            return truth.fill_null(False) if node.value else ~truth.fill_null(True)
        if isinstance(node, IsNull):
            return self.values(node.operand).is_null()
        if isinstance(node, Like):
            return self._like(node)
        if isinstance(node, OneOf):
            return self._one_of(node)
        if isinstance(node, Compare):
            return self._compare(node)
        return self.values(node)

    def _always(self, value: bool) -> pl.Series:
        return pl.Series([value], dtype=pl.Boolean).new_from_index(0, len(self.frame))  # type: ignore[no-any-return]

    def _joined(self, parts: tuple[Node, ...], *, every: bool) -> pl.Series:
        result = self.truth(parts[0])
        for part in parts[1:]:
            result = result & self.truth(part) if every else result | self.truth(part)
        return result

    # -- operands -----------------------------------------------------------------------------------------

    def values(self, node: Node) -> pl.Series:
        """Return the values of an operand, one for each row, with NaN as null."""
        if isinstance(node, ColumnRef):
            values = self.frame[node.name]
            return values.fill_nan(None) if values.dtype.is_float() else values
        if isinstance(node, Constant):
            value = float(node.value) if isinstance(node.value, Fraction) else node.value
            return pl.Series([value]).new_from_index(0, len(self.frame))  # type: ignore[no-any-return]
        if isinstance(node, Arithmetic):
            return self._calculated(node)
        if isinstance(node, Call):
            return self._called(node)
        return self.truth(node)

    def _calculated(self, node: Arithmetic) -> pl.Series:
        left, right = (self.values(side).cast(pl.Float64) for side in (node.left, node.right))
        if node.sign in "/%":
            right = right.replace(0.0, None)  # division by zero gives null
        operation = {"+": add, "-": sub, "*": mul, "/": truediv, "%": mod}[node.sign]
        return operation(left, right).fill_nan(None)  # type: ignore[no-any-return]  # such as inf - inf

    def _called(self, node: Call) -> pl.Series:
        first = self._plain(node.arguments[0])
        if node.name == "CAST":
            result = cast_values(first, node.dtype)
        elif node.name == "COALESCE":
            result = first.cast(node.dtype)
            for argument in node.arguments[1:]:
                result = result.zip_with(result.is_not_null(), self._plain(argument).cast(node.dtype))
        else:
            function = FUNCTIONS[node.name]
            constants = [_given(argument) for argument in node.arguments[1:]]
            result = function.operation(first, *constants).cast(node.dtype)
        return result.fill_nan(None) if node.dtype.is_float() else result

    def _plain(self, node: Node) -> pl.Series:
        """Return values in the types that functions take: categories as strings, decimals as floats."""
        values = self.values(node)
        if value_kind(values.dtype) == "text":
            return values.cast(pl.String)  # type: ignore[no-any-return]
        return values.cast(pl.Float64) if values.dtype.is_decimal() else values

    # -- comparisons --------------------------------------------------------------------------------------

    def _compare(self, node: Compare) -> pl.Series:
        values = self.values(node.left)
        if isinstance(node.right, Constant):
            return _against(values, node.sign, node.right)
        other = self.values(node.right)
        if value_kind(values.dtype) in ("date", "time"):
            values, other = _same_ticks(values), _same_ticks(other)
        elif value_kind(values.dtype) == "text":
            values, other = values.cast(pl.String), other.cast(pl.String)
        elif value_kind(values.dtype) == "number":
            whole = values.dtype.is_integer() and other.dtype.is_integer()
            values, other = (side.cast(_EXACT if whole else pl.Float64) for side in (values, other))
        return _applied(values, node.sign, other)

    def _one_of(self, node: OneOf) -> pl.Series:
        values = self.values(node.operand)
        kind = value_kind(values.dtype)
        if kind == "text":
            values_in_list = pl.Series([value.value for value in node.values], dtype=pl.String)
            return values.cast(pl.String).is_in(values_in_list.implode())  # type: ignore[no-any-return]
        result = _against(values, "==", node.values[0])
        for value in node.values[1:]:
            result = result | _against(values, "==", value)
        return result

    def _like(self, node: Like) -> pl.Series:
        wild = {"%": ".*", "_": "."}
        parts = [wild[text] if wildcard else pl.escape_regex(text) for text, wildcard in node.pattern]
        flags = "(?is)" if node.ignore_case else "(?s)"
        return self._plain(node.operand).str.contains(f"{flags}^{''.join(parts)}$")


def _given(node: Node) -> int | float | str | bool:
    assert isinstance(node, Constant)
    if isinstance(node.value, Fraction):
        return int(node.value) if node.value.denominator == 1 else float(node.value)
    return node.value


def _against(values: pl.Series, sign: str, constant: Constant) -> pl.Series:
    """Return the comparison of values with a constant of their kind."""
    dtype, value = values.dtype, constant.value
    if dtype == pl.Null:
        return values.cast(pl.Boolean)  # type: ignore[no-any-return]
    if isinstance(dtype, pl.Enum) and sign not in ("==", "!="):
        return _applied(values.to_physical(), sign, pl.Series([dtype.categories.to_list().index(value)]))
    if not isinstance(value, Fraction):
        values = values.cast(pl.String) if isinstance(value, str) else values
        return _applied(values, sign, pl.Series([value], dtype=values.dtype))
    if dtype.is_float():
        return _applied(values, sign, pl.Series([rounded(value, dtype)], dtype=pl.Float64))
    if isinstance(dtype, pl.Decimal):
        value *= 10**dtype.scale
    ticks = values if dtype.is_integer() else values.to_physical()
    low, high = _range(ticks.dtype)
    comparison = integer_comparison(sign, value, low, high)
    if isinstance(comparison, bool):
        return _applied(ticks, "==", ticks) if comparison else _applied(ticks, "!=", ticks)
    return _applied(ticks, comparison[0], pl.Series([comparison[1]], dtype=ticks.dtype))


def _range(dtype: pl.DataType) -> tuple[int, int]:
    low, high = pl.select(low=dtype.min(), high=dtype.max()).row(0)  # type: ignore[attr-defined]
    return int(low), int(high)


def _same_ticks(values: pl.Series) -> pl.Series:
    """Return times in nanoseconds, so that different types can be compared."""
    unit = 86_400 * 10**9 if values.dtype == pl.Date else _NANOSECONDS.get(getattr(values.dtype, "time_unit", ""), 1)
    return values.to_physical().cast(_EXACT) * pl.Series([unit], dtype=_EXACT)  # type: ignore[no-any-return]


def _applied(values: pl.Series, sign: str, other: pl.Series) -> pl.Series:
    if sign in (">", ">="):
        values, other, sign = other, values, MIRRORED[sign]
    if sign == "<":
        return values < other
    if sign == "<=":
        return values <= other
    return values == other if sign == "==" else values != other
