"""The loss of predicted tokens, computed some hundred at a time, so that no table of all logits is ever in memory.

On a CPU the passes over such a table, of hundreds of megabytes, take longer than the products that make it.
"""

from __future__ import annotations

from typing import Any

import torch

_ROWS_AT_ONCE = 128


class TokenLoss(torch.autograd.Function):
    """The sum of the negative log-likelihoods of tokens; its gradients are computed with it, in one pass."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return the loss of hidden states (n, dim), embeddings of tokens (vocabulary, dim), and tokens (n,)."""
        narrow, wanted = weight.to(hidden.dtype), any(ctx.needs_input_grad)
        grad_hidden = torch.empty_like(hidden) if wanted else None
        grad_weight = torch.zeros_like(weight) if wanted else None
        losses = []
        for rows in torch.split(torch.arange(len(hidden)), _ROWS_AT_ONCE):
            part, right = hidden[rows[0] : rows[-1] + 1], tokens[rows, None]
            logits = (part @ narrow.T).float()
            total = torch.logsumexp(logits, dim=1, keepdim=True)
            losses.append((total - logits.gather(1, right)).sum())
            if grad_hidden is None or grad_weight is None:
                continue
            shares = logits.sub_(total).exp_()
            shares.scatter_add_(1, right, torch.full_like(total, -1.0))
            difference = shares.to(hidden.dtype)
            grad_hidden[rows[0] : rows[-1] + 1] = difference @ narrow
            grad_weight += difference.T @ part
        ctx.save_for_backward(grad_hidden, grad_weight)
        return torch.stack(losses).sum()

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        """Return the gradients of hidden states and embeddings."""
        grad_hidden, grad_weight = ctx.saved_tensors
        return grad * grad_hidden, grad * grad_weight, None
