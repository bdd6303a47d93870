"""TSDAE: texts alone; a decoder reconstructs a text from the vector of what is left after deleting words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from semspace import checks
from semspace.evaluation.task_reading import Task
from semspace.training.examples import Examples, read_texts
from semspace.training.objectives.objective import Batch, Objective
from semspace.training.objectives.simcse import retrieval_of_halves
from semspace.training.student import Student
from semspace.training.tsdae_decoder import TSDAEDecoder
from semspace.types import Int32s1d


@dataclass(frozen=True, kw_only=True)
class TSDAE(Objective):
    """Delete most tokens of a text, and have a decoder reconstruct the text from the vector alone (Wang et al. 2021).

    Data are a `Corpus`, or texts, best sentences. For models with BERT's layers (BERT, RoBERTa, XLM-R).

    Parameters
    ----------
    deletion : float
        Share of a text's tokens that are deleted before it is encoded; at least one is kept.

    Notes
    -----
    The decoder shares the encoder's layers and token embeddings, which the paper (arXiv 2104.06979) found best, and has
    a cross-attention of its own to the text's vector in each layer. As that attention has a single key, whose weight is
    always 1, it is a linear map of the vector and needs neither queries nor keys. The token embeddings get gradients as
    inputs, not as outputs. The decoder isn't part of the result.

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

    def read(self, data: Any, seed: int = 0) -> Examples:  # noqa: ARG002
        """Read texts, without duplicates."""
        return Examples.from_texts(read_texts(data, self.title))

    def task(self, examples: Examples) -> Task | None:
        """Return the task of finding the second half of each text by the first."""
        return retrieval_of_halves([examples.texts[i] for i in examples.rows[:, 0]])

    def corrupt(self, token_rows: list[Int32s1d], rng: np.random.Generator) -> list[Int32s1d]:
        """Return the tokens without those deleted at random; the special tokens at both ends are kept."""
        return [self._delete(row, rng) for row in token_rows]

    def _delete(self, row: Int32s1d, rng: np.random.Generator) -> Int32s1d:
        is_kept = rng.random(len(row)) >= self.deletion
        if len(row) > 2:
            is_kept[rng.integers(1, len(row) - 1)] |= not is_kept[1:-1].any()
        is_kept[[0, -1]] = True
        remaining: Int32s1d = row[is_kept]
        return remaining

    def aux_module(self, student: Student) -> Any:
        """Return the decoder."""
        return TSDAEDecoder(student)

    def loss(self, vectors: Any, batch: Batch, aux_module: Any) -> Any:
        """Return the mean cross-entropy of each token, predicted from the vector and the tokens before it."""
        return aux_module(vectors, batch.original_tokens)
