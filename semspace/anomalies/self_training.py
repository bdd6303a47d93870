"""What is strange by density is learnt by a classifier, which then says what else is: the default method.

A few strange texts of one kind have each other as neighbours, which hides them from methods that look at neighbours
alone. A linear classifier of the strangest points against all others finds what these have in common, and so the rest
of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semspace.anomalies.detectors import LocalDensity
from semspace.anomalies.reference import ReferencePoints, one_by_one
from semspace.anomalies.threshold import Spread
from semspace.clusters.distinct_points import centered
from semspace.types import Bools1d, Doubles1d, Doubles2d, Floats1d, Floats2d, Ints2d

_SHARED = 20  # neighbours with whose factors that of a point is averaged
_ROUNDS = 3  # times that a classifier is trained
_STRANGE = 0.03  # share of the points that it sets against the rest
_PENALTY = 0.05  # of the squared weights, for each point
_LEAST_POINTS = 100  # of which a classifier is trained


@dataclass(frozen=True, eq=False)
class SelfTraining:
    """The sum of three robust z: of a classifier, of the local density, and of a distance.

    Parameters
    ----------
    density : LocalDensity
        Fitted to a tenth of the points.
    far : int
        The neighbour to which the distance is measured.
    spreads : tuple of three Spread
        Of the logarithm of the local outlier factor, half a point's own and half the mean of its nearest; of the
        distance; and of the classifier.
    weights : ndarray of float64, shape (dim + 1,)
        Of the classifier; the last one is its constant.
    fitted : ndarray of float64, shape (m,)
        Those of the classifier come from one that hasn't seen the point.
    """

    density: LocalDensity
    far: int
    spreads: tuple[Spread, Spread, Spread]
    weights: Doubles1d
    fitted: Doubles1d

    @classmethod
    def fit(cls, reference: ReferencePoints, k: int, *, progress: bool = False) -> SelfTraining:
        """Create it for a reference, with the local density among the `k` nearest."""
        rows, distances = reference.neighbors(k, progress=progress)
        density = LocalDensity.of_neighbors(reference, rows, distances)
        far = max(1, min(k, len(reference) // 20))
        factors, distance = _shared(density.fitted, rows), distances[:, far - 1]
        learnt, weights = np.zeros(len(reference)), np.zeros(reference.units.shape[1] + 1)
        if len(reference) >= _LEAST_POINTS:
            start = _standard(factors) + _standard(_factors_from_mean(reference, k, progress=progress))
            learnt, weights = _trained(reference.units, start)
        spreads = (Spread.of(factors), Spread.of(distance), Spread.of(learnt))
        return cls(density, far, spreads, weights, _total(spreads, factors, distance, learnt))

    def score(self, points: Floats2d) -> Doubles1d:
        """Return the sum of the three z of each point, shape (n,); that of a reference point is its fitted one."""
        return one_by_one(self._score, points)

    def _score(self, point: Floats1d) -> float:
        reference, k = self.density.reference, self.density.k
        own = reference.place_of(point)
        if own is not None:
            return float(self.fitted[own])
        rows, distances = reference.nearest(point, k)
        factor = np.log(self.density.factor(rows, distances))
        factor = (factor + np.log(self.density.fitted[rows[:_SHARED]]).mean()) / 2
        learnt = point.astype(np.float64) @ self.weights[:-1] + self.weights[-1]
        return float(_total(self.spreads, factor, distances[self.far - 1], learnt))


def _factors_from_mean(reference: ReferencePoints, k: int, *, progress: bool) -> Doubles1d:
    """Return the shared factors of the references as directions from their mean, shape (m,)."""
    units = reference.units
    moved = ReferencePoints(centered(units, units.mean(axis=0, dtype=np.float64).astype(np.float32)))
    rows, distances = moved.neighbors(k, progress=progress)
    return _shared(LocalDensity.of_neighbors(moved, rows, distances).fitted, rows)


def _shared(factors: Doubles1d, rows: Ints2d) -> Doubles1d:
    """Return the logarithm of each factor, averaged with those of its nearest, shape (m,)."""
    logs = np.log(factors)
    shared: Doubles1d = (logs + logs[rows[:, :_SHARED]].mean(axis=1)) / 2
    return shared


def _standard(scores: Doubles1d, spread: Spread | None = None) -> Doubles1d:
    """Return robust z; where half of the scores are equal, differences from them."""
    spread = Spread.of(scores) if spread is None else spread
    z: Doubles1d = (scores - spread.median) / (spread.deviation or 1.0)
    return z


def _total(spreads: tuple[Spread, Spread, Spread], *scores: Doubles1d) -> Doubles1d:
    total: Doubles1d = np.sum([_standard(one, spread) for one, spread in zip(scores, spreads, strict=True)], axis=0)
    return total


def _trained(units: Floats2d, start: Doubles1d) -> tuple[Doubles1d, Doubles1d]:
    """Return the scores, shape (m,), and the weights, of the last classifier, each trained on the one before."""
    scores, weights = start, np.zeros(units.shape[1] + 1)
    count = max(3, int(_STRANGE * len(units)))
    for _ in range(_ROUNDS):
        is_strange = np.zeros(len(units), bool)
        is_strange[np.argsort(-scores, kind="stable")[:count]] = True
        scores, weights = _classified(units, is_strange)
    return scores, weights


def _classified(units: Floats2d, is_strange: Bools1d) -> tuple[Doubles1d, Doubles1d]:
    """Return what ridge regression says of each point without having seen it, shape (m,), and its weights.

    Both classes weigh the same. A prediction without the point follows from the one with it and from the point's
    leverage (Allen 1974, PRESS).
    """
    m, points = len(units), np.column_stack([units, np.ones(len(units))]).astype(np.float64)
    weight = m / 2 / np.where(is_strange, is_strange.sum(), (~is_strange).sum())
    mean = np.append(points[:, :-1].mean(axis=0), 0)
    points -= mean
    system: Doubles2d = (points * weight[:, None]).T @ points
    diagonal = np.arange(len(mean) - 1)
    system[diagonal, diagonal] += _PENALTY * m
    solved = np.linalg.solve(system, points.T).T
    weights: Doubles1d = solved.T @ (weight * is_strange)
    leverage = np.einsum("ij,ij->i", solved, points) * weight
    unseen = (points @ weights - leverage * is_strange) / np.maximum(1 - leverage, 1e-6)
    weights[-1] -= mean @ weights
    return unseen, weights
