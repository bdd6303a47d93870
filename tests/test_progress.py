"""A bar for people who wait longer than two seconds, and nothing for files and the impatient."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

CODE = """
import time
from semspace.progress import bar
with bar("waiting", 10, unit="step") as shown:
    for _ in range(10):
        time.sleep({pause})
        shown.update(1)
"""


def on_a_terminal(pause):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    subprocess.run([sys.executable, "-c", CODE.format(pause=pause)], stderr=theirs, check=True)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65_536):
            shown += part
    except OSError:  # the end of a terminal
        pass
    os.close(ours)
    return shown.decode()


def test_a_person_sees_how_far_it_is():
    shown = on_a_terminal(0.28)
    assert "waiting:  80%|" in shown
    assert "step/s]" in shown or "s/step]" in shown


def test_short_work_shows_nothing():
    assert "waiting" not in on_a_terminal(0.01)


def test_a_file_gets_no_bar():
    done = subprocess.run([sys.executable, "-c", CODE.format(pause=0.25)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
