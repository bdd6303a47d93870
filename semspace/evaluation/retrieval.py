"""Retrieval of the documents that answer a query, scored by nDCG."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.deprecation import renamed_parameters, renamed_property
from semspace.errors import InputError
from semspace.evaluation.adapters import directions, encoder_of, without_direction
from semspace.evaluation.score import NotEvaluatedError, Score, notes
from semspace.evaluation.ties import mean_gains
from semspace.text.corpus import Corpus
from semspace.types import Doubles1d, Floats1d


@renamed_parameters(depth="k")
@dataclass(frozen=True)
class Retrieval:
    """Mean nDCG of the nearest `k` documents by cosine (Järvelin & Kekäläinen 2002).

    Questions and documents are encoded with the model's prompts for queries and documents. For documents with equal
    cosines, the mean over all their orders is taken.

    Parameters
    ----------
    name : str
    questions, documents : Corpus
    relevant : mapping of question id to a mapping of document id to grade
        Documents with a grade of 0 or less, or none, aren't relevant. Questions without relevant documents are left
        out; relevant documents that aren't in `documents` count as not found, and the note says how many there are.
    k : int
        Documents retrieved for each query.
    """

    name: str
    questions: Corpus
    documents: Corpus
    relevant: Mapping[str, Mapping[str, float]]
    k: int = 10

    depth = renamed_property("depth", "k")

    def __post_init__(self) -> None:
        checks.whole("k", self.k)
        for question, grades in self.relevant.items():
            for document, grade in grades.items():
                if not math.isfinite(grade):
                    raise InputError(
                        f"{self.name}: the grade of {document!r} for {question!r} is {grade}; leave it out"
                    )

    def score(self, thing: Any) -> Score:
        """Score an Encoder, a Space that has one, or a sentence-transformers model."""
        encode_queries, encode_documents = encoder_of(thing, "query"), encoder_of(thing, "document")
        answerable = [q for q in self.questions.ids if max(self.relevant.get(q, {}).values(), default=0) > 0]
        if not answerable:
            raise NotEvaluatedError(
                f"{self.name}: no question has a relevant document; check the ids of `relevant`",
                used=0,
                total=len(self.questions),
            )
        texts, names = self.documents.texts.to_list(), self.documents.ids.to_list()
        documents = directions(texts, encode_documents(texts))
        texts = [self.questions[q] for q in answerable]
        questions = directions(texts, encode_queries(texts))
        norms = np.ones(len(documents), np.float32)
        blocks = queries.score_blocks(documents, norms, questions, "dot")
        row_of = {id: row for row, id in enumerate(names)}
        gains = [
            _mean_ndcg(scores, self.relevant[q], row_of, self.k)
            for q, scores in zip(answerable, (row for block in blocks for row in block), strict=True)
        ]
        note = notes(self._unknown(row_of), without_direction(documents), without_direction(questions))
        used, total = len(answerable), len(self.questions)
        return Score(self.name, f"ndcg@{self.k}", float(np.mean(gains)), used, total, note=note)

    def _unknown(self, row_of: Mapping[str, int]) -> str:
        questions = set(self.questions.ids)
        unknown = len(self.relevant.keys() - questions)
        relevant = {id for q in self.relevant.keys() & questions for id, grade in self.relevant[q].items() if grade > 0}
        missing = len(relevant - row_of.keys())
        return notes(
            f"relevant documents that aren't among the documents: {missing:,}" if missing else "",
            f"questions of `relevant` that aren't among the questions: {unknown:,}" if unknown else "",
        )


def _mean_ndcg(scores: Floats1d, grades: Mapping[str, float], row_of: Mapping[str, int], k: int) -> float:
    """Return the mean nDCG of documents over all orders of equal scores."""
    gains = np.zeros(len(scores))
    for id, grade in grades.items():
        if id in row_of:
            gains[row_of[id]] = max(grade, 0.0)
    return _normalized(mean_gains(scores, gains, k), grades, k)


def ndcg(ranked: list[str], grades: Mapping[str, float], k: int) -> float:
    """Return the discounted cumulative gain of a ranking divided by the ideal one, in [0, 1].

    Examples
    --------
    >>> round(ndcg(["b", "a"], {"a": 1}, k=10), 4)  # 1 / log2(3)
    0.6309
    """
    gains = np.array([max(grades.get(id, 0.0), 0.0) for id in ranked[:k]])
    return _normalized(gains, grades, k)


def _normalized(gains: Doubles1d, grades: Mapping[str, float], k: int) -> float:
    """Return the discounted cumulative gain divided by the ideal one."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.array(sorted((max(grade, 0.0) for grade in grades.values()), reverse=True)[:k])
    return float((gains * discount[: len(gains)]).sum() / (ideal * discount[: len(ideal)]).sum())
