"""``python -m semspace.kernels.building``: compile kernels beforehand, for one level of processors or for all.

Writes the files of `kernels.code_store`, by default into the package itself: what a wheel is built with, and what an
installation from a clone can have. The calls of `kernels.signatures` are compiled by the types of their arguments.
Nothing compiled is run, so this machine needn't have the instructions of a level. Several processes share the work.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from semspace.kernels import sources
from semspace.kernels.code_store import FOLDER, SUFFIX, Code, file_of, key_of, open_store, write_store
from semspace.kernels.levels import BUILD_VARIABLE, all_levels, level_named
from semspace.kernels.signatures import KernelCall, read_calls, write_calls
from semspace.threads import thread_count


def build(
    levels: Sequence[str], folder: Path | None = None, processes: int | None = None, reuse: Path | None = None
) -> list[Path]:
    """Compile all listed calls for some levels; return the files, one a level.

    What is there already is kept, if it was compiled from the same sources.

    Parameters
    ----------
    levels : sequence of str
        Names of levels of this kind of processor; this one needn't have them.
    folder : path, optional
        Default: inside the package.
    processes : int, optional
        Default: as many as there are cores, up to 4.
    reuse : path, optional
        Another folder, whose code is kept, too.

    Raises
    ------
    RuntimeError
        If something can't be compiled.
    """
    n_processes = processes or min(4, thread_count())
    written = []
    for name in levels:
        start, path = time.perf_counter(), file_of(name, folder)
        calls = calls_of(name)
        codes = _kept(path, name, calls)
        codes |= _kept(file_of(name, reuse), name, calls) if reuse else {}
        missing = [call for call in calls if _key(call) not in codes]
        for part in _compiled_parts(name, pieces(missing, n_processes)):
            codes.update(part)
        write_store(path, level_named(name), codes)
        written.append(path)
        size, seconds = path.stat().st_size / 1e6, time.perf_counter() - start
        sys.stderr.write(
            f"compiled {len(missing)} kernels for {name} in {seconds:.0f} s; {len(codes)} are {size:.1f} MB\n"
        )
    return written


def calls_of(level: str) -> list[KernelCall]:
    """Return the listed calls that a level makes."""
    features = set(level_named(level).needs)
    return [call for call in read_calls() if features.issuperset(call.needs)]


def _kept(path: Path, level: str, calls: Sequence[KernelCall]) -> dict[str, Code]:
    """Return the code of calls that a file has already, compiled from these sources."""
    store, codes = open_store(path, level_named(level)), dict[str, Code]()
    for call in calls if store else ():
        pickled = store.get(_key(call), _stamp(call)) if store else None
        if pickled is not None:
            codes[_key(call)] = Code(_stamp(call), pickled)
    return codes


def _key(call: KernelCall) -> str:
    return key_of(call.kernel, call.signature())


def _stamp(call: KernelCall) -> str:
    """Return the stamp of the sources of a kernel, which isn't imported."""
    module = call.kernel.partition(":")[0].split(".")[1:]
    return sources.stamp(str(Path(__file__).parents[1].joinpath(*module).with_suffix(".py")))


def compile_calls(calls: Sequence[KernelCall]) -> dict[str, Code]:
    """Compile calls for the level that this process was started for; return the code of each."""
    from numba.core import serialize

    codes = {}
    for call in calls:
        kernel, signature = call.function(), call.signature()
        kernel.compile(signature)
        result: Any = kernel.overloads[signature]
        if result.library.has_dynamic_globals or any(not lifted.can_cache for lifted in result.lifted):
            raise RuntimeError(f"{call.kernel} can't be compiled beforehand: it refers to addresses of this process")
        pickled = serialize.dumps(result._reduce())  # type: ignore[no-untyped-call]
        codes[_key(call)] = Code(_stamp(call), pickled)
    return codes


# -- several processes -----------------------------------------------------------------------------------------------


def pieces(calls: Sequence[KernelCall], number: int) -> list[list[KernelCall]]:
    """Return calls in pieces of about the same work.

    Calls of a package stay together, since its kernels call each other, and each process compiles what it calls anew.
    """
    packages: dict[str, list[KernelCall]] = {}
    for call in calls:
        packages.setdefault(call.kernel.split(".")[1], []).append(call)
    heaps: list[list[KernelCall]] = [[] for _ in range(number)]
    for group in sorted(packages.values(), key=lambda group: -_weight(group)):
        min(heaps, key=_weight).extend(group)
    return [heap for heap in heaps if heap]


def _weight(calls: Sequence[KernelCall]) -> int:
    """Return about how long calls take to compile: the longer, the more arguments the kernels have."""
    return sum(len(call.arguments) for call in calls)


def _compiled_parts(level: str, parts: Sequence[Sequence[KernelCall]]) -> Iterator[dict[str, Code]]:
    """Compile for a level, each part in a process of its own; give the code of each."""
    with tempfile.TemporaryDirectory() as folder, _ended() as running:
        files = [Path(folder) / str(number) for number in range(len(parts))]
        for part, file in zip(parts, files, strict=True):
            write_calls(part, file.with_suffix(".json"))
            running.append(_start(level, file))
        for process, file, part in zip(running, files, parts, strict=True):
            if process.wait():
                raise RuntimeError(f"kernels couldn't be compiled for {level}; see the messages above")
            yield _kept(file, level, part)


@contextmanager
def _ended() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Return an empty list of processes; end those in it that still run after this block, as after a failure."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def _start(level: str, file: Path) -> subprocess.Popen[bytes]:
    """Start a process that compiles the calls listed beside a file, and writes their code to it."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "SEMSPACE_"))},
        BUILD_VARIABLE: level,
        "SEMSPACE_COMPILED_CODE": "off",
        "NUMBA_DISABLE_INTEL_SVML": "1",  # a library that isn't there where the code will run
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", "semspace.kernels.building", "--piece", str(file)]
    return subprocess.Popen(command, env=environment)  # noqa: S603  (this very module)


def _compile_piece(file: Path) -> None:
    from semspace.kernels import first_call

    with first_call.announced():
        level = level_named(os.environ[BUILD_VARIABLE])
        write_store(file, level, compile_calls(read_calls(file.with_suffix(".json"))))


def named_levels(names: str) -> list[str]:
    """Return the levels that a list of names means: ``native``, ``all``, ``none`` or names with commas between."""
    if names == "native":
        from semspace.kernels import compiling

        return [] if compiling.LEVEL is None else [compiling.LEVEL.name]
    known = [level.name for level in all_levels()]
    chosen = known if names == "all" else [] if names == "none" else names.split(",")
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise ValueError(f"levels must be native, all, none or some of {', '.join(known)}; got {unknown[0]!r}")
    return chosen


def old_files(folder: Path) -> list[Path]:
    """Return what was compiled for this Python with another version of numba."""
    _, python, version = file_of("level").name.split(".", 2)
    parts = {path: path.name.split(".", 2) for path in folder.glob(f"*{SUFFIX}")}
    return [path for path, (_, its, numba) in parts.items() if its == python and numba != version]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m semspace.kernels.building")
    parser.add_argument("--levels", default="native", help="native (default), all, none, or names with commas between")
    parser.add_argument("--processes", type=int, help="default: one a core, up to 4")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: inside the package")
    parser.add_argument("--reuse", type=Path, help="another folder, whose code is kept if its sources are the same")
    parser.add_argument("--piece", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.piece:
        return _compile_piece(given.piece)
    for left in old_files(given.folder):
        left.unlink()
    try:
        build(named_levels(given.levels), given.folder, given.processes, given.reuse)
    except (ValueError, RuntimeError) as problem:
        sys.exit(str(problem))
    return None


if __name__ == "__main__":
    main()
