"""What one step of each latent model's training does. Only trainings import this, which needs torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from semspace.latent.fitting import Learner, adam, init_generator
from semspace.latent.networks import ResidualNet
from semspace.latent.neural_trainer import Start
from semspace.latent.vae import LOG_VARIANCE_RANGE


class AutoencoderLearner(Learner):
    """An encoder and a decoder; the loss is the mean square error of each dimension.

    Parameters
    ----------
    start : Start
    hidden : int
    noise : float
        Standard deviation of the noise on the input.
    seed : int
    """

    def __init__(self, start: Start, hidden: int, noise: float, seed: int) -> None:
        generator = init_generator(seed)
        encoder = ResidualNet(start.components, hidden, generator)
        decoder = ResidualNet(start.components.T.copy(), hidden, generator)
        self.net, self.noise = nn.ModuleDict({"encoder": encoder, "decoder": decoder}), noise
        self.encoder, self.decoder = encoder, decoder
        self.optimizers = {"net": adam(self.net)}

    def loss(self, rows: torch.Tensor, generator: torch.Generator, done: float) -> torch.Tensor:
        """Return the mean square error of the reconstruction of noisy vectors."""
        given = rows
        if self.noise and done < 1:  # what is held out is reconstructed as it is
            given = rows + self.noise * torch.randn(rows.shape, generator=generator)
        error: torch.Tensor = (self.decoder(self.encoder(given)) - rows).square().mean()
        return error


class VAELearner(Learner):
    """An encoder to means and variances, and a decoder; the loss is the negative bound of the log-likelihood.

    Parameters
    ----------
    start : Start
    hidden : int
    beta, warm_up, free_bits : float
        See `VAE`.
    seed : int
    """

    def __init__(self, start: Start, hidden: int, beta: float, warm_up: float, free_bits: float, seed: int) -> None:
        generator = init_generator(seed)
        dim = len(start.components)
        whitening = start.components / start.deviations[:, None]
        encoder = ResidualNet(np.vstack([whitening, np.zeros_like(whitening)]), hidden, generator)
        with torch.no_grad():  # the posterior of probabilistic PCA: narrow where the component explains much
            encoder.bias[dim:] = -torch.log1p(torch.from_numpy(np.square(start.deviations)))
        decoder = ResidualNet((start.components * start.deviations[:, None]).T.copy(), hidden, generator)
        self.net, self.dim = nn.ModuleDict({"encoder": encoder, "decoder": decoder}), dim
        self.encoder, self.decoder = encoder, decoder
        self.beta, self.warm_up, self.free_bits = beta, warm_up, free_bits
        self.optimizers = {"net": adam(self.net)}

    def loss(self, rows: torch.Tensor, generator: torch.Generator, done: float) -> torch.Tensor:
        """Return the negative bound of a vector in nats, with the best variance of the decoder for the batch."""
        posterior = self.encoder(rows)
        mean, log_variance = posterior[:, : self.dim], posterior[:, self.dim :].clamp(*LOG_VARIANCE_RANGE)
        noise = torch.randn(mean.shape, generator=generator)
        error = (self.decoder(mean + (log_variance / 2).exp() * noise) - rows).square().mean()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(dim=0)
        beta = self.beta * min(1.0, done / self.warm_up if self.warm_up else 1.0)
        likelihood: torch.Tensor = 0.5 * rows.shape[1] * torch.log(error + 1e-12)
        bound: torch.Tensor = likelihood + beta * divergence.clamp_min(self.free_bits).sum()
        return bound
