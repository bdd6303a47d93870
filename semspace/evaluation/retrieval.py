"""Finding the documents that answer a query, judged by nDCG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.errors import InputError
from semspace.evaluation.score import Score
from semspace.evaluation.things import encoder_of
from semspace.text.corpus import Corpus


@dataclass(frozen=True)
class Retrieval:
    """Mean nDCG of the first `depth` documents found by cosine (Järvelin & Kekäläinen 2002).

    Questions are encoded as questions and documents as documents, where a model has a prompt for each.

    Parameters
    ----------
    name : str
    questions, documents : Corpus
    relevant : mapping of question id to a mapping of document id to grade
        Documents graded 0, or not named, aren't relevant. Questions without relevant documents are left out.
    depth : int
    """

    name: str
    questions: Corpus
    documents: Corpus
    relevant: Mapping[str, Mapping[str, float]]
    depth: int = 10

    def __post_init__(self) -> None:
        checks.whole("depth", self.depth)

    def score(self, thing: Any) -> Score:
        """Judge an Encoder, a Space that has one, or a sentence-transformers model."""
        encode_queries, encode_documents = encoder_of(thing, "query"), encoder_of(thing, "document")
        asked = [q for q in self.questions.ids if max(self.relevant.get(q, {}).values(), default=0) > 0]
        if not asked:
            raise InputError(f"{self.name}: no question has a relevant document; check the ids of `relevant`")
        vectors = checks.matrix("vectors", encode_documents(self.documents.texts.to_list()))
        names = self.documents.ids.to_list()
        targets = checks.matrix("vectors", encode_queries([self.questions[q] for q in asked]))
        found = queries.nearest(vectors, queries.lengths(vectors), targets, self.depth, names=names)
        gains = [
            ndcg([names[row] for row in rows], self.relevant[q], self.depth)
            for q, (rows, _) in zip(asked, found, strict=True)
        ]
        return Score(self.name, f"ndcg@{self.depth}", float(np.mean(gains)), len(asked), len(self.questions))


def ndcg(ranked: list[str], grades: Mapping[str, float], depth: int) -> float:
    """Return the discounted gain of a ranking, as a share of the best possible, in [0, 1].

    Examples
    --------
    >>> round(ndcg(["b", "a"], {"a": 1}, depth=10), 4)  # 1 / log2(3)
    0.6309
    """
    discount = 1 / np.log2(np.arange(2, depth + 2))
    gains = np.array([grades.get(id, 0.0) for id in ranked[:depth]])
    ideal = np.array(sorted(grades.values(), reverse=True)[:depth])
    return float((gains * discount[: len(gains)]).sum() / (ideal * discount[: len(ideal)]).sum())
