"""What every method of grouping takes and gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from semspace.clusters.distinct_points import Labels
from semspace.clusters.knn import Rows


@dataclass(frozen=True)
class Usual:
    """How many groups a person would make of so many documents: about `middle`, at least `low`, at most `high`."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, n: int, granularity: float) -> Usual:
        """Give what is usual for `n` documents.

        A seventh of the square root, or between that divided by 1.4 and multiplied by it: there lie the labels that
        people gave to corpora of 800 to 19,000 documents. Of less than 800 about 4, from 2 to 8, and a group has four
        documents.
        """
        middle, spread = n**0.5 / 7, 1.4
        if middle < 4:
            middle, spread = min(4.0, n / 4), 2.0
        middle = max(1.0, middle) * granularity
        return cls(middle / spread, middle, middle * spread)

    def __contains__(self, k: int) -> bool:
        """Tell whether so many groups are usual."""
        return self.low <= k <= self.high

    def off(self, k: int) -> float:
        """Tell by what factor so many groups are off the middle, as a logarithm."""
        return abs(math.log(k / self.middle))


@dataclass(frozen=True)
class Want:
    """What is asked of a method.

    Parameters
    ----------
    k : int, optional
        How many groups; by default a usual number that the points themselves favour.
    """

    k: int | None
    usual: Usual
    seed: int
    progress: bool

    def numbers(self, most: int) -> list[int]:
        """Give the numbers of groups worth trying, a few, evenly by factor, none above `most`."""
        if self.k is not None:
            return [self.k]
        low, high = max(2, self.usual.low), self.usual.high
        tries = {round(low * (high / low) ** (step / 7)) for step in range(8)} if high >= low else {1}
        return sorted(k for k in tries if k <= most) or [most]


@dataclass(frozen=True)
class Found:
    """The groups that a method found.

    Parameters
    ----------
    labels : ndarray of int32, shape (m,)
        -1 for points that the method leaves out.
    again : callable
        The same method, with the settings it came to, on some of the points: ``again(rows, seed)`` gives their labels.
    facts : mapping
        What it came to, for the provenance.
    """

    labels: Labels
    again: Callable[[Rows, int], Labels]
    facts: Mapping[str, Any] = field(default_factory=dict)


# A way to group points: a function of points, `Want`, and settings of its own by name; see `methods.METHODS`.
Method = Callable[..., Found]
