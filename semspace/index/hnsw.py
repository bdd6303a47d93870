"""HNSW (Malkov & Yashunin 2016, arXiv 1603.09320) over bytes, rescored from the full vectors."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any, ClassVar, NamedTuple

import numpy as np

from semspace import checks, pools
from semspace.bundle import Bundle, Draft
from semspace.index import search_kernel, tuning
from semspace.index.apart import insert_compared
from semspace.index.difficulty import WIDER, MeasuredWidths, find_levels, strange_queries
from semspace.index.engine import RowsAndScores
from semspace.index.exact import compare_all
from semspace.index.graph import Graph, SearchBuffers, WorkerPool
from semspace.index.local_recall import regions
from semspace.index.near_duplicates import ScoredPairs
from semspace.index.opening import damage_raised, read_codec, read_tuning
from semspace.index.points import PointTable, View
from semspace.index.quantization import Codec, rows_of_bytes
from semspace.index.sketches import sketch, sketch_queries
from semspace.index.tuning import QueryLevel, Tuning
from semspace.progress import bar
from semspace.threads import thread_count
from semspace.types import Bools1d, Bytes2d, Doubles1d, Floats2d, Int8s2d, Int32s1d, Ints1d, Ints2d

_HELD_OUT = 400  # points that recall is measured with
_IN_REGION = 20  # held-out points per region, about
_AGAIN = 1.25  # growth factor of the index after which recall is measured again
_QUESTIONS = 64  # new points needed for that; until then they are compared one by one
_FEWEST = 1_000  # points of an index that some are held out of
_PENDING = 1_024  # new points that are buffered until they are added to the graph, or until the next search
_SCANS = 50  # brute-force comparisons that cost as much as one candidate of a graph search
_CHEAPER = 2  # factor on that when several queries share the comparisons
_CHEAPER_BEFORE = 5  # the factor of versions that measured widths by many queries at once
_SCATTERED = 3  # divisor where a single query meets codes that don't lie together, under a condition
_SPREAD = 1.5  # factor on the number of nearest that the nearest allowed are among
_LEEWAY = 1.25  # factor on the candidates of a walk that the share of allowed points among them may ask for
_TOGETHER = 8  # queries that share comparisons, at least
_KNOWN = 400  # queries given by the user that are measured with
_SAMPLE = 10_000  # points of which queries unlike the points are made
_USUAL = 0.8  # share of the held-out points that count as usual queries
_ROUNDING = 1.000_001  # factor by which a vector may be longer than the longest
_SURE = 0.998  # share of the true neighbours that must be rescored
_ALIKE = 4_096  # neighbours of a point searched for at last, where pairs are wanted
_CELLS = 1 << 20  # neighbours searched for at a time
_NEAR = 16  # neighbours of a point searched for at first, where pairs are wanted
_PIECE = 4_096  # points at a time
_COMPARED, _ALL_BUT_ROUNDING = 32, 0.9  # sketches compared with their codes when a graph is opened; share of same bytes
_UNTUNED = Tuning(
    target_recall=0.0, recall=0.0, n_queries=0, queries_per_second=0.0, narrow=100, wide=200, slack=1 << 30
)


@dataclass(frozen=True)
class HnswSettings:
    """The settings of a graph.

    Parameters
    ----------
    m : int
        Links that a point chooses on each layer. More links raise recall and take more memory.
    ef_construction : int
        Size of the candidate list while building. A larger one builds a better graph, more slowly.
    ef : int, optional
        Size of the candidate list of a search for ten; by default measured for the target recall.
    code_bytes : int, optional
        Bytes of a point's code, a multiple of 64; by default enough to keep 95 % of the variance.
    seed : int
        Decides which points are on upper layers.
    """

    m: int = 16
    ef_construction: int = 128
    ef: int | None = None
    code_bytes: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        checks.whole("m", self.m, low=2, high=256)
        checks.whole("ef_construction", self.ef_construction, high=10_000)
        checks.seed(self.seed)
        if self.ef is not None:
            checks.whole("ef", self.ef)
        if self.code_bytes is not None and checks.whole("code_bytes", self.code_bytes, low=64) % 64:
            checks.choice("code_bytes", str(self.code_bytes), ("64", "128", "192", "256", "…"))


class ExactAnswers(NamedTuple):
    """Queries and the rows that are truly nearest to them."""

    vectors: Floats2d
    nearest: RowsAndScores

    def take(self, which: Ints1d) -> ExactAnswers:
        """Return some of the queries."""
        rows, scores = self.nearest
        return ExactAnswers(self.vectors[which], (rows[which], scores[which]))


class HnswEngine:
    """A navigable graph over points."""

    method: ClassVar[str] = "hnsw"

    def __init__(
        self, points: PointTable, codec: Codec, graph: Graph, settings: HnswSettings, measured: Tuning
    ) -> None:
        self.points, self.codec, self.graph = points, codec, graph
        self.metric = codec.metric
        self._settings, self.tuning = settings, measured
        self._worker_pools: dict[int, WorkerPool] = {}
        self._changing = threading.RLock()
        # How many rows were taken in, and which of them the graph doesn't hold: points unlike any there were when the
        # codec was fitted.
        self._taken: tuple[int, Ints1d] = (0, np.empty(0, np.int64))
        self._known_queries: Floats2d | None = None
        self._begun = False  # some of the rows that came since may be in the graph: adding them was stopped
        self._last_allowed: tuple[Bools1d | None, int, Int32s1d] = (None, 0, np.empty(0, np.int32))
        pools.on_fork(self)

    def forked(self) -> None:
        """Replace the lock, which a thread of the parent may have held."""
        self._changing = threading.RLock()

    @classmethod
    def build(
        cls,
        points: PointTable,
        metric: str,
        *,
        recall: float,
        settings: HnswSettings,
        queries: Floats2d | None = None,
        threads: int | None = None,
        progress: bool = True,
    ) -> HnswEngine:
        """Build the graph without some held-out points, measure with these how wide a search must be, and add them.

        `queries` are known ones, for which the recall must be reached, too.
        """
        view = points.view
        rows = view.live_rows()
        vectors = view.ground.vectors
        codec = Codec.fit(vectors, metric, None if settings.code_bytes is None else settings.code_bytes // 64)
        spare = min(_HELD_OUT, len(rows) // 20) if len(rows) >= _FEWEST else 0
        held = np.zeros(len(rows), np.bool_)
        held[np.random.default_rng(settings.seed).choice(len(rows), spare, replace=False)] = True
        engine = cls(
            points, codec, Graph(codec.width, settings.m, settings.ef_construction, settings.seed), settings, _UNTUNED
        )
        workers = engine.workers(threads)
        with bar("building the index", len(rows), unit="point", progress=progress) as shown:
            codes = codec.encode(vectors)
            engine.graph.first(codes, rows[~held], workers, shown)
            engine._taken = (view.count, engine._taken[1])
            engine._known_queries = None if queries is None else _some(queries, settings.seed)
            engine.tuning = engine.measure(view, rows[held], recall)
            engine.graph.add(np.ascontiguousarray(codes[held]), rows[held], workers, shown)
        return engine

    # -- queries ------------------------------------------------------------------------------------------

    def search(
        self,
        view: View,
        query_vectors: Floats2d,
        k: int,
        allowed: Bools1d | None = None,
        *,
        ef: int | None = None,
        threads: int | None = None,
        starts: Ints1d | None = None,
    ) -> RowsAndScores:
        """Return approximately the nearest live rows; compare with all where that is faster or safer.

        `starts` may hold the nodes where the searches begin.
        """
        self.catch_up()
        return self._search(view, query_vectors, k, allowed, ef=ef, threads=threads, starts=starts)

    def _search(
        self, view: View, query_vectors: Floats2d, k: int, allowed: Bools1d | None = None, *, ef: int | None = None,
        threads: int | None = None, starts: Ints1d | None = None, singly: bool = False, walked: bool = False,
    ) -> RowsAndScores:  # fmt: skip
        """Search the points in the graph; `singly`: as for single queries; `walked`: never compare all codes."""
        mask = view.live_mask(allowed)
        there = view.count if mask is None else int(mask.sum())
        found = np.full((len(query_vectors), k), -1, np.int64)
        scores = np.full((len(query_vectors), k), -np.inf, np.float32)
        if not there or not len(query_vectors):
            return found, scores
        tuned, chosen = self.tuning, ef or self._settings.ef
        ef = max(chosen or tuned.ef(k), k)
        workers = self.workers(threads)
        codes, fit = self.codec.encode_queries(query_vectors, workers.share)
        wider = self._width(k, ef if chosen else None, there)
        # Tuning measured single queries; many at once are compared with all codes more often, which finds no less.
        many = (len(query_vectors) >= _TOGETHER or not tuned.singly) and not singly
        shared = _CHEAPER if tuned.singly else _CHEAPER_BEFORE
        scans = _SCANS * shared if many else _SCANS / (1 if allowed is None else _SCATTERED)
        everywhere = tuned.scan and chosen is None and starts is None
        unsure, rest = np.zeros(len(query_vectors), np.bool_), np.arange(len(query_vectors))
        unusual = chosen is None and starts is None  # queries unlike the points are looked for
        while len(rest):
            scanned = not walked and (there <= max(wider * scans, 4 * k) or everywhere)
            part = slice(None) if len(rest) == len(query_vectors) else rest
            vectors, own_codes, own, near = query_vectors[part], codes[part], found[part], scores[part]
            if scanned:
                unsure[part] = self._scan(view, vectors, own_codes, mask, own, near, workers)
                lacking = np.zeros(len(rest), np.bool_)
            else:
                begun, widths = None if starts is None else starts[part], np.full(len(rest), wider)
                met, far = self._walk(view, vectors, own_codes, mask, wider, own, near, workers, begun)
                if unusual:
                    most = there / scans if scans and not walked else math.inf  # from so many on, all are compared
                    self._widen(view, vectors, own_codes, mask, most, far, own, near, met, widths, workers)
                    unusual = False
                needed = self._needed(k, ef if chosen else None, widths, met, there, mask)
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
        self._compare_apart(view, query_vectors, mask, found, scores)
        return found, scores

    def _compare_apart(
        self, view: View, query_vectors: Floats2d, mask: Bools1d | None, found: Ints2d, scores: Floats2d
    ) -> None:
        """Insert the points that are not in the graph, compared one by one, into the results."""
        taken, apart = self._taken
        rows = np.concatenate([apart[apart < view.count], np.arange(taken, view.count)])
        insert_compared(view, self.metric, rows if mask is None else rows[mask[rows]], query_vectors, found, scores)

    def _walk(
        self, view: View, query_vectors: Floats2d, codes: Int8s2d, mask: Bools1d | None, wider: int, found: Ints2d,
        scores: Floats2d, workers: WorkerPool, starts: Ints1d | None,
    ) -> tuple[Ints1d, Ints1d]:  # fmt: skip
        """Search the graph; return how many allowed points each query met, and how far the tenth met of all is."""
        graph, k = self.graph, found.shape[1]
        met, far = np.zeros(len(query_vectors), np.int64), np.zeros(len(query_vectors), np.int64)
        with self._changing:  # what is read here fits together, whatever another thread adds meanwhile
            arrays = (
                graph.entry, graph.root, graph.level, graph.upper, graph.nodes, graph.down, graph.links,
                graph.codes if graph.sketches is None else graph.sketches, graph.codes, graph.rows,
            )  # fmt: skip
        asked = _lifted(codes) if graph.sketches is None else sketch_queries(codes, workers.share)
        vectors = (view.ground.vectors, view.more, view.sizes, search_kernel.METRICS[self.metric])
        allowed = None if mask is None else mask.view(np.uint8)

        def work(first: int, last: int, own: SearchBuffers) -> None:
            room = own.fit(wider, max(len(arrays[2]), len(arrays[6])))
            search_kernel.search_graph(
                first, last, codes, asked, query_vectors, starts, k, wider, self.tuning.slack, *arrays, allowed,
                *vectors, found, scores, met, far, *room,
            )  # fmt: skip

        workers.share(len(query_vectors), work)
        return met, far

    def _width(self, k: int, ef: int | None, there: int, level: int = 0) -> int:
        """Return how many candidates a walk keeps, of which so many are allowed.

        Where a share of the points is allowed, the k nearest of these are among the k / share nearest of all, about, so
        that as many candidates are needed as for that many neighbours. `level` is that of unusual queries.
        """
        share = there / self.graph.count
        wide = math.ceil(ef / share) if ef else self.tuning.ef(self._among(k, share), level)
        return min(wide, self.graph.count)

    def _among(self, k: int, share: float) -> int:
        """Return among how many nearest of all the k nearest allowed are, safely."""
        return k if share >= 1 else math.ceil(k * (1 + (_SPREAD - 1) * (1 - share)) / share)

    def _needed(self, k: int, ef: int | None, widths: Ints1d, met: Ints1d, there: int, mask: Bools1d | None) -> Ints1d:
        """Return how many candidates each query needs, by the share of allowed points among those that it met.

        Around a query it may be smaller than elsewhere: with a condition that goes against it, for example.
        """
        if mask is None or ef is not None:
            enough = min(there, k if mask is None else max(k, (ef or k) // 2))
            return np.where(met < enough, 4 * widths, 0)
        shares = np.maximum(met, 1) / widths
        needed = np.array([self.tuning.ef(self._among(k, share)) for share in shares.tolist()])
        few = met < min(there, k)
        needed[few] = np.maximum(needed[few], 4 * widths[few])
        return np.where(met >= there, 0, needed)

    def _widen(
        self, view: View, query_vectors: Floats2d, codes: Int8s2d, mask: Bools1d | None, most: float, far: Ints1d,
        found: Ints2d, scores: Floats2d, met: Ints1d, widths: Ints1d, workers: WorkerPool,
    ) -> None:  # fmt: skip
        """Search once more, with more candidates, for the queries that are unlike the points; see `difficulty`.

        With `most` candidates, all codes are compared instead.
        """
        levels, k = self.tuning.levels_of(far), found.shape[1]
        there = view.count if mask is None else int(mask.sum())
        for level in np.unique(levels[levels > 0]):
            width = self._width(k, None, there, int(level))
            again = np.flatnonzero((levels == level) & (width > widths)).astype(np.int32)
            if not len(again):
                continue
            vectors, own, rows, new = query_vectors[again], _picked(codes, again), found[again], scores[again]
            if width >= most:
                full = self._scan(view, vectors, own, mask, rows, new, workers)
                met[again] = np.where(full, 0, there)
            else:
                met[again], _ = self._walk(view, vectors, own, mask, width, rows, new, workers, None)
            found[again], scores[again], widths[again] = rows, new, width

    def _scan(
        self,
        view: View,
        query_vectors: Floats2d,
        codes: Int8s2d,
        mask: Bools1d | None,
        found: Ints2d,
        scores: Floats2d,
        workers: WorkerPool,
    ) -> Bools1d:
        """Compare codes with all that is allowed; return of which queries more candidates than expected were near."""
        graph, k = self.graph, found.shape[1]
        with self._changing:
            codes_of, rows = graph.codes, graph.rows[: graph.count]
        nodes = np.arange(len(rows), dtype=np.int32) if mask is None else self._allowed_nodes(mask, rows)
        # A few queries find the codes where they lie; for more it pays to put them one behind the other first.
        together = len(query_vectors) >= _TOGETHER
        places, picked = (None, codes_of) if mask is None else (nodes, codes_of)
        if together and mask is not None:
            places, picked = None, _picked(codes_of, nodes)
        most = 2 * k + 64
        full = np.zeros(len(query_vectors), np.uint8)
        vectors = (view.ground.vectors, view.more, view.sizes, search_kernel.METRICS[self.metric])

        def work(first: int, last: int, _: SearchBuffers) -> None:
            pools = np.empty((min(_TOGETHER, last - first), most), np.int64)
            lifted = rows_of_bytes(len(pools), self.codec.width).view(np.uint8)
            search_kernel.scan_codes(
                first, last, codes, query_vectors, k, most, self.tuning.slack, nodes, places, picked, rows, *vectors,
                found, scores, full, pools, lifted,
            )  # fmt: skip

        workers.share(len(query_vectors), work)
        return full.view(np.bool_)

    def _allowed_nodes(self, mask: Bools1d, rows: Int32s1d) -> Int32s1d:
        """Return the nodes of allowed rows; those of the last condition are kept, since its next query comes soon."""
        held, count, nodes = self._last_allowed
        if held is not mask or count != len(rows):
            nodes = np.flatnonzero((rows < len(mask)) & mask[np.minimum(rows, len(mask) - 1)]).astype(np.int32)
            self._last_allowed = (mask, len(rows), nodes)
        return nodes

    def workers(self, threads: int | None) -> WorkerPool:
        """Return the pool of so many threads."""
        count = _workers(threads)
        if count not in self._worker_pools:
            self._worker_pools[count] = WorkerPool(count, self.codec.width)
        return self._worker_pools[count]

    def pairs(self, view: View, least: float, most: int, *, progress: bool = True) -> Iterator[ScoredPairs]:
        """Find pairs of live rows that score at least `least`: a point asks for more while all it found are near."""
        self.catch_up()
        most = max(_ALIKE, math.isqrt(2 * most) + 2)  # among more alike than these there are more pairs than wanted
        node = self._nodes(view, self.graph.root)
        rows = view.live_rows()
        with bar("looking for pairs", len(rows), unit="point", progress=progress) as shown:
            for start in range(0, len(rows), _PIECE):
                part, k = rows[start : start + _PIECE], _NEAR
                shown.update(len(part))
                while len(part):
                    k = min(k, view.live, most)
                    full = []
                    for some in np.array_split(part, -(-len(part) * k // _CELLS)):
                        near, scores = self.search(view, view.vectors(some), k, starts=node[some])
                        high = (scores >= least) & (near >= 0)
                        at, column = np.nonzero(high & (near != some[:, None]))
                        a, b = some[at], near[at, column]
                        yield np.minimum(a, b), np.maximum(a, b), scores[at, column]
                        full.append(some[high[:, -1]])
                    part = np.concatenate(full) if k < min(view.live, most) else part[:0]
                    k *= 4

    def _nodes(self, view: View, other: int) -> Ints1d:
        """Return the node of each row; `other` where there is none."""
        node = np.full(view.count, other, np.int64)
        rows = self.graph.rows[: self.graph.count]
        there = rows < view.count
        node[rows[there]] = np.flatnonzero(there)
        return node

    # -- changing -----------------------------------------------------------------------------------------

    def catch_up(self, *, wait: bool = False, all_of_them: bool = False) -> None:
        """Add new rows to the graph, with `wait` only once they are many, after repairing an interrupted insertion.

        Rows that aren't taken in are compared one by one meanwhile.
        """
        if self._taken[0] >= self.points.count and self.graph.whole:
            return
        if wait and self.points.count - self._taken[0] < _PENDING:
            return
        with self._changing:
            self.graph.repair()
            view, (taken, apart) = self.points.view, self._taken
            rows = np.arange(taken, view.count)
            due = self._due(len(rows))
            if not len(rows) or (due and len(rows) < _QUESTIONS and not all_of_them):
                return
            if self._begun:
                rows = rows[~np.isin(rows, self.graph.rows[: self.graph.count])]
            vectors = view.vectors(rows)
            held = self.codec.fits(vectors)
            if self.metric == "dot":
                held &= view.sizes[rows] <= self.codec.max_norm * _ROUNDING
            if due and held.sum() >= _QUESTIONS:
                self._measure_again(view, rows[held])
            self._begun = True
            if held.any():
                with bar("adding to the index", int(held.sum()), unit="point") as shown:
                    self.graph.add(self.codec.encode(vectors[held]), rows[held], self.workers(None), shown)
            self._taken = (view.count, np.concatenate([apart, rows[~held]]))
            self._begun = False

    def _due(self, more: int) -> bool:
        """Check whether so many points have come since it was measured that it's to be measured again."""
        known = self.tuning.points
        return bool(known) and self._settings.ef is None and self.graph.count + more >= _AGAIN * known

    # -- measuring ----------------------------------------------------------------------------------------

    def measure(self, view: View, rows: Ints1d, recall: float) -> Tuning:
        """Measure with rows that aren't in the graph what a single search needs for the recall asked for."""
        if not len(rows):
            return replace(_UNTUNED, recall=recall, singly=True)
        inside = np.zeros(view.count, np.bool_)
        inside[self.graph.rows[: self.graph.count]] = True
        usual = self._exact(view, view.vectors(rows), inside)
        rng = np.random.default_rng(self._settings.seed)
        strange = strange_queries(view.vectors(np.sort(rng.permutation(np.flatnonzero(inside))[:_SAMPLE])), rng)
        others = [self._exact(view, strange, inside)]
        if self._known_queries is not None:
            others.append(self._exact(view, self._known_queries, inside))
        slack = max(self._slack(view, usual.vectors, usual.nearest), 1)
        self.tuning = replace(_UNTUNED, target_recall=recall, n_queries=len(rows), slack=slack, singly=True)
        codes, _ = self.codec.encode_queries(usual.vectors, self.workers(None).share)
        most = max(1, len(rows) // _IN_REGION)
        sizes, region = regions(self.graph.codes[: self.graph.count], codes, most, self._settings.seed)
        # Beyond so many candidates all codes are compared instead, also when the index has grown until it is measured
        # again.
        widest = min(int(2 * _AGAIN * self.graph.count / _SCANS), tuning.MAX_EF) if _SCANS else tuning.MAX_EF

        def suffices(k: int, ef: int) -> bool:
            return tuning.reaches(recall, self._shares(view, usual, k, inside, ef), region)

        few, many = tuning.MEASURED_K
        widths = [self._settings.ef or tuning.smallest_ef(k, widest, partial(suffices, k)) for k in (few, many)]
        narrow, wide = (width or max(widest, k) for width, k in zip(widths, (few, many), strict=True))
        self.tuning = replace(
            self.tuning, narrow=narrow, wide=wide, points=self.graph.count, scan=widths[0] is None
        )  # fmt: skip
        if self._settings.ef is None and not self.tuning.scan:
            self.tuning = replace(self.tuning, levels=self._levels(view, [usual, *others], inside, recall, widest))
            if self._known_queries is not None:
                self._widen_for(view, others[-1], inside, recall, widest)
        as_asked = tuning.recalls_at(usual.nearest, self._search(view, usual.vectors, few, inside, singly=True), few)
        mean, worst, at = tuning.mean_and_worst(as_asked, region)
        speed = max(self._speed(view, usual.vectors, inside) for _ in range(3))
        return replace(
            self.tuning, recall=mean, worst=worst, worst_points=int(sizes[at]), queries_per_second=speed
        )  # fmt: skip

    def _exact(self, view: View, query_vectors: Floats2d, inside: Bools1d) -> ExactAnswers:
        return ExactAnswers(
            query_vectors, compare_all(view, self.metric, query_vectors, tuning.MEASURED_K[1], inside)
        )  # fmt: skip

    def _shares(self, view: View, asked: ExactAnswers, k: int, inside: Bools1d, ef: int | None) -> Doubles1d:
        """Return the recall of each query by walks of a width; None for what is tuned."""
        found = self._search(view, asked.vectors, k, inside, ef=ef, walked=True)
        return tuning.recalls_at(asked.nearest, found, k)

    def _levels(
        self, view: View, asked: Sequence[ExactAnswers], inside: Bools1d, recall: float, widest: int
    ) -> tuple[QueryLevel, ...]:
        """Return the widths for queries unlike the points; the first of `asked` are like them."""
        every = ExactAnswers(
            np.concatenate([one.vectors for one in asked]),
            (np.concatenate([one.nearest[0] for one in asked]), np.concatenate([one.nearest[1] for one in asked])),
        )
        far = self._how_far(view, every.vectors, inside, self.tuning.narrow)
        usual = int(np.quantile(far[: len(asked[0].vectors)], _USUAL))

        def measured(k: int, width: int) -> MeasuredWidths:
            widths = sorted({min(round(width * times), max(widest, width)) for times in WIDER})
            return MeasuredWidths(widths, lambda which, ef: self._shares(view, every.take(which), k, inside, ef))

        (few, many), target = tuning.MEASURED_K, min(recall + tuning.MARGIN, 1.0)
        narrow, wide = measured(few, self.tuning.narrow), measured(many, self.tuning.wide)
        return tuple(find_levels(far, usual, narrow, wide, target))

    def _widen_for(self, view: View, known: ExactAnswers, inside: Bools1d, recall: float, widest: int) -> None:
        """Widen all searches, where those for known queries don't reach the recall at their levels."""
        for name, k in zip(("narrow", "wide"), tuning.MEASURED_K, strict=True):
            width = getattr(self.tuning, name)
            for times in WIDER:
                wider = min(round(width * times), max(widest, width))
                self.tuning = replace(self.tuning, **{name: wider})
                if self._shares(view, known, k, inside, None).mean() >= min(recall + tuning.MARGIN, 1.0):
                    break

    def _how_far(self, view: View, query_vectors: Floats2d, inside: Bools1d, ef: int) -> Ints1d:
        """Return how far by code the tenth candidate of each query is."""
        workers, count = self.workers(None), len(query_vectors)
        codes, _ = self.codec.encode_queries(query_vectors, workers.share)
        found, scores = np.empty((count, 10), np.int64), np.empty((count, 10), np.float32)
        return self._walk(view, query_vectors, codes, view.live_mask(inside), ef, found, scores, workers, None)[1]

    def _measure_again(self, view: View, rows: Ints1d) -> None:
        """Measure with new rows whether searches still reach the target recall; if not, widen them."""
        before, rng = self.tuning, np.random.default_rng(self._settings.seed)
        some = np.sort(rng.permutation(rows)[:_HELD_OUT])
        try:
            now = self.measure(view, some, before.target_recall)
        except BaseException:
            self.tuning = before
            raise
        self.tuning = replace(
            now, narrow=max(now.narrow, before.narrow), wide=max(now.wide, before.wide),
            slack=max(now.slack, before.slack), scan=now.scan or before.scan,
        )  # fmt: skip

    def _speed(self, view: View, query_vectors: Floats2d, inside: Bools1d) -> float:
        start = perf_counter()
        self._search(view, query_vectors, tuning.MEASURED_K[0], inside, threads=1, singly=True)
        return len(query_vectors) / (perf_counter() - start)

    def _slack(self, view: View, query_vectors: Floats2d, truth: RowsAndScores) -> int:
        """Return how much farther by code a true neighbour may be than as many nearest by code; few are farther."""
        k = tuning.MEASURED_K[0]
        codes, _ = self.codec.encode_queries(query_vectors, self.workers(None).share)
        node = self._nodes(view, -1)
        by_code = np.full((len(query_vectors), k), -1, np.int64)
        self.find_by_code(codes, by_code)
        beyond = []
        for own, near, true in zip(codes, by_code, truth[0], strict=True):
            beyond.append(
                _distances(self.graph.codes, node[true[:k]], own) - _distances(self.graph.codes, near, own).max()
            )
        return int(np.quantile(np.concatenate(beyond), _SURE))

    def find_by_code(self, codes: Int8s2d, found: Ints2d) -> None:
        """Fill in the nodes nearest by code."""
        pool = np.empty(found.shape[1], np.int64)
        lifted = rows_of_bytes(1, self.codec.width)[0].view(np.uint8)
        search_kernel.nearest_codes(codes, self.graph.codes[: self.graph.count], found, pool, lifted)

    # -- looking into it, and on disk ---------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Return what the graph was built with."""
        return {**asdict(self._settings), "code_bytes": self.codec.width}

    def measured(self) -> dict[str, Any]:
        """Return what was measured, by the names of `IndexReport`."""
        tuned = self.tuning
        return {
            "recall": tuned.recall,
            "target_recall": tuned.target_recall,
            "n_queries": tuned.n_queries,
            "queries_per_second": tuned.queries_per_second,
            "worst_recall": tuned.worst,
            "worst_points": tuned.worst_points,
        }

    def details(self) -> dict[str, Any]:
        """Return what the engine found out for itself, for the report."""
        tuned = self.tuning
        return {
            "candidates_for_10": tuned.ef(10),
            "candidates_for_100": tuned.ef(100),
            "walked": not tuned.scan,
            "variance_kept": self.codec.energy,
            "compared_apart": len(self._taken[1]),
        }

    def write(self, draft: Draft) -> None:
        """Write graph and codec as arrays."""
        with self._changing:
            self.catch_up(all_of_them=True)
            self._write(draft)

    def _write(self, draft: Draft) -> None:
        graph = self.graph
        if graph.codes.flags.writeable:
            graph.reconnect()
        draft.meta["graph"] = {"entry": graph.entry, "count": graph.count, "used": graph.used}
        draft.meta["codec"] = {
            "step": self.codec.step, "reach": self.codec.max_norm, "energy": self.codec.energy,
            "worst": self.codec.worst,
        }  # fmt: skip
        draft.meta["tuning"] = self.tuning.facts()
        for name, array in graph.arrays().items():
            draft.array(name, array)
        draft.array("mean", self.codec.mean)
        draft.array("axes", self.codec.axes)

    @classmethod
    def read(cls, bundle: Bundle, points: PointTable, metric: str, settings: dict[str, Any]) -> HnswEngine:
        """Open a saved graph, mapped."""
        with damage_raised(bundle, "a graph"):
            codec = read_codec(bundle, metric, points.dim)
            chosen = HnswSettings(**settings)
            graph = Graph(codec.width, chosen.m, chosen.ef_construction, chosen.seed)
            names = [name for name in graph.arrays() if name != "sketches" or bundle.has("sketches.npy")]
            graph.restore({name: bundle.array(name) for name in names}, **bundle.meta["graph"])
            if np.bincount(graph.rows, minlength=1).max() > 1 or (graph.count and graph.rows.max() >= points.count):
                raise ValueError("its nodes aren't different rows of the points")
            if points.count and not graph.count:
                raise ValueError("it is empty")
            _check_sketches(graph, WorkerPool(1, codec.width))
            tuned = read_tuning(bundle.meta["tuning"])
        engine = cls(points, codec, graph, chosen, tuned)
        missing = np.empty(0, np.int64)
        if graph.count < points.count:
            missing = np.setdiff1d(np.arange(points.count), graph.rows)
        engine._taken = (points.count, missing)
        return engine


def _check_sketches(graph: Graph, workers: WorkerPool) -> None:
    """Raise ValueError where the sketches of some codes, evenly spread, are those of others."""
    if graph.sketches is None or not graph.count:
        return
    some = np.unique(np.linspace(0, graph.count - 1, _COMPARED).astype(np.int32))
    same = graph.sketches[some] == sketch(_picked(graph.codes, some), workers.share)
    if same.mean() < _ALL_BUT_ROUNDING:
        raise ValueError("its sketches aren't those of its codes")


def _workers(threads: int | None) -> int:
    return thread_count() if threads is None else checks.whole("threads", threads, high=1_024)


def _some(queries: Floats2d, seed: int) -> Floats2d:
    """Return the queries, or as many of them as are measured with."""
    return queries[np.sort(np.random.default_rng(seed).permutation(len(queries))[:_KNOWN])]


def _lifted(codes: Int8s2d) -> Bytes2d:
    """Return codes as queries, with unsigned bytes."""
    lifted = rows_of_bytes(*codes.shape).view(np.uint8)
    search_kernel.load_queries(codes, lifted)
    return lifted


def _picked(codes: Int8s2d, nodes: Int32s1d) -> Int8s2d:
    """Copy some codes one behind the other."""
    picked = rows_of_bytes(len(nodes), codes.shape[1])
    np.take(codes, nodes, axis=0, out=picked)
    return picked


def _distances(codes: Int8s2d, nodes: Ints1d, own: Int8s2d) -> Ints1d:
    """Return squared distances of nodes to a query, up to a constant."""
    near = codes[nodes]
    product = near[:, :-8].astype(np.int64) @ own[:-8].astype(np.int64)
    lengths: Ints1d = near.view(np.int32)[:, -2] - 2 * product
    return lengths
