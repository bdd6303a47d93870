"""Confidence intervals of shares and of their differences, and false discovery rates; all of whole arrays."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from semspace.types import Bools1d, Doubles1d

Z95 = NormalDist().inv_cdf(0.975)  # standard errors on either side of a 95 % interval
ALPHA = 0.05  # significance level: p-values and false discovery rates below it count as significant


def wilson(count: npt.ArrayLike, total: npt.ArrayLike) -> tuple[Doubles1d, Doubles1d]:
    """Return the 95 % confidence intervals of the shares ``count / total`` (Wilson 1927): low and high ends.

    Notes
    -----
    The same as ``scipy.stats.binomtest(count, total).proportion_ci(method="wilson")``, which takes one share at a time
    and computes the p-value of a test as well.

    Examples
    --------
    >>> low, high = wilson([5, 0], [10, 10])
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.237, 0.0], [0.763, 0.278])
    """
    count, total = np.asarray(count, np.float64), np.asarray(total, np.float64)
    share, square = count / total, Z95**2
    center = (share + square / (2 * total)) / (1 + square / total)
    half_width = Z95 / (1 + square / total) * np.sqrt(share * (1 - share) / total + square / (4 * total**2))
    return np.maximum(center - half_width, 0.0), np.minimum(center + half_width, 1.0)


def newcombe(
    count_a: npt.ArrayLike, total_a: npt.ArrayLike, count_b: npt.ArrayLike, total_b: npt.ArrayLike
) -> tuple[Doubles1d, Doubles1d]:
    """Return the 95 % intervals of the differences ``count_a / total_a - count_b / total_b`` (Newcombe 1998).

    Made of the Wilson intervals of both shares (his method 10).
    """
    (low_a, high_a), (low_b, high_b) = wilson(count_a, total_a), wilson(count_b, total_b)
    share_a = np.asarray(count_a, np.float64) / np.asarray(total_a, np.float64)
    share_b = np.asarray(count_b, np.float64) / np.asarray(total_b, np.float64)
    difference = share_a - share_b
    low = difference - np.hypot(share_a - low_a, high_b - share_b)
    high = difference + np.hypot(high_a - share_a, share_b - low_b)
    return np.asarray(low), np.asarray(high)


def q_values(p_values: npt.ArrayLike, tested: Bools1d | None = None) -> Doubles1d:
    """Return the false discovery rate at which each hypothesis is rejected (Benjamini & Hochberg 1995).

    Parameters
    ----------
    p_values : array of shape (n,)
    tested : ndarray of bool, shape (n,), optional
        Hypotheses that count as tested, all by default; the others get 1.
    """
    from scipy.stats import false_discovery_control  # half a second, which whoever reads saved tables needn't wait

    p = np.asarray(p_values, np.float64)
    tested = np.ones(len(p), np.bool_) if tested is None else tested
    q = np.ones(len(p))
    if tested.any():
        q[tested] = false_discovery_control(p[tested])
    return q


def holm(p_values: npt.ArrayLike) -> Doubles1d:
    """Return p-values corrected for the number of tests, so that the chance of any false discovery is kept (Holm 1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return corrected
