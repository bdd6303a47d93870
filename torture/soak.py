"""`python -m torture.soak`: mixed work at full load for an hour; answers are checked, and memory must stay flat.

glibc keeps what threads have freed in up to eight arenas for each core, and gives little of it back, so that a process
with many threads grows for an hour although it holds no more than before. ``make torture`` runs this with
``MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=1048576``, where what is freed is given back, so that a leak would show.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import semspace as ss
from semspace.errors import SemspaceWarning
from torture.texts import corpus_of, texts_of
from torture.writers import encoder

_POINTS = 20_000
_CHANGED = 200  # points added and deleted in a turn
_LONG = 30  # minutes: in less, memory is still being taken for the first time
_LINE = 60  # seconds between two lines of progress
_FLAT = 0.05  # share by which memory may grow after the first quarter


class Soak:
    """An index with some threads at work on it until a moment is reached."""

    def __init__(self, folder: Path, minutes: float) -> None:
        self.folder, self.until = folder, time.monotonic() + 60 * minutes
        self.encoder = encoder()
        self.texts = texts_of(_POINTS)
        self.vectors = self.encoder.encode(self.texts)
        self.vectors += np.random.default_rng(1).normal(size=self.vectors.shape).astype(np.float32) * 0.02
        ids = [f"p{i}" for i in range(_POINTS)]
        self.index = ss.Index.build(ss.Space.from_vectors(ids, self.vectors), "hnsw", progress=False)
        self.counts: dict[str, int] = {}
        self.found = self.asked = 0
        self.problems: list[str] = []

    def run(self) -> list[tuple[float, float]]:
        """Work until it is time; return the megabytes of memory, and those that glibc holds free, every few seconds."""
        works = (self._search, self._search, self._change, self._save, self._cluster, self._compare)
        threads = [threading.Thread(target=self._again, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        memory, shown = [], time.monotonic()
        while any(thread.is_alive() for thread in threads):
            memory.append((_megabytes(), _free()))
            if time.monotonic() > shown + _LINE:
                shown = time.monotonic()
                left = max(0.0, self.until - shown) / 60
                print(f"{memory[-1][0]:,.0f} MB, {memory[-1][1]:,.0f} of them free; {left:.0f} min left", flush=True)
            time.sleep(2)
        return memory

    def _again(self, work: Callable[[int], None]) -> None:
        turn = 0
        while time.monotonic() < self.until and not self.problems:
            try:
                work(turn)
            except BaseException as problem:
                self.problems.append(f"{work.__name__}: {type(problem).__name__}: {problem}")
            self.counts[work.__name__[1:]] = self.counts.get(work.__name__[1:], 0) + 1
            turn += 1

    def _search(self, turn: int) -> None:
        rows = np.random.default_rng([turn, threading.get_ident() % 2**32]).integers(_POINTS, size=50)
        for row in rows:  # points that stay: each finds itself, and nearly all of what comparing with all finds
            found = self.index.search(self.vectors[row], 10)
            assert f"p{row}" in found.ids, f"p{row} doesn't find itself"
        exact = self.index.search(self.vectors[rows[-1]], 10, exact=True)
        again = self.index.search(self.vectors[rows[-1]], 10)
        lowest = exact.scores[-1] - 1e-5
        self.asked += 10
        self.found += int((again.scores >= lowest).sum())

    def _change(self, turn: int) -> None:
        fresh = [f"n{turn}-{i}" for i in range(_CHANGED)]
        vectors = np.random.default_rng(turn).normal(size=(_CHANGED, self.vectors.shape[1])).astype(np.float32)
        self.index.add(fresh, vectors)
        assert self.index.search(vectors[0], 1).ids == (fresh[0],)
        self.index.delete(fresh)
        assert fresh[0] not in self.index
        if turn % 50 == 49:
            self.index.compact()

    def _save(self, turn: int) -> None:
        self.index.save(self.folder / "saved.index", overwrite=True)
        with ss.Index.open(self.folder / "saved.index") as opened:
            assert opened.search(self.vectors[turn % _POINTS], 1).ids[0].startswith(("p", "n"))

    def _cluster(self, turn: int) -> None:
        corpus = corpus_of(1_000, seed=turn % 5)
        groups = ss.cluster(self.encoder.embed(corpus, progress=False), corpus, n_clusters=5)
        assert len(groups) == 5

    def _compare(self, turn: int) -> None:
        spaces = [self.encoder.embed(corpus_of(300, seed=seed), progress=False) for seed in (turn % 5, 9)]
        ss.compare(*spaces, names=("a", "b"), permutations=99, resamples=99)


def _megabytes() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


_MALLINFO = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
)  # fmt: skip


class _MallInfo(ctypes.Structure):
    """What glibc says of its arenas."""

    _fields_ = [(name, ctypes.c_size_t) for name in _MALLINFO]


def _free() -> float:
    """Return how many megabytes glibc holds that nobody uses; 0 with another C library."""
    asked = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if asked is None:
        return 0.0
    asked.restype = _MallInfo
    return float(asked().fordblks) / 2**20


def main(arguments: list[str] | None = None) -> int:
    """Soak, and say what was done and how memory went."""
    parser = argparse.ArgumentParser(prog="python -m torture.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    minutes = parser.parse_args(arguments).minutes
    warnings.simplefilter("ignore", SemspaceWarning)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(Path(folder), minutes)
        memory = soak.run()
    quarters, free = (
        [float(np.median(part)) for part in np.array_split(numbers, 4) if len(part)]
        for numbers in zip(*memory, strict=True)
    )
    grown = quarters[-1] / quarters[1] - 1 if len(quarters) == 4 else 0.0
    print(", ".join(f"{count:,} × {what}" for what, count in sorted(soak.counts.items())))
    print(f"memory by quarters: {', '.join(f'{one:,.0f} MB' for one in quarters)} ({grown:+.1%} after the second)")
    print(f"of which free in glibc's arenas: {', '.join(f'{one:,.0f} MB' for one in free)}")
    print(f"recall of the answers that were compared: {soak.found / max(1, soak.asked):.3f}")
    for problem in soak.problems:
        print(f"FAILED: {problem}")
    return 1 if soak.problems or (minutes >= _LONG and grown > _FLAT) else 0


if __name__ == "__main__":
    sys.exit(main())
