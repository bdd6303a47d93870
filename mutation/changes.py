"""Which small changes cosmic-ray's operators can make to a module, but those that can't matter."""

from __future__ import annotations

import ast
import random
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice
from pathlib import Path

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

UNNAMED = {"core/RemoveDecorator", "core/NoOp"}  # how something is made, not what it computes
_IDENTITY = re.compile("Operator_(Eq|NotEq|Lt|LtE|Gt|GtE)_(Is|IsNot)$")  # equal, but for CPython's large numbers
# Calls that show something, name a type or a field, or set a seed.
SILENT = {"bar", "warn", "warning", "info", "debug", "overload", "TypeVar", "field", "default_rng"}
SHOWN = {"__repr__", "__str__", "_repr_html_", "_repr_svg_"}


@dataclass(frozen=True)
class Change:
    """One change of one line."""

    module: str  # below the repository
    operator: str
    occurrence: int  # of the operator in the module
    line: int  # counted from 1
    before: str  # the lines
    after: str

    def same_as(self, other: Change) -> bool:
        """Check whether another change does this to the same lines, wherever they are in the module by now."""
        return (self.module, self.operator, self.before, self.after) == (
            other.module, other.operator, other.before, other.after,
        )  # fmt: skip


def changed(source: str, change: Change) -> str:
    """Return the text of a module after a change."""
    text = mutate_code(source, plugins.get_operator(change.operator)(), change.occurrence)
    if text is None:
        raise LookupError(f"{change} can't be made any more")
    return str(text)


def sample(folder: Path, modules: list[str], count: int, luck: random.Random) -> Iterator[Change]:
    """Draw changes: of one module after the other, in random order, a place in the code, and what to do there."""
    sources = {module: (folder / module).read_text(encoding="utf-8") for module in modules}
    drawn, tried = 0, set[tuple[str, tuple[int, int]]]()
    for module in islice(cycle(luck.sample(modules, len(modules))), 50 * count):
        places = places_of(sources[module])
        left = [place for place in sorted(places) if (module, place) not in tried]
        if left and drawn < count:
            place = luck.choice(left)
            tried.add((module, place))
            change = change_at(sources[module], module, *luck.choice(places[place]))
            if _is_python(changed(sources[module], change)):
                drawn += 1
                yield change


def _is_python(source: str) -> bool:
    """Check whether a module can be compiled, as it can't be with ``|`` in place of the star of a signature."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "a change", "exec")
    except SyntaxError:
        return False
    return True


def find(folder: Path, wanted: Change) -> Change | None:
    """Return a change that was found earlier, at its place in the module of now; None if its lines have changed."""
    source = (folder / wanted.module).read_text(encoding="utf-8")
    lines = source.splitlines()
    options = [
        change_at(source, wanted.module, operator, occurrence)
        for (line, _), choices in places_of(source).items()
        if lines[line - 1].strip() in wanted.before
        for operator, occurrence in choices
        if operator == wanted.operator
    ]
    same = [option for option in options if wanted.same_as(option)]
    return min(same, key=lambda option: abs(option.line - wanted.line), default=None)


@cache
def places_of(source: str) -> dict[tuple[int, int], list[tuple[str, int]]]:
    """Return the places of a module that can be changed, and what can be done there: operator and occurrence."""
    left_out = _ranges_left_out(source)
    places = defaultdict(list)
    nodes = list(ast_nodes(get_ast(source)))
    starts: dict[str, list[tuple[int, int]]] = {}
    for name in plugins.operator_names():
        kind = plugins.get_operator(name)
        if kind.arguments() or name in UNNAMED or _IDENTITY.search(name):
            continue
        # What replaces a binary Add, say, does so in the same places.
        replaced = name.rpartition("_")[0] if "BinaryOperator" in name else name
        if replaced not in starts:
            operator = kind()
            starts[replaced] = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for occurrence, start in enumerate(starts[replaced]):
            if not any(first <= start < last for first, last in left_out):
                places[start].append((name, occurrence))
    return dict(places)


def change_at(source: str, module: str, operator: str, occurrence: int) -> Change:
    """Return what an operator does to the lines of a module."""
    text = mutate_code(source, plugins.get_operator(operator)(), occurrence)
    old, new = source.splitlines(), text.splitlines()
    start = next(i for i, (one, other) in enumerate(zip(old, new, strict=False)) if one != other)
    end = next((i for i, (one, other) in enumerate(zip(old[::-1], new[::-1], strict=False)) if one != other))
    before, after = old[start : len(old) - end], new[start : len(new) - end]
    return Change(module, operator, occurrence, start + 1, "\n".join(before).strip(), "\n".join(after).strip())


def _ranges_left_out(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return where changes can't matter, or only to what is read by people.

    These are annotations, decorators, signatures' stars and slashes, `raise` with its message, f-strings, calls of
    `SILENT`, methods of `SHOWN`, what only type checkers read, and how much is worked on at a time (``…BLOCK…``).
    """
    ranges = []
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef):
            parts += [*node.decorator_list, node.returns]
            parts += [node] if node.name in SHOWN else []
        elif isinstance(node, ast.ClassDef):
            parts += [*node.decorator_list]
        elif isinstance(node, (ast.AnnAssign, ast.arg)):
            parts += [node.annotation]
        elif isinstance(node, (ast.Raise, ast.JoinedStr, ast.Assert)):
            parts += [node]
        elif isinstance(node, ast.Call) and _name(node.func) in SILENT:
            parts += [node] if _name(node.func) != "bar" else [*node.args, *node.keywords]
        elif isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING":
            parts += [node]
        elif isinstance(node, ast.Assign):
            parts += [node] if _is_alias(node) or "BLOCK" in _name(node.targets[0]) else []
        ranges += [((part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)) for part in parts if part]
    return ranges


def _is_alias(node: ast.Assign) -> bool:
    """Check whether a type gets a name, such as ``Pair = tuple[int, int]``."""
    if not isinstance(node.value, ast.BinOp | ast.Subscript):
        return False
    names = [one.id for one in ast.walk(node.value) if isinstance(one, ast.Name)]
    return bool(names) and all(name in ("tuple", "list", "dict", "int", "float", "str", "Callable") for name in names)


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
