"""How many threads can work at once: what the processor, its affinity and a container's quota leave to this process.

Ask at the time of use, never at import: a process may be pinned to other cores, or given another quota, while it runs.
Everything in semspace that starts threads of its own asks here.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path, PurePosixPath
from time import monotonic
from typing import Any, NamedTuple

from semspace import checks

MAX_THREADS = 1_024  # a larger number is a mistake
_LIMIT: ContextVar[float] = ContextVar("semspace_threads", default=math.inf)
_PROCESS = Path("/proc/self")
_ESCAPED = re.compile(r"\\([0-7]{3})")  # how mountinfo writes a space in a path


def thread_count() -> int:
    """Return how many threads can run at once, at least 1.

    It is the smallest of the cores that the process may run on (its affinity: `taskset`, a cpuset) and, on Linux, the
    processor time that its control groups allow, rounded up (`docker run --cpus`, a Kubernetes limit, both versions of
    cgroups, and all groups that the process is in). Inside `limited` it is that number at most.
    """
    return max(1, math.ceil(min(_cores(), _quota(int(monotonic())), _LIMIT.get())))


@contextmanager
def limited(threads: int | None) -> Iterator[None]:
    """Use at most `threads` threads in this context: those of semspace, BLAS, OpenMP, and torch where it is loaded.

    `None` sets no limit. Inside another limit, the smaller one holds. The number of polars' threads can't be limited
    here: it is read from ``POLARS_MAX_THREADS`` when polars is imported.

    Raises
    ------
    InputError
        If `threads` is neither None nor a whole number from 1 to 1,024.
    """
    if threads is None:
        yield
        return
    checks.whole("threads", threads, high=MAX_THREADS)
    token = _LIMIT.set(min(threads, _LIMIT.get()))
    try:
        with ExitStack() as stack:
            stack.enter_context(_libraries_limited(threads))
            if "torch" in sys.modules:
                import torch

                stack.enter_context(torch_threads(min(threads, torch.get_num_threads())))
            yield
    finally:
        _LIMIT.reset(token)


def _libraries_limited(threads: int) -> AbstractContextManager[object]:
    """Return a context in which BLAS and OpenMP use at most `threads` threads, and no more than before."""
    controller = _controller(len(sys.modules))
    limits: dict[str, int] = {}
    for library in controller.info():
        limits[library["prefix"]] = min(threads, library["num_threads"], limits.get(library["prefix"], threads))
    context: AbstractContextManager[object] = controller.limit(limits=limits)
    return context


@lru_cache(maxsize=1)
def _controller(_n_modules: int) -> Any:
    """Return what limits the libraries that are loaded; finding them takes ten milliseconds.

    It is asked for with the number of modules that were imported: only imports load more libraries.
    """
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def torch_threads(threads: int | None = None) -> Iterator[None]:
    """Run torch on `threads` threads, by default no more than can run at once; its own number is restored."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(min(before, thread_count()) if threads is None else threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _cores() -> int:
    if hasattr(os, "process_cpu_count"):  # Python 3.13; it also honours -X cpu_count
        return os.process_cpu_count() or 1  # type: ignore[no-any-return, unused-ignore]
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Hierarchy(NamedTuple):
    """Where a kind of control groups is mounted, which of them lies there, and how it writes a quota down."""

    place: Path
    root: PurePosixPath
    unified: bool


@lru_cache(maxsize=1)
def _quota(_second: int) -> float:
    """Return how many cores' time the control groups allow; infinity where none of them sets a limit.

    It is read once a second at most: a search takes less time than reading it.
    """
    try:
        mounts = (_PROCESS / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        groups = (_PROCESS / "cgroup").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # not Linux, or no /proc
        return math.inf
    mounted = list(_hierarchies(mounts))
    found = math.inf
    for line in groups.splitlines():
        number, controllers, path = line.split(":", 2)
        unified = number == "0" and not controllers
        if unified or "cpu" in controllers.split(","):
            for hierarchy in mounted:
                if hierarchy.unified == unified:
                    found = min(found, *(_allowed(folder, unified=unified) for folder in _folders(hierarchy, path)))
    return found


def _hierarchies(mounts: str) -> Iterator[_Hierarchy]:
    """Find those that may limit processor time (proc_pid_mountinfo(5))."""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.partition(" ")
        if kind == "cgroup2" or (kind == "cgroup" and "cpu" in options.split()[-1].split(",")):
            root, place = (_ESCAPED.sub(lambda code: chr(int(code[1], 8)), part) for part in before.split()[3:5])
            yield _Hierarchy(Path(place), PurePosixPath(root), kind == "cgroup2")


def _folders(hierarchy: _Hierarchy, path: str) -> Iterator[Path]:
    """List the folders of a group and of all around it, as far as this process sees them."""
    group = PurePosixPath(path)
    inside = group.is_relative_to(hierarchy.root) and ".." not in group.parts
    folder = hierarchy.place / group.relative_to(hierarchy.root) if inside else hierarchy.place
    yield folder
    while folder != hierarchy.place:
        folder = folder.parent
        yield folder


def _allowed(folder: Path, *, unified: bool) -> float:
    """Return how many cores' time a group allows: its quota of microseconds in each period."""
    try:
        if unified:
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota, period = (
                (folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period")
            )
        return math.inf if quota == "max" or int(quota) <= 0 else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no such controller here, or nothing that can be understood
        return math.inf
