"""What one step of each latent model's training does. Only trainings import this, which needs torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from semspace.latent.fitting import Learner, adam, init_generator
from semspace.latent.networks import Critic, ResidualNet, TopKNet
from semspace.latent.neural_trainer import Start
from semspace.latent.vae import LOG_VARIANCE_RANGE
from semspace.types import Floats2d

_PENALIZED = 4  # of a batch's vectors, one in so many counts for the gradient penalty


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


class SparseLearner(Learner):
    """The features of a sparse autoencoder; the loss is the mean square error of each dimension.

    Parameters
    ----------
    directions : ndarray of float32, shape (features, width)
        Where features begin.
    active : int
    sample : ndarray of float32, shape (n, width)
        Vectors by which the length of the features is chosen at the start: those active together point the same way.
    """

    def __init__(self, directions: Floats2d, active: int, sample: Floats2d) -> None:
        self.net = self.features = TopKNet(directions, active)
        with torch.no_grad():
            rows = torch.from_numpy(sample)
            back = self.features.back(*self.features.top(rows))
            self.features.decoder.mul_((back * rows).sum() / back.square().sum().clamp_min(1e-12))
        self.optimizers = {"net": adam(self.net)}

    def loss(self, rows: torch.Tensor, generator: torch.Generator, done: float) -> torch.Tensor:  # noqa: ARG002
        """Return the mean square error of the reconstruction from the active features."""
        error: torch.Tensor = (self.features.back(*self.features.top(rows)) - rows).square().mean()
        return error


class GANLearner(Learner):
    """Generator, critic and the generator's inverse, which are trained in turn at each step.

    Parameters
    ----------
    start : Start
    hidden, critic_steps : int
    penalty : float
    seed : int
    """

    def __init__(self, start: Start, hidden: int, critic_steps: int, penalty: float, seed: int) -> None:
        numbers = init_generator(seed)
        width = start.components.shape[1]
        self.generator = ResidualNet((start.components * start.deviations[:, None]).T, hidden, numbers)
        self.encoder = ResidualNet(start.components / start.deviations[:, None], hidden, numbers)
        self.critic = Critic(width, hidden, numbers)
        networks = {"generator": self.generator, "encoder": self.encoder, "critic": self.critic}
        self.net, self.dim = nn.ModuleDict(networks), len(start.components)
        self.critic_steps, self.penalty = critic_steps, penalty
        self.optimizers = {
            "generator": adam(self.generator, betas=(0.0, 0.9)),
            "critic": adam(self.critic, betas=(0.0, 0.9)),
            "encoder": adam(self.encoder),
        }

    def loss(self, rows: torch.Tensor, generator: torch.Generator, done: float) -> torch.Tensor:  # noqa: ARG002
        """Return the mean square error of the reconstruction."""
        error: torch.Tensor = (self.generator(self.encoder(rows)) - rows).square().mean()
        return error

    def step(self, rows: torch.Tensor, generator: torch.Generator, done: float) -> float:
        """Train critic, generator and encoder by one batch; return the error of its reconstruction before."""
        losses = [self._critic_step(rows, generator) for _ in range(self.critic_steps)]
        codes = torch.randn(len(rows), self.dim, generator=generator)
        losses.append(self.descend("generator", -self.critic(self.generator(codes)).mean(), self.generator))
        with torch.no_grad():
            made = self.generator(codes)
        error = self.loss(rows, generator, done)
        inversion = error + (self.encoder(made) - codes).square().mean()
        losses.append(self.descend("encoder", inversion, self.encoder))
        return float(error.detach()) if np.isfinite(losses).all() else float("nan")

    def _critic_step(self, rows: torch.Tensor, generator: torch.Generator) -> float:
        n = len(rows)
        codes = torch.randn(n, self.dim, generator=generator)
        with torch.no_grad():
            made = self.generator(codes)
        some = slice(0, max(1, n // _PENALIZED))
        share = torch.rand(some.stop, 1, generator=generator)
        slopes = self.critic.slopes(share * rows[some] + (1 - share) * made[some])
        penalty = (slopes.norm(dim=1) - 1).square().mean()
        scores = self.critic(torch.cat([made, rows]))
        loss = scores[:n].mean() - scores[n:].mean() + self.penalty * penalty
        return self.descend("critic", loss, self.critic)
