"""One target, tried for some time in a process of its own, which may crash."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import logging
import mmap
import os
import random
import resource
import struct
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from fuzz.mutating import LARGEST, mutated, plainly

MEMORY = 3 << 30  # bytes that a process may take beyond what it has when its target begins
_STATE = struct.Struct("<QdI")  # number of cases, CPU seconds, length of the present case


class Board:
    """What a worker shows its parent, in memory that both see, so that a crash takes nothing along."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _STATE.size + LARGEST)

    def show(self, cases: int, seconds: float, case: bytes) -> None:
        """Show how far it is, and the case that is tried next."""
        self._memory[_STATE.size : _STATE.size + len(case)] = case
        _STATE.pack_into(self._memory, 0, cases, seconds, len(case))

    def read(self) -> tuple[int, float, bytes]:
        """Return the number of cases, the CPU seconds, and the present case."""
        cases, seconds, length = _STATE.unpack_from(self._memory, 0)
        return cases, seconds, self._memory[_STATE.size : _STATE.size + length]


def atheris() -> Any:
    """Return the library atheris, or None where it isn't installed."""
    try:
        return importlib.import_module("atheris")
    except ImportError:
        return None


def import_everything() -> None:
    """Import all of semspace, so that each worker has it; with atheris, its code then tells what it reaches.

    Modules with kernels stay as they are: what is compiled can't call Python.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    sources = _sources()
    guide = atheris()
    with contextlib.ExitStack() as stack:
        if guide is not None:
            compiled = [name for name, path in sources.items() if _has_kernels(name, path)]
            stack.enter_context(guide.instrument_imports(include=["semspace"], exclude=compiled))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(contextlib.redirect_stderr(stack.enter_context(open(os.devnull, "w"))))
        for name in sources:
            with contextlib.suppress(ImportError, ValueError):  # an optional package, or its wrong version
                importlib.import_module(name)


def _sources() -> dict[str, Path]:
    """Return the modules of semspace, which isn't imported yet, and their files."""
    found = importlib.util.find_spec("semspace")
    assert found is not None
    assert found.submodule_search_locations
    root = Path(found.submodule_search_locations[0])
    paths = {path.relative_to(root.parent).with_suffix(""): path for path in sorted(root.rglob("*.py"))}
    named = {".".join(place.parts).removesuffix(".__init__"): path for place, path in paths.items()}
    return {name: path for name, path in named.items() if not name.endswith("__main__")}


def _has_kernels(name: str, path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    return "kernels" in name or any(mark in text for mark in ("kernels.compiling", "kernels.simd", "numba"))


def attempt(run: Callable[[bytes], None], found: Path, name: str, board: Board) -> Callable[[bytes], None]:
    """Return a function that tries a case, and writes down what no reader may raise, once for each place in code."""
    count = 0

    def tried(case: bytes) -> None:
        nonlocal count
        case = case[:LARGEST]
        board.show(count, time.process_time(), case)
        count += 1
        try:
            run(case)
        except KeyboardInterrupt:
            raise
        except BaseException as problem:
            write_fault(found, f"{name}-{_signature(problem)}", case, "".join(traceback.format_exception(problem)))
        board.show(count, time.process_time(), b"")

    return tried


def write_fault(found: Path, name: str, case: bytes, what: str) -> None:
    """Write a case, and what it did, unless one with the same name is there."""
    found.mkdir(parents=True, exist_ok=True)
    if not (found / f"{name}.txt").exists():
        (found / f"{name}.case").write_bytes(case)
        (found / f"{name}.txt").write_text(what, encoding="utf-8", errors="replace")


def _signature(problem: BaseException) -> str:
    """Return a short digest of where an error came from: its kind, and the last lines of semspace on the way to it."""
    frames, trace = [], problem.__traceback__
    while isinstance(trace, TracebackType):
        code = trace.tb_frame.f_code
        if "semspace" in code.co_filename:
            frames.append(f"{Path(code.co_filename).name}:{code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return hashlib.sha256(" ".join([type(problem).__name__, *frames[-2:]]).encode()).hexdigest()[:10]


def limit_memory() -> None:
    """Limit this process to some gigabytes more than it has, and to files smaller than that."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def try_target(
    run: Callable[[bytes], None],
    seeds: list[bytes],
    *,
    name: str,
    folder: Path,
    seconds: float,
    seed: int,
    board: Board,
) -> None:
    """Try cases for so many seconds; what they reached stays in `folder`, and is where the next call goes on."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    corpus, found = folder / "cases" / name, folder / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    tried = attempt(run, found, name, board)
    for case in seeds:
        tried(case)
        (corpus / hashlib.sha256(case).hexdigest()).write_bytes(case)
    limit_memory()
    if (guide := atheris()) is not None:
        _guided(guide, tried, seeds, corpus, seconds, seed)
        return
    luck, end = random.Random(seed), time.monotonic() + seconds
    while time.monotonic() < end:
        case = luck.choice(seeds)
        for _ in range(luck.choice((1, 1, 1, 2, 3))):
            case = mutated(case, luck, seeds, lambda content: plainly(content, luck))
        tried(case)


def _guided(
    guide: Any, tried: Callable[[bytes], None], seeds: list[bytes], corpus: Path, seconds: float, seed: int
) -> None:
    def change(case: bytes, largest: int, number: int) -> bytes:
        luck = random.Random(number)

        def by_bytes(content: bytes) -> bytes:
            if luck.random() < 0.3:
                return plainly(content, luck)
            changed: bytes = guide.Mutate(content, largest)
            return changed

        return mutated(case, luck, seeds, by_bytes)[:largest]

    options = {
        "max_total_time": max(int(seconds), 1), "max_len": LARGEST, "seed": seed + 1, "timeout": 100_000,
        "rss_limit_mb": 0,
        "artifact_prefix": f"{corpus.parent.parent}/crash-", "len_control": 0, "print_final_stats": 1, "handle_int": 0,
    }  # fmt: skip
    arguments = [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(corpus)]
    guide.Setup(arguments, tried, custom_mutator=change)
    guide.Fuzz()
