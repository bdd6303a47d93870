"""`TaskMeasure`: a measure of a task with the results of its items, so that it can be resampled and compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl

from semspace.evaluation.weighted import STATISTICS
from semspace.types import ArrayXd, Doubles1d, Doubles2d, Ints1d, Ints2d

_LOWEST = {"pearson": -1.0, "spearman": -1.0, "adjusted rand index": -1.0}  # the others are at least 0


@dataclass(frozen=True, eq=False)
class TaskMeasure:
    """A measure, and the items that it is a measure of.

    Parameters
    ----------
    name : str
        As shown, such as ``"ndcg@10"``.
    statistic : str
        How items become one number: a name of `weighted.STATISTICS`.
    scores : ndarray, shape (n,)
        What the vectors say of each item: its value for ``"mean"``, a cosine, or the number of its group.
    truth : ndarray, shape (n,), optional
        What people say of it: a judgement, or the number of its label.
    items : ndarray of int64, shape (n,), optional
        The number of each item within the task, increasing; 0 to n - 1 by default.
    units : ndarray of int64, shape (n, 2), optional
        The two documents of each item, where items are all pairs of documents: then documents are resampled.
    """

    name: str
    statistic: str
    scores: ArrayXd
    truth: ArrayXd = field(default_factory=lambda: np.zeros(0))
    items: Ints1d = field(default_factory=lambda: np.zeros(0, np.int64))
    units: Ints2d | None = None

    def __post_init__(self) -> None:
        if not len(self.items):
            object.__setattr__(self, "items", np.arange(len(self.scores)))

    def __len__(self) -> int:
        return len(self.scores)

    @cached_property
    def value(self) -> float:
        """The measure itself."""
        return float(self.weighted(np.ones((1, self.n_units)))[0])

    @property
    def n_units(self) -> int:
        """Number of what is resampled: items, or documents."""
        return len(self) if self.units is None else int(self.units.max(initial=-1)) + 1

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest value that it can have."""
        if self.statistic == "mean":
            return min(0.0, float(self.scores.min(initial=0))), max(1.0, float(self.scores.max(initial=0)))
        return _LOWEST.get(self.statistic, 0.0), 1.0

    def weighted(self, weights: Doubles2d) -> Doubles1d:
        """Return the measure for each of b weightings of its units, shape (b, n_units)."""
        if self.units is not None:
            weights = weights[:, self.units[:, 0]] * weights[:, self.units[:, 1]]
        return STATISTICS[self.statistic](self.scores, self.truth, weights)

    def select(self, items: Ints1d) -> TaskMeasure:
        """Return the measure of some of its items, by their numbers within the task."""
        rows = np.flatnonzero(np.isin(self.items, items))
        truth = self.truth[rows] if len(self.truth) else self.truth
        units = None if self.units is None else self.units[rows]
        return replace(self, scores=self.scores[rows], truth=truth, items=self.items[rows], units=units)

    def to_frame(self) -> pl.DataFrame:
        """Return a row for each item: ``item``, and ``value``, or ``score`` and ``truth``."""
        columns = {"value": self.scores} if self.statistic == "mean" else {"score": self.scores, "truth": self.truth}
        return pl.DataFrame({"item": self.items, **columns})
