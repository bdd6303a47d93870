"""The probability that a pair is of the same meaning, as a function of its score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit

from semspace.types import Bools1d, Doubles1d, Doubles2d

GRID = np.linspace(-1.0, 1.0, 401)  # scores for which the probability is stored; between them it is interpolated
RESAMPLES = 200  # of the labelled pairs, for the interval
_SLOPE_SPREAD = 0.5  # standard deviation of the slope around 1, before any pair of the new texts is seen
_SHIFT_SPREAD = 3.0  # of the shift around 0
_STEPS = 30  # of Newton's method; it needs about 6
_BOUND = 1e-4  # of probabilities from 0 and 1


@dataclass(frozen=True, eq=False)
class ProbabilityCurve:
    """Probabilities of the scores of `GRID`, each with its 95 % interval.

    Parameters
    ----------
    probability, low, high : ndarray of float64, shape (401,)
    """

    probability: Doubles1d
    low: Doubles1d
    high: Doubles1d

    @classmethod
    def of(cls, curves: Doubles2d) -> ProbabilityCurve:
        """Return the curve of the first row, with the interval of the others: those of resampled pairs."""
        low, high = np.quantile(curves[1:], [0.025, 0.975], axis=0)
        return cls(curves[0], np.minimum(low, curves[0]), np.maximum(high, curves[0]))

    def at(self, scores: Doubles1d) -> Doubles2d:
        """Return probability, low and high end of some scores, shape (3, n)."""
        return np.stack([np.interp(scores, GRID, curve) for curve in (self.probability, self.low, self.high)])


def isotonic_curves(scores: Doubles1d, labels: Bools1d, rng: np.random.Generator) -> Doubles2d:
    """Return the probabilities on `GRID` from labelled pairs, then those of resampled pairs, shape (1 + 200, 401).

    Isotonic regression (Zadrozny & Elkan 2002), interpolated between the means of its blocks. The share of each block
    is (same + 1/2) / (pairs + 1), so that a block of three pairs doesn't become certainty.
    """
    return np.stack([_isotonic(scores[rows], labels[rows]) for rows in _samples(len(scores), rng)])


def shifted_curves(base: Doubles2d, scores: Doubles1d, labels: Bools1d, rng: np.random.Generator) -> Doubles2d:
    """Return curves of other labelled pairs, of the same shape, fitted to some pairs of the new texts.

    The log-odds are multiplied and shifted (Platt 1999). As there are few pairs, both are the most probable values
    under a normal prior: the slope lies near 1, where the base is right but for how frequent the same meaning is.
    """
    curves = [
        _shifted(curve, scores[rows], labels[rows])
        for curve, rows in zip(base, _samples(len(scores), rng), strict=True)
    ]
    return np.stack(curves)


def _samples(n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return all rows, then resampled ones."""
    return [np.arange(n), *(rng.integers(n, size=n) for _ in range(RESAMPLES))]


def _isotonic(scores: Doubles1d, labels: Bools1d) -> Doubles1d:
    values, place, pairs = np.unique(scores, return_inverse=True, return_counts=True)
    same = np.bincount(place, labels)
    fit = isotonic_regression(same / pairs, weights=pairs)
    starts = fit.blocks[:-1]
    of_block, same_of_block = np.add.reduceat(pairs, starts), np.add.reduceat(same, starts)
    centers = np.add.reduceat(values * pairs, starts) / of_block
    shares = np.maximum.accumulate((same_of_block + 0.5) / (of_block + 1))
    return np.interp(GRID, centers, shares)


def _shifted(base: Doubles1d, scores: Doubles1d, labels: Bools1d) -> Doubles1d:
    odds = logit(np.clip(base, _BOUND, 1 - _BOUND))
    slope, shift = _platt(np.interp(scores, GRID, odds), labels)
    shifted: Doubles1d = expit(slope * odds + shift)
    return shifted


def _platt(odds: Doubles1d, labels: Bools1d) -> tuple[float, float]:
    """Return slope and shift of the log-odds, by Newton's method on the posterior, which has one maximum."""
    design = np.column_stack([odds, np.ones_like(odds)])
    precision = np.array([_SLOPE_SPREAD**-2, _SHIFT_SPREAD**-2])
    prior = weights = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        expected = expit(design @ weights)
        gradient = design.T @ (expected - labels) + precision * (weights - prior)
        curvature = (design.T * (expected * (1 - expected))) @ design + np.diag(precision)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step * min(1.0, 2.0 / np.abs(step).max(initial=1e-300))
        if np.abs(step).max() < 1e-9:
            break
    return max(float(weights[0]), 0.0), float(weights[1])
