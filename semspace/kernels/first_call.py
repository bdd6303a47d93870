"""A notice while kernels are compiled, which happens once on a machine and takes a while.

Numba compiles a kernel at its first call, unless its cache on disk holds the code. Nothing can be seen meanwhile, so a
person would think that the program hangs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import event

from semspace import logs

PATIENCE = 1.0  # seconds of compilation that nobody notices
_LOGGER = "semspace.kernels"
_TEXT = "compiling kernels for this processor, once: this may take a minute (semspace warmup does it beforehand)"


class CompilationNotice(event.Listener):
    """Writes one line, once in a process, when kernels of semspace have been compiled for longer than `patience`."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._depth, self._spent, self._start = 0, 0.0, 0.0
        self._timer: threading.Timer | None = None
        self.was_said = False

    def on_start(self, event: Any) -> None:
        """Start waiting, if this is a kernel of semspace that no other one needs."""
        if self.was_said or not _is_ours(event):
            return
        self._depth += 1
        if self._depth == 1:
            self._start = time.monotonic()
            self._timer = threading.Timer(max(0.0, self._patience - self._spent), self._say)
            self._timer.daemon = True
            self._timer.start()

    def on_end(self, event: Any) -> None:
        """Stop waiting."""
        if self._timer is None or not _is_ours(event):
            return
        self._depth -= 1
        if self._depth == 0:
            self._timer.cancel()
            self._timer = None
            self._spent += time.monotonic() - self._start

    def _say(self) -> None:
        self.was_said = True
        logs.notice(_TEXT, _LOGGER)


def _is_ours(event: Any) -> bool:
    return str(event.data["dispatcher"].py_func.__module__).startswith("semspace.")


_NOTICE = CompilationNotice()
event.register("numba:compile", _NOTICE)  # type: ignore[no-untyped-call]


@contextmanager
def announced() -> Iterator[None]:
    """Write no notice in this block, which says itself that it compiles."""
    before, _NOTICE.was_said = _NOTICE.was_said, True
    try:
        yield
    finally:
        _NOTICE.was_said = before
