"""What a command prints: a value as it shows itself, or as JSON for machines."""

from __future__ import annotations

from typing import Any

import typer

from semspace.display import to_json


def show(value: object, plain: Any, as_json: bool) -> None:
    """Print `value` for a person, or `plain` as JSON on one line."""
    typer.echo(to_json(plain, indent=None).rstrip() if as_json else str(value))
