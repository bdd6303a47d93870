"""Ranking what a search has found again."""

from __future__ import annotations

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.neighbors import Neighbors
from semspace.sentences.reranker import Reranker


def rerank_neighbors(reranker: Reranker, query: str, found: Neighbors, k: int) -> Neighbors:
    """Return the best `k` of what was found for a query, in the order of a reranker's scores; equal ones by id.

    Where the reranker has only a share in the score, the rest is that of the search.
    """
    metric = reranker.metric if reranker.share == 1 else f"{found.metric} + {reranker.metric}"
    if not found:
        return Neighbors(found.query, found.ids, found.scores, metric, found.metadata)
    assert found.metadata is not None
    texts = found.metadata["text"].fill_null("").to_list()
    scores = np.asarray(reranker.score(query, texts), np.float32)
    if scores.shape != (len(texts),) or not np.isfinite(scores).all():
        raise InputError(
            f"{type(reranker).__name__}.score must return a finite number for each of the {len(texts)} texts; got an "
            f"array of shape {scores.shape}"
        )
    if reranker.share < 1:
        scores = np.float32(reranker.share) * scores + np.float32(1 - reranker.share) * found.scores
    order = sorted(range(len(texts)), key=lambda i: (-scores[i], found.ids[i]))[:k]
    best = found.take(order)
    return Neighbors(found.query, best.ids, checks.frozen(scores[order]), metric, best.metadata)
