"""Queries become vectors: ids are looked up, texts encoded, sums added."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from semspace import checks
from semspace.display import clip
from semspace.errors import InputError, UnknownIdError
from semspace.expressions.expression import Expression
from semspace.queries import Query, as_vector, check_directions, title_of, unit
from semspace.similarity.point_set import PointSet
from semspace.text_encoder import encode_queries, reads_texts
from semspace.types import Floats1d, Floats2d

_LONGEST_PHRASE = 3  # words
_CANCELLED = 1e-6  # of the sum of all weights: what is left of a sum below it is rounding


def as_expression(points: PointSet, given: str | Expression) -> Expression:
    """Return a sum of queries, which may be given as text; see `Space.query`."""
    if isinstance(given, str):
        from semspace.expressions.expression_reader import read_expression

        return read_expression(given, points._rows, encodes=reads_texts(points.encoder))
    if not isinstance(given, Expression):
        raise InputError(
            f"query takes a text such as 'king - man + woman', or an Expression; got "
            f"{type(given).__name__}: use most_similar for a vector or a list"
        )
    return given


class Located(NamedTuple):
    """The vector of a query, and the rows of the ids in it, which are never its answer."""

    vector: Floats1d
    rows: tuple[int, ...]


def locate(points: PointSet, queries: Sequence[Query]) -> list[Located]:
    """Return the vector of each query, and its rows if it names points; texts are encoded in one call."""
    named = [one for query in queries for one in (query.queries if isinstance(query, Expression) else [query])]
    texts = list(dict.fromkeys(one for one in named if isinstance(one, str) and one not in points._rows))
    encoded = dict(zip(texts, _encoded(points, texts), strict=True))
    return [
        _sum(points, query, encoded) if isinstance(query, Expression) else _one(points, query, encoded)
        for query in queries
    ]


def _one(points: PointSet, query: str | Floats1d, encoded: dict[str, Floats1d]) -> Located:
    if not isinstance(query, str):
        return Located(as_vector(query, points.dim), ())
    row = points._rows.get(query)
    return Located(encoded[query], ()) if row is None else Located(points.vectors[row], (row,))


def _sum(points: PointSet, expression: Expression, encoded: dict[str, Floats1d]) -> Located:
    """Add the unit vectors of an expression's terms, or raise `InputError` where nothing is left."""
    parts = [_one(points, query, encoded) for query in expression.queries]
    units = directions([part.vector for part in parts], expression.queries)
    weights = np.array([weight for weight, _ in expression.terms], np.float32)
    total: Floats1d = weights @ units
    if np.linalg.norm(total) <= _CANCELLED * np.abs(weights).sum():
        raise InputError(
            f"the query {clip(str(expression), 60)!r} cancels to nothing: its terms add up to the zero vector; leave "
            f"one out, or change its weight"
        )
    return Located(total, tuple(dict.fromkeys(row for part in parts for row in part.rows)))


def _encoded(points: PointSet, texts: list[str]) -> Iterable[Floats1d]:
    """Return the vectors of strings that are not ids."""
    if texts and not reads_texts(points.encoder):
        near = checks.nearest_spellings(texts[0], points._rows)
        raise neither_id_nor_text(texts[0], points._name, near)
    return encode_queries(texts, points.encoder) if texts else ()


def directions(vectors: Sequence[Floats1d], queries: Sequence[Query]) -> Floats2d:
    """Return unit vectors, or raise `InputError` for a zero vector."""
    matrix = np.stack(vectors).astype(np.float32, copy=False)
    check_directions(matrix, [title_of(query) for query in queries])
    return unit(matrix)


def neither_id_nor_text(query: str, where: str, near: Sequence[str]) -> UnknownIdError:
    """Return the error for a string that is not an id, where there is no encoder to read it as a text."""
    words = query.split()
    remedy = "give an id or a vector, or make it with encoder.embed(corpus)"
    if near:
        remedy = f"did you mean {', '.join(near)}?"
    elif 1 < len(words) <= _LONGEST_PHRASE:
        remedy += f"; of word vectors, Phrases makes {clip('_'.join(words), 40)!r} one word before training"
    return UnknownIdError(
        f"no point {clip(query, 40)!r} in {where}, and it has no encoder that could read it as a text; {remedy}"
    )
