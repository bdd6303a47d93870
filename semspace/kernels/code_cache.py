"""Where compiled code is kept: beside the source, in the user's own cache, in a temporary folder, or nowhere.

Numba looks for a place itself, beside the source and in the home folder, and gives up where neither can be written to,
as in a container whose disk is read-only. Code that can't be kept works all the same; it is compiled in each process.
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

from semspace.disk import disk_reason
from semspace.errors import SemspaceWarning

_REMEDY = "set the environment variable NUMBA_CACHE_DIR to a folder that can be written to"


def compile_cached(function: Callable[..., Any], **options: Any) -> Any:
    """Return a function that numba compiles on its first call, and keeps compiled wherever it can."""
    made: Any = numba.njit(**options)(function)
    kept = _cache_of(function)
    if kept is not None:
        made._cache = kept
    return made


def _cache_of(function: Callable[..., Any]) -> _Cache | None:
    """Return what keeps the compiled code of a function, or None where there is no place."""
    try:
        return _Cache(function)  # type: ignore[no-untyped-call]
    except (RuntimeError, OSError):  # numba has found no place
        pass
    settings: Any = config
    settings.CACHE_DIR = _elsewhere()
    if settings.CACHE_DIR:
        with suppress(RuntimeError, OSError):
            return _Cache(function)  # type: ignore[no-untyped-call]
    return None


class _Cache(caching.FunctionCache):
    """Numba's cache, which a disk that fills up, or a file that is broken, keeps from nothing but keeping code."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what is kept, or None if it can't be read."""
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code, if the disk lets us.

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
            _say("full", f"compiled code can't be kept in {self.cache_path} ({disk_reason(problem) or problem})")


@cache
def _elsewhere() -> str:
    """Return a temporary folder for compiled code, which only this user can write to, or an empty string."""
    try:
        folder = _own(Path(tempfile.gettempdir()) / f"semspace-code-{_user()}") or _fresh()
    except OSError:
        _say("none", "no folder can be written to, so all is compiled anew in this process, which may take a minute")
        return ""
    _say("none", f"neither semspace's folder nor the home folder can be written to: compiled code is kept in {folder}")
    return str(folder)


def _own(folder: Path) -> Path | None:
    """Return a folder that lasts, made if it isn't there; None if others could have put code into it."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    facts = folder.lstat()
    is_ours = stat.S_ISDIR(facts.st_mode) and (os.name == "nt" or facts.st_uid == os.geteuid())
    return folder if is_ours and (os.name == "nt" or not facts.st_mode & 0o077) else None


def _fresh() -> Path:
    """Return a folder that goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix="semspace-code-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _user() -> str:
    return "own" if os.name == "nt" else str(os.geteuid())


_said: set[str] = set()


def _say(kind: str, what: str) -> None:
    """Warn, once of a kind."""
    if kind not in _said:
        _said.add(kind)
        warnings.warn(f"{what}; {_REMEDY}", SemspaceWarning, stacklevel=2)
