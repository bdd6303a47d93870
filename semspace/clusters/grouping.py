"""The interface of clustering methods: what a method is asked for, and what it returns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from semspace.types import Int32s1d, Ints1d

_SPREAD = 1.4  # factor between the typical number of groups and the smallest or largest one that is still usual
_FEW, _SPREAD_OF_FEW = 4, 2.0  # groups; where fewer are typical, this number is, with a wider spread
_MIN_GROUP_SIZE = 4  # documents in a group, on average
_MAX_CANDIDATES = 8  # numbers of groups that a method tries


@dataclass(frozen=True)
class GroupCountPrior:
    """The number of groups that people make of a corpus: typically `typical`, rarely outside `low` to `high`."""

    low: float
    typical: float
    high: float

    @classmethod
    def for_points(cls, n: int, granularity: float) -> GroupCountPrior:
        """Return the prior for `n` points.

        The typical number is ``sqrt(n) / 7``, within a factor of 1.4: this fits 18 labelled corpora of 800 to 19,000
        documents. Below 800 documents it is 4 (2 to 8), but no more than one group for every 4 documents.
        """
        typical, spread = n**0.5 / 7, _SPREAD
        if typical < _FEW:
            typical, spread = min(float(_FEW), n / _MIN_GROUP_SIZE), _SPREAD_OF_FEW
        typical = max(1.0, typical) * granularity
        return cls(typical / spread, typical, typical * spread)

    def __contains__(self, n_clusters: int) -> bool:
        """Check whether a number of groups is usual."""
        return self.low <= n_clusters <= self.high

    def distance(self, n_clusters: int) -> float:
        """Return how far a number of groups is from the typical one: the absolute logarithm of their ratio."""
        return abs(math.log(n_clusters / self.typical))


@dataclass(frozen=True)
class Request:
    """What a clustering method is asked for.

    Parameters
    ----------
    n_clusters : int, optional
        Number of groups; by default the method chooses one that `prior` allows.
    prior : GroupCountPrior
    seed : int
    progress : bool
    """

    n_clusters: int | None
    prior: GroupCountPrior
    seed: int
    progress: bool

    def candidates(self, limit: int) -> list[int]:
        """Return up to 8 numbers of groups to try, evenly spaced by ratio, none above `limit`."""
        if self.n_clusters is not None:
            return [self.n_clusters]
        low, high = max(2, self.prior.low), self.prior.high
        steps = _MAX_CANDIDATES - 1
        counts = {round(low * (high / low) ** (step / steps)) for step in range(steps + 1)} if high >= low else {1}
        return sorted(count for count in counts if count <= limit) or [limit]


@dataclass(frozen=True)
class Grouping:
    """The groups that a method found.

    Parameters
    ----------
    labels : ndarray of int32, shape (m,)
        The group of each point, -1 for points that the method leaves out.
    regroup : callable
        The same method with the settings that it chose, on subsets: ``regroup(samples, seed)`` iterates over the labels
        of each array of rows.
    facts : mapping
        The settings that it chose, for the provenance.
    """

    labels: Int32s1d
    regroup: Callable[[Sequence[Ints1d], int], Iterator[Int32s1d]]
    facts: Mapping[str, Any] = field(default_factory=dict)


def one_by_one(regroup: Callable[[Ints1d, int], Int32s1d]) -> Callable[[Sequence[Ints1d], int], Iterator[Int32s1d]]:
    """Return a `Grouping.regroup` that groups each sample by ``regroup(rows, seed)``, with seeds that count up."""
    return lambda samples, seed: (regroup(rows, seed + number) for number, rows in enumerate(samples))


# A clustering method: a function of points, a `Request`, and options of its own by name; see `methods.METHODS`.
Method = Callable[..., Grouping]
