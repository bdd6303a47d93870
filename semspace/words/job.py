"""What a training is asked to do, and what comes out: the contract of the engines."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from semspace.errors import SemspaceWarning
from semspace.history import History
from semspace.space import Space
from semspace.text.tokens import Tokens
from semspace.types import Floats2d
from semspace.words.checkpoint import WordsCheckpoint
from semspace.words.subwords import SubwordEncoder
from semspace.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from semspace.words.word2vec import Word2Vec


class Scored(Protocol):
    """What a task gives."""

    @property
    def value(self) -> float:
        """The higher the better."""


class Task(Protocol):
    """Anything that judges a space, such as `semspace.evaluation.WordPairs`."""

    @property
    def name(self) -> str:
        """What it is called."""

    def score(self, thing: Any) -> Scored:
        """Judge a space."""


@dataclass(frozen=True)
class Trained:
    """What was learnt.

    Parameters
    ----------
    vectors : ndarray of float32, shape (words, dim)
        In the order of the vocabulary, read-only.
    encoder : SubwordEncoder, optional
        What gives vectors to unseen words.
    history : History
    idle : int
        Epochs in which nothing was predicted.
    """

    vectors: Floats2d
    encoder: SubwordEncoder | None
    history: History
    idle: int = 0


@dataclass(frozen=True)
class Job:
    """One training.

    Parameters
    ----------
    trainer : Word2Vec
    tokens : Tokens
    vocabulary : Vocabulary
        Of the words to train.
    start : Space, optional
        Where to go on from.
    task : Task, optional
        To be scored after each epoch.
    checkpoint : WordsCheckpoint
        Where what is reached is kept.
    """

    trainer: Word2Vec
    tokens: Tokens
    vocabulary: Vocabulary
    start: Space | None = None
    task: Task | None = None
    checkpoint: WordsCheckpoint = WordsCheckpoint(None)  # noqa: RUF009  (keeps nothing)
    progress: bool = True

    def space(self, trained: Trained) -> Space:
        """Dress what was learnt as a space."""
        facts = {
            "made_by": "Word2Vec",
            "trainer": asdict(self.trainer),
            "threads": self.trainer._thread_count,
            "text": dict(self.tokens.provenance),
            "words": len(self.tokens),
            "history": trained.history.plain(),
            **({"start": self.start.fingerprint} if self.start is not None else {}),
        }
        table = pl.DataFrame({"count": self.vocabulary.totals})
        return Space.from_vectors(self.vocabulary.words, trained.vectors, table, trained.encoder, facts)

    def warn_idle(self, trained: Trained) -> None:
        """Warn if in some epochs no word had a neighbour to learn from."""
        epochs, idle = self.trainer.epochs, trained.idle
        if not idle:
            return
        longest = int(np.diff(self.tokens.offsets).max(initial=0))
        if longest > 1 and self.trainer.sample:
            why = (
                f"sample={self.trainer.sample:g} thins out frequent words, too many of so small a vocabulary; "
                f"give sample=0, or more text"
            )
        else:
            why = (
                f"words that come {self.trainer.min_count} times or more stand alone in their documents; give longer "
                f"texts, join what belongs together into one document, or lower min_count"
            )
        left = "random, as they were drawn" if self.start is None else "those of init, and random for new words"
        what = f"hardly better than random after {epochs - idle} of {epochs} epochs" if idle < epochs else left
        where = "any epoch" if idle == epochs else f"{idle} of {epochs} epochs"
        warnings.warn(
            f"no word had a neighbour to learn from in {where}, so the vectors are {what}: {why}",
            SemspaceWarning,
            stacklevel=4,
        )

    def judge(self, give: Callable[[], Trained]) -> tuple[float | None, str]:
        """Score what was learnt so far, if that was asked for."""
        if self.task is None:
            return None, ""
        return float(self.task.score(self.space(give())).value), self.task.name


Engine = Callable[[Job], Trained]
