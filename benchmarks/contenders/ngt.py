"""NGT (https://github.com/yahoojapan/NGT): its graph with optimised edges, ONNG, over vectors in 32 bits.

Its quantised graph, NGT-QG, isn't here: it is built by the command ``qbg``, which the wheel doesn't hold.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contenders.contender import Contender, chatter, one_by_one


class Ngt(Contender):
    """An index is a folder. Edges: 40 while building, then 20 out and 50 in, as VIBE has them for NGT-QG."""

    name = "NGT ONNG"
    package, module = "ngt", "ngtpy"

    @chatter()
    def build(self, base: np.ndarray, threads: int) -> None:
        import ngtpy

        self.place = tempfile.TemporaryDirectory()
        first, second = (str(Path(self.place.name) / name) for name in ("anng", "onng"))
        ngtpy.create(first, base.shape[1], 40, distance_type="Normalized L2")
        graph = ngtpy.Index(first, log_disabled=True)
        graph.batch_insert(base, num_threads=threads)
        graph.save()
        graph.close()
        edges = ngtpy.Optimizer(num_of_outgoings=20, num_of_incomings=50, log_disabled=True)
        edges.set_processing_modes(True, False, False, False)  # shortcuts out; its own search parameters aren't used
        edges.execute(first, second)
        self.open(Path(second), base.shape[1], "loaded")

    def search(
        self,
        queries: np.ndarray,
        k: int,
        ef: int,
        level: Any = None,  # noqa: ARG002
        threads: int = 1,
    ) -> np.ndarray:
        ask, epsilon = self.index.search, reach(ef)
        return one_by_one(lambda query: ask(query, k, epsilon, with_distance=False), queries, k, threads)

    def save(self, path: Path) -> None:
        shutil.copytree(self.path, path)

    def open(self, path: Path, dim: int, how: str) -> None:  # noqa: ARG002
        import ngtpy

        self.path = path
        self.index = ngtpy.Index(str(path), read_only=True, log_disabled=True)

    @staticmethod
    def lowest(k: int) -> int:  # noqa: ARG004
        return 10

    @staticmethod
    def parameters_in_words(ef: int, level: Any) -> str:  # noqa: ARG004
        return f"epsilon {reach(ef):.4f}"


def reach(ef: int) -> float:
    """Return NGT's search parameter, for whole numbers as others have them."""
    return ef / 500 - 0.1
