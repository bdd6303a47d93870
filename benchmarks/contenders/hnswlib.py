"""hnswlib, which the others are compared with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contenders.contender import EF_CONSTRUCTION, NONE, Contender, M


class Hnswlib(Contender):
    name = "hnswlib"
    package = module = "hnswlib"

    def build(self, base: np.ndarray, threads: int) -> None:
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=base.shape[1])
        self.index.init_index(max_elements=len(base), M=M, ef_construction=EF_CONSTRUCTION)
        self.index.add_items(base, num_threads=threads)

    def search(
        self,
        queries: np.ndarray,
        k: int,
        ef: int,
        level: Any = None,  # noqa: ARG002
        threads: int = 1,
        allowed: Callable[[int], bool] | None = None,
    ) -> np.ndarray:
        self.index.set_ef(max(ef, k))
        try:
            return self.index.knn_query(queries, k=k, num_threads=threads, filter=allowed)[0]
        except RuntimeError:  # it found fewer than k for one of them, and then gives none for any
            return np.concatenate([self._one(query, k, allowed) for query in queries])

    def _one(self, query: np.ndarray, k: int, allowed: Callable[[int], bool] | None) -> np.ndarray:
        try:
            return self.index.knn_query(query[None], k=k, num_threads=1, filter=allowed)[0].astype(np.int64)
        except RuntimeError:
            return np.full((1, k), NONE)

    def save(self, path: Path) -> None:
        self.index.save_index(str(path))

    def open(self, path: Path, dim: int, how: str) -> None:  # noqa: ARG002
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=dim)
        self.index.load_index(str(path))
