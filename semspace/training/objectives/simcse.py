"""SimCSE: texts alone; a text is to be near to itself under another dropout mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from semspace.evaluation.retrieval import Retrieval
from semspace.evaluation.task_reading import Task
from semspace.text.corpus import Corpus
from semspace.training.examples import Examples, read_texts
from semspace.training.objectives.multiple_negatives import MultipleNegatives


@dataclass(frozen=True, kw_only=True)
class SimCSE(MultipleNegatives):
    """Encode each text twice with different dropout, and match the two (Gao et al. 2021, arXiv 2104.08821, section 3).

    Data are a `Corpus`, or texts. Parameters as in `MultipleNegatives`. Dropout is 0.1, unless
    ``EncoderTrainer(dropout=...)`` sets it; without dropout there is nothing to learn.
    """

    title: ClassVar[str] = "texts"
    dropout: ClassVar[float | None] = 0.1
    needs_dropout: ClassVar[bool] = True

    def read(self, data: Any, seed: int = 0) -> Examples:  # noqa: ARG002
        """Read texts, without duplicates."""
        examples = Examples.from_texts(read_texts(data, self.title))
        return Examples(examples.texts, np.repeat(examples.rows, 2, axis=1))

    def task(self, examples: Examples) -> Task | None:
        """Return the task of finding the second half of each text by the first."""
        return retrieval_of_halves([examples.texts[i] for i in examples.rows[:, 0]])


def retrieval_of_halves(texts: list[str]) -> Task | None:
    """Return the task of finding the second half of each text by the first; None if under two have four words."""
    words_of = [(text.split(), str(i)) for i, text in enumerate(texts) if len(text.split()) >= 4]
    if len(words_of) < 2:
        return None
    ids = [id for _, id in words_of]
    first = [" ".join(words[: len(words) // 2]) for words, _ in words_of]
    second = [" ".join(words[len(words) // 2 :]) for words, _ in words_of]
    documents = Corpus.from_texts(second, ids=ids)
    return Retrieval("halves of held-out texts", Corpus.from_texts(first, ids=ids), documents, {i: {i: 1} for i in ids})
