"""Retrieval of the documents that answer a query, scored by nDCG, reciprocal rank and recall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.deprecation import renamed_parameters, renamed_property
from semspace.evaluation.adapters import directions, encoder_of, without_direction
from semspace.evaluation.retrieval_folder import read_folder
from semspace.evaluation.score import NotEvaluatedError, Score, notes
from semspace.evaluation.task_checks import check_corpus, check_grade, check_mapping, check_name
from semspace.evaluation.task_measure import TaskMeasure
from semspace.evaluation.ties import mean_gains, mean_reciprocal_rank
from semspace.files import PathLike
from semspace.text.corpus import Corpus
from semspace.types import Doubles1d, Floats1d


@renamed_parameters(depth="k")
@dataclass(frozen=True)
class Retrieval:
    """Mean nDCG of the nearest `k` documents by cosine (Järvelin & Kekäläinen 2002); reciprocal rank and recall beside.

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
    query_prompt, document_prompt : str, optional
        The text to put before each question and each document, instead of the model's prompts, such as ``"query: "``.
    """

    name: str
    questions: Corpus
    documents: Corpus
    relevant: Mapping[str, Mapping[str, float]]
    k: int = 10
    query_prompt: str | None = None
    document_prompt: str | None = None

    depth = renamed_property("depth", "k")

    def __post_init__(self) -> None:
        check_name(self.name)
        check_corpus(self.name, "questions", self.questions)
        check_corpus(self.name, "documents", self.documents)
        check_mapping(self.name, "relevant", self.relevant, "ids of questions to {id of a document: grade}")
        checks.whole("k", self.k)
        for name in ("query_prompt", "document_prompt"):
            if (prompt := getattr(self, name)) is not None:
                checks.strings(name, [prompt])
        for question, grades in self.relevant.items():
            check_mapping(self.name, f"relevant[{question!r}]", grades, "ids of documents to grades, such as {'d1': 1}")
            for document, grade in grades.items():
                check_grade(self.name, question, document, grade)
        by_text = {
            checks.id_text(question): {checks.id_text(document): grade for document, grade in grades.items()}
            for question, grades in self.relevant.items()
        }
        object.__setattr__(self, "relevant", by_text)

    @classmethod
    def read(cls, folder: PathLike, name: str | None = None, *, split: str = "test", k: int = 10) -> Retrieval:
        """Read a folder in the format of BEIR (Thakur et al. 2021).

        ``corpus.jsonl`` and ``queries.jsonl`` hold ``_id``, ``text`` and, for documents, ``title``, which is put before
        the text; ``qrels/test.tsv`` holds the id of a query, that of a document, and the grade. Each may be ``.gz``.

        Parameters
        ----------
        folder : path
        name : str, optional
            By default that of the folder.
        split : str
            The file in ``qrels``, or, where ``qrels.tsv`` has a column ``split``, its rows.
        """
        questions, documents, relevant, title = read_folder(folder, split)
        return cls(name or title, questions, documents, relevant, k)

    def score(self, thing: Any) -> Score:
        """Score an Encoder, a Space that has one, a sentence-transformers or model2vec model."""
        encode_queries = encoder_of(thing, "query", self.query_prompt)
        encode_documents = encoder_of(thing, "document", self.document_prompt)
        ids = self.questions.ids.to_list()
        answerable = [q for q in ids if max(self.relevant.get(q, {}).values(), default=0) > 0]
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
        found = [
            _measured(scores, self.relevant[q], row_of, self.k)
            for q, scores in zip(answerable, (row for block in blocks for row in block), strict=True)
        ]
        place = {id: number for number, id in enumerate(ids)}
        items = np.array([place[q] for q in answerable])
        measures = [
            TaskMeasure(f"{name}@{self.k}", "mean", np.array(values), items=items)
            for name, values in zip(("ndcg", "mrr", "recall"), zip(*found, strict=True), strict=True)
        ]
        note = notes(self._unknown(row_of), without_direction(documents), without_direction(questions))
        return Score.of(self.name, measures, len(answerable), len(self.questions), note=note)

    def _unknown(self, row_of: Mapping[str, int]) -> str:
        questions = set(self.questions.ids)
        unknown = len(self.relevant.keys() - questions)
        relevant = {id for q in self.relevant.keys() & questions for id, grade in self.relevant[q].items() if grade > 0}
        missing = len(relevant - row_of.keys())
        return notes(
            f"relevant documents that aren't among the documents: {missing:,}" if missing else "",
            f"questions of `relevant` that aren't among the questions: {unknown:,}" if unknown else "",
        )


def _measured(
    scores: Floats1d, grades: Mapping[str, float], row_of: Mapping[str, int], k: int
) -> tuple[float, float, float]:
    """Return nDCG, reciprocal rank and recall of documents, each its mean over all orders of equal scores."""
    gains = np.zeros(len(scores))
    for id, grade in grades.items():
        if id in row_of:
            gains[row_of[id]] = max(grade, 0.0)
    relevant = gains > 0
    n_relevant = sum(grade > 0 for grade in grades.values())
    recall = float(mean_gains(scores, relevant.astype(np.float64), k).sum()) / n_relevant
    ndcg_value = _normalized(mean_gains(scores, gains, k), grades, k)
    return ndcg_value, mean_reciprocal_rank(scores, relevant, k), recall


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
