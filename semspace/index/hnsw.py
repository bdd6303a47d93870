"""HNSW (Malkov & Yashunin 2016, arXiv 1603.09320) over bytes, rescored from the full vectors."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from semspace import checks, queries
from semspace.bundle import Bundle, Draft
from semspace.checks import FloatMatrix
from semspace.errors import DamagedError
from semspace.index import seeking, tuning
from semspace.index.base import Found, Mask, Rows
from semspace.index.codes import Codec, Codes, rows_of_bytes
from semspace.index.exact import compare_all
from semspace.index.graph import Crew, Graph, Scratch
from semspace.index.pairs import Pairs
from semspace.index.points import Points
from semspace.index.tuning import Tuning
from semspace.progress import bar
from semspace.threads import thread_count

_HELD_OUT = 400  # points that recall is measured on
_FEWEST = 1_000  # points of which as many can be spared
_PENDING = 1_024  # points that came wait until so many do, or until somebody asks
_SCANS = 50  # comparisons cost as much as those of one candidate on a walk,
_CHEAPER = 5  # and so many times as many when several queries share them
_TOGETHER = 8  # queries at least
_ROUNDING = 1.000_001  # a vector may be longer than the longest by so much
_SURE = 0.998  # of the true neighbours are to be looked at
_ALIKE = 4_096  # neighbours looked at last
_CELLS = 1 << 20  # neighbours looked for at a time
_NEAR = 16  # neighbours looked at first, where pairs are wanted
_PIECE = 4_096  # points at a time
_UNTUNED = Tuning(recall=0.0, found=0.0, asked=0, queries_per_second=0.0, narrow=100, wide=200, slack=1 << 30)


@dataclass(frozen=True)
class Settings:
    """What a graph is built with.

    Parameters
    ----------
    m : int
        Links a point chooses on each layer. More finds better, and takes more memory.
    ef_construction : int
        Candidates kept while building. More builds a better graph, slower.
    ef : int, optional
        Candidates kept while searching for ten; measured for the recall asked for unless given.
    code_bytes : int, optional
        Bytes of a point's code, a multiple of 64; chosen so that 95 % of the variance is kept unless given.
    seed : int
        Decides which points lie on upper layers.
    """

    m: int = 16
    ef_construction: int = 128
    ef: int | None = None
    code_bytes: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        checks.whole("m", self.m, low=2, high=256)
        checks.whole("ef_construction", self.ef_construction, high=10_000)
        checks.seed(self.seed)
        if self.ef is not None:
            checks.whole("ef", self.ef)
        if self.code_bytes is not None and checks.whole("code_bytes", self.code_bytes, low=64) % 64:
            checks.choice("code_bytes", str(self.code_bytes), ("64", "128", "192", "256", "…"))


class HnswEngine:
    """A navigable graph over points."""

    kind: ClassVar[str] = "hnsw"

    def __init__(self, points: Points, codec: Codec, graph: Graph, settings: Settings, measured: Tuning) -> None:
        self.points, self.codec, self.graph = points, codec, graph
        self.metric = codec.metric
        self._settings, self.tuning = settings, measured
        self._crews: dict[int, Crew] = {}
        self._waiting: list[Rows] = []
        self._changing = threading.RLock()
        # Rows that the graph doesn't hold: points unlike any there were when the codec was fitted.
        self._apart = np.empty(0, np.int64)

    @classmethod
    def build(
        cls,
        points: Points,
        metric: str,
        *,
        recall: float,
        settings: Settings,
        threads: int | None = None,
        progress: bool = True,
    ) -> HnswEngine:
        """Build the graph, but for some points; measure with these what a search needs, and add them."""
        rows = points.live_rows()
        vectors = points.ground.vectors
        codec = Codec.fit(vectors, metric, None if settings.code_bytes is None else settings.code_bytes // 64)
        spare = min(_HELD_OUT, len(rows) // 20) if len(rows) >= _FEWEST else 0
        held = np.zeros(len(rows), np.bool_)
        held[np.random.default_rng(settings.seed).choice(len(rows), spare, replace=False)] = True
        engine = cls(
            points, codec, Graph(codec.width, settings.m, settings.ef_construction, settings.seed), settings, _UNTUNED
        )
        crew = engine.crew(threads)
        with bar("building the index", len(rows), unit="point", progress=progress) as shown:
            codes = codec.encode(vectors)
            engine.graph.first(codes, rows[~held], crew, shown)
            engine.tuning = engine.measure(rows[held], held, recall)
            engine.graph.add(np.ascontiguousarray(codes[held]), rows[held], crew, shown)
        return engine

    # -- asking -------------------------------------------------------------------------------------------

    def search(
        self,
        asked: FloatMatrix,
        k: int,
        allowed: Mask | None = None,
        *,
        ef: int | None = None,
        threads: int | None = None,
        starts: Rows | None = None,
    ) -> Found:
        """Return about the nearest live rows of each query; compare with all where that is quicker, or surer.

        `starts` may name the nodes that walks begin with.
        """
        self.catch_up()
        mask = self.points.live_mask(allowed)
        there = self.points.count if mask is None else int(mask.sum())
        ef = max(ef or self._settings.ef or self.tuning.ef(k), k)
        found = np.full((len(asked), k), -1, np.int64)
        scores = np.full((len(asked), k), -np.inf, np.float32)
        if not there or not len(asked):
            return found, scores
        crew = self.crew(threads)
        codes, fit = self.codec.ask(asked, crew.share)
        wider = min(-(-ef * self.graph.count // there), self.graph.count)
        scans = _SCANS * (_CHEAPER if len(asked) >= _TOGETHER else 1)
        if there <= max(wider * scans, 4 * k):
            unsure = self._scan(asked, codes, mask, found, scores, crew)
        else:
            unsure = self._walk(asked, codes, mask, ef, wider, found, scores, crew, starts)
            if unsure.any():
                again = np.flatnonzero(unsure)
                rows, own = found[again], scores[again]
                unsure[again] = self._scan(asked[again], codes[again], mask, rows, own, crew)
                found[again], scores[again] = rows, own
        unsure |= ~fit
        if unsure.any():
            found[unsure], scores[unsure] = compare_all(self.points, self.metric, asked[unsure], k, allowed)
        if len(self._apart):
            self._compare_apart(asked, mask, found, scores)
        return found, scores

    def _compare_apart(self, asked: FloatMatrix, mask: Mask | None, found: Rows, scores: FloatMatrix) -> None:
        """Put in their place points that the graph doesn't hold."""
        rows = self._apart
        if mask is not None:
            rows = rows[rows < len(mask)]
            rows = rows[mask[rows]]
        if not len(rows):
            return
        own = (self.points.vectors(rows), self.points.sizes[rows])
        names = range(len(rows))
        near = queries.nearest(*own, asked, found.shape[1], names=names, metric=self.metric)  # type: ignore[arg-type]
        for at, (places, values) in enumerate(near):
            fresh = ~np.isin(rows[places], found[at])
            both = np.concatenate([scores[at], values[fresh]]), np.concatenate([found[at], rows[places[fresh]]])
            order = np.lexsort((both[1], -both[0]))[: found.shape[1]]
            scores[at], found[at] = both[0][order], both[1][order]

    def _walk(
        self, asked: FloatMatrix, codes: Codes, mask: Mask | None, ef: int, wider: int, found: Rows,
        scores: FloatMatrix, crew: Crew, starts: Rows | None,
    ) -> Mask:  # fmt: skip
        """Walk the graph; tell of which queries too little was allowed on the way."""
        graph, k = self.graph, found.shape[1]
        met = np.zeros(len(asked), np.int64)
        with self._changing:  # what was read here fits together, whatever another thread adds meanwhile
            arrays = (
                graph.entry, graph.root, graph.level, graph.upper, graph.nodes, graph.down, graph.links, graph.codes,
                graph.rows,
            )  # fmt: skip
        vectors = (self.points.ground.vectors, self.points.more, self.points.sizes, seeking.METRICS[self.metric])
        allowed = None if mask is None else mask.view(np.uint8)

        def work(first: int, last: int, own: Scratch) -> None:
            room = own.fit(wider, max(len(arrays[2]), len(arrays[6])))
            seeking.seek(
                first, last, codes, asked, starts, k, wider, self.tuning.slack, *arrays, allowed, *vectors,
                found, scores, met, *room,
            )  # fmt: skip

        crew.share(len(asked), work)
        there = self.points.count if mask is None else int(mask.sum())
        unsure: Mask = met < min(there, k if mask is None else max(k, ef // 2))
        return unsure

    def _scan(
        self, asked: FloatMatrix, codes: Codes, mask: Mask | None, found: Rows, scores: FloatMatrix, crew: Crew
    ) -> Mask:
        """Compare codes with all that is allowed; tell of which queries more candidates than expected were near."""
        graph, k = self.graph, found.shape[1]
        with self._changing:
            codes_of, rows = graph.codes, graph.rows[: graph.count]
        if mask is None:
            nodes = np.arange(len(rows), dtype=np.int32)
        else:
            nodes = np.flatnonzero((rows < len(mask)) & mask[np.minimum(rows, len(mask) - 1)]).astype(np.int32)
        # A few queries find the codes where they lie; for more it pays to put them one behind the other first.
        together = len(asked) >= _TOGETHER
        places, picked = (None, codes_of) if mask is None else (nodes, codes_of)
        if together and mask is not None:
            places, picked = None, _picked(codes_of, nodes)
        most = 2 * k + 64
        full = np.zeros(len(asked), np.uint8)
        vectors = (self.points.ground.vectors, self.points.more, self.points.sizes, seeking.METRICS[self.metric])

        def work(first: int, last: int, _: Scratch) -> None:
            pools = np.empty((min(_TOGETHER, last - first), most), np.int64)
            lifted = rows_of_bytes(len(pools), self.codec.width).view(np.uint8)
            seeking.scan(
                first, last, codes, asked, k, most, self.tuning.slack, nodes, places, picked, rows, *vectors, found,
                scores, full, pools, lifted,
            )  # fmt: skip

        crew.share(len(asked), work)
        return full.view(np.bool_)

    def crew(self, threads: int | None) -> Crew:
        """Give threads to share work."""
        count = _workers(threads)
        if count not in self._crews:
            self._crews[count] = Crew(count, self.codec.width)
        return self._crews[count]

    def pairs(self, least: float, most: int, *, progress: bool = True) -> Iterator[Pairs]:
        """Find pairs of live rows that score at least `least`: a point asks for more while all it found are near."""
        self.catch_up()
        most = max(_ALIKE, math.isqrt(2 * most) + 2)  # among more alike than these there are more pairs than wanted
        node = np.full(self.points.count, self.graph.root, np.int64)
        node[self.graph.rows[: self.graph.count]] = np.arange(self.graph.count)
        rows = self.points.live_rows()
        with bar("looking for pairs", len(rows), unit="point", progress=progress) as shown:
            for start in range(0, len(rows), _PIECE):
                part, k = rows[start : start + _PIECE], _NEAR
                shown.update(len(part))
                while len(part):
                    k = min(k, self.points.live, most)
                    full = []
                    for some in np.array_split(part, -(-len(part) * k // _CELLS)):
                        near, scores = self.search(self.points.vectors(some), k, starts=node[some])
                        high = (scores >= least) & (near >= 0)
                        at, column = np.nonzero(high & (near != some[:, None]))
                        a, b = some[at], near[at, column]
                        yield np.minimum(a, b), np.maximum(a, b), scores[at, column]
                        full.append(some[high[:, -1]])
                    part = np.concatenate(full) if k < min(self.points.live, most) else part[:0]
                    k *= 4

    # -- changing -----------------------------------------------------------------------------------------

    def add(self, rows: Rows) -> None:
        """Take note of rows that have come: they go into the graph some hundreds at a time."""
        held = self.codec.fits(self.points.vectors(rows))
        if self.metric == "dot":
            held &= self.points.sizes[rows] <= self.codec.reach * _ROUNDING
        with self._changing:
            self._apart = np.concatenate([self._apart, rows[~held]])
            self._waiting.append(rows[held])
            if sum(map(len, self._waiting)) >= _PENDING:
                self.catch_up()

    def catch_up(self) -> None:
        """Put into the graph what waits for it."""
        with self._changing:
            if not self._waiting:
                return
            rows = np.concatenate(self._waiting)
            self._waiting = []
            if len(rows):
                with bar("adding to the index", len(rows), unit="point") as shown:
                    self.graph.add(self.codec.encode(self.points.vectors(rows)), rows, self.crew(None), shown)

    # -- measuring ----------------------------------------------------------------------------------------

    def measure(self, rows: Rows, held: Mask, recall: float) -> Tuning:
        """Measure with points that aren't in the graph what a search needs for the recall asked for."""
        if not len(rows):
            return Tuning(recall, 0.0, 0, 0.0, _UNTUNED.narrow, _UNTUNED.wide, _UNTUNED.slack)
        asked = self.points.vectors(rows)
        truth = compare_all(self.points, self.metric, asked, tuning.DEPTHS[1], ~held)
        slack = self._slack(asked, truth)
        self.tuning = Tuning(recall, 0.0, len(rows), 0.0, _UNTUNED.narrow, _UNTUNED.wide, slack)

        def recall_of(k: int, ef: int) -> float:
            return tuning.share_found(truth[0], self.search(asked, k, ~held, ef=ef)[0], k)

        narrow, wide = (self._settings.ef or tuning.least(recall, k, partial(recall_of, k)) for k in tuning.DEPTHS)
        speed = max(self._speed(asked, narrow) for _ in range(3))
        return Tuning(recall, recall_of(tuning.DEPTHS[0], narrow), len(rows), speed, narrow, wide, slack)

    def _speed(self, asked: FloatMatrix, ef: int) -> float:
        start = perf_counter()
        self.search(asked, tuning.DEPTHS[0], ef=ef, threads=1)
        return len(asked) / (perf_counter() - start)

    def _slack(self, asked: FloatMatrix, truth: Found) -> int:
        """Give how much farther by code a true neighbour may be than as many nearest by code; few are farther."""
        k = tuning.DEPTHS[0]
        codes, _ = self.codec.ask(asked, self.crew(None).share)
        node = np.full(self.points.count, -1, np.int64)
        node[self.graph.rows[: self.graph.count]] = np.arange(self.graph.count)
        by_code = np.full((len(asked), k), -1, np.int64)
        self.find_by_code(codes, by_code)
        beyond = []
        for own, near, true in zip(codes, by_code, truth[0], strict=True):
            beyond.append(
                _distances(self.graph.codes, node[true[:k]], own) - _distances(self.graph.codes, near, own).max()
            )
        return max(1, int(np.quantile(np.concatenate(beyond), _SURE)))

    def find_by_code(self, codes: Codes, found: Rows) -> None:
        """Fill in the nodes nearest by code."""
        pool = np.empty(found.shape[1], np.int64)
        lifted = rows_of_bytes(1, self.codec.width)[0].view(np.uint8)
        seeking.nearest_codes(codes, self.graph.codes[: self.graph.count], found, pool, lifted)

    # -- looking into it, and on disk ---------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Return what the graph was built with."""
        return {**asdict(self._settings), "code_bytes": self.codec.width}

    def facts(self) -> dict[str, Any]:
        """Return what was measured."""
        tuned = self.tuning
        return {
            "recall": tuned.recall,
            "found": tuned.found,
            "asked": tuned.asked,
            "queries_per_second": tuned.queries_per_second,
            "candidates_for_10": tuned.ef(10),
            "candidates_for_100": tuned.ef(100),
            "variance_kept": self.codec.energy,
            "compared_apart": len(self._apart),
        }

    def write(self, draft: Draft) -> None:
        """Write graph and codec as arrays."""
        self.catch_up()
        graph = self.graph
        if graph.codes.flags.writeable:
            graph.reconnect()
        draft.meta["graph"] = {"entry": graph.entry, "count": graph.count, "used": graph.used}
        draft.meta["codec"] = {
            "step": self.codec.step, "reach": self.codec.reach, "energy": self.codec.energy, "worst": self.codec.worst,
        }  # fmt: skip
        draft.meta["tuning"] = self.tuning.facts()
        for name, array in graph.arrays().items():
            draft.array(name, array)
        draft.array("mean", self.codec.mean)
        draft.array("axes", self.codec.axes)

    @classmethod
    def read(cls, bundle: Bundle, points: Points, metric: str, settings: dict[str, Any]) -> HnswEngine:
        """Open a saved graph, mapped."""
        facts = bundle.meta["codec"]
        mean, axes = np.array(bundle.array("mean")), np.array(bundle.array("axes"))
        codec = Codec(metric, mean, axes, facts["step"], facts["reach"], facts["energy"], facts["worst"])
        chosen = Settings(**settings)
        graph = Graph(codec.width, chosen.m, chosen.ef_construction, chosen.seed)
        arrays = {name: bundle.array(name) for name in graph.arrays()}
        try:
            graph.restore(arrays, **bundle.meta["graph"])
            if graph.count and int(graph.rows.max()) >= points.count:
                raise ValueError(f"a node is row {int(graph.rows.max())} of {points.count}")
        except (ValueError, TypeError, IndexError) as problem:
            raise DamagedError(
                f"{bundle.folder} holds a graph that doesn't fit together ({problem}); build it again"
            ) from problem
        engine = cls(points, codec, graph, chosen, Tuning(**bundle.meta["tuning"]))
        if graph.count < points.count:
            engine._apart = np.setdiff1d(np.arange(points.count), graph.rows)
        return engine


def _workers(threads: int | None) -> int:
    return thread_count() if threads is None else checks.whole("threads", threads, high=1_024)


def _picked(codes: Codes, nodes: npt.NDArray[np.int32]) -> Codes:
    """Copy some codes one behind the other."""
    picked = rows_of_bytes(len(nodes), codes.shape[1])
    np.take(codes, nodes, axis=0, out=picked)
    return picked


def _distances(codes: Codes, nodes: Rows, own: Codes) -> Rows:
    """Give squared distances of some nodes to a query, but for what is the same for all."""
    near = codes[nodes]
    product = near[:, :-8].astype(np.int64) @ own[:-8].astype(np.int64)
    lengths: Rows = near.view(np.int32)[:, -2] - 2 * product
    return lengths
