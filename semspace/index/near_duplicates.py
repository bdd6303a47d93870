"""All pairs of points that are nearly the same, by comparing every pair; and the best pairs of many."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from semspace import queries
from semspace.kernels.compiling import compiled
from semspace.progress import bar
from semspace.types import Floats1d, Floats2d, Ints1d

ScoredPairs = tuple[Ints1d, Ints1d, Floats1d]
_SIDE = 4_096  # points compared with that many others at a time: 64 MB of scores


def compare_all_pairs(vectors: Floats2d, metric: str, least: float, *, progress: bool = True) -> Iterator[ScoredPairs]:
    """Find all pairs of rows that score at least `least`, each once, the lower row first."""
    points = queries.unit(vectors) if metric == "cosine" else vectors
    n = len(points)
    with bar("comparing all pairs", n * (n + 1) // 2, unit="pair", progress=progress) as shown:
        for first in range(0, n, _SIDE):
            left = points[first : first + _SIDE]
            for second in range(first, n, _SIDE):
                right = points[second : second + _SIDE]
                yield _above(_scores(left, right, metric), least, first, second)
                shown.update(len(left) * len(right) if second > first else len(left) * (len(left) + 1) // 2)


def _scores(left: Floats2d, right: Floats2d, metric: str) -> Floats2d:
    if metric != "euclidean":
        scores: Floats2d = left @ right.T
        return scores
    return np.concatenate([*queries.score_blocks(right, queries.lengths(right), left, metric)])


def _above(scores: Floats2d, least: float, first: int, second: int) -> ScoredPairs:
    found = np.empty((_matches(scores, np.float32(least), first == second, np.empty((0, 2), np.int64)), 2), np.int64)
    _matches(scores, np.float32(least), first == second, found)
    values: Floats1d = scores[found[:, 0], found[:, 1]]
    return found[:, 0] + first, found[:, 1] + second, values


@compiled
def _matches(scores: Floats2d, least: np.float32, same: bool, found: Ints1d) -> int:
    """Count scores that are high enough, and fill in their positions; with `same`, only above the diagonal."""
    total = 0
    for i in range(scores.shape[0]):
        begin = i + 1 if same else 0
        top = np.float32(-np.inf)
        for j in range(begin, scores.shape[1]):
            top = max(top, scores[i, j])
        if top < least:
            continue
        for j in range(begin, scores.shape[1]):
            if scores[i, j] >= least:
                if total < len(found):
                    found[total, 0] = i
                    found[total, 1] = j
                total += 1
    return total


def best_pairs(parts: Iterator[ScoredPairs], most: int) -> tuple[ScoredPairs, bool]:
    """Return the `most` highest of pairs given in parts, highest first, and whether others were dropped."""
    held: ScoredPairs = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    cut = False
    waiting: list[ScoredPairs] = [held]
    count = 0
    for part in parts:
        waiting.append(part)
        count += len(part[0])
        if count > 4 * most:
            held, gone = _highest(waiting, most)
            waiting, count, cut = [held], len(held[0]), cut or gone
    held, gone = _highest(waiting, most)
    return held, cut or gone


def _highest(parts: list[ScoredPairs], most: int) -> tuple[ScoredPairs, bool]:
    a, b, scores = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    _, once = np.unique(a << 32 | b, return_index=True)  # a search finds a pair from both of its points
    a, b, scores = a[once], b[once], scores[once]
    order = np.lexsort((b, a, -scores))[:most]
    return (a[order], b[order], scores[order]), len(a) > most
