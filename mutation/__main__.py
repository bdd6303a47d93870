"""`python -m mutation`: change the numeric core in small ways, and count which changes the tests notice."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from itertools import repeat, zip_longest
from pathlib import Path

from mutation.changes import Change, find, sample
from mutation.rooms import HEAVY, ROOMS, Room
from mutation.trials import Laboratory, prepare

SOURCE = Path(__file__).parents[1]
VERDICTS = ("killed", "timed out", "survived")


def wanted(room: Room, given: argparse.Namespace) -> Iterable[Change]:
    """Return, one by one, the changes of a room that are to be tried."""
    modules = [f"semspace/{name}.py" for name in room.modules if (name in HEAVY) == given.heavy]
    if not given.again:
        return sample(SOURCE, modules, given.sample, random.Random(f"{given.seed} {room.name}"))
    rows = [json.loads(line) for line in given.again.read_text().splitlines()]
    earlier = [Change(**row["change"]) for row in rows if row["verdict"] == "survived" and row["room"] == room.name]
    found = [(one, find(SOURCE, one)) for one in earlier]
    for one, now in found:
        if now is None:
            print(f"{one.module}: {one.before!r} isn't there any more")
    return [now for _, now in found if now is not None]


def tests_of(room: Room, change: Change) -> tuple[str, ...]:
    """Return the test files that ought to notice a change."""
    return room.modules[change.module.removeprefix("semspace/").removesuffix(".py")]


def main(arguments: list[str] | None = None) -> int:
    """Try the changes, write each verdict at once, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("--sample", type=int, default=4, help="changes of each room")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="the names of rooms, separated by commas")
    parser.add_argument(
        "--heavy", action="store_true", help="modules whose kernels take long to be compiled, and no others"
    )
    parser.add_argument("--again", type=Path, help="verdicts of an earlier run, whose survivors are tried again")
    parser.add_argument("--verdicts", type=Path, help="a file of JSON lines; what it has already isn't tried again")
    parser.add_argument("--folder", type=Path, help="a folder for the copy, which is kept")
    given = parser.parse_args(arguments)
    rooms = [room for room in ROOMS if not given.only or room.name in given.only.split(",")]
    if not rooms:
        parser.error(f"no room is called {given.only!r}; there are {', '.join(room.name for room in ROOMS)}")
    prepare()
    with tempfile.TemporaryDirectory(prefix="mutation-") as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        laboratory = Laboratory(SOURCE, folder.resolve())
        laboratory.copy()
        verdicts = given.verdicts or folder / "verdicts.jsonl"
        done = [json.loads(line) for line in verdicts.read_text().splitlines()] if verdicts.exists() else []
        known = {(row["room"], Change(**row["change"])): row["verdict"] for row in done}
        counts = {room.name: Counter[str]() for room in rooms}
        turns = zip_longest(*(zip(repeat(room), wanted(room, given)) for room in rooms))
        for room, change in (pair for turn in turns for pair in turn if pair):  # each room in its turn
            verdict = known.get((room.name, change))
            if verdict is None:
                start = time.monotonic()
                verdict, noticed = laboratory.verdict(change, tests_of(room, change))
                row = {"room": room.name, "verdict": verdict, "noticed": noticed, "change": asdict(change)}
                with open(verdicts, "a", encoding="utf-8") as file:
                    file.write(json.dumps({**row, "seconds": round(time.monotonic() - start, 1)}) + "\n")
            counts[room.name][verdict] += 1
            if verdict == "survived":
                print(f"{change.module}:{change.line}\n  - {change.before}\n  + {change.after}", flush=True)
        print(f"{'room':<12} {'changes':>8} {'killed':>8} {'timed out':>10} {'survived':>9}")
        for name, count in counts.items():
            shown = " ".join(f"{count[one]:>{width}}" for one, width in zip(VERDICTS, (8, 10, 9), strict=True))
            print(f"{name:<12} {count.total():>8} {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
