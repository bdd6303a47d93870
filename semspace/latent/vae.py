"""The variational autoencoder: codes that are distributions, with a prior from which new points are drawn."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.errors import SemspaceWarning
from semspace.latent.network_pair import NetworkPair, read_networks
from semspace.latent.neural_trainer import NeuralTrainer, Standardization, Start
from semspace.latent.residual_map import ResidualMap
from semspace.latent.saved_model import SavedModel
from semspace.space import Space
from semspace.types import ArrayXd, Floats1d, Floats2d

if TYPE_CHECKING:
    from semspace.latent.fitting import Learner

ACTIVE_VARIANCE = 0.01  # a dimension whose posterior means vary less is inactive (Burda et al. 2016)
LOG_VARIANCE_RANGE = (-12.0, 4.0)  # of the posterior, so that no exponential overflows


@dataclass(frozen=True, kw_only=True)
class VAE(NeuralTrainer):
    """A variational autoencoder (Kingma & Welling 2014): the code of a vector is a Gaussian, not a point.

    Parameters
    ----------
    dim, hidden, epochs, batch_size, learning_rate, held_out, patience, threads, seed
        See `Autoencoder`.
    beta : float
        Weight of the Kullback-Leibler divergence from the prior (Higgins et al. 2017). At 1 the loss is the true bound
        of the likelihood, since the variance of the decoder is learned with it (Rybkin et al. 2021).
    warm_up : float
        Share of the steps in which that weight rises from 0 to `beta`.
    free_bits : float
        Divergence of a dimension, in nats, below which there is no gain in lowering it (Kingma et al. 2016), which
        keeps dimensions in use.

    Notes
    -----
    `encode` returns the mean of the posterior, and `posterior` mean and standard deviation. `score` is the negative
    bound of the log-likelihood at that mean, without its constant.

    Examples
    --------
    >>> import semspace as ss
    >>> import numpy as np
    >>> points = np.random.default_rng(0).normal(size=(300, 2)) @ [[1, 0, 1, 0], [0, 2, 0, 2]]
    >>> model = ss.latent.VAE(dim=2, hidden=16, batch_size=64).train(ss.Space.from_vectors(range(300), points))
    >>> model.sample(3).shape, model.active_units
    ((3, 4), 2)
    """

    beta: float = 1.0
    warm_up: float = 0.2
    free_bits: float = 0.0

    has_prior: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number("beta", self.beta)
        checks.number("warm_up", self.warm_up, high=1.0)
        checks.number("free_bits", self.free_bits)

    def _learner(self, standard: Floats2d) -> Learner:
        from semspace.latent.learners import VAELearner

        start = Start.of(standard, self.dim)
        return VAELearner(start, self.hidden, self.beta, self.warm_up, self.free_bits, self.seed)

    def _model(
        self,
        weights: Mapping[str, ArrayXd],
        standardization: Standardization,
        standard: Floats2d,
        made: dict[str, Any],
    ) -> VAEModel:
        encoder, decoder = (ResidualMap.of(weights, name) for name in ("encoder", "decoder"))
        means = encoder(standard)[:, : self.dim]
        variance = float(np.square(standard - decoder(means)).mean())
        active = int((means.var(axis=0) > ACTIVE_VARIANCE).sum())
        if active < self.dim:
            warnings.warn(
                f"posterior collapse: only {active} of {self.dim} dimensions tell points apart, and the codes of the "
                f"others are those of the prior; lower dim or beta (now {self.beta:g}), or raise free_bits (now "
                f"{self.free_bits:g})",
                SemspaceWarning,
                stacklevel=5,
            )
        return VAEModel(encoder, decoder, standardization, max(variance, 1e-12), active, made)


@dataclass(frozen=True, eq=False, repr=False)
class VAEModel(NetworkPair):
    """A trained variational autoencoder.

    Parameters
    ----------
    encoder : ResidualMap
        From standardized vectors to the posterior: means, then logarithms of variances.
    decoder : ResidualMap
    standardization : Standardization
    variance : float
        Of the decoder: the mean square error of standardized vectors.
    active_units : int
        Number of dimensions that tell points apart.
    provenance : mapping
        How it was made, and from what.
    """

    variance: float
    active_units: int
    provenance: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "vae"

    def posterior(self, x: Space | npt.ArrayLike) -> tuple[Floats2d, Floats2d]:
        """Return the distribution of the code of each vector: mean and standard deviation of each dimension.

        Parameters
        ----------
        x : Space, or array-like of shape (n, width)

        Returns
        -------
        tuple of two ndarrays of float32, each of shape (n, dim)
        """
        if isinstance(x, Space):
            self._check_encoder(x)
            x = x.vectors
        both = self._by_rows(lambda rows: np.hstack(self._posterior(rows)), self._vectors(x))
        return both[:, : self.dim], both[:, self.dim :]

    def _posterior(self, vectors: Floats2d) -> tuple[Floats2d, Floats2d]:
        both = self.encoder(self.standardization.apply(vectors))
        return both[:, : self.dim], np.exp(np.clip(both[:, self.dim :], *LOG_VARIANCE_RANGE) / 2)

    def _encode(self, vectors: Floats2d) -> Floats2d:
        return self._posterior(vectors)[0]

    def _score(self, vectors: Floats2d) -> Floats1d:
        """Return the negative bound of the log-likelihood at the mean of the posterior, without its constant."""
        mean, deviation = self._posterior(vectors)
        error = self.standardization.apply(vectors) - self.decoder(mean)
        divergence = 0.5 * (np.square(mean) + np.square(deviation) - 1).sum(axis=1) - np.log(deviation).sum(axis=1)
        bound: Floats1d = np.square(error).sum(axis=1) / np.float32(2 * self.variance) + divergence
        return bound

    def _sample(self, n: int, rng: np.random.Generator) -> Floats2d:
        return rng.standard_normal((n, self.dim), dtype=np.float32)

    def _facts(self) -> dict[str, Any]:
        return {
            **super()._facts(),
            "variance": self.variance,
            "active_units": self.active_units,
        }

    @classmethod
    def _from_saved(cls, saved: SavedModel) -> VAEModel:
        networks = read_networks(saved, outputs=2)
        variance, active = saved.facts.number("variance", low=1e-12), saved.facts.whole("active_units")
        return cls(*networks, variance, active, saved.provenance)


read_bundle = VAEModel._read_bundle
