"""`Score` and `Scores`: the results of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from semspace import checks
from semspace.deprecation import renamed_method, renamed_property
from semspace.display import html_table, text_table
from semspace.errors import InputError
from semspace.evaluation.resampling import Interval, interval
from semspace.evaluation.score_comparison import ScoreComparison, ScoreDifference, difference
from semspace.evaluation.task_measure import TaskMeasure

_NOTE_WIDTH = 120  # characters of a note that are shown
_COLUMNS = {
    "task": pl.String, "metric": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "used": pl.Int64, "total": pl.Int64, "note": pl.String,
}  # fmt: skip
_OF_ONE = {name: _COLUMNS[name] for name in ("metric", "value", "low", "high", "used")}


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
    """The score of one task, how sure it is, and how it was computed.

    Parameters
    ----------
    task : str
    metric : str
        ``"spearman"``, ``"accuracy"``, ``"ndcg@10"``, ``"average_precision"``, ``"purity"`` or ``"nmi"``.
    value : float
        NaN if the task couldn't be scored; the note says why.
    used, total : int
        Number of the task's items that could be used, for example word pairs with both words known, and of all.
    parts : tuple of (str, float, int)
        Name, value and number of items of each part, if the task has parts.
    note : str
        Remarks: words found with other capital letters only, rows of a file that were left out.
    measures : tuple of TaskMeasure
        The score's own measure with the results of its items, then others of the same task, such as Pearson's
        correlation beside Spearman's.
    seed : int
        For the resamples of intervals and comparisons.
    """

    task: str
    metric: str
    value: float
    used: int
    total: int
    parts: tuple[tuple[str, float, int], ...] = ()
    note: str = ""
    measures: tuple[TaskMeasure, ...] = field(default=(), repr=False, compare=False)
    seed: int = field(default=0, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        task: str,
        measures: Sequence[TaskMeasure],
        used: int,
        total: int,
        parts: tuple[tuple[str, float, int], ...] = (),
        note: str = "",
    ) -> Score:
        """Create the score whose metric is the first of these measures."""
        main = measures[0]
        return cls(task, main.name, main.value, used, total, parts, note, tuple(measures))

    @property
    def coverage(self) -> float:
        """Share of the items that could be used, in [0, 1]."""
        return self.used / self.total if self.total else 0.0

    @property
    def interval(self) -> Interval | None:
        """95 % bootstrap interval of the value; None of fewer than 10 items, or if the task keeps no items."""
        return self._intervals.get(self.metric)

    @property
    def metrics(self) -> dict[str, float]:
        """The values of all measures by name, the score's own first."""
        return {self.metric: self.value, **{one.name: one.value for one in self.measures if one.name != self.metric}}

    @cached_property
    def _intervals(self) -> dict[str, Interval | None]:
        return {one.name: interval(one, self.seed) for one in self.measures}

    @property
    def row(self) -> tuple[object, ...]:
        """The score as a row of a table."""
        value = self.value if self.evaluated else None
        return (self.task, self.metric, value, *self._ends(self.metric), self.used, self.total, self.note)

    def _ends(self, metric: str) -> tuple[float | None, float | None]:
        return self._intervals.get(metric) or (None, None)

    @property
    def rows(self) -> list[tuple[object, ...]]:
        """The score's row, and one for each further measure."""
        others = [name for name in self.metrics if name != self.metric]
        return [self.row, *(("", name, self.metrics[name], *self._ends(name), None, None, "") for name in others)]

    @property
    def evaluated(self) -> bool:
        """Whether there is a value."""
        return not math.isnan(self.value)

    judged = renamed_property("judged", "evaluated")

    def measure(self, metric: str | None = None) -> TaskMeasure:
        """Return a measure of the task with the results of its items; by default the score's own.

        Raises
        ------
        InputError
            If there is no such measure.
        """
        name = self.metric if metric is None else metric
        found = next((one for one in self.measures if one.name == name), None)
        if found is None:
            known = ", ".join(one.name for one in self.measures) or "none, since it keeps no results of items"
            raise InputError(f"{self.task} has no measure {name!r}; it has {known}")
        return found

    def compare(self, other: Score, metric: str | None = None) -> ScoreDifference:
        """Compare with the score of something else on the same task, over the items that both could be scored on.

        Parameters
        ----------
        other : Score
        metric : str, optional
            A name of `metrics`; by default the score's own.

        Returns
        -------
        ScoreDifference
            The difference ``self - other``, its 95 % interval (paired bootstrap) and p-value.

        Raises
        ------
        InputError
            If the scores are of different tasks, or have no items in common.
        """
        if not isinstance(other, Score):
            raise InputError(f"a Score is compared with another Score; got {type(other).__name__}")
        if (self.task, self.total) != (other.task, other.total):
            raise InputError(
                f"scores of different tasks can't be compared: {self.task} of {self.total:,} items, and "
                f"{other.task} of {other.total:,}"
            )
        name = self.metric or other.metric if metric is None else metric
        return difference(self.task, self.measure(name), other.measure(name), self.seed)

    def to_frame(self) -> pl.DataFrame:
        """Return a row for each measure: ``metric``, ``value``, ``low`` and ``high`` (95 % interval), ``used``."""
        rows = [(name, value, *self._ends(name), self.used) for name, value in self.metrics.items()]
        return pl.DataFrame(rows, schema=_OF_ONE, orient="row")

    def _repr_html_(self) -> str:
        table = html_table(list(_COLUMNS), self.rows)
        return table + (html_table(("part", self.metric, "items"), self.parts) if self.parts else "")


@dataclass(frozen=True, repr=False)
class Scores:
    """The scores of several tasks, in the order of the tasks; ``scores["wordsim353"]`` is one of them.

    Parameters
    ----------
    all : tuple of Score
    name : str
        Of what was scored, if it has one.
    """

    all: tuple[Score, ...]
    name: str = field(default="", compare=False)

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

    def compare(self, other: Scores) -> ScoreComparison:
        """Compare with the scores of something else on the same tasks, each over the items that both were scored on.

        Parameters
        ----------
        other : Scores

        Returns
        -------
        ScoreComparison
            For each task the difference ``self - other``, its 95 % interval (paired bootstrap) and p-value. A task
            that can't be compared has a note that says why.

        Raises
        ------
        InputError
            If they have no task in common, or none of those can be compared.

        Examples
        --------
        >>> import numpy as np, semspace as ss
        >>> draw = np.random.default_rng(0)
        >>> vectors = draw.normal(size=(50, 8))
        >>> words = [f"w{i}" for i in range(50)]
        >>> good = ss.Space.from_vectors(words, vectors)
        >>> noisy = ss.Space.from_vectors(words, vectors + 2 * draw.normal(size=(50, 8)))
        >>> pairs = [(words[i], words[j], good.similarity(words[i], words[j])) for i in range(50) for j in range(i)]
        >>> task = ss.evaluation.WordPairs("mine", pairs)
        >>> found = ss.evaluate(good, task).compare(ss.evaluate(noisy, task))
        >>> found["mine"].p_value < 0.01
        True
        """
        if not isinstance(other, Scores):
            raise InputError(f"Scores are compared with other Scores; got {type(other).__name__}: give what evaluate "
                             "returned for both")  # fmt: skip
        return ScoreComparison(tuple(self._differences(other)), (self.name, other.name))

    def _differences(self, other: Scores) -> list[ScoreDifference]:
        theirs = {score.task: score for score in other.all}
        found, problems = [], []
        for score in self.all:
            if score.task not in theirs:
                continue
            try:
                found.append(score.compare(theirs[score.task]))
            except InputError as problem:
                problems.append(problem)
                found.append(ScoreDifference.none(score.task, score.metric, f"not compared: {problem}"))
        if not found:
            raise InputError(
                f"no task is in both: {', '.join(score.task for score in self.all)}; and {', '.join(theirs) or 'none'}"
            )
        if len(problems) == len(found):
            raise problems[0]
        return found

    def to_frame(self) -> pl.DataFrame:
        """Return the scores as a polars DataFrame, a row for each task.

        Its columns are ``task``, ``metric``, ``value``, ``low`` and ``high`` (95 % interval), ``used``, ``total`` and
        ``note``; `Score.to_frame` has all measures of a task.
        """
        return pl.DataFrame([s.row for s in self.all], schema=_COLUMNS, orient="row")

    table = renamed_method("table", "to_frame")

    def _rows(self) -> list[tuple[object, ...]]:
        return [row for score in self.all for row in score.rows]

    def __repr__(self) -> str:
        return text_table(list(_COLUMNS), self._rows(), width=_NOTE_WIDTH)

    def _repr_html_(self) -> str:
        return html_table(list(_COLUMNS), self._rows())


def notes(*parts: str) -> str:
    """Join notes, without the empty ones."""
    return "; ".join(part for part in parts if part)


def left_out(count: int, what: str) -> str:
    """Return a note on rows of a file that can't be used; empty if all can."""
    return (
        f"{count:,} row{'s' if count > 1 else ''} of the file {'have' if count > 1 else 'has'} {what}" if count else ""
    )
