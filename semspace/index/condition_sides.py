"""Conditions for engines that don't know SQL's unknown: where each is true, and where it is false.

Engines differ in what NOT makes of unknown values, so it is never written: each condition becomes two expressions of
the engine, one for where it is true and one for where it is false, and NOT changes their places. Where a value is
unknown neither holds, as in SQL (Kleene's logic).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import polars as pl

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
    ordered_categories,
)

E = TypeVar("E")  # an expression of the engine


@dataclass(frozen=True)
class Sides(Generic[E]):
    """Where a condition is true, and where it is false; True stands for every point, and False for none."""

    yes: E | bool
    no: E | bool

    @property
    def turned(self) -> Sides[E]:
        """The sides of NOT."""
        return Sides(self.no, self.yes)


class SidesWriter(ABC, Generic[E]):
    """Writes conditions as expressions of one engine, which a subclass knows.

    What the engine can't tell exactly is refused with a `ConditionError`.
    """

    engine: ClassVar[str]
    allowed: ClassVar[str]  # what can be compared there, for messages

    # -- what the engine's class writes -----------------------------------------------------------------------

    @abstractmethod
    def joined(self, parts: Sequence[E], *, every: bool) -> E:
        """Join two or more expressions with AND or OR."""

    @abstractmethod
    def is_known(self, column: ColumnRef) -> E | bool:
        """Write that a column's value is known; True where it always is."""

    @abstractmethod
    def is_unknown(self, column: ColumnRef) -> E | bool:
        """Write that a column's value is unknown; False where it never is."""

    @abstractmethod
    def compared(self, column: ColumnRef, sign: str, value: Constant) -> E | bool:
        """Write that a column's value is known and compares so with a constant."""

    @abstractmethod
    def listed(self, column: ColumnRef, values: Sequence[Constant]) -> Sides[E]:
        """Write that a column's value is one of one or more constants."""

    @abstractmethod
    def like(self, column: ColumnRef, node: Like) -> Sides[E]:
        """Write that a column's text matches a pattern which has a wildcard and isn't only "%"."""

    # -- what is the same for all ---------------------------------------------------------------------------

    def sides(self, node: Node) -> Sides[E]:
        """Write where a condition is true and where it is false."""
        if isinstance(node, Constant):
            return Sides(bool(node.value), not node.value)
        if isinstance(node, ColumnRef):
            return self._compare(node, "==", Constant(True, "true"))
        if isinstance(node, (AllOf, AnyOf)):
            return self._joined(node)
        if isinstance(node, Not):
            return self.sides(node.condition).turned
        if isinstance(node, Is):
            sides = self.sides(node.condition) if node.value else self.sides(node.condition).turned
            return Sides(sides.yes, self.any_of([sides.no, self._unknown(node.condition)]))
        if isinstance(node, IsNull):
            return self._is_null(node.operand)
        if isinstance(node, Like):
            return self._like(node)
        if isinstance(node, OneOf):
            return self._one_of(self.column(node.operand), node.values)
        if isinstance(node, Compare) and isinstance(node.right, Constant):
            return self._compare(node.left, node.sign, node.right)
        raise ConditionError(f"{self.engine} can't compare columns with one another, or calculate; {self.allowed}")

    def all_of(self, parts: Iterable[E | bool]) -> E | bool:
        """Join expressions with AND."""
        return self._simplified(parts, every=True)

    def any_of(self, parts: Iterable[E | bool]) -> E | bool:
        """Join expressions with OR."""
        return self._simplified(parts, every=False)

    def known_but(self, column: ColumnRef, other: E | bool) -> E | bool:
        """Write that a column's value is known, and that another expression holds as well."""
        return self.all_of([self.is_known(column), other])

    def column(self, node: Node) -> ColumnRef:
        """Return an operand if it is a column."""
        if isinstance(node, ColumnRef):
            return node
        what = f"the function {node.name}" if isinstance(node, Call) else "a calculation"
        raise ConditionError(f"{self.engine} doesn't know {what}; {self.allowed}")

    def _simplified(self, parts: Iterable[E | bool], *, every: bool) -> E | bool:
        kept: list[E] = []
        for part in parts:
            if part is (not every):
                return part
            if not isinstance(part, bool):
                kept.append(part)
        if not kept:
            return every
        return kept[0] if len(kept) == 1 else self.joined(kept, every=every)

    def _joined(self, node: AllOf | AnyOf) -> Sides[E]:
        parts = [self.sides(part) for part in node.parts]
        yes, no = [part.yes for part in parts], [part.no for part in parts]
        if isinstance(node, AllOf):
            return Sides(self.all_of(yes), self.any_of(no))
        return Sides(self.any_of(yes), self.all_of(no))

    def _is_null(self, operand: Node) -> Sides[E]:
        if isinstance(operand, (Compare, OneOf, Like, Not, AllOf, AnyOf, Is, IsNull)):
            sides = self.sides(operand)
            return Sides(self._unknown(operand), self.any_of([sides.yes, sides.no]))
        column = self.column(operand)
        return Sides(self.is_unknown(column), self.is_known(column))

    def _unknown(self, node: Node) -> E | bool:
        """Write where it isn't known whether a condition of one column holds."""
        while isinstance(node, Not):
            node = node.condition
        if isinstance(node, (Constant, IsNull, Is)):
            return False
        if isinstance(node, (AllOf, AnyOf)):
            raise ConditionError(
                f"{self.engine} can't tell where a condition made with AND or OR IS TRUE or IS FALSE; "
                "write IS TRUE after each part"
            )
        return self.is_unknown(self.column(_operand(node)))

    def _compare(self, node: Node, sign: str, value: Constant) -> Sides[E]:
        column = self.column(node)
        if isinstance(column.dtype, pl.Enum) and sign not in ("==", "!="):
            return self._one_of(column, ordered_categories(column.dtype, sign, value))
        return Sides(self.compared(column, sign, value), self.compared(column, OPPOSITE[sign], value))

    def _one_of(self, column: ColumnRef, values: Sequence[Constant]) -> Sides[E]:
        return self.listed(column, values) if values else Sides(False, self.is_known(column))

    def _like(self, node: Like) -> Sides[E]:
        column = self.column(node.operand)
        if node.pattern == (("%", True),):
            return Sides(self.is_known(column), False)
        if not node.ignore_case and not any(wildcard for _, wildcard in node.pattern):
            text = "".join(text for text, _ in node.pattern)
            return self._compare(column, "==", Constant(text, repr(text)))
        return self.like(column, node)


def _operand(node: Node) -> Node:
    if isinstance(node, Compare):
        return node.left
    return node.operand if isinstance(node, (OneOf, Like)) else node
