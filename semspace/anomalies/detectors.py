"""How unusual a point is: one class a method, each fitted to a reference, each scoring a point for itself alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from semspace.anomalies.reference import ReferencePoints, one_by_one
from semspace.anomalies.threshold import Spread
from semspace.latent.pca import PCA, PCAModel
from semspace.space import Space
from semspace.types import Doubles1d, Doubles2d, Floats1d, Floats2d, Ints1d, Ints2d

if TYPE_CHECKING:
    from sklearn.ensemble import IsolationForest as _Forest

_LEAST = 1e-9  # of a distance that others are divided by


class Detector(Protocol):
    """A method of scoring that is fitted to a reference; a higher score is stranger."""

    @property
    def fitted(self) -> Doubles1d:
        """The score of each reference point, compared with the others, shape (m,)."""

    def score(self, points: Floats2d) -> Doubles1d:
        """Return the scores of unit vectors, shape (n,): each depends on its own point and the reference only."""


@dataclass(frozen=True, eq=False)
class KthNeighbor:
    """The distance to the k-th nearest point (Ramaswamy, Rastogi & Shim 2000)."""

    reference: ReferencePoints
    k: int
    fitted: Doubles1d

    @classmethod
    def fit(cls, reference: ReferencePoints, k: int, *, progress: bool = False) -> KthNeighbor:
        """Create it for the k-th nearest of a reference."""
        return cls(reference, k, reference.neighbors(k, progress=progress)[1][:, -1])

    def score(self, points: Floats2d) -> Doubles1d:
        """Return the distance of each point to its k-th nearest reference, shape (n,)."""
        return one_by_one(lambda point: float(self.reference.nearest(point, self.k)[1][-1]), points)


@dataclass(frozen=True, eq=False)
class LocalDensity:
    """Local outlier factor: how much denser it is around a point's neighbours than around itself (Breunig et al. 2000).

    Parameters
    ----------
    reference : ReferencePoints
    k : int
    reach : ndarray of float64, shape (m,)
        Distance of each reference point to its k-th nearest.
    density : ndarray of float64, shape (m,)
        Its local reachability density.
    fitted : ndarray of float64, shape (m,)
    """

    reference: ReferencePoints
    k: int
    reach: Doubles1d
    density: Doubles1d
    fitted: Doubles1d

    @classmethod
    def fit(cls, reference: ReferencePoints, k: int, *, progress: bool = False) -> LocalDensity:
        """Create it for the `k` nearest of a reference."""
        return cls.of_neighbors(reference, *reference.neighbors(k, progress=progress))

    @classmethod
    def of_neighbors(cls, reference: ReferencePoints, rows: Ints2d, distances: Doubles2d) -> LocalDensity:
        """Create it of the nearest of each reference point, as `ReferencePoints.neighbors` returns them."""
        reach = distances[:, -1]
        density = 1 / np.maximum(np.maximum(reach[rows], distances).mean(axis=1), _LEAST)
        return cls(reference, rows.shape[1], reach, density, density[rows].mean(axis=1) / density)

    def score(self, points: Floats2d) -> Doubles1d:
        """Return the local outlier factor of each point, shape (n,)."""
        return one_by_one(lambda point: self.factor(*self.reference.nearest(point, self.k)), points)

    def factor(self, rows: Ints1d, distances: Doubles1d) -> float:
        """Return the local outlier factor of a point with these nearest references."""
        mean_reach = max(float(np.maximum(self.reach[rows], distances).mean()), _LEAST)
        return float(self.density[rows].mean() * mean_reach)


@dataclass(frozen=True, eq=False)
class IsolationForest:
    """How few random cuts separate a point from the others (Liu, Ting & Zhou 2008), by scikit-learn."""

    reference: ReferencePoints
    forest: _Forest

    @classmethod
    def fit(cls, reference: ReferencePoints, n_estimators: int, seed: int) -> IsolationForest:
        """Create it of so many random trees."""
        from sklearn.ensemble import IsolationForest as Forest

        return cls(reference, Forest(n_estimators=n_estimators, random_state=seed).fit(reference.units))

    @cached_property
    def fitted(self) -> Doubles1d:
        """The scores of the reference points, shape (m,)."""
        return self.score(self.reference.units)

    def score(self, points: Floats2d) -> Doubles1d:
        """Return the anomaly score of each point, shape (n,), between 0 and 1."""
        if not len(points):
            return np.empty(0)
        scores: Doubles1d = -self.forest.score_samples(points)
        return scores


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """How far a point is from what its first principal components say of it."""

    model: PCAModel
    fitted: Doubles1d

    @classmethod
    def fit(cls, reference: ReferencePoints, dim: int) -> Reconstruction:
        """Create it with so many components."""
        ids = np.arange(len(reference)).astype(str).astype(object)
        model = PCA(dim).train(Space(ids, reference.units))
        return cls(model, _errors(model, reference.units))

    def score(self, points: Floats2d) -> Doubles1d:
        """Return the distance of each point to its reconstruction, shape (n,)."""
        return one_by_one(lambda point: float(_errors(self.model, point[None])[0]), points)


def _errors(model: PCAModel, points: Floats2d) -> Doubles1d:
    """Return the length of what the components leave of each point, shape (n,)."""
    errors: Doubles1d = np.linalg.norm((points - model.decode(model.encode(points))).astype(np.float64), axis=1)
    return errors


@dataclass(frozen=True, eq=False)
class Likelihood:
    """How improbable a point is under a mixture of Gaussians that share one covariance, shrunk (Ledoit & Wolf 2004).

    Parameters
    ----------
    means : ndarray of float64, shape (c, dim)
        In coordinates in which the covariance is the identity.
    log_weights : ndarray of float64, shape (c,)
    transform : ndarray of float64, shape (dim, dim)
        Takes a vector to these coordinates.
    fitted : ndarray of float64, shape (m,)
    """

    means: Doubles2d
    log_weights: Doubles1d
    transform: Doubles2d
    fitted: Doubles1d

    @classmethod
    def fit(cls, reference: ReferencePoints, n_components: int, seed: int) -> Likelihood:
        """Create it with so many Gaussians, whose means k-means finds."""
        from sklearn.cluster import KMeans
        from sklearn.covariance import LedoitWolf

        points = reference.units.astype(np.float64)
        labels = KMeans(n_components, n_init=1, random_state=seed).fit_predict(points)
        means = np.stack([points[labels == group].mean(axis=0) for group in np.unique(labels)])
        labels = np.unique(labels, return_inverse=True)[1]
        covariance = LedoitWolf(assume_centered=True).fit(points - means[labels]).covariance_
        values, axes = np.linalg.eigh(covariance)
        transform = axes / np.sqrt(np.maximum(values, _LEAST * max(values.max(), _LEAST)))
        log_weights = np.log(np.bincount(labels) / len(labels))
        whitened = means @ transform
        return cls(whitened, log_weights, transform, _surprise(points @ transform, whitened, log_weights))

    def score(self, points: Floats2d) -> Doubles1d:
        """Return the negative log-likelihood of each point, up to a constant, shape (n,)."""
        return one_by_one(
            lambda point: float(_surprise(point[None] @ self.transform, self.means, self.log_weights)[0]), points
        )


def _surprise(points: Doubles2d, means: Doubles2d, log_weights: Doubles1d) -> Doubles1d:
    """Return the negative log-likelihood of points under unit Gaussians, up to a constant, shape (n,)."""
    from scipy.special import logsumexp

    squares = np.stack([((points - mean) ** 2).sum(axis=1) for mean in means], axis=1)
    surprise: Doubles1d = -logsumexp(log_weights - squares / 2, axis=1)
    return surprise


@dataclass(frozen=True, eq=False)
class RankAverage:
    """The mean of the ranks that several methods give a point among the reference, each in [0, 1]."""

    detectors: tuple[Detector, ...]

    @cached_property
    def fitted(self) -> Doubles1d:
        """The mean rank of each reference point, shape (m,)."""
        ranks: Doubles1d = np.mean([_ranks(one.fitted, one.fitted) for one in self.detectors], axis=0)
        return ranks

    def share_above(self, min_z: float) -> float:
        """Return the share of the reference points that most of the methods find, each by its own robust z.

        Ranks are spread evenly whatever the points are like, so their own z says nothing.
        """
        z = np.median([Spread.of(one.fitted).z(one.fitted) for one in self.detectors], axis=0)
        return float((z > min_z).mean())

    def score(self, points: Floats2d) -> Doubles1d:
        """Return the mean rank of each point among the reference, shape (n,)."""
        ranks: Doubles1d = np.mean([_ranks(one.score(points), one.fitted) for one in self.detectors], axis=0)
        return ranks


def _ranks(scores: Doubles1d, among: Doubles1d) -> Doubles1d:
    """Return the share of `among` that lies below each score, ties counted half."""
    # Rounded, so that a reference point ties with itself though its score was computed in other company.
    ordered, asked = np.sort(_rounded(among)), _rounded(scores)
    below, up_to = (np.searchsorted(ordered, asked, side=side) for side in ("left", "right"))
    shares: Doubles1d = (below + up_to) / (2 * len(ordered))
    return shares


def _rounded(scores: Doubles1d) -> Floats1d:
    return scores.astype(np.float32)
