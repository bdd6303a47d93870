"""`CommonDirections`: the mean of vectors and their strongest directions, and vectors without them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semspace import queries
from semspace.errors import InputError
from semspace.text import mmap_array
from semspace.types import Doubles2d, Floats1d, Floats2d, Strings1d

_ROWS = 16_384  # vectors that are read at a time
_NOTHING = 1e-6  # of its length: what is left of a vector below it is rounding


@dataclass(frozen=True, eq=False)
class CommonDirections:
    """What is taken out of vectors: their mean, and then what they have along some directions.

    Mu & Viswanath (2018), "All-but-the-top: Simple and effective postprocessing for word representations".

    Parameters
    ----------
    mean : ndarray of float32, shape (dim,)
    directions : ndarray of float32, shape (n, dim)
        Orthogonal, of length 1; there may be none.
    """

    mean: Floats1d
    directions: Floats2d

    @classmethod
    def fit(cls, vectors: Floats2d, n: int) -> CommonDirections:
        """Return the mean of vectors (m, dim), and their `n` leading principal directions."""
        parts = [vectors[start : start + _ROWS] for start in range(0, len(vectors), _ROWS)] if n else [vectors]
        mean = vectors.mean(axis=0, dtype=np.float64)
        if not n:
            return cls(mean.astype(np.float32), np.empty((0, len(mean)), np.float32))
        moments: Doubles2d = np.zeros((len(mean), len(mean)))
        for part in parts:
            centered = part - mean
            moments += centered.T @ centered
        leading = np.linalg.eigh(moments)[1][:, ::-1][:, :n].T
        return cls(mean.astype(np.float32), np.ascontiguousarray(leading, np.float32))

    @property
    def method(self) -> str:
        """The name of the method: ``"centered"`` or ``"all-but-the-top"``."""
        return "all-but-the-top" if len(self.directions) else "centered"

    def apply(self, vectors: Floats2d) -> Floats2d:
        """Return vectors (m, dim) without the mean and what they have along the directions, float32."""
        centered: Floats2d = np.asarray(vectors, np.float32) - self.mean
        if len(self.directions):
            centered -= centered @ self.directions.T @ self.directions
        return centered


def without_common(ids: Strings1d, vectors: Floats2d, norms: Floats1d, n: int) -> tuple[CommonDirections, Floats2d]:
    """Fit the mean of vectors and `n` directions; return them, and the vectors (m, dim) without them.

    Raises `InputError` where nothing is left of a vector, whose length `norms` has.
    """
    correction = CommonDirections.fit(vectors, n)
    left = np.concatenate([correction.apply(part) for _, part in mmap_array.iter_slices(vectors, _ROWS)])
    gone = np.flatnonzero(queries.lengths(left) <= _NOTHING * norms)
    if len(gone):
        raise InputError(
            f"nothing is left of {ids[gone[0]]!r} (row {gone[0]}) without what all points share, so it would have no "
            f"direction; leave it out with select"
        )
    return correction, left
