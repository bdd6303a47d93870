"""Measures of weighted items, for many sets of weights at once: a resample counts each item by a whole weight.

A function here takes the `scores` and the `truth` of n items and `weights` of shape (b, n), and returns b values;
NaN where a resample has none, as a correlation of one item repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from semspace.types import ArrayXd, Doubles1d, Doubles2d, Ints1d

Statistic = Callable[[ArrayXd, ArrayXd, Doubles2d], Doubles1d]
_TINY = 1e-12  # variances, relative to those of all items, and entropies below it are those of equal items


def mean(scores: ArrayXd, _truth: ArrayXd, weights: Doubles2d) -> Doubles1d:
    """Return the weighted means of values."""
    return _ratio(weights @ np.asarray(scores, np.float64), weights.sum(axis=1))


def pearson(scores: ArrayXd, truth: ArrayXd, weights: Doubles2d) -> Doubles1d:
    """Return Pearson's correlations."""
    x, y = _standardized(scores), _standardized(truth)
    total = weights.sum(axis=1)
    mean_x, mean_y = _ratio(weights @ x, total), _ratio(weights @ y, total)
    covariance = _ratio(weights @ (x * y), total) - mean_x * mean_y
    spread_x = _ratio(weights @ (x * x), total) - mean_x**2
    spread_y = _ratio(weights @ (y * y), total) - mean_y**2
    return _correlation(covariance, spread_x, spread_y)


def spearman(scores: ArrayXd, truth: ArrayXd, weights: Doubles2d) -> Doubles1d:
    """Return Spearman's rank correlations; ties get the mean of their ranks."""
    total = weights.sum(axis=1)
    middle = (total[:, None] + 1) / 2
    x, y = (_ranks(values, weights) - middle for values in (scores, truth))
    unit = np.maximum(total, 1) ** 3  # the size of sums of squared ranks
    sums = ((weights * a * b).sum(axis=1) / unit for a, b in ((x, y), (x, x), (y, y)))
    return _correlation(*sums)


def average_precision(scores: ArrayXd, truth: ArrayXd, weights: Doubles2d) -> Doubles1d:
    """Return the mean precision at each positive item, in the order of the scores, of equal ones together."""
    true, all_ = _cumulated(scores, truth, weights)
    gained = np.diff(true, axis=1, prepend=0.0)
    return _ratio((gained * true / np.where(all_ > 0, all_, 1)).sum(axis=1), true[:, -1])


def best_accuracy(scores: ArrayXd, truth: ArrayXd, weights: Doubles2d) -> Doubles1d:
    """Return the share of items on the right side of the threshold that is best for these weights."""
    true, all_ = _cumulated(scores, truth, weights)
    total, negatives = all_[:, -1], all_[:, -1] - true[:, -1]
    right = true + negatives[:, None] - (all_ - true)
    return _ratio(np.maximum(right.max(axis=1), negatives), total)  # or all are called negative


def purity(scores: ArrayXd, truth: ArrayXd, weights: Doubles2d) -> Doubles1d:
    """Return the share of items whose label is the most frequent one of their group."""
    table = _Cells.of(scores, truth)
    starts = np.flatnonzero(np.diff(table.groups, prepend=-1))
    return _ratio(np.maximum.reduceat(table.counts(weights), starts, axis=1).sum(axis=1), weights.sum(axis=1))


def v_measure(scores: ArrayXd, truth: ArrayXd, weights: Doubles2d) -> Doubles1d:
    """Return the mutual information of groups and labels, divided by the mean of their entropies."""
    table = _Cells.of(scores, truth)
    counts, total = table.counts(weights), weights.sum(axis=1)
    of_groups, of_labels = _entropy(table.group_sums(counts), total), _entropy(table.label_sums(counts), total)
    both = of_groups + of_labels
    shared = np.maximum(both - _entropy(counts, total), 0)
    return np.where(both > _TINY, 2 * shared / np.where(both > _TINY, both, 1), 1.0)  # one group, one label: the same


def adjusted_rand_index(scores: ArrayXd, truth: ArrayXd, weights: Doubles2d) -> Doubles1d:
    """Return the share of pairs on which groups and labels agree, corrected for chance (Hubert & Arabie 1985)."""
    table = _Cells.of(scores, truth)
    counts, total = table.counts(weights), weights.sum(axis=1)
    same, by_group, by_label = (
        _pairs(sums).sum(axis=1) for sums in (counts, table.group_sums(counts), table.label_sums(counts))
    )
    by_chance = _ratio(by_group * by_label, _pairs(total))
    room = (by_group + by_label) / 2 - by_chance
    return np.where(np.abs(room) > _TINY, (same - by_chance) / np.where(np.abs(room) > _TINY, room, 1), 1.0)


STATISTICS: dict[str, Statistic] = {
    "mean": mean,
    "pearson": pearson,
    "spearman": spearman,
    "average precision": average_precision,
    "best accuracy": best_accuracy,
    "purity": purity,
    "v measure": v_measure,
    "adjusted rand index": adjusted_rand_index,
}


class _Cells(NamedTuple):
    """The cells of the table of groups and labels that hold items, group by group."""

    order: Ints1d  # of the items, cell by cell
    starts: Ints1d  # of the cells in this order
    groups: Ints1d  # of each cell
    labels: Ints1d

    @classmethod
    def of(cls, groups: ArrayXd, labels: ArrayXd) -> _Cells:
        group, label = (np.unique(values, return_inverse=True)[1].astype(np.int64) for values in (groups, labels))
        cell = group * (int(label.max(initial=0)) + 1) + label
        order = np.argsort(cell, kind="stable")
        starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
        first = order[starts]
        return cls(order, starts, group[first], label[first])

    def counts(self, weights: Doubles2d) -> Doubles2d:
        return np.add.reduceat(weights[:, self.order], self.starts, axis=1)

    def group_sums(self, counts: Doubles2d) -> Doubles2d:
        return _sums(counts, self.groups)

    def label_sums(self, counts: Doubles2d) -> Doubles2d:
        return _sums(counts, self.labels)


def _sums(counts: Doubles2d, of: Ints1d) -> Doubles2d:
    order = np.argsort(of, kind="stable")
    starts = np.flatnonzero(np.diff(of[order], prepend=-1))
    return np.add.reduceat(counts[:, order], starts, axis=1)


def _entropy(counts: Doubles2d, total: Doubles1d) -> Doubles1d:
    shares = _ratio(counts, total[:, None])
    entropies: Doubles1d = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=1)
    return entropies


def _pairs(counts: ArrayXd) -> ArrayXd:
    pairs: ArrayXd = counts * (counts - 1) / 2
    return pairs


def _ranks(values: ArrayXd, weights: Doubles2d) -> Doubles2d:
    """Return the rank of each item among items of these weights, those of equal values their mean."""
    order, starts = _runs(values)
    of_runs = np.add.reduceat(weights[:, order], starts, axis=1)
    middles = np.cumsum(of_runs, axis=1) - of_runs / 2 + 0.5
    ranks = np.empty_like(weights)
    ranks[:, order] = np.repeat(middles, np.diff(starts, append=len(values)), axis=1)
    return ranks


def _cumulated(scores: ArrayXd, truth: ArrayXd, weights: Doubles2d) -> tuple[Doubles2d, Doubles2d]:
    """Return the weight of the positive items, and of all, whose score reaches that of each run of equal scores."""
    order, starts = _runs(-np.asarray(scores, np.float64))
    ordered = weights[:, order]
    true = np.add.reduceat(ordered * np.asarray(truth, np.float64)[order], starts, axis=1)
    return np.cumsum(true, axis=1), np.cumsum(np.add.reduceat(ordered, starts, axis=1), axis=1)


def _runs(values: ArrayXd) -> tuple[Ints1d, Ints1d]:
    """Return the order of values, and where each run of equal ones starts in it."""
    order = np.argsort(values, kind="stable")
    ordered = np.asarray(values)[order]
    is_new = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    return order, np.flatnonzero(is_new)


def _standardized(values: ArrayXd) -> Doubles1d:
    doubles = np.asarray(values, np.float64)
    spread = doubles.std()
    return (doubles - doubles.mean()) / (spread if spread > 0 else 1)  # type: ignore[no-any-return]


def _correlation(covariance: Doubles1d, spread_x: Doubles1d, spread_y: Doubles1d) -> Doubles1d:
    varies = (spread_x > _TINY) & (spread_y > _TINY)
    scale = np.sqrt(np.where(varies, spread_x * spread_y, 1))
    return np.where(varies, np.clip(covariance / scale, -1, 1), np.nan)


def _ratio(part: ArrayXd, whole: ArrayXd) -> ArrayXd:
    """Return quotients; NaN where the denominator is 0."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
