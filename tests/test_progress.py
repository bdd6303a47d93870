"""A bar for people who wait longer than two seconds, a line every 30 seconds for files, nothing for the impatient."""

import fcntl
import io
import logging
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

import semspace as ss
from semspace import logs, progress
from semspace.errors import InputError
from semspace.progress import Lines, bar, duration, waiting

CODE = """
import time
from types import SimpleNamespace
from semspace.progress import bar
with bar("waiting", 10, unit="step") as shown:
    for _ in range(10):
        time.sleep({pause})
        shown.update(1)
"""


def on_a_terminal(pause, code=CODE):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    subprocess.run([sys.executable, "-c", code.format(pause=pause)], stderr=theirs, check=True)
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


class Clock:
    """A clock that goes as told."""

    now = 0.0

    def __call__(self):
        return self.now


def lines(clock, capsys, steps, *, seconds, **settings):
    shown = Lines("encoding", 50_000, "text", clock)
    for postfix in steps:
        clock.now += seconds
        shown.set_postfix_str(postfix)
        shown.update(6_000)
    return capsys.readouterr().err.splitlines()


def test_where_nobody_looks_a_line_comes_every_30_seconds(capsys):
    said = lines(Clock(), capsys, [""] * 5, seconds=20)  # after 40 s and 80 s; 3,000 s for all 50,000 texts at 300 a s
    assert said == ["encoding: 12,000 of 50,000 texts, 3 min left", "encoding: 24,000 of 50,000 texts, 2 min left"]


def test_what_the_first_units_waited_for_is_not_expected_again(capsys):
    shown = Lines("encoding", 6_004, "text", clock := Clock())
    for clock.now, n in ((60.0, 4), (65.0, 1_000), (95.0, 3_000)):  # the first 4 texts wait for kernels to be compiled
        shown.update(n)
    assert capsys.readouterr().err.splitlines() == [
        "encoding: 4 of 6,004 texts",
        "encoding: 4,004 of 6,004 texts, 18 s left",  # 4,000 texts in 35 s
    ]


def test_quick_work_writes_no_line(capsys):
    assert lines(Clock(), capsys, [""] * 8, seconds=3) == []


def test_the_postfix_and_the_end_are_said(capsys):
    said = lines(Clock(), capsys, ["loss 2.1", "loss 2.0"], seconds=30)
    assert said[0] == "encoding: 6,000 of 50,000 texts, loss 2.1"
    assert said[1:] == ["encoding: 12,000 of 50,000 texts, 4 min left, loss 2.0"]
    shown = Lines("reading", 2_000_000, "B", clock := Clock())
    clock.now = 31.0
    shown.update(2_000_000)
    assert capsys.readouterr().err == "reading: 2 MB\n"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (40, "40 s"), (61, "2 min"), (600, "10 min"), (7_800, "2 h 10 min")]
)
def test_times_are_said_as_people_say_them(seconds, words):
    assert duration(seconds) == words


def test_programs_get_records_instead_of_lines(capsys, caplog):
    with caplog.at_level(logging.INFO, "semspace"):
        lines(Clock(), capsys, [""], seconds=30)
        with bar("counting", 3, unit="text"):
            pass
    assert [record.getMessage() for record in caplog.records] == [
        "encoding: 6,000 of 50,000 texts",
        "counting: 3 texts in 1 s",
    ]
    assert capsys.readouterr().err == ""
    assert {record.name for record in caplog.records} == {"semspace.progress"}


def test_the_level_of_the_logger_turns_lines_off(capsys):
    with logs.verbosity(quiet=True):
        assert lines(Clock(), capsys, [""], seconds=30) == []
    assert lines(Clock(), capsys, [""], seconds=30) != []


def test_no_progress_says_nothing(capsys, caplog):
    with caplog.at_level(logging.INFO, "semspace"), bar("counting", 3, unit="text", progress=False) as shown:
        shown.update(3)
    assert (caplog.records, capsys.readouterr().err) == ([], "")


def test_what_nobody_can_measure_says_how_long_it_has_taken(capsys, monkeypatch, caplog):
    monkeypatch.setattr("semspace.progress.INTERVAL", 0.2)
    with waiting("drawing the map"):
        time.sleep(0.7)
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == ["drawing the map: 1 s so far"] * 2
    with waiting("drawing the map", progress=False), logs.verbosity(quiet=False):
        time.sleep(0.5)
    with logs.verbosity(quiet=True), waiting("drawing the map"):
        time.sleep(0.5)
    assert capsys.readouterr().err == ""
    with caplog.at_level(logging.INFO, "semspace"), waiting("drawing the map"):
        pass
    assert [record.getMessage() for record in caplog.records] == ["drawing the map took 1 s"]


def test_a_notebook_is_a_kernel_not_an_import(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    for shell, is_watched in ((None, False), (SimpleNamespace(), False), (SimpleNamespace(kernel=1), True)):
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
        monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
        assert progress._is_watched() is is_watched


def test_a_person_sees_how_long_it_has_taken():
    code = "import time\nfrom semspace.progress import waiting\nwith waiting('drawing'):\n    time.sleep({pause})\n"
    assert "drawing: 00:0" in on_a_terminal(3.5, code)
    assert "drawing" not in on_a_terminal(0.1, code)


@pytest.mark.parametrize("wrong", ["no", None, 1])
def test_progress_is_true_or_false(wrong):
    with (
        pytest.raises(InputError, match=f"progress must be True or False; got {wrong!r}"),
        waiting("x", progress=wrong),
    ):
        pytest.fail("work began")
    with (
        pytest.raises(InputError, match="progress must be True or False"),
        bar("x", 1, unit="step", progress=wrong),
    ):
        pytest.fail("work began")
    with pytest.raises(InputError, match="progress must be True or False"):
        ss.cluster(ss.Space.from_vectors(range(3), np.eye(3)), progress=wrong)


def test_an_error_ends_the_waiting():
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), waiting("dividing"):
        1 / 0  # noqa: B018
    assert threading.active_count() == before
