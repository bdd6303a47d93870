"""Many threads and processes that search one index find what one thread finds, one search after the other."""

import multiprocessing
import os
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import semspace as ss
from semspace.index import graph_search

KINDS = ("exact", "hnsw")
DIM, POINTS, THREADS = 100, 1_500, 32


def questions(n=64):
    return np.random.default_rng(9).normal(size=(n, DIM)).astype(np.float32)


def saved(kind, place):
    rng = np.random.default_rng(2)
    ids = [f"p{i}" for i in range(POINTS)]
    table = {"text": [f"number {i % 50} of {i}" for i in range(POINTS)], "n": list(range(POINTS))}
    space = ss.Space.from_vectors(ids, rng.normal(size=(POINTS, DIM)).astype(np.float32), table)
    settings = {"code_bytes": 128} if kind == "hnsw" else {}  # so long that searches walk by sketches
    ss.Index.build(space, kind, progress=False, **settings).save(place)
    with ss.Index.open(place, writable=True) as index:
        index.add(["late"], rng.normal(size=(1, DIM)), {"text": ["late"], "n": [-1]})
        index.delete(["p7", "p8"])
    return ss.Index.open(place)


def asked(index, at, *, conditions=True):
    """Return what is found in several ways, in a form that can be compared bit by bit."""
    vector = questions()[at]
    found = [
        index.search(vector, k=10),
        index.search(vector, k=5, exact=True),
        index.search(id=f"p{at + 20}", k=10),
        index.range_search(vector, 0.2),
        *index.search_batch(list(questions()[at : at + 9]), 3),
    ]
    if conditions:
        found += [index.search(vector, k=10, where=f"n > {POINTS // 2 + at}")]
    return [(one.ids, np.asarray(one.scores).tobytes()) for one in found]


@pytest.fixture(params=KINDS)
def index(request, tmp_path, monkeypatch):
    monkeypatch.setattr(graph_search, "SCANS", 0)
    return saved(request.param, tmp_path / "i")


def test_threads_find_what_one_finds(index):
    serial = [asked(index, at) for at in range(THREADS)]
    together = threading.Barrier(THREADS)

    def work(at):
        together.wait(60)
        return [asked(index, (at + turn) % THREADS) for turn in range(2)]

    with ThreadPoolExecutor(THREADS) as pool:
        found = [*pool.map(work, range(THREADS))]
    for at, own in enumerate(found):
        assert own == [serial[(at + turn) % THREADS] for turn in range(2)]


def test_threads_that_open_it_find_what_one_finds(index, tmp_path):
    serial = [asked(index, at) for at in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(lambda at: asked(ss.Index.open(tmp_path / "i"), at), range(8))] == serial


def in_child(place, kind):
    graph_search.SCANS = 0
    opened = ss.Index.open(place)
    with ThreadPoolExecutor(4) as pool:
        return [*pool.map(lambda at: asked(opened, at), range(8))]


@pytest.mark.parametrize("kind", KINDS)
def test_spawned_processes_find_what_this_one_finds(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(graph_search, "SCANS", 0)
    index = saved(kind, tmp_path / "i")
    serial = [asked(index, at) for at in range(8)]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        given = [pool.submit(in_child, tmp_path / "i", kind) for _ in range(2)]
        assert [one.result(120) for one in given] == [serial, serial]


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="no fork, or none that is safe")
def test_forked_processes_find_what_their_parent_finds(index):
    """Also threads of theirs, and while threads of the parent search; conditions need polars, whose threads stay.

    With one thread of BLAS: a fork while OpenBLAS multiplies on several may wait for them for ever, in OpenBLAS.
    """
    with threadpool_limits(1, "blas"):
        _fork_while_searching(index)


def _fork_while_searching(index):
    serial = [asked(index, at, conditions=False) for at in range(8)]
    over = threading.Event()

    def search_on():
        while not over.is_set():
            asked(index, 3, conditions=False)

    busy = [threading.Thread(target=search_on) for _ in range(3)]
    for thread in busy:
        thread.start()
    children = []
    try:
        for _ in range(4):
            child = os.fork()
            if not child:
                code = 1
                try:
                    with ThreadPoolExecutor(4) as pool:
                        found = [*pool.map(lambda at: asked(index, at, conditions=False), range(8))]
                    code = 0 if found == serial else 3
                finally:
                    os._exit(code)
            children.append(child)
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    finally:
        over.set()
        for thread in busy:
            thread.join()
