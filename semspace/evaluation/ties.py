"""Equal scores: what a measure of ranks is on average over all their orders.

An order among equals says nothing of a model, only of the order of the data: a model that gives every text one vector
would be right wherever the right answer stands first. So each of some equal scores counts for their mean.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# Cosines of equal vectors differ by so much in single precision, depending on where they stand in a matrix.
NEAR = 1e-6

Numbers = npt.NDArray[np.floating]


def mean_gains(scores: Numbers, gains: Numbers, k: int) -> npt.NDArray[np.float64]:
    """Return the mean gain at each of the first `k` ranks, over all orders of equal scores.

    Parameters
    ----------
    scores, gains : ndarrays, shape (n,)
        Of all candidates. Scores are equal that lie within `NEAR` below the highest of their block.

    Returns
    -------
    ndarray of float64, shape (min(k, n),)

    Examples
    --------
    >>> mean_gains(np.array([0.5, 0.9, 0.5]), np.array([1.0, 0.0, 0.0]), k=2).tolist()
    [0.0, 0.5]
    """
    k = min(k, len(scores))
    if not k:
        return np.zeros(0)
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    near = np.flatnonzero(scores >= least - NEAR)
    near = near[np.argsort(-scores[near], kind="stable")]
    falling, own = -scores[near], gains[near]
    means = np.zeros(k)
    start = 0
    while start < k:
        end = int(np.searchsorted(falling, falling[start] + NEAR, side="right"))
        means[start:end] = own[start:end].mean()
        start = end
    return means


def share_at_top(scores: npt.NDArray[np.float32], right: npt.NDArray[np.bool_]) -> float:
    """Return the sum, over rows, of the chance that the best of a row is right when equal scores are drawn at random.

    Parameters
    ----------
    scores : ndarray, shape (m, n)
    right : ndarray of bool, shape (m, n)
    """
    best = scores >= scores.max(axis=1, keepdims=True) - NEAR
    return float(((best & right).sum(axis=1) / best.sum(axis=1)).sum())
