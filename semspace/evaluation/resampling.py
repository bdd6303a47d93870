"""How sure a score is: bootstrap intervals of measures and of their differences, and tests of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy import stats

from semspace.evaluation.task_measure import TaskMeasure
from semspace.statistics import Z95, wilson
from semspace.types import Doubles1d, Doubles2d

LEAST = 10  # items; of fewer, nothing is known of the spread
_RESAMPLES, _FEWEST = 1_000, 200
_FLIPS = 10_000  # of the signs of differences
_ELEMENTS = 100_000_000  # of all resamples together; beyond, there are fewer of them
_BLOCK = 1_000_000  # elements at a time
_ROUNDING = 1e-9

Interval = tuple[float, float]


class PairedTest(NamedTuple):
    """The difference of two measures of the same items.

    Parameters
    ----------
    interval : (float, float), optional
        95 % interval of the difference; None of fewer than 10 items.
    p_value : float
        Of the difference, if both were equally good; NaN where it has no interval.
    """

    interval: Interval | None
    p_value: float


def interval(measure: TaskMeasure, seed: int) -> Interval | None:
    """Return the 95 % bootstrap interval of a measure; None of fewer than 10 items.

    The percentiles are shifted by the bias of the resamples, in which items repeat, and stretched as Student's t is
    wider than the normal distribution (Hesterberg 2015). Of values that are all the same, such as an accuracy of 1, it
    is Wilson's interval of a share.
    """
    n = measure.n_units
    if n < LEAST:
        return None
    resampled = _resampled(n, len(measure), measure.weighted, seed)
    if measure.statistic == "mean" and np.ptp(measure.scores) <= _ROUNDING and 0 <= measure.value <= 1:
        low, high = wilson(measure.value * n, n)
        return float(low), float(high)
    return _around(measure.value, resampled, n, measure.bounds)


def paired_test(a: TaskMeasure, b: TaskMeasure, seed: int) -> PairedTest:
    """Return the interval of ``a - b`` and its p-value, for measures of the same items, in the same order.

    Both have the same resamples. A difference of means is tested by flipping the signs of the items' differences (all
    ways if there are at most 10,000; Fisher 1935, Smucker et al. 2007), that of other measures by the centred bootstrap
    (Efron & Tibshirani 1993).
    """
    n = a.n_units
    if n < LEAST:
        return PairedTest(None, float("nan"))
    difference = a.value - b.value
    resampled = _resampled(n, 2 * len(a), lambda weights: a.weighted(weights) - b.weighted(weights), seed)
    lowest, highest = a.bounds
    ends = _around(difference, resampled, n, (lowest - highest, highest - lowest))
    if ends is None:
        return PairedTest(None, float("nan"))
    if a.statistic == "mean":
        return PairedTest(ends, _flipped(a.scores - b.scores, seed))
    known = resampled[np.isfinite(resampled)]
    reached = np.abs(known - known.mean()) >= abs(difference) - _ROUNDING
    return PairedTest(ends, float((1 + reached.sum()) / (1 + len(known))))


def _around(value: float, resampled: Doubles1d, n: int, bounds: Interval) -> Interval | None:
    known = resampled[np.isfinite(resampled)]
    if 2 * len(known) < len(resampled):
        return None
    stretch = float(stats.t.ppf(0.975, n - 1)) / Z95 * np.sqrt(n / (n - 1))
    low, high = value + stretch * (np.quantile(known, (0.025, 0.975)) - known.mean())
    return float(max(low, bounds[0])), float(min(high, bounds[1]))


def _resampled(n_units: int, n_items: int, measure: Callable[[Doubles2d], Doubles1d], seed: int) -> Doubles1d:
    """Return a measure of resamples of n units, with replacement."""
    count = int(np.clip(_ELEMENTS // max(n_items, 1), _FEWEST, _RESAMPLES))
    rng = np.random.default_rng(seed)
    blocks = []
    for size in _blocks(count, max(n_items, n_units)):
        drawn = rng.integers(n_units, size=(size, n_units)) + np.arange(size)[:, None] * n_units
        weights = np.bincount(drawn.ravel(), minlength=size * n_units).reshape(size, n_units)
        blocks.append(measure(weights.astype(np.float64)))
    return np.concatenate(blocks)


def _flipped(differences: Doubles1d, seed: int) -> float:
    """Return how often the mean of differences is as far from 0 when each has a random sign."""
    differences = differences[np.abs(differences) > _ROUNDING]
    observed = abs(differences.sum()) - _ROUNDING * max(np.abs(differences).sum(), 1)
    n = len(differences)
    if 2**n <= _FLIPS:  # all signs
        every = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
        return float((np.abs(every @ differences) >= observed).mean())
    rng = np.random.default_rng(seed)
    count = int(np.clip(_ELEMENTS // n, _FEWEST, _FLIPS))
    reached = 0
    for size in _blocks(count, n):
        signs = rng.integers(0, 2, (size, n), np.int8).astype(np.float32) * 2 - 1
        reached += int((np.abs(signs @ differences) >= observed).sum())
    return (1 + reached) / (1 + count)


def _blocks(count: int, width: int) -> Iterator[int]:
    size = max(1, _BLOCK // max(width, 1))
    for start in range(0, count, size):
        yield min(size, count - start)
