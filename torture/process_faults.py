"""Limits of memory, forks, threads, and thousands of openings."""

from __future__ import annotations

import faulthandler
import gc
import json
import re
import resource
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import semspace as ss
from torture import processes
from torture.fault_tally import Tally
from torture.works import CALLS, SAVED

_MEGABYTES = (4, 48, 512)  # beyond what the process has already
_THREADS = 32
_PATIENCE = 60  # seconds that a call may take
# A call that goes on for ever, of which the last frame of the last thread isn't semspace's.
_ELSEWHERE = r'Timeout \([\d:]+\)!(?s:.*)most recent call first\):\n  File "(?!.*/semspace/)'
_OTHERS = ("PanicException", "OpenBLAS error", "libgomp")  # what polars, OpenBLAS and OpenMP end a process with
_KEPT = 0.02  # share by which memory may grow after the first tenth of the openings


def memory(place: Path) -> Tally:
    """Check that each main call gives the same answer with little memory, or one sentence.

    Where a thread has too little memory to begin, Python waits for it forever (CPython 3.11), and so does OpenBLAS for
    a buffer, or it ends the process, as polars, LLVM and OpenMP do. These are noted.
    """
    expected = _answers_of_a_child(place)
    tally, ends = Tally(), []
    for name, call in CALLS.items():
        for megabytes in _MEGABYTES:

            def work(call: Callable[[], str] = call, name: str = name, megabytes: int = megabytes) -> int:
                size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
                resource.setrlimit(resource.RLIMIT_AS, (size + megabytes * 2**20, resource.RLIM_INFINITY))
                faulthandler.dump_traceback_later(_PATIENCE, exit=True)
                own = Tally()
                found = own.attempt(name, call)
                assert found in (None, expected[name]), f"{name} with {megabytes} MB: another answer"
                return 3 if own.refused else 0

            log = place / "log"
            ended = processes.run(work, log=log, limit=240)
            said = log.read_text(errors="replace") if log.exists() else ""
            log.unlink(missing_ok=True)
            tally.tried += 1
            tally.worked += ended[:2] == (0, 0)
            tally.refused += ended[:2] == (0, 3)
            if ended[:2] not in ((0, 0), (0, 3)):
                last = said.strip().splitlines()[-1] if said.strip() else ""
                if any(name in last for name in _OTHERS) or re.search(_ELSEWHERE, said):
                    last = f"not in semspace: {last}"
                ends.append(f"{name} with {megabytes} MB: signal {ended.signal}, code {ended.code}: {last[:200]}")
    hung_or_wrong = [end for end in ends if "signal 0" in end and "not in semspace" not in end]
    assert not hung_or_wrong, "\n".join(ends)
    tally.notes += ends
    return tally


def forked(place: Path) -> Tally:
    """Fork after every kernel and every thread pool has worked; the child works, or says why not, and never hangs."""
    expected = {name: call() for name, call in CALLS.items()}
    tally = Tally()
    for name, call in CALLS.items():

        def work(call: Callable[[], str] = call, name: str = name) -> int:
            own = Tally()
            found = own.attempt(name, call)
            assert found in (None, expected[name]), f"{name} in a fork: another answer"
            return 3 if own.refused else 0

        ended = processes.run(work, log=place / "log", limit=120)
        said = (place / "log").read_text(errors="replace") if (place / "log").exists() else ""
        assert ended[:2] in ((0, 0), (0, 3)), f"{name} in a fork: {ended}\n{said}"
        tally.tried += 1
        tally.worked += ended.code == 0
        tally.refused += ended.code == 3
        assert call() == expected[name]  # the parent goes on
    return tally


def many_threads(place: Path) -> Tally:
    """Check every call, and saved and opened values, in 32 threads at once."""
    expected = {name: call() for name, call in CALLS.items()}
    tallies, problems = [Tally() for _ in range(_THREADS)], []
    names = list(CALLS)

    def work(number: int) -> None:
        tally = tallies[number]
        try:
            for turn in range(3):
                name = names[(number + turn) % len(names)]
                found = tally.attempt(name, CALLS[name])
                assert found == expected[name], f"{name} in 32 threads: another answer"
                value = SAVED["space"]()
                tally.attempt("save", partial(value.save, place / "shared", overwrite=True))
                assert len(tally.attempt("load", lambda: ss.load(place / "shared"))) == len(value)
        except BaseException as problem:
            problems.append(f"{type(problem).__name__}: {problem}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, "\n".join(problems)
    together = Tally()
    for tally in tallies:
        together.add(tally)
    return together


def open_and_close(place: Path, cycles: int) -> Tally:
    """Open and close an index and a space so often: no file, no mapping and no memory stays."""
    draw = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    space = ss.Space.from_vectors([f"p{i}" for i in range(300)], draw)
    space.save(place / "space")
    ss.Index.build(space, "hnsw", progress=False).save(place / "index")
    tally = Tally()
    before: tuple[int, int, float] | None = None
    for turn in range(cycles):
        tally.attempt("open a space", lambda: ss.load(place / "space").most_similar("p7", k=1))
        tally.attempt("open an index", lambda turn=turn: _searched(place / "index", writable=turn % 2 == 0))
        if turn == cycles // 10:
            before = _held()
    after = _held()
    assert before is not None
    assert after[0] <= before[0], f"files: {before[0]} open at first, {after[0]} at last"
    assert after[1] <= before[1] * 1.01 + 5, f"mappings: {before[1]} at first, {after[1]} at last"
    assert after[2] <= before[2] * (1 + _KEPT), f"memory: {before[2]:.0f} MB at first, {after[2]:.0f} MB at last"
    tally.notes.append(
        f"from the first tenth to the end: {before[0]} → {after[0]} files open, {before[1]} → {after[1]} mappings, "
        f"{before[2]:.1f} → {after[2]:.1f} MB"
    )
    return tally


def _searched(path: Path, *, writable: bool) -> Any:
    with ss.Index.open(path, writable=writable) as index:
        return index.search(id="p7", k=2)


def _held() -> tuple[int, int, float]:
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    return len(list(Path("/proc/self/fd").iterdir())), len(Path("/proc/self/maps").read_text().splitlines()), resident


def _answers_of_a_child(place: Path) -> dict[str, str]:
    """Return what each call answers, without any of them having worked in this process."""
    out = place / "answers.json"

    def work() -> None:
        out.write_text(json.dumps({name: call() for name, call in CALLS.items()}))

    ended = processes.run(work, log=place / "log", limit=600)
    assert ended[:2] == (0, 0), (place / "log").read_text(errors="replace")
    (place / "log").unlink(missing_ok=True)
    return dict(json.loads(out.read_text()))
