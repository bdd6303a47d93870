"""`Job` and `TrainedVectors`: what a backend of Word2Vec is given, and what it returns."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl

from semspace.errors import SemspaceWarning
from semspace.history import History
from semspace.space import Space
from semspace.text.tokens import Tokens
from semspace.types import Floats2d
from semspace.words.checkpoint import WordsCheckpoint
from semspace.words.hyperparameters import Hyperparameters
from semspace.words.subwords import SubwordEncoder
from semspace.words.vocabulary import TrainingVocabulary


class ScoreLike(Protocol):
    """The score of an evaluator."""

    @property
    def value(self) -> float:
        """The score; higher is better."""


class Evaluator(Protocol):
    """Anything that scores a space, such as `semspace.evaluation.WordPairs`."""

    @property
    def name(self) -> str:
        """Its name in the history."""

    def score(self, thing: Any) -> ScoreLike:
        """Score a space."""


@dataclass(frozen=True)
class TrainedVectors:
    """The result of a training.

    Parameters
    ----------
    vectors : ndarray of float32, shape (words, dim)
        In the order of the vocabulary, read-only.
    encoder : SubwordEncoder, optional
        Encodes words outside the vocabulary.
    history : History
    idle_epochs : int
        Epochs in which nothing was predicted.
    """

    vectors: Floats2d
    encoder: SubwordEncoder | None
    history: History
    idle_epochs: int = 0


@dataclass(frozen=True)
class Job:
    """One training.

    Parameters
    ----------
    parameters : Hyperparameters
    provenance : mapping
        Recorded with the result: the trainer, its threads, and the text.
    tokens : Tokens
    vocabulary : TrainingVocabulary
    init : Space, optional
        Pretrained vectors.
    evaluator : Evaluator, optional
        Scores the vectors after each epoch.
    checkpoint : WordsCheckpoint
    progress : bool
    """

    parameters: Hyperparameters
    provenance: Mapping[str, Any]
    tokens: Tokens
    vocabulary: TrainingVocabulary
    init: Space | None
    evaluator: Evaluator | None
    checkpoint: WordsCheckpoint
    progress: bool

    def space(self, trained: TrainedVectors) -> Space:
        """Return the trained vectors as a space."""
        provenance = {
            **self.provenance,
            "history": trained.history.plain(),
            **({"start": self.init.fingerprint} if self.init is not None else {}),
        }
        counts = pl.DataFrame({"count": self.vocabulary.totals})
        return Space.from_vectors(self.vocabulary.words, trained.vectors, counts, trained.encoder, provenance)

    def evaluate(self, train: Callable[[], TrainedVectors]) -> tuple[float | None, str]:
        """Return the score of the vectors so far and the evaluator's name; None and an empty string without one."""
        if self.evaluator is None:
            return None, ""
        return float(self.evaluator.score(self.space(train())).value), self.evaluator.name


def warn_idle_epochs(job: Job, idle: int, *, stacklevel: int) -> None:
    """Warn if in some epochs no word had a neighbour to learn from."""
    epochs, sample = job.parameters.epochs, job.parameters.sample
    if not idle:
        return
    longest = int(np.diff(job.tokens.offsets).max(initial=0))
    if longest > 1 and sample:
        reason = (
            f"sample={sample:g} removes frequent words, which are too many of so small a vocabulary; "
            f"give sample=0, or more text"
        )
    else:
        reason = (
            f"each document has only one word that occurs at least min_count={job.parameters.min_count} times; give "
            f"longer texts, join what belongs together into one document, or lower min_count"
        )
    untrained = "random, as initialised" if job.init is None else "those of init, and random for new words"
    result = f"hardly better than random after {epochs - idle} of {epochs} epochs" if idle < epochs else untrained
    when = "any epoch" if idle == epochs else f"{idle} of {epochs} epochs"
    warnings.warn(
        f"no word had a neighbour to learn from in {when}, so the vectors are {result}: {reason}",
        SemspaceWarning,
        stacklevel=stacklevel,
    )


Backend = Callable[[Job], TrainedVectors]
