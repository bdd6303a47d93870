"""What a command writes: a value for people or JSON for machines, reports, and folders of saved values."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from semspace.cli import streams
from semspace.display import to_json
from semspace.errors import STEERING, ExistsError, InputError, SemspaceWarning

if TYPE_CHECKING:
    from semspace.space import Space

# Endings that a folder doesn't have → the option, or the command, that writes such a file.
_FILES = {
    **dict.fromkeys((".html", ".htm", ".md"), "a page is written by --report of cluster and compare"),
    **dict.fromkeys((".json", ".jsonl"), "--json prints results as JSON"),
    **dict.fromkeys((".txt", ".vec", ".bin"), "semspace convert --to writes files of vectors"),
    **dict.fromkeys((".csv", ".tsv", ".parquet", ".xlsx", ".pdf", ".png", ".svg"), "such files aren't written"),
}


def show(value: object, plain: Any, as_json: bool) -> None:
    """Print `value` for a person, or `plain` as JSON on one line."""
    typer.echo(to_json(plain, indent=None).rstrip() if as_json else str(value))


def say(text: str) -> None:
    """Print a text that names files or columns, of which none steers the terminal."""
    typer.echo(text.translate(STEERING))


def show_each(values: Iterable[object], plain: Iterable[Any], as_json: bool) -> None:
    """Print several values for a person, or each as JSON on a line of its own."""
    if as_json:
        for one in plain:
            typer.echo(to_json(one, indent=None).rstrip())
    else:
        typer.echo("\n\n".join(str(value) for value in values))


def write_vectors(space: Space) -> None:
    """Print the vectors of a space, each with its id as JSON on a line of its own."""
    for id, vector in zip(space.ids, space.vectors, strict=True):
        typer.echo(to_json({"id": id, "vector": vector.tolist()}, indent=None).rstrip())


def check_folder(out: Path, *, overwrite: bool, or_stream: bool = False) -> None:
    """Raise if no value can be saved at `out`, before anything is computed for it.

    Parameters
    ----------
    out : Path
        The value of --out.
    overwrite : bool
        Whether a saved value there may be replaced.
    or_stream : bool
        Whether ``-``, standard output, is allowed too.
    """
    from semspace import replacement

    if streams.is_stream(out):
        if or_stream:
            return
        raise InputError("--out is a folder here, so it can't be -; --json prints the result")
    if out.suffix.lower() in _FILES:
        remedy = _FILES[out.suffix.lower()]
        raise InputError(f"--out is the name of a folder, and {out.name!r} looks like that of a file; {remedy}")
    replacement.check_free(out, overwrite=overwrite)
    say_new_folders(out)


def check_report(path: Path, option: str, endings: Sequence[str], *, overwrite: bool) -> None:
    """Raise if a report can't be written to `path`, before anything is computed for it."""
    from semspace import files

    if streams.is_stream(path):
        return
    if path.suffix.lower() not in endings:
        raise InputError(f"{option} must end in {', '.join(endings)}; got {path.name!r}")
    if path.is_dir():
        raise ExistsError(f"{path} is a folder; give the name of a file")
    if files.resolved_path(path).exists() and not overwrite:
        raise ExistsError(f"{path} exists already; choose another path or add --overwrite")
    files.check_writable(path)
    say_new_folders(path)


def say_new_folders(path: Path) -> None:
    """Note that the folder around a path is new: it is created, but may be a slip of the pen."""
    from semspace import files

    parent = files.resolved_path(path).parent
    if not parent.exists():
        warnings.warn(f"there is no folder {parent} yet; it will be created", SemspaceWarning, stacklevel=3)
