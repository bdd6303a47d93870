"""Low-rank adaptation (LoRA; Hu et al. 2022, arXiv 2106.09685): few trained numbers, for few examples.

The weights of a model stay as they are; each of its linear layers learns ``W + 2 * B @ A``, with `A` of shape
(rank, inputs) and `B` of shape (outputs, rank). `B` begins as zeros, so the first vectors are those of the base.
"""

from __future__ import annotations

import math
from typing import Any

_SCALE = 2.0  # lora_alpha is twice the rank


def add_lora(model: Any, rank: int) -> None:
    """Freeze a model, and give each of its linear layers two small matrices to train."""
    import torch
    from torch.nn.utils import parametrize

    class LowRank(torch.nn.Module):
        """A weight of the base plus the product of two matrices of `rank`."""

        def __init__(self, n_outputs: int, n_inputs: int) -> None:
            super().__init__()
            self.A = torch.nn.Parameter(torch.empty(rank, n_inputs))
            self.B = torch.nn.Parameter(torch.zeros(n_outputs, rank))
            torch.nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

        def forward(self, weight: Any) -> Any:
            return torch.addmm(weight, self.B, self.A, alpha=_SCALE)

    model.requires_grad_(False)
    for layer in _linear_layers(model):
        device = layer.weight.device
        parametrize.register_parametrization(layer, "weight", LowRank(*layer.weight.shape).to(device))


def merge_lora(model: Any) -> None:
    """Replace the weights of a model by those that its small matrices make of them, if it has any."""
    from torch.nn.utils import parametrize

    for layer in _linear_layers(model):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)


def _linear_layers(model: Any) -> list[Any]:
    """Return the linear layers that a vector goes through: all but those of the pooler, which isn't used."""
    import torch

    pooler = getattr(model, "pooler", None)
    unused = set() if pooler is None else set(pooler.modules())
    return [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear) and layer not in unused]
