"""How the results of two searches, by meaning and by words, become one ranking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semspace import checks
from semspace.types import Doubles1d, Ints1d

WEIGHTED, RECIPROCAL_RANK = "weighted", "rrf"
METHODS = (WEIGHTED, RECIPROCAL_RANK)
DEPTH = 100  # points that each search contributes at least
_SHARPNESS = 1.25  # power of the share of BM25
_RRF_K = 60.0  # of Cormack, Clarke & Büttcher 2009


@dataclass(frozen=True)
class Fusion:
    """A way to fuse two rankings.

    Parameters
    ----------
    method : {"weighted", "rrf"}
        ``"weighted"``: `alpha` times the cosine (0 where it is negative) plus ``1 - alpha`` times the share of the
        highest BM25 that any text could have for the query (after Bruch, Gai & Ingber 2023), to the power of 1.25. So
        a text that shares only everyday words with the query gains little, and one that has all its words as much.
        Other metrics than the cosine are scaled, so that the best point has 1. ``"rrf"``: the sum of
        ``weight / (60 + rank)`` (Cormack et al. 2009).
    alpha : float
        The share of the vectors, from 0 to 1.
    """

    method: str = WEIGHTED
    alpha: float = 0.5

    def __post_init__(self) -> None:
        checks.choice("fusion", self.method, METHODS)
        checks.number("alpha", self.alpha, high=1.0)

    @property
    def metric(self) -> str:
        """What the fused scores are, for `Neighbors.metric`."""
        if self.alpha == 0:
            return "bm25"
        return "hybrid" if self.method == WEIGHTED else "rrf"

    def scores(self, by_meaning: Candidates, by_words: Candidates) -> Doubles1d:
        """Return the fused score of each of n candidates, given the same n as seen by both searches."""
        weights = self.alpha, 1 - self.alpha
        if self.method == WEIGHTED:
            parts = [by_meaning.scaled, by_words.scaled**_SHARPNESS]
        else:
            parts = [one.reciprocal_ranks for one in (by_meaning, by_words)]
        fused: Doubles1d = weights[0] * parts[0] + weights[1] * parts[1]
        return fused


@dataclass(frozen=True, eq=False)
class Candidates:
    """The same n points as one of the searches sees them.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
    ranks : ndarray of int64, shape (n,)
        The place of each point in the search's own result, from 0; -1 for those it didn't return.
    lowest, highest : float
        The scores that become 0 and 1; lower ones become 0, too.
    """

    scores: Doubles1d
    ranks: Ints1d
    lowest: float
    highest: float

    @classmethod
    def by_meaning(cls, scores: Doubles1d, ranks: Ints1d, metric: str) -> Candidates:
        """Return candidates whose scores are those of a metric."""
        if metric == "cosine":
            return cls(scores, ranks, 0.0, 1.0)
        listed = scores[ranks >= 0]
        best = float(listed.max(initial=-np.inf))
        return cls(scores, ranks, 0.0 if best > 0 else float(listed.min(initial=0.0)), best)

    @property
    def scaled(self) -> Doubles1d:
        """Scores from 0 to 1."""
        width = self.highest - self.lowest
        if width <= 0:  # there is only one score
            return (self.ranks >= 0).astype(np.float64)
        scaled: Doubles1d = np.clip((self.scores - self.lowest) / width, 0.0, 1.0)
        return scaled

    @property
    def reciprocal_ranks(self) -> Doubles1d:
        """``1 / (60 + rank)``, ranks from 1; 0 for points that weren't returned."""
        return np.where(self.ranks >= 0, 1 / (_RRF_K + 1 + self.ranks), 0.0)
