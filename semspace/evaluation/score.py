"""`Score` and `Scores`: the results of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from semspace import checks
from semspace.deprecation import renamed_method, renamed_property
from semspace.display import html_table, text_table
from semspace.errors import InputError

_NOTE_WIDTH = 120  # characters of a note that are shown
_COLUMNS = {
    "task": pl.String, "metric": pl.String, "value": pl.Float64, "used": pl.Int64, "total": pl.Int64, "note": pl.String
}  # fmt: skip


class NotEvaluatedError(InputError):
    """Raised if a task can't be scored, for example because too few of its words are in the vocabulary.

    Parameters
    ----------
    message : str
    used, total : int
        Number of the task's items that could be used, and of all.
    """

    def __init__(self, message: str, *, used: int, total: int) -> None:
        super().__init__(message)
        self.used, self.total = used, total


@dataclass(frozen=True)
class Score:
    """The score of one task, and how it was computed.

    Parameters
    ----------
    task : str
    metric : str
        ``"spearman"``, ``"accuracy"``, ``"ndcg@10"`` or ``"nmi"``.
    value : float
        NaN if the task couldn't be scored; the note says why.
    used, total : int
        Number of the task's items that could be used, for example word pairs with both words known, and of all.
    parts : tuple of (str, float, int)
        Name, value and number of items of each part, if the task has parts.
    note : str
        Remarks: words found with other capital letters only, rows of a file that were left out.
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
        """Share of the items that could be used, in [0, 1]."""
        return self.used / self.total if self.total else 0.0

    @property
    def row(self) -> tuple[object, ...]:
        """The score as a row of a table."""
        return (self.task, self.metric, self.value if self.evaluated else None, self.used, self.total, self.note)

    @property
    def evaluated(self) -> bool:
        """Whether there is a value."""
        return not math.isnan(self.value)

    judged = renamed_property("judged", "evaluated")

    def _repr_html_(self) -> str:
        table = html_table(list(_COLUMNS), [self.row])
        return table + (html_table(("part", self.metric, "items"), self.parts) if self.parts else "")


@dataclass(frozen=True, repr=False)
class Scores:
    """The scores of several tasks, in the order of the tasks; ``scores["wordsim353"]`` is one of them."""

    all: tuple[Score, ...]

    def __iter__(self) -> Iterator[Score]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, task: str) -> Score:
        scores = [score for score in self.all if score.task == task]
        if len(scores) > 1:
            raise InputError(f"{len(scores)} tasks are called {task!r}; iterate over the scores, or rename the tasks")
        if not scores:
            names = [score.task for score in self.all]
            raise checks.unknown("task", str(task), names, where=f"these scores ({', '.join(names)})")
        return scores[0]

    def to_frame(self) -> pl.DataFrame:
        """Return the scores as a polars DataFrame: ``task``, ``metric``, ``value``, ``used``, ``total``, ``note``."""
        return pl.DataFrame([s.row for s in self.all], schema=_COLUMNS, orient="row")

    table = renamed_method("table", "to_frame")

    def __repr__(self) -> str:
        return text_table(list(_COLUMNS), [s.row for s in self.all], width=_NOTE_WIDTH)

    def _repr_html_(self) -> str:
        return html_table(list(_COLUMNS), [s.row for s in self.all])


def notes(*parts: str) -> str:
    """Join notes, without the empty ones."""
    return "; ".join(part for part in parts if part)


def left_out(count: int, what: str) -> str:
    """Return a note on rows of a file that can't be used; empty if all can."""
    return (
        f"{count:,} row{'s' if count > 1 else ''} of the file {'have' if count > 1 else 'has'} {what}" if count else ""
    )
