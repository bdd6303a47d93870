"""The spread of a corpus: the mean cosine distance of two of its documents."""

from __future__ import annotations

import numpy as np
from scipy import stats

from semspace import queries
from semspace.comparison.profiles.estimates import UNKNOWN, Estimate
from semspace.types import Floats2d

_ROWS_AT_A_TIME = 4_096  # normalized at a time


def mean_pairwise_distance(vectors: Floats2d) -> Estimate:
    """Return the mean cosine distance of two different documents, from 0 (all alike) to somewhat above 1.

    No pair is looked at: the cosines of all n² pairs of unit vectors add up to the squared length of their sum, and n
    of them are those of a document with itself. The mean over pairs is a U-statistic (Hoeffding 1948), so what each
    document adds to it gives its delete-one jackknife (Arvesen 1969), and that the interval.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
        None of them zero.
    """
    n = len(vectors)
    if n < 2:
        return UNKNOWN
    total = np.zeros(vectors.shape[1], np.float64)
    for start in range(0, n, _ROWS_AT_A_TIME):
        total += queries.unit(vectors[start : start + _ROWS_AT_A_TIME]).sum(axis=0, dtype=np.float64)
    to_sum = np.concatenate(
        [
            queries.unit(vectors[start : start + _ROWS_AT_A_TIME]).astype(np.float64) @ total
            for start in range(0, n, _ROWS_AT_A_TIME)
        ]
    )
    to_others = 1 - (to_sum - 1) / (n - 1)  # mean distance of each document to the others
    value = float(to_others.mean())
    if n < 3:
        return Estimate(value, None, None)
    # Without document i the mean is (n * value - 2 * to_others[i]) / (n - 2), which differs among documents by this.
    influence = 2 * (to_others - value) / (n - 2)
    half_width = float(stats.t.ppf(0.975, n - 1) * np.sqrt((n - 1) / n * (influence**2).sum()))
    return Estimate(value, value - half_width, value + half_width)
