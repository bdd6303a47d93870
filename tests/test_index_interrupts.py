"""Ctrl-C at moments that nobody has chosen: a signal in a process that changes an index, again and again.

`test_index_between.py` stops every step by a hook; here the signal comes wherever Python, numpy or a kernel is. Set
``SEMSPACE_INTERRUPTS`` to a number of signals for a longer run.
"""

import json
import os
import random
import shutil
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import semspace as ss
from semspace.index import graph_search, hnsw, local_collection
from tests.test_index_disk import run

SIGNALS = int(os.environ.get("SEMSPACE_INTERRUPTS", "110"))
FEWEST = 25  # however long they take
SECONDS = 6  # of one run, about, if SEMSPACE_INTERRUPTS doesn't ask for more
DIM = 16


def draw(n, rng):
    return rng.normal(size=(n, DIM)).astype(np.float32)


def held(index):
    """Return of each live point its vector and name."""
    space = index.space
    rows = zip(space.ids, space.vectors, space.metadata["name"], strict=True)
    return {id: (vector.tobytes(), name) for id, vector, name in rows}


class Alarm:
    """Sends this process SIGINT after some time, unless it is called off; one signal at most comes of it."""

    def __init__(self, seconds):
        self._timer = threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGINT))
        self._timer.start()

    def over(self):
        self._timer.cancel()
        self._timer.join()
        time.sleep(0)  # a signal that came is handled here at the latest


def interrupted(act, seconds):
    """Act until the signal comes; return whether it did. Nothing of it is left when this returns."""
    came, alarm = False, None
    try:
        alarm = Alarm(seconds)
        act()
    except KeyboardInterrupt:
        came = True
    while True:
        try:
            if alarm is not None:
                alarm.over()
            return came
        except KeyboardInterrupt:
            came = True


def changes_of(index, before, rng, number, folder):
    """Return a change for each verb: what is called, and what the index holds after it."""
    ids = sorted(before)
    fresh = [f"{number}-{i}" for i in range(int(rng.integers(1, 90)))]
    vectors, some, moved = draw(len(fresh), rng), ids[:3], draw(3, rng)
    names = {"name": fresh}
    added = {id: (vector.tobytes(), id) for id, vector in zip(fresh, vectors, strict=True)}
    updated = {id: (vector.tobytes(), before[id][1]) for id, vector in zip(some, moved, strict=True)}
    gone = ids[3 : 3 + int(rng.integers(1, 80))]
    return {
        "add": (lambda: index.add(fresh, vectors, names), before | added),
        "update": (lambda: index.update(some, moved), before | updated),
        "upsert": (lambda: index.upsert([*some, *fresh], np.vstack([moved, vectors]), {"name": [*some, *fresh]}),
                   before | {id: (one[0], id) for id, one in updated.items()} | added),
        "delete": (lambda: index.delete(gone), {id: one for id, one in before.items() if id not in gone}),
        "search": (lambda: index.search_batch(list(vectors), 5), before),
        "compact": (index.compact, before),
        "save": (lambda: index.save(folder, overwrite=True), before),
        "copy": (lambda: index.save(folder.with_name("copy"), overwrite=True), before),
    }  # fmt: skip


def interrupt(place, kind, signals, seconds):
    """Send so many signals while an index is changed; print what came of it."""
    warnings.simplefilter("ignore")
    graph_search.SCANS, hnsw._PENDING = 0, 40
    local_collection._SMALL = 30_000  # bytes: journals are folded now and then
    folder, rng, luck = Path(place) / "i", np.random.default_rng(5), random.Random(5)
    ids = [f"p{i}" for i in range(400)]
    ss.Index.build(ss.Space.from_vectors(ids, draw(400, rng), {"name": ids}), kind, progress=False).save(folder)
    index = ss.Index.open(folder, writable=True)
    for act, _ in changes_of(index, held(index), rng, "first", folder).values():
        act()  # what has to be compiled or imported is
    now, until = held(index), time.monotonic() + seconds
    hits, usual, turns = {}, {}, 0
    while (came_in := sum(map(sum, hits.values()))) < min(signals, FEWEST) or (
        came_in < signals and time.monotonic() < until
    ):
        turns += 1
        for verb in luck.sample(["add", "update", "upsert", "delete", "search", "compact", "save", "copy"], 8):
            act, after = changes_of(index, now, rng, f"{turns}-{verb}", folder)[verb]
            start = time.monotonic()
            came = interrupted(act, luck.random() * usual.get(verb, 0.02))
            if not came:
                usual[verb] = 0.5 * usual.get(verb, 0.02) + 0.5 * (time.monotonic() - start)
            found = held(index)
            assert found in ((now, after) if came else (after,)), f"{verb} left something between"
            opened = held(ss.Index.open(folder))
            assert opened == found, f"{verb}: the disk says otherwise"
            if verb == "copy" and folder.with_name("copy").exists():
                copied = ss.Index.open(folder.with_name("copy"))
                assert len(copied) > 0
                if not came:
                    assert held(copied) == found
            hits.setdefault(verb, [0, 0])[found == after and after != now] += came
            now = found
        own = list(now)[:: max(1, len(now) // 50)]
        vectors = [np.frombuffer(now[id][0], np.float32) for id in own]
        nearest = [hit.ids[0] == id for id, hit in zip(own, index.search_batch(vectors, 1), strict=True)]
        assert np.mean(nearest) > 0.95, "points that the graph has lost"
        exact = [hit.ids[0] == id for id, hit in zip(own, index.search_batch(vectors, 1, exact=True), strict=True)]
        assert all(exact)
        if len(now) > 700:
            index.delete(sorted(now)[300:])
            now = held(index)
    index.close()
    with ss.Index.open(folder, writable=True) as again:
        assert held(again) == now
        again.add(["last"], draw(1, rng), {"name": ["last"]})
        again.save(folder.with_name("copy"), overwrite=True)  # which removes what was set aside
    left = sorted(path.name for path in Path(place).iterdir())
    print(json.dumps({"hits": hits, "turns": turns, "left": left}))


@pytest.mark.skipif(sys.platform == "win32", reason="a process can't send itself SIGINT")
@pytest.mark.parametrize("kind", ["exact", "hnsw"])
def test_ctrl_c_at_any_moment_leaves_an_index_as_before_or_after(tmp_path, kind):
    seconds = SECONDS if SIGNALS <= 200 else 3_600
    code = "import sys; from tests.test_index_interrupts import interrupt; interrupt(sys.argv[1], sys.argv[2], "
    ran = run(f"{code}{SIGNALS}, {seconds})", tmp_path, kind)
    assert ran.returncode == 0, ran.stderr[-3000:]
    came = json.loads(ran.stdout)
    assert sum(map(sum, came["hits"].values())) >= min(SIGNALS, FEWEST)
    assert set(came["left"]) <= {"i", ".i.lock", "copy", ".copy.lock"}
    shutil.rmtree(tmp_path)
