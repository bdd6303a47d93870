"""The Gaussian mixture: the plain way to draw new points, which any generator has to beat."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as _GaussianMixture

from semspace import checks
from semspace.errors import InputError
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.types import Doubles1d, Doubles2d, Doubles3d, Floats1d, Floats2d

_HELD_OUT = 0.1  # share of the points by which the number of components is chosen
_SURE = 2  # standard errors that the gain in likelihood must exceed
_LARGEST = 64  # components that are tried
_LEAST = 4  # points
_STEPS, _ENOUGH = 30, 1e-2  # of the fit: at most, and the gain in nats of a point below which it ends


@dataclass(frozen=True)
class GaussianMixture:
    """A mixture of Gaussians (scikit-learn's, with full covariances): the baseline of generators.

    Parameters
    ----------
    n_components : int, optional
        1 is a single Gaussian. By default 1, 2, 4, 8, … are tried for as long as the likelihood of a tenth of the
        points, which is held out, rises by more than two standard errors.
    regularization : float
        Share of the mean variance of the dimensions that is added to the variance of each dimension, so that every
        covariance can be inverted.
    most : int
        Of more points, a random sample of this size is fitted to.
    seed : int

    Examples
    --------
    >>> import semspace as ss
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> points = rng.normal(size=(400, 2)) + rng.choice([-9, 9], size=(400, 1))
    >>> model = ss.latent.GaussianMixture().train(ss.Space.from_vectors(range(400), points))
    >>> model.n_components, model.sample(3).shape
    (2, (3, 2))
    """

    n_components: int | None = None
    regularization: float = 0.01
    most: int = 20_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_components is not None:
            checks.whole("n_components", self.n_components)
        checks.number("regularization", self.regularization, open_low=True)
        checks.whole("most", self.most, low=_LEAST)
        checks.seed(self.seed)

    def train(self, space: Space) -> GaussianMixtureModel:
        """Fit the mixture to a space's vectors.

        Raises
        ------
        InputError
            If there are fewer than four points, or fewer than components, or all points are equal.
        """
        need_space("GaussianMixture.train", space)
        least = max(_LEAST, self.n_components or 1)
        if len(space) < least:
            raise InputError(f"GaussianMixture needs at least {least} points to train on; the space has {len(space)}")
        order = np.random.default_rng(self.seed).permutation(len(space))[: self.most]
        points = np.asarray(space.vectors[order], np.float64)
        mean, scale = points.mean(axis=0), float(np.sqrt(points.var(axis=0).mean()))
        if scale <= 1e-7 * float(np.abs(points).max()):
            raise InputError("all points of the space are equal, so nothing is spread around them; give different ones")
        fitted = self._fitted((points - mean) / scale)
        deviations = np.linalg.cholesky(fitted.covariances_) * scale
        made = {
            "made_by": "GaussianMixture",
            "trainer": asdict(self),
            "points": len(points),
            "space": space.fingerprint,
        }
        return GaussianMixtureModel(fitted.weights_, fitted.means_ * scale + mean, deviations, made)

    def _fitted(self, points: Doubles2d) -> _GaussianMixture:
        """Return scikit-learn's mixture of standardized points, with the best number of components."""
        if self.n_components is not None:
            return self._mixture(self.n_components, points)
        count = max(1, round(len(points) * _HELD_OUT))
        held, training = points[:count], points[count:]
        best = self._mixture(1, training)
        while (n := 2 * best.n_components) <= min(_LARGEST, len(training) // 2):
            larger = self._mixture(n, training)
            gain = larger.score_samples(held) - best.score_samples(held)
            if gain.mean() <= _SURE * gain.std() / np.sqrt(count):
                break
            best = larger
        return best

    def _mixture(self, n_components: int, points: Doubles2d) -> _GaussianMixture:
        mixture = _GaussianMixture(
            n_components, reg_covar=self.regularization, max_iter=_STEPS, tol=_ENOUGH, random_state=self.seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the held-out points say which fit is good enough
            return mixture.fit(points)


@dataclass(frozen=True, eq=False, repr=False)
class GaussianMixtureModel:
    """A fitted mixture.

    Parameters
    ----------
    weights : ndarray of float64, shape (c,)
        Share of each component.
    means : ndarray of float64, shape (c, width)
    deviations : ndarray of float64, shape (c, width, width)
        The lower triangular root (Cholesky) of each covariance.
    provenance : mapping
        How it was made, and from what.
    """

    weights: Doubles1d
    means: Doubles2d
    deviations: Doubles3d
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_components(self) -> int:
        """Number of Gaussians."""
        return len(self.weights)

    @property
    def width(self) -> int:
        """Number of dimensions of a vector."""
        return int(self.means.shape[1])

    def sample(self, n: int, seed: int = 0) -> Floats2d:
        """Return `n` new points, float32 of shape (n, width); the same seed gives the same ones."""
        checks.whole("n", n)
        rng = np.random.default_rng(checks.seed(seed))
        components = rng.choice(self.n_components, size=n, p=self.weights)
        drawn = rng.standard_normal((n, self.width))
        for component, root in enumerate(self.deviations):
            rows = components == component
            drawn[rows] = drawn[rows] @ root.T + self.means[component]
        return drawn.astype(np.float32)

    def score(self, x: Space | npt.ArrayLike) -> Floats1d:
        """Return the negative log-likelihood of each point, float32 of shape (n,); higher is stranger.

        Parameters
        ----------
        x : Space, or array-like of shape (n, width)
        """
        vectors = checks.matrix("x", x.vectors if isinstance(x, Space) else x, dim=self.width)
        logs = []
        for weight, mean, root in zip(self.weights, self.means, self.deviations, strict=True):
            away = solve_triangular(root, (vectors - mean).T, lower=True)
            log_root = np.log(np.diag(root)).sum() + 0.5 * self.width * np.log(2 * np.pi)
            logs.append(np.log(weight) - 0.5 * np.square(away).sum(axis=0) - log_root)
        likelihood: Floats1d = logsumexp(logs, axis=0).astype(np.float32)
        return -likelihood

    def __repr__(self) -> str:
        return f"GaussianMixtureModel of {self.n_components} components, {self.width} dimensions"
