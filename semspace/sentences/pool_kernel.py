"""The inner loop of averages, compiled: the weighted mean of the rows of each text."""

import numpy as np
import numpy.typing as npt

from semspace.kernels.compiling import compiled_strictly
from semspace.types import Floats1d, Floats2d

Offsets = npt.NDArray[np.int64]
Whole = npt.NDArray[np.int32]


@compiled_strictly
def means(ids: Whole, offsets: Offsets, rows: Whole, weights: Floats1d, table: Floats2d, out: Floats2d) -> None:
    """Set ``out[i]`` to the mean of ``weights[t] * table[rows[t]]`` over the tokens ``t`` of text ``i``.

    Those are ``ids[offsets[i]:offsets[i + 1]]``; one with a row below 0 is passed over, and doesn't count. A text
    without any other gets zeros. Sums are float32, in the order of the tokens, so the company of a text can't matter.
    """
    dim = table.shape[1]
    for i in range(len(offsets) - 1):
        counted = 0
        for d in range(dim):
            out[i, d] = np.float32(0)
        for place in range(offsets[i], offsets[i + 1]):
            token = ids[place]
            row = rows[token]
            if row >= 0:
                counted += 1
                weight = weights[token]
                for d in range(dim):
                    out[i, d] += weight * table[row, d]
        if counted:
            share = np.float32(1) / np.float32(counted)
            for d in range(dim):
                out[i, d] *= share


@compiled_strictly
def without(vectors: Floats2d, direction: Floats1d) -> None:
    """Take from each row its projection on a unit vector. Row by row: in BLAS, company decides the order of sums."""
    for i in range(len(vectors)):
        along = np.float32(0)
        for d in range(vectors.shape[1]):
            along += vectors[i, d] * direction[d]
        for d in range(vectors.shape[1]):
            vectors[i, d] -= along * direction[d]
