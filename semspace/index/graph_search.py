"""Searches of the graph for many queries or one, by codes or their sketches, rescored from the full vectors."""

from __future__ import annotations

import math
import threading
from typing import Any, NamedTuple

import numpy as np

from semspace import checks, pools
from semspace.index import search_kernel
from semspace.index.allowed_points import AllowedPoints, picked_codes
from semspace.index.engine import RowsAndScores
from semspace.index.exact import compare_all
from semspace.index.graph import Graph, SearchBuffers, WorkerPool
from semspace.index.points import View
from semspace.index.quantization import Codec, rows_of_bytes
from semspace.index.sketches import rotation_signs, sketch_queries
from semspace.index.tuning import Tuning
from semspace.threads import thread_count
from semspace.types import Bools1d, Bytes2d, Floats2d, Int8s2d, Int32s1d, Int32s2d, Ints1d, Ints2d

SCANS = 50  # brute-force comparisons that cost as much as one candidate of a graph search
_CHEAPER = 2  # factor on that when several queries share the comparisons
_CHEAPER_BEFORE = 5  # the factor of versions that measured widths by many queries at once
_SPREAD = 1.5  # factor on the number of nearest that the nearest allowed are among
_LEEWAY = 1.25  # factor on the candidates of a walk that the share of allowed points among them may ask for
_TOGETHER = 8  # queries that share comparisons, at least
_FEW = 20  # times `SCANS`: allowed points, whose vectors are compared one by one
_COPYING, _AGAIN = 64, 4  # queries' comparisons that cost as much as copying the vectors; uses of a copy that is kept
_TAKING = 40  # products of two numbers that cost as much as looking at the score that they become
_PRODUCTS = 1_300  # times `SCANS`: products of two numbers that cost as much as one candidate of a graph search
_MOST_PACKED = 256  # neighbours

# Entry, root, the layers' levels, links, nodes and rows below; links of the lowest, what is walked by, codes, rows.
_Arrays = tuple[
    int, int, Int32s1d, Int32s2d, Int32s1d, Int32s1d, Int32s2d, Any, Int8s2d, Int32s1d
]  # fmt: skip


class SearchScope(NamedTuple):
    """What is searched, and how: the points that are allowed, and the widths as measured."""

    points: AllowedPoints
    tuning: Tuning
    workers: WorkerPool

    @property
    def view(self) -> View:
        """All points."""
        return self.points.view

    @property
    def mask(self) -> Bools1d | None:
        """Of each row whether it is live and allowed; None where all are."""
        return self.points.mask

    @property
    def n_allowed(self) -> int:
        """Number of allowed points."""
        return self.points.count


class GraphSearcher:
    """Searches of a graph over points. The graph may grow meanwhile, by the one who holds the lock `changing`.

    Parameters
    ----------
    codec : Codec
    graph : Graph
    """

    def __init__(self, codec: Codec, graph: Graph) -> None:
        self.codec, self.graph, self.metric = codec, graph, codec.metric
        self.changing = threading.RLock()
        self._worker_pools: dict[int, WorkerPool] = {}
        self._last_widths: tuple[Tuning | None, tuple[int, int | None, int], Ints2d] = (
            None, (0, None, 0), np.empty((0, 2), np.int64)
        )  # fmt: skip
        self._last_allowed: AllowedPoints | None = None
        pools.on_fork(self)

    def forked(self) -> None:
        """Replace the lock, which a thread of the parent may have held."""
        self.changing = threading.RLock()

    def workers(self, threads: int | None) -> WorkerPool:
        """Return the pool of so many threads; all cores by default."""
        count = thread_count() if threads is None else checks.whole("threads", threads, high=1_024)
        if count not in self._worker_pools:
            self._worker_pools[count] = WorkerPool(count, self.codec.width)
        return self._worker_pools[count]

    def search(
        self, view: View, query_vectors: Floats2d, k: int, tuning: Tuning, allowed: Bools1d | None = None, *,
        ef: int | None = None, threads: int | None = None, starts: Ints1d | None = None, singly: bool = False,
        walked: bool = False,
    ) -> RowsAndScores:  # fmt: skip
        """Find the nearest live rows in the graph; compare with all where that is faster or safer.

        Parameters
        ----------
        ef : int, optional
            Candidates that are kept, instead of what `tuning` says.
        starts : (queries,), optional
            The nodes where the searches begin.
        singly : bool
            Search as for single queries.
        walked : bool
            Never compare all codes.
        """
        points = self._allowed(view, allowed)
        n_allowed = points.count
        if not query_vectors.flags.writeable:  # the kernels are compiled for one kind of arrays
            query_vectors = query_vectors.copy()
        scope = SearchScope(points, tuning, self.workers(threads))
        if not walked and n_allowed and len(query_vectors):
            nearest = self._quickly(scope, query_vectors, k, ef, descends=starts is None, singly=singly)
            if nearest is not None:
                return nearest
        found = np.full((len(query_vectors), k), -1, np.int64)
        scores = np.full((len(query_vectors), k), -np.inf, np.float32)
        if not n_allowed or not len(query_vectors):
            return found, scores
        chosen, ef = ef, max(ef or tuning.ef(k), k)
        codes, fit = self.codec.encode_queries(query_vectors, scope.workers.share)
        wider = self._width(scope, k, ef if chosen else None)
        # Tuning measured single queries; many at once are compared with all codes more often, which finds no less.
        many = (len(query_vectors) >= _TOGETHER or not tuning.singly) and not singly
        shared = _CHEAPER if tuning.singly else _CHEAPER_BEFORE
        scans = SCANS * shared if many else SCANS
        everywhere = tuning.scan and chosen is None and starts is None
        unsure, rest = np.zeros(len(query_vectors), np.bool_), np.arange(len(query_vectors))
        unusual = chosen is None and starts is None  # queries unlike the points are looked for
        while len(rest):
            scanned = not walked and (n_allowed <= max(wider * scans, 4 * k) or everywhere)
            part = slice(None) if len(rest) == len(query_vectors) else rest
            vectors, own_codes, own, near = query_vectors[part], codes[part], found[part], scores[part]
            if scanned:
                unsure[part] = self._scan(scope, vectors, own_codes, own, near)
                lacking = np.zeros(len(rest), np.bool_)
            else:
                begun, widths = None if starts is None else starts[part], np.full(len(rest), wider)
                met, far = self.walk(scope, vectors, own_codes, wider, own, near, begun)
                if unusual:
                    most = n_allowed / scans if scans and not walked else math.inf  # from so many on, all are compared
                    self._widen(scope, vectors, own_codes, most, far, own, near, met, widths)
                    unusual = False
                needed = self._needed(scope, k, ef if chosen else None, widths, met)
                lacking = needed > _LEEWAY * widths
                if lacking.any():
                    wider = min(int(np.median(np.maximum(2 * widths, needed)[lacking])), self.graph.count)
            found[part], scores[part] = own, near
            if walked or (lacking.any() and wider >= self.graph.count):
                unsure[rest[lacking]] = True
                break
            rest = rest[lacking]
        unsure |= ~fit
        if unsure.any():
            found[unsure], scores[unsure] = compare_all(view, self.metric, query_vectors[unsure], k, allowed)
        return found, scores

    def _search_one(
        self, view: View, query_vector: Floats2d, k: int, tuning: Tuning, ef: int | None
    ) -> RowsAndScores | None:
        """Search the graph for one query in one call of a kernel; return None where that isn't the way.

        The result is that of `search`, whose preparations for many queries take longer than the walk for one.
        """
        graph, codec = self.graph, self.codec
        if graph.sketches is None or view.count <= 4 * k or (tuning.scan and not ef):
            return None
        widths, widest = self._widths_of_one(k, tuning, ef)
        most = view.count // SCANS if SCANS else 2**31  # candidates; from so many on, all codes are compared
        if widths[0, 1] >= most:
            return None
        found, scores = np.empty((1, k), np.int64), np.empty((1, k), np.float32)
        arrays = self._arrays()
        workers = self.workers(1)
        own = workers.take_buffers()
        try:
            met = search_kernel.search_one(
                query_vector, self.metric != "euclidean", codec.mean, codec.axes, np.float32(codec.step),
                np.float32(codec.worst), rotation_signs(arrays[7].shape[1]), k, widths, most, tuning.slack, *arrays,
                view.ground.vectors, view.more, view.sizes, search_kernel.METRICS[self.metric], found, scores,
                own.code, own.asked, *own.fit(widest, max(len(arrays[2]), len(arrays[6]))),
            )  # fmt: skip
        finally:
            workers.return_buffers(own)
        return None if met < min(view.count, k) else (found, scores)

    def _widths_of_one(self, k: int, tuning: Tuning, ef: int | None) -> tuple[Ints2d, int]:
        """Return the widths of a search, as `search_one` takes them, and the widest; the last ones are kept."""
        held, asked, widths = self._last_widths
        if held is not tuning or asked != (k, ef, self.graph.count):
            usual = (-(1 << 62), max(ef or tuning.ef(k), k))
            levels = [] if ef else [(one.far, tuning.ef(k, at + 1)) for at, one in enumerate(tuning.levels)]
            widths = np.minimum(np.array([usual, *levels], np.int64), [[1 << 62, self.graph.count]])
            self._last_widths = (tuning, (k, ef, self.graph.count), widths)
        return widths, int(widths[:, 1].max())

    def _quickly(
        self, scope: SearchScope, query_vectors: Floats2d, k: int, ef: int | None, *, descends: bool, singly: bool
    ) -> RowsAndScores | None:
        """Search for one query among all points in one call, or compare exactly where that is quick; else None."""
        points, (n, dim) = scope.points, query_vectors.shape
        if n == 1 and points.mask is None and descends:
            one = self._search_one(scope.view, query_vectors, k, scope.tuning, ef)
            if one is not None:
                return one
        if n >= _TOGETHER and not singly and self.metric != "euclidean" and k <= _MOST_PACKED:
            copying = _COPYING / (_AGAIN if points.are_kept else 1)
            cost = points.count * (dim + _TAKING) * (1 + copying / n)
            if cost <= self._width(scope, k, ef) * SCANS * _PRODUCTS:
                return points.compare_products(query_vectors, k, scope.workers)
        elif points.count <= SCANS * _FEW:
            return points.compare_each(query_vectors, k, scope.workers)
        return None

    def walk(
        self, scope: SearchScope, query_vectors: Floats2d, codes: Int8s2d, wider: int, found: Ints2d, scores: Floats2d,
        starts: Ints1d | None = None,
    ) -> tuple[Ints1d, Ints1d]:  # fmt: skip
        """Search the graph; return how many allowed points each query met, and how far the tenth met of all is."""
        graph, k, view = self.graph, found.shape[1], scope.view
        met, far = np.zeros(len(query_vectors), np.int64), np.zeros(len(query_vectors), np.int64)
        arrays = self._arrays()
        asked = _lifted(codes) if graph.sketches is None else sketch_queries(codes, scope.workers.share)
        vectors = (view.ground.vectors, view.more, view.sizes, search_kernel.METRICS[self.metric])
        allowed = None if scope.mask is None else scope.mask.view(np.uint8)

        def work(first: int, last: int, own: SearchBuffers) -> None:
            room = own.fit(wider, max(len(arrays[2]), len(arrays[6])))
            search_kernel.search_graph(
                first, last, codes, asked, query_vectors, starts, k, wider, scope.tuning.slack, *arrays, allowed,
                *vectors, found, scores, met, far, *room,
            )  # fmt: skip

        scope.workers.share(len(query_vectors), work)
        return met, far

    def _arrays(self) -> _Arrays:
        """Return the graph as the kernels take it; it fits together, whatever another thread adds meanwhile."""
        graph = self.graph
        with self.changing:
            return (
                graph.entry, graph.root, graph.level, graph.upper, graph.nodes, graph.down, graph.links,
                graph.codes if graph.sketches is None else graph.sketches, graph.codes, graph.rows,
            )  # fmt: skip

    def _width(self, scope: SearchScope, k: int, ef: int | None, level: int = 0) -> int:
        """Return how many candidates a walk keeps.

        Where a share of the points is allowed, the k nearest of these are among the k / share nearest of all, about, so
        that as many candidates are needed as for that many neighbours. `level` is that of unusual queries.
        """
        share = scope.n_allowed / self.graph.count
        wide = math.ceil(ef / share) if ef else scope.tuning.ef(_among(k, share), level)
        return min(wide, self.graph.count)

    def _needed(self, scope: SearchScope, k: int, ef: int | None, widths: Ints1d, met: Ints1d) -> Ints1d:
        """Return how many candidates each query needs, by the share of allowed points among those that it met.

        Around a query it may be smaller than elsewhere: with a condition that goes against it, for example.
        """
        if scope.mask is None or ef is not None:
            enough = min(scope.n_allowed, k if scope.mask is None else max(k, (ef or k) // 2))
            return np.where(met < enough, 4 * widths, 0)
        shares = np.maximum(met, 1) / widths
        needed = np.array([scope.tuning.ef(_among(k, share)) for share in shares.tolist()])
        few = met < min(scope.n_allowed, k)
        needed[few] = np.maximum(needed[few], 4 * widths[few])
        return np.where(met >= scope.n_allowed, 0, needed)

    def _widen(
        self, scope: SearchScope, query_vectors: Floats2d, codes: Int8s2d, most: float, far: Ints1d, found: Ints2d,
        scores: Floats2d, met: Ints1d, widths: Ints1d,
    ) -> None:  # fmt: skip
        """Search once more, with more candidates, for the queries that are unlike the points; see `difficulty`.

        With `most` candidates, all codes are compared instead.
        """
        levels, k = scope.tuning.levels_of(far), found.shape[1]
        for level in np.unique(levels[levels > 0]):
            width = self._width(scope, k, None, int(level))
            again = np.flatnonzero((levels == level) & (width > widths)).astype(np.int32)
            if not len(again):
                continue
            vectors, own, rows, new = query_vectors[again], picked_codes(codes, again), found[again], scores[again]
            if width >= most:
                full = self._scan(scope, vectors, own, rows, new)
                met[again] = np.where(full, 0, scope.n_allowed)
            else:
                met[again], _ = self.walk(scope, vectors, own, width, rows, new)
            found[again], scores[again], widths[again] = rows, new, width

    def _scan(
        self, scope: SearchScope, query_vectors: Floats2d, codes: Int8s2d, found: Ints2d, scores: Floats2d
    ) -> Bools1d:
        """Compare codes with all that is allowed; return of which queries more candidates than expected were near."""
        graph, k, view = self.graph, found.shape[1], scope.view
        with self.changing:
            codes_of, rows = graph.codes, graph.rows[: graph.count]
        nodes = scope.points.nodes(rows)
        places, picked = scope.points.codes(codes_of, nodes, several=len(query_vectors) >= _TOGETHER)
        most = 2 * k + 64
        full = np.zeros(len(query_vectors), np.uint8)
        vectors = (view.ground.vectors, view.more, view.sizes, search_kernel.METRICS[self.metric])

        def work(first: int, last: int, _: SearchBuffers) -> None:
            pools = np.empty((min(_TOGETHER, last - first), most), np.int64)
            lifted = rows_of_bytes(len(pools), self.codec.width).view(np.uint8)
            search_kernel.scan_codes(
                first, last, codes, query_vectors, k, most, scope.tuning.slack, nodes, places, picked, rows, *vectors,
                found, scores, full, pools, lifted,
            )  # fmt: skip

        scope.workers.share(len(query_vectors), work)
        return full.view(np.bool_)

    def _allowed(self, view: View, allowed: Bools1d | None) -> AllowedPoints:
        """Return the allowed points; those of the last condition are kept, since its next query comes soon."""
        last = self._last_allowed
        if last is None or not last.are(view, allowed):
            last = AllowedPoints(view, allowed, self.metric)
            self._last_allowed = last
        return last

    def nodes_of_rows(self, view: View, other: int) -> Ints1d:
        """Return the node of each row; `other` where there is none."""
        node = np.full(view.count, other, np.int64)
        rows = self.graph.rows[: self.graph.count]
        there = rows < view.count
        node[rows[there]] = np.flatnonzero(there)
        return node

    def find_by_code(self, codes: Int8s2d, found: Ints2d) -> None:
        """Fill in the nodes nearest by code."""
        pool = np.empty(found.shape[1], np.int64)
        lifted = rows_of_bytes(1, self.codec.width)[0].view(np.uint8)
        search_kernel.nearest_codes(codes, self.graph.codes[: self.graph.count], found, pool, lifted)


def _among(k: int, share: float) -> int:
    """Return among how many nearest of all the k nearest allowed are, safely."""
    return k if share >= 1 else math.ceil(k * (1 + (_SPREAD - 1) * (1 - share)) / share)


def _lifted(codes: Int8s2d) -> Bytes2d:
    """Return codes as queries, with unsigned bytes."""
    lifted = rows_of_bytes(*codes.shape).view(np.uint8)
    search_kernel.load_queries(codes, lifted)
    return lifted
