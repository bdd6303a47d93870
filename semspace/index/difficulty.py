"""How wide searches must be for queries that are unlike the points, by how far what they find is.

Points that were held out tell what queries of the points' own kind need. Questions asked of answers, or news of a
forum's titles, find nothing near, and a search as wide as for the others misses much. So queries of all degrees of
strangeness are made from the points, and for those whose tenth candidate is equally far the least width that suffices
is measured. The idea that a query's own candidates tell when to stop is in Li et al. 2020 (learned adaptive early
termination, SIGMOD).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from semspace.index.tuning import QueryLevel
from semspace.types import Doubles1d, Floats2d, Ints1d

STRANGERS = 240  # queries that are made
WIDER = (1.0, 1.4, 2.0, 2.8, 4.0, 5.7, 8.0, 11.0, 16.0, 23.0, 32.0)  # widths that are measured, times the usual one
_SHARES = (0.0, 0.15, 0.3, 0.5)  # of a point in a stranger; the rest are differences from the mean
_ADDED = 32  # points whose differences from the mean are added, with random signs
_GROUPS = 8  # of queries that are equally far
_IN_GROUP = 50  # queries, at least


def strange_queries(vectors: Floats2d, rng: np.random.Generator, count: int = STRANGERS) -> Floats2d:
    """Return queries that vary as the points do, and lie in none of their clusters, shape (count, dim).

    Each is a share of one point, and for the rest the mean of the points and differences from it with random signs.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    share = np.resize(_SHARES, count)[:, None]
    signs = rng.choice([-1.0, 1.0], (count, _ADDED, 1)) / np.sqrt(_ADDED)
    apart = (vectors[rng.integers(len(vectors), size=(count, _ADDED))] - mean) * signs
    point = vectors[rng.integers(len(vectors), size=count)]
    strange: Floats2d = (share * point + (1 - share) * (mean + apart.sum(axis=1))).astype(np.float32)
    return strange


def find_levels(
    far: Ints1d, usual: int, narrow: MeasuredWidths, wide: MeasuredWidths, recall: float
) -> list[QueryLevel]:
    """Return the widths for queries farther than the usual ones, in groups of equally far ones.

    Parameters
    ----------
    far : (queries,)
        How far the tenth candidate of each is.
    usual : int
        From where on queries are grouped.
    narrow, wide : MeasuredWidths
        For 10 neighbours, and for 100.
    """
    order = np.argsort(far, kind="stable")
    order = order[far[order] >= usual]
    levels: list[QueryLevel] = []
    for group in np.array_split(order, min(_GROUPS, max(1, len(order) // _IN_GROUP))):
        if not len(group):
            continue
        start, last = int(far[group[0]]), levels[-1] if levels else QueryLevel(-(1 << 40), 0, 0)
        few = narrow.needed(group, last.narrow, recall)
        many = max(few, wide.needed(group, last.wide, recall))
        if start > last.far and (few, many) != last[1:]:
            levels.append(QueryLevel(start, few, many))
    return levels


@dataclass(frozen=True)
class MeasuredWidths:
    """Widths of searches, the least first, and what returns the recall of some queries at one of them."""

    widths: Sequence[int]
    recalls: Callable[[Ints1d, int], Doubles1d]

    def needed(self, which: Ints1d, least: int, recall: float) -> int:
        """Return the least width, from `least` on, with which some queries reach a recall on average, or the greatest.

        A group that is farther needs no less, so the smaller widths aren't measured for it.
        """
        for width in self.widths:
            if width >= least and self.recalls(which, width).mean() >= recall:
                return width
        return self.widths[-1]
