"""A block of two shards of vectors → its pairs of similar points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from semspace.index.joining import best_partners
from semspace.index.near_duplicates import BestPairs, compare_between, compare_within
from semspace.scale.shard import ShardInput, ShardOutput
from semspace.scale.vector_inputs import read_points
from semspace.threads import limited

PAIRS = "pairs"


def process(inputs: tuple[ShardInput, ...], settings: Mapping[str, Any], threads: int | None) -> ShardOutput:
    """Compare the points of two shards, or those of one with each other."""
    spaces = [read_points(source) for source in inputs]
    left, right = spaces[0], spaces[-1]
    metric, k, lowest, most = (settings[name] for name in ("metric", "k", "min_score", "max_pairs"))
    with limited(threads):
        if k is not None:
            a, b, scores = best_partners(left, right, metric, k, lowest, progress=False)
            facts: dict[str, Any] = {}
        else:
            best = BestPairs(lowest, most)
            if len(inputs) == 1:
                compare_within(left.vectors, metric, best, progress=False)
            else:
                compare_between(left.vectors, right.vectors, metric, best, progress=False)
            a, b, scores = best.result()
            facts = {"truncated": int(best.truncated)}
    table = pl.DataFrame(
        {
            "a": pl.Series(left.ids[a].tolist(), dtype=pl.String),
            "b": pl.Series(right.ids[b].tolist(), dtype=pl.String),
            "score": pl.Series(scores, dtype=pl.Float32),
            "row_a": pl.Series(a, dtype=pl.Int64),
            "row_b": pl.Series(b, dtype=pl.Int64),
        }
    )
    return ShardOutput(len(table), {PAIRS: table}, facts)
