"""HNSW (Malkov & Yashunin 2016, arXiv 1603.09320) over bytes, rescored from the full vectors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from semspace import checks
from semspace.bundle import Bundle, Draft
from semspace.errors import InputError
from semspace.index.apart import insert_compared
from semspace.index.engine import RowsAndScores
from semspace.index.graph import Graph, WorkerPool
from semspace.index.graph_search import GraphSearcher
from semspace.index.insertion_log import Insertion, InsertionLog, sum_of
from semspace.index.measuring import AGAIN, HELD_OUT, UNTUNED, Measurement, some_queries
from semspace.index.near_duplicates import ScoredPairs
from semspace.index.opening import damage_raised, read_codec, read_tuning
from semspace.index.points import PointTable, View
from semspace.index.quantization import Codec
from semspace.index.sketches import sketch
from semspace.index.tuning import Tuning
from semspace.progress import bar
from semspace.types import Bools1d, Floats2d, Ints1d, Ints2d

_QUESTIONS = 64  # new points needed to measure recall again; until then they are compared one by one
_FEWEST = 1_000  # points of an index that some are held out of
_PENDING = 1_024  # new points that are buffered until they are added to the graph, or until the next search
_ROUNDING = 1.000_001  # factor by which a vector may be longer than the longest
_ALIKE = 4_096  # neighbours of a point searched for at last, where pairs are wanted
_CELLS = 1 << 20  # neighbours searched for at a time
_NEAR = 16  # neighbours of a point searched for at first, where pairs are wanted
_PIECE = 4_096  # points at a time
_COMPARED, _ALL_BUT_ROUNDING = 32, 0.9  # sketches compared with their codes when a graph is opened; share of same bytes


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


class HnswEngine:
    """A navigable graph over points."""

    method: ClassVar[str] = "hnsw"

    def __init__(
        self, points: PointTable, codec: Codec, graph: Graph, settings: HnswSettings, measured: Tuning
    ) -> None:
        self.points, self.codec, self.graph = points, codec, graph
        self.metric = codec.metric
        self._settings, self.tuning = settings, measured
        self._searcher = GraphSearcher(codec, graph)
        # How many rows were taken in, and which of them the graph doesn't hold: points unlike any there were when the
        # codec was fitted.
        self._taken: tuple[int, Ints1d] = (0, np.empty(0, np.int64))
        self._known_queries: Floats2d | None = None
        self.log: InsertionLog | None = None  # of an index on disk
        self._begun = False  # some of the rows that came since may be in the graph: adding them was stopped

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
        spare = min(HELD_OUT, len(rows) // 20) if len(rows) >= _FEWEST else 0
        held = np.zeros(len(rows), np.bool_)
        held[np.random.default_rng(settings.seed).choice(len(rows), spare, replace=False)] = True
        engine = cls(
            points, codec, Graph(codec.width, settings.m, settings.ef_construction, settings.seed), settings, UNTUNED
        )
        workers = engine._searcher.workers(threads)
        with bar("building the index", len(rows), unit="point", progress=progress) as shown:
            codes = codec.encode(vectors)
            engine.graph.first(codes, rows[~held], workers, shown)
            engine._taken = (view.count, engine._taken[1])
            engine._known_queries = None if queries is None else some_queries(queries, settings.seed)
            engine.tuning = engine._measurement(view, recall).tuned(rows[held])
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
        chosen = ef or self._settings.ef
        found, scores = self._searcher.search(
            view, query_vectors, k, self.tuning, allowed, ef=chosen, threads=threads, starts=starts
        )
        self._compare_apart(view, query_vectors, allowed, found, scores)
        return found, scores

    def _compare_apart(
        self, view: View, query_vectors: Floats2d, allowed: Bools1d | None, found: Ints2d, scores: Floats2d
    ) -> None:
        """Insert the points that are not in the graph, compared one by one, into the results."""
        taken, apart = self._taken
        if taken >= view.count and not len(apart):
            return
        mask = view.live_mask(allowed)
        rows = np.concatenate([apart[apart < view.count], np.arange(taken, view.count)])
        insert_compared(view, self.metric, rows if mask is None else rows[mask[rows]], query_vectors, found, scores)

    def pairs(self, view: View, least: float, most: int, *, progress: bool = True) -> Iterator[ScoredPairs]:
        """Find pairs of live rows that score at least `least`: a point asks for more while all it found are near."""
        self.catch_up()
        most = max(_ALIKE, math.isqrt(2 * most) + 2)  # among more alike than these there are more pairs than wanted
        node = self._searcher.nodes_of_rows(view, self.graph.root)
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

    # -- changing -----------------------------------------------------------------------------------------

    def catch_up(self, *, wait: bool = False, all_of_them: bool = False) -> None:
        """Add new rows to the graph, with `wait` only once they are many, after repairing an interrupted insertion.

        Rows that aren't taken in are compared one by one meanwhile.
        """
        if self._taken[0] >= self.points.count and self.graph.whole:
            return
        if wait and self.points.count - self._taken[0] < _PENDING:
            return
        with self._searcher.changing:
            self.graph.repair()
            view = self.points.view
            self._insert_known(view)
            taken, apart = self._taken
            rows = np.arange(taken, view.count)
            due = self._due(len(rows))
            if not len(rows) or (due and len(rows) < _QUESTIONS and not all_of_them):
                return
            if self._begun:
                rows = rows[~np.isin(rows, self.graph.rows[: self.graph.count])]
                self._stop_log()
            vectors = view.vectors(rows)
            held = self.codec.fits(vectors)
            if self.metric == "dot":
                held &= view.sizes[rows] <= self.codec.max_norm * _ROUNDING
            before, unchecked, links = self.tuning, self.graph.unchecked, np.empty(0, np.int32)
            if due and held.sum() >= _QUESTIONS:
                self.tuning = self._measurement(view, self.tuning.target_recall).tuned_again(rows[held], self.tuning)
            self._begun = True
            if held.any():
                with bar("adding to the index", int(held.sum()), unit="point") as shown:
                    links = self.graph.add(
                        self.codec.encode(vectors[held]), rows[held], self._searcher.workers(None), shown
                    )
            self._taken = (view.count, np.concatenate([apart, rows[~held]]))
            self._begun = False
            if self.log is not None:
                measured = None if self.tuning is before else self.tuning.facts()
                self.log.append(
                    Insertion(taken, view.count, sum_of(vectors), rows[~held].tolist(), unchecked, measured, links)
                )

    def _insert_known(self, view: View) -> None:
        """Insert rows whose links are in the log, without searching for them."""
        while self.log is not None and not self._begun and self._taken[0] < view.count:
            taken, apart = self._taken
            known = self.log.after(taken, view.count)
            if known is None:
                return
            rows = np.arange(taken, known.stop)
            vectors, held = view.vectors(rows), ~np.isin(rows, known.apart)
            tuned = self._known_tuning(known)
            if tuned is None or not known.is_of(vectors):
                return
            self._begun = True
            try:
                if held.any():
                    self.graph.unchecked = known.unchecked
                    codes = self.codec.encode(vectors[held])
                    self.graph.add(codes, rows[held], self._searcher.workers(None), None, known.links)
            except ValueError:  # no index has written them: what is left is inserted as if it had just come
                self.graph.repair()
                return
            self.tuning, self._taken = tuned, (known.stop, np.concatenate([apart, rows[~held]]))
            self._begun = False
            self.log.accept()

    def _known_tuning(self, known: Insertion) -> Tuning | None:
        """Return the measurements after an insertion; None where they can't be."""
        try:
            return self.tuning if known.tuning is None else read_tuning(known.tuning)
        except (InputError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def _stop_log(self) -> None:
        if self.log is not None:
            self.log.stop()

    def _due(self, more: int) -> bool:
        """Check whether so many points have come since it was measured that it's to be measured again."""
        known = self.tuning.points
        return bool(known) and self._settings.ef is None and self.graph.count + more >= AGAIN * known

    def _measurement(self, view: View, recall: float) -> Measurement:
        chosen = self._settings
        return Measurement(self._searcher, view, recall, chosen.ef, chosen.seed, self._known_queries)

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
        with self._searcher.changing:
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
            # The largest first: what is counted takes memory by it.
            if (graph.count and graph.rows.max() >= points.count) or np.bincount(graph.rows, minlength=1).max() > 1:
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
    same = graph.sketches[some] == sketch(graph.codes[some], workers.share)
    if same.mean() < _ALL_BUT_ROUNDING:
        raise ValueError("its sketches aren't those of its codes")
