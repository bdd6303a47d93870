"""`Refresher`: keeps an index that is open for reading up to date with its writer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from semspace import checks, pools
from semspace.index.local_collection import LocalCollection

MODES = ("manual", "auto")
INTERVAL = 0.1  # seconds between two looks of the mode "auto"


class Refresher:
    """Brings the points of an index to what its writer has acknowledged.

    Parameters
    ----------
    reopen : callable
        Opens the index again, in the same way.
    mode : {"manual", "auto"}
        Whether `is_due` ever becomes true.
    """

    def __init__(self, reopen: Callable[[], LocalCollection], mode: str = "manual") -> None:
        self._reopen = reopen
        self._auto = checks.choice("refresh", mode, MODES) == "auto"
        self._lock = threading.Lock()
        self._looked_at = monotonic()
        pools.on_fork(self)

    def forked(self) -> None:
        """Replace the lock, which a thread of the parent may have held."""
        self._lock = threading.Lock()

    def is_due(self) -> bool:
        """Check whether it is time to look, and no other thread does."""
        return self._auto and monotonic() - self._looked_at >= INTERVAL and not self._lock.locked()

    def refreshed(self, points: Callable[[], LocalCollection]) -> tuple[LocalCollection, bool]:
        """Return the points as they are now, and whether anything changed.

        Parameters
        ----------
        points : callable
            Returns the present collection, which another thread may just have replaced.
        """
        with self._lock:
            self._looked_at = monotonic()
            before = points()
            changed = before.refresh()
            if changed is not None:
                return before, changed
            after = self._reopen()
            after.source.keep_encoder_of(before.source)
            return after, True
