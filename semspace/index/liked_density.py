"""Recommendation by density: how close a point is to the examples that are liked, and to those that aren't."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from semspace import checks, queries
from semspace.index.collection import Collection, Hits
from semspace.types import Doubles1d, Floats1d, Floats2d

SHARPNESS = 10.0  # chosen on histories of the dev part of benchmarks/latent_recommend.py, as is the next
DISLIKED = 0.25  # weight of the disliked examples
CANDIDATES = 5  # neighbours of each liked example, as a multiple of k, where not every point is compared


@dataclass(frozen=True, eq=False)
class LikedDensity:
    """The density of liked examples at a point, minus a quarter of that of disliked ones, as logarithms.

    The density of examples x₁ … xₙ at p is the mean of ``exp(10 · similarity(p, xᵢ))``: a kernel density. A tenth of
    its logarithm lies between the mean of the similarities and the greatest. So a point is recommended that is close
    to some of the examples, and a history of two interests has two regions; the mean of all may lie between them,
    where no documents are.

    Parameters
    ----------
    like : (n, dim) float32, n ≥ 1
    dislike : (m, dim) float32
    metric : {"cosine", "dot", "euclidean"}
        The similarity is the cosine. For the others it is what the cosine would be if all points were as long as the
        liked ones (root mean square r): ``p·x / r²``, and ``1 - |p - x|² / 2r²``, whose kernel is Gaussian.
    """

    like: Floats2d
    dislike: Floats2d
    metric: str

    def scores(self, vectors: Floats2d) -> Floats1d:
        """Return the score of each vector, shape (n,) float32; higher is better."""
        found = self._log_density(vectors, self.like)
        if len(self.dislike):
            found -= DISLIKED * self._log_density(vectors, self.dislike)
        return found.astype(np.float32)

    def _log_density(self, vectors: Floats2d, examples: Floats2d) -> Doubles1d:
        """Return a soft maximum of the similarities to examples: between their mean and their maximum."""
        blocks = queries.score_blocks(vectors, queries.lengths(vectors), examples, self.metric)
        similarities = np.concatenate([*blocks]).astype(np.float64)
        if self.metric != "cosine":
            square = float(np.mean(queries.lengths(self.like).astype(np.float64) ** 2))
            similarities = similarities / square if self.metric == "dot" else 1 - np.square(similarities) / (2 * square)
        highest = similarities.max(axis=0)
        means = np.exp(SHARPNESS * (similarities - highest)).mean(axis=0)
        density: Doubles1d = highest + np.log(means) / SHARPNESS
        return density


def densest(
    points: Collection,
    density: LikedDensity,
    skip: Iterable[str],
    k: int,
    where: str | None = None,
    among: Sequence[str] | None = None,
    *,
    exact: bool = False,
) -> Hits:
    """Return the `k` points with the highest scores, equal ones by id, without those to skip.

    All points are compared where the collection is one that compares all, or with `exact`. Otherwise the candidates
    are what searches near each liked example find, five times `k` of each.
    """
    left_out = frozenset(skip)
    parts: Iterable[tuple[list[str], Floats2d]]
    if exact or points.method == "exact":
        parts = points.pieces(where=where, among=among)
    else:
        likes, own = density.like, [sorted(left_out)] * len(density.like)
        near = points.nearest(likes, CANDIDATES * k, where=where, among=among, skip=own)
        ids = sorted({id for hits in near for id in hits.ids})
        parts = [(ids, points.vectors(ids))] if ids else []
    best: list[tuple[float, str]] = []
    for ids, vectors in parts:
        pairs = zip((-density.scores(vectors)).tolist(), ids, strict=True)
        best = heapq.nsmallest(k, [*best, *(pair for pair in pairs if pair[1] not in left_out)])
    names = tuple(id for _, id in best)
    scores = checks.frozen(np.array([-score for score, _ in best], np.float32))
    return Hits(names, scores, points.metadata(names) if names else None)
