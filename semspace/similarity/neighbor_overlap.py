"""How many of the nearest points are still the nearest, where the same points are stored in fewer bytes."""

from __future__ import annotations

import numpy as np

from semspace import queries
from semspace.similarity.point_set import PointSet

_K, _MEASURED = 10, 200  # neighbours, and queries by which the overlap is measured


def neighbor_overlap(full: PointSet, small: PointSet) -> dict[str, float | int]:
    """Measure which share of the ten nearest points in `full` are among the ten nearest in `small`.

    Queries are points of `full` with all their digits, and points of `small`, which are known by their codes; see
    `Space.quantize`.
    """
    rows = np.unique(np.linspace(0, len(full.ids) - 1, min(len(full.ids), _MEASURED), dtype=np.int64))
    exact, skip = np.asarray(full.vectors[rows]), [[row] for row in rows.tolist()]
    truth = queries.nearest(full.vectors, full.norms, exact, _K, names=full.ids, skip=skip)
    overlaps = []
    for asked in (exact, np.asarray(small.vectors[rows])):
        found = queries.nearest(small.vectors, small.norms, asked, _K, names=full.ids, skip=skip)
        overlaps.append(float(queries.overlaps(full.vectors, full.norms, exact, truth, found).mean()))
    return {"overlap_at_10": overlaps[0], "overlap_at_10_by_id": overlaps[1], "n_queries": len(rows)}
