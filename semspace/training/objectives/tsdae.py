"""Texts alone: a text is told again from the one vector of what is left of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from semspace import checks
from semspace.evaluation.evaluate import Task
from semspace.training.examples import Examples, texts_of
from semspace.training.objectives.objective import Batch, Objective, numbered
from semspace.training.objectives.simcse import halves
from semspace.training.student import Row, Student
from semspace.training.tsdae_decoder import Teller


@dataclass(frozen=True, kw_only=True)
class TSDAE(Objective):
    """A decoder that sees nothing but a vector tells the text again of which most words are gone (Wang et al. 2021).

    Data are a `Corpus`, or texts, best sentences. For models of BERT's kind (BERT, RoBERTa, XLM-R).

    Parameters
    ----------
    deletion : float
        Share of a text's tokens that are deleted before it is encoded; one at least stays.

    Notes
    -----
    The decoder has the encoder's own layers and token vectors, which the paper (arXiv 2104.06979) found best, and for
    each layer an attention to the text's vector, which is its own. Since it attends to a single vector, whose share is
    always 1, that is a linear map of the vector; it needs neither queries nor keys. Token vectors learn by what comes
    in, not by what is foretold. The decoder isn't part of the result.

    Examples
    --------
    >>> import semspace as ss
    >>> trainer = ss.EncoderTrainer(objective=ss.training.TSDAE(deletion=0.6), base="all-MiniLM-L6-v2", batch_size=8)
    >>> encoder = trainer.train("notes.jsonl", out="notes-encoder")  # doctest: +SKIP
    """

    title: ClassVar[str] = "texts"
    deletion: float = 0.6

    def __post_init__(self) -> None:
        checks.number("deletion", self.deletion, high=1.0)

    def read(self, data: Any) -> Examples:
        """Read texts, each once."""
        return numbered(texts_of(data, self.title))

    def task(self, examples: Examples) -> Task | None:
        """Give a retrieval: the first half of each text finds the second."""
        return halves([examples.texts[i] for i in examples.rows[:, 0]])

    def altered(self, tokens: list[Row], draw: np.random.Generator) -> list[Row]:
        """Delete tokens, but none that mark a text's ends."""
        return [self._thinned(row, draw) for row in tokens]

    def _thinned(self, row: Row, draw: np.random.Generator) -> Row:
        left = draw.random(len(row)) >= self.deletion
        if len(row) > 2:
            left[draw.integers(1, len(row) - 1)] |= not left[1:-1].any()
        left[[0, -1]] = True
        found: Row = row[left]
        return found

    def helper(self, student: Student) -> Any:
        """Give the decoder."""
        return Teller(student)

    def loss(self, vectors: Any, batch: Batch, extra: Any) -> Any:
        """Give the mean cross-entropy of each token, told from the vector and the tokens before it."""
        return extra(vectors, batch.whole)
