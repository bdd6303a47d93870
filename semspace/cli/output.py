"""What a command writes: a value for people or JSON for machines, and reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from semspace import bundle
from semspace.display import to_json
from semspace.errors import ExistsError, InputError


def show(value: object, plain: Any, as_json: bool) -> None:
    """Print `value` for a person, or `plain` as JSON on one line."""
    typer.echo(to_json(plain, indent=None).rstrip() if as_json else str(value))


def check_report(path: Path, option: str, endings: Sequence[str], *, overwrite: bool) -> None:
    """Raise if a report can't be written to `path`, before anything is computed for it."""
    if path.suffix.lower() not in endings:
        raise InputError(f"{option} must end in {', '.join(endings)}; got {path.name!r}")
    if path.is_dir():
        raise ExistsError(f"{path} is a folder; give the name of a file")
    if bundle.resolved_path(path).exists() and not overwrite:
        raise ExistsError(f"{path} exists already; choose another path or add --overwrite")
    bundle.check_writable(path)
