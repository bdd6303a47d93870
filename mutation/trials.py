"""A copy of the repository, and the tests of it in children of a process that has imported the large libraries.

A kernel that was changed is compiled anew, since its code is kept under a digest of its sources
(`semspace.kernels.sources`). Each trial has numba's cache as the first run left it, and what it adds is thrown away.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from mutation.changes import Change, changed

IMPORTED = (
    "numpy", "polars", "pyarrow.pandas_compat", "numba", "scipy.stats", "scipy.optimize", "scipy.cluster.hierarchy",
    "sklearn.cluster", "sklearn.decomposition", "sklearn.feature_extraction.text", "pandas", "networkit", "pytest",
    "typer", "hypothesis.internal.conjecture.engine", "torch", "transformers.models.bert.modeling_bert", "tokenizers",
)  # fmt: skip
QUIET = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS")
MEMORY = 16 << 30  # bytes of addresses of a trial
COMPILING, PLAIN = (
    100,
    20,
)  # seconds of the processor that a trial may take besides, where kernels changed and elsewhere
SLOW, SPENT = 0.5, 3.0  # seconds of the processor that a test, and all tests of a trial, may take; others are left out
MEASURED = 6.0  # seconds of the processor after which no more tests of a file are measured
LOCKS = "llvmlite/binding/ffi.py"  # where the compiler's lock is taken and given back


class Laboratory:
    """A copy of the repository in a folder.

    Parameters
    ----------
    source : Path
        The repository.
    folder : Path
        Where the copy is made.
    """

    def __init__(self, source: Path, folder: Path) -> None:
        self.source, self.folder = source, folder
        self.tree, self.log = folder / "tree", folder / "log"
        self._code, self._first_code = folder / "code", folder / "first-code"

    def copy(self) -> None:
        """Copy the repository's files, and the code that was compiled beforehand."""
        shutil.rmtree(self.tree, ignore_errors=True)
        listed = subprocess.run(
            ["git", "-C", str(self.source), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True,
            capture_output=True,
        ).stdout
        compiled = (self.source / "semspace/kernels/compiled").glob("*.code")
        names = {Path(os.fsdecode(name)) for name in listed.split(b"\0") if name}
        for name in sorted(names | {path.relative_to(self.source) for path in compiled}):
            original = self.source / name
            if original.is_file() or original.is_symlink():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(original, self.tree / name, follow_symlinks=False)
        self._first_code.mkdir(parents=True, exist_ok=True)
        if self._code.is_symlink():  # of a run that was stopped
            self._code.unlink()
        shutil.rmtree(self._code, ignore_errors=True)

    def quick_tests(self, tests: tuple[str, ...]) -> dict[str, float]:
        """Return the tests of some files that pass on the unchanged copy in time, the quickest first, with their times.

        What they compile is kept for the trials.
        """
        seconds: dict[str, float] = {}
        for name in tests:
            kept = self.folder / f"times-{name}.json"
            if not kept.exists():
                with self._code_as(self._first_code, keep=True):
                    self._run([name], None, kept, limit=900)
            if not kept.exists():
                raise SystemExit(f"tests/test_{name}.py ended badly on the unchanged copy; see {self.log}")
            seconds |= json.loads(kept.read_text())
        quick, spent = sorted(seconds.items(), key=lambda item: item[1]), 0.0
        return {name: took for name, took in quick if (spent := spent + took) < SPENT}

    def verdict(self, change: Change, tests: tuple[str, ...]) -> tuple[str, str]:
        """Return ``killed``, ``timed out`` or ``survived``, and which test noticed the change."""
        path, quick = self.tree / change.module, self.quick_tests(tests)
        original, before = path.read_bytes(), path.stat()
        try:
            path.write_text(changed(original.decode(), change), encoding="utf-8")
            limit = 5 * sum(quick.values()) + (COMPILING if b"from semspace.kernels" in original else PLAIN)
            with self._code_as(self._first_code, keep=False):
                code = self._run(list(tests), list(quick), None, limit=int(limit))
        finally:
            path.write_bytes(original)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        end = self.log.read_text(errors="replace").splitlines()
        noticed = next((line for line in end[::-1] if line.startswith(("FAILED", "ERROR"))), end[-1] if end else "")
        verdict = {0: "survived", -signal.SIGXCPU: "timed out", -signal.SIGALRM: "timed out"}.get(code, "killed")
        return verdict, "" if verdict == "survived" else noticed

    @contextmanager
    def _code_as(self, folder: Path, *, keep: bool) -> Iterator[None]:
        """Set up a cache for numba that holds what a folder holds; keep what is added to it, if so asked."""
        if keep:
            self._code.symlink_to(folder) if not self._code.exists() else None
        else:
            shutil.copytree(folder, self._code, copy_function=os.link)  # numba replaces files, and never changes one
        try:
            yield
        finally:
            self._code.unlink() if self._code.is_symlink() else shutil.rmtree(self._code)

    def _run(self, tests: list[str], only: list[str] | None, times: Path | None, *, limit: int) -> int:
        """Run test files in a child; return pytest's exit code, or the negative number of a signal."""
        child = os.fork()
        if not child:
            _become(lambda: self._test(tests, only, times), self.log, limit)
        start, ended, status = time.monotonic(), 0, 0
        try:
            while not ended:
                ended, status = os.waitpid(child, os.WNOHANG)
                if not ended and time.monotonic() - start > 5 * limit:  # it waits for something
                    os.kill(child, signal.SIGKILL)
                    ended, status = os.waitpid(child, 0)[0], signal.SIGALRM
                time.sleep(0.02)
        finally:
            with suppress(ProcessLookupError):  # after Ctrl-C the child, else what it has started
                os.killpg(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(status)

    def _test(self, tests: list[str], only: list[str] | None, times: Path | None) -> int:
        import numba.core.config
        import pytest

        os.chdir(self.tree)
        sys.path[:] = [str(self.tree), *(one for one in sys.path if Path(one or ".").resolve() not in
                                         (self.source.resolve(), self.tree.resolve()))]  # fmt: skip
        os.environ["PYTHONPATH"], os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = str(self.tree), "1"
        os.environ["NUMBA_CACHE_DIR"] = numba.core.config.CACHE_DIR = str(self._code)
        sys.dont_write_bytecode = only is not None  # the next change may have the same size and second
        if only is not None:
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        scratch = self.folder / "scratch"
        options = ["-q", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", "--hypothesis-seed=0"]
        options += [
            f"--basetemp={scratch}",
            "-W",
            "ignore::pytest.PytestAssertRewriteWarning",
        ]  # hypothesis is imported
        options += ["-x", "--no-header", "--tb=line"] if only is not None else []
        code = pytest.main([*options, *(f"tests/test_{name}.py" for name in tests)], plugins=[_Watch(only, times)])
        import semspace

        assert Path(semspace.__file__).is_relative_to(self.tree), semspace.__file__
        return int(code)


class _Watch:
    """Runs the tests that were asked for, in their order, or all, of which it keeps those that pass in time."""

    def __init__(self, only: list[str] | None, times: Path | None) -> None:
        self._times = times
        self._order = None if only is None else {name: place for place, name in enumerate(only)}
        self._start, self._began = 0.0, time.process_time()
        self.passed: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        if self._order is not None:
            items[:] = sorted(
                (item for item in items if item.nodeid in self._order), key=lambda item: self._order[item.nodeid]
            )

    def pytest_runtest_logstart(self) -> None:
        self._start = time.process_time()
        if self._order is None:
            signal.signal(signal.SIGPROF, _too_slow)
            signal.setitimer(signal.ITIMER_PROF, SLOW if self._start - self._began < MEASURED else 0.01)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" and report.passed:
            self.passed[report.nodeid] = round(time.process_time() - self._start, 3)

    def pytest_runtest_logfinish(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def pytest_sessionfinish(self) -> None:
        if self._times is not None:
            self._times.write_text(json.dumps(self.passed, indent=0), encoding="utf-8")


def _too_slow(_: int, frame: FrameType | None) -> None:
    import pytest

    while frame is not None:
        if frame.f_code.co_filename.endswith(LOCKS):  # an exception there leaves a lock closed for other threads
            signal.setitimer(signal.ITIMER_PROF, 0.001)
            return
        frame = frame.f_back
    pytest.skip("it isn't among the quick tests")  # which hypothesis doesn't take for a failure, to be shrunk


def prepare() -> None:
    """Import the large libraries, but nothing of semspace, so that each child begins at once."""
    for name in QUIET:
        os.environ[name] = "1"
    for module in IMPORTED:
        importlib.import_module(module)
    ours = [name for name in sys.modules if name.split(".")[0] in ("semspace", "tests")]
    assert not ours, ours


def _become(work: Callable[[], int], log: Path, limit: int) -> None:
    """Work in this process, which is a child, and end."""
    code = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
