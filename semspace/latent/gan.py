"""The generative adversarial network: new points that a critic can't tell from real ones, with a trained inverse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from semspace import checks
from semspace.latent.network_pair import NetworkPair, read_networks
from semspace.latent.neural_trainer import NeuralTrainer, Standardization, Start
from semspace.latent.residual_map import ResidualMap
from semspace.latent.saved_model import SavedModel
from semspace.types import ArrayXd, Floats2d

if TYPE_CHECKING:
    from semspace.latent.fitting import Learner


@dataclass(frozen=True, kw_only=True)
class GAN(NeuralTrainer):
    """A Wasserstein GAN with gradient penalty (Gulrajani et al. 2017), and an encoder that inverts its generator.

    The generator makes vectors of random codes; the critic learns what tells them from real vectors, and the generator
    to leave it nothing to tell. The encoder learns to find the code of a generated vector, and a code from which a real
    vector is generated; so it shows what of the real vectors the generator reaches.

    Parameters
    ----------
    dim, hidden, epochs, batch_size, learning_rate, held_out, patience, threads, seed
        See `Autoencoder`. The loss of the points held out is the error of their reconstruction, which says little of
        the samples; so training isn't stopped by it unless `patience` is given, and the model is that of the last
        epoch.
    critic_steps : int
        Steps of the critic for one of the generator.
    penalty : float
        Weight of the gradient penalty, which is computed for a quarter of each batch.

    Examples
    --------
    >>> import semspace as ss
    >>> import numpy as np
    >>> points = np.random.default_rng(0).normal(size=(300, 2)) @ [[1, 0, 1, 0], [0, 2, 0, 2]]
    >>> trainer = ss.latent.GAN(dim=2, hidden=16, batch_size=64, epochs=2)
    >>> trainer.train(ss.Space.from_vectors(range(300), points)).sample(3).shape
    (3, 4)
    """

    epochs: int = 12
    learning_rate: float = 3e-4
    held_out: float = 0.05
    patience: int | None = None
    critic_steps: int = 2
    penalty: float = 10.0

    has_prior: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.whole("critic_steps", self.critic_steps)
        checks.number("penalty", self.penalty)

    def _learner(self, standard: Floats2d) -> Learner:
        from semspace.latent.learners import GANLearner

        start = Start.of(standard, self.dim)
        return GANLearner(start, self.hidden, self.critic_steps, self.penalty, self.seed)

    def _model(
        self,
        weights: Mapping[str, ArrayXd],
        standardization: Standardization,
        standard: Floats2d,  # noqa: ARG002
        made: dict[str, Any],
    ) -> GANModel:
        networks = [ResidualMap.of(weights, name) for name in ("encoder", "generator")]
        return GANModel(networks[0], networks[1], standardization, made)


@dataclass(frozen=True, eq=False, repr=False)
class GANModel(NetworkPair):
    """A trained GAN: `decode` is the generator, `encode` its trained inverse.

    Parameters
    ----------
    encoder, decoder : ResidualMap
        Networks on standardized vectors; the decoder is the generator.
    standardization : Standardization
    provenance : mapping
        How it was made, and from what.
    """

    provenance: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "gan"

    def _sample(self, n: int, rng: np.random.Generator) -> Floats2d:
        return rng.standard_normal((n, self.dim), dtype=np.float32)

    @classmethod
    def _from_saved(cls, saved: SavedModel) -> GANModel:
        return cls(*read_networks(saved), saved.provenance)


read_bundle = GANModel._read_bundle
