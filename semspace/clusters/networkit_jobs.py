"""Jobs for NetworKit, some at a time: the same seed gives the same results, and Ctrl-C stays Python's."""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from semspace import pools
from semspace.threads import thread_count

T = TypeVar("T")


class _Turn:
    """The turn of one batch of jobs: NetworKit has one seed, and one handler of Ctrl-C, for the whole process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.first: Any = None  # of all algorithms
        pools.on_fork(self)

    def forked(self) -> None:
        """Forget a lock that a thread of the parent may have held."""
        self.lock = threading.Lock()


_TURN = _Turn()


def results(jobs: Iterable[Callable[[], T]], *, seed: int, are_long: bool = True) -> Iterator[T]:
    """Run jobs that call NetworKit, and iterate over their results, in order.

    Long ones run as many at a time as there are threads, each in a thread of its own. The random numbers of each begin
    with `seed`, and it has one thread of OpenMP, with which NetworKit's results are repeatable: so no result depends on
    how many run at a time.
    """
    rest = iter(jobs)
    while batch := list(islice(rest, thread_count() if are_long else 1)):
        with _TURN.lock, _interrupts_left_to_python():
            try:
                found = _run(batch, seed)
            except RuntimeError as problem:
                if "SIGINT" in str(problem):  # it came while the first algorithm was made
                    raise KeyboardInterrupt from None
                raise
        yield from found


def _run(jobs: list[Callable[[], T]], seed: int) -> list[T]:
    import networkit

    networkit.setSeed(seed, False)
    if len(jobs) > 1:
        return pools.each_in_own_thread([partial(_on_one_thread, job) for job in jobs])
    return [_on_one_thread(job) for job in jobs]


def _on_one_thread(job: Callable[[], T]) -> T:
    """Run a job with one thread of OpenMP; the number belongs to the thread that sets it.

    With several, even making an algorithm waits for all of them: milliseconds where other processes are busy.
    """
    import networkit

    usual = networkit.getMaxNumberOfThreads()
    networkit.setNumberOfThreads(1)
    try:
        return job()
    finally:
        networkit.setNumberOfThreads(usual)


@contextmanager
def _interrupts_left_to_python() -> Iterator[None]:
    """Keep NetworKit's algorithms from handling Ctrl-C.

    The first algorithm that exists puts a handler of C++ in the place of Python's until it is gone. Where Ctrl-C comes
    at certain moments of a run, that one ends the process (NetworKit 11.3); and afterwards Ctrl-C doesn't end calls of
    the system that wait. So the first algorithm is one that never runs, Python's handler is put back at once, and that
    algorithm is kept, so that this happens once. Where it isn't the first, as somebody else uses NetworKit, that of
    each batch may be.
    """
    import networkit

    put_back = _python_api("PyOS_setsig", ctypes.c_int, ctypes.c_void_p)
    usual = _python_api("PyOS_getsig", ctypes.c_int)(signal.SIGINT)
    first = _on_one_thread(lambda: networkit.community.ParallelLeiden(networkit.Graph(1)))
    put_back(signal.SIGINT, usual)
    _TURN.first = first if _TURN.first is None else _TURN.first
    try:
        yield
    finally:
        del first
        put_back(signal.SIGINT, usual)


def _python_api(name: str, *arguments: Any) -> Callable[..., Any]:
    """Return a function of Python's C interface, which any thread may call, and which returns an address."""
    return ctypes.PYFUNCTYPE(ctypes.c_void_p, *arguments)((name, ctypes.pythonapi))
