"""The pairs of points of an index that are nearly the same: found by comparing all, or by searching for each."""

from __future__ import annotations

import numpy as np
import polars as pl

from semspace.index.hnsw import HnswEngine
from semspace.index.local_collection import LocalCollection
from semspace.index.near_duplicates import BestPairs, compare_within

_COMPARE_ALL_PAIRS_UP_TO = 100_000  # points; above, each is searched for in the graph, which is faster


def duplicate_pairs(local: LocalCollection, best: BestPairs, most: int, *, progress: bool) -> pl.DataFrame:
    """Collect the best pairs of points, up to `most`; return their ids and scores. See `Index.duplicates`."""
    view, engine = local.points.view, local.engine
    if isinstance(engine, HnswEngine) and view.live > _COMPARE_ALL_PAIRS_UP_TO:
        rows = np.arange(view.count)
        for part in engine.pairs(view, best.least, most, progress=progress):
            best.add(part)
    else:
        rows = view.live_rows()
        compare_within(view.live_vectors(), local.metric, best, progress=progress)
    a, b, scores = best.result()
    ids = [pl.Series(name, view.ids(rows[side]), dtype=pl.String) for name, side in (("a", a), ("b", b))]
    return pl.DataFrame([*ids, pl.Series("score", scores)])
