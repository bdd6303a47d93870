"""The cache of compiled code: what was installed, else beside the source, in the user's folder or a temporary one.

Code that was compiled beforehand (`kernels.code_store`) is looked for first. Else numba tries the folder of the source
and the home folder, and fails if it can write to neither, as in a container with a read-only disk. Code that can't be
cached still works; it is compiled in each process.
"""

from __future__ import annotations

import atexit
import io
import os
import pickle
import shutil
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numba
from numba.core import caching, compiler, config, environment
from numba.core.runtime import nrt

from semspace.disk import disk_reason
from semspace.errors import SemspaceWarning
from semspace.kernels import (
    code_store,
    first_call,  # noqa: F401  (it says when something is compiled)
    sources,
)
from semspace.kernels.code_store import CodeStore
from semspace.kernels.levels import BUILD_VARIABLE, ProcessorLevel

STORE_VARIABLE = "SEMSPACE_COMPILED_CODE"  # "off" ignores what was compiled beforehand
_REMEDY = "set the environment variable NUMBA_CACHE_DIR to a writable folder"


def compile_cached(function: Callable[..., Any], **options: Any) -> Any:
    """Return a function that numba compiles on its first call, and caches if it can."""
    dispatcher: Any = numba.njit(**options)(function)
    dispatcher._cache = CodeCache(function)
    return dispatcher


class CodeCache(caching.NullCache):
    """The cache of one function, for which a full disk or a damaged file only means that code is compiled again.

    Parameters
    ----------
    function : callable

    Attributes
    ----------
    kernel : str
        The name of the function among the code that was compiled beforehand.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.kernel = "" if function.__closure__ else f"{function.__module__}:{function.__qualname__}"

    @property
    def cache_path(self) -> str | None:
        """The folder where code is cached that wasn't compiled beforehand; None if no folder can be written to."""
        return None if self._own is None else str(self._own.cache_path)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return compiled code, or None if there is none that can be read.

        Numba would load first all that it needs to compile, which takes 0.4 s of a processor; code that was compiled
        before needs the runtime alone. Where something has to be compiled after all, numba loads the rest by itself.
        """
        try:
            nrt.rtsys.initialize(target_context)
            installed = self._installed(sig, target_context)
            if installed is not None or self._own is None:
                return installed
            return self._own._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:
            return None

    def _installed(self, sig: Any, target_context: Any) -> Any:
        """Return code that was compiled beforehand for the types of these arguments."""
        if _STORE is None or not self.kernel:
            return None
        pickled = _STORE.get(code_store.key_of(self.kernel, sig), sources.stamp(self._function.__code__.co_filename))
        if pickled is None:
            return None
        try:
            parts = _Unpickler(io.BytesIO(pickled)).load()
            return compiler.CompileResult._rebuild(target_context, *parts)  # type: ignore[no-untyped-call]
        except Exception:  # of another build of numba, say
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Cache compiled code, if the disk allows it.

        An index that can't be read, such as that of an older version whose modules had other names, is replaced.
        """
        if self._own is None:
            return
        try:
            try:
                self._own.save_overload(sig, data)  # type: ignore[no-untyped-call]
            except (ImportError, AttributeError):
                self._own.flush()  # type: ignore[no-untyped-call]
                self._own.save_overload(sig, data)  # type: ignore[no-untyped-call]
        except Exception as problem:
            self._own.disable()  # type: ignore[no-untyped-call]
            _warn_once(
                "full", f"compiled code can't be cached in {self.cache_path} ({disk_reason(problem) or problem})"
            )

    @cached_property
    def _own(self) -> caching.FunctionCache | None:
        """Numba's cache of the function, which is asked only if nothing was compiled beforehand."""
        if os.environ.get(BUILD_VARIABLE):
            return None
        try:
            return _own_cache(self._function)
        except (RuntimeError, OSError):  # numba has found no writable folder
            pass
        settings: Any = config
        settings.CACHE_DIR = _fallback_folder()
        if settings.CACHE_DIR:
            with suppress(RuntimeError, OSError):
                return _own_cache(self._function)
        return None


def _own_cache(function: Callable[..., Any]) -> caching.FunctionCache:
    """Return numba's cache of a function, whose code counts as old when any source has changed that it depends on."""
    own = caching.FunctionCache(function)  # type: ignore[no-untyped-call]
    own._cache_file._source_stamp = own._cache_file._source_stamp, sources.stamp(function.__code__.co_filename)
    return own


# -- code that was compiled beforehand ------------------------------------------------------------------------------


class _Unpickler(pickle.Unpickler):
    """Reads what numba would cache, without the modules of numba that compiled functions were written in.

    An environment holds what a function raises, and the global variables that only Python's own objects would need,
    which no kernel has. Numba would import a module for them: that of sums on arrays imports scipy (0.4 s).
    """

    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle refers to."""
        if (module, name) == (environment._rebuild_env.__module__, environment._rebuild_env.__name__):
            return _rebuilt_environment
        return super().find_class(module, name)


def _rebuilt_environment(module: str, constants: Any, name: str) -> Any:
    known = environment.lookup_environment(name)  # type: ignore[no-untyped-call]
    if known is not None:
        return known
    made = environment.Environment(vars(sys.modules[module]) if module in sys.modules else {"__name__": module})
    made.consts[:] = constants
    made.env_name = name
    environment.Environment._memo[name] = made
    return made


_STORE: CodeStore | None = None


def use_level(level: ProcessorLevel | None) -> None:
    """Use the code that was compiled beforehand for a level; none, if there is no level."""
    global _STORE  # noqa: PLW0603  (as numba's compiler, it belongs to the process)
    unused = level is None or os.environ.get(STORE_VARIABLE, "").strip().lower() == "off"
    _STORE = None if level is None or unused else code_store.open_store(code_store.file_of(level.name), level)


def has_installed_code() -> bool:
    """Check whether code was compiled beforehand for this processor, Python and numba."""
    return _STORE is not None


# -- a folder for the code that wasn't -------------------------------------------------------------------------------


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
