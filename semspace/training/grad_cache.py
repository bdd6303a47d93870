"""Gradients of a batch of any size in bounded memory: GradCache (Gao et al. 2021, arXiv 2101.06983)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from semspace.training.objectives.objective import Batch
from semspace.training.student import Student, portions


def backward(student: Student, batch: Batch, loss_of: Callable[[Any], Any], most: int) -> float:
    """Add the gradients of a batch's loss to the weights, and give the loss; a loss that isn't finite adds none.

    A batch of up to `most` tokens goes through the student at once. A larger one is first encoded in portions without
    keeping anything but vectors; the loss gives the gradient of each vector; then each portion is encoded again, with
    the same dropout, to carry its vectors' gradients on to the weights. That takes a third more work, and the memory
    of one portion.
    """
    import torch

    order = np.argsort([len(tokens) for tokens in batch.tokens], kind="stable")
    parts = [order[part] for part in portions([batch.tokens[i] for i in order], most)]
    if len(parts) == 1:
        loss = loss_of(student.vectors(batch.tokens))
        if bool(torch.isfinite(loss)):
            loss.backward()
        return float(loss.detach())
    states, found = [], []
    with torch.no_grad():
        for part in parts:
            states.append(torch.get_rng_state())
            found.append(student.vectors([batch.tokens[i] for i in part]))
    back = torch.from_numpy(np.argsort(np.concatenate(parts))).to(student.device)
    vectors = torch.cat(found).index_select(0, back).requires_grad_()
    loss = loss_of(vectors)
    if bool(torch.isfinite(loss)):
        loss.backward()
        after, slopes = torch.get_rng_state(), vectors.grad
        assert slopes is not None
        for part, state in zip(parts, states, strict=True):
            torch.set_rng_state(state)
            own = student.vectors([batch.tokens[i] for i in part])
            own.backward(slopes[torch.from_numpy(part).to(student.device)])
        torch.set_rng_state(after)
    return float(loss.detach())
