"""A map of the documents of a clustering."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from semspace import queries
from semspace.clusters.distinct_points import centered
from semspace.maps.layout import layout
from semspace.types import Doubles2d, Ints1d

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering

MAX_DRAWN = 2_000  # documents on a map


def project(clustering: Clustering, limit: int = MAX_DRAWN) -> tuple[Ints1d, Doubles2d]:
    """Return the rows of up to `limit` documents, taken evenly from all, and their coordinates of shape (rows, 2).

    A clustering remembers them: its report and its figures show the same map, which is computed once.
    """
    if limit not in clustering._maps:
        voters = clustering._voters.rows
        evenly = np.linspace(0, len(voters) - 1, min(limit, len(voters))).round().astype(int)
        rows = np.sort(voters[np.unique(evenly)])
        vectors = queries.unit(clustering.space.vectors[rows])
        clustering._maps[limit] = rows, layout(centered(vectors, vectors.mean(axis=0)))
    return clustering._maps[limit]
