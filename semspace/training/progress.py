"""`TrainingProgress`: the state of an unfinished training of an encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from semspace import schema
from semspace.sentences.training_history import HistoryRow


@dataclass
class TrainingProgress:
    """The state of an unfinished training of an encoder, which a checkpoint holds.

    Parameters
    ----------
    step : int
        Batches done.
    loss, batches, texts, seconds : float, int, int, float
        Sum of the losses, number of batches and of texts, and time, since the last evaluation.
    best : float, optional
        The best score so far.
    since : int
        Evaluations since the best one.
    rows : list of HistoryRow
        The history, one row for each evaluation.
    """

    step: int = 0
    loss: float = 0.0
    batches: int = 0
    texts: int = 0
    seconds: float = 0.0
    best: float | None = None
    since: int = 0
    rows: list[HistoryRow] = field(default_factory=list)

    @property
    def mean_loss(self) -> float | None:
        """Mean loss of the batches since the last evaluation; None if there are none."""
        return self.loss / self.batches if self.batches else None

    def add_batch(self, loss: float, n_texts: int, seconds: float) -> None:
        """Count a batch."""
        self.step, self.loss, self.batches = self.step + 1, self.loss + loss, self.batches + 1
        self.texts, self.seconds = self.texts + n_texts, self.seconds + seconds

    def add_row(self, batches_per_epoch: int, score: float | None, task: str) -> None:
        """Append a row to the history, and count anew from here."""
        epoch = self.step / batches_per_epoch
        self.rows.append(HistoryRow(epoch, self.step, self.mean_loss, self.seconds, self.texts, score, task))
        self.loss, self.batches, self.texts, self.seconds = 0.0, 0, 0, 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, which `from_dict` reads."""
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> TrainingProgress:
        """Create a progress from the values of `to_dict`; raise `DamagedError` for any others."""
        saved = schema.Facts(facts, "the checkpoint's progress")
        return cls(
            step=saved.whole("step"),
            loss=saved.number("loss"),
            batches=saved.whole("batches"),
            texts=saved.whole("texts"),
            seconds=saved.number("seconds"),
            since=saved.whole("since"),
            best=None if saved["best"] is None else saved.number("best"),
            rows=[HistoryRow(**row) for row in facts["rows"]],
        )
