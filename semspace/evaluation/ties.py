"""Measures of ranking with ties, as their mean over all orders of equal scores.

The order of equal scores depends on the order of the data, not on the model: one that gives every text the same vector
would be right wherever the right answer comes first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from semspace.types import Bools2d, Doubles1d, Floats2d

# Difference of scores that count as equal: cosines of equal vectors differ by less in single precision.
TOLERANCE = 1e-6

RealNumbers = npt.NDArray[np.floating]


def mean_gains(scores: RealNumbers, gains: RealNumbers, k: int) -> Doubles1d:
    """Return the mean gain at each of the first `k` ranks, over all orders of equal scores.

    Parameters
    ----------
    scores, gains : ndarrays, shape (n,)
        Of all candidates. Scores within `TOLERANCE` of the highest of a run count as equal.

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
    candidates = np.flatnonzero(scores >= least - TOLERANCE)
    candidates = candidates[np.argsort(-scores[candidates], kind="stable")]
    negated, ranked_gains = -scores[candidates], gains[candidates]
    means = np.zeros(k)
    start = 0
    while start < k:
        end = int(np.searchsorted(negated, negated[start] + TOLERANCE, side="right"))
        means[start:end] = ranked_gains[start:end].mean()
        start = end
    return means


def expected_hits(scores: Floats2d, right: Bools2d) -> float:
    """Return the expected number of rows whose best score is right, when ties are broken at random.

    Parameters
    ----------
    scores : ndarray, shape (m, n)
    right : ndarray of bool, shape (m, n)
    """
    best = scores >= scores.max(axis=1, keepdims=True) - TOLERANCE
    return float(((best & right).sum(axis=1) / best.sum(axis=1)).sum())
