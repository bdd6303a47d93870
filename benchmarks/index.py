"""Claim: an index searched faster than hnswlib, faiss and usearch search at the same recall, in less memory.

Vectors: MiniLM's of Wikipedia's sentences, and GloVe's of words. Every peer builds with M=16 and ef_construction=200;
then, for a recall@10 of 0.95 and of 0.99, the least search parameter that reaches it is looked for, and the speeds at
these parameters are measured in turn. Memory is what a fresh process grows by when it opens the saved index and asks
it; a tiny index built and asked before that has loaded all code. Last, half of our index is deleted and replaced.

Options: ``--sizes 100k,1M``, ``--data sentences,words``, ``--quick``, ``--rounds``, ``--builds``, ``--threads``,
``--churn`` (the largest size at which points are replaced), ``--without "usearch i8,usearch bf16"``, ``--peers-only``,
and ``--reuse``, which keeps what the peers built and takes it, with the seconds of then, the next time.
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache as remembered
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.contenders import ALL, BY_NAME, PACKAGES, Contender, Semspace
from benchmarks.measuring import alternate, machine, median, table
from benchmarks.vectors import KINDS, NEAREST, Vectors, cache, nearest, number, numbers, recall, say

TARGETS = (0.95, 0.99)
MOST = 5_120  # no larger search parameter is tried
PASSES = 3  # over the queries, in a run whose time is taken
BATCH = 1_000  # points deleted or added at once
REFERENCE = "hnswlib"


@dataclass(frozen=True)
class Setting:
    """Search parameters, and the recall they reach."""

    ef: int
    level: Any
    recall: float
    reached: bool = True

    def __str__(self) -> str:
        return f"{self.recall:.4f}, ef {self.ef}" + ("" if self.level is None else f", k_factor {self.level:g}")


@dataclass
class Measured:
    """All there is to say of one contender on one set of vectors."""

    contender: Contender
    seconds: float
    path: Path
    settings: dict[float, Setting]
    speeds: dict[tuple[float, int], float]  # queries a second, by target and threads
    memory: dict[str, dict[str, float]]  # by the way of opening


def main(words: Sequence[str] = ()) -> None:
    options = read_options(words)
    print(f"\n## Indexes\n\n{machine(*PACKAGES)}; medians of {options.rounds} rounds\n", flush=True)
    for kind in options.data.split(","):
        for size in options.sizes:
            measure(KINDS[kind](size), options)


def read_options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks index")
    parser.add_argument("--sizes", type=numbers, default=numbers("100k,1M"))
    parser.add_argument("--data", default="sentences,words", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--builds", type=int, default=1, help="times that each index is built, in turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--churn", type=number, default=number("100k"))
    parser.add_argument("--peers-only", action="store_true")
    parser.add_argument("--without", default="", help=f"names with commas between; {REFERENCE} always takes part")
    parser.add_argument("--reuse", action="store_true")
    parser.add_argument("--quick", action="store_true", help="20k vectors, two rounds")
    options = parser.parse_args(list(words))
    if options.quick:
        options.sizes, options.rounds = [20_000], 2
    return options


def measure(vectors: Vectors, options: argparse.Namespace) -> None:
    truth = vectors.truth()
    kinds = taking_part(options)
    with place(vectors, options.reuse) as folder:
        every = {one.contender.name: one for one in built(kinds, vectors, folder, options)}
        for one in every.values():
            for target in TARGETS:
                one.settings[target] = least(one.contender, vectors.queries, truth, target, options.threads)
                say(f"{vectors.name}: {one.contender.name} at {target}: {one.settings[target]}")
        race(every, vectors, options)
        np.save(folder / "asked.npy", vectors.held_out)
        for one in every.values():
            one.memory = {how: opened(one, how, folder / "asked.npy") for how in one.contender.opened}
        report(vectors, every, options)
        ours = every.get(Semspace.name)
        if ours is not None:
            promise(ours, vectors, truth)
            if len(vectors.base) <= options.churn:
                churn(vectors, ours.settings[TARGETS[0]].ef, options.threads)


def taking_part(options: argparse.Namespace) -> list[type[Contender]]:
    out = set(options.without.split(",")) - {"", REFERENCE} | ({Semspace.name} if options.peers_only else set())
    if unknown := out - BY_NAME.keys():
        raise SystemExit(f"no index {min(unknown)!r}; there are {', '.join(BY_NAME)}")
    return [kind for kind in ALL if kind.name not in out]


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
    """Build and save every index, or take the peers' of the last time."""
    found = {kind: saved(kind, folder, vectors) for kind in kinds if kind is not Semspace}
    contenders = {kind.name: kind() for kind in kinds if found.get(kind) is None}
    warmed(contenders.values())
    builds = {name: told(name, vectors, one, options.threads) for name, one in contenders.items()}
    seconds, _ = alternate(builds, options.builds)
    for name, one in contenders.items():
        found[type(one)] = kept(one, median(seconds[name]), folder)
    return [found[kind] for kind in kinds]


def told(name: str, vectors: Vectors, one: Contender, threads: int) -> Callable[[], None]:
    def run() -> None:
        say(f"{vectors.name}, {len(vectors.base):,}: {name} is being built")
        one.build(vectors.base, threads)

    return run


def warmed(contenders: Any) -> None:
    """Build and ask a tiny index with each, so that nothing is loaded or compiled when it counts."""
    for one in contenders:
        tiny = type(one)()
        tiny.build(small(8), 2)
        tiny.search(small(8)[:20], NEAREST, 20, one.levels[0], 2)


def small(dim: int) -> np.ndarray:
    some = np.random.default_rng(2).standard_normal((2_000, dim), np.float32)
    some /= np.linalg.norm(some, axis=1, keepdims=True)
    some.setflags(write=False)
    return some


def kept(one: Contender, seconds: float, folder: Path) -> Measured:
    path = folder / one.name.replace(" ", "-")
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    one.save(path)
    path.with_suffix(".json").write_text(json.dumps({"seconds": seconds, "version": version(one.package)}))
    return Measured(one, seconds, path, {}, {}, {})


def saved(kind: type[Contender], folder: Path, vectors: Vectors) -> Measured | None:
    path = folder / kind.name.replace(" ", "-")
    note = path.with_suffix(".json")
    known = json.loads(note.read_text()) if note.exists() else {}
    if known.get("version") != version(kind.package):
        return None
    one = kind()
    one.open(path, vectors.base.shape[1], "loaded")
    return Measured(one, known["seconds"], path, {}, {}, {})


# -- searching ----------------------------------------------------------------------------------------------------


def least(one: Contender, queries: np.ndarray, truth: np.ndarray, target: float, threads: int) -> Setting:
    """Find the least parameters that reach the target; of a second parameter the value that is quickest with it."""
    tried = [_least(one, queries, truth, target, level, threads) for level in one.levels]
    reached = [setting for setting in tried if setting.reached]
    if not reached:
        return max(tried, key=lambda setting: setting.recall)
    if len(reached) == 1:
        return reached[0]
    seconds, _ = alternate({str(i): asking(one, queries, reached[i], 1) for i in range(len(reached))}, 3)
    return min(zip(reached, seconds.values(), strict=True), key=lambda pair: median(pair[1]))[0]


def _least(one: Contender, queries: np.ndarray, truth: np.ndarray, target: float, level: Any, threads: int) -> Setting:
    @remembered
    def at(ef: int) -> float:
        return recall(one.numbers(one.search(queries, NEAREST, ef, level, threads)), truth)

    ef = smallest(at, target)
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


def asking(one: Contender, queries: np.ndarray, setting: Setting, threads: int, passes: int = 1) -> Callable[[], Any]:
    def run() -> Any:
        for _ in range(passes):
            found = one.search(queries, NEAREST, setting.ef, setting.level, threads)
        return found

    return run


def race(every: dict[str, Measured], vectors: Vectors, options: argparse.Namespace) -> None:
    """Measure the speeds of all contenders in turn: at each target with one thread, and at the first with more."""
    for target, threads in ((TARGETS[0], 1), (TARGETS[1], 1), (TARGETS[0], options.threads)):
        say(f"{vectors.name}: asking in turn at {target} with threads: {threads}")
        runs = {
            name: asking(one.contender, vectors.queries, one.settings[target], threads, PASSES)
            for name, one in every.items()
            if one.settings[target].reached
        }
        alternate(runs, 1)
        seconds, _ = alternate(runs, options.rounds)
        for name, times in seconds.items():
            every[name].speeds[target, threads] = PASSES * len(vectors.queries) / median(times)


# -- memory, in a process of its own ------------------------------------------------------------------------------


def opened(one: Measured, how: str, asked: Path) -> dict[str, float]:
    """Open the saved index in a fresh process and ask it at the first target's parameters."""
    say(f"{one.contender.name}: opened by a fresh process, {how}")
    setting = one.settings[TARGETS[0]]
    what = {"name": one.contender.name, "path": str(one.path), "asked": str(asked), "how": how}
    what |= {"ef": setting.ef, "level": setting.level}
    command = [sys.executable, "-m", "benchmarks.index", json.dumps(what)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def child(name: str, path: str, asked: str, how: str, ef: int, level: Any) -> None:
    """Print by how many megabytes this process grew, and how long opening took."""
    queries = np.load(asked)
    one = BY_NAME[name]()
    warmed([one])
    rehearsed(one, queries.shape[1], how)
    before = resident()
    begun = perf_counter()
    one.open(Path(path), queries.shape[1], how)
    seconds = perf_counter() - begun
    one.search(queries, NEAREST, ef, level, 1)
    after = resident()
    grown = {part: after[part] - before[part] for part in after}
    print(json.dumps({**grown, "process": sum(after.values()), "seconds": seconds}))


def rehearsed(one: Contender, dim: int, how: str) -> None:
    """Save, open and ask a small index of the same dimension: opening loads and compiles, too."""
    small_one = type(one)()
    small_one.build(small(dim), 1)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "small"
        small_one.save(path)
        small_one.open(path, dim, how)
        small_one.search(small(dim)[:20], NEAREST, 20, one.levels[0], 1)


def resident() -> dict[str, float]:
    """Return the resident megabytes of this process: its own, and those that are pages of files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Rss")}
    return {name: int(kilobytes[f"Rss{name}"]) / 1024 for name in ("Anon", "File")}


# -- replacing half of the points ---------------------------------------------------------------------------------


def churn(vectors: Vectors, ef: int, threads: int) -> None:
    """Delete a random half, add as many, and compare with an index built from what is there then."""
    size, many = len(vectors.base), min(len(vectors.base) // 2, len(vectors.later))
    if not many:
        say(f"{vectors.name}: no vectors are left to be added, so none are replaced")
        return
    gone = np.random.default_rng(3).permutation(size)[:many]
    live = np.concatenate([np.setdiff1d(np.arange(size), gone), np.arange(size, size + many)])
    points = np.concatenate([vectors.base, vectors.later[:many]])[live]
    truth = live[nearest(points, vectors.queries)]
    old = Semspace()
    old.build(vectors.base, threads)
    rows = [churned("as built, before", old, vectors.queries, nearest(vectors.base, vectors.queries), ef, 0.0)]
    seconds = replaced(old, vectors, gone)
    what = f"{many:,} deleted and {many:,} added, in batches of {BATCH:,}"
    rows.append(churned(what, old, vectors.queries, truth, ef, seconds))
    begun = perf_counter()
    old.compact()
    rows.append(churned("then compacted", old, vectors.queries, truth, ef, perf_counter() - begun))
    new = Semspace()
    begun = perf_counter()
    new.build(np.ascontiguousarray(points), threads)
    seconds = perf_counter() - begun
    again = np.searchsorted(live, truth)
    rows.append(churned("built from the same points", new, vectors.queries, again, ef, seconds))
    print(f"\n### {vectors.name}, {size:,}: half of semspace's points replaced, ef {ef}\n")
    print(table(["index", "recall@10", "q/s, one thread", "seconds it took"], rows), flush=True)


def replaced(one: Semspace, vectors: Vectors, gone: np.ndarray) -> float:
    begun = perf_counter()
    for start in range(0, len(gone), BATCH):
        say(f"{vectors.name}: {start:,} of {len(gone):,} points replaced")
        batch = gone[start : start + BATCH]
        one.delete(batch)
        first = len(vectors.base) + start
        one.add(np.arange(first, first + len(batch)), vectors.later[start : start + len(batch)])
    return perf_counter() - begun


def churned(what: str, one: Semspace, queries: np.ndarray, truth: np.ndarray, ef: int, seconds: float) -> list[str]:
    asked = asking(one, queries, Setting(ef, None, 0.0), 1)
    times, found = alternate({"": asked}, 3)
    reached = recall(one.numbers(found[""]), truth)
    speed = len(queries) / median(times[""])
    return [what, f"{reached:.4f}", f"{speed:,.0f}", f"{seconds:,.1f}" if seconds else ""]


# -- tables -------------------------------------------------------------------------------------------------------


def report(vectors: Vectors, every: dict[str, Measured], options: argparse.Namespace) -> None:
    print(f"\n### {vectors.name}: {len(vectors.base):,} vectors of {vectors.base.shape[1]} dimensions\n")
    headers = ["index", f"build s, {options.threads} threads (times as fast as {REFERENCE})"]
    for target in TARGETS:
        headers += [f"recall@10, {target} asked for", f"q/s, one thread (ratio to {REFERENCE})"]
    headers.append(f"q/s, {options.threads} threads, {TARGETS[0]} (to one thread)")
    print(table(headers, [searched(one, every[REFERENCE], options.threads) for one in every.values()]))
    headers = ["index", f"MB grown (share of {REFERENCE}'s)", "of that its own", "pages of the file"]
    headers += ["whole process, MB", "on the disk, MB", "opened in s"]
    print(f"\nOpened from the disk and asked {len(vectors.held_out):,} queries:\n")
    print(table(headers, [row for one in every.values() for row in remembers(one, every[REFERENCE])]))
    if options.reuse:
        print("\nPeers' indexes may be those of an earlier run, with the seconds of then.")
    sys.stdout.flush()


def searched(one: Measured, reference: Measured, threads: int) -> list[str]:
    cells = [one.contender.name, f"{one.seconds:,.1f} ({reference.seconds / one.seconds:.2f}×)"]
    for target in TARGETS:
        setting = one.settings[target]
        cells += [str(setting) if setting.reached else f"not reached: {setting}"]
        cells += [ratio(one.speeds.get((target, 1)), reference.speeds.get((target, 1)))]
    return [*cells, ratio(one.speeds.get((TARGETS[0], threads)), one.speeds.get((TARGETS[0], 1)))]


def ratio(speed: float | None, other: float | None) -> str:
    if speed is None:
        return "–"
    return f"{speed:,.0f}" + (f" (**{speed / other:.2f}×**)" if other else "")


def remembers(one: Measured, reference: Measured) -> list[list[str]]:
    whole = sum(reference.memory["loaded"][part] for part in ("Anon", "File")) or math.nan
    files = [one.path, *one.path.rglob("*")] if one.path.is_dir() else [one.path]
    disk = sum(path.stat().st_size for path in files if path.is_file()) / 2**20
    rows = []
    for how, took in one.memory.items():
        grown = took["Anon"] + took["File"]
        cells = [f"{one.contender.name}, {how}", f"{grown:,.0f} ({grown / whole:.2f})"]
        cells += [f"{took[part]:,.0f}" for part in ("Anon", "File", "process")]
        rows.append([*cells, f"{disk:,.0f}", f"{took['seconds']:.3f}"])
    return rows


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


if __name__ == "__main__":
    child(**json.loads(sys.argv[1]))
