"""`python -m torture`: stop each writer at random moments, check what is left, and say how often it went well."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from torture.catalogue import every_writer
from torture.rounds import compile_kernels, stopped
from torture.writers import Writer


def main(arguments: list[str] | None = None) -> int:
    """Run the writers that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, help="interruptions of all writers together")
    parser.add_argument("--only", default="", help="parts of writers' names, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="keep the folders of writers that failed")
    given = parser.parse_args(arguments)
    if given.rounds < 1:
        parser.error(f"--rounds must be at least 1; got {given.rounds}")
    known = list(every_writer())
    writers = [one for one in known if any(part in one.name for part in given.only.split(","))]
    if not writers:
        parser.error(f"no writer's name has {given.only!r}; there are {', '.join(one.name for one in known)}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    compile_kernels()
    return run(writers, -(-given.rounds // len(writers)), random.Random(given.seed), keep=given.keep)


def run(writers: Sequence[Writer], rounds: int, luck: random.Random, *, keep: bool = False) -> int:
    """Stop each writer so often, and print a row for each; return 1 if one failed."""
    failed, total, start = 0, [0, 0, 0], time.monotonic()
    print(f"{'writer':<24} {'killed':>7} {'SIGTERM':>8} {'Ctrl-C':>7} {'done before':>12} {'minutes left':>13}")
    for done, writer in enumerate(writers, 1):
        folder = Path(tempfile.mkdtemp(prefix="torture-"))
        try:
            counts = stopped(writer, rounds, luck, folder)
        except AssertionError as problem:
            failed += 1
            print(f"{writer.name:<24} FAILED{f' (kept: {folder})' if keep else ''}\n{problem}", flush=True)
            if keep:
                continue
        else:
            total = [a + b for a, b in zip(total, counts[:3], strict=True)]
            left = (time.monotonic() - start) / done * (len(writers) - done) / 60
            numbers = f"{counts[0]:>7} {counts[1]:>8} {counts[2]:>7} {counts[3]:>12}"
            print(f"{writer.name:<24} {numbers} {left:>13.0f}", flush=True)
        shutil.rmtree(folder)
    print(f"{'together':<24} {total[0]:>7} {total[1]:>8} {total[2]:>7}")
    print(f"{sum(total)} interruptions in {time.monotonic() - start:,.0f} s; {failed} writers failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
