"""Autoencoders: codes from which a network reconstructs the vectors; and denoising ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from semspace import checks
from semspace.latent.network_pair import NetworkPair, read_networks
from semspace.latent.neural_trainer import NeuralTrainer, Standardization, Start
from semspace.latent.residual_map import ResidualMap
from semspace.latent.saved_model import SavedModel
from semspace.types import ArrayXd, Floats2d

if TYPE_CHECKING:
    from semspace.latent.fitting import Learner


@dataclass(frozen=True, kw_only=True)
class Autoencoder(NeuralTrainer):
    """An autoencoder (Hinton & Salakhutdinov 2006): an encoder to few dimensions and a decoder back, trained together.

    Each of the two is a linear map plus a hidden layer. The linear maps begin as principal components and the hidden
    layers as zero, so the training begins at PCA, and adds to it what a curved surface explains more.

    Parameters
    ----------
    dim : int
        Number of dimensions of a code; at most those of the space.
    hidden : int
        Units of the hidden layer of each network.
    epochs : int
        Passes over the points, at most.
    batch_size : int
        Points of a step.
    learning_rate : float
        The highest; it falls to zero by half a cosine.
    held_out : float
        Share of the points that is only used for evaluation; 0 for none.
    patience : int, optional
        Stop after this number of epochs in which the loss of the points held out was no lower than before. In any case
        the model is that of the epoch in which it was lowest.
    threads : int, optional
        All cores by default.
    seed : int

    Notes
    -----
    The loss is the mean square error, divided by the variance: 1 minus the share of the variance that is kept.

    Examples
    --------
    >>> import semspace as ss
    >>> import numpy as np
    >>> angles = np.linspace(0, 6, 200)
    >>> space = ss.Space.from_vectors(range(200), np.stack([np.cos(angles), np.sin(angles), angles], axis=1))
    >>> model = ss.latent.Autoencoder(dim=1, hidden=32, batch_size=64).train(space)
    >>> model.encode(space).dim, model.decode(model.encode(space)).dim
    (1, 3)
    """

    def _learner(self, standard: Floats2d) -> Learner:
        from semspace.latent.learners import AutoencoderLearner

        return AutoencoderLearner(Start.of(standard, self.dim), self.hidden, self._noise, self.seed)

    @property
    def _noise(self) -> float:
        """Standard deviation of the noise on the input, in the vectors' own."""
        return 0.0

    def _model(
        self,
        weights: Mapping[str, ArrayXd],
        standardization: Standardization,
        standard: Floats2d,  # noqa: ARG002
        made: dict[str, Any],
    ) -> AutoencoderModel:
        networks = [ResidualMap.of(weights, name) for name in ("encoder", "decoder")]
        return AutoencoderModel(networks[0], networks[1], standardization, made)


@dataclass(frozen=True, kw_only=True)
class DenoisingAutoencoder(Autoencoder):
    """An autoencoder that reconstructs vectors from noisy ones (Vincent et al. 2008).

    Parameters
    ----------
    dim, hidden, epochs, batch_size, learning_rate, held_out, patience, threads, seed
        See `Autoencoder`.
    noise : float
        Standard deviation of the Gaussian noise on each dimension of the input, as a multiple of the root of the
        vectors' mean variance.

    Examples
    --------
    >>> import semspace as ss
    >>> ss.latent.DenoisingAutoencoder(dim=16, noise=0.5).dim
    16
    """

    noise: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number("noise", self.noise, open_low=True)

    @property
    def _noise(self) -> float:
        return self.noise


@dataclass(frozen=True, eq=False, repr=False)
class AutoencoderModel(NetworkPair):
    """A trained autoencoder.

    Parameters
    ----------
    encoder, decoder : ResidualMap
        Networks on standardized vectors.
    standardization : Standardization
    provenance : mapping
        How it was made, and from what.
    """

    provenance: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "autoencoder"

    @classmethod
    def _from_saved(cls, saved: SavedModel) -> AutoencoderModel:
        return cls(*read_networks(saved), saved.provenance)


read_bundle = AutoencoderModel._read_bundle
