"""Indexes that are measured side by side, each behind the same few calls. Their libraries are imported where needed.

All of them compare unit vectors by inner product (usearch's 8 bits by cosine, the metric its 8 bits are made for). What
they find are numbers of vectors: the rows of what they were built from, and whatever numbers later ones were added by.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

M, EF_CONSTRUCTION = 16, 200  # of every peer; 16 means 32 links in the lowest layer for all of them
NONE = -1


class Contender:
    """An index of somebody's, not yet built or opened."""

    name: ClassVar[str]
    package: ClassVar[str]
    levels: ClassVar[tuple[Any, ...]] = (None,)  # a second search parameter, tried one by one
    opened: ClassVar[tuple[str, ...]] = ("loaded",)  # the ways in which a saved index can be opened

    def __init__(self) -> None:
        self.index: Any = None

    def build(self, base: np.ndarray, threads: int) -> None:
        raise NotImplementedError

    def search(self, queries: np.ndarray, k: int, ef: int, level: Any = None, threads: int = 1) -> np.ndarray:
        """Return the numbers of the nearest, (m, k), in the form the library gives them."""
        raise NotImplementedError

    def numbers(self, found: np.ndarray) -> np.ndarray:
        """Turn what `search` gave into numbers of vectors; this isn't timed."""
        return np.asarray(found).astype(np.int64)

    def save(self, path: Path) -> None:
        raise NotImplementedError

    def open(self, path: Path, dim: int, how: str) -> None:
        raise NotImplementedError


class Semspace(Contender):
    """Ours: every call of semspace's index that the benchmarks make is in this class."""

    name = "semspace"
    package = "semspace"
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


class Hnswlib(Contender):
    name = "hnswlib"
    package = "hnswlib"

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


class Faiss(Contender):
    name = "faiss HNSWFlat"
    package = "faiss-cpu"
    opened = ("loaded", "mapped")

    def build(self, base: np.ndarray, threads: int) -> None:
        import faiss

        faiss.omp_set_num_threads(threads)
        self.index = faiss.IndexHNSWFlat(base.shape[1], M, faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = EF_CONSTRUCTION
        self.index.add(base)

    def search(
        self, queries: np.ndarray, k: int, ef: int, level: Any = None, threads: int = 1, selector: Any = None
    ) -> np.ndarray:
        import faiss

        faiss.omp_set_num_threads(threads)  # it has no number of threads of a call
        return self.index.search(queries, k, params=self.parameters(ef, level, selector))[1]

    def parameters(self, ef: int, level: Any, selector: Any = None) -> Any:  # noqa: ARG002
        import faiss

        return faiss.SearchParametersHNSW(efSearch=ef, **({"sel": selector} if selector is not None else {}))

    def save(self, path: Path) -> None:
        import faiss

        faiss.write_index(self.index, str(path))

    def open(self, path: Path, dim: int, how: str) -> None:  # noqa: ARG002
        import faiss

        self.index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if how == "mapped" else 0)


class FaissRefined(Faiss):
    """A graph over vectors in 8 bits, whose finds are compared again with the vectors in 32 bits."""

    name = "faiss HNSW SQ8 refined"
    levels = (1.0, 1.5, 2.0, 4.0)  # k_factor

    def build(self, base: np.ndarray, threads: int) -> None:
        import faiss

        faiss.omp_set_num_threads(threads)
        graph = faiss.IndexHNSWSQ(base.shape[1], faiss.ScalarQuantizer.QT_8bit, M, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = EF_CONSTRUCTION
        graph.train(base)
        self.index, self.graph = faiss.IndexRefineFlat(graph), graph  # the first holds the second by its address only
        self.index.add(base)

    def parameters(self, ef: int, level: Any, selector: Any = None) -> Any:
        import faiss

        return faiss.IndexRefineSearchParameters(
            k_factor=level, base_index_params=super().parameters(ef, None, selector)
        )


class Usearch(Contender):
    name = "usearch f32"
    package = "usearch"
    opened = ("loaded", "mapped")
    kind: ClassVar[dict[str, str]] = {"metric": "ip", "dtype": "f32"}

    def build(self, base: np.ndarray, threads: int) -> None:
        from usearch.index import Index

        self.index = Index(ndim=base.shape[1], connectivity=M, expansion_add=EF_CONSTRUCTION, **self.kind)
        self.index.add(np.arange(len(base)), base, threads=threads)

    def search(
        self,
        queries: np.ndarray,
        k: int,
        ef: int,
        level: Any = None,  # noqa: ARG002
        threads: int = 1,
    ) -> np.ndarray:
        self.index.expansion_search = ef
        return self.index.search(queries, k, threads=threads).keys

    def save(self, path: Path) -> None:
        self.index.save(str(path))

    def open(self, path: Path, dim: int, how: str) -> None:  # noqa: ARG002
        from usearch.index import Index

        self.index = Index.restore(str(path), view=how == "mapped")


class UsearchHalves(Usearch):
    """What usearch takes by default where the processor has it."""

    name = "usearch bf16"
    kind: ClassVar[dict[str, str]] = {"metric": "ip", "dtype": "bf16"}


class UsearchBytes(Usearch):
    name = "usearch i8"
    kind: ClassVar[dict[str, str]] = {"metric": "cos", "dtype": "i8"}


ALL: tuple[type[Contender], ...] = (Semspace, Hnswlib, Faiss, FaissRefined, Usearch, UsearchHalves, UsearchBytes)
PACKAGES = ("numba", "hnswlib", "faiss-cpu", "usearch")
BY_NAME = {one.name: one for one in ALL}
