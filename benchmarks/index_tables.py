"""What is known of each index that was measured, and the tables that say it."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contenders import Contender, Semspace
from benchmarks.measuring import table
from benchmarks.vectors import Vectors

REFERENCE = "hnswlib"


@dataclass(frozen=True)
class Goal:
    """How many neighbours are asked for, and the share of the true ones that has to be among them."""

    k: int
    recall: float

    def __str__(self) -> str:
        return f"recall@{self.k} of {self.recall:g}"


@dataclass(frozen=True)
class Setting:
    """Search parameters, and the recall they reach."""

    ef: int
    level: Any
    recall: float
    reached: bool = True


@dataclass
class Measured:
    """All there is to say of one contender on one set of vectors."""

    contender: Contender
    path: Path
    note: dict[str, Any]  # of its building
    reused: bool = False
    settings: dict[Goal, Setting] = field(default_factory=dict)
    speeds: dict[tuple[Goal, int], float] = field(default_factory=dict)  # queries a second, by threads
    memory: dict[str, dict[str, float]] = field(default_factory=dict)  # by the way of opening

    def in_words(self, goal: Goal) -> str:
        setting = self.settings[goal]
        words = f"{setting.recall:.4f}, {self.contender.parameters_in_words(setting.ef, setting.level)}"
        return words if setting.reached else f"not reached: {words}"


def compared_with(every: dict[str, Measured]) -> Measured:
    """Return hnswlib's, or where none of its indexes is kept, those of the first of the others."""
    peers = [one for name, one in every.items() if name != Semspace.name]
    return every.get(REFERENCE) or [*peers, *every.values()][0]


def report(vectors: Vectors, every: dict[str, Measured], goals: Sequence[Goal], threads: int) -> None:
    print(f"\n### {vectors.name}: {len(vectors.base):,} vectors of {vectors.base.shape[1]} dimensions")
    for k in dict.fromkeys(goal.k for goal in goals):
        print(f"\nThe {k} nearest; queries a second (ratio to {compared_with(every).contender.name}'s):\n")
        print(speed_table(every, [goal for goal in goals if goal.k == k], threads))
    if Semspace.name in every and len(every) > 1:
        print("\nsemspace to the quickest of the others:\n")
        print(best_table(every, goals, threads))
    print(f"\nBuilt, saved, opened from the disk and asked {len(vectors.held_out):,} queries:\n")
    print(cost_table(every))
    if any(one.reused for one in every.values()):
        print(
            "\n(earlier): built by an earlier run, perhaps beside other work: CPU seconds can be compared, others not."
        )
    sys.stdout.flush()


def speed_table(every: dict[str, Measured], goals: Sequence[Goal], threads: int) -> str:
    headers, counts = ["index"], sorted({1, threads})
    for goal in goals:
        headers += [f"recall, {goal.recall:g} asked for"]
        headers += [f"{goal.recall:g}: q/s, {'one thread' if count == 1 else f'{count} threads'}" for count in counts]
    reference, rows = compared_with(every), []
    for one in every.values():
        row = [one.contender.name]
        for goal in goals:
            row += [one.in_words(goal)]
            row += [ratio(one.speeds.get((goal, count)), reference.speeds.get((goal, count))) for count in counts]
        rows.append(row)
    return table(headers, rows)


def best_table(every: dict[str, Measured], goals: Sequence[Goal], threads: int) -> str:
    counts, rows = sorted({1, threads}), []
    for goal in goals:
        row = [str(goal)]
        for count in counts:
            known = {name: speed for name, one in every.items() if (speed := one.speeds.get((goal, count)))}
            ours = known.pop(Semspace.name, math.nan)
            best = max(known, key=lambda name: known[name], default="")
            row += ["–" if not best else f"{ours:,.0f} to {best}'s {known[best]:,.0f}: **{ours / known[best]:.2f}×**"]
        rows.append(row)
    return table(["goal", *("one thread" if count == 1 else f"{count} threads" for count in counts)], rows)


def cost_table(every: dict[str, Measured]) -> str:
    reference = compared_with(every)
    name = reference.contender.name
    headers = ["index", "build, s", f"CPU s (times as fast as {name})"]
    headers += [f"MB grown (share of {name}'s)", "of that its own", "pages of the file"]
    headers += ["whole process, MB", "on the disk, MB", "opened in s"]
    return table(headers, [row for one in every.values() for row in costs(one, reference)])


def costs(one: Measured, reference: Measured) -> list[list[str]]:
    whole = sum(next(iter(reference.memory.values()))[part] for part in ("Anon", "File")) or math.nan
    files = [one.path, *one.path.rglob("*")] if one.path.is_dir() else [one.path]
    disk = sum(path.stat().st_size for path in files if path.is_file()) / 2**20
    note, work = one.note, reference.note["cpu_seconds"]
    building = [f"{note['seconds']:,.1f}, threads: {note['threads']}" + (" (earlier)" if one.reused else "")]
    building += [f"{note['cpu_seconds']:,.1f} ({work / note['cpu_seconds']:.2f}×)"]
    rows = []
    for how, took in one.memory.items():
        grown = took["Anon"] + took["File"]
        cells = [f"{one.contender.name}, {how}", *building, f"{grown:,.0f} ({grown / whole:.2f})"]
        cells += [f"{took[part]:,.0f}" for part in ("Anon", "File", "process")]
        rows.append([*cells, f"{disk:,.0f}", f"{took['seconds']:.3f}"])
    return rows


def ratio(speed: float | None, other: float | None) -> str:
    if speed is None:
        return "–"
    return f"{speed:,.0f}" + (f" (**{speed / other:.2f}×**)" if other else "")
