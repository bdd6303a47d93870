"""Which source files the code of a kernel depends on: its stamp.

Numba compares the file of a function only, but a kernel is compiled from all that it calls: of another module, too. A
stamp covers the file of a kernel, the kernels that it imports, theirs, and what all of these import otherwise.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_IMPORT = re.compile(r"^from (semspace[\w.]*) import (\([^)]*\)|[^\n]*)|^import (semspace[\w.]*)", re.MULTILINE)
_COMPILES = re.compile(r"^from semspace\.kernels(\.| import)", re.MULTILINE)  # a file that has it may hold a kernel
# What these say can't reach the code: annotations, progress bars, errors, and the compiler's own driving.
_NO_PART = {
    f"{name}.py"
    for name in (
        "__init__", "types", "progress", "errors", "checks", "disk", "logs", "threads", "kernels/code_cache",
        "kernels/code_store", "kernels/first_call", "kernels/levels", "kernels/sources",
    )
}  # fmt: skip


@cache
def stamp(file: str) -> str:
    """Return a digest of the sources that a kernel of this file is compiled from; empty if there is no such file."""
    if not Path(file).is_file():  # as of what was typed into a notebook
        return ""
    found: dict[Path, bytes] = {}
    queue = [Path(file).resolve()]
    while queue:
        path = queue.pop()
        if path not in found:
            found[path] = hashlib.sha256(_source(path)).digest()
            if path == Path(file).resolve() or _COMPILES.search(_source(path).decode("utf-8", "replace")):
                queue += _imported(path)
    names = {str(path.relative_to(_PACKAGE)) if path.is_relative_to(_PACKAGE) else path.name: path for path in found}
    parts = (name.replace("\\", "/").encode() + found[names[name]] for name in sorted(names))
    return hashlib.sha256(b"".join(parts)).hexdigest()[:32]


@cache
def _source(path: Path) -> bytes:
    """Return the text of a file, with the line ends of Unix."""
    return path.read_bytes().replace(b"\r\n", b"\n")


@cache
def _imported(path: Path) -> list[Path]:
    """Return the files of semspace that a file imports at its top, but those that can't reach the code."""
    paths = []
    for module, names, plain in _IMPORT.findall(_source(path).decode("utf-8", "replace")):
        place = _PACKAGE.joinpath(*(module or plain).split(".")[1:])
        inner = re.findall(r"\w+", names)
        paths += [place / f"{name}.py" for name in inner if (place / f"{name}.py").is_file()]
        paths += [candidate for candidate in (place.with_suffix(".py"), place / "__init__.py") if candidate.is_file()]
    return [path for path in paths if path.relative_to(_PACKAGE).as_posix() not in _NO_PART]
