"""Wording of usage errors: one sentence in place of the box that the library behind the commands prints."""

from __future__ import annotations

import re
from typing import Any

import typer

UsageError: Any = typer.BadParameter.__mro__[1]  # the library that typer contains, or needs, in any of its versions
_BRACES = str.maketrans("", "", "{}")
# Names that other programs give an option → what it may be called here, in a command that has it.
_NUMBERS = ("-k", "--n-clusters")
OTHER_NAMES = {
    "--encoder": ("--model",),
    "--embedding-model": ("--model",),
    "--start": ("--init", "--base"),
    "--out-dir": ("--out",),
    "--output": ("--out", "--report"),
    "--output-dir": ("--out",),
    "--save": ("--out",),
    "--html": ("--report",),
    "-n": _NUMBERS,
    "--k": _NUMBERS,
    "--limit": _NUMBERS,
    "--top": _NUMBERS,
    "--top-k": _NUMBERS,
    "--topn": _NUMBERS,
    "--clusters": ("--n-clusters",),
    "--groups": ("--n-clusters",),
    "--n-topics": ("--n-clusters",),
    "--num-clusters": ("--n-clusters",),
    "--random-seed": ("--seed",),
    "--random-state": ("--seed",),
    "-j": ("--threads",),
    "--jobs": ("--threads",),
    "--n-jobs": ("--threads",),
    "--num-threads": ("--threads",),
    "--workers": ("--threads",),
    "--force": ("--overwrite",),
    "--filter": ("--where",),
    "--delimiter": ("--separator",),
    "--sep": ("--separator",),
    "--id-column": ("--id",),
    "--text-column": ("--text",),
    "--stopwords": ("--stop-words",),
    "--threshold": ("--min-score",),
    "--iter": ("--epochs",),
    "--lr": ("--learning-rate",),
    "--negative": ("--negatives",),
    "--size": ("--dim",),
    "--vector-size": ("--dim",),
}
ARGUMENTS = "semspace.arguments"  # where `command.Command` keeps what was given


def sentence(problem: Any) -> str:
    """Return what is wrong with a call of a command, and what to do."""
    words = {
        "MissingParameter": _missing, "NoSuchOption": _unknown_option, "BadOptionUsage": _bad_option,
        "BadParameter": _bad_value,
    }.get(type(problem).__name__, _other)  # fmt: skip
    return words(problem)


def is_help(problem: Any) -> bool:
    """Check whether a group of commands was called by itself, which prints its help."""
    return type(problem).__name__ == "NoArgsIsHelpError"


def _missing(problem: Any) -> str:
    return f"{_command(problem)} needs {_name(problem.param)}; {_usage(problem)}"


def _unknown_option(problem: Any) -> str:
    from semspace import checks

    options = [option for parameter in problem.ctx.command.params for option in parameter.opts]
    known = next((option for option in OTHER_NAMES.get(problem.option_name, ()) if option in options), None)
    if known is not None:
        return f"{_lacks(problem, 'option')} {problem.option_name}; it is called {known}"
    if problem.option_name == "--seed":
        return f"{_lacks(problem, 'option')} --seed: nothing in it is random; leave it out"
    near = checks.nearest_spellings(problem.option_name, [option for option in options if option[:2] == "--"], 1)
    hint = f"did you mean {near[0]}?" if near else f"see {problem.ctx.command_path} --help"
    return f"{_lacks(problem, 'option')} {problem.option_name}; {hint}"


def _bad_option(problem: Any) -> str:
    needs = "needs a value" if "requires" in problem.format_message() else "takes no value"
    return f"{problem.option_name} {needs}"


def _bad_value(problem: Any) -> str:
    message = problem.message.lower()
    kinds = (("integer", "a whole number"), ("float", "a number"), ("number", "a number"), ("bool", "yes or no"))
    kind = next((words for kind, words in kinds if kind in message), None)
    if problem.param is None or kind is None:
        return _other(problem)
    return f"{_name(problem.param)} must be {kind}{_got(problem)}"


def _got(problem: Any) -> str:
    """Return what was given, by parsing the arguments again: the error doesn't say."""
    given = problem.ctx.meta.get(ARGUMENTS, [])
    try:
        value = problem.ctx.command.make_parser(problem.ctx).parse_args(list(given))[0].get(problem.param.name)
    except UsageError:
        return ""
    return "" if value is None else f"; got {value!r}"


def _other(problem: Any) -> str:
    from semspace import checks

    message = problem.format_message()
    if problem.ctx is None:
        return f"{message[:1].lower()}{message[1:].rstrip('.')}"
    unknown = re.search(r"No such command ['\"](.*?)['\"]", message)
    if unknown and hasattr(problem.ctx.command, "commands"):
        commands = list(problem.ctx.command.commands)
        near = checks.nearest_spellings(unknown[1], commands, 1)
        hint = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(commands)}"
        return f"{_lacks(problem, 'command')} {unknown[1]!r}; {hint}"
    extra = re.search(r"unexpected extra arguments? ?(?:\(s\) )?\((.*)\)", message)
    if extra:
        return f"{_command(problem)} doesn't take {extra[1]!r}; {_usage(problem)}"
    return f"{message[:1].lower()}{message[1:].rstrip('.')}; {_usage(problem)}"


def _command(problem: Any) -> str:
    """Return the name of the command without the program's; an empty string for the program itself."""
    return str(problem.ctx.command_path).partition(" ")[2]


def _lacks(problem: Any, what: str) -> str:
    command = _command(problem)
    return f"{command} has no {what}" if command else f"there is no {what}"


def _usage(problem: Any) -> str:
    pieces = " ".join(problem.ctx.command.collect_usage_pieces(problem.ctx))
    return f"usage: {problem.ctx.command_path} {pieces.translate(_BRACES)}"


def _name(parameter: Any) -> str:
    """Return the name of an option, or of an argument as the usage has it."""
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper())
