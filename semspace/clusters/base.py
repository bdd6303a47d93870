"""What every method of grouping takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from semspace.clusters.near import Rows
from semspace.clusters.points import Labels

SPREAD = 1.6  # a number of groups within this factor of what is expected is acceptable


@dataclass(frozen=True)
class Want:
    """What is asked of a method.

    Parameters
    ----------
    k : int, optional
        How many groups; by default a number near `expected` that the points themselves favour.
    expected : float
        About how many groups a person would make of so many documents.
    """

    k: int | None
    expected: float
    seed: int
    progress: bool

    def acceptable(self, k: int) -> bool:
        """Tell whether so many groups are what a person might make."""
        return self.expected / SPREAD <= k <= self.expected * SPREAD

    def numbers(self, most: int) -> list[int]:
        """Give the numbers of groups worth trying, a few, evenly by factor, none above `most`."""
        if self.k is not None:
            return [self.k]
        low, high = max(2, self.expected / SPREAD), max(3, self.expected * SPREAD)
        tries = {round(low * (high / low) ** (step / 7)) for step in range(8)}
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


def usual_number(n: int, granularity: float) -> float:
    """Give about how many groups a person would make of `n` documents.

    A seventh of the square root: the labels that people gave to corpora of 800 to 19,000 documents lie around it. Which
    number near it is taken, the points decide.
    """
    return float(max(3.0, n**0.5 / 7) * granularity)
