"""Scores of pairs, and the one that is least like the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semspace import checks, queries
from semspace.errors import InputError
from semspace.queries import Query, as_pairs
from semspace.similarity.hub_correction import query_means
from semspace.similarity.locating import directions, locate
from semspace.similarity.point_set import PointSet
from semspace.types import Floats1d, Floats2d, Id


def similarity(points: PointSet, a: Query, b: Query, metric: str) -> float:
    """Return the score of two queries; see `Space.similarity`."""
    located = locate(points, [a, b])
    first, second = (one.vector for one in located)
    if metric in ("cosine", "csls"):
        first, second = directions([first, second], [a, b])
    if metric != "csls":
        return queries.pair_score(first, second, metric)
    means = query_means(points, located)
    return 2 * queries.pair_score(first, second, "cosine") - float(means.sum())


def pair_scores(points: PointSet, pairs: Sequence[tuple[Query, Query]]) -> Floats1d:
    """Return the cosine of each pair; see `Space.pair_scores`."""
    given = [one for pair in as_pairs(pairs) for one in pair]
    if all(type(one) is str for one in given):
        known = [points._rows.get(one, -1) for one in given]  # type: ignore[arg-type]
        if min(known) >= 0:
            return _cosines(queries.unit(points.vectors[known]))
    # Strings come more than once; each is looked up, or encoded, and scaled once.
    distinct = list(dict.fromkeys(one for one in given if isinstance(one, str)))
    others = [one for one in given if not isinstance(one, str)]
    asked = [*distinct, *others]
    units = directions([one.vector for one in locate(points, asked)], asked)
    places = {name: place for place, name in enumerate(distinct)}
    later = iter(range(len(distinct), len(asked)))
    rows = np.fromiter((places[one] if isinstance(one, str) else next(later) for one in given), np.int64, len(given))
    return _cosines(units[rows])


def _cosines(units: Floats2d) -> Floats1d:
    """Return the cosine of each pair of consecutive rows."""
    scores: Floats1d = np.einsum("ij,ij->i", units[::2], units[1::2])
    return scores.clip(-1, 1)


def odd_one_out(points: PointSet, ids: Sequence[Id]) -> str:
    """Return the id with the lowest mean cosine to the others; see `Space.odd_one_out`."""
    names = checks.ids("ids", ids)
    checks.unique("ids", names)
    if len(names) < 3:
        raise InputError(f"odd_one_out needs at least three ids; got {len(names)}")
    for name in names:
        if name not in points._rows:
            raise checks.unknown("point", name, points._rows, where=points._name)
    units: Floats2d = queries.unit(points.vectors[[points._rows[name] for name in names]])
    to_others = (units @ units.T).sum(axis=1) - 1
    return names[int(np.argmin(to_others))]
