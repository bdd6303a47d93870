"""The entry point: runs a command and reports an error as one line and an exit code."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

from semspace import logs
from semspace.cli import streams, usage
from semspace.cli.app import app_for
from semspace.cli.command import StoppedError
from semspace.display import clip
from semspace.errors import SemspaceError, SemspaceWarning

OK, BAD_INPUT, INTERRUPTED = 0, 2, 130  # exit codes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for bad input, 130 when interrupted."""
    with warnings.catch_warnings():
        # Warnings of semspace are printed as notes; those of other libraries aren't for users of the shell.
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SemspaceWarning)
        warnings.showwarning = lambda message, *_, **__: None if logs.is_quiet() else _write(f"note: {message}")
        return _run(list(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:
    try:
        code = app_for(arguments)(arguments, prog_name="semspace", standalone_mode=False)
        sys.stdout.flush()  # so that a closed pipe is noticed here
    except usage.UsageError as problem:
        if usage.is_help(problem):
            problem.show()
            return BAD_INPUT
        return _refuse(usage.sentence(problem))
    except StoppedError as stopped:
        return _report(stopped.reason)
    except (SemspaceError, MemoryError, OSError) as problem:
        return _report(problem)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else BAD_INPUT
    return INTERRUPTED if code == INTERRUPTED else OK if code is None else int(code)


def _report(problem: BaseException) -> int:
    """Report an error as one line; return the exit code."""
    if isinstance(problem, KeyboardInterrupt):
        _write("semspace: interrupted; no file was left half-written")
        return INTERRUPTED
    if isinstance(problem, BrokenPipeError):  # the reader of a pipe, as in `semspace … | head`, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    if isinstance(problem, MemoryError):
        return _refuse(f"out of memory ({problem}); use less data or smaller settings")
    if isinstance(problem, OSError) and not isinstance(problem, SemspaceError):
        where = f" ({problem.filename})" if problem.filename else ""
        return _refuse(f"{problem.strerror or clip(str(problem), 200)}{where}")
    return _refuse(str(problem))


def _refuse(sentence: str) -> int:
    _write(f"semspace: {sentence}")
    return BAD_INPUT


def _write(text: str) -> None:
    sys.stderr.write(clip(streams.without_temporary_names(text), 2_000) + "\n")
