"""Claim: an index searched faster than the fastest others search at the same recall, in less memory than hnswlib's.

Vectors: MiniLM's of Wikipedia's sentences, and GloVe's of words. Peers build with 32 links in the lowest layer and 200
candidates, or what their authors recommend; then, for each number of neighbours and recall asked for, the least search
parameter that reaches it is looked for, and the speeds at these parameters are measured in turn. Memory is what a fresh
process grows by when it opens the saved index and asks it; a tiny index built and asked before that has loaded all
code. Last, half of our index is deleted and replaced.

Options: ``--peers all`` (or names with commas between), ``--without``, ``--peers-only``, ``--sizes 100k,1M``,
``--data sentences,words``, ``--k 10,100``, ``--targets .9,.95,.99``, ``--threads``, ``--rounds``, ``--builds``,
``--churn`` (the largest size at which points are replaced), ``--quick``; ``--reuse``, which keeps what the peers built
and takes it, with the seconds of then, the next time; ``--kept-only``, which leaves out peers that would have to be
built; ``--build-only``, which builds and keeps, one after the other, and measures nothing.
"""

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache as remembered
from importlib.metadata import version
from math import ceil
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from benchmarks.contenders import ALL, BY_NAME, Contender, Semspace, missing, packages
from benchmarks.index_churn import churn
from benchmarks.index_memory import opened, warmed
from benchmarks.index_tables import REFERENCE, Goal, Measured, Setting, report
from benchmarks.measuring import alternate, machine, median, table
from benchmarks.vectors import KINDS, NEAREST, Vectors, cache, number, numbers, recall, say

MOST = 5_120  # no larger search parameter is tried
PASSES, SECONDS = 3, 0.2  # at most as many passes over the queries, or as many seconds, in a run whose time is taken


def main(words: Sequence[str] = ()) -> None:
    options = read_options(words)
    kinds = taking_part(options)
    print(f"\n## Indexes\n\n{machine(*packages(kinds))}; medians of {options.rounds} rounds", flush=True)
    for why in options.left_out:
        print(f"\nLeft out: {why}.", flush=True)
    for data in options.data.split(","):
        for size in options.sizes:
            measure(KINDS[data](size), kinds, options)


def read_options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks index")
    parser.add_argument(
        "--peers", default="all", help=f"all, or of {', '.join(BY_NAME)}; {REFERENCE} always takes part"
    )
    parser.add_argument("--without", default="", help="names with commas between")
    parser.add_argument("--peers-only", action="store_true", help="without semspace")
    parser.add_argument("--sizes", type=numbers, default=numbers("100k,1M"))
    parser.add_argument("--data", default="sentences,words", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--k", type=numbers, default=[NEAREST])
    parser.add_argument(
        "--targets", type=lambda text: [float(part) for part in text.split(",")], default=[0.9, 0.95, 0.99]
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--builds", type=int, default=1, help="times that each index is built, in turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--churn", type=number, default=number("100k"))
    parser.add_argument("--reuse", action="store_true")
    parser.add_argument("--kept-only", action="store_true")
    parser.add_argument("--build-only", action="store_true")
    parser.add_argument("--quick", action="store_true", help="20k vectors, two rounds")
    options = parser.parse_args(list(words))
    if options.quick:
        options.sizes, options.rounds = [20_000], 2
    options.reuse = options.reuse or options.kept_only or options.build_only
    options.goals = [Goal(k, target) for k in options.k for target in options.targets]
    return options


def taking_part(options: argparse.Namespace) -> list[type[Contender]]:
    """Return the contenders asked for that are installed; the others are noted in the options, with the reason."""
    asked = set(BY_NAME) if options.peers == "all" else {*options.peers.split(","), Semspace.name}
    out = set(options.without.split(",")) - {""} | ({Semspace.name} if options.peers_only else set())
    if unknown := (asked | out) - BY_NAME.keys():
        raise SystemExit(f"no index {min(unknown)!r}; there are {', '.join(BY_NAME)}")
    wanted = asked - out | (set() if options.build_only else {REFERENCE})
    reasons = {kind: missing(kind) for kind in ALL if kind.name in wanted}
    options.left_out = [f"{kind.name}, since {why}" for kind, why in reasons.items() if why]
    kinds = [kind for kind, why in reasons.items() if not why]
    return kinds


def measure(vectors: Vectors, kinds: Sequence[type[Contender]], options: argparse.Namespace) -> None:
    with place(vectors, options.reuse) as folder:
        if options.build_only:
            build_only(kinds, vectors, folder, options)
            return
        every = {one.contender.name: one for one in built(kinds, vectors, folder, options)}
        truth = vectors.truth(max(options.k))
        for one in every.values():
            look_for_settings(one, vectors, truth, options)
        race(every, vectors, options)
        np.save(folder / "asked.npy", vectors.held_out)
        usual = min(options.goals, key=lambda goal: (goal.k, abs(goal.recall - 0.95)))
        for one in every.values():
            one.memory = {how: opened(one, usual, how, folder / "asked.npy") for how in one.contender.opened}
        report(vectors, every, options.goals, options.threads)
        if Semspace.name in every:
            singly(every, vectors.queries, usual, options.rounds)
            promise(every[Semspace.name], vectors, truth[:, :NEAREST])
            if len(vectors.base) <= options.churn:
                churn(vectors, every[Semspace.name].settings[usual].ef, options.threads)


@contextmanager
def place(vectors: Vectors, keep: bool) -> Iterator[Path]:
    """Return a folder for saved indexes: one that stays, or one that goes."""
    if keep:
        folder = cache() / f"indexes-{vectors.key}"
        folder.mkdir(exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(dir=cache()) as scratch:
        yield Path(scratch)


# -- building -----------------------------------------------------------------------------------------------------


def built(
    kinds: Sequence[type[Contender]], vectors: Vectors, folder: Path, options: argparse.Namespace
) -> list[Measured]:
    """Build and save every index, or take the peers' of the last time; say which can't be had."""
    found = {kind: saved(kind, folder, vectors) for kind in kinds if kind is not Semspace}
    contenders = {kind.name: kind() for kind in kinds if found.get(kind) is None}
    if options.kept_only:
        for name in contenders.keys() - {Semspace.name}:
            leave_out(name, f"no index of {len(vectors.base):,} vectors is kept", contenders)
    warmed(contenders.values())
    builds = {name: told(name, vectors, one, options.threads) for name, one in contenders.items()}
    seconds, works = alternate(builds, options.builds)
    for name, work in works.items():
        if isinstance(work, str):
            leave_out(name, work, contenders)
    for name, one in contenders.items():
        found[type(one)] = kept(one, median(seconds[name]), works[name], options.threads, folder)
    return [one for kind in kinds if (one := found.get(kind)) is not None]


def leave_out(name: str, why: str, contenders: dict[str, Contender]) -> None:
    print(f"\nLeft out: {name}, since {why}.", flush=True)
    del contenders[name]


def build_only(kinds: Sequence[type[Contender]], vectors: Vectors, folder: Path, options: argparse.Namespace) -> None:
    """Build and keep what isn't kept yet, one after the other, so that one at a time is in memory."""
    for kind in kinds:
        note = note_of(kind, folder)
        if not (kind is Semspace or (note.exists() and known(kind, folder))):
            built([kind], vectors, folder, options)
            say(f"{vectors.name}, {len(vectors.base):,}: {kind.name} is kept: {note.read_text()}")


def told(name: str, vectors: Vectors, one: Contender, threads: int) -> Callable[[], float | str]:
    """Return what builds an index and gives CPU seconds, or what a peer says that can't build it."""

    def run() -> float | str:
        say(f"{vectors.name}, {len(vectors.base):,}: {name} is being built")
        begun = process_time()
        try:
            one.build(vectors.base, threads)
        except (ValueError, RuntimeError) as error:
            if isinstance(one, Semspace):
                raise
            return f"{one.package} says {str(error)!r}"
        return process_time() - begun

    return run


def kept(one: Contender, seconds: float, work: float, threads: int, folder: Path) -> Measured:
    path = path_of(type(one), folder)
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    one.save(path)
    note = {"version": version(one.package), "seconds": seconds, "cpu_seconds": work, "threads": threads}
    note["load"] = os.getloadavg()[1]
    note_of(type(one), folder).write_text(json.dumps(note))
    return Measured(one, path, note)


def saved(kind: type[Contender], folder: Path, vectors: Vectors) -> Measured | None:
    note = known(kind, folder)
    if note is None:
        return None
    one = kind()
    one.open(path_of(kind, folder), vectors.base.shape[1], "loaded")
    return Measured(one, path_of(kind, folder), note, reused=True)


def known(kind: type[Contender], folder: Path) -> dict[str, Any] | None:
    """Return what was noted when an index was kept, unless another version of the library built it."""
    path = note_of(kind, folder)
    note = json.loads(path.read_text()) if path.exists() else {}
    return note if note.get("version") == version(kind.package) else None


def path_of(kind: type[Contender], folder: Path) -> Path:
    return folder / kind.name.replace(" ", "-")


def note_of(kind: type[Contender], folder: Path) -> Path:
    return folder / f"{kind.name.replace(' ', '-')}.json"


# -- searching ----------------------------------------------------------------------------------------------------


def look_for_settings(one: Measured, vectors: Vectors, truth: np.ndarray, options: argparse.Namespace) -> None:
    """Find the least parameters for every goal; those of a kept index are noted beside it, and taken from there."""
    noted = {Goal(*words["goal"]): Setting(**words["setting"]) for words in one.note.get("settings", [])}
    for goal in options.goals:
        found = noted.get(goal) or least(one.contender, vectors.queries, truth[:, : goal.k], goal, options.threads)
        one.settings[goal] = noted[goal] = found
        say(f"{len(vectors.base):,}: {one.contender.name}, {goal}: {one.in_words(goal)}")
    if options.reuse and not isinstance(one.contender, Semspace):
        one.note["settings"] = [
            {"goal": [goal.k, goal.recall], "setting": vars(setting)} for goal, setting in noted.items()
        ]
        note_of(type(one.contender), one.path.parent).write_text(json.dumps(one.note))


def least(one: Contender, queries: np.ndarray, truth: np.ndarray, goal: Goal, threads: int) -> Setting:
    """Find the least parameters that reach the goal; of a second parameter the value that is quickest with it."""
    tried = [_least(one, queries, truth, goal, level, threads) for level in one.levels]
    reached = [setting for setting in tried if setting.reached]
    if not reached:
        return max(tried, key=lambda setting: setting.recall)
    if len(reached) == 1:
        return reached[0]
    seconds, _ = alternate({str(i): asking(one, queries, goal.k, reached[i], 1) for i in range(len(reached))}, 3)
    return min(zip(reached, seconds.values(), strict=True), key=lambda pair: median(pair[1]))[0]


def _least(one: Contender, queries: np.ndarray, truth: np.ndarray, goal: Goal, level: Any, threads: int) -> Setting:
    @remembered
    def at(ef: int) -> float:
        return recall(one.numbers(one.search(queries, goal.k, ef, level, threads)), truth)

    ef = smallest(at, goal.recall, one.lowest(goal.k))
    return Setting(ef or MOST, level, at(ef or MOST), ef is not None)


def smallest(at: Callable[[int], float], target: float, low: int = NEAREST, most: int = MOST) -> int | None:
    """Find the smallest number at which a growing measure reaches the target: by doubling, then by halving."""
    high = low
    while at(high) < target:
        if high >= most:
            return None
        low, high = high + 1, min(2 * high, most)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if at(middle) >= target else (middle + 1, high)
    return high


def asking(
    one: Contender, queries: np.ndarray, k: int, setting: Setting, threads: int, passes: int = 1
) -> Callable[[], Any]:
    def run() -> Any:
        for _ in range(passes):
            found = one.search(queries, k, setting.ef, setting.level, threads)
        return found

    return run


def race(every: dict[str, Measured], vectors: Vectors, options: argparse.Namespace) -> None:
    """Measure the speeds of all contenders in turn, for every goal, with one thread and with more."""
    for goal in options.goals:
        for threads in sorted({1, options.threads}):
            say(f"{len(vectors.base):,}: asking in turn, {goal}, threads: {threads}")
            for name, speed in speeds(every, vectors.queries, goal, threads, options.rounds).items():
                every[name].speeds[goal, threads] = speed


def speeds(every: dict[str, Measured], queries: np.ndarray, goal: Goal, threads: int, rounds: int) -> dict[str, float]:
    """Return queries a second of all that reach the goal."""
    able = {name: one for name, one in every.items() if one.settings[goal].reached}

    def runs(passes: dict[str, int]) -> dict[str, Callable[[], Any]]:
        return {
            name: asking(one.contender, queries, goal.k, one.settings[goal], threads, passes[name])
            for name, one in able.items()
        }

    seconds, _ = alternate(runs(dict.fromkeys(able, 1)), 1)
    passes = {name: min(PASSES, ceil(SECONDS / times[0])) for name, times in seconds.items()}
    seconds, _ = alternate(runs(passes), rounds)
    return {name: passes[name] * len(queries) / median(times) for name, times in seconds.items()}


def singly(every: dict[str, Measured], queries: np.ndarray, goal: Goal, rounds: int) -> None:
    """Ask all that reach the goal for one query a call, as applications do, with one thread."""
    able = {name: one for name, one in every.items() if one.settings[goal].reached}

    def run(one: Measured) -> Callable[[], Any]:
        setting = one.settings[goal]
        return lambda: [
            one.contender.search(query[None], goal.k, setting.ef, setting.level, 1) for query in queries
        ]  # fmt: skip

    seconds, _ = alternate({name: run(one) for name, one in able.items()}, rounds)
    rows = [[name, f"{len(queries) / median(times):,.0f}"] for name, times in seconds.items()]
    print(f"\n### One query a call, {goal}, one thread\n\n{table(['index', 'q/s'], rows)}", flush=True)


def promise(ours: Measured, vectors: Vectors, truth: np.ndarray) -> None:
    """Compare what our index says of itself with what it does with its own parameters."""
    said, speed = ours.contender.promised()
    seconds, found = alternate({"": lambda: ours.contender.search(vectors.queries, NEAREST, None, None, 1)}, 3)
    true = recall(ours.contender.numbers(found[""]), truth)
    print(
        f"\nsemspace's own report: recall {said:.3f}, {speed:,.0f} queries/s; measured here with its own ef:"
        f" {true:.4f}, {len(vectors.queries) / median(seconds['']):,.0f} queries/s with one thread",
        flush=True,
    )
