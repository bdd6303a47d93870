"""The probability that a pair is of the same meaning, as a function of its score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit

from semspace.calibration.labelled_pairs import LabelledPairs
from semspace.types import ArrayXd, Bools1d, Doubles1d, Doubles2d

GRID = np.linspace(-1.0, 1.0, 401)  # scores for which the probability is stored; between them it is interpolated
RESAMPLES = 200  # of the labelled pairs, for the interval
_STEP = GRID[1] - GRID[0]
_PRIOR = np.array([1.0, 0.0])  # slope and shift of a base's log-odds, before any pair of the new texts is seen
_PRECISION = np.array([0.5, 3.0]) ** -2.0  # of standard deviations


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


def shifted_curves(base: Doubles2d, base_scores: Doubles1d, new: LabelledPairs, rng: np.random.Generator) -> Doubles2d:
    """Return curves of other labelled pairs, of the same shape, fitted to some pairs of the new texts.

    Each curve is made logistic by the scores of its pairs, so that few pairs don't move its steps about; its log-odds
    are multiplied and shifted (Platt 1999). Both are the most probable values under a normal prior: the slope lies near
    1, where the base is right but for how frequent the same meaning is.
    """
    counts = np.bincount(np.searchsorted(GRID, base_scores - _STEP / 2).clip(0, len(GRID) - 1), minlength=len(GRID))
    design, flat = np.column_stack([GRID, np.ones_like(GRID)]), np.array([1e-3, 1e-3])
    curves = []
    for curve, rows in zip(base, _samples(len(new), rng), strict=True):
        odds = design @ _most_probable(design, curve, counts, np.zeros(2), flat)
        at = np.column_stack([np.interp(new.scores[rows], GRID, odds), np.ones(len(rows))])
        slope, shift = _most_probable(at, new.labels[rows], np.ones(len(rows)), _PRIOR, _PRECISION)
        curves.append(expit(max(slope, 0.0) * odds + shift))
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


def _most_probable(
    design: Doubles2d, targets: ArrayXd, counts: ArrayXd, prior: Doubles1d, precision: Doubles1d
) -> Doubles1d:
    """Return the weights of a logistic regression with a normal prior; the posterior has one maximum."""

    def loss(weights: Doubles1d) -> tuple[float, Doubles1d]:
        """Return the negative logarithm of the posterior, and its gradient."""
        odds, off = design @ weights, weights - prior
        value = counts @ (np.logaddexp(0.0, odds) - odds * targets) + precision @ off**2 / 2
        return float(value), design.T @ (counts * (expit(odds) - targets)) + precision * off

    found: Doubles1d = minimize(loss, prior, jac=True, method="BFGS").x
    return found
