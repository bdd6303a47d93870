"""usearch, in 32, 16 and 8 bits."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.contenders.contender import EF_CONSTRUCTION, Contender, M


class Usearch(Contender):
    name = "usearch f32"
    package = module = "usearch"
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
