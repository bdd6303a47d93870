"""A command of the shell: accepts old names of options, and words error messages with options, not parameters."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, ClassVar, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from semspace import logs
from semspace.cli import quick_values, usage
from semspace.cli.wording import in_shell_words
from semspace.deprecation import REMOVAL
from semspace.errors import SemspaceError, SemspaceWarning

_RENAMED = "semspace.renamed"


class StoppedError(Exception):
    """Why a command stopped, where the library behind the commands would end the process in its own way."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(reason)
        self.reason = reason


class Command(TyperCommand):
    """A command with the old names of its options; see `command`."""

    old_options: ClassVar[Mapping[str, str]] = {}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, old names of options among them."""
        notes: list[str] = []
        new = [_renamed(argument, self.old_options, notes) for argument in args]
        ctx.meta.update({usage.ARGUMENTS: list(new), _RENAMED: notes})
        quick_values.prepare(self.get_params(ctx))
        return super().parse_args(ctx, new)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error message that names a parameter names the option instead."""
        options = {str(parameter.name): parameter.opts for parameter in self.params}
        tell = warnings.showwarning
        warnings.showwarning = lambda note, *rest, **more: tell(in_shell_words(str(note), options), *rest, **more)
        try:
            with logs.verbosity(quiet=ctx.params.get("quiet", False), verbose=ctx.params.get("verbose", False)):
                for note in ctx.meta[_RENAMED]:
                    warnings.warn(note, SemspaceWarning, stacklevel=2)
                return super().invoke(ctx)
        except SemspaceError as problem:
            problem.args = (in_shell_words(str(problem), options),)
            raise
        except (OSError, EOFError, KeyboardInterrupt) as problem:
            raise StoppedError(problem) from problem
        finally:
            warnings.showwarning = tell


class Group(TyperGroup):
    """A group of commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments that stand before the name of a command."""
        quick_values.prepare(self.get_params(ctx))
        return super().parse_args(ctx, args)


def command(old_options: Mapping[str, str] | None = None) -> type[Command]:
    """Create the class of a command that takes options by old names too (old name → new name)."""
    return type("RenamedCommand", (Command,), {"old_options": dict(old_options or {})})


@dataclass(frozen=True)
class Verbosity:
    """The options that `Command.invoke` acts on."""

    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes and no progress; errors only.")] = False
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say what is done, and how long it takes.")] = False


def expanded(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function whose options stand one by one where `function` takes a group of them, and `Verbosity`.

    A group is a dataclass whose fields are options; `function` gets one made of their values.
    """
    signature = inspect.signature(function, eval_str=True)
    groups: dict[str, Any] = {
        name: one.annotation for name, one in signature.parameters.items() if is_dataclass(one.annotation)
    }
    parameters: list[inspect.Parameter] = []
    for name, one in signature.parameters.items():
        by_name = one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        parameters += _options_of(groups[name]) if name in groups else [by_name]
    parameters += _options_of(Verbosity)

    @functools.wraps(function)
    def run(**values: Any) -> None:
        given = {name: value for name, value in values.items() if name in signature.parameters}
        for name, group in groups.items():
            given[name] = group(**{field.name: values[field.name] for field in fields(group)})
        function(**given)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _options_of(group: Any) -> list[inspect.Parameter]:
    types = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=types[one.name])
        for one in fields(group)
    ]


def _renamed(argument: str, names: Mapping[str, str], notes: list[str]) -> str:
    """Replace the old name of an option: ``--old``, ``--old=value``, ``-o`` or ``-o9``; note that it was used."""
    old, equals, value = argument.partition("=")
    if not argument.startswith("--") and argument[2:].isdecimal():
        old, equals, value = argument[:2], "=", argument[2:]
    if old not in names:
        return argument
    new = names[old]
    notes.append(f"{old} is now called {new}; the old name will be removed in semspace {REMOVAL}")
    return f"{new}{equals}{value}"
