"""The entry point: runs a command, and turns errors into one sentence and an exit code."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

from semspace.cli.app import app
from semspace.display import clip
from semspace.errors import SemspaceError, SemspaceWarning


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; exit code 0, 2 for bad input, 130 when stopped by the user."""
    with warnings.catch_warnings():
        # From a shell a warning of ours is a line to read, and one of a library's is nobody's business.
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SemspaceWarning)
        warnings.showwarning = lambda message, *_, **__: _say(f"note: {message}")
        return _run(list(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:
    try:
        app(arguments)
    except SemspaceError as problem:
        _say(f"semspace: {problem}")
        return 2
    except BrokenPipeError:  # `semspace … | head`: the reader has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as problem:
        where = f" ({problem.filename})" if problem.filename else ""
        _say(f"semspace: {problem.strerror or clip(str(problem), 200)}{where}")
        return 2
    except MemoryError as problem:
        _say(f"semspace: not enough memory ({problem}); ask for less, or give it less at a time")
        return 2
    except KeyboardInterrupt:
        _say("semspace: stopped; nothing was half-written")
        return 130
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 2
    return 0


def _say(text: str) -> None:
    sys.stderr.write(clip(text, 2_000) + "\n")
