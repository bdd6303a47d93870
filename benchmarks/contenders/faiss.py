"""faiss: a graph over vectors as they are, and one over 8 bits."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contenders.contender import EF_CONSTRUCTION, Contender, M


class Faiss(Contender):
    name = "faiss HNSWFlat"
    package, module = "faiss-cpu", "faiss"
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

    @staticmethod
    def parameters_in_words(ef: int, level: Any) -> str:
        return f"ef {ef}, k_factor {level:g}"
