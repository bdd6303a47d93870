"""Hubness: points that are among the nearest neighbours of many others."""

from __future__ import annotations

import numpy as np
from scipy import stats

from semspace.types import Doubles1d, Ints1d, Ints2d


def occurrences(neighbors: Ints2d) -> Ints1d:
    """Return how often each point is among the nearest neighbours of others, shape (m,); the mean is k.

    Parameters
    ----------
    neighbors : ndarray of int64, shape (m, k)
        Positions of the nearest neighbours of each of the m points.

    Examples
    --------
    >>> import numpy as np
    >>> occurrences(np.array([[1], [0], [1]])).tolist()  # the second is nearest to both others
    [1, 2, 0]
    """
    return np.bincount(neighbors.ravel(), minlength=len(neighbors))


def skewness(occurrences: Ints1d | Doubles1d) -> float:
    """Compute the skewness of the k-occurrences (Radovanović et al. 2010): 0 without hubs, above 1 with strong ones.

    References
    ----------
    Radovanović, Nanopoulos & Ivanović (2010). Hubs in space: Popular nearest neighbors in high-dimensional data.
    Journal of Machine Learning Research 11, 2487-2531.
    """
    return float(stats.skew(occurrences)) if np.ptp(occurrences) else 0.0
