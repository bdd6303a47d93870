"""Points that an engine hasn't taken in, compared one by one."""

from __future__ import annotations

import numpy as np

from semspace import queries
from semspace.index.points import View
from semspace.types import Floats2d, Ints1d, Ints2d


def insert_compared(
    view: View, metric: str, rows: Ints1d, query_vectors: Floats2d, found: Ints2d, scores: Floats2d
) -> None:
    """Insert rows, compared one by one, into the rows and scores found for each query."""
    if not len(rows):
        return
    own = (view.vectors(rows), view.sizes[rows])
    names = range(len(rows))
    near = queries.nearest(*own, query_vectors, found.shape[1], names=names, metric=metric)  # type: ignore[arg-type]
    for at, (places, values) in enumerate(near):
        fresh = ~np.isin(rows[places], found[at])
        both = np.concatenate([scores[at], values[fresh]]), np.concatenate([found[at], rows[places[fresh]]])
        order = np.lexsort((both[1], -both[0]))[: found.shape[1]]
        scores[at], found[at] = both[0][order], both[1][order]
