"""`Course` and `History`: how a training went: loss, speed, and a score where one was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import polars as pl

from semspace.deprecation import renamed_method
from semspace.display import html_table, text_table
from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.report.figures import Figure


class Stretch(Protocol):
    """A part of a training: one row of its history."""

    @property
    def loss(self) -> float | None:
        """Mean loss; None where it isn't known."""

    @property
    def score(self) -> float | None:
        """How good the result was at its end; None where nobody judged."""

    @property
    def task(self) -> str:
        """What the score is on."""


Row = TypeVar("Row", bound=Stretch)


class Course(Generic[Row]):
    """The stretches of a training, in order, as a table and a picture; `History` and `TrainingHistory` are such.

    A subclass names the columns, which are attributes of its rows, and what the picture counts: an attribute, and a
    word for it.
    """

    _columns: ClassVar[Mapping[str, type[pl.DataType]]]
    _counted: ClassVar[tuple[str, str]]

    def _stretches(self) -> Sequence[Row]:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._stretches())

    def __iter__(self) -> Iterator[Row]:
        return iter(self._stretches())

    def __getitem__(self, place: int) -> Row:
        return self._stretches()[place]

    @property
    def task(self) -> str:
        """What the scores are on; empty where there are none."""
        return next((row.task for row in self if row.task), "")

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame: a row a stretch, the columns that are printed, the task's score last."""
        return pl.DataFrame(
            self._cells(), schema={**dict.fromkeys(self._names(), pl.Float64), **self._columns}, orient="row"
        )

    table = renamed_method("table", "to_frame")

    def plot(self) -> Figure:
        """Draw loss, and score where there is one.

        Raises
        ------
        InputError
            If no stretch tells its loss.
        """
        from semspace.report.figures import lines

        panels = self._panels()
        if not panels:
            raise InputError("there is no loss to draw: nothing was trained, or its engine doesn't tell a true loss")
        attribute, unit = self._counted
        places = [getattr(row, attribute) for row in self]
        return lines(places, panels, unit=unit, caption="How the training went.")

    def _panels(self) -> list[tuple[str, list[float | None]]]:
        panels = [("loss", [row.loss for row in self]), (self.task, [row.score for row in self])]
        return [(name, values) for name, values in panels if any(value is not None for value in values)]

    def _names(self) -> list[str]:
        return [*self._columns, *([self.task] if self.task else [])]

    def _cells(self) -> list[tuple[object, ...]]:
        attributes = [*self._columns, *(["score"] if self.task else [])]
        return [tuple(getattr(row, name) for name in attributes) for row in self]

    def _nothing(self) -> str:
        return f"{type(self).__name__} of nothing: nothing was trained here"

    def __repr__(self) -> str:
        return text_table(self._names(), self._cells()) if len(self) else self._nothing()

    def _repr_html_(self) -> str:
        if not len(self):
            return f"<p>{self._nothing()}</p>"
        return html_table(self._names(), self._cells()) + (self.plot()._repr_html_() if self._panels() else "")


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
class History(Course[Epoch]):
    """The epochs of a training, in order.

    Examples
    --------
    >>> History((Epoch(1, 2.5, 2.0, 8_000_000), Epoch(2, 2.25, 2.0, 8_000_000)))
    epoch   loss  seconds  words_per_second
        1  2.500    2.000         4,000,000
        2  2.250    2.000         4,000,000
    """

    epochs: tuple[Epoch, ...]
    _columns = {"epoch": pl.Int64, "loss": pl.Float64, "seconds": pl.Float64, "words_per_second": pl.Float64}  # noqa: RUF012  (nobody writes to it)
    _counted = ("epoch", "epoch")

    @classmethod
    def of(cls, provenance: Mapping[str, Any]) -> History:
        """Take the history out of a provenance; without any epoch where nothing was trained."""
        return cls(tuple(Epoch(**row) for row in provenance.get("history", ())))

    def plain(self) -> list[dict[str, Any]]:
        """Give what `of` reads, as plain values."""
        return [asdict(epoch) for epoch in self.epochs]

    def _stretches(self) -> tuple[Epoch, ...]:
        return self.epochs
