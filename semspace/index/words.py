"""`WordSearch`: BM25 over the texts of a local index, which follows its changes."""

from __future__ import annotations

import threading
from collections.abc import Callable

from semspace import pools
from semspace.index.points import FrozenPoints, View
from semspace.lexical import BM25, Postings


class WordSearch:
    """Creates the `BM25` of a view, and keeps what it counted for the next one.

    The words of the texts are counted at the first call, and after a change those of the new texts. A few large
    `Postings` are kept beside smaller ones for later texts, of which two of about one size become one; so a text is
    counted again only about as often as the logarithm of their number.
    """

    def __init__(self, ground: FrozenPoints | None = None, counted: Callable[[], Postings] | None = None) -> None:
        """Begin with what was counted of the texts of some points, if anything was."""
        self._lock = threading.Lock()
        self._ground = ground
        self._parts: tuple[Postings, ...] = ()
        self._counted = counted
        self._latest: tuple[View, BM25] | None = None
        pools.on_fork(self)

    def forked(self) -> None:
        """Replace the lock, which a thread of the parent may have held."""
        self._lock = threading.Lock()

    def of(self, view: View) -> BM25:
        """Return the BM25 of the live texts of a view."""
        latest = self._latest
        if latest is not None and latest[0] is view:
            return latest[1]
        with self._lock:
            bm25 = BM25(self._parts_of(view), view.alive)
            self._latest = view, bm25
        return bm25

    def postings(self, view: View) -> Postings:
        """Return the postings of all rows of a view in one piece, to be saved."""
        with self._lock:
            parts = self._parts_of(view)
        return parts[0] if len(parts) == 1 else Postings.of(view.texts())

    def _parts_of(self, view: View) -> tuple[Postings, ...]:
        """Return postings of all rows of a view; to be called by who holds the lock."""
        if self._counted is not None and self._ground is view.ground:
            self._parts = (self._counted(),)
        self._counted = None
        known = self._parts if self._ground is view.ground else ()
        parts = [part for part in known if part.stop <= view.count]
        start = parts[-1].stop if parts else 0
        if start < view.count or not parts:
            while parts and len(parts[-1]) <= 2 * (view.count - start):
                start = parts.pop().first
            parts.append(Postings.of(view.texts(start), start))
        self._ground, self._parts = view.ground, tuple(parts)
        return self._parts
