"""How wide a walk must look for the recall asked for: measured on points that the graph hasn't seen yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from semspace import queries
from semspace.index.engine import Found
from semspace.types import Doubles1d, Ints1d

DEPTHS = (10, 100)  # how many neighbours are asked for while measuring
WIDEST = 4_096  # candidates; where as many don't do, every code is compared
_MARGIN = 0.002  # over the recall asked for, since it is measured on a sample
_LEEWAY = 0.1  # below the recall asked for, in the region where it is smallest
# What manifests call the fields.
_IN_FILES = {"target_recall": "recall", "recall": "found", "n_queries": "asked"}


@dataclass(frozen=True)
class Tuning:
    """What was measured.

    Parameters
    ----------
    target_recall : float
        The share of the true ten neighbours that searches are to find.
    recall : float
        The share found.
    n_queries : int
        Number of held-out points it was measured with.
    queries_per_second : float
        With one thread, ten neighbours each.
    narrow, wide : int
        Candidates a walk keeps for 10 neighbours, and for 100.
    slack : int
        How much farther the code of a true neighbour may be than that of the last one by code.
    worst : float
        The share found in the region of the points where it is smallest.
    worst_points : int
        About how many points lie there.
    points : int
        How many points there were.
    scan : bool
        No walk finds enough, so every code is compared.
    singly : bool
        It was measured the way a single query goes. Before, many queries were asked at once, and where comparing all
        codes was quicker for many, that was measured.
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

    def ef(self, k: int) -> int:
        """Return the candidates a walk keeps for `k` neighbours: on a line through both that were measured."""
        (few, many), (narrow, wide) = DEPTHS, (self.narrow, self.wide)
        return max(k, round(narrow + max(wide - narrow, 0) * (k - few) / (many - few)), narrow if k > few else few)

    def facts(self) -> dict[str, Any]:
        """Return plain values, by their names in a manifest."""
        return {_IN_FILES.get(name, name): value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Tuning:
        """Create one from what `facts` returned."""
        names = {stored: name for name, stored in _IN_FILES.items()}
        return cls(**{names.get(stored, stored): value for stored, value in facts.items()})


def recalls_at(truth: Found, found: Found, k: int) -> Doubles1d:
    """Return for each query the share of its true `k` neighbours that were found; see `queries.recalls`."""
    return queries.recalls(truth[0][:, :k], found[0][:, :k], truth[1][:, :k], found[1][:, :k])


def judged(shares: Doubles1d, regions: Ints1d) -> tuple[float, float, int]:
    """Return the mean, the smallest mean of a region, and that region."""
    sizes = np.bincount(regions)
    means = np.bincount(regions, weights=shares) / np.maximum(sizes, 1)
    means[sizes == 0] = np.inf
    return float(shares.mean()), float(means.min()), int(means.argmin())


def enough(recall: float, shares: Doubles1d, regions: Ints1d) -> bool:
    """Check whether what was found is what was asked for, and not much less in any region."""
    mean, worst, _ = judged(shares, regions)
    return mean >= min(recall + _MARGIN, 1.0) and worst >= recall - _LEEWAY


def least(k: int, widest: int, does: Callable[[int], bool]) -> int | None:
    """Find the least number of candidates that does; None where even the widest doesn't."""
    low, high = k, k
    while not does(high):
        if high >= widest:
            return None
        low, high = high + 1, min(high * 2, widest)
    while high - low > max(1, high // 16):
        middle = (low + high) // 2
        if does(middle):
            high = middle
        else:
            low = middle + 1
    return high
