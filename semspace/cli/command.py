"""A command of the shell: accepts old names of options, and words error messages with options, not parameters."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typer.core import TyperCommand

from semspace.deprecation import REMOVAL
from semspace.errors import SemspaceError, SemspaceWarning


class Command(TyperCommand):
    """A command with the old names of its options; see `command`."""

    old_options: ClassVar[Mapping[str, str]] = {}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, old names of options among them."""
        return super().parse_args(ctx, [_renamed(argument, self.old_options) for argument in args])

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error message that names a parameter names the option instead."""
        try:
            return super().invoke(ctx)
        except SemspaceError as problem:
            options = {str(parameter.name): parameter.opts for parameter in self.params}
            problem.args = (with_options(str(problem), options),)
            raise


def command(old_options: Mapping[str, str] | None = None) -> type[Command]:
    """Create the class of a command that takes options by old names too (old name → new name)."""
    return type("RenamedCommand", (Command,), {"old_options": dict(old_options or {})})


def _renamed(argument: str, names: Mapping[str, str]) -> str:
    """Replace the old name of an option: ``--old``, ``--old=value``, ``-o`` or ``-o9``."""
    old, equals, value = argument.partition("=")
    if not argument.startswith("--") and argument[2:].isdecimal():
        old, equals, value = argument[:2], "=", argument[2:]
    if old not in names:
        return argument
    new = names[old]
    message = f"{old} is now called {new}; the old name will be removed in semspace {REMOVAL}"
    warnings.warn(message, SemspaceWarning, stacklevel=2)
    return f"{new}{equals}{value}"


def with_options(message: str, options: Mapping[str, Sequence[str]]) -> str:
    """Return `message` with options where it names parameters: ``text=`` and ``overwrite=True`` as a shell has them."""
    for name, forms in options.items():
        option = max(forms, key=len)
        if not option.startswith("-"):
            continue
        message = re.sub(rf"(?<![\w-]){name}=(True\b)?(?=[\s;:,.)(]|$)", option, message)
        message = re.sub(rf"(?<![\w-]){name}=(?=\S)", f"{option} ", message)
        message = re.sub(rf"^{name}(?= (must|has|needs) |: )", option, message)
    return message
