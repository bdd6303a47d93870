"""Tasks that texts give for free, each a retrieval of what is known to belong together."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

import numpy as np
import polars as pl

from semspace.errors import InputError
from semspace.evaluation.retrieval import Retrieval
from semspace.lexical import BM25, Postings, query_words
from semspace.text.corpus import Corpus
from semspace.text.sentences import sentence_spans
from semspace.types import Doubles1d, Floats1d

LEAST = 10  # texts; of fewer, a score has no interval
_SHORTEST = 8  # words of a text that is divided
_RELEVANT = 3  # texts that BM25 ranks first, or a cross-encoder among those
_POOL = 20  # texts that BM25 ranks first and a cross-encoder reads


class Judge(Protocol):
    """A cross-encoder, or anything else that scores texts for a query."""

    def score(self, query: str, texts: list[str]) -> Floats1d:
        """Return the score of each text, shape (n,)."""


def halves(corpus: Corpus) -> Retrieval:
    """Return the task of finding the second half of each text by its first half."""
    divided = [(id, *parts) for id, text in corpus if (parts := halved(text)) is not None]
    _enough("halves", len(divided), f"texts of at least {_SHORTEST} words")
    ids, first, second = (list(column) for column in zip(*divided, strict=True))
    return _partners("halves", ids, first, second)


def titles(corpus: Corpus, column: str) -> Retrieval:
    """Return the task of finding each text by its title, which is taken off the text if it begins with it."""
    named = []
    for id, text, written in corpus.frame.select("id", "text", pl.col(column).cast(pl.String)).rows():
        title = (written or "").strip()
        body = text.strip().removeprefix(title).strip()
        if title and body:
            named.append((id, title, body))
    _enough("titles", len(named), f"texts with a title in the column {column!r}")
    ids, questions, bodies = (list(one) for one in zip(*named, strict=True))
    return _partners("titles", ids, questions, bodies)


def bm25(corpus: Corpus) -> Retrieval:
    """Return the task of finding the texts that BM25 ranks first for half of the texts, among the other half."""
    return _ranked("bm25", corpus, lambda _query, _texts, scores: scores)


def cross_encoder(corpus: Corpus, judge: Judge) -> Retrieval:
    """Return the task of finding what a cross-encoder prefers among the texts that BM25 ranks first."""

    def judged(query: str, texts: list[str], scores: Doubles1d) -> Doubles1d:
        pool = np.argsort(-scores, kind="stable")[:_POOL]
        pool = pool[scores[pool] > 0]
        found = np.zeros(len(scores))
        if len(pool):
            found[pool] = 1 + np.asarray(judge.score(query, [texts[row] for row in pool]), np.float64)
        return found

    return _ranked("cross_encoder", corpus, judged)


def halved(text: str) -> tuple[str, str] | None:
    """Return both halves of a text: divided at the end of a sentence near its middle, or else between words.

    None if it is too short.

    Examples
    --------
    >>> halved("It rained much. The river rose, and nobody slept.")
    ('It rained much.', 'The river rose, and nobody slept.')
    >>> halved("too short") is None
    True
    """
    words = [match.start() for match in re.finditer(r"\S+", text)]
    if len(words) < _SHORTEST:
        return None
    middle = len(text) / 2
    near = len(text) / 4
    starts = [start for start, _ in sentence_spans(text)[1:] if abs(start - middle) <= near]
    cut = min(starts or words[1:], key=lambda start: abs(start - middle))
    return text[:cut].strip(), text[cut:].strip()


def _partners(name: str, ids: list[str], questions: list[str], documents: list[str]) -> Retrieval:
    relevant = {id: {id: 1.0} for id in ids}
    return Retrieval(name, Corpus.from_texts(questions, ids), Corpus.from_texts(documents, ids), relevant)


def _ranked(name: str, corpus: Corpus, order: Callable[[str, list[str], Doubles1d], Doubles1d]) -> Retrieval:
    """Return the task of finding the texts of the second half that some order prefers for each text of the first."""
    _enough(name, len(corpus) // 2, "texts on each side")
    ids, texts = corpus.ids.to_list(), corpus.texts.to_list()
    half = len(ids) // 2
    documents = texts[half:]
    words = BM25([Postings.of(pl.Series(documents))])
    relevant = {}
    for id, text, counts in zip(ids[:half], texts[:half], query_words(texts[:half]), strict=True):
        scores = order(text, documents, words.scores_of(counts))
        best = np.argsort(-scores, kind="stable")[:_RELEVANT]
        relevant[id] = {ids[half + row]: 1.0 for row in best.tolist() if scores[row] > 0}
    questions, others = (Corpus.from_texts(texts[part], ids[part]) for part in (slice(half), slice(half, None)))
    return Retrieval(name, questions, others, relevant)


def _enough(method: str, count: int, what: str) -> None:
    if count < LEAST:
        raise InputError(f"method {method!r} needs at least {LEAST} {what}; there are {count}: give more texts")
