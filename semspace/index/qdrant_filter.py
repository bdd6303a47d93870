"""Conditions as people write them, ``"year >= 2001 and label = 'sport'"`` → the filters that Qdrant takes.

Payloads hold whole numbers, dates and times as JSON integers (days or ticks), floats, truth and texts as JSON has them,
and an unknown value as null or not at all. Qdrant compares numbers as float64, so whole numbers beyond 2**53 are
compared by a range below the rounding and a list of the few numbers within it. Qdrant knows no order of texts and no
patterns; what it can't compute is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import polars as pl

from semspace import checks
from semspace.index.condition_sides import Sides, SidesWriter
from semspace.index.milvus_fields import kind_of
from semspace.text.condition import ColumnRef, ConditionError, Constant, Like, integer_comparison, rounded
from semspace.text.condition_reader import condition_error, read_condition

EXTRA = "qdrant"
_ID = "id"
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_EXACT = 2**53  # float64 holds all whole numbers below
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_ALLOWED = (
    "there, numbers, dates and times are compared with values by =, <>, <, <=, >, >=, IN and BETWEEN, texts by =, <> "
    "and IN, and any column by IS NULL"
)


def translate(where: str, schema: Mapping[str, pl.DataType], names: Mapping[str, str], id_key: str = _ID) -> Any:
    """Translate a condition into a filter for Qdrant.

    Parameters
    ----------
    where : str
    schema : mapping of str to polars.DataType
        The columns of the metadata.
    names : mapping of str to str
        Column → key of the payload, which has no double quotes.
    id_key : str
        Key of the payload that holds the points' ids; a column called ``id`` goes before it.

    Returns
    -------
    qdrant_client.models.Filter or bool
        True where the condition holds for every point, False where it holds for none.

    Raises
    ------
    InputError
        If the condition can't be read, names no column there is, or asks what Qdrant doesn't know.
    MissingExtraError
        If qdrant-client isn't installed.
    """
    known = {**schema, **({} if _ID in schema else {_ID: pl.String()})}
    condition = read_condition(where, known)
    models = checks.need("qdrant_client", EXTRA).models
    try:
        found = _QdrantWriter(models, names, id_key).sides(condition).yes
    except ConditionError as problem:
        raise condition_error(where, str(problem), known) from None
    return found if isinstance(found, (bool, models.Filter)) else models.Filter(must=[found])


@dataclass(frozen=True)
class _QdrantWriter(SidesWriter[Any]):
    """Writes conditions with the classes of `qdrant_client.models`."""

    models: Any
    names: Mapping[str, str]
    id_key: str
    engine: ClassVar[str] = "Qdrant"
    allowed: ClassVar[str] = _ALLOWED

    def joined(self, parts: Sequence[Any], *, every: bool) -> Any:
        return self.models.Filter(**{"must" if every else "should": list(parts)})

    def is_known(self, column: ColumnRef) -> Any:
        return column.name not in self.names or self.models.Filter(must_not=[self.is_unknown(column)])

    def is_unknown(self, column: ColumnRef) -> Any:
        if column.name not in self.names:
            return False
        return self.models.IsEmptyCondition(is_empty=self.models.PayloadField(key=self._key(column)))

    def compared(self, column: ColumnRef, sign: str, value: Constant) -> Any:
        kind = self._kind(column)
        if kind == "bool":
            return self._equal(column, bool(value.value) == (sign == "=="))
        if kind == "text":
            if sign not in ("==", "!="):
                raise ConditionError(f"{column.name!r} holds texts, which Qdrant can't put in order: use =, <> or IN")
            return self._turned(column, sign, self._equal(column, value.value))
        assert not isinstance(value.value, (str, bool))
        if kind == "float":
            return self._float(column, sign, rounded(value.value, column.dtype))
        found = integer_comparison(sign, value.value, _LOWEST, _HIGHEST)
        if isinstance(found, bool):
            return self.is_known(column) if found else False
        return self._whole(column, *found)

    def listed(self, column: ColumnRef, values: Sequence[Constant]) -> Sides[Any]:
        if self._kind(column) in ("bool", "float"):
            found = self.any_of(self.compared(column, "==", value) for value in values)
        elif self._kind(column) == "text":
            found = self._any(column, [value.value for value in values])
        else:
            numbers = [value.value for value in values if isinstance(value.value, Fraction)]
            found = self._any(column, [int(n) for n in numbers if n.denominator == 1 and _LOWEST <= n <= _HIGHEST])
        return Sides(found, self._turned(column, "!=", found))

    def like(self, column: ColumnRef, node: Like) -> Sides[Any]:  # noqa: ARG002
        raise ConditionError(f"Qdrant can't compare {column.name!r} with a pattern: use = or IN")

    def _kind(self, column: ColumnRef) -> str:
        kind = kind_of(column.dtype)
        if kind is None or kind == "json":
            raise ConditionError(f"{column.name!r} holds {column.dtype}, of which Qdrant can only tell IS NULL")
        return kind

    def _key(self, column: ColumnRef) -> str:
        key = self.names.get(column.name, self.id_key)
        return key if _PLAIN.fullmatch(key) else f'"{key}"'  # a path, in which dots and brackets have a meaning

    # -- Qdrant's own conditions --------------------------------------------------------------------------------

    def _equal(self, column: ColumnRef, value: Any) -> Any:
        return self.models.FieldCondition(key=self._key(column), match=self.models.MatchValue(value=value))

    def _any(self, column: ColumnRef, values: Sequence[Any]) -> Any:
        if not values:
            return False
        return self.models.FieldCondition(key=self._key(column), match=self.models.MatchAny(any=list(values)))

    def _range(self, column: ColumnRef, **bounds: float) -> Any:
        return self.models.FieldCondition(key=self._key(column), range=self.models.Range(**bounds))

    def _turned(self, column: ColumnRef, sign: str, equal: Any) -> Any:
        """Write != by what is equal."""
        if sign == "==":
            return equal
        if isinstance(equal, bool):
            return False if equal else self.is_known(column)
        return self.known_but(column, self.models.Filter(must_not=[equal]))

    def _float(self, column: ColumnRef, sign: str, number: float) -> Any:
        if sign in ("==", "!="):
            return self._turned(column, sign, self._range(column, gte=number, lte=number))
        return self._range(column, **{{"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}[sign]: number})

    def _whole(self, column: ColumnRef, sign: str, number: int) -> Any:
        if sign in ("==", "!="):
            return self._turned(column, sign, self._equal(column, number))
        if sign in ("<", "<="):
            return self._below(column, number + (sign == "<="))
        return self._at_least(column, number + (sign == ">"))

    def _below(self, column: ColumnRef, number: int) -> Any:
        if abs(number) < _EXACT:
            return self._range(column, lt=float(number))
        bound = math.nextafter(float(number), -math.inf)  # what lies just below is rounded to it, and isn't below it
        listed = self._between(column, int(math.nextafter(bound, -math.inf)), number)
        return self.any_of([self._range(column, lt=bound), listed])

    def _at_least(self, column: ColumnRef, number: int) -> Any:
        if abs(number) < _EXACT:
            return self._range(column, gte=float(number))
        bound = math.nextafter(float(number), math.inf)
        listed = self._between(column, number, int(math.nextafter(bound, math.inf)))
        return self.any_of([self._range(column, gt=bound), listed])

    def _between(self, column: ColumnRef, low: int, high: int) -> Any:
        """Write that a whole number is one of those from `low` to before `high`."""
        return self._any(column, range(max(low, _LOWEST), min(high, _HIGHEST + 1)))
