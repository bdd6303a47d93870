"""Threads that share work, and what becomes of them in a child process and on Ctrl-C.

A process that was forked has one thread, the one that forked: its parent's pools stand still there for ever, and so
does a lock that another thread held. So pools are made anew in it, and locks too; and what needs the threads of a
library that can't make them anew is refused by one sentence.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TypeVar

from semspace.errors import InputError
from semspace.threads import thread_count

T = TypeVar("T")


class Forked(Protocol):
    """Something that holds locks or threads."""

    def forked(self) -> None:
        """Replace locks and threads by new ones: this is a child process now."""


class Pool:
    """Threads that share work; in a child process they are others than in its parent.

    Parameters
    ----------
    threads : int
        With one, nothing is started: work is done in the thread that asks.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None
        on_fork(self)

    def each(self, work: Callable[..., object], parts: Iterable[tuple[Any, ...]]) -> None:
        """Do work for each part, and return when all are done; an error, or Ctrl-C, leaves no thread at work."""
        if self.threads < 2:
            for part in parts:
                work(*part)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads)
        given: list[Future[object]] = []
        try:
            with _told_of_limits():
                for part in parts:
                    given.append(self._pool.submit(work, *part))
            for future in given:
                future.result()
        finally:
            _finish(given)

    def forked(self) -> None:
        """Forget the parent's threads."""
        self._pool = None


def _finish(given: Sequence[Future[Any]]) -> None:
    """Wait until nothing of what was given runs any more, however often Ctrl-C is pressed."""
    while not all(future.done() for future in given):
        try:
            for future in given:
                future.cancel()
            wait(given)
        except KeyboardInterrupt:
            continue  # there is one already on its way


@contextmanager
def _told_of_limits() -> Iterator[None]:
    """Raise `InputError` where the system starts no more threads."""
    try:
        yield
    except RuntimeError as problem:
        if "new thread" not in str(problem):
            raise
        raise InputError(
            "the system lets this process start no more threads; raise its limit of threads or of memory "
            "(ulimit -u, ulimit -v, a container's), or let it use one core, as by taskset -c 0"
        ) from problem


@contextmanager
def in_background(work: Callable[..., T], *arguments: Any) -> Iterator[Future[T]]:
    """Run `work` in another thread while the block runs; its threads are limited as those of the caller.

    Where only one thread may run, the work is done first. Leaving the block waits for the work to end.
    """
    if thread_count() == 1:
        done: Future[T] = Future()
        try:
            done.set_result(work(*arguments))
        except Exception as problem:
            done.set_exception(problem)
        yield done
        return
    with ThreadPoolExecutor(1) as executor:
        with _told_of_limits():
            given = executor.submit(copy_context().run, work, *arguments)
        yield given


def each_in_own_thread(jobs: Sequence[Callable[[], T]]) -> list[T]:
    """Return the results of jobs, each run in a new thread; an error, or Ctrl-C, leaves no thread at work."""
    with ExitStack() as stack:
        with _told_of_limits():
            given = [stack.enter_context(ThreadPoolExecutor(1)).submit(copy_context().run, job) for job in jobs]
        try:
            return [future.result() for future in given]
        finally:
            _finish(given)


_HOLDERS: weakref.WeakSet[Any] = weakref.WeakSet()
_polars_ran = False  # in the parent, when it forked
_polars_lost = False  # here
_forked = False  # whether this process was


def on_fork(holder: Forked) -> None:
    """Have `holder.forked()` called in child processes, as long as it lives."""
    _HOLDERS.add(holder)


def need_polars(what: str) -> None:
    """Raise `InputError` in a child process where polars would wait for its parent's threads for ever."""
    if _polars_lost:
        raise InputError(
            f"{what} needs threads of polars, which don't come along into a process that was forked; start it by "
            f"multiprocessing.get_context('spawn'), or do this before the fork"
        )


@contextmanager
def one_thread_after_fork() -> Iterator[None]:
    """Have OpenMP's loops (scikit-learn's, say) run on one thread in a child process: the others are its parent's."""
    if not _forked:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def _before() -> None:
    global _polars_ran  # noqa: PLW0603
    _polars_ran = _polars_lost or _has_threads("polars")


def _after() -> None:
    global _polars_lost, _forked
    _polars_lost, _forked = _polars_ran, True
    for holder in list(_HOLDERS):
        holder.forked()


def _has_threads(library: str) -> bool:
    """Check whether numbered threads of a library run; where the system doesn't say, whether it was imported."""
    try:
        names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    except OSError:
        names = []
    return any(re.fullmatch(rf"{library}-\d+", name) for name in names) if names else library in sys.modules


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(before=_before, after_in_child=_after)


def raise_interrupt(problem: BaseException) -> None:
    """Raise KeyboardInterrupt where an error of a library was made of one: Ctrl-C inside of polars, a panic."""
    if type(problem).__name__ == "PanicException" and "KeyboardInterrupt" in str(problem):
        raise KeyboardInterrupt from problem


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Have Ctrl-C wait until the block is done, so that what it does is done whole; for short blocks."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python handles signals in the main thread
        return
    usual = signal.getsignal(signal.SIGINT)
    if not callable(usual):
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        if came:
            usual(*came[0])
