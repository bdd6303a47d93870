"""Classifier two-sample test: whether held-out documents of two corpora can be told apart.

The area under the ROC curve is how often a classifier trained on half of the documents ranks a held-out pair, one of
each corpus, correctly: 0.5 is guessing, 1 is telling every pair apart (Lopez-Paz & Oquab 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

from semspace.statistics import Z95
from semspace.types import Bools1d, Doubles1d, Floats2d, Ints1d

MAX_DOCUMENTS = 40_000  # documents for training and evaluation


@dataclass(frozen=True, eq=False)
class ClassifierResult:
    """The performance of a classifier on held-out documents.

    Parameters
    ----------
    value : float
        Area under the ROC curve.
    permuted : ndarray of float64
        The null distribution: the area for permutations of the held-out documents.
    interval : (float, float)
        95 % confidence interval.
    """

    value: float
    permuted: Doubles1d
    interval: tuple[float, float]

    @property
    def p_value(self) -> float:
        """The share of permutations, including the observed one, that reach the area."""
        return float((1 + (self.permuted >= self.value - 1e-12).sum()) / (1 + len(self.permuted)))


def classifier_test(
    a: Floats2d, b: Floats2d, units: Ints1d | None = None, *, permutations: int, resamples: int, seed: int
) -> ClassifierResult:
    """Train a logistic regression on half of the units of two sets of vectors, and evaluate it on the others.

    Parameters
    ----------
    units : ndarray of int64, shape (m + n,), optional
        Documents of one unit are all in the training set or all held out. Copies of a document always are: else a
        copy in the other corpus would be classified as the one in the training set.
    """
    rng = np.random.default_rng(seed)
    points = np.concatenate([a, b])
    is_first = np.arange(len(points)) < len(a)
    unit_ids = _distinct_rows(points) if units is None else np.unique(units, return_inverse=True)[1]
    held_out = _held_out(unit_ids, is_first, rng)
    center = points[~held_out].mean(axis=0)
    scores = _held_out_scores(points - center, is_first, held_out)
    held_out_units, side = unit_ids[held_out], is_first[held_out]
    value = auc(scores[side], scores[~side])
    permuted = _permuted(scores, side, held_out_units, permutations, rng)
    low, high = _resampled(scores, side, held_out_units, resamples, rng)
    low_bound, high_bound = auc_interval(value, int(side.sum()), int((~side).sum()))
    return ClassifierResult(value, permuted, (min(low, low_bound), max(high, high_bound)))


def _held_out_scores(points: Floats2d, is_first: Bools1d, held_out: Bools1d) -> Doubles1d:
    """Train on the documents that aren't held out, and return the scores of those that are.

    A product of narrow float32 matrices can set the flag "invalid" although it is right (seen with OpenBLAS 0.3.31:
    its kernels also compute lanes they discard). So the flag is ignored here, and the scores are checked instead.
    """
    model = LogisticRegression(class_weight="balanced", max_iter=1_000)
    with np.errstate(invalid="ignore"):
        model.fit(points[~held_out], is_first[~held_out])
        scores = model.decision_function(points[held_out])
    if not np.isfinite(scores).all():
        raise FloatingPointError("a classifier of finite vectors has scores that aren't finite")
    return np.asarray(scores, np.float64)


def _distinct_rows(points: Floats2d) -> Ints1d:
    """Return a number for each row, the same for copies."""
    rows = np.ascontiguousarray(points).view(np.dtype((np.void, points.dtype.itemsize * points.shape[1]))).ravel()
    return np.unique(rows, return_inverse=True)[1].astype(np.int64)


def _held_out(unit_ids: Ints1d, is_first: Bools1d, rng: np.random.Generator) -> Bools1d:
    """Return half of the documents of each corpus, unit by unit; units of both count as the first's."""
    unit_is_first = np.zeros(int(unit_ids.max()) + 1, bool)
    np.logical_or.at(unit_is_first, unit_ids, is_first)
    is_held_out_unit = np.zeros(len(unit_is_first), bool)
    for side in (True, False):
        rows = rng.permutation(np.flatnonzero(unit_is_first == side))
        is_held_out_unit[rows[1::2]] = True
    held_out: Bools1d = is_held_out_unit[unit_ids]
    for side in (True, False):  # if copies leave a corpus nothing on one side, take half of its documents
        rows = np.flatnonzero(is_first == side)
        if held_out[rows].all() or not held_out[rows].any():
            held_out[rows] = False
            held_out[rng.permutation(rows)[1::2]] = True
    return held_out


def _permuted(
    scores: Doubles1d, side: Bools1d, held_out_units: Ints1d, permutations: int, rng: np.random.Generator
) -> Doubles1d:
    """Compute the area for permutations of the units."""
    units, held_out_units = np.unique(held_out_units, return_inverse=True)
    ranks = rankdata(scores)
    total, size = np.bincount(held_out_units, ranks), np.bincount(held_out_units)
    high = np.bincount(
        held_out_units, side
    )  # of a unit with copies in both corpora, the documents that are the first's
    areas = np.empty(permutations)
    for split in range(permutations):
        share = rng.permutation(high / size) * size if len(units) < len(scores) else rng.permutation(high)
        m = share.sum()
        n = len(scores) - m
        areas[split] = ((share / size) @ total - m * (m + 1) / 2) / (m * n)
    return areas


def _resampled(
    scores: Doubles1d, side: Bools1d, held_out_units: Ints1d, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Compute the 95 % bootstrap interval of the area, resampling units."""
    if not resamples:
        return 0.5, 0.5
    units, held_out_units = np.unique(held_out_units, return_inverse=True)
    order = np.argsort(scores, kind="stable")
    ordered, side, held_out_units = scores[order], side[order], held_out_units[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-np.inf))  # of runs of equal scores
    areas = []
    for _ in range(resamples):
        weight = rng.multinomial(len(units), np.full(len(units), 1 / len(units)))[held_out_units].astype(np.float64)
        high = np.add.reduceat(weight * side, starts)
        low = np.add.reduceat(weight * ~side, starts)
        below = np.cumsum(low) - low / 2  # ties by half
        pairs = high.sum() * low.sum()
        if pairs:
            areas.append((high @ below) / pairs)
    return (float(np.quantile(areas, 0.025)), float(np.quantile(areas, 0.975))) if areas else (0.0, 1.0)


def auc(high: npt.NDArray[Any], low: npt.NDArray[Any]) -> float:
    """Return the share of pairs in which the first scores higher, ties by half."""
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, "left") + np.searchsorted(ordered, high, "right")
    return float(below.mean() / (2 * len(low)))


def auc_interval(value: float, m: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of an area under the curve (Newcombe 2006, method 5, after Hanley & McNeil 1982).

    Unlike the bootstrap's, it has a width also where the area is 1.
    """
    pairs = (m + n) / 2 - 1

    def beyond(area: float) -> float:
        spread = area * (1 - area) * (1 + pairs * (1 - area) / (2 - area) + pairs * area / (1 + area)) / (m * n)
        return float((value - area) ** 2 - Z95**2 * spread)

    step = 1e-9  # off the value itself, which solves the equation where it is 0 or 1
    low = 0.0 if value <= step else brentq(beyond, 0.0, value - step)
    high = 1.0 if value >= 1 - step else brentq(beyond, value + step, 1.0)
    return float(low), float(high)
