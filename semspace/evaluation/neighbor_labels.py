"""Nearest-neighbour accuracy of labelled documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace import checks
from semspace.evaluation.adapters import directions, encoder_of, without_direction
from semspace.evaluation.score import NotEvaluatedError, Score
from semspace.evaluation.task_checks import check_rows
from semspace.evaluation.task_measure import TaskMeasure
from semspace.evaluation.ties import TOLERANCE, best_weights, expected_hits
from semspace.types import Doubles1d, Floats2d, Ints1d

_DOCUMENTS_PER_BLOCK = 1_024


@dataclass(frozen=True)
class NearestLabel:
    """Share of documents that get their label from their nearest other documents, by cosine (k-NN, leave-one-out).

    If several are equally near, or several labels have as many votes, a document counts for the share of them with its
    label.

    Parameters
    ----------
    name : str
    documents : sequence of (text, label)
    voters : int
        Number of nearest documents that vote, each as much.
    """

    name: str
    documents: Sequence[tuple[str, str]]
    voters: int = 1

    def __post_init__(self) -> None:
        checks.whole("voters", self.voters)
        check_rows(self.name, "documents", self.documents, ("text", "label"))

    def score(self, thing: Any) -> Score:
        """Score an Encoder, a Space that has one, a sentence-transformers or model2vec model."""
        n = len(self.documents)
        if n <= self.voters:
            raise NotEvaluatedError(
                f"{self.name}: {n} documents; at least {'two' if self.voters == 1 else self.voters + 1} are needed",
                used=0,
                total=n,
            )
        texts, labels = zip(*self.documents, strict=True)
        vectors = directions(texts, encoder_of(thing, "document")(list(texts)))
        numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
        label_numbers = np.array([numbers[label] for label in labels])
        right = np.empty(n)
        for start in range(0, n, _DOCUMENTS_PER_BLOCK):
            rows = np.arange(start, min(start + _DOCUMENTS_PER_BLOCK, n))
            cosines = vectors[rows] @ vectors.T
            cosines[rows - start, rows] = -np.inf
            right[rows] = self._right(cosines, label_numbers, label_numbers[rows])
        measure = TaskMeasure("accuracy", "mean", right)
        return Score.of(self.name, [measure], n, n, note=without_direction(vectors))

    def _right(self, cosines: Floats2d, labels: Ints1d, own: Ints1d) -> Doubles1d:
        """Return the chance of each row that its label is found."""
        if self.voters == 1:
            return expected_hits(cosines, own[:, None] == labels)
        votes = best_weights(cosines, self.voters) @ np.eye(int(labels.max()) + 1)[labels]
        winners = votes >= votes.max(axis=1, keepdims=True) - TOLERANCE
        chances: Doubles1d = winners[np.arange(len(own)), own] / winners.sum(axis=1)
        return chances
