"""What an evaluation says: one number, what it is, and on how much it rests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from semspace import checks
from semspace.display import html_table, text_table

_COLUMNS = ("task", "metric", "value", "used", "total", "note")


@dataclass(frozen=True)
class Score:
    """One number, and what stands behind it.

    Parameters
    ----------
    task : str
    metric : str
        ``"spearman"``, ``"accuracy"``, ``"ndcg@10"`` or ``"nmi"``.
    value : float
    used, total : int
        How many of the task's items could be judged, for example word pairs with both words known.
    parts : tuple of (str, float, int)
        Value and items of each part, where a task has parts.
    note : str
    """

    task: str
    metric: str
    value: float
    used: int
    total: int
    parts: tuple[tuple[str, float, int], ...] = ()
    note: str = ""

    @property
    def coverage(self) -> float:
        """Share of the items that could be judged, in [0, 1]."""
        return self.used / self.total if self.total else 0.0

    @property
    def row(self) -> tuple[object, ...]:
        """The score as a row of a table."""
        return (self.task, self.metric, self.value, self.used, self.total, self.note)


@dataclass(frozen=True, repr=False)
class Scores:
    """Scores of one thing on several tasks, in the order asked; ``scores["wordsim353"]`` gives one."""

    all: tuple[Score, ...]

    def __iter__(self) -> Iterator[Score]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, task: str) -> Score:
        known = {score.task: score for score in self.all}
        if task not in known:
            raise checks.unknown("task", str(task), known, where=f"these scores ({', '.join(known)})")
        return known[task]

    def table(self) -> pl.DataFrame:
        """Return a polars DataFrame: ``task``, ``metric``, ``value``, ``used``, ``total``, ``note``."""
        return pl.DataFrame([s.row for s in self.all], schema=list(_COLUMNS), orient="row")

    def __repr__(self) -> str:
        return text_table(_COLUMNS, [s.row for s in self.all])

    def _repr_html_(self) -> str:
        return html_table(_COLUMNS, [s.row for s in self.all])
