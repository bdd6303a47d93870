"""`WordsCheckpoint`: what a training of word vectors has reached, on disk."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from semspace.bundle import digest
from semspace.checkpoint import Checkpoint
from semspace.history import Epoch, History
from semspace.words.parameters import Matrices

if TYPE_CHECKING:
    from semspace.words.job import Job

KIND = "checkpoint"


@dataclass(frozen=True)
class Reached:
    """How far a training is.

    Parameters
    ----------
    epoch : int
        The one at work, from 0.
    place : int
        Words of it that are done.
    pairs, loss : float
        What was predicted in this epoch so far, and the sum of its losses.
    seconds : float
        Time spent on this epoch so far.
    history : History
        Of the epochs before.
    """

    epoch: int = 0
    place: int = 0
    pairs: float = 0.0
    loss: float = 0.0
    seconds: float = 0.0
    history: History = History(())  # noqa: RUF009  (immutable)

    @property
    def mean_loss(self) -> float | None:
        """Mean loss of what was predicted in this epoch so far; None before anything was."""
        return self.loss / self.pairs if self.pairs else None


class WordsCheckpoint(Checkpoint):
    """Where a training of word vectors keeps what it has reached."""

    kind = KIND
    renamed: ClassVar = {"engine": "backend", "start": "init"}

    def restore(self, job: Job, matrices: Matrices) -> Reached:
        """Fill the matrices with what was reached, and tell how far that is; nothing is done where there is none."""
        bundle = self.found(_identity(job)) if self.wanted else None  # naming a large vocabulary takes a while
        if bundle is None:
            return Reached()
        with bundle.reading():
            facts = bundle.meta.facts("reached")
            epochs = tuple(Epoch(**epoch) for epoch in facts.facts("history")["epochs"])
            reached = Reached(
                facts.whole("epoch", high=job.trainer.epochs),
                facts.whole("place"),
                facts.number("pairs"),
                facts.number("loss"),
                facts.number("seconds"),
                History(epochs),
            )
            kept = {n: bundle.array(n, dtype=np.float32, shape=m.shape) for n, m in matrices._asdict().items()}
        for name, matrix in matrices._asdict().items():
            matrix[:] = kept[name]
        return reached

    def keep(self, job: Job, matrices: Matrices, reached: Reached) -> None:
        """Write what is reached, if anything is to be kept."""
        if not self.wanted:
            return
        with self.writing(_identity(job)) as draft:
            draft.meta.update(reached=asdict(reached))
            for name, matrix in matrices._asdict().items():
                draft.array(name, matrix)


def _identity(job: Job) -> dict[str, Any]:
    """Name what must be the same for a training to go on: the parameters, the text, the start."""
    trainer = replace(job.trainer, threads=None)
    words = json.dumps([job.vocabulary.words, job.vocabulary.counts.tolist()]).encode()
    facts = {
        **asdict(trainer),
        "words of the text": len(job.tokens),
        "documents": len(job.tokens.offsets) - 1,
        "vocabulary": digest(words)[:16],
        "init": None if job.start is None else job.start.fingerprint[:16],
    }
    del facts["threads"]
    if trainer.deterministic:  # else another number of threads does no harm
        facts["threads"] = job.trainer._thread_count
    return json.loads(json.dumps(facts))  # type: ignore[no-any-return]
