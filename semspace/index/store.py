"""`IndexStore`: the folder of an opened index: its files, its journal, and the right to write it."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

from semspace import pools
from semspace.bundle import Bundle, Draft, create_bundle, open_bundle
from semspace.disk import FileLock
from semspace.errors import DamagedError, InputError, ReplacedError, SemspaceWarning
from semspace.files import digest
from semspace.index.insertion_log import InsertionLog
from semspace.index.journal import Journal, Record
from semspace.manifest import MANIFEST

KIND = "index"
VERIFIED_AT_ONCE = 64 << 20  # bytes: a smaller index is verified before it opens, a larger one while it is in use
_LOOK_AGAIN = 1.0  # seconds after which a reader checks again whether its files were replaced


class IndexStore:
    """The folder of an opened index.

    Its files are verified while it is in use. With a lock it may be written: changes go to its journal, and `fold`
    writes all files anew.

    Parameters
    ----------
    bundle : Bundle
    target : Path
        Where the index belongs.
    lock : FileLock, optional
        The right to write; None for reading.
    verify : bool, optional
        Verify all checksums now (True) or never (False); by default those of a large index in the background.
    is_followed : bool
        Whether it is refreshed before each search, so that a replacement needs no warning.
    """

    def __init__(
        self, bundle: Bundle, target: Path, lock: FileLock | None, verify: bool | None, *, is_followed: bool = False
    ) -> None:
        self.target, self._lock = target, lock
        self._damage: DamagedError | None = None
        self._closed_because = ""
        self._folding = False  # a fold was begun and its end not seen: either the old or the new files are there
        self._warned_of_replacement = is_followed
        self._manifest, self._looked_at = _identity(bundle.folder), monotonic()
        self.insertions = InsertionLog(bundle.folder, digest(bundle.signature), writable=lock is not None)
        self._use(bundle)
        self.is_verified = bool(verify) or (verify is None and bundle.size <= VERIFIED_AT_ONCE)
        if self.is_verified:
            bundle.check()
        elif verify is None:
            threading.Thread(target=self._verify, args=(bundle,), daemon=True).start()
        pools.on_fork(self)

    def forked(self) -> None:
        """Leave the right to write with the parent process."""
        if self._lock is not None:
            self._closed_because = (
                f"was opened for writing by another process ({self._lock.owner}), from which this one was forked"
            )
            self.close()

    def _use(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.size = bundle.size
        self.journal = Journal(bundle.folder, digest(bundle.signature))
        self.insertions.restart(bundle.folder, digest(bundle.signature))

    def _verify(self, bundle: Bundle) -> None:
        try:
            bundle.check()
        except (ReplacedError, OSError):  # the files were replaced; those that are mapped stay what they were
            pass
        except DamagedError as damage:
            self._damage = damage

    def check(self) -> None:
        """Raise the damage found so far; warn a reader, once, where its files have been replaced."""
        if self._damage is not None:
            raise self._damage
        if self._lock is not None or self._warned_of_replacement or self._closed_because:
            return
        if monotonic() - self._looked_at < _LOOK_AGAIN:
            return
        self._looked_at = monotonic()
        if _identity(self.target) != self._manifest:
            self._warned_of_replacement = True
            warnings.warn(
                f"{self.target} was replaced since it was opened: the answers are those of the points it had then; "
                f"call refresh() for the new ones, or open it with refresh='auto'",
                SemspaceWarning,
                stacklevel=5,
            )

    def records(self) -> list[Record]:
        """Return the changes since the index was written."""
        try:
            return list(self.journal.read())
        finally:
            self._bundle.unchanged()  # raises where another index has replaced it, whose journal this may be

    def new_records(self) -> Iterator[Record] | None:
        """Return the changes that a writer has acknowledged since the last look; none if this is the writer.

        None where the index was replaced, by a fold of its journal for example, and must be opened again.
        """
        if self._damage is not None:
            raise self._damage
        if self._closed_because:
            raise InputError(f"the index {self.target} {self._closed_because}; open it again")
        if self._lock is not None:
            return iter(())
        if self._bundle.folder != self.target:
            return None  # it was opened where a killed writer had set it aside, and the next one puts it back
        records = self.journal.read_new()
        # Looked at after the journal: a replacement in between would else go unseen, with a journal just as long.
        return records if _identity(self.target) == self._manifest else None

    def check_writable(self) -> None:
        """Raise where the index was opened for reading, or closed; find out which files a failed fold has left."""
        if self._closed_because:
            raise InputError(
                f"the index {self.target} {self._closed_because}; open it again with writable=True to change it"
            )
        if self._lock is None:
            raise InputError(f"{self.target} is open for reading; open it with writable=True to change it")
        if self._folding:
            bundle = open_for_writing(self.target)
            if bundle.signature != self._bundle.signature:
                self._use(bundle)
            self._folding = False

    def writes(self, folder: Path) -> bool:
        """Check whether this is the folder, open for writing."""
        return self._lock is not None and self.target.resolve() == folder.resolve()

    def fold(self, write: Callable[[Draft], None]) -> None:
        """Replace the index on disk by what `write` writes, with an empty journal."""
        self.check_writable()
        self.journal.close()  # opened again if this fails
        self._folding = True
        with create_bundle(self.target, KIND, overwrite=True) as draft:
            write(draft)
        self.check_writable()

    def close(self) -> None:
        """Close the journal, and let other processes write."""
        self._closed_because = self._closed_because or "was closed"
        self.journal.close()
        self.insertions.stop()
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def open_for_writing(target: Path) -> Bundle:
    """Open the bundle of an index, after completing a replacement that a killed process left between two renames."""
    bundle = open_bundle(target, KIND, verify=False)
    if bundle.folder == target:
        return bundle
    os.replace(bundle.folder, target)
    return open_bundle(target, KIND, verify=False)


def _identity(folder: Path) -> tuple[int, ...]:
    """Return what distinguishes a manifest from another in its place."""
    try:
        status = (folder / MANIFEST).stat()
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_size
