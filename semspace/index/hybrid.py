"""One hybrid search: candidates of the vectors and of BM25, seen by both and fused."""

from __future__ import annotations

from typing import Any

import numpy as np

from semspace.index.fusion import Candidates, Fusion
from semspace.index.points import View
from semspace.queries import best_rows, score_blocks
from semspace.types import Doubles1d, Floats1d, Ints1d


def fused_rows(
    view: View,
    metric: str,
    vector: Floats1d,
    nearest: tuple[Ints1d, Floats1d],
    word_scores: Doubles1d,
    highest: float,
    fusion: Fusion,
    k: int,
    depth: int,
) -> tuple[Ints1d, Doubles1d]:
    """Return the rows of the best points by meaning and words, and their scores.

    Parameters
    ----------
    view : View
    metric : {"cosine", "dot", "euclidean"}
    vector : (dim,) float32
        The query.
    nearest : (rows, scores)
        The nearest points, highest score first.
    word_scores : (rows of the view,) float64
        BM25 of each row; 0 for those that may not be returned.
    highest : float
        More than any text could have.
    fusion : Fusion
    k : int
        Number of points to return; fewer where there are fewer.
    depth : int
        Number of points that BM25 contributes.
    """
    near_rows, near_scores = nearest
    names: Any = _Names(view)
    words: Any = word_scores  # in double precision
    word_rows = best_rows(words, depth, names, allowed=word_scores > 0)
    if fusion.alpha == 0:
        return word_rows[:k], word_scores[word_rows[:k]]
    rows = np.union1d(near_rows, word_rows)
    if not len(rows):
        return rows, np.empty(0)
    scores = next(score_blocks(view.vectors(rows), view.sizes[rows], vector[None], metric))[0].astype(np.float64)
    scores[np.searchsorted(rows, near_rows)] = near_scores
    by_meaning = Candidates.by_meaning(scores, _ranks(rows, near_rows), metric)
    by_words = Candidates(word_scores[rows], _ranks(rows, word_rows), 0.0, highest)
    fused = fusion.scores(by_meaning, by_words).astype(np.float32)
    picked: Any = _NamesAt(names, rows)
    best = best_rows(fused, k, picked)
    return rows[best].astype(np.int64), fused[best].astype(np.float64)


class _Names:
    """Ids of rows, looked up when they are needed."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __getitem__(self, row: int) -> str:
        return self._view.ids(np.array([row]))[0]


class _NamesAt:
    """Names of some rows, by their position among them."""

    def __init__(self, names: _Names, rows: Ints1d) -> None:
        self._names, self._rows = names, rows

    def __getitem__(self, position: int) -> str:
        return self._names[int(self._rows[position])]


def _ranks(rows: Ints1d, ranked: Ints1d) -> Ints1d:
    """Return the place of each of `rows`, which increase, in a ranking of some of them; -1 where it isn't there."""
    ranks = np.full(len(rows), -1, np.int64)
    ranks[np.searchsorted(rows, ranked)] = np.arange(len(ranked))
    return ranks
