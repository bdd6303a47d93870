"""Examples divided into those to train on and those to evaluate on, which share no text if that is possible."""

from __future__ import annotations

import numpy as np

from semspace.evaluation.task_reading import Task
from semspace.training.examples import MISSING, Examples
from semspace.training.objectives.objective import Objective
from semspace.types import Bools1d, Ints1d

_MAX_EXAMPLES = 2_000  # held out


def hold_out(objective: Objective, examples: Examples, share: float, seed: int) -> tuple[Examples, Task | None]:
    """Return the examples without a share that is held out, and a task made of that share.

    The task is None, and nothing is held out, where the objective can't evaluate on them.
    """
    n_wanted = min(_MAX_EXAMPLES, round(len(examples) * share))
    if not n_wanted:
        return examples, None
    is_held_out = _draw(examples, n_wanted, np.random.default_rng([seed, 0]))
    task = objective.task(examples.take(np.flatnonzero(is_held_out)))
    return (examples, None) if task is None else (examples.take(np.flatnonzero(~is_held_out)), task)


def _draw(examples: Examples, n_wanted: int, rng: np.random.Generator) -> Bools1d:
    """Draw whole components of examples that share texts, as far as they fit, until there are enough."""
    components = _components(examples)
    sizes = np.bincount(components)
    is_drawn, count = np.zeros(len(sizes), bool), 0
    for component in rng.permutation(len(sizes)).tolist():
        if count + sizes[component] <= n_wanted:
            is_drawn[component] = True
            count += int(sizes[component])
    mask: Bools1d = is_drawn[components]
    if count < n_wanted // 2:  # nearly all examples are in one component: then single examples are drawn
        mask = np.zeros(len(examples), bool)
        mask[rng.permutation(len(examples))[:n_wanted]] = True
    return mask


def _components(examples: Examples) -> Ints1d:
    """Return the number of the connected component of each example, where examples are linked by common texts."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n, n_texts = len(examples), len(examples.texts)
    rows, columns = np.nonzero(examples.rows != MISSING)
    shape = (n + n_texts, n + n_texts)
    links = coo_matrix((np.ones(len(rows), np.int8), (rows, n + examples.rows[rows, columns])), shape=shape)
    labels = connected_components(links, directed=False)[1][:n]
    components: Ints1d = np.unique(labels, return_inverse=True)[1]
    return components
