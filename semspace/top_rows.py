"""The highest scores of many queries, while scores come for some rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from semspace.types import Bools1d, Floats1d, Floats2d, Ints1d

_CHUNK = 128  # scores of which the highest is taken for a first bound


class TopRows:
    """The rows of the `k` highest scores of each query; rows that are as high as the last of them are kept, too.

    A row is looked at only if its score reaches the `k`-th best one known so far. At first that is the `k`-th best of
    the maxima of short pieces, which is quick and at most a little too low.

    Parameters
    ----------
    n_queries, k : int
    """

    def __init__(self, n_queries: int, k: int) -> None:
        self._k = k
        self._lowest = np.full(n_queries, -np.inf, np.float32)
        self._found: list[tuple[Ints1d, Ints1d, Floats1d]] = []  # of each candidate its query, row and score
        self._blocks, self._next = 0, 1

    def add(self, first: int, scores: Floats2d) -> None:
        """Take the scores of rows from `first` on, shape (queries, rows); infinitely low ones don't count."""
        if not self._blocks:
            self._lowest = bounds_of(scores, self._k)
        at = np.flatnonzero(scores >= self._lowest[:, None])
        best = scores.ravel()[at]
        counts = best > -np.inf
        if not counts.all():
            at, best = at[counts], best[counts]
        asked, rows = np.divmod(at, scores.shape[1])
        self._found.append((asked, rows + first, best))
        self._blocks += 1
        if self._blocks == self._next:  # seldom, as bounds rise less and less
            self._next *= 2
            self._sort()

    def _sort(self) -> None:
        """Bring candidates in order, and drop those below the `k`-th best of their query."""
        asked, rows, scores = (np.concatenate(part) for part in zip(*self._found, strict=True))
        order = np.lexsort((-scores, asked))
        asked, rows, scores = asked[order], rows[order], scores[order]
        starts = np.searchsorted(asked, np.arange(len(self._lowest) + 1))
        full = np.flatnonzero(np.diff(starts) >= self._k)
        self._lowest[full] = scores[starts[full] + self._k - 1]
        kept = scores >= self._lowest[asked]
        self._found = [(asked[kept], rows[kept], scores[kept])]

    def result(self, names: Sequence[str] | npt.NDArray[np.object_]) -> list[tuple[Ints1d, Floats1d]]:
        """Return rows and scores of each query, highest first; equal scores are ordered by name."""
        if not self._found:
            return [(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in self._lowest]
        self._sort()
        asked, rows, scores = self._found[0]
        starts = np.searchsorted(asked, np.arange(len(self._lowest) + 1)).tolist()
        results = []
        for start, stop in pairwise(starts):
            own, best = rows[start:stop], scores[start:stop]
            if (best[1:] == best[:-1]).any():
                listed = best.tolist()
                order = sorted(range(len(listed)), key=lambda i: (-listed[i], names[int(own[i])]))
                own, best = own[order], best[order]
            results.append((own[: self._k].copy(), best[: self._k].copy()))
        return results


def bounds_of(scores: Floats2d, k: int) -> Floats1d:
    """Return a score for each query that at least `k` of its rows reach, infinitely low where it has fewer rows."""
    n_queries, width = scores.shape
    pieces = width // _CHUNK
    if pieces >= k:
        scores = scores[:, : pieces * _CHUNK].reshape(n_queries, pieces, _CHUNK).max(axis=2)
        width = pieces
    if width < k:
        return np.full(n_queries, -np.inf, np.float32)
    lowest: Floats1d = np.partition(scores, width - k, axis=1)[:, width - k]
    return lowest


class Excluded:
    """Rows that aren't answers: those of each query, and those that a condition doesn't allow.

    Parameters
    ----------
    skip : sequence of sequences of int
        For each query the rows to leave out.
    allowed : ndarray of bool, shape (n,), optional
    """

    def __init__(self, skip: Sequence[Sequence[int]], allowed: Bools1d | None) -> None:
        pairs = [(asked, row) for asked, rows in enumerate(skip) for row in rows]
        self._asked, self._rows = np.array(pairs, np.int64).reshape(-1, 2).T
        self._blocked = None if allowed is None else ~allowed

    def apply(self, first: int, scores: Floats2d) -> None:
        """Set the scores of rows from `first` on that aren't answers infinitely low."""
        rows = self._rows - first
        inside = (rows >= 0) & (rows < scores.shape[1])
        scores[self._asked[inside], rows[inside]] = -np.inf
        if self._blocked is not None:
            scores[:, self._blocked[first : first + scores.shape[1]]] = -np.inf
