"""Results that aren't all alike: maximal marginal relevance (Carbonell & Goldstein 1998)."""

from __future__ import annotations

import numpy as np

from semspace import queries
from semspace.queries import Rows
from semspace.types import Floats1d, Floats2d


def spread(vectors: Floats2d, relevance: Floats1d, k: int, diversity: float) -> Rows:
    """Choose `k` of some vectors, one after the other.

    Each has the greatest (1 - diversity) · relevance - diversity · (cosine to the nearest one chosen before).

    Parameters
    ----------
    vectors : (n, dim) float32
    relevance : (n,) float32
        Scores of the vectors, higher is better.
    diversity : float
        From 0, which takes the most relevant, to 1, which after the first one only looks for difference.
    """
    points = queries.unit(vectors)
    if len(relevance) and (relevance.min() < -1 or relevance.max() > 1):  # no cosines: only their spacing counts
        relevance = (relevance - relevance.min()) / max(float(np.ptp(relevance)), 1e-12)
    nearest = np.full(len(points), -np.inf, np.float32)
    left = np.ones(len(points), np.bool_)
    chosen: list[int] = []
    for _ in range(min(k, len(points))):
        worth = (1 - diversity) * relevance - (diversity * nearest if chosen else 0)
        best = int(np.argmax(np.where(left, worth, -np.inf)))
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, points @ points[best])
    return np.array(chosen, np.int64)
