"""What is typical of documents, and how sure that is: means and medians with 95 % intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A value and its 95 % interval; None where there are too few documents."""

    value: float | None
    low: float | None
    high: float | None


NOTHING = Estimate(None, None, None)


def mean(values: Floats) -> Estimate:
    """Return the mean of the values that aren't NaN, with the interval of Student's t."""
    values = values[~np.isnan(values)]
    if not len(values):
        return NOTHING
    middle, n = float(values.mean()), len(values)
    if n < 2:
        return Estimate(middle, None, None)
    half = float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return Estimate(middle, middle - half, middle + half)


def median(values: Floats) -> Estimate:
    """Return the median of the values that aren't NaN, with an interval that holds for every distribution.

    Its ends are values of the sample, whose ranks follow from the binomial distribution (Conover 1999, section 3.2).
    Fewer than six values have none.
    """
    values = np.sort(values[~np.isnan(values)])
    n = len(values)
    if not n:
        return NOTHING
    middle = float(np.median(values))
    rank = int(stats.binom.ppf(0.025, n, 0.5))
    return Estimate(middle, float(values[rank - 1]), float(values[n - rank])) if rank else Estimate(middle, None, None)
