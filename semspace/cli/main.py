"""The entry point: runs a command and reports an error as one line and an exit code."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

from semspace.cli.app import app
from semspace.display import clip
from semspace.errors import SemspaceError, SemspaceWarning


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for bad input, 130 when interrupted."""
    with warnings.catch_warnings():
        # Warnings of semspace are printed as notes; those of other libraries aren't for users of the shell.
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SemspaceWarning)
        warnings.showwarning = lambda message, *_, **__: _write(f"note: {message}")
        return _run(list(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:
    try:
        app(arguments)
    except SemspaceError as problem:
        _write(f"semspace: {problem}")
        return 2
    except BrokenPipeError:  # the reader of a pipe, as in `semspace … | head`, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as problem:
        where = f" ({problem.filename})" if problem.filename else ""
        _write(f"semspace: {problem.strerror or clip(str(problem), 200)}{where}")
        return 2
    except MemoryError as problem:
        _write(f"semspace: out of memory ({problem}); use less data or smaller settings")
        return 2
    except KeyboardInterrupt:
        _write("semspace: interrupted; no file was left half-written")
        return 130
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 2
    return 0


def _write(text: str) -> None:
    sys.stderr.write(clip(text, 2_000) + "\n")
