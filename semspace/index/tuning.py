"""How wide a walk must look for the recall asked for: measured on points that the graph hasn't seen yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace.index.engine import Found

DEPTHS = (10, 100)  # how many neighbours are asked for while measuring
WIDEST = 4_096  # candidates; where as many don't do, every code is compared
_MARGIN = 0.002  # over the recall asked for, since it is measured on a sample
_LEEWAY = 0.1  # below the recall asked for, in the region where it is smallest
ROUNDING = 2e-6  # two ways to compute a score differ by so much

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tuning:
    """What was measured.

    Parameters
    ----------
    recall : float
        The share of the true ten neighbours asked for.
    found : float
        The share found.
    asked : int
        How many points it was measured on.
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

    recall: float
    found: float
    asked: int
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
        """Return it as plain values."""
        return asdict(self)


def shares_found(truth: Found, found: Found, k: int) -> Shares:
    """Return the share of the true `k` neighbours found, for each query.

    What scores as high as the last true one counts, whichever of equal points it is.
    """
    true, best = truth[0][:, :k], truth[1][:, :k]
    rows, scores = found[0][:, :k], found[1][:, :k]
    there = (true >= 0).sum(axis=1)
    last = np.where(there > 0, np.take_along_axis(best, np.maximum(there - 1, 0)[:, None], axis=1)[:, 0], 0)
    least = last - ROUNDING * np.maximum(np.abs(last), np.finfo(np.float32).tiny)
    own = (rows[:, :, None] == true[:, None, :]).any(axis=2)
    hits = ((rows >= 0) & (own | (scores >= least[:, None]))).sum(axis=1)
    shares: Shares = np.where(there > 0, np.minimum(hits, there) / np.maximum(there, 1), 1.0)
    return shares


def judged(shares: Shares, regions: npt.NDArray[np.int64]) -> tuple[float, float, int]:
    """Return the mean, the smallest mean of a region, and that region."""
    sizes = np.bincount(regions)
    means = np.bincount(regions, weights=shares) / np.maximum(sizes, 1)
    means[sizes == 0] = np.inf
    return float(shares.mean()), float(means.min()), int(means.argmin())


def enough(recall: float, shares: Shares, regions: npt.NDArray[np.int64]) -> bool:
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
