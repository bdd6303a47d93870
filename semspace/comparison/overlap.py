"""What two corpora share: pairs of documents that say nearly the same."""

from __future__ import annotations

import numpy as np
import polars as pl

from semspace import queries
from semspace.space import Space

_CELLS = 16_000_000


def near_pairs(a: Space, b: Space, *, min_score: float) -> pl.DataFrame:
    """Return all pairs across two spaces whose cosine is at least `min_score`, nearest first.

    Columns ``a``, ``b`` (ids) and ``score``.
    """
    left, right = queries.unit(a.vectors), queries.unit(b.vectors)
    step = max(1, _CELLS // len(right))
    found: list[tuple[str, str, float]] = []
    for start in range(0, len(left), step):
        scores = left[start : start + step] @ right.T
        for row, column in np.argwhere(scores >= min_score):
            found.append((a.ids[start + row], b.ids[column], float(scores[row, column])))
    table = pl.DataFrame(found, schema={"a": pl.String, "b": pl.String, "score": pl.Float64}, orient="row")
    return table.sort(["score", "a", "b"], descending=[True, False, False])
