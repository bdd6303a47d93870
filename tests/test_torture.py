"""The harness of `make torture` stops writers where it says, and reports those that lose or break something."""

import json
import os
import subprocess
import sys

import pytest

from tests.killed import ROOT, needs_sigkill

pytestmark = needs_sigkill

CODE = """
import json, random, sys, time
from pathlib import Path
import semspace as ss
from torture.rounds import stopped
from torture.writers import ResumedWriter, SaveWriter, Writer

class Text(Writer):
    name = "text"
    def prepare(self, folder):
        (folder / "text").write_text("a" * 1_000)
    def check(self, folder, diary):
        assert len((folder / "text").read_text()) == 1_000, "half a text"

class InPlace(Text):
    def write(self, folder, diary):
        with open(folder / "text", "w") as file:
            for _ in range(10):
                file.write("b" * 100)
                file.flush()
                time.sleep(0.01)

class Early(Text):
    def write(self, folder, diary):
        diary.say(done=True)
        time.sleep(0.1)
        (folder / "done").touch()
    def check(self, folder, diary):
        assert not diary.lines() or (folder / "done").exists(), "acknowledged, and lost"
        (folder / "done").unlink(missing_ok=True)

class Deaf(Text):
    def write(self, folder, diary):
        try:
            time.sleep(0.1)
        except KeyboardInterrupt:
            raise ValueError("the file is damaged") from None

def lucky(folder, name):
    (folder / name).mkdir(exist_ok=True)
    time.sleep(0.05)
    with open(folder / name / "numbers", "a") as file:
        file.write("1")

sound = SaveWriter("corpus", lambda number: ss.Corpus.from_texts([f"text {number}", "another one"]))
found = []
for number, (writer, rounds) in enumerate(
    [(sound, 9), (InPlace(), 30), (Early(), 30), (Deaf(), 30), (ResumedWriter("lucky", lucky), 30)]
):
    folder = Path(sys.argv[1]) / str(number)
    folder.mkdir()
    try:
        found.append(stopped(writer, rounds, random.Random(1), folder))
    except AssertionError as problem:
        found.append(str(problem))
print(json.dumps(found))
"""  # in a process that has started no thread yet, as children that are forked have to


def test_sound_writers_pass_and_those_that_break_something_are_reported(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sound, in_place, early, deaf, lucky = json.loads(done.stdout.splitlines()[-1])
    assert sum(sound) == 9
    assert sum(sound[:3]) > 0  # others were done before the signal
    assert "half a text" in in_place
    assert "acknowledged, and lost" in early
    assert "the file is damaged" in deaf
    assert "resumed, it ends with something else" in lucky


def test_a_call_that_ends_in_no_sentence_is_reported():
    from semspace.errors import InputError
    from torture.fault_tally import Tally

    def raising(problem):
        def call():
            raise problem

        return call

    tally = Tally()
    assert tally.attempt("works", lambda: 3) == 3
    tally.attempt("refused", raising(InputError("the disk is full; free some")), says=("disk",))
    assert (tally.tried, tally.worked, tally.refused) == (2, 1, 1)
    for problem in (OSError("short"), InputError("two\nlines"), InputError("something else")):
        with pytest.raises(AssertionError):
            tally.attempt("fails", raising(problem), says=("disk",))
