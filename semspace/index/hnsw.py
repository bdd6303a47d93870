"""HNSW (Malkov & Yashunin 2016, arXiv 1603.09320) over bytes, rescored from the full vectors."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from semspace import checks, pools, queries
from semspace.bundle import Bundle, Draft
from semspace.index import search_kernel, tuning
from semspace.index.engine import Found, Mask, Rows
from semspace.index.exact import compare_all
from semspace.index.graph import Crew, Graph, Scratch
from semspace.index.local_recall import regions
from semspace.index.near_duplicates import Pairs
from semspace.index.opening import fitting, read_codec, read_tuning
from semspace.index.points import Points, View
from semspace.index.quantization import Codec, Codes, rows_of_bytes
from semspace.index.tuning import Tuning
from semspace.progress import bar
from semspace.threads import thread_count
from semspace.types import Doubles1d, Floats2d

_HELD_OUT = 400  # points that recall is measured on
_IN_REGION = 20  # of them in a region of the points, about
_AGAIN = 1.25  # times as many points as when it was measured: then it is measured again
_QUESTIONS = 64  # points that must have come for that; until then they are compared apart
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
_UNTUNED = Tuning(
    target_recall=0.0, recall=0.0, n_queries=0, queries_per_second=0.0, narrow=100, wide=200, slack=1 << 30
)


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

    def __init__(self, points: Points, codec: Codec, graph: Graph, settings: Settings, measured: Tuning) -> None:
        self.points, self.codec, self.graph = points, codec, graph
        self.metric = codec.metric
        self._settings, self.tuning = settings, measured
        self._crews: dict[int, Crew] = {}
        self._changing = threading.RLock()
        # How many rows were taken in, and which of them the graph doesn't hold: points unlike any there were when the
        # codec was fitted.
        self._taken: tuple[int, Rows] = (0, np.empty(0, np.int64))
        self._begun = False  # some of the rows that came since may be in the graph: adding them was stopped
        pools.on_fork(self)

    def forked(self) -> None:
        """Replace the lock, which a thread of the parent may have held."""
        self._changing = threading.RLock()

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
        crew = engine.crew(threads)
        with bar("building the index", len(rows), unit="point", progress=progress) as shown:
            codes = codec.encode(vectors)
            engine.graph.first(codes, rows[~held], crew, shown)
            engine._taken = (view.count, engine._taken[1])
            engine.tuning = engine.measure(view, rows[held], recall)
            engine.graph.add(np.ascontiguousarray(codes[held]), rows[held], crew, shown)
        return engine

    # -- asking -------------------------------------------------------------------------------------------

    def search(
        self,
        view: View,
        asked: Floats2d,
        k: int,
        allowed: Mask | None = None,
        *,
        ef: int | None = None,
        threads: int | None = None,
        starts: Rows | None = None,
    ) -> Found:
        """Return about the nearest rows live in a view; compare with all where that is quicker, or surer.

        `starts` may name the nodes that walks begin with.
        """
        self.catch_up()
        return self._search(view, asked, k, allowed, ef=ef, threads=threads, starts=starts)

    def _search(
        self, view: View, asked: Floats2d, k: int, allowed: Mask | None = None, *, ef: int | None = None,
        threads: int | None = None, starts: Rows | None = None, singly: bool = False, walked: bool = False,
    ) -> Found:  # fmt: skip
        """Search what was taken in; `singly` as if each query were asked for itself, `walked` by a walk at any rate."""
        mask = view.live_mask(allowed)
        there = view.count if mask is None else int(mask.sum())
        found = np.full((len(asked), k), -1, np.int64)
        scores = np.full((len(asked), k), -np.inf, np.float32)
        if not there or not len(asked):
            return found, scores
        tuned, chosen = self.tuning, ef or self._settings.ef
        ef = max(chosen or tuned.ef(k), k)
        crew = self.crew(threads)
        codes, fit = self.codec.ask(asked, crew.share)
        wider = min(-(-ef * self.graph.count // there), self.graph.count)
        # How it was measured is how it goes, or surer: for many queries at once comparing all codes pays earlier.
        many = (len(asked) >= _TOGETHER or not tuned.singly) and not singly
        scans = _SCANS * (_CHEAPER if many else 1)
        scanned = there <= max(wider * scans, 4 * k) or (tuned.scan and chosen is None and starts is None)
        if scanned and not walked:
            unsure = self._scan(view, asked, codes, mask, found, scores, crew)
        else:
            unsure = self._walk(view, asked, codes, mask, ef, wider, found, scores, crew, starts)
            if unsure.any():
                again = np.flatnonzero(unsure)
                rows, own = found[again], scores[again]
                unsure[again] = self._scan(view, asked[again], codes[again], mask, rows, own, crew)
                found[again], scores[again] = rows, own
        unsure |= ~fit
        if unsure.any():
            found[unsure], scores[unsure] = compare_all(view, self.metric, asked[unsure], k, allowed)
        self._compare_apart(view, asked, mask, found, scores)
        return found, scores

    def _compare_apart(self, view: View, asked: Floats2d, mask: Mask | None, found: Rows, scores: Floats2d) -> None:
        """Put in their place points that the graph doesn't hold."""
        taken, apart = self._taken
        rows = np.concatenate([apart[apart < view.count], np.arange(taken, view.count)])
        if mask is not None:
            rows = rows[mask[rows]]
        if not len(rows):
            return
        own = (view.vectors(rows), view.sizes[rows])
        names = range(len(rows))
        near = queries.nearest(*own, asked, found.shape[1], names=names, metric=self.metric)  # type: ignore[arg-type]
        for at, (places, values) in enumerate(near):
            fresh = ~np.isin(rows[places], found[at])
            both = np.concatenate([scores[at], values[fresh]]), np.concatenate([found[at], rows[places[fresh]]])
            order = np.lexsort((both[1], -both[0]))[: found.shape[1]]
            scores[at], found[at] = both[0][order], both[1][order]

    def _walk(
        self, view: View, asked: Floats2d, codes: Codes, mask: Mask | None, ef: int, wider: int, found: Rows,
        scores: Floats2d, crew: Crew, starts: Rows | None,
    ) -> Mask:  # fmt: skip
        """Walk the graph; return of which queries too little was allowed on the way."""
        graph, k = self.graph, found.shape[1]
        met = np.zeros(len(asked), np.int64)
        with self._changing:  # what is read here fits together, whatever another thread adds meanwhile
            arrays = (
                graph.entry, graph.root, graph.level, graph.upper, graph.nodes, graph.down, graph.links, graph.codes,
                graph.rows,
            )  # fmt: skip
        vectors = (view.ground.vectors, view.more, view.sizes, search_kernel.METRICS[self.metric])
        allowed = None if mask is None else mask.view(np.uint8)

        def work(first: int, last: int, own: Scratch) -> None:
            room = own.fit(wider, max(len(arrays[2]), len(arrays[6])))
            search_kernel.seek(
                first, last, codes, asked, starts, k, wider, self.tuning.slack, *arrays, allowed, *vectors,
                found, scores, met, *room,
            )  # fmt: skip

        crew.share(len(asked), work)
        there = view.count if mask is None else int(mask.sum())
        unsure: Mask = met < min(there, k if mask is None else max(k, ef // 2))
        return unsure

    def _scan(
        self,
        view: View,
        asked: Floats2d,
        codes: Codes,
        mask: Mask | None,
        found: Rows,
        scores: Floats2d,
        crew: Crew,
    ) -> Mask:
        """Compare codes with all that is allowed; return of which queries more candidates than expected were near."""
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
        vectors = (view.ground.vectors, view.more, view.sizes, search_kernel.METRICS[self.metric])

        def work(first: int, last: int, _: Scratch) -> None:
            pools = np.empty((min(_TOGETHER, last - first), most), np.int64)
            lifted = rows_of_bytes(len(pools), self.codec.width).view(np.uint8)
            search_kernel.scan(
                first, last, codes, asked, k, most, self.tuning.slack, nodes, places, picked, rows, *vectors, found,
                scores, full, pools, lifted,
            )  # fmt: skip

        crew.share(len(asked), work)
        return full.view(np.bool_)

    def crew(self, threads: int | None) -> Crew:
        """Return threads to share work."""
        count = _workers(threads)
        if count not in self._crews:
            self._crews[count] = Crew(count, self.codec.width)
        return self._crews[count]

    def pairs(self, view: View, least: float, most: int, *, progress: bool = True) -> Iterator[Pairs]:
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

    def _nodes(self, view: View, other: int) -> Rows:
        """Return the node of each row; `other` where there is none."""
        node = np.full(view.count, other, np.int64)
        rows = self.graph.rows[: self.graph.count]
        there = rows < view.count
        node[rows[there]] = np.flatnonzero(there)
        return node

    # -- changing -----------------------------------------------------------------------------------------

    def catch_up(self, *, wait: bool = False, all_of_them: bool = False) -> None:
        """Take in the rows that came since, with `wait` only once they are many; what was stopped is put right first.

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
                held &= view.sizes[rows] <= self.codec.reach * _ROUNDING
            if due and held.sum() >= _QUESTIONS:
                self._measure_again(view, rows[held])
            self._begun = True
            if held.any():
                with bar("adding to the index", int(held.sum()), unit="point") as shown:
                    self.graph.add(self.codec.encode(vectors[held]), rows[held], self.crew(None), shown)
            self._taken = (view.count, np.concatenate([apart, rows[~held]]))
            self._begun = False

    def _due(self, more: int) -> bool:
        """Check whether so many points have come since it was measured that it's to be measured again."""
        known = self.tuning.points
        return bool(known) and self._settings.ef is None and self.graph.count + more >= _AGAIN * known

    # -- measuring ----------------------------------------------------------------------------------------

    def measure(self, view: View, rows: Rows, recall: float) -> Tuning:
        """Measure with rows that aren't in the graph what a single search needs for the recall asked for."""
        if not len(rows):
            return replace(_UNTUNED, recall=recall, singly=True)
        inside = np.zeros(view.count, np.bool_)
        inside[self.graph.rows[: self.graph.count]] = True
        asked = view.vectors(rows)
        truth = compare_all(view, self.metric, asked, tuning.DEPTHS[1], inside)
        slack = max(self._slack(view, asked, truth), 1)
        self.tuning = replace(_UNTUNED, target_recall=recall, n_queries=len(rows), slack=slack, singly=True)
        codes, _ = self.codec.ask(asked, self.crew(None).share)
        most = max(1, len(rows) // _IN_REGION)
        sizes, region = regions(self.graph.codes[: self.graph.count], codes, most, self._settings.seed)

        def shares(k: int, ef: int) -> Doubles1d:
            found = self._search(view, asked, k, inside, ef=ef, walked=True)
            return tuning.recalls_at(truth, found, k)

        # Beyond so many candidates all codes are compared instead, also when the index has grown until it is measured
        # again.
        widest = min(int(2 * _AGAIN * self.graph.count / _SCANS), tuning.WIDEST) if _SCANS else tuning.WIDEST
        few, many = tuning.DEPTHS
        widths = [
            self._settings.ef or tuning.least(k, widest, lambda ef, k=k: tuning.enough(recall, shares(k, ef), region))  # type: ignore[misc]
            for k in (few, many)
        ]
        narrow, wide = (width or max(widest, k) for width, k in zip(widths, (few, many), strict=True))
        self.tuning = replace(
            self.tuning, narrow=narrow, wide=wide, points=self.graph.count, scan=widths[0] is None
        )  # fmt: skip
        as_asked = tuning.recalls_at(truth, self._search(view, asked, few, inside, singly=True), few)
        mean, worst, at = tuning.judged(as_asked, region)
        speed = max(self._speed(view, asked, inside) for _ in range(3))
        return replace(
            self.tuning, recall=mean, worst=worst, worst_points=int(sizes[at]), queries_per_second=speed
        )  # fmt: skip

    def _measure_again(self, view: View, rows: Rows) -> None:
        """See with rows that come whether searches still find what was asked for; if not, look farther."""
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

    def _speed(self, view: View, asked: Floats2d, inside: Mask) -> float:
        start = perf_counter()
        self._search(view, asked, tuning.DEPTHS[0], inside, threads=1, singly=True)
        return len(asked) / (perf_counter() - start)

    def _slack(self, view: View, asked: Floats2d, truth: Found) -> int:
        """Return how much farther by code a true neighbour may be than as many nearest by code; few are farther."""
        k = tuning.DEPTHS[0]
        codes, _ = self.codec.ask(asked, self.crew(None).share)
        node = self._nodes(view, -1)
        by_code = np.full((len(asked), k), -1, np.int64)
        self.find_by_code(codes, by_code)
        beyond = []
        for own, near, true in zip(codes, by_code, truth[0], strict=True):
            beyond.append(
                _distances(self.graph.codes, node[true[:k]], own) - _distances(self.graph.codes, near, own).max()
            )
        return int(np.quantile(np.concatenate(beyond), _SURE))

    def find_by_code(self, codes: Codes, found: Rows) -> None:
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
        with fitting(bundle, "a graph"):
            codec = read_codec(bundle, metric, points.dim)
            chosen = Settings(**settings)
            graph = Graph(codec.width, chosen.m, chosen.ef_construction, chosen.seed)
            graph.restore({name: bundle.array(name) for name in graph.arrays()}, **bundle.meta["graph"])
            if np.bincount(graph.rows, minlength=1).max() > 1 or (graph.count and graph.rows.max() >= points.count):
                raise ValueError("its nodes aren't different rows of the points")
            if points.count and not graph.count:
                raise ValueError("it is empty")
            tuned = read_tuning(bundle.meta["tuning"])
        engine = cls(points, codec, graph, chosen, tuned)
        missing = np.empty(0, np.int64)
        if graph.count < points.count:
            missing = np.setdiff1d(np.arange(points.count), graph.rows)
        engine._taken = (points.count, missing)
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
