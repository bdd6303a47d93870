"""The Fréchet distance of the normal distributions that have the means and covariances of two corpora.

``|μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁Σ₂)^½)`` (Dowson & Landau 1982), which compares means and
covariances. It is biased upwards for few documents (Chong & Forsyth 2020), so it is only meaningful beside its null
distribution. Long vectors are projected on the leading axes of all documents: with nearly as many dimensions as
documents, the distance would be mostly bias.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from semspace.threads import thread_count
from semspace.two_sample.exchange_blocks import ExchangeBlocks, exchange_blocks
from semspace.types import Doubles1d, Doubles2d, Floats2d, Ints1d

MAX_AXES = 64  # longer vectors are projected on the leading axes
_MAX_BYTES = 300_000_000  # memory for the covariances of the blocks
_MAX_BLOCKS = 256
_SPLITS_AT_A_TIME = 16


def frechet_distance(a: Floats2d, b: Floats2d) -> float:
    """Return the squared Fréchet distance of two sets of vectors, shapes (m, dim) and (n, dim), m and n above 1.

    Notes
    -----
    The trace of ``(Σ₁Σ₂)^½`` is the sum of the singular values of ``R₁R₂ᵀ``, where ``R`` is the triangle of the
    centred vectors' QR decomposition: no matrix root is computed, and few documents are no problem.
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    difference = x.mean(axis=0) - y.mean(axis=0)
    triangles = [np.linalg.qr(z - z.mean(axis=0), mode="r") / np.sqrt(len(z) - 1) for z in (x, y)]
    trace_of_root = np.linalg.svd(triangles[0] @ triangles[1].T, compute_uv=False).sum()
    return float(difference @ difference + sum((r**2).sum() for r in triangles) - 2 * trace_of_root)


def project_on_leading_axes(vectors: Floats2d) -> Floats2d:
    """Return vectors projected on at most `MAX_AXES` principal axes of all of them."""
    if vectors.shape[1] <= MAX_AXES:
        return vectors
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    projected: Floats2d = (centred @ directions[:, -MAX_AXES:].astype(np.float32)).astype(np.float32)
    return projected


def permuted_distances(
    vectors: Floats2d, corpus_ids: Ints1d, units: Ints1d | None, *, splits: int, resamples: int, seed: int
) -> tuple[Doubles1d, Doubles1d]:
    """Compute the squared distances for permutations and for bootstrap resamples of two corpora.

    Parameters
    ----------
    corpus_ids : ndarray of int64, shape (n,)
        0 for documents of the first, 1 for those of the second.

    Returns
    -------
    permuted : ndarray of float64, shape (splits,)
        The value of the observed split comes first, so that there are ``splits + 1`` values.
    resampled : ndarray of float64, shape (resamples,)
    """
    max_blocks = min(_MAX_BLOCKS, _MAX_BYTES // (8 * vectors.shape[1] ** 2))
    blocks = exchange_blocks(corpus_ids, units, corpora=2, seed=seed, max_blocks=max_blocks)
    sums = _Moments.of(vectors[blocks.order], blocks)
    rng = np.random.default_rng(seed)
    moving = np.flatnonzero(blocks.moves)
    first = blocks.corpus == 0
    weights = []
    for _ in range(splits):
        side = first.copy()
        side[moving] = rng.permutation(first[moving])
        weights.append((side.astype(np.float64), (~side).astype(np.float64)))
    for _ in range(resamples):
        pair = []
        for rows in (np.flatnonzero(first), np.flatnonzero(~first)):
            drawn = np.zeros(blocks.count)
            drawn[rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)))
            pair.append(drawn)
        weights.append((pair[0], pair[1]))
    all_weights = [(first.astype(np.float64), (~first).astype(np.float64)), *weights]
    parts = [all_weights[start : start + _SPLITS_AT_A_TIME] for start in range(0, len(all_weights), _SPLITS_AT_A_TIME)]
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(thread_count()) as executor:
        values = np.concatenate(list(executor.map(sums.distances, parts)))
    return values[: splits + 1], values[splits + 1 :]


class _Moments:
    """Sums, and sums of products, of the vectors of each exchange block."""

    def __init__(self, sizes: Doubles1d, sums: Doubles2d, products: Doubles2d) -> None:
        self.sizes, self.sums, self.products = sizes, sums, products

    @classmethod
    def of(cls, vectors: Floats2d, blocks: ExchangeBlocks) -> _Moments:
        centred = vectors - vectors.mean(axis=0, dtype=np.float64)
        dim = vectors.shape[1]
        ends = np.cumsum(blocks.sizes).astype(int)
        products = np.empty((blocks.count, dim * dim))
        sums = np.empty((blocks.count, dim))
        for block, (start, stop) in enumerate(zip(np.r_[0, ends[:-1]], ends, strict=True)):
            rows = centred[start:stop]
            products[block] = (rows.T @ rows).ravel()
            sums[block] = rows.sum(axis=0)
        return cls(blocks.sizes, sums, products)

    def distances(self, weights: list[tuple[Doubles1d, Doubles1d]]) -> Doubles1d:
        """Compute the distance for each pair of weights of the blocks."""
        dim = self.sums.shape[1]
        sides = np.array([side for pair in weights for side in pair])
        covariances = (sides @ self.products).reshape(-1, 2, dim, dim)
        means = (sides @ self.sums).reshape(-1, 2, dim)
        sizes = (sides @ self.sizes).reshape(-1, 2)
        distances = np.empty(len(weights))
        for start in range(len(weights)):
            mean = means[start] / sizes[start][:, None]
            covariance = [
                (covariances[start, side] - sizes[start, side] * np.outer(mean[side], mean[side]))
                / max(sizes[start, side] - 1, 1)
                for side in (0, 1)
            ]
            difference = mean[0] - mean[1]
            distances[start] = (
                difference @ difference
                + np.trace(covariance[0])
                + np.trace(covariance[1])
                - 2 * _trace_of_root(*covariance)
            )
        return distances


def _trace_of_root(a: Doubles2d, b: Doubles2d) -> float:
    """Compute the trace of (ab)^½."""
    jitter = 1e-13 * (float(np.trace(a)) + float(np.trace(b))) + 1e-30
    try:
        root = np.linalg.cholesky(a + jitter * np.eye(len(a)))
    except np.linalg.LinAlgError:  # the rest of copies of a few documents is rounding
        values, directions = np.linalg.eigh(a)
        root = directions * np.sqrt(np.maximum(values, 0))
    inner = root.T @ b @ root
    return float(np.sqrt(np.maximum(np.linalg.eigvalsh(inner), 0)).sum())
