"""Threads that share work: all of it is done, or nothing goes on; in a child process they are others."""

import math
import os
import signal
import subprocess
import sys
import threading

import pytest

from semspace import pools, threads
from semspace.errors import InputError

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")


def run(code, *given):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, given)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("count", [1, 3])
def test_a_pool_does_all_of_its_work(count):
    done = []
    pool = pools.Pool(count)
    for _ in range(2):
        pool.each(lambda a, b: done.append(a * b), [(i, 2) for i in range(50)])
    assert sorted(done) == sorted(2 * [2 * i for i in range(50)])


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt])
def test_nothing_goes_on_after_an_error(problem):
    at_work, begun, left = threading.Semaphore(0), threading.Event(), []

    def work(at):
        if at == 0:
            begun.wait(10)
            raise problem
        begun.set()
        at_work.acquire(timeout=0.05)
        left.append(at)

    with pytest.raises(problem):
        pools.Pool(2).each(work, [(i,) for i in range(100)])
    count = len(left)
    assert count < 99  # what hadn't begun was called off, and what had is done
    at_work.release(200)
    assert len(left) == count


def test_ctrl_c_waits_for_the_end_of_a_block():
    done = []

    def work():
        with pools.uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_elsewhere_than_in_the_main_thread_there_is_nothing_to_wait_for():
    done = []

    def work():
        with pools.uninterrupted():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]


@FORKS
def test_a_pool_works_in_a_child_process():
    code = (
        "import os\n"
        "from semspace.pools import Pool\n"
        "pool, done = Pool(2), []\n"
        "pool.each(done.append, [(1,), (2,)])\n"
        "child = os.fork()\n"
        "pool.each(done.append, [(3,), (4,)])\n"
        "if not child:\n"
        "    os._exit(sum(done))\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == sum(done) == 10\n"
    )
    ran = run(code)
    assert ran.returncode == 0, ran.stderr


def test_polars_is_refused_where_it_would_wait_for_ever(monkeypatch):
    pools.need_polars("a condition")
    monkeypatch.setattr(pools, "_polars_lost", True)
    with pytest.raises(InputError, match=r"a condition needs threads of polars, .*get_context\('spawn'\)"):
        pools.need_polars("a condition")


@pytest.mark.parametrize(("limit", "other"), [(None, True), (2, True), (1, False)])
def test_work_in_the_background_has_the_limit_of_its_caller(monkeypatch, limit, other):
    monkeypatch.setattr(threads, "_cores", lambda: 64)
    monkeypatch.setattr(threads, "_quota", lambda _second: math.inf)
    with (
        threads.limited(limit),
        pools.in_background(lambda a: (a, threads.thread_count(), threading.get_ident()), 7) as work,
    ):
        value, count, thread = work.result()
    assert (value, count) == (7, limit or 64)
    assert (thread != threading.get_ident()) == other


@pytest.mark.parametrize("limit", [1, 2])
def test_an_error_in_the_background_comes_with_the_result(monkeypatch, limit):
    monkeypatch.setattr(threads, "_cores", lambda: 64)
    with (
        threads.limited(limit),
        pools.in_background(int, "x") as work,
        pytest.raises(ValueError, match="invalid literal"),
    ):
        work.result()
