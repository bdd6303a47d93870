"""Isotropy: whether the points use all directions alike."""

from __future__ import annotations

import numpy as np

from semspace import queries
from semspace.types import Doubles1d, Floats2d


def variances(points: Floats2d) -> Doubles1d:
    """Return the variances along the principal axes, shape (dim,), the largest first."""
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    spread = np.linalg.eigvalsh(centred.T @ centred / max(1, len(points) - 1))
    return np.maximum(spread[::-1], 0.0)


def participation_ratio(variances: Doubles1d) -> float:
    """Compute how many directions of equal variance would vary as much: ``(sum of v)² / (sum of v²)``; 0 of none.

    Examples
    --------
    >>> import numpy as np
    >>> participation_ratio(np.array([1.0, 1.0, 0.0])), participation_ratio(np.array([5.0, 0.0, 0.0]))
    (2.0, 1.0)
    """
    squares = float(variances @ variances)
    return float(variances.sum()) ** 2 / squares if squares else 0.0


def isoscore(variances: Doubles1d) -> float:
    """Compute IsoScore (Rudman et al. 2022), in [0, 1]: 1 where all directions vary alike, 0 where only one varies.

    The paper's steps (normalise the variances, measure the distance from all ones, rescale) come to
    ``(participation ratio - 1) / (dim - 1)``.

    Parameters
    ----------
    variances : ndarray of float64, shape (dim,)
        Along the principal axes.

    References
    ----------
    Rudman, Gillman, Rayne & Eickhoff (2022). IsoScore: Measuring the uniformity of embedding space utilization.
    Findings of ACL.

    Examples
    --------
    >>> import numpy as np
    >>> isoscore(np.array([2.0, 2.0, 2.0])), isoscore(np.array([1.0, 0.0, 0.0]))
    (1.0, 0.0)
    """
    if len(variances) == 1:
        return 1.0
    return max(0.0, (participation_ratio(variances) - 1) / (len(variances) - 1))


def n_axes(variances: Doubles1d, share: float) -> int:
    """Return how many principal axes together have at least this share of the variance."""
    total = float(variances.sum())
    if not total:
        return 0
    return int(np.searchsorted(np.cumsum(variances) / total, share - 1e-9) + 1)


def mean_cosine(points: Floats2d) -> float:
    """Compute the mean cosine of all pairs of different points, in [-1, 1] (Ethayarajh 2019): 0 where they cancel out.

    Examples
    --------
    >>> import numpy as np
    >>> mean_cosine(np.array([[1, 0], [0, 2], [3, 0]], np.float32))  # the cosines 0, 1, 0
    0.3333333333333333
    """
    n = len(points)
    total = queries.unit(points).sum(axis=0, dtype=np.float64)
    return (float(total @ total) - n) / (n * (n - 1))
