"""Nearest-neighbour accuracy of labelled documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace.evaluation.adapters import directions, encoder_of, without_direction
from semspace.evaluation.score import NotEvaluatedError, Score
from semspace.evaluation.ties import expected_hits

_DOCUMENTS_PER_BLOCK = 1_024


@dataclass(frozen=True)
class NearestLabel:
    """Share of documents whose nearest other document, by cosine, has the same label (leave-one-out 1-NN accuracy).

    If several are equally near, a document counts for the share of them with its label.

    Parameters
    ----------
    name : str
    documents : sequence of (text, label)
    """

    name: str
    documents: Sequence[tuple[str, str]]

    def score(self, thing: Any) -> Score:
        """Score an Encoder, a Space that has one, or a sentence-transformers model."""
        n = len(self.documents)
        if n < 2:
            raise NotEvaluatedError(f"{self.name}: {n} documents; at least two are needed", used=0, total=n)
        texts, labels = zip(*self.documents, strict=True)
        vectors = directions(texts, encoder_of(thing, "document")(list(texts)))
        numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
        label_numbers = np.array([numbers[label] for label in labels])
        right = 0.0
        for start in range(0, n, _DOCUMENTS_PER_BLOCK):
            rows = np.arange(start, min(start + _DOCUMENTS_PER_BLOCK, n))
            cosines = vectors[rows] @ vectors.T
            cosines[rows - start, rows] = -np.inf
            right += expected_hits(cosines, label_numbers[rows, None] == label_numbers)
        return Score(self.name, "accuracy", right / n, n, n, note=without_direction(vectors))
