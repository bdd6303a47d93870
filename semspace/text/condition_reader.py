"""Parser of conditions, such as ``"year >= 2001 and label = 'sport'"``, into a syntax tree with checked types.

The grammar is a subset of SQL's, described in docs/conditions.md. Anything else is refused with a message that shows
the allowed form, and so are excessive sizes: a condition may come from an untrusted user.
"""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import polars as pl

from semspace import checks
from semspace.display import clip
from semspace.errors import InputError
from semspace.text import datetimes
from semspace.text.condition import (
    MIRRORED,
    SIGNS,
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
    value_kind,
)
from semspace.text.condition_functions import AGGREGATES, FUNCTIONS, OTHER_NAMES, PARTS, TYPES

MOST_CHARACTERS, MOST_COMPARISONS, DEEPEST = 100_000, 1_000, 50
_MOST_NAMES = 30  # maximum number of columns that an error lists
_LARGEST = Fraction(10) ** 308
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")+"|`[^`]+`)
    |(?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?![0-9])|[0-9]{4}-0[0-9](?![0-9])|[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4})
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<word>[^\W\d]\w*)|(?P<comment>--|/\*)|(?P<sign><>|!=|<=|>=|==|[=<>(),+*/%-])|(?P<end>\Z)|(?P<other>\S))""",
    re.VERBOSE,
)
_KEYWORDS = frozenset(["AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "BETWEEN", "IS", "NULL", "TRUE", "FALSE"])
_MOMENTS = ("DATE", "TIMESTAMP", "DATETIME", "TIME")
_ALLOWED = (
    "a condition consists of columns, numbers, 'texts' (also for dates: '2001-12-31'), true, false, =, <>, <, <=, >, "
    ">=, IN (...), BETWEEN, LIKE, IS NULL, AND, OR, NOT and brackets; see docs/conditions.md"
)
_WRITE = {
    "number": "write a number, without quotes",
    "bool": "write true or false",
    "date": "write a date in quotes, as in '2001-12-31'",
    "time": "write a time in quotes, as in '23:59:59'",
}


class _Token(NamedTuple):
    kind: str  # name of a group of the pattern
    text: str

    @property
    def keyword(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


def read_condition(where: object, schema: Mapping[str, pl.DataType]) -> Node:
    """Return the syntax tree of a condition on the columns of a schema.

    Raises
    ------
    InputError
        If it can't be parsed, names an unknown column, compares values of different kinds, or is too large.

    Examples
    --------
    >>> read_condition("year >= 2001", {"year": pl.Int64()})
    Compare(sign='>=', left=ColumnRef(name='year', dtype=Int64),
            right=Constant(value=Fraction(2001, 1), written='2001'))
    """
    if not isinstance(where, str) or not where.strip():
        raise InputError(f'where must be a condition such as "year >= 2001"; got {where!r}; {_columns(schema)}')
    try:
        return _Parser(_tokens(where), schema).read()
    except ConditionError as problem:
        raise condition_error(where, str(problem), schema) from None


def condition_error(where: str, problem: str, schema: Mapping[str, pl.DataType]) -> InputError:
    """Return the error for a condition that can't be used."""
    return InputError(f"cannot use where={clip(repr(where), 200)}: {problem}; {_columns(schema)}")


def _columns(schema: Mapping[str, pl.DataType]) -> str:
    names = [*schema][:_MOST_NAMES]
    return f"the columns are {', '.join(names) or 'none'}{' and others' if len(schema) > _MOST_NAMES else ''}"


def _tokens(where: str) -> list[_Token]:
    if len(where) > MOST_CHARACTERS:
        raise ConditionError(
            f"it has {len(where):,} characters, more than the maximum of {MOST_CHARACTERS:,}: for many ids use among="
        )
    if any("\ud800" <= character <= "\udfff" for character in where):
        raise ConditionError("it contains a lone surrogate")
    tokens = []
    for match in _TOKEN.finditer(where):
        kind = match.lastgroup
        assert kind is not None
        if kind == "other":
            what = "a quotation mark is never closed" if match[kind] in "'\"`" else f"{match[kind]!r} isn't allowed"
            raise ConditionError(f"{what}; {_ALLOWED}")
        if kind == "comment":
            raise ConditionError(f"{match[kind]!r} begins a comment, and comments aren't allowed")
        if kind == "date":
            written = match[kind] if "/" not in match[kind] and match[kind].count("-") == 2 else "2001-12-31"
            raise ConditionError(
                f"{match[kind]} without quotes is a calculation with numbers; write the date in quotes: {written!r}"
            )
        tokens.append(_Token(kind, match[kind]))
        if kind == "end":
            break
    return tokens


@dataclass
class _Parser:
    """Recursive descent parser: OR of ANDs of NOTs of comparisons of sums of products."""

    tokens: list[_Token]
    schema: Mapping[str, pl.DataType]
    position: int = 0
    depth: int = 0
    comparisons: int = 0

    def read(self) -> Node:
        node = self._or()
        if self._next().kind != "end":
            raise self._unexpected()
        return self._condition(node)

    # -- words --------------------------------------------------------------------------------------------

    def _next(self, ahead: int = 0) -> _Token:
        return self.tokens[min(self.position + ahead, len(self.tokens) - 1)]

    def _take(self, *words: str) -> str:
        """Consume the next token if it is one of these, and return it in upper case; else return an empty string."""
        token = self._next()
        text = token.keyword or (token.text if token.kind == "sign" else "")
        if text and text in words:
            self.position += 1
            return text
        return ""

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise self._unexpected(f", where {word} is expected")

    def _unexpected(self, more: str = "") -> ConditionError:
        token = self._next()
        got = "it ends too early" if token.kind == "end" else f"{clip(token.text, 40)!r} isn't allowed here"
        return ConditionError(f"{got}{more}; {_ALLOWED}")

    def _inside(self, read: Callable[[], Node]) -> Node:
        """Parse one level deeper."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise ConditionError(f"brackets, NOTs and calculations are nested deeper than {DEEPEST} levels")
        node = read()
        self.depth -= 1
        return node

    # -- conditions ---------------------------------------------------------------------------------------

    def _or(self) -> Node:
        parts = [self._and()]
        while self._take("OR"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(map(self._condition, parts)))

    def _and(self) -> Node:
        parts = [self._not()]
        while self._take("AND"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else AllOf(tuple(map(self._condition, parts)))

    def _not(self) -> Node:
        if self._take("NOT"):
            return Not(self._condition(self._inside(self._not)))
        return self._comparison()

    def _condition(self, node: Node) -> Node:
        """Return a node if it is a condition; boolean columns, functions and constants are conditions too."""
        dtype = dtype_of(node)
        if dtype != pl.Boolean:
            what = f"{_named(node)} holds {dtype}, which" if isinstance(node, ColumnRef) else _named(node)
            raise ConditionError(f"{what} isn't true or false: compare it with a value")
        return node

    def _comparison(self) -> Node:
        left = self._compared()
        while self._take("IS"):
            turned = bool(self._take("NOT"))
            left = _turn(self._is(left), turned)
        return left

    def _compared(self) -> Node:
        self.comparisons += 1
        if self.comparisons > MOST_COMPARISONS:
            raise ConditionError(f"it has more than {MOST_COMPARISONS:,} comparisons: use IN (...), or among= for ids")
        left = self._sum()
        if sign := self._take(*SIGNS):
            return _compared(left, SIGNS[sign], self._sum())
        turned = bool(self._take("NOT"))
        if self._take("IN"):
            return _turn(self._in(left), turned)
        if how := self._take("LIKE", "ILIKE"):
            return _turn(self._like(left, how), turned)
        if self._take("BETWEEN"):
            low = self._sum()
            self._need("AND")
            return _turn(AllOf((_compared(left, ">=", low), _compared(left, "<=", self._sum()))), turned)
        if turned:
            raise self._unexpected()
        return left

    def _is(self, left: Node) -> Node:
        if self._take("NULL", "UNKNOWN"):
            return IsNull(left)
        if truth := self._take("TRUE", "FALSE"):
            return Is(self._condition(left), truth == "TRUE")
        raise self._unexpected(", where NULL, TRUE or FALSE is expected")

    def _in(self, left: Node) -> Node:
        if isinstance(left, Constant):
            raise ConditionError(f"IN comes after a column; {_ALLOWED}")
        self._need("(")
        values = [self._listed(left)]
        while self._take(","):
            values.append(self._listed(left))
        self._need(")")
        return OneOf(left, tuple(dict.fromkeys(values)))

    def _listed(self, left: Node) -> Constant:
        value = self._negative() if self._next().text in ("-", "+") else self._primary()
        if not isinstance(value, Constant):
            raise ConditionError(f"IN (...) lists values, and {_named(value)} isn't one: write a comparison instead")
        return _beside(left, "==", value)

    def _like(self, left: Node, how: str) -> Node:
        token = self._next()
        if token.kind != "text" or value_kind(dtype_of(left)) != "text" or isinstance(left, Constant):
            raise ConditionError(f"{how} compares a column of text with a 'text'; {_holds(left)}")
        self.position += 1
        escape = ""
        if self._take("ESCAPE"):
            escape = _unquoted(self._next())
            if self._next().kind != "text" or len(escape) != 1:
                raise ConditionError("ESCAPE is followed by one character in quotes, as in LIKE '100!%' ESCAPE '!'")
            self.position += 1
        return Like(left, _pattern(_unquoted(token), escape), how == "ILIKE")

    # -- operands -----------------------------------------------------------------------------------------

    def _sum(self) -> Node:
        return self._calculation(("+", "-"), lambda: self._calculation(("*", "/", "%"), self._factor))

    def _calculation(self, signs: tuple[str, ...], part: Callable[[], Node]) -> Node:
        left, before = part(), self.depth
        while sign := self._take(*signs):
            self.depth += 1  # the tree grows to the left by one level
            left = _calculated(sign, left, self._inside(part))
        self.depth = before
        return left

    def _factor(self) -> Node:
        return self._negative() if self._next().kind == "sign" and self._next().text in ("-", "+") else self._primary()

    def _negative(self) -> Node:
        sign = self._take("-", "+")
        value = self._inside(self._factor)
        if isinstance(value, Constant) and isinstance(value.value, Fraction):
            return Constant(-value.value if sign == "-" else value.value, sign.strip("+") + value.written)
        return _calculated(sign, Constant(Fraction(0), "0"), value)

    def _primary(self) -> Node:
        if self._take("("):
            inner = self._inside(self._or)
            self._need(")")
            return inner
        token, after = self._next(), self._next(1)
        if token.keyword in ("SELECT", "CASE", "EXISTS", "WITH") and token.text not in self.schema:
            raise ConditionError(f"{token.keyword} isn't allowed in a condition; {_ALLOWED}")
        if token.keyword == "NULL":
            raise ConditionError("nothing equals NULL; write IS NULL or IS NOT NULL")
        if token.kind in ("end", "sign") or token.keyword in _KEYWORDS - {"TRUE", "FALSE"}:
            raise self._unexpected()
        self.position += 1
        if token.kind == "number":
            return Constant(_number(token.text), token.text)
        if token.kind == "text":
            return Constant(_unquoted(token), token.text)
        if token.keyword in ("TRUE", "FALSE"):
            return Constant(token.keyword == "TRUE", token.text)
        if token.kind == "quoted":
            mark = token.text[0]
            return self._column(token.text[1:-1].replace(mark * 2, mark), quoted=mark == '"')
        if token.keyword in _MOMENTS and after.kind == "text":
            self.position += 1
            return _moment(token.keyword, after)
        if after.text == "(" and after.kind == "sign":
            return self._inside(lambda: self._call(token))
        return self._column(token.text)

    def _column(self, name: str, *, quoted: bool = False) -> Node:
        if name in self.schema:
            return ColumnRef(name, self.schema[name])
        near = checks.nearest_spellings(name, self.schema)
        hint = f": did you mean {', '.join(near)}?" if near else ""
        if not near and quoted:
            text = name.replace("'", "''")
            hint = f": write a text in single quotes, '{text}'"
        raise ConditionError(f"there is no column {clip(name, 80)!r}{hint}")

    def _call(self, token: _Token) -> Node:
        self._need("(")
        name = OTHER_NAMES.get(token.keyword, token.keyword)
        if name in ("CAST", "TRY_CAST"):
            return self._cast()
        if name == "COALESCE":
            return _coalesce(self._arguments())
        if name == "EXTRACT":
            name = self._take(*PARTS)
            if not name:
                raise self._unexpected(f", where one of {', '.join(PARTS)} is expected")
            self._need("FROM")
        if name not in FUNCTIONS:
            why = "aggregates rows, which a condition can't do" if name in AGGREGATES else "doesn't exist"
            functions = ", ".join(sorted(function.lower() for function in (*FUNCTIONS, "CAST", "COALESCE", "EXTRACT")))
            raise ConditionError(f"the function {clip(token.text, 40)!r} {why}; the functions are {functions}")
        return _called(name, self._arguments())

    def _arguments(self) -> list[Node]:
        arguments = [] if self._next().text == ")" else [self._or()]
        while self._take(","):
            arguments.append(self._or())
        self._need(")")
        return arguments

    def _cast(self) -> Node:
        value = self._or()
        self._need("AS")
        written = self._next().text
        name = self._take(*TYPES)
        if not name:
            raise ConditionError(f"CAST takes the types {', '.join(TYPES)}; got {clip(written, 40)!r}")
        self._need(")")
        dtype, kinds = TYPES[name]
        if value_kind(dtype_of(value)) not in kinds:
            raise ConditionError(f"{_holds(value)}, which can't be cast to {name}")
        return Call("CAST", (value,), dtype)


def _named(node: Node) -> str:
    """Return the name of an operand in messages."""
    if isinstance(node, ColumnRef):
        return repr(node.name)
    if isinstance(node, Call):
        return f"{node.name}(…)"
    return clip(node.written, 40) if isinstance(node, Constant) else "a calculation or comparison"


def _holds(node: Node) -> str:
    return (
        f"{_named(node)} holds {dtype_of(node)}"
        if isinstance(node, ColumnRef)
        else f"{_named(node)} is {dtype_of(node)}"
    )


def _turn(node: Node, turned: bool) -> Node:
    return Not(node) if turned else node


def _unquoted(token: _Token) -> str:
    return token.text[1:-1].replace("''", "'")


def _pattern(written: str, escape: str) -> tuple[tuple[str, bool], ...]:
    """Return the parts of a pattern: literal texts and wildcards."""
    parts: list[tuple[str, bool]] = []
    position = 0
    while position < len(written):
        character, wildcard = written[position], written[position] in "%_"
        if character == escape:
            position += 1
            character, wildcard = written[position : position + 1], False
            if not character or character not in ("%", "_", escape):
                raise ConditionError(f"the ESCAPE character {escape!r} must come before %, _ or itself")
        position += 1
        if parts and not wildcard and not parts[-1][1]:
            parts[-1] = (parts[-1][0] + character, False)
        elif not (character == "%" and wildcard and parts and parts[-1] == ("%", True)):
            parts.append((character, wildcard))
    return tuple(parts)


def _number(text: str) -> Fraction:
    if len(text) > 400:
        raise ConditionError(f"the number {text[:20]}… is too long")
    try:
        exact = decimal.Decimal(text)
    except decimal.InvalidOperation as problem:  # an exponent that doesn't fit
        raise ConditionError(f"the number {clip(text, 40)} is too large or too small") from problem
    if exact.adjusted() > 308 or (exact and exact.adjusted() < -400):  # its fraction might fill the memory
        raise ConditionError(f"the number {clip(text, 40)} is too {'large' if exact.adjusted() > 0 else 'small'}")
    number = Fraction(exact)
    if number > _LARGEST:
        raise ConditionError(f"the number {clip(text, 40)} is too large")
    return number


def _moment(keyword: str, token: _Token) -> Constant:
    """Return a constant with a keyword such as DATE before it; the kind must fit the keyword."""
    text = _unquoted(token)
    fits = {"DATE": ("date",), "TIME": ("time",)}.get(keyword, ("moment", "date"))
    if datetimes.read_moment(text).kind not in fits:
        raise ConditionError(f"{text[:40]!r} isn't a time of the form {keyword} {datetimes.FORMS[fits[0]]}")
    return Constant(text, f"{keyword} {token.text}")


# -- checking types ------------------------------------------------------------------------------------------------


def _compared(left: Node, sign: str, right: Node) -> Node:
    if isinstance(left, Constant) and isinstance(right, Constant):
        return _folded(left, sign, right)
    if isinstance(left, Constant):
        return _compared(right, MIRRORED[sign], left)
    if isinstance(right, Constant):
        return Compare(sign, left, _beside(left, sign, right))
    ours, theirs = dtype_of(left), dtype_of(right)
    kind = value_kind(ours)
    zones = [isinstance(dtype, pl.Datetime) and dtype.time_zone is not None for dtype in (ours, theirs)]
    if not kind or kind != value_kind(theirs) or zones[0] != zones[1]:
        raise ConditionError(f"{_holds(left)}, and {_holds(right)}: they can't be compared")
    _check_order(left, sign)
    _check_order(right, sign)
    return Compare(sign, left, right)


def _check_order(node: Node, sign: str) -> None:
    if dtype_of(node) == pl.Boolean and sign not in ("==", "!="):
        raise ConditionError(f"{_holds(node)}, which has no order: use =, <> or IS")


def _beside(operand: Node, sign: str, constant: Constant) -> Constant:
    """Return a constant converted to an operand's type, or raise if they can't be compared."""
    dtype, value = dtype_of(operand), constant.value
    kind = value_kind(dtype)
    if dtype == pl.Null:  # all values are unknown
        return constant
    if not kind:
        raise ConditionError(f"{_holds(operand)}, for which only IS NULL is allowed")
    _check_order(operand, sign)
    is_moment = constant.written.partition(" ")[0].upper() in _MOMENTS
    if kind in ("date", "time") and isinstance(value, str):
        if value_kind(dtype) == "time" and constant.written[:4].upper() == "DATE":
            raise ConditionError(
                f"{_holds(operand)}, which can't be compared with {constant.written}: {_WRITE['time']}"
            )
        return Constant(datetimes.to_ticks(value, dtype, _named(operand)), constant.written)
    fits = {"number": isinstance(value, Fraction), "bool": isinstance(value, bool), "text": isinstance(value, str)}
    if not fits.get(kind, False) or (kind == "text" and is_moment):
        raise ConditionError(
            f"{_holds(operand)}, which can't be compared with {clip(constant.written, 40)}: {_advice(kind, constant)}"
        )
    if isinstance(dtype, pl.Enum) and value not in dtype.categories:
        raise ConditionError(f"{_holds(operand)}, which has no category {constant.written}")
    return constant


def _advice(kind: str, constant: Constant) -> str:
    value = constant.value
    if kind == "text":
        written = value if isinstance(value, str) else constant.written
        more = ", or CAST(… AS FLOAT) to compare numbers" if isinstance(value, Fraction) else ""
        return f"write a text in quotes, '{written}'{more}"
    if kind == "number" and isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d+)?", value.strip()):
        return f"write {value.strip()} without quotes"
    return _WRITE[kind]


def _folded(left: Constant, sign: str, right: Constant) -> Node:
    """Return the result of a comparison of two constants."""
    a, b = left.value, right.value
    if type(a) is not type(b) or (isinstance(a, bool) and sign not in ("==", "!=")):
        raise ConditionError(f"{left.written} and {right.written} can't be compared")
    if any(constant.written.partition(" ")[0].upper() in _MOMENTS for constant in (left, right)):
        first, second = datetimes.read_moment(str(a)), datetimes.read_moment(str(b))
        if (first.kind == "time", first.zoned) != (second.kind == "time", second.zoned):
            raise ConditionError(f"{left.written} and {right.written} can't be compared")
        a, b = first.seconds, second.seconds
    holds = {"==": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]  # type: ignore[operator]
    return Constant(holds, str(holds).lower())


def _calculated(sign: str, left: Node, right: Node) -> Node:
    for node in (left, right):
        if value_kind(dtype_of(node)) != "number":
            raise ConditionError(f"{_holds(node)}, and {sign!r} takes numbers")
    if isinstance(left, Constant) and isinstance(right, Constant):
        a, b = left.value, right.value
        assert isinstance(a, Fraction)
        assert isinstance(b, Fraction)
        if sign in "/%" and not b:
            raise ConditionError(f"{left.written} {sign} {right.written} divides by zero")
        number = {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b, "%": lambda: a % b}[
            sign
        ]()
        if abs(number) > _LARGEST or (
            number and -math.log10(abs(number.numerator)) + math.log10(number.denominator) > 400
        ):
            raise ConditionError(f"{left.written} {sign} {right.written} is too large or too small")
        return Constant(number, f"{left.written} {sign} {right.written}")
    return Arithmetic(sign, left, right, pl.Float64())


def _called(name: str, arguments: list[Node]) -> Node:
    function = FUNCTIONS[name]
    if not function.least <= len(arguments) <= len(function.takes):
        expected = (
            f"{function.least} to {len(function.takes)}" if function.least < len(function.takes) else function.least
        )
        raise ConditionError(f"{name} takes {expected} argument(s); got {len(arguments)}")
    for node, kind in zip(arguments, function.takes, strict=False):
        if not _is(node, kind, arguments[0]):
            raise ConditionError(f"{name} takes {' and '.join(function.takes)}; {_holds(node)}")
    return Call(name, tuple(arguments), function.returns)


def _is(node: Node, kind: str, first: Node) -> bool:
    """Check whether a node is of the kind that a function takes."""
    value = node.value if isinstance(node, Constant) else None
    if kind == "characters":
        return isinstance(value, str)
    if kind == "count":
        return isinstance(value, Fraction) and value.denominator == 1 and 0 <= value < 2**31
    if kind == "list":
        return isinstance(dtype_of(node), pl.List)
    if kind == "item":
        inner = dtype_of(first).inner  # type: ignore[attr-defined]
        return value is not None and value_kind(inner) == value_kind(dtype_of(node))
    return value_kind(dtype_of(node)) in kind.split(" or ")


def _coalesce(arguments: list[Node]) -> Node:
    kinds = {value_kind(dtype_of(node)) for node in arguments}
    if len(arguments) < 2 or len(kinds) != 1 or not kinds <= {"number", "text", "bool"}:
        raise ConditionError(
            "COALESCE takes two or more columns or values, all numbers, all texts or all true or false"
        )
    dtypes: dict[str, pl.DataType] = {"number": pl.Float64(), "text": pl.String(), "bool": pl.Boolean()}
    return Call("COALESCE", tuple(arguments), dtypes[kinds.pop()])
