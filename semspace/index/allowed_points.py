"""The points that a condition allows, and exact comparisons of queries with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from semspace.index import product_kernel
from semspace.index.engine import RowsAndScores
from semspace.index.graph import WorkerPool
from semspace.index.points import View
from semspace.index.quantization import rows_of_bytes
from semspace.index.search_kernel import METRICS
from semspace.kernels.simd import LANES, VECTOR_BYTES
from semspace.types import Bools1d, Floats1d, Floats2d, Floats3d, Int8s2d, Int32s1d, Ints1d

_KEPT = 32 << 20  # bytes of copied vectors or codes, up to which they are kept for the condition's next queries
_PIECE = 4 << 20  # bytes of vectors that are copied at a time, where they are more


class Panels(NamedTuple):
    """Vectors copied for products, 16 to a panel."""

    start: int  # number of the first vector
    number: int  # of vectors
    vectors: Floats3d  # (panels, dim, 16)
    factors: Floats1d  # of each product


class AllowedPoints:
    """The live points of a view that a condition allows; None allows all.

    What was copied of them is kept while it is small, since the next queries often have the same condition.

    Parameters
    ----------
    view : View
    allowed : (rows,) bool, optional
    metric : str
    """

    def __init__(self, view: View, allowed: Bools1d | None, metric: str) -> None:
        self.view, self.allowed, self._metric = view, allowed, metric
        self.mask = view.live_mask(allowed)
        self.count = view.count if self.mask is None else int(np.count_nonzero(self.mask))
        self._rows: Ints1d | None = None
        self._compared = False  # one by one
        self._copied: tuple[Floats2d, Floats2d, Floats1d] | None = None
        self._panels: Panels | None = None
        self._nodes: Int32s1d | None = None
        self._listed_of = -1  # nodes of the graph when `_nodes` were listed
        self._codes: Int8s2d | None = None
        self._asked = False  # for their codes

    def are(self, view: View, allowed: Bools1d | None) -> bool:
        """Check whether they are the allowed points of a view."""
        return self.view is view and self.allowed is allowed

    @property
    def rows(self) -> Ints1d:
        """The rows of the points, in order."""
        rows = self._rows
        if rows is None:
            rows = np.arange(self.view.count) if self.mask is None else np.flatnonzero(self.mask)
            self._rows = rows
        return rows

    @property
    def are_kept(self) -> bool:
        """Whether a copy of their vectors is kept."""
        return 4 * self.count * self.view.dim <= _KEPT

    # -- exact comparisons --------------------------------------------------------------------------------

    def compare_each(self, query_vectors: Floats2d, k: int, workers: WorkerPool) -> RowsAndScores:
        """Return the nearest of the points, each compared where it lies, or after the first call in a copy."""
        found, scores = np.empty((len(query_vectors), k), np.int64), np.full((len(query_vectors), k), -np.inf, "f4")
        numbers, vectors, copied = np.arange(self.count), self._vectors, self._copies()
        keys, rows = numbers << 1, self.rows
        if copied is not None:
            rows, vectors = numbers, (*copied, vectors[-1])

        def work(first: int, last: int, _: object) -> None:
            product_kernel.compare_rows(first, last, query_vectors, keys, rows, *vectors, found, scores)

        workers.share(len(query_vectors), work)
        return found if copied is None else np.where(found < 0, -1, self.rows[found]), scores

    def _copies(self) -> tuple[Floats2d, Floats2d, Floats1d] | None:
        """Return the vectors one behind the other, no others, and their lengths; None at first, or if they are many."""
        copied = self._copied
        if copied is None and self._compared and self.are_kept:
            copied = (self.view.vectors(self.rows), self.view.more[:0], self.view.sizes[self.rows])
            self._copied = copied
        self._compared = True
        return copied

    def compare_products(self, query_vectors: Floats2d, k: int, workers: WorkerPool) -> RowsAndScores:
        """Return the nearest of the points, by cosine or dot product, for at least `product_kernel.GROUP` queries."""
        n, query_vectors = len(query_vectors), np.ascontiguousarray(query_vectors)
        pools, held = np.empty((n, min(k, self.count)), np.int64), np.zeros(n, np.int64)
        found, scores = np.empty((n, k), np.int64), np.full((n, k), -np.inf, np.float32)
        vectors = self._vectors
        for panels in self._packed(workers):

            def compare(first: int, last: int, _: object, panels: Panels = panels) -> None:
                product_kernel.compare_panels(
                    first, last, query_vectors, panels.vectors, panels.factors, panels.start, panels.number, pools, held
                )

            workers.share(n, compare)

        def rescore(first: int, last: int, _: object) -> None:
            product_kernel.rescore_pools(first, last, query_vectors, pools, held, self.rows, *vectors, found, scores)

        workers.share(n, rescore)
        return found, scores

    @property
    def _vectors(self) -> tuple[Floats2d, Floats2d, Floats1d, int]:
        return self.view.ground.vectors, self.view.more, self.view.sizes, METRICS[self._metric]

    def _packed(self, workers: WorkerPool) -> Iterator[Panels]:
        """Iterate over all panels: those that are kept, or so many at a time that memory stays bounded."""
        if self._panels is not None:
            yield self._panels
            return
        step = self.count if self.are_kept else max(LANES, _PIECE // (4 * self.view.dim))
        for start in range(0, self.count, step):
            panels = self._pack(start, min(step, self.count - start), workers)
            if step == self.count:
                self._panels = panels
            yield panels

    def _pack(self, start: int, count: int, workers: WorkerPool) -> Panels:
        n, dim, rows = -(-count // LANES), self.view.dim, self.rows[start : start + count]
        vectors = rows_of_bytes(n * dim, VECTOR_BYTES).view(np.float32).reshape(n, dim, LANES)
        factors = rows_of_bytes(n, VECTOR_BYTES).view(np.float32).reshape(-1)

        def work(first: int, last: int, _: object) -> None:
            product_kernel.pack_panels(first, last, rows, *self._vectors, vectors, factors)

        workers.share(n, work)
        return Panels(start, count, vectors, factors)

    # -- codes --------------------------------------------------------------------------------------------

    def nodes(self, rows: Int32s1d) -> Int32s1d:
        """Return the nodes of a graph that are such points; `rows` are those of its nodes."""
        nodes = self._nodes
        if nodes is None or self._listed_of != len(rows):
            if (mask := self.mask) is None:
                nodes = np.arange(len(rows), dtype=np.int32)
            else:
                nodes = np.flatnonzero((rows < len(mask)) & mask[np.minimum(rows, len(mask) - 1)]).astype(np.int32)
            self._nodes, self._listed_of = nodes, len(rows)
        return nodes

    def codes(self, codes: Int8s2d, nodes: Int32s1d, *, several: bool) -> tuple[Int32s1d | None, Int8s2d]:
        """Return where the codes of such nodes lie (None: in order), and in what.

        A first query finds them where the graph has them; for several, or another one, they are copied.
        """
        if self.mask is None:
            return None, codes
        kept = self._codes
        if kept is None or len(kept) != len(nodes):  # a node that came since would be one more
            if not (several or self._asked):
                self._asked = True
                return nodes, codes
            kept = picked_codes(codes, nodes)
            if kept.nbytes <= _KEPT:
                self._codes = kept
        return None, kept


def picked_codes(codes: Int8s2d, nodes: Int32s1d) -> Int8s2d:
    """Copy some codes one behind the other."""
    picked = rows_of_bytes(len(nodes), codes.shape[1])
    np.take(codes, nodes, axis=0, out=picked)
    return picked
