"""`WordsCheckpoint`: an unfinished training of word vectors on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np

from semspace.checkpoint import Checkpoint
from semspace.history import Epoch, History, Progress
from semspace.words.parameters import Matrices

KIND = "checkpoint"


class WordsCheckpoint(Checkpoint):
    """An unfinished training of word vectors on disk: its progress, its history so far, and the matrices."""

    kind = KIND
    renamed: ClassVar[Mapping[str, str]] = {"engine": "backend", "start": "init"}

    def restore(self, matrices: Matrices, epochs: int, n_words: int) -> tuple[Progress, History]:
        """Read the matrices into those given, and return progress and history; without a checkpoint, the beginning.

        No training reaches more than so many epochs, and words in each of them.
        """
        bundle = self.opened()
        if bundle is None:
            return Progress(), History(())
        with bundle.reading():
            facts = bundle.meta.facts("reached")
            history = History(tuple(Epoch(**epoch) for epoch in facts.facts("history")["epochs"]))
            progress = Progress(
                epoch=facts.whole("epoch", high=epochs),
                position=facts.whole("place", high=n_words),
                loss=facts.number("loss"),
                count=facts.number("pairs"),
                seconds=facts.number("seconds"),
            )
            saved = {n: bundle.array(n, dtype=np.float32, shape=m.shape) for n, m in matrices._asdict().items()}
        for name, matrix in matrices._asdict().items():
            matrix[:] = saved[name]
        return progress, history

    def save(self, matrices: Matrices, progress: Progress, history: History) -> None:
        """Write the state of the training, if there is a path to write to."""
        if self.path is None:
            return
        with self.writing() as draft:
            draft.meta.update(reached=_facts(progress, history))
            for name, matrix in matrices._asdict().items():
                draft.array(name, matrix)


def _facts(progress: Progress, history: History) -> dict[str, Any]:
    return {
        "epoch": progress.epoch,
        "place": progress.position,
        "pairs": progress.count,
        "loss": progress.loss,
        "seconds": progress.seconds,
        "history": asdict(history),
    }
