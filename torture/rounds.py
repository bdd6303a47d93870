"""A writer that is stopped again and again: in a child each time, and other children look at what is left."""

from __future__ import annotations

import importlib
import json
import random
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from semspace.kernels.building import calls_of
from semspace.kernels.compiling import levels
from semspace.progress import bar
from torture import processes
from torture.writers import Diary, Writer

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_COMPILED = ("semspace.index", "semspace.words", "semspace.text", "semspace.clusters", "semspace.maps")
_WENT_ON = 17  # exit code of a process that was interrupted, and has gone on


def compile_kernels() -> None:
    """Compile what the writers need, so that each child has it."""
    for call in calls_of(levels()[-1]):
        if call.kernel.startswith(_COMPILED):
            call.function().compile(call.signature())


def stopped(writer: Writer, rounds: int, luck: random.Random, folder: Path) -> list[int]:
    """Stop a writer so often; return how often it was stopped by each signal, and how often it was done before.

    Raises
    ------
    AssertionError
        If something acknowledged is lost, something is there by half, or the writer ends in another way than it should.
    """
    log, diary = folder / "log", Diary(folder / "diary")

    def child(work: Callable[[], None], what: str) -> processes.Ended:
        ended = processes.run(work, log=log)
        if ended.signal or ended.code:
            raise AssertionError(f"{writer.name}: {what} failed:\n{_end_of(log)}")
        return ended

    child(partial(writer.prepare, folder), "preparing")
    for _ in range(2):  # the first may have to compile kernels
        longest = child(partial(_write_and_list_modules, writer, folder, diary), "writing undisturbed").seconds
        _import(folder / "modules.json")
        child(partial(writer.check, folder, diary), "the check after it")
        diary.path.unlink(missing_ok=True)
    counts = [0, 0, 0, 0]
    with bar(writer.name, rounds, unit="interruption") as shown:
        for _ in range(rounds):
            by = luck.choice(SIGNALS)
            work = partial(_write_and_go_on, writer, folder, diary)
            ended = processes.interrupt(work, by, longest, luck, log=log)
            if not ended.signal and ended.code == 0:
                counts[-1] += 1
            elif ended.signal == by or (by == signal.SIGINT and ended.code == _WENT_ON):
                counts[SIGNALS.index(by)] += 1
            else:
                raise AssertionError(f"{writer.name} ended with {ended} after {by.name}:\n{_end_of(log)}")
            child(partial(writer.check, folder, diary), f"the check after {by.name} (round {sum(counts)})")
            diary.path.unlink(missing_ok=True)
            log.unlink(missing_ok=True)
            shown.update(1)
    return counts


def _write_and_go_on(writer: Writer, folder: Path, diary: Diary) -> int:
    """Write; after Ctrl-C, check what is left in the same process, which goes on. Return the code to end with."""
    try:
        writer.write(folder, diary)
    except KeyboardInterrupt:
        writer.check(folder, diary)
        diary.path.unlink(missing_ok=True)
        return _WENT_ON
    return 0


def _write_and_list_modules(writer: Writer, folder: Path, diary: Diary) -> None:
    before = set(sys.modules)
    writer.write(folder, diary)
    (folder / "modules.json").write_text(json.dumps([name for name in sys.modules if name not in before]))


def _import(names: Path) -> None:
    """Import what a child has needed: an import that is interrupted leaves Python with half a module."""
    for name in json.loads(names.read_text()):
        with suppress(Exception):  # some aren't to be had by their name
            importlib.import_module(name)
    names.unlink()


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-4_000:] if log.exists() else ""
