"""What a command prints: a value as it shows itself, or as JSON for machines."""

from __future__ import annotations

import json
from typing import Any

import typer


def show(value: object, plain: Any, as_json: bool) -> None:
    """Print `value` for a person, or `plain` as JSON."""
    typer.echo(json.dumps(plain, ensure_ascii=False, allow_nan=False) if as_json else repr(value))


def told(text: str, plain: Any, as_json: bool) -> None:
    """Print a sentence for a person, or `plain` as JSON."""
    typer.echo(json.dumps(plain, ensure_ascii=False, allow_nan=False) if as_json else text)
