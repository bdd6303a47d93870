"""Exact search: every point is compared. Other engines are measured against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from semspace import queries
from semspace.bundle import Draft
from semspace.index.engine import RowsAndScores
from semspace.index.points import View
from semspace.types import Bools1d, Floats1d, Floats2d, Ints1d

RowsAndScores1d = tuple[Ints1d, Floats1d]  # of one query
_FEW = 0.5  # share of allowed points up to which only they are copied and compared


class ExactEngine:
    """Compare a query with every point."""

    method: ClassVar[str] = "exact"

    def __init__(self, metric: str) -> None:
        self.metric = metric

    def search(
        self,
        view: View,
        query_vectors: Floats2d,
        k: int,
        allowed: Bools1d | None = None,
        *,
        ef: int | None = None,  # noqa: ARG002  (part of the interface)
        threads: int | None = None,  # noqa: ARG002
    ) -> RowsAndScores:
        """Return the exact nearest live rows of each query; numpy's own threads work on a batch."""
        return compare_all(view, self.metric, query_vectors, k, allowed)

    def catch_up(self, *, wait: bool = False) -> None:
        """Do nothing: there is nothing to build."""

    def settings(self) -> dict[str, Any]:
        """Return nothing: it has no settings."""
        return {}

    def measured(self) -> dict[str, Any]:
        """Return the recall, which needs no measurement."""
        return {"recall": 1.0, "target_recall": 1.0}

    def details(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def write(self, draft: Draft) -> None:
        """Write nothing: the points are enough."""


def compare_all(points: View, metric: str, query_vectors: Floats2d, k: int, allowed: Bools1d | None) -> RowsAndScores:
    """Find exactly the nearest live rows of each query, among the first points and those added since."""
    base = points.base
    mask = points.live_mask(allowed)
    parts = [
        _part(
            points.ground.vectors, points.sizes[:base], points.ground.ids, metric, query_vectors, k, _cut(mask, 0, base)
        )
    ]
    if points.count > base:
        sizes, ids = points.sizes[base : points.count], points.own_ids
        later = _part(points.more, sizes, ids, metric, query_vectors, k, _cut(mask, base, points.count))
        parts.append([(rows + base, scores) for rows, scores in later])
    found = np.full((len(query_vectors), k), -1, np.int64), np.full((len(query_vectors), k), -np.inf, np.float32)
    for at, own in enumerate(zip(*parts, strict=True)):
        rows, scores = own[0] if len(own) == 1 else _merged(points, k, own)
        found[0][at, : len(rows)], found[1][at, : len(rows)] = rows, scores
    return found


def _cut(mask: Bools1d | None, start: int, stop: int) -> Bools1d | None:
    return None if mask is None else mask[start:stop]


def _part(
    vectors: Floats2d, sizes: Floats1d, ids: Any, metric: str, query_vectors: Floats2d, k: int, allowed: Bools1d | None
) -> list[RowsAndScores1d]:
    if allowed is None or (len(allowed) == len(vectors) and allowed.sum() > _FEW * len(allowed)):
        return queries.nearest(vectors, sizes, query_vectors, k, names=ids, metric=metric, allowed=allowed)
    rows = np.flatnonzero(allowed)
    if not len(rows):
        return [(rows, np.empty(0, np.float32)) for _ in query_vectors]
    names: Any = _Picked(ids, rows)
    found = queries.nearest(vectors[rows], sizes[rows], query_vectors, k, names=names, metric=metric)
    return [(rows[near], scores) for near, scores in found]


class _Picked:
    """Names of some rows, looked up when they are needed."""

    def __init__(self, ids: Any, rows: Ints1d) -> None:
        self._ids, self._rows = ids, rows

    def __getitem__(self, at: int) -> str:
        return str(self._ids[int(self._rows[at])])


def _merged(points: View, k: int, parts: Sequence[RowsAndScores1d]) -> RowsAndScores1d:
    rows, scores = (np.concatenate(both) for both in zip(*parts, strict=True))
    ids = points.ids(rows)
    order = sorted(range(len(rows)), key=lambda i: (-scores[i], ids[i]))[:k]
    return rows[order], scores[order]
