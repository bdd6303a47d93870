"""`History`: loss, speed and score of a training by epoch; `TrainingCurve`, its base; `Progress` of a training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import polars as pl

from semspace.deprecation import renamed_method
from semspace.display import html_table, text_table
from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.report.figure import Figure


@dataclass(frozen=True)
class Progress:
    """The position of an unfinished training, with sums since the last row of its history.

    Parameters
    ----------
    epoch : int
        The current epoch, from 0.
    position : int
        Words, or batches, that are done.
    loss, count : float
        Sum of the losses, and the number of losses.
    items : int
        Texts that were read.
    seconds : float
        Time spent in training; evaluation and checkpoints don't count.
    """

    epoch: int = 0
    position: int = 0
    loss: float = 0.0
    count: float = 0
    items: int = 0
    seconds: float = 0.0

    @property
    def mean_loss(self) -> float | None:
        """Mean loss since the last row of the history; None before the first."""
        return self.loss / self.count if self.count else None

    def advanced(self, position: int, loss: float, count: float, seconds: float, items: int = 0) -> Progress:
        """Return the progress at a later position, with what was done up to it added to the sums."""
        return Progress(
            self.epoch, position, self.loss + loss, self.count + count, self.items + items, self.seconds + seconds
        )


class CurvePoint(Protocol):
    """A part of a training: one row of its history."""

    @property
    def loss(self) -> float | None:
        """Mean loss; None if it is unknown."""

    @property
    def score(self) -> float | None:
        """The score at its end; None if there was no evaluation."""

    @property
    def task(self) -> str:
        """The name of the task that the score is of."""


Point = TypeVar("Point", bound=CurvePoint)


class TrainingCurve(Generic[Point]):
    """Loss and score of a training, as a table and a figure; the base of `History` and `TrainingHistory`.

    A subclass names the columns, which are attributes of its rows, and the x axis of the figure: an attribute and its
    label.
    """

    _columns: ClassVar[Mapping[str, type[pl.DataType]]]
    _x_axis: ClassVar[tuple[str, str]]

    def _points(self) -> Sequence[Point]:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._points())

    def __iter__(self) -> Iterator[Point]:
        return iter(self._points())

    def __getitem__(self, index: int) -> Point:
        return self._points()[index]

    @property
    def task(self) -> str:
        """The task of the scores; empty if there are none."""
        return next((row.task for row in self if row.task), "")

    def to_frame(self) -> pl.DataFrame:
        """Return the rows as a polars DataFrame, with the columns that are printed and the task's score last."""
        return pl.DataFrame(
            self._cells(), schema={**dict.fromkeys(self._names(), pl.Float64), **self._columns}, orient="row"
        )

    table = renamed_method("table", "to_frame")

    def plot(self) -> Figure:
        """Draw the loss, and the score if there is one.

        Raises
        ------
        InputError
            If no loss is known.
        """
        from semspace.report.lines import lines

        panels = self._panels()
        if not panels:
            raise InputError("there is no loss to draw: nothing was trained, or the backend reports no loss")
        attribute, unit = self._x_axis
        xs = [getattr(row, attribute) for row in self]
        return lines(xs, panels, unit=unit, caption="How the training went.")

    def _panels(self) -> list[tuple[str, list[float | None]]]:
        panels = [("loss", [row.loss for row in self]), (self.task, [row.score for row in self])]
        return [(name, values) for name, values in panels if any(value is not None for value in values)]

    def _names(self) -> list[str]:
        return [*self._columns, *([self.task] if self.task else [])]

    def _cells(self) -> list[tuple[object, ...]]:
        attributes = [*self._columns, *(["score"] if self.task else [])]
        return [tuple(getattr(row, name) for name in attributes) for row in self]

    def _empty(self) -> str:
        return f"{type(self).__name__} without rows: nothing was trained"

    def __repr__(self) -> str:
        return text_table(self._names(), self._cells()) if len(self) else self._empty()

    def _repr_html_(self) -> str:
        if not len(self):
            return f"<p>{self._empty()}</p>"
        return html_table(self._names(), self._cells()) + (self.plot()._repr_html_() if self._panels() else "")


@dataclass(frozen=True)
class Epoch:
    """One pass over the text, as a row of the history.

    Parameters
    ----------
    epoch : int
        From 1.
    loss : float, optional
        Mean over everything predicted in this epoch; None if the backend doesn't report it.
    seconds : float
        Time spent in training; evaluation and checkpoints don't count.
    words : int
        Words of the text that were read.
    pairs : int
        Number of predictions; 0 if the backend doesn't report it.
    score : float, optional
    task : str
        The task of the score.
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
class History(TrainingCurve[Epoch]):
    """The epochs of a training, in order.

    Examples
    --------
    >>> History((Epoch(1, 2.5, 2.0, 8_000_000), Epoch(2, 2.25, 2.0, 8_000_000)))
    epoch   loss  seconds  words_per_second
        1  2.500    2.000         4,000,000
        2  2.250    2.000         4,000,000
    """

    epochs: tuple[Epoch, ...]
    _columns = {"epoch": pl.Int64, "loss": pl.Float64, "seconds": pl.Float64, "words_per_second": pl.Float64}  # noqa: RUF012  (it is never changed)
    _x_axis = ("epoch", "epoch")

    @classmethod
    def of(cls, provenance: Mapping[str, Any]) -> History:
        """Return the history in a provenance; without epochs if nothing was trained."""
        return cls(tuple(Epoch(**row) for row in provenance.get("history", ())))

    def plain(self) -> list[dict[str, Any]]:
        """Return the epochs as plain values, which `of` reads."""
        return [asdict(epoch) for epoch in self.epochs]

    def _points(self) -> tuple[Epoch, ...]:
        return self.epochs
