"""What every index that is measured can do, whosever it is."""

import ctypes
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

M, EF_CONSTRUCTION = 16, 200  # of every peer; 16 means 32 links in the lowest layer for all of them
DEGREE = 2 * M  # where a library asks for the links in the lowest layer instead
NONE = -1


class Contender:
    """An index of somebody's, not yet built or opened."""

    name: ClassVar[str]
    package: ClassVar[str]
    module: ClassVar[str]
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

    @staticmethod
    def lowest(k: int) -> int:
        """Return the least search parameter that is tried."""
        return k

    @staticmethod
    def parameters_in_words(ef: int, level: Any) -> str:  # noqa: ARG004
        return f"ef {ef}"


def one_by_one(ask: Callable[[np.ndarray], Any], queries: np.ndarray, k: int, threads: int) -> np.ndarray:
    """Ask for libraries that take one query a call; missing neighbours are `NONE`."""
    found = np.full((len(queries), k), NONE, np.int64)

    def some(first: int) -> None:
        for row in range(first, len(queries), threads):
            ids = ask(queries[row])
            found[row, : len(ids)] = ids

    if threads == 1:
        some(0)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(some, range(threads)))
    return found


@contextmanager
def chatter() -> Iterator[None]:
    """Send what a library written in C prints to stderr, so that tables stay tables."""
    library, kept = ctypes.CDLL(None), os.dup(1)
    library.fflush(None)
    os.dup2(2, 1)
    try:
        yield
    finally:
        library.fflush(None)
        os.dup2(kept, 1)
        os.close(kept)
