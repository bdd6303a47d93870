"""Pairs of points that are nearly the same: all of them, by comparing every pair; and the best pairs of many."""

from __future__ import annotations

import warnings

import numpy as np

from semspace.errors import SemspaceWarning
from semspace.index.pair_screen import PairScreen
from semspace.kernels.compiling import compiled
from semspace.progress import bar
from semspace.types import Doubles1d, Floats1d, Floats2d, Ints1d, Ints2d

ScoredPairs = tuple[Ints1d, Ints1d, Floats1d]
_ROWS, _COLUMNS = 512, 2_048  # points compared with each other at a time: 4 MB of scores, which stay in the cache
_ROOM = 4_096  # pairs of a block, before more room is made
_GATHERED = 4_096  # pairs scored at a time
_COSINE, _DOT, _EUCLIDEAN = range(3)
_METRICS = {"cosine": _COSINE, "dot": _DOT, "euclidean": _EUCLIDEAN}


class BestPairs:
    """The `most` highest of pairs that come in parts; `least` rises while they come.

    Parameters
    ----------
    least : float
        The lowest score that counts.
    most : int
    """

    def __init__(self, least: float, most: int) -> None:
        self.least = least
        self.truncated = False  # whether others were dropped
        self._most = most
        self._held: ScoredPairs = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
        self._waiting: list[ScoredPairs] = []
        self._count = 0  # of those waiting

    def add(self, part: ScoredPairs) -> None:
        """Take pairs; one may come more than once."""
        if len(part[0]):
            self._waiting.append(part)
            self._count += len(part[0])
        if self._count > max(3 * self._most, _ROOM):
            self._sort()

    def _sort(self) -> None:
        parts = [self._held, *self._waiting]
        a, b, scores = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        _, once = np.unique(a << 32 | b, return_index=True)  # a search finds a pair from both of its points
        a, b, scores = a[once], b[once], scores[once]
        order = np.lexsort((b, a, -scores))[: self._most]
        self.truncated |= len(a) > self._most
        self._held, self._waiting, self._count = (a[order], b[order], scores[order]), [], 0
        if len(order) == self._most:
            self.least = max(self.least, float(scores[order[-1]]))

    def warn(self, lowest: float, stacklevel: int) -> None:
        """Warn where pairs were dropped; `lowest` is the score that was asked for."""
        if self.truncated:
            warnings.warn(
                f"there are more than max_pairs={self._most:,} pairs with a score of at least {lowest:g}; only the "
                f"best are returned: raise min_score or max_pairs for all",
                SemspaceWarning,
                stacklevel=stacklevel,
            )

    def result(self) -> ScoredPairs:
        """Return first rows, second rows and scores, highest first; equal scores are ordered by rows."""
        self._sort()
        return self._held


def compare_within(vectors: Floats2d, metric: str, best: BestPairs, *, progress: bool = True) -> None:
    """Find the best pairs of rows, each once, the lower row first, by comparing all with all."""
    _compare(vectors, vectors, metric, best, within=True, progress=progress)


def compare_between(left: Floats2d, right: Floats2d, metric: str, best: BestPairs, *, progress: bool = True) -> None:
    """Find the best pairs of a row of `left` and one of `right`, by comparing all with all."""
    _compare(left, right, metric, best, within=False, progress=progress)


def _compare(left: Floats2d, right: Floats2d, metric: str, best: BestPairs, *, within: bool, progress: bool) -> None:
    n, m = len(left), len(right)
    if not n or not m:
        return
    screen = PairScreen.fit(left, right, metric, best.least)
    a, b = screen.left(left), screen.right(right)
    reach = screen.reach(left, right)
    scores = np.empty((_ROWS, _COLUMNS), np.float32)
    found = np.empty((_ROOM, 2), np.int64)
    with bar("comparing all pairs", n * (n - 1) // 2 if within else n * m, unit="pair", progress=progress) as shown:
        for second in range(0, m, _COLUMNS):
            columns = b[second : second + _COLUMNS]
            stop = min(n, second + len(columns)) if within else n
            for first in range(0, stop, _ROWS):
                rows = a[first : min(first + _ROWS, stop)]
                block = np.matmul(rows, columns.T, out=_view(scores, len(rows), len(columns)))
                bound = screen.bound(best.least, reach)
                count = reached(block, bound, first, second, within, found)
                if count > len(found):
                    found = np.empty((count, 2), np.int64)
                    reached(block, bound, first, second, within, found)
                best.add(exactly(left, right, found[:count], metric, best.least))
                shown.update(_compared(first, len(rows), second, len(columns)) if within else block.size)


def _view(room: Floats2d, rows: int, columns: int) -> Floats2d:
    """Return a whole matrix in the room that there is."""
    return room.reshape(-1)[: rows * columns].reshape(rows, columns)


def _compared(first: int, rows: int, second: int, columns: int) -> int:
    """Count the pairs of a block of which the first row comes before the second."""
    return sum(min(max(second + columns - row - 1, 0), columns) for row in range(first, first + rows))


def exactly(left: Floats2d, right: Floats2d, pairs: Ints2d, metric: str, least: float) -> ScoredPairs:
    """Return those of the pairs that score at least `least`, with their scores, computed in double precision."""
    if not len(pairs):
        return pairs[:, 0], pairs[:, 1], np.empty(0, np.float32)
    exact = np.empty(len(pairs), np.float64)
    for start in range(0, len(pairs), _GATHERED):
        some = slice(start, start + _GATHERED)
        a, b = (np.ascontiguousarray(side[pairs[some, at]]) for at, side in enumerate((left, right)))
        score_pairs(a, b, _METRICS[metric], exact[some])
    scores = exact.astype(np.float32)
    kept = scores >= np.float32(least)
    return pairs[kept, 0], pairs[kept, 1], scores[kept]


@compiled
def reached(scores: Floats2d, bound: np.float32, first: int, second: int, within: bool, found: Ints2d) -> int:
    """Count scores that reach a bound, `within` one set above the diagonal; write their rows while there is room."""
    total = 0
    for i in range(scores.shape[0]):
        begin = min(max(first + i + 1 - second, 0), scores.shape[1]) if within else 0
        row = scores[i, begin:]
        high = np.int32(0)
        for j in range(len(row)):  # a sum, which compilers vectorise
            high += np.int32(row[j] >= bound)
        if not high:
            continue
        for j in range(len(row)):
            if row[j] >= bound:
                if total < len(found):
                    found[total, 0] = first + i
                    found[total, 1] = second + begin + j
                total += 1
    return total


@compiled
def score_pairs(left: Floats2d, right: Floats2d, metric: int, scores: Doubles1d) -> None:
    """Score each row of `left` with the same row of `right`, in double precision."""
    for at in range(len(left)):
        across, own, other, apart = 0.0, 0.0, 0.0, 0.0
        for d in range(left.shape[1]):
            x, y = np.float64(left[at, d]), np.float64(right[at, d])
            across += x * y
            own += x * x
            other += y * y
            apart += (x - y) * (x - y)
        if metric == _EUCLIDEAN:
            scores[at] = -np.sqrt(apart)
        elif metric == _DOT:
            scores[at] = across
        else:
            scores[at] = min(max(across / np.sqrt(own * other), -1.0), 1.0)
