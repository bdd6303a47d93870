"""The token embeddings, trained row by row: a batch contains a few hundred of tens of thousands of tokens.

Ordinary Adam would update the whole table at each step, which takes longer than everything else on short texts. Here
only the rows of a batch's tokens are updated, and each row has its own moments and its own count of steps (as in
TensorFlow's LazyAdam).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from semspace.types import Int32s1d


class EmbeddingTable:
    """The rows of a token embedding, with Adam's moments of each.

    Parameters
    ----------
    weight : tensor, shape (tokens, dim)
        Changed in place.
    frozen : bool
        Don't train it.
    """

    def __init__(self, weight: Any, *, frozen: bool) -> None:
        import torch

        weight.requires_grad_(False)
        self.weight, self.frozen = weight, frozen
        self._rows: Any = None
        self._leaf: Any = None
        self.first_moment = self.second_moment = self.steps = torch.zeros(0)
        if not frozen:
            self.first_moment, self.second_moment = torch.zeros_like(weight), torch.zeros_like(weight)
            self.steps = torch.zeros(len(weight), dtype=torch.int64, device=weight.device)

    def select(self, tokens: Int32s1d) -> None:
        """Select the rows of a batch's tokens, which the next `step` updates."""
        import torch

        self._rows = torch.from_numpy(np.unique(tokens).astype(np.int64)).to(self.weight.device)
        self._leaf = self.weight[self._rows].requires_grad_(not self.frozen)

    def lookup(self, tokens: Any) -> Any:
        """Return the embeddings of tokens, shape (n, dim); the selected rows collect gradients."""
        import torch
        from torch.nn.functional import embedding

        if self._leaf is None or not torch.is_grad_enabled():
            return embedding(tokens, self.weight)
        return embedding(torch.searchsorted(self._rows, tokens), self._leaf)

    @property
    def parameters(self) -> list[Any]:
        """The tensors that have a gradient after a batch."""
        return [] if self.frozen or self._leaf is None else [self._leaf]

    def step(self, learning_rate: float, betas: tuple[float, float], eps: float) -> None:
        """Update the selected rows by Adam (Kingma & Ba 2015, algorithm 1), and deselect them."""
        import torch

        if not self.frozen and self._leaf is not None and self._leaf.grad is not None:
            rows, gradient = self._rows, self._leaf.grad
            self.steps[rows] += 1
            steps = self.steps[rows].unsqueeze(1).to(gradient.dtype)
            mean = torch.lerp(self.first_moment[rows], gradient, 1 - betas[0])
            square = torch.lerp(self.second_moment[rows], gradient * gradient, 1 - betas[1])
            self.first_moment[rows], self.second_moment[rows] = mean, square
            divisor = (square / (1 - betas[1] ** steps)).sqrt_().add_(eps)
            self.weight[rows] -= learning_rate * (mean / (1 - betas[0] ** steps)) / divisor
        self._rows = self._leaf = None
