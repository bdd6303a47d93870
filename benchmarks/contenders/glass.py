"""Glass (https://github.com/zilliztech/pyglass): HNSW built and walked over codes, finds compared again in 16 bits.

Built over 8 bits (SQ8U) and walked over 4 (SQ4U) is what its authors recommend. Their own wheel has AVX-512 alone;
pyglass-portable is the same code for other processors.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.contenders.contender import DEGREE, EF_CONSTRUCTION, Contender, chatter


class Glass(Contender):
    name = "Glass SQ4U"
    package, module = "pyglass-portable", "glass"
    codes: ClassVar[str] = "SQ4U"
    refined: ClassVar[str] = "FP16"

    @chatter()
    def build(self, base: np.ndarray, threads: int) -> None:
        import glass

        glass.set_num_threads(threads)
        graph = glass.Index("HNSW", "IP", "SQ8U", R=DEGREE, L=EF_CONSTRUCTION).build(base)
        self.base, self.place = base, tempfile.TemporaryDirectory()
        graph.save(str(Path(self.place.name) / "graph"))  # now, since a searcher takes what is in the graph away
        self.index = self._searcher(graph, base)

    def _searcher(self, graph: Any, base: np.ndarray) -> Any:
        import glass

        searcher = glass.Searcher(graph, base, "IP", self.codes, self.refined)
        searcher.optimize(1)
        return searcher

    def search(
        self,
        queries: np.ndarray,
        k: int,
        ef: int,
        level: Any = None,  # noqa: ARG002
        threads: int = 1,
    ) -> np.ndarray:
        self.index.set_ef(ef)
        return np.asarray(self.index.batch_search(queries, k, threads)[0]).reshape(-1, k)

    def save(self, path: Path) -> None:
        """Save graph and vectors: a searcher can't be saved, and is made of both."""
        path.mkdir()
        shutil.copy(Path(self.place.name) / "graph", path / "graph")
        np.save(path / "vectors.npy", self.base)

    @chatter()
    def open(self, path: Path, dim: int, how: str) -> None:  # noqa: ARG002
        import glass

        self.index = self._searcher(glass.Graph(str(path / "graph")), np.load(path / "vectors.npy", mmap_mode="r"))


class GlassBytes(Glass):
    """Walked over 8 bits."""

    name = "Glass SQ8U"
    codes = "SQ8U"
