"""How wide a search must be for the target recall, measured with held-out points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from semspace import queries
from semspace.deprecation import renamed_property
from semspace.index.engine import RowsAndScores
from semspace.types import Doubles1d, Ints1d

MEASURED_K = (10, 100)  # numbers of neighbours that are measured
MAX_EF = 4_096  # candidates; where they don't suffice, every code is compared
MARGIN = 0.002  # added to the target recall, since it is measured on a sample
_LEEWAY = 0.1  # tolerated below the target recall, in the region where it is smallest
# What manifests call the fields.
_IN_FILES = {"target_recall": "recall", "recall": "found", "n_queries": "asked"}


class QueryLevel(NamedTuple):
    """The candidates that a search keeps for 10 neighbours and for 100, where its tenth candidate is so far by code."""

    far: int
    narrow: int
    wide: int


@dataclass(frozen=True)
class Tuning:
    """Recall and speed as measured, and the width of searches that they need.

    Parameters
    ----------
    target_recall : float
        The share of the true ten neighbours that searches are to find.
    recall : float
        The share found.
    n_queries : int
        Number of held-out points it was measured with.
    queries_per_second : float
        One query after another, with one thread, ten neighbours each.
    narrow, wide : int
        Candidates that a search keeps for 10 neighbours, and for 100.
    slack : int
        Slack on the quantised distance beyond the k-th candidate.
    worst : float
        The share found in the region of the points where it is smallest.
    worst_points : int
        About how many points lie there.
    points : int
        How many points there were.
    scan : bool
        No search of the graph finds enough, so every code is compared.
    singly : bool
        It was measured by single queries. Earlier versions measured many queries at once, for which comparing all codes
        may be faster.
    levels : tuple of QueryLevel
        The widths for queries that are unlike the points, the nearest first; see `difficulty`.
    """

    target_recall: float
    recall: float
    n_queries: int
    queries_per_second: float
    narrow: int
    wide: int
    slack: int
    worst: float = 0.0
    worst_points: int = 0
    points: int = 0
    scan: bool = False
    singly: bool = False
    levels: tuple[QueryLevel, ...] = ()
    found = renamed_property("found", "recall")

    def ef(self, k: int, level: int = 0) -> int:
        """Return the candidates for `k` neighbours, on a line through both measurements; level 0 is the usual."""
        few, many = MEASURED_K
        narrow, wide = (self.narrow, self.wide) if not level else self.levels[level - 1][1:]
        return max(k, round(narrow + max(wide - narrow, 0) * (k - few) / (many - few)), narrow if k > few else few)

    def levels_of(self, far: Ints1d) -> Ints1d:
        """Return the level of each query, whose tenth candidate is so far by code; 0 is that of usual ones."""
        return np.searchsorted([level.far for level in self.levels], far, side="right").astype(np.int64)

    def widened(self, times: float, nearer: float = 1.0) -> Tuning:
        """Return one whose searches keep so many times as many candidates; levels begin so many times as far."""
        levels = tuple(
            QueryLevel(round(far * nearer), round(few * times), round(many * times)) for far, few, many in self.levels
        )
        if any(one.far >= other.far for one, other in pairwise(levels)):
            levels = tuple(QueryLevel(old.far, *new[1:]) for old, new in zip(self.levels, levels, strict=True))
        return replace(self, narrow=round(self.narrow * times), wide=round(self.wide * times), levels=levels)

    def facts(self) -> dict[str, Any]:
        """Return plain values, by their names in a manifest."""
        return {_IN_FILES.get(name, name): value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Tuning:
        """Create one from what `facts` returned."""
        names = {stored: name for name, stored in _IN_FILES.items()}
        values = {names.get(stored, stored): value for stored, value in facts.items()}
        return cls(**{**values, "levels": tuple(QueryLevel(*level) for level in values.get("levels", ()))})


def recalls_at(truth: RowsAndScores, found: RowsAndScores, k: int) -> Doubles1d:
    """Return for each query the share of its true `k` neighbours that were found; see `queries.recalls`."""
    return queries.recalls(truth[0][:, :k], found[0][:, :k], truth[1][:, :k], found[1][:, :k])


def mean_and_worst(shares: Doubles1d, regions: Ints1d) -> tuple[float, float, int]:
    """Return the mean, the smallest mean of a region, and that region."""
    sizes = np.bincount(regions)
    means = np.bincount(regions, weights=shares) / np.maximum(sizes, 1)
    means[sizes == 0] = np.inf
    return float(shares.mean()), float(means.min()), int(means.argmin())


def reaches(recall: float, shares: Doubles1d, regions: Ints1d) -> bool:
    """Check whether recall reaches the target, and in no region falls far below it."""
    mean, worst, _ = mean_and_worst(shares, regions)
    return mean >= min(recall + MARGIN, 1.0) and worst >= recall - _LEEWAY


def smallest_ef(k: int, widest: int, suffices: Callable[[int], bool]) -> int | None:
    """Return the least number of candidates that suffices; None where even the widest doesn't."""
    low, high = k, k
    while not suffices(high):
        if high >= widest:
            return None
        low, high = high + 1, min(high * 2, widest)
    while high - low > max(1, high // 16):
        middle = (low + high) // 2
        if suffices(middle):
            high = middle
        else:
            low = middle + 1
    return high
