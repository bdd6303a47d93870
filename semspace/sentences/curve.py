"""`TrainingHistory`: how the training of an encoder went: loss, speed, and the score wherever it was judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from semspace.display import html_table, text_table
from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.report.figures import Figure

_SCHEMA = {
    "epoch": pl.Float64,
    "step": pl.Int64,
    "loss": pl.Float64,
    "seconds": pl.Float64,
    "texts_per_second": pl.Float64,
}


@dataclass(frozen=True)
class Reach:
    """A stretch of training, up to where the encoder was judged.

    Parameters
    ----------
    epoch : float
        Passes over the data so far; 0 before the first step.
    step : int
        Batches so far.
    loss : float, optional
        Mean over the batches since the last row, each taken before the step it causes; None before the first step.
    seconds : float
        Time spent on them; judging and checkpoints don't count.
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
        """Speed of this stretch."""
        return self.texts / max(self.seconds, 1e-9) if self.texts else None


@dataclass(frozen=True, repr=False)
class TrainingHistory:
    """The stretches of a training, in order; the first row is the encoder before it.

    Examples
    --------
    >>> TrainingHistory((Reach(1, 90, 2.5, 2, 2_800, 0.5, "sts"), Reach(2, 180, 2.25, 2, 2_800, 0.75, "sts")))
    epoch  step   loss  seconds  texts_per_second    sts
        1    90  2.500        2             1,400  0.500
        2   180  2.250        2             1,400  0.750
    """

    rows: tuple[Reach, ...]

    @classmethod
    def of(cls, facts: Sequence[Mapping[str, Any]]) -> TrainingHistory:
        """Take a history out of plain values."""
        return cls(tuple(Reach(**row) for row in facts))

    def plain(self) -> list[dict[str, Any]]:
        """Give what `of` reads, as plain values."""
        return [asdict(row) for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Reach]:
        return iter(self.rows)

    def __getitem__(self, place: int) -> Reach:
        return self.rows[place]

    @property
    def task(self) -> str:
        """What the scores are on; empty where there are none."""
        return next((row.task for row in self.rows if row.task), "")

    def table(self) -> pl.DataFrame:
        """Return a polars DataFrame: ``epoch``, ``step``, ``loss``, ``seconds``, ``texts_per_second``, the score."""
        schema = {**_SCHEMA, **({self.task: pl.Float64} if self.task else {})}
        return pl.DataFrame(self._rows(), schema=schema, orient="row")

    def plot(self) -> Figure:
        """Draw loss, and score where there is one, against batches.

        Raises
        ------
        InputError
            If nothing was trained.
        """
        from semspace.report.figures import lines

        if not any(row.loss is not None for row in self.rows):
            raise InputError("there is no loss to draw: nothing was trained here")
        panels: list[tuple[str, Sequence[float | None]]] = [("loss", [row.loss for row in self.rows])]
        if self.task:
            panels.append((self.task, [row.score for row in self.rows]))
        return lines([row.step for row in self.rows], panels, unit="batch", caption="How the training went.")

    def _rows(self) -> list[tuple[object, ...]]:
        more = bool(self.task)
        return [
            (r.epoch, r.step, r.loss, r.seconds, r.texts_per_second, *((r.score,) if more else ())) for r in self.rows
        ]

    def __repr__(self) -> str:
        if not self.rows:
            return "TrainingHistory of nothing: nothing was trained here"
        return text_table([*_SCHEMA, *([self.task] if self.task else [])], self._rows())

    def _repr_html_(self) -> str:
        if not self.rows:
            return "<p>TrainingHistory of nothing: nothing was trained here</p>"
        table = html_table([*_SCHEMA, *([self.task] if self.task else [])], self._rows())
        return table + (self.plot()._repr_html_() if any(row.loss is not None for row in self.rows) else "")
