"""Texts alone: a text finds itself again through another draw of dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from semspace.evaluation.evaluate import Task
from semspace.evaluation.retrieval import Retrieval
from semspace.text.corpus import Corpus
from semspace.training.examples import Examples, texts_of
from semspace.training.objectives.multiple_negatives import MultipleNegatives
from semspace.training.objectives.objective import numbered


@dataclass(frozen=True, kw_only=True)
class SimCSE(MultipleNegatives):
    """A text and itself, each through its own dropout, among the others (Gao et al. 2021, arXiv 2104.08821, section 3).

    Data are a `Corpus`, or texts. Parameters as in `MultipleNegatives`. Dropout is 0.1, unless
    ``EncoderTrainer(dropout=...)`` says otherwise; without any, there is nothing to learn.
    """

    title: ClassVar[str] = "texts"
    dropout: ClassVar[float | None] = 0.1
    needs_dropout: ClassVar[bool] = True

    def read(self, data: Any) -> Examples:
        """Read texts, each once."""
        alone = numbered(texts_of(data, self.title))
        return Examples(alone.texts, np.repeat(alone.rows, 2, axis=1))

    def task(self, examples: Examples) -> Task | None:
        """Give a retrieval: the first half of each text finds the second."""
        return halves([examples.texts[i] for i in examples.rows[:, 0]])


def halves(texts: list[str]) -> Task | None:
    """Give the task to find the second half of each text by its first; None where too few have four words."""
    split = [(text.split(), str(i)) for i, text in enumerate(texts) if len(text.split()) >= 4]
    if len(split) < 2:
        return None
    ids = [id for _, id in split]
    first = [" ".join(words[: len(words) // 2]) for words, _ in split]
    second = [" ".join(words[len(words) // 2 :]) for words, _ in split]
    documents = Corpus.from_texts(second, ids=ids)
    return Retrieval("halves of held-out texts", Corpus.from_texts(first, ids=ids), documents, {i: {i: 1} for i in ids})
