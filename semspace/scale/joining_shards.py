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
KINDS = {"a": pl.String, "b": pl.String, "score": pl.Float32, "row_a": pl.Int64, "row_b": pl.Int64}


def process(inputs: tuple[ShardInput, ...], settings: Mapping[str, Any], threads: int | None) -> ShardOutput:
    """Compare the points of two shards, or those of one with each other."""
    left, right = read_points(inputs[0]), read_points(inputs[-1])
    if left is None or right is None:
        return ShardOutput(0, {PAIRS: pl.DataFrame(schema=KINDS)}, {} if settings["k"] else {"truncated": 0})
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
            "a": left.ids[a].tolist(),
            "b": right.ids[b].tolist(),
            "score": pl.Series(scores),
            "row_a": pl.Series(a),
            "row_b": pl.Series(b),
        },
        schema=KINDS,
    )
    return ShardOutput(len(table), {PAIRS: table}, facts)
