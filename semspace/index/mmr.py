"""Diverse search results, by maximal marginal relevance (Carbonell & Goldstein 1998)."""

from __future__ import annotations

import numpy as np

from semspace import queries
from semspace.types import Floats1d, Floats2d


def diverse(vectors: Floats2d, scores: Floats1d, k: int, diversity: float) -> list[int]:
    """Choose `k` of some vectors, one after the other.

    Each has the greatest (1 - diversity) · score - diversity · (cosine to the nearest one chosen before).

    Parameters
    ----------
    vectors : (n, dim) float32
    scores : (n,) float32
        Of the vectors; higher is better. They are scaled to [0, 1] where they can't be cosines.
    diversity : float
        From 0, which chooses the best scores, to 1, which after the first only avoids similarity.
    """
    points = queries.unit(vectors)
    if len(scores) and (scores.min() < -1 or scores.max() > 1):
        scores = (scores - scores.min()) / max(float(np.ptp(scores)), 1e-12)
    return queries.mmr(scores, lambda row: points @ points[row], k, weight=1 - diversity)
