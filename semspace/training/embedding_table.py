"""The table of token vectors, trained row by row: a batch has a few hundred of tens of thousands of tokens.

Adam as usual would go over the whole table at each step, which takes longer than all else on short texts. Here a row
moves when a batch has its token, with moments and a count of steps of its own (as TensorFlow's LazyAdam does).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class TokenTable:
    """The rows of an embedding, and Adam's moments of each.

    Parameters
    ----------
    weight : tensor, shape (tokens, dim)
        Changed in place.
    frozen : bool
        Leave it as it is.
    """

    def __init__(self, weight: Any, *, frozen: bool) -> None:
        import torch

        weight.requires_grad_(False)
        self.weight, self.frozen = weight, frozen
        self._rows: Any = None
        self._leaf: Any = None
        self.mean = self.square = self.count = torch.zeros(0)
        if not frozen:
            self.mean, self.square = torch.zeros_like(weight), torch.zeros_like(weight)
            self.count = torch.zeros(len(weight), dtype=torch.int64, device=weight.device)

    def take(self, tokens: npt.NDArray[np.int32]) -> None:
        """Get the rows of a batch's tokens ready, to look them up and to learn them."""
        import torch

        self._rows = torch.from_numpy(np.unique(tokens).astype(np.int64)).to(self.weight.device)
        self._leaf = self.weight[self._rows].requires_grad_(not self.frozen)

    def vectors(self, tokens: Any) -> Any:
        """Look tokens up, shape (n, dim), so that their rows get a gradient."""
        import torch
        from torch.nn.functional import embedding

        if self._leaf is None or not torch.is_grad_enabled():
            return embedding(tokens, self.weight)
        return embedding(torch.searchsorted(self._rows, tokens), self._leaf)

    @property
    def parameters(self) -> list[Any]:
        """What has a gradient after a batch."""
        return [] if self.frozen or self._leaf is None else [self._leaf]

    def step(self, rate: float, betas: tuple[float, float], eps: float) -> None:
        """Move the rows of the batch, by Adam (Kingma & Ba 2015, algorithm 1), and let go of them."""
        import torch

        if not self.frozen and self._leaf is not None and self._leaf.grad is not None:
            rows, slope = self._rows, self._leaf.grad
            self.count[rows] += 1
            steps = self.count[rows].unsqueeze(1).to(slope.dtype)
            mean = torch.lerp(self.mean[rows], slope, 1 - betas[0])
            square = torch.lerp(self.square[rows], slope * slope, 1 - betas[1])
            self.mean[rows], self.square[rows] = mean, square
            size = (square / (1 - betas[1] ** steps)).sqrt_().add_(eps)
            self.weight[rows] -= rate * (mean / (1 - betas[0] ** steps)) / size
        self._rows = self._leaf = None
