"""SymphonyQG (Gou et al. 2025, https://doi.org/10.1145/3709730), out of its authors' RaBitQ library.

Degree 32 and 200 candidates while building are what its authors measure it with (docs/benchmarks/graphs.md of the
RaBitQ library 0.7), and the links that all others have here.
"""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.contenders.contender import DEGREE, EF_CONSTRUCTION, Contender


class SymphonyQG(Contender):
    """One-bit codes of a point's neighbours beside the point, and vectors in 32 bits."""

    name = "SymphonyQG"
    package = module = "rabitqlib"
    bits: ClassVar[int] = 0  # of a stored vector; 0 stands for vectors as they are

    def build(self, base: np.ndarray, threads: int) -> None:
        import rabitqlib

        self.index = rabitqlib.SymqgIndex(base.shape[1], DEGREE, metric="ip", quantization_bits=self.bits)
        self.index.build(base, ef_construction=EF_CONSTRUCTION, num_threads=threads)

    def search(
        self,
        queries: np.ndarray,
        k: int,
        ef: int,
        level: Any = None,  # noqa: ARG002
        threads: int = 1,
    ) -> np.ndarray:
        return self.index.search_batch(queries, k=k, ef=max(ef, k), num_threads=threads)[0]

    def save(self, path: Path) -> None:
        self.index.save(str(path))

    def open(self, path: Path, dim: int, how: str) -> None:  # noqa: ARG002
        import rabitqlib

        self.index = rabitqlib.SymqgIndex.load(str(path))


class SymphonyQG8(SymphonyQG):
    """The same with vectors in 8 bits."""

    name = "SymphonyQG 8-bit"
    bits = 8
