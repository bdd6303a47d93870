"""How the arguments of a search become vectors, and its results become `Neighbors`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from semspace import checks, queries
from semspace.errors import InputError, UnknownIdError
from semspace.index.collection import Collection, Hits
from semspace.neighbors import Neighbors
from semspace.queries import Query, as_vector, in_range, title_of
from semspace.similarity.locating import neither_id_nor_text
from semspace.text_encoder import TextEncoder, encode_documents, encode_queries, reads_texts
from semspace.types import Floats1d, Floats2d, Ints2d

_ROUNDING = 1e-5  # of a score of about 1
_SMALL, _LARGE = 1e-12, 1e24  # squared lengths between which a vector is surely in order
EncodeTexts = Callable[[list[str], TextEncoder | None], Floats2d]


class Queries(NamedTuple):
    """Vectors to search with, the ids that each query may not return, what stands for each in print, and its text.

    The text is None where a query is an id or a vector; without texts, all are.
    """

    vectors: Floats2d
    skip: list[list[str]]
    titles: list[str]
    texts: Sequence[str | None] = ()

    def take(self, which: Sequence[int]) -> Queries:
        """Return some of the queries, which must have texts or None."""
        return Queries(
            self.vectors[list(which)],
            [self.skip[i] for i in which],
            [self.titles[i] for i in which],
            [self.texts[i] for i in which],
        )


class LikedExamples(NamedTuple):
    """Vectors of examples that are liked, and of those that aren't, their ids, and what stands for them in print."""

    like: Floats2d
    dislike: Floats2d
    skip: list[str]
    title: str


def read_query(
    points: Collection, encoder: TextEncoder | None, query: Query | None, id: str | None, *, words_only: bool = False
) -> Queries:
    """Return the only query: an id, a text or a vector; or an id alone."""
    if (query is None) == (id is None):
        raise InputError("give either a query (an id, a text or a vector) or id=")
    if id is None:
        assert query is not None
        return read_queries(points, encoder, [query], words_only=words_only)
    name = checks.id_text(id)
    if not isinstance(name, str):
        raise UnknownIdError(f"an id is a string or a whole number; got {id!r}")
    return Queries(points.vectors([name]), [[name]], [name], [None])


def read_queries(
    points: Collection, encoder: TextEncoder | None, queries: Sequence[Query], *, words_only: bool = False
) -> Queries:
    """Return queries, of which a string is an id of the points or else a text.

    With `words_only`, texts aren't encoded, so that they need no encoder; their vectors are zeros.
    """
    if not words_only:
        return _read(points, encoder, queries, encode_queries)
    return _read(points, None, queries, lambda texts, _: np.zeros((len(texts), points.dim), np.float32), blind=True)


def read_examples(
    points: Collection, encoder: TextEncoder | None, like: Sequence[Query], dislike: Sequence[Query]
) -> LikedExamples:
    """Return the examples of a recommendation.

    Texts are encoded as documents, since they are examples of what is searched for. For the cosine all vectors are
    scaled to length 1.
    """
    examples = _read(points, encoder, [*like, *dislike], encode_documents)
    vectors = checked_vectors(examples.vectors, examples.titles, points.metric, directions=True)
    if points.metric == "cosine":
        vectors = queries.unit(vectors)
    skip = [id for ids in examples.skip for id in ids]
    return LikedExamples(vectors[: len(like)], vectors[len(like) :], skip, queries.title_of_sum(like, dislike))


def mean_of(examples: LikedExamples) -> Queries:
    """Return one query: the mean of what is liked, minus half the mean of what isn't (Rocchio 1971)."""
    target = examples.like.mean(axis=0)
    if len(examples.dislike):
        target = target - examples.dislike.mean(axis=0) / 2
    return Queries(target[None], [examples.skip], [examples.title])


def _read(
    points: Collection,
    encoder: TextEncoder | None,
    queries: Sequence[Query],
    encode: EncodeTexts,
    *,
    blind: bool = False,
) -> Queries:
    strings = [query for query in queries if isinstance(query, str)]
    ids = {string for string, known in zip(strings, points.present(strings), strict=True) if known}
    texts = checks.strings("texts", [string for string in strings if string not in ids])
    if texts and not (blind or reads_texts(encoder)):
        raise neither_id_nor_text(texts[0], f"this index of {len(points):,}", points.nearest_spellings(texts[0]))
    encoded = iter(encode(texts, encoder)) if texts else iter(())
    by_id = dict(zip(ids, points.vectors([*ids]), strict=True)) if ids else {}
    vectors: list[Floats1d] = []
    for query in queries:
        if not isinstance(query, str):
            vectors.append(as_vector(query, points.dim))
        else:
            vectors.append(by_id[query] if query in ids else next(encoded))
    skip = [[query] if isinstance(query, str) and query in ids else [] for query in queries]
    asked = [query if isinstance(query, str) and query not in ids else None for query in queries]
    return Queries(np.stack(vectors), skip, [title_of(query) for query in queries], asked)


def checked_vectors(vectors: Floats2d, titles: Sequence[str], metric: str, *, directions: bool = False) -> Floats2d:
    """Return query vectors as float32, or raise `InputError`; a zero vector is refused where it needs a direction."""
    squares = np.einsum("ij,ij->i", vectors, vectors)
    if vectors.dtype == np.float32 and squares.min(initial=1) >= _SMALL and squares.max(initial=1) <= _LARGE:
        return vectors  # as nearly always, and soon seen
    if directions or metric == "cosine":
        queries.check_directions(vectors, titles)
    nonzero = vectors[vectors.any(axis=1)]
    if len(nonzero):
        checks.finite_rows("the vector", nonzero, ["query"] * len(nonzero))
    return vectors.astype(np.float32, copy=False)


def nearest_points(
    points: Collection,
    asked: Queries,
    k: int,
    where: str | None = None,
    among: Sequence[str] | None = None,
    *,
    exact: bool = False,
) -> list[Neighbors]:
    """Return the nearest points of each query, after a check of all arguments."""
    among = checked_scope(k, where, among)
    checks.flag("exact", exact)
    vectors = checked_vectors(asked.vectors, asked.titles, points.metric)
    hits = points.nearest(vectors, k, where=where, among=among, skip=asked.skip, exact=exact)
    return [
        Neighbors(title, one.ids, checks.frozen(in_range(one.scores, points.metric)), points.metric, one.metadata)
        for title, one in zip(asked.titles, hits, strict=True)
    ]


def checked_scope(k: int, where: str | None, among: Sequence[str] | None) -> list[str] | None:
    """Return the ids to search among, after a check of the arguments that say how many points to find, and where."""
    checks.whole("k", k)
    if where is not None and not isinstance(where, str):
        raise InputError(f'where must be a condition such as "year >= 2001"; got {where!r}')
    return None if among is None else checks.ids("among", among)


def checked_min_score(min_score: float | None, default: float, metric: str) -> float:
    """Return the lowest score to accept; only the cosine has a default."""
    if min_score is None and metric != "cosine":
        raise InputError(
            f"min_score must be given for the metric {metric!r}, whose scores depend on the lengths of the vectors"
        )
    highest = 1.0 if metric == "cosine" else math.inf
    return checks.number("min_score", default if min_score is None else min_score, low=-math.inf, high=highest)


def rounding(score: float) -> float:
    """Return how far a score of float32 may be off, as one of a pair that is as near as `score`."""
    return _ROUNDING * max(1.0, abs(score))


def above(points: Collection, query: Floats1d, found: Neighbors, lowest: float) -> Neighbors:
    """Return the neighbours that score at least `lowest`; those near to it are scored again, in double precision."""
    scores = found.scores.copy()
    doubtful = np.flatnonzero(np.abs(scores - lowest) <= rounding(lowest))
    if len(doubtful):
        vectors = points.vectors([found.ids[row] for row in doubtful.tolist()])
        scores[doubtful] = [queries.pair_score(query, vector, points.metric) for vector in vectors]
    high = np.flatnonzero(scores >= np.float32(lowest))
    order = sorted(high.tolist(), key=lambda row: (-scores[row], found.ids[row]))
    return replace(found.take(order), scores=checks.frozen(scores[order]))


def measured_recall(points: Collection, asked: Queries, k: int) -> float:
    """Return the mean share of the true `k` nearest points that single searches find."""
    k = min(k, len(points))
    truth = points.nearest(asked.vectors, k, skip=asked.skip, exact=True)
    found = [
        points.nearest(vector[None], k, skip=[skip])[0] for vector, skip in zip(asked.vectors, asked.skip, strict=True)
    ]
    numbers: dict[str, int] = {}
    (true_rows, true_scores), (rows, scores) = _arrays(truth, k, numbers), _arrays(found, k, numbers)
    return float(queries.recalls(true_rows, rows, true_scores, scores).mean())


def _arrays(results: Sequence[Hits], k: int, numbers: dict[str, int]) -> tuple[Ints2d, Floats2d]:
    """Return results as arrays of shape (m, k), with a number for each id; -1 where there are fewer."""
    rows, scores = np.full((len(results), k), -1, np.int64), np.full((len(results), k), -np.inf, np.float32)
    for query, hits in enumerate(results):
        rows[query, : len(hits.ids)] = [numbers.setdefault(id, len(numbers)) for id in hits.ids]
        scores[query, : len(hits.ids)] = hits.scores
    return rows, scores
