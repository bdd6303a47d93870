"""The torch modules of the latent models. Only trainings import this."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from semspace.types import Floats2d

_LEAK = 0.2  # slope of the critic's units below zero


class ResidualNet(nn.Module):
    """A linear map plus one hidden layer, which begins as the linear map alone; `ResidualMap` is it in numpy.

    Beginning with principal components, an autoencoder of these is never worse than PCA for long.

    Parameters
    ----------
    linear : ndarray of float32, shape (n_out, n_in)
        Where it begins.
    hidden : int
        Units of the hidden layer.
    generator : torch.Generator
        Draws the initial weights of the hidden layer.
    """

    def __init__(self, linear: Floats2d, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        n_out, n_in = linear.shape
        # By rows: the fused Adam walks over memory, where the moments of a resumed training lie by rows.
        self.linear = nn.Parameter(torch.tensor(np.ascontiguousarray(linear), dtype=torch.float32))
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.inner = nn.Parameter(torch.randn(hidden, n_in, generator=generator) / math.sqrt(n_in))
        self.inner_bias = nn.Parameter(torch.zeros(hidden))
        self.outer = nn.Parameter(torch.zeros(n_out, hidden))

    def forward(self, rows: Any) -> Any:
        """Map rows of shape (n, n_in) to shape (n, n_out)."""
        hidden = nn.functional.silu(nn.functional.linear(rows, self.inner, self.inner_bias))
        return nn.functional.linear(rows, self.linear, self.bias) + nn.functional.linear(hidden, self.outer)


class Critic(nn.Module):
    """Two hidden layers with one number at the end: how real a vector looks to a GAN.

    Parameters
    ----------
    width : int
        Dimensions of a vector.
    hidden : int
        Units of each hidden layer.
    generator : torch.Generator
        Draws the initial weights.
    """

    def __init__(self, width: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        layers = [nn.Linear(width, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, 1)]
        with torch.no_grad():
            for layer in layers:
                scale = math.sqrt(2 / layer.in_features)
                layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * scale)
                layer.bias.zero_()
        self.first, self.second, self.last = layers

    def forward(self, rows: Any) -> Any:
        """Return a number for each row, shape (n,)."""
        hidden = nn.functional.leaky_relu(self.first(rows), _LEAK)
        return self.last(nn.functional.leaky_relu(self.second(hidden), _LEAK))[:, 0]

    def slopes(self, rows: Any) -> Any:
        """Return the gradient of the number by each row, shape (n, width), from which the weights have gradients.

        The hidden units are piecewise linear, so their own slopes are constants: the product of three matrices costs
        half of what torch needs to derive a derivative.
        """
        with torch.no_grad():
            first = self.first(rows)
            second = self.second(nn.functional.leaky_relu(first, _LEAK))
            steep_first, steep_second = (torch.where(units > 0, 1.0, _LEAK) for units in (first, second))
        return ((steep_second * self.last.weight) @ self.second.weight * steep_first) @ self.first.weight


class TopKNet(nn.Module):
    """The sparse autoencoder: many features, of which only the `active` largest of a vector are not zero.

    Parameters
    ----------
    directions : ndarray of float32, shape (features, width)
        Unit vectors; where encoder and decoder begin.
    active : int
    """

    def __init__(self, directions: Floats2d, active: int) -> None:
        super().__init__()
        self.active = active
        directions = np.ascontiguousarray(directions)
        self.encoder = nn.Parameter(torch.tensor(directions))
        self.encoder_bias = nn.Parameter(torch.zeros(len(directions)))
        self.decoder = nn.Parameter(torch.tensor(directions))
        self.decoder_bias = nn.Parameter(torch.zeros(directions.shape[1]))

    def top(self, rows: Any) -> tuple[Any, Any]:
        """Return values and numbers of the active features of each row, both of shape (n, active)."""
        strength = nn.functional.linear(rows - self.decoder_bias, self.encoder, self.encoder_bias)
        values, features = torch.topk(strength, self.active, dim=1, sorted=False)
        return torch.relu(values), features

    def back(self, values: Any, features: Any) -> Any:
        """Return the reconstruction, shape (n, width)."""
        added = nn.functional.embedding_bag(features, self.decoder, per_sample_weights=values, mode="sum")
        return added + self.decoder_bias
