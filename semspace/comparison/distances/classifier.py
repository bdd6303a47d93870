"""A classifier two-sample test, which asks whether unseen documents of two corpora can be told apart.

The held-out area under the ROC curve says how often a classifier that saw half of the documents ranks a new pair, one
of each corpus, rightly: 0.5 is guessing, 1 is telling every pair apart (Lopez-Paz & Oquab 2017).
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
from semspace.types import Floats2d

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
MOST = 40_000  # documents that are looked at


@dataclass(frozen=True, eq=False)
class Judged:
    """What a classifier's scores of the documents it never saw tell.

    Parameters
    ----------
    value : float
        Area under the ROC curve.
    permuted : ndarray of float64
        The area for random splits of the unseen documents.
    interval : (float, float)
        95 %.
    """

    value: float
    permuted: Floats
    interval: tuple[float, float]

    @property
    def p_value(self) -> float:
        """Share of splits that reach the area, the observed one among them."""
        return float((1 + (self.permuted >= self.value - 1e-12).sum()) / (1 + len(self.permuted)))


def classifier(
    a: Floats2d, b: Floats2d, units: Rows | None = None, *, permutations: int, resamples: int, seed: int
) -> Judged:
    """Train a logistic regression on half the units of two clouds, shapes (m, dim) and (n, dim), judge it on the rest.

    Parameters
    ----------
    units : ndarray of int64, shape (m + n,), optional
        Documents of one unit are all trained on or all unseen. Copies of a document always are: else a copy in the
        other corpus would be taken for what it was trained as.
    """
    draw = np.random.default_rng(seed)
    points = np.concatenate([a, b])
    truth = np.arange(len(points)) < len(a)
    number = _copies(points) if units is None else np.unique(units, return_inverse=True)[1]
    unseen = _unseen(number, truth, draw)
    middle = points[~unseen].mean(axis=0)
    model = LogisticRegression(class_weight="balanced", max_iter=1_000)
    model.fit(points[~unseen] - middle, truth[~unseen])
    scores = model.decision_function(points[unseen] - middle)
    of, side = number[unseen], truth[unseen]
    value = auc(scores[side], scores[~side])
    permuted = _permuted(scores, side, of, permutations, draw)
    low, high = _resampled(scores, side, of, resamples, draw)
    least, most = auc_interval(value, int(side.sum()), int((~side).sum()))
    return Judged(value, permuted, (min(low, least), max(high, most)))


def _copies(points: Floats2d) -> Rows:
    """Give each different document a number, and copies the same one."""
    rows = np.ascontiguousarray(points).view(np.dtype((np.void, points.dtype.itemsize * points.shape[1]))).ravel()
    return np.unique(rows, return_inverse=True)[1].astype(np.int64)


def _unseen(number: Rows, truth: npt.NDArray[np.bool_], draw: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Choose half of the units of each corpus; units that are in both count to the first."""
    owner = np.zeros(int(number.max()) + 1, bool)
    np.logical_or.at(owner, number, truth)
    out = np.zeros(len(owner), bool)
    for side in (True, False):
        own = draw.permutation(np.flatnonzero(owner == side))
        out[own[1::2]] = True
    unseen: npt.NDArray[np.bool_] = out[number]
    for side in (True, False):  # where copies left a corpus no document on one side, half of its documents serve
        own = np.flatnonzero(truth == side)
        if unseen[own].all() or not unseen[own].any():
            unseen[own] = False
            unseen[draw.permutation(own)[1::2]] = True
    return unseen


def _permuted(
    scores: Floats, side: npt.NDArray[np.bool_], of: Rows, permutations: int, draw: np.random.Generator
) -> Floats:
    """Give the area for random splits of the units."""
    units, of = np.unique(of, return_inverse=True)
    ranks = rankdata(scores)
    total, size = np.bincount(of, ranks), np.bincount(of)
    high = np.bincount(of, side)  # of a unit with copies in both corpora, the documents that are the first's
    areas = np.empty(permutations)
    for split in range(permutations):
        share = draw.permutation(high / size) * size if len(units) < len(scores) else draw.permutation(high)
        m = share.sum()
        n = len(scores) - m
        areas[split] = ((share / size) @ total - m * (m + 1) / 2) / (m * n)
    return areas


def _resampled(
    scores: Floats, side: npt.NDArray[np.bool_], of: Rows, resamples: int, draw: np.random.Generator
) -> tuple[float, float]:
    """Give the 95 % interval of the area for units drawn anew, with replacement."""
    if not resamples:
        return 0.5, 0.5
    units, of = np.unique(of, return_inverse=True)
    order = np.argsort(scores, kind="stable")
    ordered, side, of = scores[order], side[order], of[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-np.inf))  # of runs of equal scores
    areas = []
    for _ in range(resamples):
        weight = draw.multinomial(len(units), np.full(len(units), 1 / len(units)))[of].astype(np.float64)
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

    Unlike that of documents drawn anew, it knows that an area of 1 of few documents isn't certain.
    """
    pairs = (m + n) / 2 - 1

    def beyond(area: float) -> float:
        spread = area * (1 - area) * (1 + pairs * (1 - area) / (2 - area) + pairs * area / (1 + area)) / (m * n)
        return float((value - area) ** 2 - Z95**2 * spread)

    step = 1e-9  # off the value itself, which solves the equation where it is 0 or 1
    low = 0.0 if value <= step else brentq(beyond, 0.0, value - step)
    high = 1.0 if value >= 1 - step else brentq(beyond, value + step, 1.0)
    return float(low), float(high)
