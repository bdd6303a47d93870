"""The Fréchet distance: how far apart two normal distributions are that have the means and covariances of two corpora.

``|μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁Σ₂)^½)`` (Dowson & Landau 1982), which compares what the documents of a corpus are like
and how they vary together. It is too large from few documents (Chong & Forsyth 2020), so it means nothing without the
value of random splits beside it. Of long vectors it is that of the leading axes of all documents together: with as
many dimensions as documents, or nearly, it would be little but what is too large.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from semspace.comparison.distances.exchange_blocks import Cells, cells_of
from semspace.threads import thread_count
from semspace.types import Floats2d

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
MOST_AXES = 64  # of longer vectors the leading axes serve
_BYTES = 300_000_000  # for the covariances of the sets that are permuted
_MOST_SETS = 256
_PART = 16


def frechet(a: Floats2d, b: Floats2d) -> float:
    """Return the squared Fréchet distance of two sets of vectors, shapes (m, dim) and (n, dim), m and n above 1.

    Notes
    -----
    The trace of ``(Σ₁Σ₂)^½`` is the sum of the singular values of ``R₁R₂ᵀ``, where ``R`` is the triangle of the
    centred vectors' QR decomposition: no root of a matrix is taken, and few documents are no trouble.
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    apart = x.mean(axis=0) - y.mean(axis=0)
    triangles = [np.linalg.qr(z - z.mean(axis=0), mode="r") / np.sqrt(len(z) - 1) for z in (x, y)]
    shared = np.linalg.svd(triangles[0] @ triangles[1].T, compute_uv=False).sum()
    return float(apart @ apart + sum((r**2).sum() for r in triangles) - 2 * shared)


def on_leading_axes(vectors: Floats2d) -> Floats2d:
    """Give vectors of more dimensions than `MOST_AXES` on the axes in which all of them differ most."""
    if vectors.shape[1] <= MOST_AXES:
        return vectors
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    kept: Floats2d = (centred @ directions[:, -MOST_AXES:].astype(np.float32)).astype(np.float32)
    return kept


def permuted(
    vectors: Floats2d, of: Rows, units: Rows | None, *, splits: int, resamples: int, seed: int
) -> tuple[Floats, Floats]:
    """Give the squared distances for random splits of two corpora, and for documents drawn anew from each.

    Parameters
    ----------
    of : ndarray of int64, shape (n,)
        0 for documents of the first, 1 for those of the second.

    Returns
    -------
    permuted : ndarray of float64, shape (splits,)
        The observed split's value, as it comes by this way, is the first of ``splits + 1`` values.
    resampled : ndarray of float64, shape (resamples,)
    """
    most = min(_MOST_SETS, _BYTES // (8 * vectors.shape[1] ** 2))
    cells = cells_of(of, units, corpora=2, seed=seed, most=most)
    sums = _Moments.of(vectors[cells.order], cells)
    draw = np.random.default_rng(seed)
    moving = np.flatnonzero(cells.moves)
    first = cells.corpus == 0
    weights = []
    for _ in range(splits):
        side = first.copy()
        side[moving] = draw.permutation(first[moving])
        weights.append((side.astype(np.float64), (~side).astype(np.float64)))
    for _ in range(resamples):
        pair = []
        for own in (np.flatnonzero(first), np.flatnonzero(~first)):
            drawn = np.zeros(cells.count)
            drawn[own] = draw.multinomial(len(own), np.full(len(own), 1 / len(own)))
            pair.append(drawn)
        weights.append((pair[0], pair[1]))
    every = [(first.astype(np.float64), (~first).astype(np.float64)), *weights]
    parts = [every[at : at + _PART] for at in range(0, len(every), _PART)]
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(thread_count()) as threads:
        values = np.concatenate(list(threads.map(sums.distances, parts)))
    return values[: splits + 1], values[splits + 1 :]


class _Moments:
    """Sums, and sums of products, of the vectors of each cell."""

    def __init__(self, sizes: Floats, sums: Floats, products: Floats) -> None:
        self.sizes, self.sums, self.products = sizes, sums, products

    @classmethod
    def of(cls, vectors: Floats2d, cells: Cells) -> _Moments:
        centred = vectors - vectors.mean(axis=0, dtype=np.float64)
        dim = vectors.shape[1]
        ends = np.cumsum(cells.sizes).astype(int)
        products = np.empty((cells.count, dim * dim))
        sums = np.empty((cells.count, dim))
        for cell, (start, stop) in enumerate(zip(np.r_[0, ends[:-1]], ends, strict=True)):
            own = centred[start:stop]
            products[cell] = (own.T @ own).ravel()
            sums[cell] = own.sum(axis=0)
        return cls(cells.sizes, sums, products)

    def distances(self, weights: list[tuple[Floats, Floats]]) -> Floats:
        """Give the distance for each pair of weights of the cells."""
        dim = self.sums.shape[1]
        sides = np.array([side for pair in weights for side in pair])
        covariances = (sides @ self.products).reshape(-1, 2, dim, dim)
        means = (sides @ self.sums).reshape(-1, 2, dim)
        sizes = (sides @ self.sizes).reshape(-1, 2)
        found = np.empty(len(weights))
        for at in range(len(weights)):
            middle = means[at] / sizes[at][:, None]
            spread = [
                (covariances[at, side] - sizes[at, side] * np.outer(middle[side], middle[side]))
                / max(sizes[at, side] - 1, 1)
                for side in (0, 1)
            ]
            apart = middle[0] - middle[1]
            found[at] = apart @ apart + np.trace(spread[0]) + np.trace(spread[1]) - 2 * _shared(*spread)
        return found


def _shared(a: Floats, b: Floats) -> float:
    """Give the trace of (ab)^½."""
    least = 1e-13 * (float(np.trace(a)) + float(np.trace(b))) + 1e-30
    try:
        root = np.linalg.cholesky(a + least * np.eye(len(a)))
    except np.linalg.LinAlgError:  # of copies of a few documents only rounding is left
        values, directions = np.linalg.eigh(a)
        root = directions * np.sqrt(np.maximum(values, 0))
    inner = root.T @ b @ root
    return float(np.sqrt(np.maximum(np.linalg.eigvalsh(inner), 0)).sum())
