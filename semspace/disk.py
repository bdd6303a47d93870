"""Disk errors in words, locks between processes, and files that killed processes have left."""

import errno
import glob
import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import time
import uuid
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from semspace.errors import DamagedError, InputError, SemspaceError
from semspace.pools import uninterrupted

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows: a lock of a folder isn't to be had there
    fcntl = None

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room on the disk, or none allowed
_ABANDONED_SECONDS = 86_400  # age after which leftovers without a usable lock are deleted
_RENAME_WAIT_SECONDS = 60.0  # how long to wait for another writer's two renames
# How libraries that aren't written in Python pass on the number of an error of the system.
_NUMBERS = (re.compile(r"\bos error (\d+)\b"), re.compile(r"\bOs \{ code: (\d+)"), re.compile(r"\[Errno (\d+)\]"))
_SHORT_WRITE = re.compile(r"\b\d+ requested and \d+ written\b")  # numpy's


def disk_reason(problem: BaseException) -> str | None:
    """Return the reason of a disk error in the system's words; None for other errors."""
    code = _code(problem)
    if code is not None:
        return os.strerror(code)
    if isinstance(problem, OSError):
        return problem.strerror or str(problem) or type(problem).__name__
    return None


def is_full(problem: BaseException) -> bool:
    """Check whether the disk, or a quota, is full."""
    return _code(problem) in FULL


def write_error(target: Path, problem: BaseException) -> InputError | None:
    """Return the error to raise for a disk error while writing to `target`; None for other errors."""
    reason = disk_reason(problem)
    if reason is None:
        return None
    remedy = "free disk space, or choose another path" if is_full(problem) else "choose another path"
    return InputError(f"cannot write {target}: {reason}; {remedy}")


@contextmanager
def translate_disk_errors(target: Path) -> Iterator[None]:
    """Raise `InputError` with a short message in place of any disk error in the block."""
    try:
        yield
    except SemspaceError:
        raise
    except Exception as problem:
        error = write_error(target, problem)
        if error is None:
            raise
        raise error from problem


def exists(path: Path) -> bool:
    """Check whether anything is at a path; raise `InputError` where the system won't say."""
    try:
        return path.exists()
    except OSError as problem:
        raise InputError(f"{path} can't be used as a path: {problem.strerror or problem}") from problem


def _code(problem: BaseException) -> int | None:
    if isinstance(problem, OSError) and problem.errno is not None:
        return problem.errno
    text = str(problem)
    for pattern in _NUMBERS:
        if (found := pattern.search(text)) is not None:
            return int(found[1])
    return errno.ENOSPC if _SHORT_WRITE.search(text) else None


# -- folders and files that are opened once -------------------------------------------------------------------------


class Folder:
    """A directory that stays open, so that its files are found even after another takes its name.

    Where a system can't hold a directory (Windows, which doesn't let a directory be renamed whose files are open
    either), files are found by the path.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        if os.open in os.supports_dir_fd:
            self._handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            weakref.finalize(self, os.close, self._handle)

    def open(self, name: str) -> BinaryIO:
        """Open a file to read; raise `DamagedError` for a symbolic link, a named pipe, a device or a folder.

        Raises
        ------
        FileNotFoundError
            If it isn't there.
        """

        def opener(path: str, flags: int) -> int:
            # Without waiting: a named pipe would have its reader wait for ever.
            handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), dir_fd=self._handle)
            if not _is_regular(os.fstat(handle).st_mode):
                os.close(handle)
                raise DamagedError(f"{self.path / name} isn't a file; restore it, or save the value again")
            return handle

        where = name if self._handle is not None else str(self.path / name)
        if (link := self._link(name)) is not None:
            raise link_error(self.path / link)
        try:
            return open(where, "rb", opener=opener)
        except (IsADirectoryError, PermissionError) as problem:
            if isinstance(problem, PermissionError) and not (self.path / name).is_dir():  # so Windows calls a folder
                raise
            raise DamagedError(f"{self.path / name} isn't a file; restore it, or save the value again") from problem

    def is_current(self) -> bool:
        """Check whether the path still leads to this directory, as far as the system can tell."""
        if self._handle is None:
            return True
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._handle))
        except OSError:
            return False

    def _link(self, name: str) -> str | None:
        """Return the part of a file's path below this directory that is a symbolic link, if any is."""
        parts = name.split("/")
        for stop in range(1, len(parts) + 1):
            part = "/".join(parts[:stop])
            with suppress(OSError):  # what isn't there is found missing when it is opened
                held = self._handle is not None and os.stat in os.supports_dir_fd
                mode = os.lstat(part, dir_fd=self._handle).st_mode if held else (self.path / part).lstat().st_mode
                if stat.S_ISLNK(mode):
                    return part
        return None

    def refuse_strange(self) -> None:
        """Raise `DamagedError` if an entry is a symbolic link, or neither file nor folder: a pipe, a device, a socket.

        A link that leads nowhere is passed over, as editors leave them where they lock a file.
        """
        where = self._handle if self._handle is not None and os.scandir in os.supports_fd else self.path
        with os.scandir(where) as entries:
            for entry in entries:
                with suppress(OSError):  # gone meanwhile
                    if entry.is_symlink():
                        if _leads(entry):
                            raise link_error(self.path / entry.name)
                    elif not (entry.is_file() or entry.is_dir()):
                        raise DamagedError(f"{self.path / entry.name} is neither a file nor a folder; remove it")


def link_error(path: Path) -> DamagedError:
    """Return the error for a symbolic link inside a saved value."""
    return DamagedError(
        f"{path} is a symbolic link, which may lead out of the saved value; put a copy of what it leads to in its "
        f"place (cp -RL copies a folder so)"
    )


def _leads(link: os.DirEntry[str]) -> bool:
    try:
        link.stat()
    except OSError:
        return False
    return True


def _is_regular(mode: int) -> bool:
    return (mode & 0o170000) == 0o100000


def sync(path: Path) -> None:
    """Flush a file or a directory to disk, so that a rename never becomes visible before the contents."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class LockedError(BlockingIOError):
    """A file that another process has locked; `owner` is its number, or empty where that isn't known."""

    owner: str = ""


class FileLock:
    """A file that this process alone has locked; the system unlocks it when the process ends, however it ends.

    The file says the number of the process. It is removed on release.

    Parameters
    ----------
    path : Path
    required : bool
        Raise `OSError` on a disk that knows no locks; otherwise nobody is kept out there.

    Raises
    ------
    LockedError
        If another process has it.
    OSError
        If the file can't be created.
    """

    def __init__(self, path: Path, *, required: bool = True) -> None:
        self.path, self.owner = path, os.getpid()
        self._handle: int | None = None
        while self._handle is None:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o644)
            try:
                self._lock(handle, required=required)
                if path.exists() and os.path.samestat(path.stat(), os.fstat(handle)):  # else its owner just removed it
                    self._handle = handle
            finally:
                if self._handle is None:
                    os.close(handle)
        with suppress(OSError):  # on a full disk, say: the number is for people, the lock holds without it
            os.ftruncate(self._handle, 0)
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.write(self._handle, str(self.owner).encode())

    @staticmethod
    def _lock(handle: int, *, required: bool) -> None:
        try:
            _lock(handle)
        except LockedError as problem:
            problem.owner = os.read(handle, 20).decode(errors="replace")
            raise
        except _NoLocks:
            if required:
                raise

    def release(self) -> None:
        """Release the lock."""
        if self._handle is None:
            return
        if os.getpid() == self.owner:  # a forked process must not remove the file of its parent
            with suppress(OSError):  # Windows removes no file that is open
                self.path.unlink()
        os.close(self._handle)
        self._handle = None

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class _NoLocks(OSError):
    """A disk, or a system, that knows no locks."""


def _lock(handle: int) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, 1 << 30, os.SEEK_SET)  # far behind what is written, which others can still read
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            os.lseek(handle, 0, os.SEEK_SET)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as problem:
        raise LockedError(problem.errno, problem.strerror) from problem
    except OSError as problem:
        raise _NoLocks(problem.errno, problem.strerror) from problem


# -- what is being written, and what killed processes left of it ----------------------------------------------------


@contextmanager
def temporary_beside(target: Path, *, folder: bool) -> Iterator[Path]:
    """Create an empty hidden file or folder beside a path, to be renamed to it; it is deleted after the block.

    What killed processes have left there is deleted first. The system holds a lock on it for this process, by which
    others know that its writer is alive.
    """
    delete_leftovers(target)
    place: Path | None = None
    handle: int | None = None
    try:
        with uninterrupted():  # else Ctrl-C could leave it behind, held by a process that goes on
            place, handle = _new_beside(target, folder=folder)
        yield place
    finally:
        with uninterrupted():
            if place is not None:  # it has another name when it has been renamed: then there is nothing to delete
                shutil.rmtree(place, ignore_errors=True) if folder else place.unlink(missing_ok=True)
            if handle is not None:
                os.close(handle)


def _new_beside(target: Path, *, folder: bool) -> tuple[Path, int | None]:
    """Create a hidden file or folder beside a path, and hold it."""
    while True:
        place = target.with_name(f".{target.name}.new-{_machine()}{uuid.uuid4().hex[:8]}")
        place.mkdir() if folder else place.touch(exist_ok=False)
        handle = _held(place)
        if handle != _TAKEN:
            return place, handle
        # Somebody has just taken it for dead, and deletes it.


def delete_leftovers(target: Path) -> None:
    """Delete what killed processes have left beside a path, but nothing that may still be written."""
    with suppress(OSError):
        for left in target.parent.glob(f"{glob.escape(f'.{target.name}.new-')}*"):
            with suppress(OSError):
                _sweep(target, left)


def _sweep(target: Path, left: Path) -> None:
    handle = _held(left)
    if handle == _TAKEN:
        return
    try:
        # A lock is only as good as what the disk tells of it: one that other machines write to may not tell theirs.
        ours = handle is not None and left.name.startswith(f".{target.name}.new-{_machine()}")
        if not left.is_dir():
            if ours or _is_old(left):
                left.unlink()
        elif ours or _is_old(left):
            shutil.rmtree(left, ignore_errors=True)
        elif handle is not None:
            left.rmdir()  # which fails where anything is in it
    finally:
        if handle is not None:
            os.close(handle)


def _is_old(left: Path) -> bool:
    times = [path.stat().st_mtime for path in (left, *(left.rglob("*") if left.is_dir() else ()))]
    return bool(time.time() - max(times) > _ABANDONED_SECONDS)


_TAKEN = -1


def _held(place: Path) -> int | None:
    """Lock a file or folder: return its handle, `_TAKEN` if another has it or it is gone, None if nobody can know."""
    if fcntl is None:
        return None
    try:
        handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return _TAKEN
    except OSError:
        return None
    try:
        _lock(handle)
        there = place.exists() and os.path.samestat(place.stat(), os.fstat(handle))
    except LockedError:
        there = False
    except OSError:  # a disk that knows no locks
        os.close(handle)
        return None
    if not there:
        os.close(handle)
        return _TAKEN
    return handle


def _machine() -> str:
    """Name this machine, so that what another wrote on a shared disk isn't taken for what died here."""
    own = platform.node()
    with suppress(OSError):
        own += Path("/etc/machine-id").read_text(encoding="ascii", errors="replace")
    return hashlib.sha256(own.encode()).hexdigest()[:4]


@contextmanager
def rename_lock(folder: Path) -> Iterator[None]:
    """Acquire the lock for renaming values in a folder, until the block ends.

    Where the disk knows no locks, nobody waits.
    """
    try:
        handle = None if fcntl is None else os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        handle = None
    try:
        if handle is not None:
            _wait(handle)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _wait(handle: int) -> None:
    until = time.monotonic() + _RENAME_WAIT_SECONDS
    while time.monotonic() < until:
        try:
            _lock(handle)
        except LockedError:
            time.sleep(0.005)
        except _NoLocks:
            return
        else:
            return
