"""Counterparts: which documents are as near to another corpus as that corpus's own documents are to each other.

A document is covered by a corpus if its nearest document there is as near as the documents of that corpus are to one
another. That asks what the recall of Kynkäänniemi et al. (2019), "Improved Precision and Recall Metric for Assessing
Generative Models", asks: is a point inside the support of the other sample? There, each point of a sample has a ball
that reaches to its own k-th neighbour; as Naeem et al. (2020), "Reliable Fidelity and Diversity Metrics for Generative
Models", point out, one outlier with its wide ball then takes in much of the space. So a corpus has one radius here, a
quantile of all its nearest-neighbour cosines, which no single outlier moves much; and the share that is covered when
nothing differs is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.clusters.knn import KnnSearch
from semspace.comparison.overlap import membership
from semspace.comparison.overlap.membership import MAX_EXACT_PAIRS
from semspace.progress import bar
from semspace.statistics import wilson
from semspace.types import Bools1d, Doubles1d, Floats1d, Floats2d, Ints1d

COVERED_SHARE = 0.95  # of a corpus's own documents are within its radius
_BLOCK_SIDE = 2_048  # rows and columns of a block of cosines: 16 MB
_BELOW_ALL = np.float32(-2)  # below any cosine
_ROUNDING = 1e-6  # cosines of equal vectors can differ by this


@dataclass(frozen=True, eq=False)
class Counterparts:
    """The nearest documents of each of n documents, in other corpora and in its own.

    Parameters
    ----------
    other : ndarray of int64, shape (n,)
        The row of the nearest document among all other corpora. Of equally near ones, the first.
    other_score : ndarray of float32, shape (n,)
        Its cosine.
    own : ndarray of int64, shape (n,)
        The row of the nearest other document of the same corpus; -1 if there is none.
    own_score : ndarray of float32, shape (n,)
        Its cosine; NaN if there is none.
    yardsticks : ndarray of float64, shape (corpora,)
        For each corpus the cosine that 95 % of its documents (all, if they are fewer than 19) have at least with their
        nearest in the same corpus; NaN for a corpus of one document or none.
    covered : ndarray of bool, shape (n,)
        Whether `other_score` reaches the yardstick of the corpus that `other` is of; False where it has none.
    """

    other: Ints1d
    other_score: Floats1d
    own: Ints1d
    own_score: Floats1d
    yardsticks: Doubles1d
    covered: Bools1d


def find_counterparts(vectors: npt.ArrayLike, corpus_ids: npt.ArrayLike, *, progress: bool = True) -> Counterparts:
    """Find each document's nearest in the other corpora and in its own, and whether it is covered.

    A document is *covered* if it is as near to its counterpart as 95 % of the counterpart's corpus are to their nearest
    in that corpus. Cosines with the nearest grow with the size of a corpus; since both are computed with the same
    corpus, the size of the document's own corpus doesn't matter. Coverage isn't symmetric: a narrow corpus is covered
    by a broad one, and not the other way round.

    Up to 63,000 documents all pairs are compared; beyond that an HNSW index of each corpus is searched, which misses
    some.

    Parameters
    ----------
    vectors : array of shape (n, dim)
        Of any length but 0.
    corpus_ids : array of int, shape (n,)
        The number of each document's corpus, from 0.

    Raises
    ------
    InputError
        If there are fewer than two corpora, or a vector has no direction.
    """
    points = membership.unit_vectors(vectors)
    corpora = membership.check_corpus_ids(corpus_ids, len(points))
    find_nearest = _all_pairs if len(points) ** 2 <= MAX_EXACT_PAIRS else _by_index
    (other, own), (other_score, own_score) = find_nearest(points, corpora, progress)
    own_score[own < 0] = np.nan
    yardsticks = np.array([_yardstick(own_score[corpora == one]) for one in range(int(corpora.max()) + 1)])
    covered = other_score >= yardsticks[corpora[other]] - _ROUNDING  # never where that is NaN
    for array in (other, other_score, own, own_score, yardsticks, covered):
        array.setflags(write=False)
    return Counterparts(other, other_score, own, own_score, yardsticks, covered)


def coverage(found: Counterparts, corpus_ids: npt.ArrayLike, names: Sequence[str]) -> pl.DataFrame:
    """Return how many documents of each corpus have a counterpart in another corpus.

    Columns ``corpus``, ``documents``, ``covered``, ``share`` with its 95 % interval ``low`` to ``high`` (Wilson 1927),
    and ``expected``: what it would be if all corpora were samples of one source. The interval assumes that
    documents are independent and the other corpora fixed.

    ``expected`` is 0.95 for two corpora, by construction. Of several corpora the nearest of all others is nearer than
    that of any one; if all are of one source and the others hold n_1, n_2, ... documents, N in all, ``expected`` is
    ``1 - sum(n_i / N * 0.05 ** (N / n_i))``: the nearest is the i-th's with probability n_i / N, and is the best of
    N documents where the yardstick speaks of n_i. The yardstick of fewer than 19 documents is reached by all of them,
    so that ``1 / (n_i + 1)`` stands for 0.05. Simulated, 40 pairs of 400 documents each (normal directions in 5 and 50
    dimensions) had 0.951 and 0.950 on average, 3 corpora 0.997, as expected; 40 random halves of 300 news texts 0.951.
    """
    corpora = membership.check_corpus_ids(corpus_ids, len(found.other))
    total = membership.corpus_sizes(corpora, list(names))
    count = np.bincount(corpora[found.covered], minlength=len(total))
    has_documents = total > 0
    low, high = wilson(count, np.maximum(total, 1))
    share = count / np.maximum(total, 1)
    return pl.DataFrame(
        {
            "corpus": list(names),
            "documents": total,
            "covered": count,
            "share": np.where(has_documents, share, np.nan),
            "low": np.where(has_documents, low, np.nan),
            "high": np.where(has_documents, high, np.nan),
            "expected": _expected(total),
        }
    ).with_columns(pl.col("share", "low", "high").fill_nan(None))


def _expected(total: Ints1d) -> list[float | None]:
    """Return the share covered if all corpora are of one source; see `coverage`."""
    expected: list[float | None] = []
    for one, own in enumerate(total):
        others = np.delete(total, one)
        others = others[others > 0]
        outside = np.maximum(1 - COVERED_SHARE, 1 / (others + 1))
        missed = np.where(others > 1, outside ** (others.sum() / others), 1.0)  # one alone has no yardstick
        expected.append(float(1 - others @ missed / others.sum()) if own else None)
    return expected


def _yardstick(scores: Floats1d) -> float:
    known = scores[~np.isnan(scores)]
    return float(np.quantile(known, 1 - COVERED_SHARE, method="weibull")) if len(known) else float("nan")


_NearestDocuments = tuple[tuple[Ints1d, Ints1d], tuple[Floats1d, Floats1d]]


def _all_pairs(points: Floats2d, corpus_ids: Ints1d, progress: bool) -> _NearestDocuments:
    """Compare all pairs, each once: a block of cosines updates its rows and its columns."""
    order, spans = membership.corpus_spans(corpus_ids)
    points = points[order]
    rows = np.full((2, len(points)), -1, np.int64)
    scores = np.full((2, len(points)), _BELOW_ALL, np.float32)
    with bar("looking for counterparts", len(points) ** 2 // 2, unit="pair", progress=progress) as progress_bar:
        for place, one in enumerate(spans):
            for other in spans[place:]:
                kind = int(one == other)
                for left, right in membership.block_pairs(one, other, _BLOCK_SIDE):
                    block = points[left] @ points[right].T
                    if left == right:
                        np.fill_diagonal(block, _BELOW_ALL)
                    _update_nearest(block, right.start, rows[kind, left], scores[kind, left])
                    _update_nearest(block.T, left.start, rows[kind, right], scores[kind, right])
                    progress_bar.update(block.size)
    found, values = np.full((2, len(corpus_ids)), -1, np.int64), np.empty((2, len(corpus_ids)), np.float32)
    found[:, order] = np.where(rows >= 0, order[rows], -1)
    values[:, order] = scores
    return (found[0], found[1]), (values[0], values[1])


def _update_nearest(block: Floats2d, first: int, rows: Ints1d, scores: Floats1d) -> None:
    """Update the nearest of the rows of a block, whose columns begin at the row `first`."""
    top = block.max(axis=1)
    nearer = np.flatnonzero(top > scores)  # few, after the first blocks
    rows[nearer] = first + np.ascontiguousarray(block[nearer]).argmax(axis=1)
    scores[nearer] = top[nearer]


def _by_index(points: Floats2d, corpus_ids: Ints1d, progress: bool) -> _NearestDocuments:
    """Search an index of each corpus."""
    other, own = np.full(len(corpus_ids), -1, np.int64), np.full(len(corpus_ids), -1, np.int64)
    other_score, own_score = (
        np.full(len(corpus_ids), _BELOW_ALL, np.float32),
        np.full(len(corpus_ids), _BELOW_ALL, np.float32),
    )
    for one in np.unique(corpus_ids):
        members, strangers = np.flatnonzero(corpus_ids == one), np.flatnonzero(corpus_ids != one)
        neighbors = KnnSearch(points[members], progress)
        if len(members) > 1:
            rows, scores = neighbors.neighbors(1)
            own[members], own_score[members] = members[rows[:, 0]], scores[:, 0]
        rows, scores = neighbors.query(points[strangers], 1)
        nearer = (rows[:, 0] >= 0) & (scores[:, 0] > other_score[strangers])
        taken = strangers[nearer]
        other[taken], other_score[taken] = members[rows[nearer, 0]], scores[nearer, 0]
    return (other, own), (other_score, own_score)
