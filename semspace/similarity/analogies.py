"""Analogies: "a is to b as c is to ?", one or many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semspace import queries
from semspace.errors import InputError
from semspace.neighbors import Neighbors
from semspace.queries import Query, title_of
from semspace.similarity.locating import Located, directions, locate
from semspace.similarity.point_set import PointSet
from semspace.similarity.searching import as_neighbors, candidates, nearest
from semspace.types import Floats2d

METHODS = ("3cosadd", "3cosmul")
Triple = tuple[Query, Query, Query]
_SCORES_IN_MEMORY = 16_000_000  # 64 MB


def as_triples(triples: object) -> list[Triple]:
    """Return triples as a list of tuples, or raise `InputError`."""
    if isinstance(triples, str) or not isinstance(triples, Sequence):
        raise InputError(
            f'analogy_batch takes a list of (a, b, c), such as [("man", "king", "woman")]; got {type(triples).__name__}'
        )
    for number, triple in enumerate(triples):
        if isinstance(triple, str) or not isinstance(triple, Sequence) or len(triple) != 3:
            raise InputError(
                f"an analogy is three ids, texts or vectors, (a, b, c); number {number} is {str(triple)[:60]!r}"
            )
    return [(a, b, c) for a, b, c in triples]


def analogies(
    points: PointSet, triples: Sequence[Triple], k: int, method: str, restrict: int | None
) -> list[Neighbors]:
    """Complete "a is to b as c is to ?" for each triple; see `Space.analogy`."""
    if not triples:
        return []
    flat = [one for triple in triples for one in triple]
    located = locate(points, flat)
    units = directions([one.vector for one in located], flat)
    titles = [f"{title_of(a)} : {title_of(b)} = {title_of(c)} : ?" for a, b, c in triples]
    rows = [tuple(row for one in located[at : at + 3] for row in one.rows) for at in range(0, len(flat), 3)]
    if method == "3cosadd":
        targets = units[1::3] - units[::3] + units[2::3]
        asked = [Located(target, own) for target, own in zip(targets, rows, strict=True)]
        return nearest(points, asked, titles, k, restrict=restrict)
    return _multiplied(points, units, titles, rows, k, restrict)


def _multiplied(
    points: PointSet,
    units: Floats2d,
    titles: Sequence[str],
    rows: Sequence[tuple[int, ...]],
    k: int,
    restrict: int | None,
) -> list[Neighbors]:
    """Answer by 3CosMul; a few triples are compared with all points at a time."""
    vectors, norms = candidates(points, restrict)
    step, found = max(1, _SCORES_IN_MEMORY // (3 * len(vectors))), []
    for start in range(0, len(titles), step):
        block = units[3 * start : 3 * (start + step)]
        cosines = np.vstack(list(queries.score_blocks(vectors, norms, block, "cosine")))
        for at in range(len(cosines) // 3):
            scores = queries.cos_mul(*cosines[3 * at : 3 * at + 3])
            skip = [row for row in rows[start + at] if row < len(vectors)]
            best = queries.best_rows(scores, k, points.ids, skip)
            found.append(as_neighbors(points, titles[start + at], best, scores[best], "3cosmul"))
    return found
