"""What averages of vectors share: texts with nothing to average, and flat lists of lists."""

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.queries import TINY
from semspace.types import Floats1d, Floats2d

UNLIMITED = 1_000_000  # tokens; what model2vec writes for "no limit"


def offsets_of(sizes: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Give where each of n parts starts in a flat list, and where the last one ends, int64 of shape (n + 1,)."""
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64))]).astype(np.int64)


def direction_or_ones(vector: npt.NDArray[np.float64], *, scale: bool) -> Floats1d:
    """Give a vector that surely has a direction: the one given, or that of (1, …, 1) where it has none."""
    size = float(np.linalg.norm(vector))
    if size < TINY:
        vector, size = np.ones_like(vector), float(np.sqrt(len(vector)))
    return checks.frozen((vector / size if scale else vector).astype(np.float32))


def settle(vectors: Floats2d, elsewhere: Floats1d, *, scale: bool) -> npt.NDArray[np.bool_]:
    """Give rows without a direction the vector `elsewhere`, scale the others where asked to; tell which had none."""
    sizes = np.linalg.norm(vectors, axis=1)
    lost = sizes < TINY
    if scale:
        sizes[lost] = 1
        vectors /= sizes[:, None]
    vectors[lost] = elsewhere
    found: npt.NDArray[np.bool_] = lost
    return found
