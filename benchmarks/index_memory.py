"""What a saved index takes in memory, and how long opening it takes: measured in a process of its own."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.contenders import BY_NAME, Contender
from benchmarks.index_tables import Goal, Measured
from benchmarks.vectors import NEAREST, say


def opened(one: Measured, goal: Goal, how: str, asked: Path) -> dict[str, float]:
    """Open the saved index in a fresh process and ask it with the parameters that reach a goal."""
    say(f"{one.contender.name}: opened by a fresh process, {how}")
    setting = one.settings[goal]
    what = {"name": one.contender.name, "path": str(one.path), "asked": str(asked), "how": how}
    what |= {"k": goal.k, "ef": setting.ef, "level": setting.level}
    command = [sys.executable, "-m", "benchmarks.index_memory", json.dumps(what)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def child(name: str, path: str, asked: str, how: str, k: int, ef: int, level: Any) -> None:
    """Print by how many megabytes this process grew, and how long opening took."""
    queries = np.load(asked)
    one = BY_NAME[name]()
    warmed([one])
    rehearsed(one, queries.shape[1], how)
    before = resident()
    begun = perf_counter()
    one.open(Path(path), queries.shape[1], how)
    seconds = perf_counter() - begun
    one.search(queries, k, ef, level, 1)
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


def warmed(contenders: Iterable[Contender]) -> None:
    """Build and ask a tiny index with each, so that nothing is loaded or compiled when it counts."""
    for one in contenders:
        tiny = type(one)()
        tiny.build(small(64), 2)
        tiny.search(small(64)[:20], NEAREST, 20, one.levels[0], 2)


def small(dim: int) -> np.ndarray:
    some = np.random.default_rng(2).standard_normal((2_000, dim), np.float32)
    some /= np.linalg.norm(some, axis=1, keepdims=True)
    some.setflags(write=False)
    return some


if __name__ == "__main__":
    child(**json.loads(sys.argv[1]))
