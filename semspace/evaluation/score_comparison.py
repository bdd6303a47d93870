"""`ScoreDifference` and `ScoreComparison`: two things on the same tasks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from semspace import checks, display
from semspace.display import html_table, text_table
from semspace.errors import InputError
from semspace.evaluation.resampling import Interval, paired_test
from semspace.evaluation.task_measure import TaskMeasure

_COLUMNS = {
    "task": pl.String, "metric": pl.String, "a": pl.Float64, "b": pl.Float64, "difference": pl.Float64,
    "low": pl.Float64, "high": pl.Float64, "p_value": pl.Float64, "used": pl.Int64, "note": pl.String,
}  # fmt: skip
_NOTE_WIDTH, _NAME_WIDTH = 120, 24  # characters that are shown


@dataclass(frozen=True)
class ScoreDifference:
    """How two things differ on one task, over the items that both could be scored on.

    Parameters
    ----------
    task, metric : str
    a, b : float
        Their scores on these items; NaN if they can't be compared.
    interval : (float, float), optional
        95 % interval of the difference ``a - b``, by the paired bootstrap; None of fewer than 10 items.
    p_value : float
        Of the difference, if both were equally good, two-sided; NaN where there is no interval.
    used : int
        Number of items that both could be scored on.
    note : str
        Why they can't be compared.
    """

    task: str
    metric: str
    a: float
    b: float
    interval: Interval | None
    p_value: float
    used: int
    note: str = ""

    @classmethod
    def none(cls, task: str, metric: str, note: str) -> ScoreDifference:
        """Create the row of a task that can't be compared."""
        return cls(task, metric, math.nan, math.nan, None, math.nan, 0, note)

    @property
    def difference(self) -> float:
        """``a - b``."""
        return self.a - self.b

    @property
    def row(self) -> tuple[object, ...]:
        """The difference as a row of a table."""
        numbers = (self.a, self.b, self.difference, *(self.interval or (None, None)), self.p_value)
        known = (None if one is None or math.isnan(one) else one for one in numbers)
        return (self.task, self.metric, *known, self.used, self.note)

    def __str__(self) -> str:
        return text_table(list(_COLUMNS), [_shown(self)], width=_NOTE_WIDTH)

    def _repr_html_(self) -> str:
        return html_table(list(_COLUMNS), [_shown(self)])


@dataclass(frozen=True, repr=False)
class ScoreComparison:
    """How two things differ on several tasks; ``comparison["wordsim353"]`` is one of them.

    Parameters
    ----------
    all : tuple of ScoreDifference
    names : (str, str)
        Of the first and the second thing; empty if it has none.
    """

    all: tuple[ScoreDifference, ...]
    names: tuple[str, str] = ("", "")

    def __iter__(self) -> Iterator[ScoreDifference]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, task: str) -> ScoreDifference:
        found = next((one for one in self.all if one.task == task), None)
        if found is None:
            raise checks.unknown("task", str(task), [one.task for one in self.all], where="this comparison")
        return found

    def to_frame(self) -> pl.DataFrame:
        """Return a row for each task.

        Its columns are ``task``, ``metric``, ``a``, ``b``, ``difference``, ``low`` and ``high`` (95 % interval),
        ``p_value``, ``used`` and ``note``.
        """
        return pl.DataFrame([one.row for one in self.all], schema=_COLUMNS, orient="row")

    def _title(self) -> str:
        a, b = (display.clip(name, _NAME_WIDTH) or letter for name, letter in zip(self.names, "ab", strict=True))
        return f"a: {a}; b: {b}" if any(self.names) else ""

    def __repr__(self) -> str:
        table = text_table(list(_COLUMNS), map(_shown, self.all), width=_NOTE_WIDTH)
        return "\n".join(filter(None, (self._title(), table)))

    def _repr_html_(self) -> str:
        return html_table(list(_COLUMNS), map(_shown, self.all), caption=self._title())


def difference(task: str, a: TaskMeasure, b: TaskMeasure, seed: int) -> ScoreDifference:
    """Return the difference of two measures over the items of both."""
    common = np.intersect1d(a.items, b.items)
    a, b = a.select(common), b.select(common)
    if not len(common):
        raise InputError(f"{task}: no item could be scored for both")
    if not np.array_equal(a.truth, b.truth):
        raise InputError(f"{task}: the judgements of both scores differ, so they are of different tasks")
    test = paired_test(a, b, seed)
    return ScoreDifference(task, a.name, a.value, b.value, test.interval, test.p_value, len(common))


def _shown(one: ScoreDifference) -> tuple[object, ...]:
    task, metric, *numbers, p_value, used, note = one.row
    return (task, metric, *numbers, "" if p_value is None else display.p_value(one.p_value), used, note)
