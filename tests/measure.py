"""Measures of the code itself: ``python -m tests.measure [FOLDER ...]``.

Prints sizes of files and functions, names that are defined more than once, the first words of docstrings, and words
that say nothing of what a value is.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
LONG = 60  # lines of a function
# Verbs with which docstrings began before this project followed numpydoc ("Return", "Create", "Compute").
ODD_VERBS = ("Give", "Tell", "Make", "Put", "Walk", "Say", "Let", "Hold", "Take", "Bring", "Turn")
VAGUE = ("found", "own", "place", "at", "one", "known", "held", "kept", "left", "told", "made", "given", "there")


def main() -> None:
    folders = [Path(name) for name in sys.argv[1:]] or [ROOT / "semspace"]
    paths = sorted(path for folder in folders for path in (folder.rglob("*.py") if folder.is_dir() else [folder]))
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    for line in (*sizes(paths, trees), *repeated(trees), *words(trees)):
        print(line)


def sizes(paths: list[Path], trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Yield lines on the sizes of files and functions."""
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    longest = max(lines, key=lambda path: lines[path])
    yield f"files {len(paths)}, lines {sum(lines.values()):,}, median {statistics.median(lines.values()):g}"
    yield f"largest file {longest.name} {lines[longest]}"
    lengths = [1 + node.end_lineno - node.lineno for tree in trees.values() for node in functions(tree)]
    long = sum(length > LONG for length in lengths)
    share = long / len(lengths)
    yield f"functions {len(lengths)}, mean {statistics.mean(lengths):.1f} lines, over {LONG}: {long} ({share:.1%})"


def repeated(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Yield lines on top-level names that stand in more than one file."""
    kinds: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path, tree in trees.items():
        for kind, name in definitions(tree):
            kinds[kind][name].add(path.parent.name + "/" + path.name)
    for kind in ("classes", "type aliases", "functions"):
        twice = {name: where for name, where in kinds[kind].items() if len(where) > 1}
        yield f"{kind} defined in more than one file: {len(twice)}"
        yield from (f"    {name}: {', '.join(sorted(where))}" for name, where in sorted(twice.items()))


def words(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Yield lines on docstrings' first words and on vague names of variables."""
    documented = [node for tree in trees.values() for node in functions(tree) if ast.get_docstring(node)]
    first = Counter((ast.get_docstring(node) or "").split()[0].rstrip(".:,") for node in documented)
    yield f"docstrings {len(documented)}: " + ", ".join(f"{word} {n}" for word, n in first.most_common(12))
    yield "odd first words: " + (", ".join(f"{word} {first[word]}" for word in ODD_VERBS if first[word]) or "none")
    stored = Counter(
        node.id
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    counts = ", ".join(f"{name} {stored[name]}" for name in VAGUE if stored[name])
    yield f"vague names of variables: {counts or 'none'}"


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Iterate over all functions and methods."""
    return (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def definitions(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Iterate over a module's top-level names, each with its kind."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield "classes", node.name.lstrip("_")
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield "functions", node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and not target.id.isupper() and target.id[:1].isupper():
                yield "type aliases", target.id


if __name__ == "__main__":
    main()
