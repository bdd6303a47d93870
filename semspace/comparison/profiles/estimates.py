"""Means and medians with 95 % confidence intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from semspace.types import Doubles1d


class Estimate(NamedTuple):
    """A value and its 95 % interval; None if there are too few documents."""

    value: float | None
    low: float | None
    high: float | None


UNKNOWN = Estimate(None, None, None)


def mean(values: Doubles1d) -> Estimate:
    """Return the mean of the values that aren't NaN, with the interval of Student's t."""
    values = values[~np.isnan(values)]
    if not len(values):
        return UNKNOWN
    center, n = float(values.mean()), len(values)
    if n < 2:
        return Estimate(center, None, None)
    half_width = float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return Estimate(center, center - half_width, center + half_width)


def median(values: Doubles1d) -> Estimate:
    """Return the median of the values that aren't NaN, with an interval that holds for every distribution.

    Its ends are values of the sample, whose ranks follow from the binomial distribution (Conover 1999, section 3.2).
    Fewer than six values have none.
    """
    values = np.sort(values[~np.isnan(values)])
    n = len(values)
    if not n:
        return UNKNOWN
    center = float(np.median(values))
    rank = int(stats.binom.ppf(0.025, n, 0.5))
    return Estimate(center, float(values[rank - 1]), float(values[n - rank])) if rank else Estimate(center, None, None)
