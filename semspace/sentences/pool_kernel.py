"""Compiled loops: the weighted mean of the token vectors of each text, and the removal of a shared direction."""

import numpy as np

from semspace.kernels.compiling import compiled_strictly
from semspace.types import Floats1d, Floats2d, Int32s1d, Ints1d


@compiled_strictly
def pooled_means(
    ids: Int32s1d,
    offsets: Ints1d,
    max_tokens: int,
    rows: Int32s1d,
    weights: Floats1d,
    table: Floats2d,
    out: Floats2d,
) -> None:
    """Set ``out[i]`` to the mean of ``weights[t] * table[rows[t]]`` over the tokens ``t`` of text ``i``.

    These are the first `max_tokens` of ``ids[offsets[i]:offsets[i + 1]]``. A token with a row below 0 is skipped and
    isn't counted; a text with no other tokens gets zeros. Sums are float32 in the order of the tokens, so other texts
    don't change a vector.
    """
    dim = table.shape[1]
    for i in range(len(offsets) - 1):
        n_tokens = 0
        for d in range(dim):
            out[i, d] = np.float32(0)
        for position in range(offsets[i], offsets[i] + min(offsets[i + 1] - offsets[i], max_tokens)):
            token = ids[position]
            row = rows[token]
            if row >= 0:
                n_tokens += 1
                weight = weights[token]
                for d in range(dim):
                    out[i, d] += weight * table[row, d]
        if n_tokens:
            share = np.float32(1) / np.float32(n_tokens)
            for d in range(dim):
                out[i, d] *= share


@compiled_strictly
def remove_direction(vectors: Floats2d, direction: Floats1d) -> None:
    """Subtract from each row its projection on a unit vector; row by row, since BLAS sums matrices in another order."""
    for i in range(len(vectors)):
        projection = np.float32(0)
        for d in range(vectors.shape[1]):
            projection += vectors[i, d] * direction[d]
        for d in range(vectors.shape[1]):
            vectors[i, d] -= projection * direction[d]
