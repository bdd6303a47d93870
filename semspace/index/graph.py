"""The HNSW graph: its arrays, and how points are inserted.

Points are inserted in batches. All points of a batch search for their neighbours at once, in a graph that doesn't
change meanwhile and among each other; then the chosen neighbours link back, each in one thread. So threads need no
locks, and the graph is the same with any number of them, and on any processor (the idea is ParlayANN's, Manohar et al.
2024).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from semspace import checks
from semspace.errors import DamagedError
from semspace.index import beam_search, neighbor_selection, search_kernel
from semspace.index.distances import CACHE_LINE
from semspace.index.quantization import rows_of_bytes
from semspace.index.sketches import query_width, sketch, sketch_queries, sketch_width
from semspace.pools import Pool, on_fork
from semspace.progress import Bar
from semspace.types import ArrayXd, Bytes2d, Doubles1d, Int8s2d, Int32s1d, Int32s2d, Ints1d, UInt64s1d

BATCH = 1_024  # points inserted at a time, at most
_FIRST = 64  # points inserted at a time at the beginning
_ALONE = 16  # tasks; with fewer, threads cost more than they save
_HIGHEST = 12  # layers
_SMALL = 50_000  # points up to which a check after each change that all can be reached costs little
_ROWS = 65_536  # codes copied at a time


class SearchBuffers:
    """The buffers that one thread needs for a search; `code` and `asked` are for one query."""

    def __init__(self, width: int) -> None:
        self.code = rows_of_bytes(1, width)
        self.asked = rows_of_bytes(1, query_width(sketch_width(width)))
        self.lifted = rows_of_bytes(1, width)[0].view(np.uint8)
        self.pool = np.empty(0, np.int64)
        self.seen = np.zeros(0, np.int64)
        self.visited = np.empty(0, np.int32)

    def fit(self, ef: int, count: int) -> tuple[Any, ...]:
        """Return buffers for a pool of `ef` candidates in a graph of `count` points."""
        if len(self.pool) < ef:
            self.pool = np.empty(ef, np.int64)
            self.visited = np.empty(max(64 * ef, 4_096), np.int32)
        if len(self.seen) * 64 <= count:
            self.seen = np.zeros(count // 48 + 1, np.int64)
        return self.pool, self.lifted, self.seen, self.visited


class WorkerPool:
    """Threads that share work, each with its own buffers; with one, no thread is started."""

    def __init__(self, threads: int, width: int) -> None:
        self.threads = threads
        self._scratch: SimpleQueue[SearchBuffers] = SimpleQueue()
        self._width = width
        self._pool = Pool(threads)
        on_fork(self)

    def share(self, total: int, work: Callable[[int, int, SearchBuffers], object]) -> None:
        """Run `work` on parts of `total` tasks in parallel."""
        if self.threads < 2 or total < _ALONE:
            self._run(0, total, work)
            return
        cuts = np.linspace(0, total, min(8 * self.threads, total // 4) + 1).astype(int).tolist()
        self._pool.each(self._run, [(*cut, work) for cut in pairwise(cuts)])

    def forked(self) -> None:
        """Discard buffers that a thread of the parent may have been using."""
        self._scratch = SimpleQueue()

    def _run(self, first: int, last: int, work: Callable[[int, int, SearchBuffers], object]) -> None:
        scratch = self.take_buffers()
        try:
            work(first, last, scratch)
        finally:
            self.return_buffers(scratch)

    def take_buffers(self) -> SearchBuffers:
        """Return buffers that nobody else uses; `return_buffers` gives them back."""
        try:
            return self._scratch.get_nowait()
        except Empty:
            return SearchBuffers(self._width)

    def return_buffers(self, buffers: SearchBuffers) -> None:
        """Take buffers back."""
        self._scratch.put(buffers)


class _Choice:
    """The links that points choose while they are inserted: known before, or kept for the next time."""

    def __init__(self, m: int, known: Int32s1d | None) -> None:
        self.is_known = known is not None
        self._m, self._known, self._at = m, known, 0
        self._kept: list[Int32s1d] = []

    def take(self, count: int) -> Int32s2d:
        """Return what so many points have chosen."""
        assert self._known is not None
        start, self._at = self._at, self._at + count * self._m
        return self._known[start : self._at].reshape(count, self._m)

    def keep(self, chosen: Int32s2d) -> None:
        """Keep what was chosen, where it wasn't known."""
        if not self.is_known:
            self._kept.append(chosen.reshape(-1))

    def made(self) -> Int32s1d:
        """Return all that was chosen, in the order in which it was."""
        if self._known is not None:
            return self._known
        return np.concatenate(self._kept) if self._kept else np.empty(0, np.int32)


class Graph:
    """Codes of points and their links. It grows; points are never removed.

    Parameters
    ----------
    m : int
        Links that a point chooses on a layer; on the lowest layer it may get twice as many.
    ef_construction : int
        Size of the candidate list while searching for a new point's neighbours.
    seed : int
        Decides which points are on upper layers, and the order in which the first ones are inserted.

    Attributes
    ----------
    codes : (capacity, width) int8
    sketches : (capacity, sketch width) uint8, optional
        By which searches walk; None where codes are as short, and in a graph of an earlier version.
    rows : (capacity,) int32
        The row of each node in the space.
    links : (capacity, 2 m) int32
        On the lowest layer, where rows are nodes.
    upper : (capacity of upper layers, m) int32
        Links on all upper layers. `nodes` holds the node of each row, `down` the row (on layer 1, the node) of the same
        point one layer below, and `level` its layer.
    """

    def __init__(self, width: int, m: int, ef_construction: int, seed: int) -> None:
        self.m, self.ef_construction, self.seed = m, ef_construction, seed
        self.count = self.used = 0
        self.unchecked = 0  # points that came since every point was known to be reached
        self.whole = True  # False while points are linked, and after that was stopped
        self.root = 0  # the node to begin with where there are no upper layers
        self.entry = -1  # a row of the highest upper layer
        self.codes: Int8s2d = rows_of_bytes(0, width)
        self.sketches: Bytes2d | None = None
        if sketch_width(width) < width:
            self.sketches = rows_of_bytes(0, sketch_width(width)).view(np.uint8)
        self.rows = np.empty(0, np.int32)
        self.links = np.empty((0, 2 * m), np.int32)
        self.upper = np.empty((0, m), np.int32)
        self.nodes, self.down, self.level = (np.empty(0, np.int32) for _ in range(3))

    # -- growing ------------------------------------------------------------------------------------------

    def first(self, codes: Int8s2d, rows: Ints1d, workers: WorkerPool, shown: Bar | None = None) -> None:
        """Insert the first points by their codes: those of upper layers first, otherwise in random order."""
        levels = self._levels(len(rows))
        chance = _random(np.arange(len(rows), dtype=np.uint64), self.seed + 1)
        order = np.lexsort((chance, -levels))
        self._reserve(len(rows), int(levels.sum()))
        self.rows[: len(rows)] = rows[order]
        for start in range(0, len(rows), _ROWS):
            part = slice(start, min(start + _ROWS, len(rows)))
            self._put(part, codes[self.rows[part]], workers)
        self._take(levels[order], workers, shown)

    def add(
        self, codes: Int8s2d, rows: Ints1d, workers: WorkerPool, shown: Bar | None = None,
        links: Int32s1d | None = None,
    ) -> Int32s1d:  # fmt: skip
        """Insert more points, which have these rows in the space; return the links that they have chosen.

        With `links`, which were returned when the same points were added to the same graph, no search is needed, and
        the graph becomes the same. ValueError is raised where they can't be links of these points; some of the points
        may be in the graph then, and `repair` makes it whole.
        """
        levels = self._levels(len(codes))
        if links is not None and len(links) != self.m * (len(levels) + int(levels.sum())):
            raise ValueError("these are not the links of so many points")
        order = np.argsort(-levels, kind="stable")
        start, stop = self.count, self.count + len(codes)
        self._reserve(stop, self.used + int(levels.sum()))
        self._put(slice(start, stop), codes[order], workers)
        self.rows[start:stop] = rows[order]
        choice = _Choice(self.m, links)
        self._take(levels[order], workers, shown, choice)
        return choice.made()

    def _put(self, part: slice, codes: Int8s2d, workers: WorkerPool) -> None:
        """Set codes, and their sketches."""
        self.codes[part] = codes
        if self.sketches is not None:
            self.sketches[part] = sketch(self.codes[part], workers.share)

    def _levels(self, count: int) -> Ints1d:
        """Return a random layer for each new point, by its number: one of m points is on the next layer."""
        numbers = np.arange(self.count, self.count + count, dtype=np.uint64)
        drawn = -np.log1p(-_random(numbers, self.seed)) / np.log(self.m)
        levels: Ints1d = np.minimum(drawn.astype(np.int64), _HIGHEST)
        return levels

    def _reserve(self, count: int, used: int) -> None:
        """Enlarge arrays where necessary, by half; the one that is compared is replaced last, in case of Ctrl-C."""
        if not self.links.flags.writeable:
            _check_links(self.links, self.upper)
        if count > len(self.links) or not self.links.flags.writeable:
            room = count if not self.count else max(count, self.count + self.count // 2)
            self.codes = _longer(self.codes, room, self.count)
            if self.sketches is not None:
                self.sketches = _longer(self.sketches, room, self.count)
            self.rows, self.links = (_larger(one, room, self.count) for one in (self.rows, self.links))
        if used > len(self.level) or not self.level.flags.writeable:
            room = used if not self.used else max(used, 2 * self.used)
            names = ("upper", "nodes", "down", "level")
            self.upper, self.nodes, self.down, self.level = (
                _larger(getattr(self, name), room, self.used) for name in names
            )

    def _take(self, levels: Ints1d, workers: WorkerPool, shown: Bar | None, choice: _Choice | None = None) -> None:
        """Insert points whose codes have been copied, batch by batch; all points of a batch have one level."""
        done = 0
        self.whole = False
        while done < len(levels):
            size = min(max(self.count // 4, _FIRST), BATCH, len(levels) - done)
            size = int((levels[done : done + size] == levels[done]).sum())
            batch = np.arange(self.count, self.count + size, dtype=np.int32)
            self._insert(batch, int(levels[done]), workers, choice)
            done += size
            if shown is not None:
                shown.update(size)
        self.unchecked += done
        if self.count < _SMALL or self.unchecked * 16 > self.count:
            self.reconnect()
        self.whole = True

    def repair(self) -> None:
        """Undo a batch whose insertion was interrupted, by deleting the links to its points."""
        if self.whole:
            return
        for links, known in ((self.links[: self.count], self.count), (self.upper[: self.used], self.used)):
            if (links >= known).any():
                _drop(links, known)
        self.reconnect()
        self.whole = True

    def _insert(self, batch: Int32s1d, level: int, workers: WorkerPool, choice: _Choice | None) -> None:
        """Insert a batch; it takes effect with the last line."""
        rows = self._reserve_rows(batch, level)
        top = int(self.level[self.entry]) if self.entry >= 0 else 0
        starts = np.full(len(batch), -1 if not self.count else self.root, np.int32)
        is_known = choice is not None and choice.is_known
        if self.entry >= 0 and top > level and not is_known:
            workers.share(
                len(batch), lambda first, last, buffers: self._find_entries(first, last, batch, level, starts, buffers)
            )
        elif self.entry >= 0:
            starts[:] = self.entry
        for at in range(level, -1, -1):
            begin = starts if at <= top else np.full(len(batch), -1, np.int32)
            if choice is not None and choice.is_known:
                chosen = self._checked(choice.take(len(batch)), rows[at], at)
            else:
                chosen = self._chosen(rows[at], batch, begin, at, workers)
            self._link(rows[at], chosen, at, workers)
            if choice is not None:
                choice.keep(chosen)
            if 0 < at <= top and not is_known:
                starts = self.down[begin]
        highest = level > top or (level and self.entry < 0)
        entry = int(rows[level][0]) if highest else self.entry
        self.count, self.used, self.entry = self.count + len(batch), self.used + level * len(batch), entry

    def _reserve_rows(self, batch: Int32s1d, level: int) -> list[Int32s1d]:
        """Return the rows of new points on each layer up to `level`."""
        rows, used = [batch], self.used
        for at in range(1, level + 1):
            new_rows = np.arange(used, used + len(batch), dtype=np.int32)
            self.nodes[new_rows], self.level[new_rows], self.down[new_rows] = batch, at, rows[-1]
            used += len(batch)
            rows.append(new_rows)
        return rows

    def _find_entries(
        self, first: int, last: int, batch: Int32s1d, level: int, starts: Int32s1d, buffers: SearchBuffers
    ) -> None:
        arrays = (self.entry, self.level, self.upper, self.nodes, self.down, self.codes)
        neighbor_selection.find_entries(first, last, batch, level, *arrays, starts, *buffers.fit(1, len(self.codes)))

    def _chosen(self, rows: Int32s1d, batch: Int32s1d, starts: Int32s1d, at: int, workers: WorkerPool) -> Int32s2d:
        """Return the neighbours of a batch on one layer; `starts` become the nearest older rows."""
        links, nodes = (self.upper, self.nodes) if at else (self.links, None)
        chosen = np.full((len(batch), self.m), -1, np.int32)
        ef = max(self.ef_construction, self.m)

        walked = self.codes if at or self.sketches is None else self.sketches
        own = rows_of_bytes(len(batch), self.codes.shape[1])
        own[:] = self.codes[batch]
        asked = loaded(own) if walked is self.codes else sketch_queries(own, workers.share)

        def choose_links(first: int, last: int, buffers: SearchBuffers) -> None:
            room = buffers.fit(ef, max(len(self.codes), len(self.level)))
            neighbor_selection.choose_links(
                first, last, rows, batch, asked, starts, ef, self.m, links, nodes, walked, self.codes, chosen, *room
            )

        workers.share(len(batch), choose_links)
        return chosen

    def _checked(self, chosen: Int32s2d, rows: Int32s1d, at: int) -> Int32s2d:
        """Return neighbours that were read; raise ValueError where they can't be those of these rows of a layer."""
        there = chosen >= 0
        known = int(rows[-1]) + 1
        if chosen.min() < -1 or chosen.max() >= known or (there[:, 1:] & ~there[:, :-1]).any():
            raise ValueError("a link leads out of the graph")
        if (chosen == rows[:, None]).any() or (at and (self.level[chosen[there]] != at).any()):
            raise ValueError("a link leads to its own point, or to another layer")
        return chosen

    def _link(self, rows: Int32s1d, chosen: Int32s2d, at: int, workers: WorkerPool) -> None:
        """Link a batch on one layer in both directions."""
        links, nodes = (self.upper, self.nodes) if at else (self.links, None)
        links[rows] = -1
        links[rows, : self.m] = chosen
        which, _ = np.nonzero(chosen >= 0)
        self._link_back(chosen[chosen >= 0], rows[which], links, nodes, workers)

    def _link_back(
        self, targets: Int32s1d, sources: Int32s1d, links: Int32s2d, nodes: Int32s1d | None, workers: WorkerPool
    ) -> None:
        if not len(targets):
            return
        order = np.argsort(targets, kind="stable")
        targets, sources = targets[order], sources[order]
        bounds = np.concatenate([[0], np.flatnonzero(np.diff(targets)) + 1, [len(targets)]]).astype(np.int64)

        def add_backlinks(first: int, last: int, buffers: SearchBuffers) -> None:
            neighbor_selection.add_backlinks(
                first, last, bounds, targets, sources, links, nodes, self.codes, buffers.lifted
            )

        workers.share(len(bounds) - 1, add_backlinks)

    # -- on disk ------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, ArrayXd]:
        """Return the arrays to save."""
        upper = {name: getattr(self, name)[: self.used] for name in ("upper", "nodes", "down", "level")}
        names = ("codes", "rows", "links", *(() if self.sketches is None else ("sketches",)))
        return {name: getattr(self, name)[: self.count] for name in names} | upper

    def restore(self, arrays: dict[str, ArrayXd], *, entry: int, count: int, used: int) -> None:
        """Use saved arrays as they are, mapped; raise ValueError where they are inconsistent."""
        checks.whole("entry", entry, low=-1)
        if "sketches" not in arrays:
            self.sketches = None
        for name, array in arrays.items():
            current = getattr(self, name)
            expected = (count if name in ("codes", "sketches", "rows", "links") else used, *current.shape[1:])
            if array.dtype != current.dtype or array.shape != expected or not array.flags.c_contiguous:
                raise ValueError(f"{name} is {array.dtype} of shape {array.shape}, not {current.dtype} of {expected}")
            setattr(self, name, array)
        if self.codes.ctypes.data % CACHE_LINE:  # a file that other hands have written
            self.codes = _longer(self.codes, count, count)
        if self.sketches is not None and self.sketches.ctypes.data % CACHE_LINE:
            self.sketches = _longer(self.sketches, count, count)
        _check_rows(self.rows, self.nodes, self.down, self.level, entry)
        self.entry, self.count, self.used = entry, count, used

    # -- every point can be reached -----------------------------------------------------------------------

    def reconnect(self) -> None:
        """Link points that can't be reached from the root to near points that can."""
        self.unchecked = 0
        for _ in range(8):
            lost = beam_search.unreached(self.links[: self.count], self.root)
            if not len(lost):
                return
            ef = max(2 * self.ef_construction, 64)
            room = SearchBuffers(self.codes.shape[1]).fit(ef, len(self.codes))
            held = self.links[: self.count]
            ways = np.bincount(held[held >= 0], minlength=self.count)
            neighbor_selection.relink(lost, self.root, ef, self.links, ways, self.codes, *room)


def _check_rows(rows: Int32s1d, nodes: Int32s1d, down: Int32s1d, level: Int32s1d, entry: int) -> None:
    """Raise ValueError where following a row would lead out of the graph; links are checked as they are followed."""
    if len(rows) and rows.min() < 0:
        raise ValueError("a row is negative")
    if not -1 <= entry < max(len(level), 0) or (len(level) and entry < 0):
        raise ValueError(f"there is no entry {entry}")
    lowest = level == 1
    sound = (nodes >= 0) & (nodes < len(rows)) & (level >= 1) & (down >= 0)
    sound &= down < np.where(lowest, len(rows), len(level))
    if not sound.all() or (level[down[~lowest]] != level[~lowest] - 1).any():
        raise ValueError("its upper layers lead nowhere")


def _check_links(links: Int32s2d, upper: Int32s2d) -> None:
    """Raise where a link leads nowhere: walks pass it over, but what links points would follow it."""
    for array in (links, upper):
        if len(array) and not (array.min() >= -1 and array.max() < len(array)):
            raise DamagedError("the graph of the index is damaged: a link leads out of it; build the index again")


def _drop(links: Int32s2d, known: int) -> None:
    """Delete links to unknown rows, and move the other links of a row together."""
    bad = links >= known
    rows = np.flatnonzero(bad.any(axis=1))
    some = np.where(bad[rows], -1, links[rows])
    links[rows] = np.take_along_axis(some, np.argsort(some < 0, axis=1, kind="stable"), axis=1)


def _longer(codes: Any, room: int, used: int) -> Any:
    """Copy codes, or sketches, to a matrix with more rows, whose address is a multiple of 64."""
    longer = rows_of_bytes(room, codes.shape[1]).view(codes.dtype)
    longer[:used] = codes[:used]
    return longer


def loaded(codes: Int8s2d) -> Bytes2d:
    """Return codes as queries, with unsigned bytes."""
    lifted = rows_of_bytes(*codes.shape).view(np.uint8)
    search_kernel.load_queries(codes, lifted)
    return lifted


def _larger(array: Int32s2d, room: int, used: int) -> Int32s2d:
    larger = np.full((room, *array.shape[1:]), -1, np.int32)
    larger[:used] = array[:used]
    return larger


def _random(numbers: UInt64s1d, seed: int) -> Doubles1d:
    """Return for each number a pseudo-random one in [0, 1), always the same (SplitMix64, Steele et al. 2014)."""
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed * 0xD1342543DE82EF95 % (1 << 64))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    drawn: Doubles1d = (mixed >> np.uint64(11)).astype(np.float64) / (1 << 53)
    return drawn
