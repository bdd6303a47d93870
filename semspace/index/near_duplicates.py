"""All pairs of points that are nearly the same: by comparing all with all, or through the index."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from semspace import queries
from semspace.kernels.compiling import compiled
from semspace.progress import bar
from semspace.types import Floats1d, Floats2d

Rows = npt.NDArray[np.int64]
Pairs = tuple[Rows, Rows, Floats1d]
_SIDE = 4_096  # points compared with as many at a time: 64 MB of scores


def compare_all_pairs(vectors: Floats2d, metric: str, least: float, *, progress: bool = True) -> Iterator[Pairs]:
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


def _above(scores: Floats2d, least: float, first: int, second: int) -> Pairs:
    found = np.empty((_matches(scores, np.float32(least), first == second, np.empty((0, 2), np.int64)), 2), np.int64)
    _matches(scores, np.float32(least), first == second, found)
    values: Floats1d = scores[found[:, 0], found[:, 1]]
    return found[:, 0] + first, found[:, 1] + second, values


@compiled
def _matches(scores: Floats2d, least: np.float32, same: bool, found: Rows) -> int:
    """Count scores that are high enough, and note where while there is room; with `same`, above the diagonal only."""
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


def best_pairs(parts: Iterator[Pairs], most: int) -> tuple[Pairs, bool]:
    """Keep the `most` highest of pairs that come in parts, highest first; tell whether some had to go."""
    held: Pairs = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    cut = False
    waiting: list[Pairs] = [held]
    count = 0
    for part in parts:
        waiting.append(part)
        count += len(part[0])
        if count > 4 * most:
            held, gone = _highest(waiting, most)
            waiting, count, cut = [held], len(held[0]), cut or gone
    held, gone = _highest(waiting, most)
    return held, cut or gone


def _highest(parts: list[Pairs], most: int) -> tuple[Pairs, bool]:
    a, b, scores = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    _, once = np.unique(a << 32 | b, return_index=True)  # a walk finds a pair from both of its ends
    a, b, scores = a[once], b[once], scores[once]
    order = np.lexsort((b, a, -scores))[:most]
    return (a[order], b[order], scores[order]), len(a) > most
