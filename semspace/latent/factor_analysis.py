"""Factor analysis: few factors explain what the dimensions have in common, turned so that they can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from sklearn.decomposition import FactorAnalysis as _FactorAnalysis

from semspace import checks, schema
from semspace.errors import InputError
from semspace.latent.model import LatentModel, LatentTrainer
from semspace.latent.saved_model import SavedModel
from semspace.progress import waiting
from semspace.space import Space
from semspace.types import ArrayXd, Doubles2d, Floats1d, Floats2d

_ROTATIONS = ("varimax", "quartimax", "none")
_SMALLEST_NOISE = 1e-6  # of a dimension, as a share of the mean variance; a constant column would have none


@dataclass(frozen=True)
class FactorAnalysis(LatentTrainer):
    """Factor analysis (scikit-learn's), whose factors are turned by varimax (Kaiser 1958).

    A vector is the mean, plus the loadings times the factors, plus noise with a variance of its own in each dimension.

    Parameters
    ----------
    dim : int
        Number of factors; fewer than the points, and at most the dimensions, of the space.
    rotation : {"varimax", "quartimax", "none"}
        How the factors are turned, which changes neither likelihood nor reconstruction. Varimax gives each factor few
        large loadings.
    max_iter : int
        Largest number of steps of the fit.
    seed : int

    Notes
    -----
    `encode` returns the mean of the factors given a vector; `score` is the negative log-likelihood of a vector.

    Examples
    --------
    >>> import semspace as ss
    >>> import numpy as np
    >>> points = np.random.default_rng(0).normal(size=(200, 2)) @ [[1, 1, 0, 0], [0, 0, 1, 1]]
    >>> points += 0.1 * np.random.default_rng(1).normal(size=points.shape)
    >>> model = ss.latent.FactorAnalysis(dim=2).train(ss.Space.from_vectors(range(200), points))
    >>> (abs(model.loadings) > 0.5).astype(int).tolist() in ([[1, 1, 0, 0], [0, 0, 1, 1]], [[0, 0, 1, 1], [1, 1, 0, 0]])
    True
    """

    dim: int = 16
    rotation: str = "varimax"
    max_iter: int = 200
    seed: int = 0

    has_prior: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checks.whole("dim", self.dim)
        checks.choice("rotation", self.rotation, _ROTATIONS)
        checks.whole("max_iter", self.max_iter)
        checks.seed(self.seed)

    def _check(self, space: Space) -> None:
        super()._check(space)
        most = min(len(space) - 1, space.dim)
        if self.dim > most:
            raise InputError(
                f"dim must be at most {most} for {len(space)} points of {space.dim} dimensions; got {self.dim}"
            )

    def train(self, space: Space, *, progress: bool = True) -> FactorAnalysisModel:
        """Fit the factors to a space's vectors, and show the time that has passed if it takes more than two seconds.

        Raises
        ------
        InputError
            If there are more factors than dimensions, too few points, or all points are equal.
        """
        self._check(space)
        vectors = np.asarray(space.vectors, np.float64)
        scale = float(vectors.std(axis=0).mean())
        if scale <= 1e-7 * float(np.abs(vectors).max()):
            raise InputError("all points of the space are equal, so they have no factors; give different points")
        analysis = _FactorAnalysis(
            self.dim,
            rotation=None if self.rotation == "none" else self.rotation,
            max_iter=self.max_iter,
            random_state=self.seed,
        )
        with waiting("fitting factors", progress=progress):
            fitted = analysis.fit(vectors / scale)
        loadings = _in_order(fitted.components_ * scale)
        noise = np.maximum(fitted.noise_variance_, _SMALLEST_NOISE) * scale**2
        factors, mean, variances = (
            checks.frozen(array.astype(np.float32)) for array in (loadings, vectors.mean(axis=0), noise)
        )
        return FactorAnalysisModel(factors, mean, variances, self._provenance(space))


@dataclass(frozen=True, eq=False, repr=False)
class FactorAnalysisModel(LatentModel):
    """Fitted factors.

    Parameters
    ----------
    loadings : ndarray of float32, shape (dim, width)
        How each dimension of a vector depends on each factor; factors in the order of the variance they explain.
    mean : ndarray of float32, shape (width,)
    noise : ndarray of float32, shape (width,)
        Variance of each dimension that no factor explains.
    provenance : mapping
        How it was made, and from what.
    """

    loadings: Floats2d
    mean: Floats1d
    noise: Floats1d
    provenance: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "factor-analysis"

    @property
    def dim(self) -> int:
        """Number of factors."""
        return len(self.loadings)

    @property
    def width(self) -> int:
        """Number of dimensions of a vector."""
        return len(self.mean)

    @cached_property
    def _weighted(self) -> Doubles2d:
        """The loadings divided by the noise."""
        weighted: Doubles2d = self.loadings.astype(np.float64) / self.noise
        return weighted

    @cached_property
    def _precision(self) -> Doubles2d:
        """The inverse of the covariance of the factors given a vector, shape (dim, dim)."""
        precision: Doubles2d = np.eye(self.dim) + self._weighted @ self.loadings.T
        return precision

    def _encode(self, vectors: Floats2d) -> Floats2d:
        codes: Floats2d = np.linalg.solve(self._precision, self._weighted @ (vectors - self.mean).T).T.astype(
            np.float32
        )
        return codes

    def _decode(self, codes: Floats2d) -> Floats2d:
        vectors: Floats2d = codes @ self.loadings + self.mean
        return vectors

    def _score(self, vectors: Floats2d) -> Floats1d:
        """Return the negative log-likelihood (Woodbury's identity: only a matrix of the factors is inverted)."""
        centred = vectors.astype(np.float64) - self.mean
        common = centred @ self._weighted.T
        explained = (common * np.linalg.solve(self._precision, common.T).T).sum(axis=1)
        squares = (np.square(centred) / self.noise).sum(axis=1) - explained
        log_determinant = np.log(self.noise.astype(np.float64)).sum() + np.linalg.slogdet(self._precision)[1]
        scores: Floats1d = (0.5 * (squares + log_determinant + self.width * np.log(2 * np.pi))).astype(np.float32)
        return scores

    def _sample(self, n: int, rng: np.random.Generator) -> Floats2d:
        return rng.standard_normal((n, self.dim), dtype=np.float32)

    def _arrays(self) -> dict[str, ArrayXd]:
        return {"loadings": self.loadings, "mean": self.mean, "noise": self.noise}

    @classmethod
    def _from_saved(cls, saved: SavedModel) -> FactorAnalysisModel:
        loadings = saved.array("loadings", None, None)
        width = loadings.shape[1]
        noise = saved.array("noise", width)
        schema.within("the noise of the factors", noise, np.finfo(np.float32).tiny, np.inf)
        model = cls(loadings, saved.array("mean", width), noise, saved.provenance)
        np.linalg.inv(model._precision)  # which raises where it is singular
        return model


def _in_order(loadings: Doubles2d) -> Doubles2d:
    """Order factors by the variance they explain, and give the largest loading of each a positive sign."""
    ordered = loadings[np.argsort(-np.square(loadings).sum(axis=1), kind="stable")]
    largest = np.take_along_axis(ordered, np.abs(ordered).argmax(axis=1)[:, None], axis=1)
    turned: Doubles2d = ordered * np.where(largest < 0, -1.0, 1.0)
    return turned


read_bundle = FactorAnalysisModel._read_bundle
