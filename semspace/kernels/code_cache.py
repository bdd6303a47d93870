"""The cache of compiled code: beside the source, in the user's cache folder, in a temporary folder, or nowhere.

Numba tries the folder of the source and the home folder, and fails if it can write to neither, as in a container with a
read-only disk. Code that can't be cached still works; it is compiled in each process.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import caching, config
from numba.core.runtime import nrt

from semspace.disk import disk_reason
from semspace.errors import SemspaceWarning
from semspace.kernels import first_call  # noqa: F401  (it says when something is compiled)

_REMEDY = "set the environment variable NUMBA_CACHE_DIR to a writable folder"


def compile_cached(function: Callable[..., Any], **options: Any) -> Any:
    """Return a function that numba compiles on its first call, and caches if it can."""
    dispatcher: Any = numba.njit(**options)(function)
    cache = _cache_of(function)
    if cache is not None:
        dispatcher._cache = cache
    return dispatcher


def _cache_of(function: Callable[..., Any]) -> _Cache | None:
    """Return the cache of a function's compiled code, or None if no folder can be written to."""
    try:
        return _Cache(function)  # type: ignore[no-untyped-call]
    except (RuntimeError, OSError):  # numba has found no writable folder
        pass
    settings: Any = config
    settings.CACHE_DIR = _fallback_folder()
    if settings.CACHE_DIR:
        with suppress(RuntimeError, OSError):
            return _Cache(function)  # type: ignore[no-untyped-call]
    return None


class _Cache(caching.FunctionCache):
    """Numba's cache, for which a full disk or a damaged file only means that code is compiled again."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return cached code, or None if it can't be read.

        Numba would load first all that it needs to compile, which takes 0.4 s of a processor; code that was compiled
        before needs the runtime alone. Where something has to be compiled after all, numba loads the rest by itself.
        """
        try:
            nrt.rtsys.initialize(target_context)
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Cache compiled code, if the disk allows it.

        An index that can't be read, such as that of an older version whose modules had other names, is replaced.
        """
        try:
            try:
                super().save_overload(sig, data)  # type: ignore[no-untyped-call]
            except (ImportError, AttributeError):
                self.flush()  # type: ignore[no-untyped-call]
                super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except Exception as problem:
            self.disable()  # type: ignore[no-untyped-call]
            _warn_once(
                "full", f"compiled code can't be cached in {self.cache_path} ({disk_reason(problem) or problem})"
            )


@cache
def _fallback_folder() -> str:
    """Return a temporary folder for compiled code, which only this user can write to, or an empty string."""
    try:
        folder = _private_folder(Path(tempfile.gettempdir()) / f"semspace-code-{_user()}") or _process_folder()
    except OSError:
        _warn_once(
            "none", "no folder is writable, so everything is compiled again in this process, which may take a minute"
        )
        return ""
    _warn_once(
        "none", f"neither semspace's folder nor the home folder is writable: compiled code is cached in {folder}"
    )
    return str(folder)


def _private_folder(folder: Path) -> Path | None:
    """Return a folder that outlives this process, created if missing; None if other users could write to it."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    facts = folder.lstat()
    is_ours = stat.S_ISDIR(facts.st_mode) and (os.name == "nt" or facts.st_uid == os.geteuid())
    return folder if is_ours and (os.name == "nt" or not facts.st_mode & 0o077) else None


def _process_folder() -> Path:
    """Return a folder that is deleted at the end of this process."""
    folder = Path(tempfile.mkdtemp(prefix="semspace-code-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _user() -> str:
    return "own" if os.name == "nt" else str(os.geteuid())


_warned: set[str] = set()


def _warn_once(kind: str, what: str) -> None:
    """Warn, once for each kind of problem."""
    if kind not in _warned:
        _warned.add(kind)
        warnings.warn(f"{what}; {_REMEDY}", SemspaceWarning, stacklevel=2)
