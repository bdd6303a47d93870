"""Conditions as people write them, ``"year >= 2001 and label = 'sport'"`` → the expressions that Milvus takes.

The words are read one by one and written anew, so no text of a user ever stands in an expression unescaped. Milvus'
versions differ in what NOT makes of unknown values, so none is written: each condition is translated into two
expressions, one for where it is true and one for where it is false, and NOT changes their places. Where a value is
unknown neither holds, as in SQL (Kleene's logic).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import polars as pl

from semspace.errors import InputError
from semspace.index.milvus_fields import ID, Fields

Expression = str | bool  # True holds for every point, False for none
Number = int | float | Fraction

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")+"|`[^`]+`)
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<word>[^\W\d]\w*)|(?P<sign><>|!=|<=|>=|==|[=<>(),+-])|(?P<end>\Z)|(?P<other>\S))""",
    re.VERBOSE,
)
_SIGNS = {"=": "==", "==": "==", "<>": "!=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_TURNED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_KEYWORDS = frozenset(["AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS", "NULL", "TRUE", "FALSE"])
_DEEPEST = 50
_ALLOWED = (
    "a condition for Milvus is made of =, <>, <, <=, >, >=, AND, OR, NOT, IN (...), LIKE, BETWEEN, IS NULL, brackets, "
    "between a column and a number, a 'text', true, false, DATE '2001-12-31' or TIMESTAMP '2001-12-31 23:59:59'"
)
_EPOCH = datetime(1970, 1, 1)
_MICROSECONDS = {"ms": Fraction(1_000), "us": Fraction(1), "ns": Fraction(1, 1_000)}


class Token(NamedTuple):
    """One word of a condition; `kind` is a group of the pattern."""

    kind: str
    text: str

    @property
    def keyword(self) -> str:
        """The word in capitals, if it may be a keyword."""
        return self.text.upper() if self.kind == "word" else ""


class Column(NamedTuple):
    """A column, named in a condition."""

    name: str


class Value(NamedTuple):
    """A constant; a time counts microseconds since 1970."""

    kind: str  # "number", "text", "bool" or "time"
    value: Number | str | bool
    written: str


class Truth(NamedTuple):
    """Where a condition is true, and where it is false."""

    yes: Expression
    no: Expression


def translate(where: str, fields: Fields) -> Expression:
    r"""Turn a condition into an expression for Milvus; True holds for every point, and False for none.

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
    known = ", ".join([*fields.columns, *([] if ID in fields.columns else [ID])])
    if not isinstance(where, str) or not where.strip():
        raise InputError(f'where must be a condition such as "year >= 2001"; got {where!r}; the columns are {known}')
    try:
        return _Reader(_tokens(where), fields).read()
    except _CannotError as problem:
        raise InputError(f"cannot use where={where!r}: {problem}; the columns are {known}") from None


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


class _CannotError(Exception):
    """What can't be understood; `translate` says where."""


def _tokens(where: str) -> list[Token]:
    if any("\ud800" <= character <= "\udfff" for character in where):
        raise _CannotError("it holds half a character (a lone surrogate)")
    found = []
    for match in _TOKEN.finditer(where):
        kind = match.lastgroup
        assert kind is not None
        if kind == "other":
            what = "a quotation mark is never closed" if match[kind] in "'\"`" else f"{match[kind]!r} isn't understood"
            raise _CannotError(f"{what}; {_ALLOWED}")
        found.append(Token(kind, match[kind]))
        if kind == "end":
            break
    return found


@dataclass
class _Reader:
    """Reads the words from left to right: OR of ANDs of NOTs of comparisons."""

    tokens: list[Token]
    fields: Fields
    place: int = 0
    depth: int = 0

    def read(self) -> Expression:
        found = self._or()
        if self._next().kind != "end":
            raise self._unexpected()
        return self._truth(found).yes

    # -- words --------------------------------------------------------------------------------------------

    def _next(self) -> Token:
        return self.tokens[self.place]

    def _take(self, *wanted: str) -> str:
        """Go past the next word if it is one of these, and return it in capitals; else return nothing."""
        token = self._next()
        text = token.keyword or (token.text if token.kind == "sign" else "")
        if text and text in wanted:
            self.place += 1
            return text
        return ""

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            raise self._unexpected(f", where {wanted} should stand")

    def _unexpected(self, more: str = "") -> _CannotError:
        token = self._next()
        got = "it ends too soon" if token.kind == "end" else f"{token.text!r} isn't understood here"
        return _CannotError(f"{got}{more}; {_ALLOWED}")

    # -- conditions ---------------------------------------------------------------------------------------

    def _or(self) -> Truth | Column | Value:
        left = self._and()
        while self._take("OR"):
            a, b = self._truth(left), self._truth(self._and())
            left = Truth(either(a.yes, b.yes), both(a.no, b.no))
        return left

    def _and(self) -> Truth | Column | Value:
        left = self._not()
        while self._take("AND"):
            a, b = self._truth(left), self._truth(self._not())
            left = Truth(both(a.yes, b.yes), either(a.no, b.no))
        return left

    def _not(self) -> Truth | Column | Value:
        if not self._take("NOT"):
            return self._comparison()
        self._deeper()
        truth = self._truth(self._not())
        self.depth -= 1
        return Truth(truth.no, truth.yes)

    def _comparison(self) -> Truth | Column | Value:
        left = self._operand()
        if sign := self._take(*_SIGNS):
            return self._compare(left, _SIGNS[sign], self._operand())
        if self._take("IS"):
            turned = bool(self._take("NOT"))
            self._need("NULL")
            return _turn(self._is_null(self._column(left)), turned)
        turned = bool(self._take("NOT"))
        if self._take("IN"):
            return _turn(self._in(self._column(left)), turned)
        if self._take("LIKE"):
            return _turn(self._like(self._column(left)), turned)
        if self._take("BETWEEN"):
            return _turn(self._between(left), turned)
        after = self._next()
        if turned or not (after.kind == "end" or after.text == ")" or after.keyword in ("AND", "OR")):
            raise self._unexpected()
        return left

    def _operand(self) -> Truth | Column | Value:
        if self._take("("):
            self._deeper()
            inner = self._or()
            self._need(")")
            self.depth -= 1
            return inner
        token = self._next()
        if token.kind == "quoted":
            self.place += 1
            mark = token.text[0]
            return self._named(token.text[1:-1].replace(mark * 2, mark))
        if token.kind == "word" and token.keyword not in _KEYWORDS:
            after = self.tokens[self.place + 1]
            if not (after.kind == "text" and token.keyword in ("DATE", "TIMESTAMP", "DATETIME")):
                self.place += 1
                if after.text == "(":
                    raise _CannotError(f"the function {token.text!r} isn't known to Milvus; {_ALLOWED}")
                return self._named(token.text)
        return self._value()

    def _value(self) -> Value:
        sign = self._take("-", "+")
        token = self._next()
        self.place += 1
        if token.kind == "number":
            number = _number(token.text)
            return Value("number", -number if sign == "-" else number, sign.strip("+") + token.text)
        if not sign and token.kind == "text":
            return Value("text", token.text[1:-1].replace("''", "'"), token.text)
        if not sign and token.keyword in ("TRUE", "FALSE"):
            return Value("bool", token.keyword == "TRUE", token.text)
        if not sign and token.keyword in ("DATE", "TIMESTAMP", "DATETIME") and self._next().kind == "text":
            written = self._next().text
            self.place += 1
            return Value("time", _microseconds(token.keyword, written[1:-1]), f"{token.keyword} {written}")
        if not sign and token.keyword == "NULL":
            raise _CannotError("nothing equals NULL; write IS NULL or IS NOT NULL")
        self.place -= 1
        raise self._unexpected()

    def _named(self, name: str) -> Column:
        if name not in self.fields.columns and name != ID:
            raise _CannotError(f"there is no column {name!r}")
        return Column(name)

    def _column(self, operand: Truth | Column | Value) -> Column:
        if not isinstance(operand, Column):
            raise _CannotError(f"IN, LIKE, BETWEEN and IS NULL come after a column; {_ALLOWED}")
        return operand

    def _truth(self, operand: Truth | Column | Value) -> Truth:
        """Take a condition, a column of true and false, or a constant as a condition."""
        if isinstance(operand, Truth):
            return operand
        if isinstance(operand, Column):
            return self._compare(operand, "==", Value("bool", True, "true"))
        if operand.kind != "bool":
            raise _CannotError(f"{operand.written} is neither true nor false")
        return Truth(bool(operand.value), not operand.value)

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _CannotError(f"brackets and NOTs go deeper than {_DEEPEST}")

    # -- what is compared ---------------------------------------------------------------------------------

    def _compare(self, left: Truth | Column | Value, sign: str, right: Truth | Column | Value) -> Truth:
        if isinstance(left, Value) and isinstance(right, Column):
            return self._compare(right, _TURNED[sign], left)
        if not (isinstance(left, Column) and isinstance(right, Value)):
            raise _CannotError(f"only a column can be compared with a value; {_ALLOWED}")
        return Truth(self._leaf(left, sign, right), self._leaf(left, _OPPOSITE[sign], right))

    def _between(self, left: Truth | Column | Value) -> Truth:
        column = self._column(left)
        low = self._compare(column, ">=", self._value())
        self._need("AND")
        high = self._compare(column, "<=", self._value())
        return Truth(both(low.yes, high.yes), either(low.no, high.no))

    def _in(self, column: Column) -> Truth:
        self._need("(")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._need(")")
        equal = {self._leaf(column, "==", value): None for value in values}  # without doubles, in order
        texts = [text.partition(" == ")[2] for text in equal if isinstance(text, str)]
        if not texts:
            return Truth(False, self._known(column))
        field = self._field(column)
        listed = f"[{', '.join(texts)}]"
        return Truth(f"{field} in {listed}", both(self._known(column), f"{field} not in {listed}"))

    def _like(self, column: Column) -> Truth:
        pattern = self._value()
        dtype = self._dtype(column)
        if pattern.kind != "text" or dtype != pl.String:
            raise _CannotError(f"LIKE compares a column of text with a 'text'; {column.name!r} holds {dtype}")
        wanted = str(pattern.value)
        if not re.search("[%_]", wanted):
            return self._compare(column, "==", pattern)
        if not self.fields.nulls and not re.fullmatch("[^%_]+%", wanted):
            raise _CannotError("a Milvus before 2.5 knows LIKE only for beginnings, such as LIKE 'abc%'")
        if "\\" in wanted:  # a character like others to us; to Milvus at times, and at times not
            raise _CannotError("Milvus can't look for a backslash with LIKE; use =, or IN")
        text = f"{self._field(column)} like {literal(wanted)}"
        return Truth(text, both(self._known(column), f"not ({text})"))

    def _is_null(self, column: Column) -> Truth:
        known = self._known(column)
        return Truth(False, True) if known is True else Truth(f"{self._field(column)} is null", known)

    def _known(self, column: Column) -> Expression:
        """Write that the column's value is known."""
        always = not self.fields.nulls or column.name not in self.fields.columns
        return True if always else f"{self._field(column)} is not null"

    def _field(self, column: Column) -> str:
        return self.fields.names.get(column.name, ID)  # a column called id goes before the ids of the points

    def _dtype(self, column: Column) -> pl.DataType:
        schema = self.fields.schema
        return pl.String() if schema is None or column.name not in schema else schema[column.name]

    def _leaf(self, column: Column, sign: str, value: Value) -> Expression:
        kind = self.fields.kind(column.name) if column.name in self.fields.columns else "text"
        dtype = self._dtype(column)
        if kind == "json" or dtype in (pl.Duration, pl.Time):
            raise _CannotError(f"{column.name!r} holds {dtype}, of which Milvus can only tell IS NULL")
        wanted = {"whole": "number", "float": "number", "time": "time", "bool": "bool", "text": "text"}[kind]
        if value.kind != wanted:
            raise _CannotError(f"{column.name!r} holds {dtype}, which can't be compared with {value.written}")
        if sign not in ("==", "!=") and (kind == "bool" or dtype == pl.Enum):
            raise _CannotError(f"{column.name!r} holds {dtype}, which Milvus can't put in order: use =, <> or IN")
        compared = _written(dtype, kind, sign, value)
        if isinstance(compared, bool):
            return self._known(column) if compared else False
        text = f"{self._field(column)} {compared}"
        return both(self._known(column), text) if sign == "!=" else text


def _turn(truth: Truth, turned: bool) -> Truth:
    return Truth(truth.no, truth.yes) if turned else truth


def _written(dtype: pl.DataType, kind: str, sign: str, value: Value) -> str | bool:
    """Write what follows the field, or tell that it holds for every known value, or for none."""
    if kind == "bool":
        return f"{sign} {str(value.value).lower()}"
    if kind == "text":
        return f"{sign} {literal(str(value.value))}"
    assert not isinstance(value.value, str)
    if kind == "float":
        return _float(dtype, sign, value)
    if kind == "whole":
        return _whole(sign, value.value)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        raise _CannotError(f"{dtype} has a time zone, and {value.written} has none: Milvus can only tell IS NULL of it")
    tick = _MICROSECONDS[dtype.time_unit] if isinstance(dtype, pl.Datetime) else Fraction(86_400_000_000)
    return _whole(sign, Fraction(value.value) / tick)


def _float(dtype: pl.DataType, sign: str, value: Value) -> str:
    number = float(value.value)
    if dtype == pl.Float32:  # polars compares in the column's own precision: 0.1 is the float32 nearest to it
        with np.errstate(over="ignore"):
            number = float(np.float32(number))
    if not math.isfinite(number):
        raise _CannotError(f"the number {value.written} is too large")
    return f"{sign} {number!r}"


def _whole(sign: str, number: Number) -> str | bool:
    """Compare whole numbers with any number; Milvus takes whole ones of 64 bits only."""
    exact = number if isinstance(number, int) else Fraction(number)
    if exact != math.floor(exact):
        if sign in ("==", "!="):
            return sign == "!="
        exact, sign = (math.floor(exact), "<=") if sign in ("<", "<=") else (math.ceil(exact), ">=")
    whole = math.floor(exact)
    if whole == -(2**63):  # can't be written: Milvus reads its digits before the minus, and they are too large
        least = f"{whole + 1}"
        table: dict[str, str | bool] = {"<": False, ">=": True, "==": f"< {least}", "<=": f"< {least}"}
        return table.get(sign, f">= {least}")
    if not -(2**63) < whole < 2**63:
        beyond = {"<": whole > 0, "<=": whole > 0, ">": whole < 0, ">=": whole < 0, "==": False, "!=": True}
        return beyond[sign]
    return f"{sign} {whole}"


def _number(text: str) -> int | float:
    if len(text) > 400:
        raise _CannotError(f"the number {text[:20]}… is too long")
    if text.isdecimal():
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        raise _CannotError(f"the number {text} is too large")
    return number


def _microseconds(keyword: str, text: str) -> int:
    form = r"\d{4}-\d\d-\d\d" if keyword == "DATE" else r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?"
    if not re.fullmatch(form, text, re.ASCII):
        shape = "DATE '2001-12-31'" if keyword == "DATE" else "TIMESTAMP '2001-12-31 23:59:59'"
        raise _CannotError(f"{text!r} isn't a time of the form {shape}")
    head, dot, fraction = text.partition(".")
    try:
        moment = datetime.fromisoformat(head + (dot and dot + fraction.ljust(6, "0")))
    except ValueError as problem:
        raise _CannotError(f"{text!r} isn't a time there is ({problem})") from None
    past = moment - _EPOCH
    return (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds
