"""Which documents have a counterpart in another corpus, by the yardstick of that corpus itself.

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
from semspace.comparison.overlap.membership import AFFORDABLE, Rows
from semspace.progress import bar
from semspace.statistics import wilson
from semspace.types import Floats1d, Floats2d

AT_HOME = 0.95  # the share of a corpus's own documents that its yardstick takes in
_SIDE = 2_048  # documents compared with as many at a time: 16 MB of cosines
_NONE = np.float32(-2)  # below any cosine
_ROUNDING = 1e-6  # cosines of equal vectors differ by as much


@dataclass(frozen=True, eq=False)
class Counterparts:
    """The nearest documents across corpora and within, for each of n documents in the union's order.

    Parameters
    ----------
    other : ndarray of int64, shape (n,)
        The row of the nearest document among all other corpora. Of equally near ones, the first.
    other_score : ndarray of float32, shape (n,)
        Its cosine.
    own : ndarray of int64, shape (n,)
        The row of the nearest other document of the same corpus; -1 where there is no other.
    own_score : ndarray of float32, shape (n,)
        Its cosine; NaN where there is none.
    yardsticks : ndarray of float64, shape (corpora,)
        For each corpus the cosine that 95 % of its documents reach to their nearest in the rest of it (all, if they
        are fewer than 19); NaN for a corpus of one document or none.
    covered : ndarray of bool, shape (n,)
        Whether `other_score` reaches the yardstick of the corpus that `other` is of; False where it has none.
    """

    other: Rows
    other_score: Floats1d
    own: Rows
    own_score: Floats1d
    yardsticks: npt.NDArray[np.float64]
    covered: npt.NDArray[np.bool_]


def counterparts(vectors: npt.ArrayLike, of: npt.ArrayLike, *, progress: bool = True) -> Counterparts:
    """Find each document's nearest in the other corpora and in its own, and whether it would be at home there.

    A document is *covered* if it lies as near to its counterpart as 95 % of the counterpart's corpus lie to their
    nearest in the rest of that corpus. Cosines to the nearest grow with the size of a corpus; since both are taken to
    the same corpus, the answer is to "would this document be at home there?", whatever the size of its own. It is not
    symmetric: a narrow corpus is covered by a broad one, and not the other way round.

    Up to 63,000 documents all pairs are compared; beyond that an HNSW index of each corpus is asked, which misses some.

    Parameters
    ----------
    vectors : array of shape (n, dim)
        Of any length but 0.
    of : array of int, shape (n,)
        The number of each document's corpus, from 0.

    Raises
    ------
    InputError
        If there are fewer than two corpora, or a vector has no direction.
    """
    points = membership.directions(vectors)
    corpora = membership.checked(of, len(points))
    find = _compared if len(points) ** 2 <= AFFORDABLE else _asked
    (other, own), (other_score, own_score) = find(points, corpora, progress)
    own_score[own < 0] = np.nan
    yardsticks = np.array([_yardstick(own_score[corpora == one]) for one in range(int(corpora.max()) + 1)])
    covered = other_score >= yardsticks[corpora[other]] - _ROUNDING  # never where that is NaN
    for array in (other, other_score, own, own_score, yardsticks, covered):
        array.setflags(write=False)
    return Counterparts(other, other_score, own, own_score, yardsticks, covered)


def coverage(found: Counterparts, of: npt.ArrayLike, names: Sequence[str]) -> pl.DataFrame:
    """Return for each corpus how many of its documents have a counterpart in another corpus.

    Columns ``corpus``, ``documents``, ``covered``, ``share`` with its 95 % interval ``low`` to ``high`` (Wilson 1927),
    and ``expected``: what it would be if all corpora were of one source. The interval takes documents to be
    independent, and the other corpora as given.

    ``expected`` is 0.95 for two corpora, by construction. Of several corpora the nearest of all others is nearer than
    that of any one; if all are of one source and the others hold n_1, n_2, ... documents, N in all, ``expected`` is
    ``1 - sum(n_i / N * 0.05 ** (N / n_i))``: the nearest is the i-th's with probability n_i / N, and is the best of
    N documents where the yardstick speaks of n_i. The yardstick of fewer than 19 documents is reached by all of them,
    so that ``1 / (n_i + 1)`` stands for 0.05. Simulated, 40 pairs of 400 documents each (normal directions in 5 and 50
    dimensions) had 0.951 and 0.950 on average, 3 corpora 0.997, as expected; 40 random halves of 300 news texts 0.951.
    """
    corpora = membership.checked(of, len(found.other))
    total = membership.counted(corpora, list(names))
    count = np.bincount(corpora[found.covered], minlength=len(total))
    there = total > 0
    low, high = wilson(count, np.maximum(total, 1))
    share = count / np.maximum(total, 1)
    return pl.DataFrame(
        {
            "corpus": list(names),
            "documents": total,
            "covered": count,
            "share": np.where(there, share, np.nan),
            "low": np.where(there, low, np.nan),
            "high": np.where(there, high, np.nan),
            "expected": _expected(total),
        }
    ).with_columns(pl.col("share", "low", "high").fill_nan(None))


def _expected(total: Rows) -> list[float | None]:
    """Return the share covered if all corpora are of one source; see `coverage`."""
    expected: list[float | None] = []
    for one, own in enumerate(total):
        others = np.delete(total, one)
        others = others[others > 0]
        outside = np.maximum(1 - AT_HOME, 1 / (others + 1))
        missed = np.where(others > 1, outside ** (others.sum() / others), 1.0)  # one alone has no yardstick
        expected.append(float(1 - others @ missed / others.sum()) if own else None)
    return expected


def _yardstick(scores: Floats1d) -> float:
    known = scores[~np.isnan(scores)]
    return float(np.quantile(known, 1 - AT_HOME, method="weibull")) if len(known) else float("nan")


Nearest = tuple[tuple[Rows, Rows], tuple[Floats1d, Floats1d]]


def _compared(points: Floats2d, of: Rows, progress: bool) -> Nearest:
    """Compare all pairs, each once: a block of cosines serves its rows and its columns."""
    order, spans = membership.spans(of)
    points = points[order]
    rows = np.full((2, len(points)), -1, np.int64)
    scores = np.full((2, len(points)), _NONE, np.float32)
    with bar("looking for counterparts", len(points) ** 2 // 2, unit="pair", progress=progress) as shown:
        for place, one in enumerate(spans):
            for other in spans[place:]:
                kind = int(one == other)
                for left, right in membership.blocks(one, other, _SIDE):
                    block = points[left] @ points[right].T
                    if left == right:
                        np.fill_diagonal(block, _NONE)
                    _rise(block, right.start, rows[kind, left], scores[kind, left])
                    _rise(block.T, left.start, rows[kind, right], scores[kind, right])
                    shown.update(block.size)
    found, values = np.full((2, len(of)), -1, np.int64), np.empty((2, len(of)), np.float32)
    found[:, order] = np.where(rows >= 0, order[rows], -1)
    values[:, order] = scores
    return (found[0], found[1]), (values[0], values[1])


def _rise(block: Floats2d, first: int, rows: npt.NDArray[np.int64], scores: Floats1d) -> None:
    """Take over, for the rows of a block, what is nearer than before; its columns begin at the row `first`."""
    top = block.max(axis=1)
    nearer = np.flatnonzero(top > scores)  # few, after the first blocks
    rows[nearer] = first + np.ascontiguousarray(block[nearer]).argmax(axis=1)
    scores[nearer] = top[nearer]


def _asked(points: Floats2d, of: Rows, progress: bool) -> Nearest:
    """Ask an index of each corpus."""
    other, own = np.full(len(of), -1, np.int64), np.full(len(of), -1, np.int64)
    other_score, own_score = np.full(len(of), _NONE, np.float32), np.full(len(of), _NONE, np.float32)
    for one in np.unique(of):
        members, strangers = np.flatnonzero(of == one), np.flatnonzero(of != one)
        near = KnnSearch(points[members], progress)
        if len(members) > 1:
            rows, scores = near.neighbors(1)
            own[members], own_score[members] = members[rows[:, 0]], scores[:, 0]
        rows, scores = near.query(points[strangers], 1)
        nearer = (rows[:, 0] >= 0) & (scores[:, 0] > other_score[strangers])
        taken = strangers[nearer]
        other[taken], other_score[taken] = members[rows[nearer, 0]], scores[nearer, 0]
    return (other, own), (other_score, own_score)
