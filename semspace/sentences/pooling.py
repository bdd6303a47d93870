"""Means of token vectors: offsets of texts in flat arrays, and texts without a known token."""

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.queries import TINY
from semspace.types import Bools1d, Doubles1d, Floats1d, Floats2d, Ints1d

UNLIMITED = 1_000_000  # tokens; what model2vec writes for "no limit"


def offsets_of(counts: npt.ArrayLike) -> Ints1d:
    """Return the start of each of n parts in a flat array, and the end of the last, int64 of shape (n + 1,)."""
    return np.concatenate([[0], np.cumsum(np.asarray(counts, np.int64))]).astype(np.int64)


def direction_or_ones(vector: Doubles1d, *, scale: bool) -> Floats1d:
    """Return a vector, or the vector (1, …, 1) if it is zero; scaled to length 1 if `scale`."""
    norm = float(np.linalg.norm(vector))
    if norm < TINY:
        vector, norm = np.ones_like(vector), float(np.sqrt(len(vector)))
    return checks.frozen((vector / norm if scale else vector).astype(np.float32))


def fill_zero_rows(vectors: Floats2d, fallback: Floats1d, *, scale: bool) -> Bools1d:
    """Set zero rows to `fallback`, scale the others to length 1 if `scale`, and return which rows were zero."""
    norms = np.linalg.norm(vectors, axis=1)
    zero: Bools1d = norms < TINY
    if scale:
        norms[zero] = 1
        vectors /= norms[:, None]
    vectors[zero] = fallback
    return zero
