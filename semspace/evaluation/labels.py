"""Documents with labels: whether the nearest other one has the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.errors import InputError
from semspace.evaluation.score import Score
from semspace.evaluation.things import encoder_of

_BLOCK = 1_024


@dataclass(frozen=True)
class NearestLabel:
    """Share of documents whose nearest other document, by cosine, has the same label (leave-one-out 1-NN accuracy).

    Parameters
    ----------
    name : str
    documents : sequence of (text, label)
    """

    name: str
    documents: Sequence[tuple[str, str]]

    def score(self, thing: Any) -> Score:
        """Judge an Encoder, a Space that has one, or a sentence-transformers model."""
        if len(self.documents) < 2:
            raise InputError(f"{self.name}: {len(self.documents)} documents; a nearest other one needs two")
        texts, labels = zip(*self.documents, strict=True)
        vectors = queries.unit(checks.matrix("vectors", encoder_of(thing, "document")(list(texts))))
        names = np.array(labels)
        right = 0
        for start in range(0, len(names), _BLOCK):
            part = np.arange(start, min(start + _BLOCK, len(names)))
            cosines = vectors[part] @ vectors.T
            cosines[part - start, part] = -np.inf
            right += int((names[cosines.argmax(axis=1)] == names[part]).sum())
        return Score(self.name, "accuracy", right / len(names), len(names), len(names))
