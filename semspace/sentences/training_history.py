"""`TrainingHistory`: loss, speed and evaluation scores of the training of an encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from semspace.history import TrainingCurve


@dataclass(frozen=True)
class HistoryRow:
    """A row of the history: the training from the row before to an evaluation.

    Parameters
    ----------
    epoch : float
        Passes over the data so far; 0 before the first step.
    step : int
        Batches so far.
    loss : float, optional
        Mean over the batches since the last row, each taken before the step it causes; None before the first step.
    seconds : float
        Time spent on them; evaluation and checkpoints don't count.
    texts : int
        Texts that went through the encoder in that time.
    score : float, optional
    task : str
        What `score` is on, and by which measure.
    """

    epoch: float
    step: int
    loss: float | None
    seconds: float
    texts: int
    score: float | None = None
    task: str = ""

    @property
    def texts_per_second(self) -> float | None:
        """Texts trained on per second, in this row."""
        return self.texts / max(self.seconds, 1e-9) if self.texts else None


@dataclass(frozen=True, repr=False)
class TrainingHistory(TrainingCurve[HistoryRow]):
    """The rows of a training, in order; the first is the encoder before training.

    Examples
    --------
    >>> TrainingHistory((HistoryRow(1, 90, 2.5, 2, 2_800, 0.5, "sts"), HistoryRow(2, 180, 2.25, 2, 2_800, 0.75, "sts")))
    epoch  step   loss  seconds  texts_per_second    sts
        1    90  2.500        2             1,400  0.500
        2   180  2.250        2             1,400  0.750
    """

    rows: tuple[HistoryRow, ...]
    _columns = {  # noqa: RUF012  (nobody writes to it)
        "epoch": pl.Float64,
        "step": pl.Int64,
        "loss": pl.Float64,
        "seconds": pl.Float64,
        "texts_per_second": pl.Float64,
    }
    _x_axis = ("step", "batch")

    @classmethod
    def of(cls, facts: Sequence[Mapping[str, Any]]) -> TrainingHistory:
        """Create a history from plain values."""
        return cls(tuple(HistoryRow(**row) for row in facts))

    def plain(self) -> list[dict[str, Any]]:
        """Return plain values that `of` reads."""
        return [asdict(row) for row in self.rows]

    def _points(self) -> tuple[HistoryRow, ...]:
        return self.rows
