"""Progress of long work: a bar in a terminal or a notebook, a line every 30 seconds in a log file.

Both appear only if the work takes longer than a moment. The logger ``semspace.progress`` gets a record, level INFO, of
all work that was shown: see `semspace.logs`.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from semspace import checks, logs

T = TypeVar("T")
Clock = Callable[[], float]

INTERVAL = 30.0  # seconds between two lines, where nobody looks at a bar
_DELAY = 2.0  # seconds before a bar appears
_LOGGER = "semspace.progress"


class Bar(Protocol):
    """The methods of a progress bar that long work calls."""

    def update(self, n: float = 1) -> object:
        """Advance by `n` units."""

    def set_postfix_str(self, s: str, refresh: bool = True) -> object:
        """Set the text after the bar, shown at once or when the bar next moves."""


class Lines:
    """Progress as lines such as ``encoding: 12,000 of 50,000 texts, 3 min left``, one every 30 seconds.

    Parameters
    ----------
    what : str
        What is being done, such as ``"encoding"``.
    total : int
        Number of units.
    unit : str
        In the singular; ``"B"`` for bytes.
    clock : callable
        Returns the time in seconds.
    """

    def __init__(self, what: str, total: int, unit: str, clock: Clock = time.monotonic) -> None:
        self._what, self._total, self._unit, self._clock = what, total, unit, clock
        self._done, self._postfix = 0.0, ""
        self._last = clock()
        self._first: tuple[float, float] | None = None  # when the first units were done, and how many

    def update(self, n: float = 1) -> None:
        """Advance by `n` units, and write a line if the last one was written 30 seconds ago."""
        self._done += n
        now = self._clock()
        self._first = self._first or (now, self._done)
        if now - self._last >= INTERVAL:
            self._last = now
            logs.notice(self._line(now), _LOGGER)

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:  # noqa: ARG002
        """Set the text at the end of the next line."""
        self._postfix = s

    def _line(self, now: float) -> str:
        done = min(self._done, self._total)
        start, before = self._first or (now, done)  # the first units may wait for kernels to be compiled
        left = f", {duration((now - start) * (self._total - done) / (done - before))} left" if done > before else ""
        left = left if done < self._total else ""
        after = f", {self._postfix}" if self._postfix else ""
        return f"{self._what}: {_amount(done, self._total, self._unit)}{left}{after}"


@contextmanager
def bar(what: str, total: int, *, unit: str, progress: bool = True) -> Iterator[Bar]:
    """Show the progress of `what`: a bar with rate and time left after two seconds, or a line every 30 seconds."""
    progress = checks.flag("progress", progress) and not logs.is_quiet()
    start = time.monotonic()
    if progress and not _is_watched():
        yield Lines(what, total, unit)
    else:
        from tqdm import tqdm

        with tqdm(
            total=total, desc=what, unit=unit, unit_scale=True, delay=_DELAY, leave=False, disable=not progress
        ) as shown:
            yield shown
    if progress:
        took = duration(time.monotonic() - start)
        logging.getLogger(_LOGGER).info("%s: %s in %s", what, _amount(total, total, unit), took)


@contextmanager
def waiting(what: str, *, progress: bool = True) -> Iterator[None]:
    """Show that `what` is being done, where nobody can tell how far it is: the time that has passed."""
    if not checks.flag("progress", progress) or logs.is_quiet():
        yield
        return
    over = threading.Event()
    teller = threading.Thread(target=_tell_time, args=(what, over), daemon=True)
    teller.start()
    start = time.monotonic()
    try:
        yield
    finally:
        over.set()
        teller.join()
    logging.getLogger(_LOGGER).info("%s took %s", what, duration(time.monotonic() - start))


def _tell_time(what: str, over: threading.Event) -> None:
    """Show the time that has passed until something is over."""
    start = time.monotonic()
    if not _is_watched():
        while not over.wait(INTERVAL):
            logs.notice(f"{what}: {duration(time.monotonic() - start)} so far", _LOGGER)
    elif not over.wait(_DELAY):
        from tqdm import tqdm

        with tqdm(desc=what, bar_format="{desc}: {elapsed}", leave=False) as shown:
            shown.start_t -= _DELAY
            while not over.wait(1.0):
                shown.refresh()


def track(items: Iterable[T], what: str, total: int, *, unit: str, progress: bool = True) -> Iterator[T]:
    """Iterate over `items`, and show the progress."""
    with bar(what, total, unit=unit, progress=progress) as shown:
        for item in items:
            yield item
            shown.update(1)


def duration(seconds: float) -> str:
    """Return a time as people say it: ``40 s``, ``3 min``, ``2 h 10 min``."""
    if seconds < 60:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _is_watched() -> bool:
    """Check whether a person is looking: a terminal or a notebook, not a pipe or a log file."""
    return sys.stderr.isatty() or _is_notebook()


def _is_notebook() -> bool:
    """Check whether the code runs in a notebook; other programs import ipykernel too."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _amount(done: float, total: float, unit: str) -> str:
    """Return ``12,000 of 50,000 texts``, or ``50,000 texts`` when all is done; bytes as megabytes."""
    if unit == "B":
        done, total, unit = done / 1e6, total / 1e6, "MB"
    elif round(total) != 1:
        unit = {"try": "tries", "batch": "batches", "B": "B"}.get(unit, f"{unit}s")
    return f"{total:,.0f} {unit}" if done >= total else f"{done:,.0f} of {total:,.0f} {unit}"
