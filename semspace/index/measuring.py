"""Measuring what a search of the graph needs for the recall asked for, and what it then finds, how fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np

from semspace.index import graph_search, tuning
from semspace.index.allowed_points import AllowedPoints
from semspace.index.difficulty import STRANGERS, WIDER, MeasuredWidths, find_levels, strange_queries
from semspace.index.engine import RowsAndScores
from semspace.index.exact import compare_all
from semspace.index.graph_search import GraphSearcher, SearchScope
from semspace.index.local_recall import regions
from semspace.index.points import View
from semspace.index.tuning import QueryLevel, Tuning
from semspace.types import Bools1d, Doubles1d, Floats2d, Int8s2d, Ints1d

HELD_OUT = 400  # points that recall is measured with
AGAIN = 1.25  # growth factor of the index after which recall is measured again
_WIDENING = 0.3  # power of the growth by which widths grow: 200 sufficed at 78,000 points, and 213 at 97,000
_DOUBT = 0.01  # tolerated below the recall asked for where so few are searched for: two standard errors
_STRANGERS = 120  # queries unlike the points that are searched for where widths are only checked
_IN_REGION = 20  # held-out points per region, about
_KNOWN = 400  # queries given by the user that are measured with
_SAMPLE = 10_000  # points of which queries unlike the points are made
_USUAL = 0.8  # share of the held-out points that count as usual queries
_TIMED = 100  # held-out points whose searches are timed
_SURE = 0.998  # share of the true neighbours that must be rescored
UNTUNED = Tuning(
    target_recall=0.0, recall=0.0, n_queries=0, queries_per_second=0.0, narrow=100, wide=200, slack=1 << 30
)


class ExactAnswers(NamedTuple):
    """Queries and the rows that are truly nearest to them."""

    vectors: Floats2d
    nearest: RowsAndScores

    def take(self, which: Ints1d) -> ExactAnswers:
        """Return some of the queries."""
        rows, scores = self.nearest
        return ExactAnswers(self.vectors[which], (rows[which], scores[which]))

    @classmethod
    def of(cls, parts: Sequence[ExactAnswers]) -> ExactAnswers:
        """Return the queries of several, one behind the other."""
        rows, scores = zip(*(one.nearest for one in parts), strict=True)
        return cls(np.concatenate([one.vectors for one in parts]), (np.concatenate(rows), np.concatenate(scores)))


@dataclass(frozen=True, eq=False)
class Measurement:
    """Searches of the points that are in the graph, compared with what is truly nearest.

    Parameters
    ----------
    searcher : GraphSearcher
    view : View
    recall : float
        The share of the true ten neighbours that searches are to find.
    ef : int, optional
        The candidates of a search for ten, where the user has set them.
    seed : int
    known : (n, dim), optional
        Queries given by the user, for which the recall is to be reached, too.
    """

    searcher: GraphSearcher
    view: View
    recall: float
    ef: int | None
    seed: int
    known: Floats2d | None = None

    def tuned(self, rows: Ints1d) -> Tuning:
        """Measure with rows that aren't in the graph what a single search needs."""
        if not len(rows):
            return replace(UNTUNED, recall=self.recall, singly=True)
        graph, (few, many) = self.searcher.graph, tuning.MEASURED_K
        usual, others = self._exact(self.view.vectors(rows)), self._others()
        slack = max(self._slack(usual), 1)
        now = replace(UNTUNED, target_recall=self.recall, n_queries=len(rows), slack=slack, singly=True)
        codes = self._codes(usual.vectors)
        sizes, region = regions(graph.codes[: graph.count], codes, max(1, len(rows) // _IN_REGION), self.seed)
        # Beyond so many candidates all codes are compared instead, also when the index has grown until it is measured
        # again.
        scans = graph_search.SCANS
        widest = min(int(2 * AGAIN * graph.count / scans), tuning.MAX_EF) if scans else tuning.MAX_EF

        def suffices(k: int, ef: int) -> bool:
            return tuning.reaches(self.recall, self._shares(now, usual, k, ef), region)

        widths = [self.ef or tuning.smallest_ef(k, widest, partial(suffices, k)) for k in (few, many)]
        narrow, wide = (width or max(widest, k) for width, k in zip(widths, (few, many), strict=True))
        now = replace(now, narrow=narrow, wide=wide, points=graph.count, scan=widths[0] is None)
        if self.ef is None and not now.scan:
            now = replace(now, levels=self._levels(now, [usual, *others], widest))
            if self.known is not None:
                now = self._widened(now, others[-1], widest)
        found = self.searcher.search(self.view, usual.vectors, few, now, self._inside, ef=self.ef, singly=True)
        mean, worst, at = tuning.mean_and_worst(tuning.recalls_at(usual.nearest, found, few), region)
        return replace(
            now, recall=mean, worst=worst, worst_points=int(sizes[at]), queries_per_second=self._speed(now, usual)
        )

    def tuned_again(self, rows: Ints1d, before: Tuning) -> Tuning:
        """Measure with some of the rows whether searches still reach the recall; return wider ones if not."""
        some = np.sort(np.random.default_rng(self.seed).permutation(rows)[:HELD_OUT])
        # More points need somewhat wider searches. These are only measured; the least that suffice are looked for
        # where they don't, which takes five times as long.
        wider = before.widened((self.searcher.graph.count / before.points) ** _WIDENING, self._nearer(some, before))
        if (checked := self._checked(some, wider)) is not None:
            return checked
        now = self.tuned(some)
        return replace(
            now, narrow=max(now.narrow, before.narrow), wide=max(now.wide, before.wide),
            slack=max(now.slack, before.slack), scan=now.scan or before.scan,
        )  # fmt: skip

    def _nearer(self, rows: Ints1d, before: Tuning) -> float:
        """Return how far what usual queries find is now, as a share of before."""
        if not before.levels or before.levels[0].far <= 0:
            return 1.0
        far = float(np.quantile(self._how_far(before, self.view.vectors(rows)), _USUAL))
        return min(max(far, 0.0) / before.levels[0].far, 1.0)

    def _checked(self, rows: Ints1d, tuned: Tuning) -> Tuning | None:
        """Return widths with the recall that rows find by them; None where it is less than was asked for."""
        graph, few = self.searcher.graph, tuning.MEASURED_K[0]
        usual = self._exact(self.view.vectors(rows))
        most = max(1, len(rows) // _IN_REGION)
        sizes, region = regions(graph.codes[: graph.count], self._codes(usual.vectors), most, self.seed)
        if not tuned.scan:
            for k in tuning.MEASURED_K:
                if not tuning.reaches(self.recall, self._shares(tuned, usual, k, None), region):
                    return None
            for asked in self._others(_STRANGERS):
                if any(self._shares(tuned, asked, k, None).mean() < self.recall - _DOUBT for k in tuning.MEASURED_K):
                    return None
        found = self.searcher.search(self.view, usual.vectors, few, tuned, self._inside, singly=True)
        mean, worst, at = tuning.mean_and_worst(tuning.recalls_at(usual.nearest, found, few), region)
        return replace(
            tuned, recall=mean, worst=worst, worst_points=int(sizes[at]), n_queries=len(rows), points=graph.count,
            queries_per_second=self._speed(tuned, usual),
        )  # fmt: skip

    @property
    def _inside(self) -> Bools1d:
        """Of each row whether the graph holds it."""
        inside = np.zeros(self.view.count, np.bool_)
        inside[self.searcher.graph.rows[: self.searcher.graph.count]] = True
        return inside

    def _exact(self, query_vectors: Floats2d) -> ExactAnswers:
        most = tuning.MEASURED_K[1]
        return ExactAnswers(
            query_vectors, compare_all(self.view, self.searcher.metric, query_vectors, most, self._inside)
        )

    def _others(self, count: int = STRANGERS) -> list[ExactAnswers]:
        """Return so many queries unlike the points, and those given by the user."""
        rng = np.random.default_rng(self.seed)
        sample = np.sort(rng.permutation(np.flatnonzero(self._inside))[:_SAMPLE])
        others = [self._exact(strange_queries(self.view.vectors(sample), rng, count))]
        return others if self.known is None else [*others, self._exact(self.known)]

    def _shares(self, tuned: Tuning, asked: ExactAnswers, k: int, ef: int | None) -> Doubles1d:
        """Return the recall of each query by walks of a width; None for what is tuned."""
        found = self.searcher.search(
            self.view, asked.vectors, k, tuned, self._inside, ef=ef or self.ef, walked=True
        )  # fmt: skip
        return tuning.recalls_at(asked.nearest, found, k)

    def _levels(self, tuned: Tuning, asked: Sequence[ExactAnswers], widest: int) -> tuple[QueryLevel, ...]:
        """Return the widths for queries unlike the points; the first of `asked` are like them."""
        every = ExactAnswers.of(asked)
        far = self._how_far(tuned, every.vectors)
        usual = int(np.quantile(far[: len(asked[0].vectors)], _USUAL))

        def measured(k: int, width: int) -> MeasuredWidths:
            widths = sorted({min(round(width * times), max(widest, width)) for times in WIDER})
            return MeasuredWidths(widths, lambda which, ef: self._shares(tuned, every.take(which), k, ef))

        (few, many), target = tuning.MEASURED_K, min(self.recall + tuning.MARGIN, 1.0)
        narrow, wide = measured(few, tuned.narrow), measured(many, tuned.wide)
        return tuple(find_levels(far, usual, narrow, wide, target))

    def _widened(self, tuned: Tuning, known: ExactAnswers, widest: int) -> Tuning:
        """Return wider searches, where those for known queries don't reach the recall at their levels."""
        for name, k in zip(("narrow", "wide"), tuning.MEASURED_K, strict=True):
            width = getattr(tuned, name)
            for times in WIDER:
                wider = min(round(width * times), max(widest, width))
                tuned = replace(tuned, **{name: wider})
                if self._shares(tuned, known, k, None).mean() >= min(self.recall + tuning.MARGIN, 1.0):
                    break
        return tuned

    def _how_far(self, tuned: Tuning, query_vectors: Floats2d) -> Ints1d:
        """Return how far by code the tenth candidate of each query is."""
        count, searcher = len(query_vectors), self.searcher
        found, scores = np.empty((count, 10), np.int64), np.empty((count, 10), np.float32)
        points = AllowedPoints(self.view, self._inside, searcher.metric)
        scope = SearchScope(points, tuned, searcher.workers(None))
        return self.searcher.walk(scope, query_vectors, self._codes(query_vectors), tuned.narrow, found, scores)[1]

    def _codes(self, query_vectors: Floats2d) -> Int8s2d:
        return self.searcher.codec.encode_queries(query_vectors, self.searcher.workers(None).share)[0]

    def _speed(self, tuned: Tuning, usual: ExactAnswers) -> float:
        """Return how many single queries a second are answered by one thread."""
        few, some, fastest = tuning.MEASURED_K[0], usual.vectors[:_TIMED], 0.0
        for _ in range(3):
            start = perf_counter()
            for vector in some:
                self.searcher.search(self.view, vector[None], few, tuned, ef=self.ef, threads=1)
            fastest = max(fastest, len(some) / (perf_counter() - start))
        return fastest

    def _slack(self, usual: ExactAnswers) -> int:
        """Return how much farther by code a true neighbour may be than as many nearest by code; few are farther."""
        k, searcher = tuning.MEASURED_K[0], self.searcher
        codes, node = self._codes(usual.vectors), searcher.nodes_of_rows(self.view, -1)
        by_code = np.full((len(codes), k), -1, np.int64)
        searcher.find_by_code(codes, by_code)
        beyond = []
        for own, near, true in zip(codes, by_code, usual.nearest[0], strict=True):
            farthest = _distances(searcher.graph.codes, near, own).max()
            beyond.append(_distances(searcher.graph.codes, node[true[:k]], own) - farthest)
        return int(np.quantile(np.concatenate(beyond), _SURE))


def some_queries(queries: Floats2d, seed: int) -> Floats2d:
    """Return the queries, or as many of them as are measured with."""
    return queries[np.sort(np.random.default_rng(seed).permutation(len(queries))[:_KNOWN])]


def _distances(codes: Int8s2d, nodes: Ints1d, own: Int8s2d) -> Ints1d:
    """Return squared distances of nodes to a query, up to a constant."""
    near = codes[nodes]
    product = near[:, :-8].astype(np.int64) @ own[:-8].astype(np.int64)
    lengths: Ints1d = near.view(np.int32)[:, -2] - 2 * product
    return lengths
