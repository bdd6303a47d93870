"""Examples → those to learn from, and those to judge by, which share no text with them where that can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from semspace.evaluation.evaluate import Task
from semspace.training.examples import MISSING, Examples
from semspace.training.objectives.objective import Objective

if TYPE_CHECKING:
    from semspace.training.trainer import EncoderTrainer

_MOST = 2_000


def split(objective: Objective, examples: Examples, trainer: EncoderTrainer) -> tuple[Examples, Task | None]:
    """Hold some examples out, and make a task of them."""
    wanted = min(_MOST, round(len(examples) * trainer.held_out))
    if not wanted:
        return examples, None
    out = _drawn(examples, wanted, np.random.default_rng([trainer.seed, 0]))
    task = objective.task(examples.take(np.flatnonzero(out)))
    return (examples, None) if task is None else (examples.take(np.flatnonzero(~out)), task)


def _drawn(examples: Examples, wanted: int, draw: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Draw groups of examples that share texts until there are enough; groups that are too large are left whole."""
    groups = _groups(examples)
    sizes = np.bincount(groups)
    taken, count = np.zeros(len(sizes), bool), 0
    for group in draw.permutation(len(sizes)).tolist():
        if count + sizes[group] <= wanted:
            taken[group] = True
            count += int(sizes[group])
    out: npt.NDArray[np.bool_] = taken[groups]
    if count < wanted // 2:  # nearly all hang together: then single examples are drawn
        out = np.zeros(len(examples), bool)
        out[draw.permutation(len(examples))[:wanted]] = True
    return out


def _groups(examples: Examples) -> npt.NDArray[np.int64]:
    """Find which examples hang together by common texts, and number these groups."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n, texts = len(examples), len(examples.texts)
    row, column = np.nonzero(examples.rows != MISSING)
    shape = (n + texts, n + texts)
    links = coo_matrix((np.ones(len(row), np.int8), (row, n + examples.rows[row, column])), shape=shape)
    found: npt.NDArray[np.int64] = np.unique(connected_components(links, directed=False)[1][:n], return_inverse=True)[1]
    return found
