"""Search in a graph of hnswlib as it is, with the answers that hnswlib gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, ClassVar

import numpy as np

from semspace import checks
from semspace.bundle import Bundle, Draft
from semspace.index import search_kernel, tuning
from semspace.index.apart import insert_compared
from semspace.index.engine import RowsAndScores
from semspace.index.exact import compare_all
from semspace.index.foreign import walk_kernel
from semspace.index.foreign.linked_graph import LinkedGraph
from semspace.index.graph import SearchBuffers, WorkerPool
from semspace.index.opening import damage_raised, read_tuning
from semspace.index.points import PointTable, View
from semspace.index.tuning import Tuning
from semspace.threads import thread_count
from semspace.types import Bools1d, Doubles1d, Floats2d, Ints1d, UInt64s1d

_QUESTIONS = 200  # points that recall is measured with
_SCANS = 4  # comparisons of all that a condition leaves, for one candidate of a search of the graph
_WIDTH = 64  # bytes of the buffers that this engine leaves unused
_UNTUNED = Tuning(
    target_recall=0.0, recall=0.0, n_queries=0, queries_per_second=0.0, narrow=10, wide=100, slack=0, singly=True
)


@dataclass(frozen=True)
class HnswlibSettings:
    """How a graph of hnswlib was built, and is searched.

    Parameters
    ----------
    m : int
        Links of a point on an upper layer; on the lowest layer it may have twice as many.
    ef_construction : int
        Size of the candidate list while building.
    ef : int, optional
        Size of the candidate list of a search; by default measured for the target recall.
    seed : int
        Decides which points are on upper layers.
    """

    m: int = 16
    ef_construction: int = 200
    ef: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        checks.whole("m", self.m, low=1, high=65_535)
        checks.whole("ef_construction", self.ef_construction, low=0)
        checks.seed(self.seed)
        if self.ef is not None:
            checks.whole("ef", self.ef)


class HnswlibEngine:
    """A graph of hnswlib, whose node i is row i of the points.

    Points that come later are compared one by one; `Index.compact` builds a graph of semspace's own with them.
    """

    method: ClassVar[str] = "hnswlib"

    def __init__(
        self,
        graph: LinkedGraph,
        labels: UInt64s1d,
        metric: str,
        settings: HnswlibSettings,
        tuned: Tuning = _UNTUNED,
    ) -> None:
        self.graph, self.labels, self.metric, self.chosen, self.tuning = graph, labels, metric, settings, tuned
        self._worker_pools: dict[int, WorkerPool] = {}

    @property
    def count(self) -> int:
        """Points in the graph; those of later rows aren't."""
        return len(self.graph.links)

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
    ) -> RowsAndScores:
        """Return what hnswlib finds; compare with all where a condition leaves few, or the graph leads to too few."""
        mask = view.live_mask(allowed)
        ef = max(ef or self.chosen.ef or self.tuning.ef(k), k)
        if allowed is not None and mask is not None and np.count_nonzero(mask) <= _SCANS * ef:
            return compare_all(view, self.metric, query_vectors, k, allowed)
        found = np.full((len(query_vectors), k), -1, np.int64)
        scores = np.full((len(query_vectors), k), -np.inf, np.float32)
        inside = None if mask is None else np.ascontiguousarray(mask[: self.count])
        self._walk(view, query_vectors, ef, inside, found, scores, threads)
        there = self.count if inside is None else int(np.count_nonzero(inside))
        short = (found >= 0).sum(axis=1) < min(k, there)
        if short.any():
            found[short], scores[short] = compare_all(view, self.metric, query_vectors[short], k, allowed)
        later = np.arange(self.count, view.count)
        insert_compared(
            view, self.metric, later if mask is None else later[mask[later]], query_vectors, found, scores
        )  # fmt: skip
        return found, scores

    def _walk(
        self, view: View, query_vectors: Floats2d, ef: int, mask: Bools1d | None, found: Any, scores: Any,
        threads: int | None,
    ) -> None:  # fmt: skip
        graph, ef = self.graph, min(ef, self.count)
        arrays = (graph.entry, graph.links, graph.upper, graph.levels, graph.first_upper, view.ground.vectors)
        allowed = None if mask is None else mask.view(np.uint8)

        def work(first: int, last: int, buffers: SearchBuffers) -> None:
            pool, _, seen, _ = buffers.fit(ef, self.count)
            walk_kernel.walk_graph(
                first, last, query_vectors, found.shape[1], ef, *arrays, view.sizes, allowed,
                search_kernel.METRICS[self.metric], found, scores, pool, seen,
            )  # fmt: skip

        self._workers(threads).share(len(query_vectors), work)

    def _workers(self, threads: int | None) -> WorkerPool:
        count = thread_count() if threads is None else checks.whole("threads", threads, high=1_024)
        if count not in self._worker_pools:
            self._worker_pools[count] = WorkerPool(count, _WIDTH)
        return self._worker_pools[count]

    def catch_up(self, *, wait: bool = False) -> None:
        """Do nothing: later points are compared one by one."""

    # -- measuring ----------------------------------------------------------------------------------------

    def tuned_with_points(self, view: View, recall: float) -> HnswlibEngine:
        """Return the engine with the width of searches that finds `recall` of the neighbours of its own points.

        A point isn't a neighbour of itself, and no search goes on from it: its links would be most of the answer.
        """
        live = view.live_rows()
        some = np.random.default_rng(self.chosen.seed).permutation(live)[: min(_QUESTIONS, max(len(live) // 20, 1))]
        rows = np.sort(some[some != self.graph.entry])
        if not len(rows):
            return self
        without = HnswlibEngine(self.graph.without_links_of(rows), self.labels, self.metric, self.chosen)
        tuned = without.tuned_with(view, view.vectors(rows), rows, recall).tuning
        return HnswlibEngine(self.graph, self.labels, self.metric, self.chosen, tuned)

    def tuned_with(self, view: View, query_vectors: Floats2d, own: Ints1d, recall: float) -> HnswlibEngine:
        """Return the engine with the width of searches that finds `recall` of the true neighbours of some queries.

        `own` holds the row of each query, which isn't counted as its neighbour, or -1.
        """
        if view.live < 2:  # there are no neighbours to be found
            return self
        widest = min(self.count, tuning.MAX_EF)
        (few, many), regions = tuning.MEASURED_K, np.zeros(len(own), np.int64)
        truth = _without(own, compare_all(view, self.metric, query_vectors, min(many + 1, view.live), None))

        def shares(k: int, ef: int) -> Doubles1d:
            found = self.search(view, query_vectors, min(k + 1, view.live), ef=ef)
            return tuning.recalls_at(truth, _without(own, found), k)

        def needed(k: int, suffices: Callable[[int], bool]) -> int:
            width = self.chosen.ef or tuning.smallest_ef(k, max(widest, k), suffices) or max(widest, k)
            return max(width, k + 1)  # a query that is a point was searched for with one neighbour more

        narrow, wide = (needed(k, lambda ef, k=k: tuning.reaches(recall, shares(k, ef), regions)) for k in (few, many))  # type: ignore[misc]
        start = perf_counter()
        self.search(view, query_vectors, few, ef=narrow, threads=1)
        speed = len(query_vectors) / max(perf_counter() - start, 1e-9)
        reached = float(shares(few, narrow).mean())
        measured = Tuning(
            target_recall=recall, recall=reached, n_queries=len(query_vectors), queries_per_second=speed,
            narrow=narrow, wide=max(narrow, wide), slack=0, worst=reached, points=self.count, singly=True,
        )  # fmt: skip
        return HnswlibEngine(self.graph, self.labels, self.metric, self.chosen, measured)

    # -- looking into it, and on disk ---------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Return what the graph was built with."""
        return asdict(self.chosen)

    def measured(self) -> dict[str, Any]:
        """Return what was measured, by the names of `IndexReport`."""
        tuned = self.tuning
        return {
            "recall": tuned.recall,
            "target_recall": tuned.target_recall,
            "n_queries": tuned.n_queries,
            "queries_per_second": tuned.queries_per_second,
            "worst_points": 0,
        }

    def details(self) -> dict[str, Any]:
        """Return how wide searches are."""
        return {"candidates_for_10": self._width_for(10), "candidates_for_100": self._width_for(100)}

    def _width_for(self, k: int) -> int:
        return max(self.chosen.ef or self.tuning.ef(k), k)

    def write(self, draft: Draft) -> None:
        """Write the graph as arrays."""
        draft.meta["graph"] = {"entry": self.graph.entry}
        draft.meta["tuning"] = self.tuning.facts()
        for name, array in self.graph.arrays().items():
            draft.array(name, array)
        draft.array("labels", self.labels)

    @classmethod
    def read(cls, bundle: Bundle, points: PointTable, metric: str, settings: dict[str, Any]) -> HnswlibEngine:
        """Open a saved graph, mapped; its links are checked as they are followed."""
        with damage_raised(bundle, "a graph"):
            links = bundle.array("links", dtype=np.int32, shape=(None, None))
            upper = bundle.array("upper", dtype=np.int32, shape=(None, None))
            levels = bundle.array("levels", dtype=np.uint8, shape=(len(links),))
            labels = bundle.array("labels", dtype=np.uint64, shape=(len(links),))
            entry = checks.whole("entry", bundle.meta.facts("graph")["entry"], low=0)
            if len(links) > points.count:
                raise ValueError("it has more nodes than there are points")
            if not all(array.flags.c_contiguous for array in (links, upper)):
                raise ValueError("its links don't lie one behind the other")
            graph = LinkedGraph(links, upper, levels, entry)
            tuned = read_tuning(bundle.meta["tuning"])
            return cls(graph, labels, metric, HnswlibSettings(**settings), tuned)


def _without(own: Ints1d, found: RowsAndScores) -> RowsAndScores:
    """Return rows and scores with each query's own row taken out, or else the last one."""
    rows, scores = found
    itself = rows == own[:, None]
    itself[~itself.any(axis=1), -1] = True
    kept = ~itself
    shape = (len(rows), rows.shape[1] - 1)
    return rows[kept].reshape(shape), scores[kept].reshape(shape)
