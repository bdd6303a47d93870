"""A training in a process of its own that is killed, as by ``kill -9``, at the same point on any machine."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
needs_sigkill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
_KILL = """
import os, signal
from contextlib import contextmanager
from semspace.checkpoint import Checkpoint

left, writing = {after}, Checkpoint.writing

@contextmanager
def until_killed(self):
    global left
    with writing(self) as draft:
        yield draft
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

Checkpoint.writing = until_killed
"""


def run_until_killed(code, *arguments, after):
    """Run code that trains; it is killed when it has written so many checkpoints and is about to complete the next."""
    command = [sys.executable, "-c", _KILL.format(after=after) + code, *map(str, arguments)]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=600).returncode == -signal.SIGKILL
