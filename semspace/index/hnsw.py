"""HNSW by hnswlib (Malkov & Yashunin 2016, arXiv 1603.09320): approximate neighbours, found in about log n steps."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from semspace import checks, queries
from semspace.bundle import Bundle, Draft
from semspace.checks import FloatMatrix, FloatVector
from semspace.errors import DamagedError
from semspace.index.base import Found
from semspace.index.exact import ExactEngine
from semspace.progress import bar
from semspace.space import Space

GRAPH = "graph.hnsw"
_SPACES = {"cosine": "cosine", "dot": "ip", "euclidean": "l2"}
_PIECE = 2_000  # points added between two ticks of the bar


@dataclass(frozen=True)
class HnswEngine:
    """A navigable graph over the points of a space.

    Parameters
    ----------
    m : int
        Links a point keeps on each layer. More finds better, and takes more memory.
    ef_construction : int
        Candidates kept while building. More builds a better graph, slower.
    ef : int
        Candidates kept while searching. More finds better, slower; at least k is used.
    threads : int
        A graph built with one thread is the same every time.
    """

    space: Space
    graph: Any
    metric: str
    m: int
    ef_construction: int
    ef: int
    seed: int
    threads: int
    kind: ClassVar[str] = "hnsw"

    @classmethod
    def build(
        cls,
        space: Space,
        metric: str,
        *,
        m: int = 16,
        ef_construction: int = 200,
        ef: int = 64,
        threads: int | None = None,
        seed: int = 1,
        progress: bool = True,
    ) -> HnswEngine:
        """Build the graph point by point."""
        checks.whole("m", m, low=2)
        checks.whole("ef_construction", ef_construction)
        checks.whole("ef", ef)
        checks.seed(seed)
        workers = _workers(threads)
        graph = _new_graph(space, metric)
        graph.init_index(max_elements=len(space), M=m, ef_construction=ef_construction, random_seed=seed)
        with bar("building the index", len(space), unit="point", progress=progress) as shown:
            for start in range(0, len(space), _PIECE):
                piece = space.vectors[start : start + _PIECE]
                graph.add_items(piece, np.arange(start, start + len(piece)), num_threads=workers)
                shown.update(len(piece))
        return cls(space, graph, metric, m, ef_construction, ef, seed, workers)

    @classmethod
    def read(cls, bundle: Bundle, space: Space, settings: dict[str, Any]) -> HnswEngine:
        """Open a saved graph; the bundle has compared its checksum already."""
        graph = _new_graph(space, settings["metric"])
        try:
            graph.load_index(str(bundle.path(GRAPH)), max_elements=len(space))
        except RuntimeError as problem:
            raise DamagedError(f"{bundle.path(GRAPH)} can't be opened ({problem}); build the index again") from problem
        if graph.element_count != len(space):
            raise DamagedError(
                f"{bundle.path(GRAPH)} holds {graph.element_count} points and its space {len(space)}; build it again"
            )
        return cls(space, graph, threads=_workers(None), **settings)

    def search(self, asked: FloatMatrix, k: int) -> Found:
        """Return about the nearest rows of each query; equal scores go by name."""
        k = min(k, self.graph.element_count)
        self.graph.set_ef(max(self.ef, k))
        try:
            return self._ask(asked, k)
        except RuntimeError:  # hnswlib gives up on all where one query reaches fewer than k points
            return [self._ask_one(query[None], k) for query in asked]

    def _ask_one(self, query: FloatMatrix, k: int) -> tuple[queries.Rows, FloatVector]:
        try:
            return self._ask(query, k)[0]
        except RuntimeError:  # the graph can't reach as many from here; comparing with every point can
            return ExactEngine(self.space, self.metric).search(query, k)[0]

    def _ask(self, asked: FloatMatrix, k: int) -> Found:
        labels, distances = self.graph.knn_query(asked, k=k, num_threads=self.threads)
        # hnswlib's distances are 1 - cosine, 1 - dot, and squared Euclidean: turned round here, once.
        scores = -np.sqrt(distances) if self.metric == "euclidean" else 1 - distances
        return [self._in_order(rows, own) for rows, own in zip(labels.astype(np.int64), scores, strict=True)]

    def _in_order(self, rows: queries.Rows, scores: FloatVector) -> tuple[queries.Rows, FloatVector]:
        names = self.space.ids
        order = sorted(range(len(rows)), key=lambda i: (-scores[i], names[rows[i]]))
        return rows[order], scores[order].astype(np.float32)

    def settings(self) -> dict[str, Any]:
        """Return what the graph was built with."""
        names = ("metric", "m", "ef_construction", "ef", "seed")  # threads are this machine's
        return {name: getattr(self, name) for name in names}

    def write(self, draft: Draft) -> None:
        """Write the graph in hnswlib's own format."""
        draft.file(GRAPH, lambda path: self.graph.save_index(str(path)))


def _workers(threads: int | None) -> int:
    return os.cpu_count() or 1 if threads is None else checks.whole("threads", threads, high=1_024)


def _new_graph(space: Space, metric: str) -> Any:
    import hnswlib

    return hnswlib.Index(space=_SPACES[checks.choice("metric", metric, queries.METRICS)], dim=space.dim)
