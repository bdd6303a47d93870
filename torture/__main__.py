"""`python -m torture`: stop each writer at random moments, check what is left, and say how often it went well."""

from __future__ import annotations

import argparse
import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from semspace.kernels.building import calls_of
from semspace.kernels.compiling import levels
from semspace.progress import bar
from torture import processes
from torture.writers import Diary, Writer, every_writer

IMPORTED = (
    "polars", "semspace.clusters.cluster", "semspace.comparison.compare", "semspace.index.hnsw",
    "semspace.index.persistence", "semspace.latent.pca", "semspace.projections.project", "semspace.anomalies.outliers",
    "semspace.words.native_engine", "semspace.words.checkpoint", "semspace.sentences.word_average",
    "semspace.clusters.page", "jinja2", "plotly.graph_objects",
)  # fmt: skip
COMPILED = ("semspace.index", "semspace.words", "semspace.text", "semspace.clusters", "semspace.maps")
WENT_ON = 17  # exit code of a process that was interrupted, and has gone on
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def write_and_go_on(writer: Writer, folder: Path, diary: Diary) -> int:
    """Write; after Ctrl-C, check what is left in the same process, which goes on. Return the code to end with."""
    try:
        writer.write(folder, diary)
    except KeyboardInterrupt:
        writer.check(folder, diary)
        diary.path.unlink(missing_ok=True)
        return WENT_ON
    return 0


def torture(writer: Writer, rounds: int, luck: random.Random, folder: Path) -> list[int]:
    """Stop a writer so often; return how often it was stopped by each signal, and how often it was done before."""
    log = folder / "log"

    def child(work: Callable[[], None], what: str) -> processes.Ended:
        ended = processes.run(work, log=log)
        if ended.signal or ended.code:
            raise AssertionError(f"{writer.name}: {what} failed:\n{_end_of(log)}")
        return ended

    diary = Diary(folder / "diary")
    child(partial(writer.prepare, folder), "preparing")
    for _ in range(2):  # the first may have to compile kernels
        longest = child(partial(writer.write, folder, diary), "writing undisturbed").seconds
        child(partial(writer.check, folder, diary), "the check after it")
        diary.path.unlink(missing_ok=True)
    counts = [0, 0, 0, 0]
    with bar(writer.name, rounds, unit="interruption") as shown:
        for _ in range(rounds):
            by = luck.choice(SIGNALS)
            ended = processes.interrupt(
                partial(write_and_go_on, writer, folder, diary), by, longest, luck, log=log
            )  # fmt: skip
            if not ended.signal and ended.code == 0:
                counts[-1] += 1
            elif ended.signal == by or (by == signal.SIGINT and ended.code == WENT_ON):
                counts[SIGNALS.index(by)] += 1
            else:
                raise AssertionError(f"{writer.name} ended with {ended} after {by.name}:\n{_end_of(log)}")
            child(partial(writer.check, folder, diary), f"the check after {by.name} (round {sum(counts)})")
            diary.path.unlink(missing_ok=True)
            log.unlink(missing_ok=True)
            shown.update(1)
    return counts


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-4_000:] if log.exists() else ""


def main(arguments: list[str] | None = None) -> int:
    """Run the writers that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, help="interruptions of all writers together")
    parser.add_argument("--only", default="", help="a part of a writer's name")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="keep the folders of writers that failed")
    given = parser.parse_args(arguments)
    writers = [one for one in every_writer() if given.only in one.name]
    if not writers:
        parser.error(f"no writer's name has {given.only!r}; there are {', '.join(one.name for one in every_writer())}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for module in IMPORTED:  # an import that is interrupted leaves Python with half a module
        importlib.import_module(module)
    for call in calls_of(levels()[-1]):  # so that each child has them
        if call.kernel.startswith(COMPILED):
            call.function().compile(call.signature())
    luck, failures, total, start = random.Random(given.seed), [], 0, time.monotonic()
    print(f"{'writer':<20} {'killed':>7} {'SIGTERM':>8} {'Ctrl-C':>7} {'done before':>12}")
    for writer in writers:
        folder = Path(tempfile.mkdtemp(prefix="torture-"))
        try:
            counts = torture(writer, -(-given.rounds // len(writers)), luck, folder)
        except AssertionError as problem:
            failures.append(str(problem))
            print(f"{writer.name:<20} FAILED{f' (kept: {folder})' if given.keep else ''}\n{problem}", flush=True)
            if not given.keep:
                shutil.rmtree(folder)
            continue
        shutil.rmtree(folder)
        total += sum(counts[:3])
        print(f"{writer.name:<20} {counts[0]:>7} {counts[1]:>8} {counts[2]:>7} {counts[3]:>12}", flush=True)
    print(f"{total} interruptions in {time.monotonic() - start:,.0f} s; {len(failures)} writers failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
