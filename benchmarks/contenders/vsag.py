"""VSAG's HGraph (https://github.com/antgroup/vsag), its authors' choice for vectors of a model.

It is asked for Euclidean distances of unit vectors, as its authors ask it in ann-benchmarks: in 4 uniform bits it finds
next to nothing by inner product (version 0.18.5).
"""

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.contenders.contender import DEGREE, EF_CONSTRUCTION, Contender, one_by_one


class Vsag(Contender):
    """A graph over codes, whose finds are compared again with vectors in 32 bits. One query a call is all it takes."""

    name = "VSAG SQ8"
    package = module = "pyvsag"
    codes: ClassVar[str] = "sq8_uniform"

    def build(self, base: np.ndarray, threads: int) -> None:
        self.index = self._empty(base.shape[1], threads)
        vectors = np.array(base).ravel()  # a copy, since it ends the process when it can't write into what it is given
        self.index.build(vectors=vectors, ids=np.arange(len(base)), num_elements=len(base), dim=base.shape[1])

    def _empty(self, dim: int, threads: int) -> Any:
        import pyvsag

        pyvsag.set_logger_off()
        made = {
            "base_quantization_type": self.codes,
            "use_reorder": True,
            "precise_quantization_type": "fp32",
            "max_degree": DEGREE,
            "ef_construction": EF_CONSTRUCTION,
            "build_thread_count": threads,
        }
        whole = {"dtype": "float32", "metric_type": "l2", "dim": dim, "index_param": made}
        return pyvsag.Index("hgraph", json.dumps(whole))

    def search(
        self,
        queries: np.ndarray,
        k: int,
        ef: int,
        level: Any = None,  # noqa: ARG002
        threads: int = 1,
    ) -> np.ndarray:
        ask, how = self.index.knn_search, json.dumps({"hgraph": {"ef_search": max(ef, k)}})
        return one_by_one(lambda query: ask(query, k, how)[0], np.array(queries), k, threads)  # it wants to write there

    def save(self, path: Path) -> None:
        self.index.save(str(path))

    def open(self, path: Path, dim: int, how: str) -> None:  # noqa: ARG002
        self.index = self._empty(dim, 1)
        self.index.load(str(path))


class VsagHalfBytes(Vsag):
    name = "VSAG SQ4"
    codes = "sq4_uniform"
