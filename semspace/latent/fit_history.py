"""`FitHistory`: the losses of a latent model's training, on the points it saw and on those held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from semspace.history import TrainingCurve

HELD_OUT = "held-out loss"


@dataclass(frozen=True)
class FitEpoch:
    """One pass over the points, as a row of the history.

    Parameters
    ----------
    epoch : int
        From 1.
    loss : float
        Mean loss of the epoch's batches, each computed before the step that it causes.
    held_out : float, optional
        Loss of the points held out, at the end of the epoch; None if none are.
    seconds : float
        Time spent on the epoch.
    """

    epoch: int
    loss: float | None
    held_out: float | None
    seconds: float

    @property
    def score(self) -> float | None:
        """The loss of the points held out."""
        return self.held_out

    @property
    def task(self) -> str:
        """What `score` is."""
        return "" if self.held_out is None else HELD_OUT


@dataclass(frozen=True, repr=False)
class FitHistory(TrainingCurve[FitEpoch]):
    """The epochs of a training, in order; without epochs where a model isn't trained step by step.

    Examples
    --------
    >>> FitHistory((FitEpoch(1, 2.5, 2.75, 2.0), FitEpoch(2, 2.25, 2.5, 2.0)))
    epoch   loss  seconds  held-out loss
        1  2.500    2.000          2.750
        2  2.250    2.000          2.500
    """

    epochs: tuple[FitEpoch, ...]
    _columns = {"epoch": pl.Int64, "loss": pl.Float64, "seconds": pl.Float64}  # noqa: RUF012  (it is never changed)
    _x_axis = ("epoch", "epoch")

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> FitHistory:
        """Create a history from plain values."""
        return cls(tuple(FitEpoch(**row) for row in rows))

    def plain(self) -> list[dict[str, Any]]:
        """Return plain values that `of` reads."""
        return [asdict(epoch) for epoch in self.epochs]

    def _points(self) -> tuple[FitEpoch, ...]:
        return self.epochs
