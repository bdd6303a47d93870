"""Gradients of a batch of any size in bounded memory: GradCache (Gao et al. 2021, arXiv 2101.06983)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from semspace.training.objectives.objective import Batch
from semspace.training.student import Student, micro_batches


def backward(student: Student, batch: Batch, loss_of: Callable[[Any], Any], max_tokens: int) -> float:
    """Add the gradients of a batch's loss to those of the weights, and return the loss.

    A loss that isn't finite adds no gradients. A batch of up to `max_tokens` tokens goes through the student at once.
    A larger one is first encoded in micro-batches that keep only the vectors; the loss gives the gradient of each
    vector; then each micro-batch is encoded again, with the same dropout, to propagate its vectors' gradients to the
    weights. That takes a third more computation, and the memory of one micro-batch.
    """
    import torch

    order = np.argsort([len(tokens) for tokens in batch.tokens], kind="stable")
    parts = [order[part] for part in micro_batches([batch.tokens[i] for i in order], max_tokens)]
    if len(parts) == 1:
        loss = loss_of(student.forward(batch.tokens))
        if bool(torch.isfinite(loss)):
            loss.backward()
        return float(loss.detach())
    rng_states, encoded = [], []
    with torch.no_grad():
        for part in parts:
            rng_states.append(torch.get_rng_state())
            encoded.append(student.forward([batch.tokens[i] for i in part]))
    inverse = torch.from_numpy(np.argsort(np.concatenate(parts))).to(student.device)
    vectors = torch.cat(encoded).index_select(0, inverse).requires_grad_()
    loss = loss_of(vectors)
    if bool(torch.isfinite(loss)):
        loss.backward()
        rng_state_after, gradients = torch.get_rng_state(), vectors.grad
        assert gradients is not None
        for part, rng_state in zip(parts, rng_states, strict=True):
            torch.set_rng_state(rng_state)
            part_vectors = student.forward([batch.tokens[i] for i in part])
            part_vectors.backward(gradients[torch.from_numpy(part).to(student.device)])
        torch.set_rng_state(rng_state_after)
    return float(loss.detach())
