"""Which groups of meaning are over- and under-represented in some documents, held against others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats

from semspace.clusters.clustering import Clustering

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_Z95 = 1.959964


def group_shares(groups: Clustering, first: Mask, second: Mask, units: Rows | None = None) -> pl.DataFrame:
    """Return a row for each group of documents clustered together, the most unequal first.

    Columns ``group``, ``name``, ``count_a``, ``count_b``, ``share_a``, ``share_b``, ``difference``, its 95 % interval
    ``low`` and ``high``, ``p_value`` and ``q_value`` (false discovery rate, Benjamini & Hochberg 1995).

    The interval is Newcombe's (1998, method 10), the p-value that of Fisher's exact test. With `units`, whose documents
    belong together, both go by how the units' counts vary.

    Parameters
    ----------
    groups : Clustering
        Of all documents; it never knew whose each is.
    first, second : ndarray of bool, shape (n,)
        Which documents are held against which.
    units : ndarray of int64, shape (n,), optional
        The unit of each document.
    """
    k = len(groups)
    m, n = int(first.sum()), int(second.sum())
    in_a = np.bincount(groups.labels[first], minlength=k)
    in_b = np.bincount(groups.labels[second], minlength=k)
    if units is None:
        p = [float(stats.fisher_exact([[x, m - x], [y, n - y]]).pvalue) for x, y in zip(in_a, in_b, strict=True)]
        intervals = [_newcombe(int(x), m, int(y), n) for x, y in zip(in_a, in_b, strict=True)]
    else:
        judged = [_by_units(groups.labels == group, first, second, units) for group in range(k)]
        p, intervals = [p for p, _ in judged], [interval for _, interval in judged]
    table = pl.DataFrame(
        {
            "group": np.arange(k),
            "name": groups.names,
            "count_a": in_a,
            "count_b": in_b,
            "share_a": in_a / m,
            "share_b": in_b / n,
            "difference": in_a / m - in_b / n,
            "low": [low for low, _ in intervals],
            "high": [high for _, high in intervals],
            "p_value": p,
            "q_value": stats.false_discovery_control(p),
        }
    )
    return table.sort([pl.col("p_value"), pl.col("difference").abs(), pl.col("group")], descending=[False, True, False])


def _newcombe(x: int, m: int, y: int, n: int) -> tuple[float, float]:
    """Return the interval of a difference of two shares, from the Wilson intervals of both."""
    (low_x, high_x), (low_y, high_y) = _wilson(x, m), _wilson(y, n)
    difference = x / m - y / n
    below = np.hypot(x / m - low_x, high_y - y / n)
    above = np.hypot(high_x - x / m, y / n - low_y)
    return float(difference - below), float(difference + above)


def _wilson(x: int, n: int) -> tuple[float, float]:
    interval = stats.binomtest(x, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _by_units(held: Mask, first: Mask, second: Mask, units: Rows) -> tuple[float, tuple[float, float]]:
    """Judge the difference of two shares by how far units stray from their share.

    The p-value is that of random splits of the units, which the sum of their excesses is nearly normal for; the
    interval that of two ratios of sums over units (Cochran 1977, section 6.4).
    """
    either = first | second
    pooled = held[either].mean()
    excess = np.bincount(units[first], held[first] - pooled, minlength=int(units.max()) + 1)
    other = np.bincount(units[second], held[second] - pooled, minlength=len(excess))
    a, b = np.unique(units[first]), np.unique(units[second])
    every = np.r_[excess[a], other[b]]
    spread = len(a) * len(b) / len(every) * every.var(ddof=1)
    p = float(2 * stats.norm.sf(abs(excess[a].sum() - len(a) * every.mean()) / np.sqrt(spread))) if spread else 1.0
    variance = 0.0
    for side, own in ((first, a), (second, b)):
        share = held[side].mean()
        strays = np.bincount(units[side], held[side] - share, minlength=len(excess))[own]
        variance += len(own) / max(len(own) - 1, 1) * (strays**2).sum() / side.sum() ** 2
    difference, half = held[first].mean() - held[second].mean(), _Z95 * np.sqrt(variance)
    return p, (float(difference - half), float(difference + half))
