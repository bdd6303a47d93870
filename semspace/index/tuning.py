"""How wide a walk must look for the recall asked for: measured on points that the graph hasn't seen yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from semspace.index.base import Rows

DEPTHS = (10, 100)  # how many neighbours are asked for while measuring
_WIDEST = 4_096
_MARGIN = 0.002  # over the recall asked for, since it is measured on a sample


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
    """

    recall: float
    found: float
    asked: int
    queries_per_second: float
    narrow: int
    wide: int
    slack: int

    def ef(self, k: int) -> int:
        """Give the candidates a walk keeps for `k` neighbours: on a line through both that were measured."""
        (few, many), (narrow, wide) = DEPTHS, (self.narrow, self.wide)
        return max(k, round(narrow + max(wide - narrow, 0) * (k - few) / (many - few)), narrow if k > few else few)

    def facts(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def share_found(truth: Rows, rows: Rows, k: int) -> float:
    """Give the share of the true `k` neighbours among rows found, over all queries."""
    hits = [
        len(np.intersect1d(true[:k][true[:k] >= 0], own)) / max(1, int((true[:k] >= 0).sum()))
        for true, own in zip(truth, rows, strict=True)
    ]
    return float(np.mean(hits))


def least(recall: float, k: int, measure: Callable[[int], float]) -> int:
    """Find the least number of candidates with which `measure` gives the recall asked for."""
    goal = min(recall + _MARGIN, 1.0)
    low, high = k, k
    while measure(high) < goal:
        if high >= _WIDEST:
            return _WIDEST
        low, high = high + 1, high * 2
    while high - low > max(1, high // 16):
        middle = (low + high) // 2
        if measure(middle) < goal:
            low = middle + 1
        else:
            high = middle
    return high
