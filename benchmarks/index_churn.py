"""What becomes of our index when half of its points are replaced, and when it grows on disk."""

import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from benchmarks.contenders.ours import Semspace
from benchmarks.measuring import alternate, median, table
from benchmarks.vectors import NEAREST, Vectors, cache, nearest, recall, say

BATCH = 1_000  # points deleted or added at once


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
    with tempfile.TemporaryDirectory(dir=cache()) as folder:
        grow(vectors, ef, threads, Path(folder) / "grown")


def grow(vectors: Vectors, ef: int, threads: int, place: Path) -> None:
    """Add a fifth to an index on disk, each batch safe in its journal, and open it with that journal."""
    size = len(vectors.base)
    half = min(size // 10, len(vectors.later) // 2)
    points = np.concatenate([vectors.base, vectors.later[: 2 * half]])
    truth = nearest(points, vectors.queries)
    one = Semspace()
    one.build(vectors.base, threads)
    one.save(place)
    rows = []
    for batch, stop in ((100, size + half), (BATCH, size + 2 * half)):
        one.open_to_change(place)
        begun, spent = perf_counter(), process_time()
        for first in range(stop - half, stop, batch):
            numbers = np.arange(first, min(first + batch, stop))
            one.add(numbers, points[numbers])
        one.search(vectors.queries[:1], NEAREST, ef)  # what is left comes into the graph
        seconds, cpu = perf_counter() - begun, process_time() - spent
        one.close()
        begun = perf_counter()
        one.open(place, vectors.base.shape[1], "mapped")
        one.search(vectors.queries[:1], NEAREST, ef)
        opened = perf_counter() - begun
        speeds = f"{half / seconds:,.0f}", f"{half / cpu:,.0f}"
        rows.append([f"{batch:,}", *speeds, f"{stop - size:,}", f"{opened:.2f}"])
    reached = recall(one.numbers(one.search(vectors.queries, NEAREST, ef)), truth)
    print(f"\n### {vectors.name}, {size:,}: points added with the journal on; recall@10 then {reached:.4f}, ef {ef}\n")
    head = ["batch", "points/s", "points a CPU second", "points in the journal", "s to open it and answer"]
    print(table(head, rows), flush=True)


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
    times, found = alternate({"": lambda: one.search(queries, NEAREST, ef)}, 3)
    reached = recall(one.numbers(found[""]), truth)
    speed = len(queries) / median(times[""])
    return [what, f"{reached:.4f}", f"{speed:,.0f}", f"{seconds:,.1f}" if seconds else ""]
