"""`History`: how a training went, epoch by epoch: loss, speed, and a score where one was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from semspace.display import html_table, text_table
from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.report.figures import Figure

_SCHEMA = {"epoch": pl.Int64, "loss": pl.Float64, "seconds": pl.Float64, "words_per_second": pl.Float64}


@dataclass(frozen=True)
class Epoch:
    """One pass over the text.

    Parameters
    ----------
    epoch : int
        From 1.
    loss : float, optional
        Mean over everything predicted in this epoch; None where an engine doesn't tell.
    seconds : float
        Time spent in training; evaluation and checkpoints don't count.
    words : int
        Words of the text that were read.
    pairs : int
        What was predicted; 0 where an engine doesn't tell.
    score : float, optional
    task : str
        What `score` is on.
    """

    epoch: int
    loss: float | None
    seconds: float
    words: int
    pairs: int = 0
    score: float | None = None
    task: str = ""

    @property
    def words_per_second(self) -> float:
        """Speed of this epoch."""
        return self.words / max(self.seconds, 1e-9)


@dataclass(frozen=True, repr=False)
class History:
    """The epochs of a training, in order.

    Examples
    --------
    >>> History((Epoch(1, 2.5, 2.0, 8_000_000), Epoch(2, 2.25, 2.0, 8_000_000)))
    epoch   loss  seconds  words_per_second
        1  2.500    2.000         4,000,000
        2  2.250    2.000         4,000,000
    """

    epochs: tuple[Epoch, ...]

    @classmethod
    def of(cls, provenance: Mapping[str, Any]) -> History:
        """Take the history out of a provenance; without any epoch where nothing was trained."""
        return cls(tuple(Epoch(**row) for row in provenance.get("history", ())))

    def plain(self) -> list[dict[str, Any]]:
        """Give what `of` reads, as plain values."""
        return [asdict(epoch) for epoch in self.epochs]

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def __getitem__(self, place: int) -> Epoch:
        return self.epochs[place]

    def table(self) -> pl.DataFrame:
        """Return a polars DataFrame: ``epoch``, ``loss``, ``seconds``, ``words_per_second``, and the task's score."""
        schema = {**_SCHEMA, **({self.task: pl.Float64} if self.task else {})}
        return pl.DataFrame(self._rows(), schema=schema, orient="row")

    @property
    def task(self) -> str:
        """What the scores are on; empty where there are none."""
        return next((epoch.task for epoch in self.epochs if epoch.task), "")

    def plot(self) -> Figure:
        """Draw loss, and score where there is one, against epochs.

        Raises
        ------
        InputError
            If no epoch tells its loss.
        """
        from semspace.report.figures import lines

        panels: list[tuple[str, Sequence[float | None]]] = [("loss", [epoch.loss for epoch in self.epochs])]
        if self.task:
            panels.append((self.task, [epoch.score for epoch in self.epochs]))
        known = [(name, values) for name, values in panels if any(value is not None for value in values)]
        if not known:
            raise InputError("there is no loss to draw: nothing was trained, or its engine doesn't tell a true loss")
        return lines([epoch.epoch for epoch in self.epochs], known, unit="epoch", caption="How the training went.")

    def _rows(self) -> list[tuple[object, ...]]:
        more = bool(self.task)
        return [(e.epoch, e.loss, e.seconds, e.words_per_second, *((e.score,) if more else ())) for e in self.epochs]

    def __repr__(self) -> str:
        return (
            text_table([*_SCHEMA, *([self.task] if self.task else [])], self._rows())
            if self.epochs
            else ("History of no epochs: nothing was trained here")
        )

    def _repr_html_(self) -> str:
        if not self.epochs:
            return "<p>History of no epochs: nothing was trained here</p>"
        table = html_table([*_SCHEMA, *([self.task] if self.task else [])], self._rows())
        return table + (self.plot()._repr_html_() if any(epoch.loss is not None for epoch in self.epochs) else "")
