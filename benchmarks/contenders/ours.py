"""Ours: every call of semspace's index that the benchmarks make is in this class."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contenders.contender import NONE, Contender


class Semspace(Contender):
    """Ours: every call of semspace's index that the benchmarks make is in this class."""

    name = "semspace"
    package = module = "semspace"
    opened = ("mapped",)

    def build(self, base: np.ndarray, threads: int, metadata: Any = None) -> None:
        import semspace as ss

        space = ss.Space.from_vectors([str(i) for i in range(len(base))], base, metadata=metadata)
        self.index = ss.Index.build(space, method="hnsw", threads=threads, progress=False)

    def search(
        self,
        queries: np.ndarray,
        k: int,
        ef: int | None,
        level: Any = None,  # noqa: ARG002
        threads: int = 1,
        where: str | None = None,
    ) -> np.ndarray:
        return self.index.knn_query(queries, k=k, ef=ef, threads=threads, where=where)[0]

    def numbers(self, found: np.ndarray) -> np.ndarray:
        known = np.array([int(id) for id in self.index.ids] or [NONE])
        return np.where(found < 0, NONE, known[found])

    def save(self, path: Path) -> None:
        self.index.save(path)

    def open(self, path: Path, dim: int, how: str) -> None:  # noqa: ARG002
        import semspace as ss

        self.index = ss.Index.open(path)

    def open_to_change(self, path: Path) -> None:
        import semspace as ss

        self.index = ss.Index.open(path, writable=True)

    def close(self) -> None:
        self.index.close()

    def add(self, numbers: np.ndarray, vectors: np.ndarray) -> None:
        self.index.add([str(i) for i in numbers.tolist()], vectors)

    def delete(self, numbers: np.ndarray) -> None:
        self.index.delete([str(i) for i in numbers.tolist()])

    def compact(self) -> None:
        self.index.compact()

    def promised(self) -> tuple[float, float]:
        """Return the recall and the queries a second that the index says it has."""
        report = self.index.report()
        return float(report.recall), float(report.queries_per_second)

    def duplicates(self, min_score: float) -> np.ndarray:
        """Return pairs of numbers, (n, 2)."""
        found = self.index.duplicates(min_score=min_score)
        return np.column_stack([found["a"].to_numpy(), found["b"].to_numpy()]).astype(np.int64)
