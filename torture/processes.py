"""Children of a process that has imported everything and started no thread, so that each begins at once."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

_FAILED = 70  # exit code


class Ended(NamedTuple):
    """How a child ended: by which signal, or with which code, and after how many seconds."""

    signal: int
    code: int
    seconds: float


def fork(work: Callable[[], int | None], *, log: Path) -> int:
    """Run `work` in a child, which ends with the code that it returns; its output and its traceback go to `log`.

    Return the child's process id.
    """
    child = os.fork()
    if child:
        return child
    code = _FAILED
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        code = work() or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(child: int, *, limit: float) -> Ended:
    """Wait for a child; one that takes longer than `limit` seconds is killed, and counts as failed."""
    start = time.monotonic()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        seconds = time.monotonic() - start
        if ended:
            by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            return Ended(by, os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1, seconds)
        if seconds > limit:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Ended(0, -1, seconds)
        time.sleep(0.001)


def run(work: Callable[[], int | None], *, log: Path, limit: float = 300) -> Ended:
    """Run `work` in a child to its end."""
    return wait(fork(work, log=log), limit=limit)


def answer(work: Callable[[], Any], *, folder: Path, limit: float = 600) -> tuple[Ended, Any]:
    """Run `work` in a child; return how it ended, and what `work` returned, which JSON can say: None if it ended early.

    A child that raises an error is an AssertionError here.
    """
    out, log = folder / f".answer-{os.getpid()}", folder / f".log-{os.getpid()}"

    def child() -> None:
        out.write_text(json.dumps(work()))

    ended = run(child, log=log, limit=limit)
    said = log.read_text(errors="replace")[-4_000:] if log.exists() else ""
    assert ended.code in (0, -1), said
    found = json.loads(out.read_text()) if out.exists() and not ended.signal and not ended.code else None
    for path in (out, log):
        path.unlink(missing_ok=True)
    return ended, found


def interrupt(
    work: Callable[[], int | None], by: signal.Signals, longest: float, luck: random.Random, *, log: Path
) -> Ended:
    """Run `work` in a child, and send it a signal after a random part of the `longest` seconds that it takes."""
    child = fork(work, log=log)
    delay = luck.random() * longest
    start = time.monotonic()
    while time.monotonic() - start < delay:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(min(0.002, delay / 10))
    os.kill(child, by)  # it hasn't been waited for, so that its number is still its own
    return wait(child, limit=120)
