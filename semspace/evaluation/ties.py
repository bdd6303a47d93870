"""Measures of ranking with ties, as their mean over all orders of equal scores.

The order of equal scores depends on the order of the data, not on the model: one that gives every text the same vector
would be right wherever the right answer comes first.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from semspace.types import Bools1d, Bools2d, Doubles1d, Floats2d, Ints1d

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
    means = np.zeros(min(k, len(scores)))
    start = 0
    for run in _runs(scores, k):
        means[start : start + len(run)] = gains[run].mean()
        start += len(run)
    return means


def mean_reciprocal_rank(scores: RealNumbers, relevant: Bools1d, k: int) -> float:
    """Return the mean of 1 / rank of the first relevant candidate, over all orders of equal scores.

    It is 0 for an order with no relevant candidate among the first `k`.

    Examples
    --------
    >>> round(mean_reciprocal_rank(np.array([0.5, 0.9, 0.5]), np.array([True, False, False]), k=10), 4)
    0.4167
    """
    start = 0
    for run in _runs(scores, k):
        n, hits = len(run), int(relevant[run].sum())
        if hits:
            mean, none_before = 0.0, 1.0  # the chance that no relevant one of this run has come yet
            for place in range(n - hits + 1):
                now = none_before * hits / (n - place)
                if start + place < k:
                    mean += now / (start + place + 1)
                none_before -= now
            return mean
        start += n
    return 0.0


def expected_hits(scores: Floats2d, right: Bools2d) -> Doubles1d:
    """Return for each row the chance that its best score is right, when ties are broken at random.

    Parameters
    ----------
    scores : ndarray, shape (m, n)
    right : ndarray of bool, shape (m, n)

    Returns
    -------
    ndarray of float64, shape (m,)
    """
    best = scores >= scores.max(axis=1, keepdims=True) - TOLERANCE
    chances: Doubles1d = (best & right).sum(axis=1) / best.sum(axis=1)
    return chances


def best_weights(scores: Floats2d, k: int) -> Doubles1d:
    """Return for each row the weights of its `k` best candidates: 1, those that tie for the last places a share each.

    Returns
    -------
    ndarray of float64, shape (m, n)
    """
    last = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
    above, equal = scores > last + TOLERANCE, np.abs(scores - last) <= TOLERANCE
    share = (k - above.sum(axis=1, keepdims=True)) / equal.sum(axis=1, keepdims=True)
    weights: Doubles1d = above + equal * share
    return weights


def _runs(scores: RealNumbers, k: int) -> Iterator[Ints1d]:
    """Yield the candidates of the first `k` ranks, those of equal scores together: the last run may reach beyond."""
    k = min(k, len(scores))
    if not k:
        return
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    candidates = np.flatnonzero(scores >= least - TOLERANCE)
    candidates = candidates[np.argsort(-scores[candidates], kind="stable")]
    negated = -scores[candidates]
    start = 0
    while start < k:
        end = int(np.searchsorted(negated, negated[start] + TOLERANCE, side="right"))
        yield candidates[start:end]
        start = end
