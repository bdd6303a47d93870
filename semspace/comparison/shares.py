"""Which groups of meaning are over- and under-represented in each of two corpora."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import stats

from semspace.clusters.clustering import Clustering


def group_shares(groups: Clustering, first: int) -> pl.DataFrame:
    """Return a row for each group of two corpora clustered together, the most unequal first.

    Columns ``group``, ``name``, ``count_a``, ``count_b``, ``share_a``, ``share_b``, ``difference``, its 95 %
    interval ``low`` and ``high`` (Newcombe 1998, method 10), ``p_value`` (Fisher's exact test) and ``q_value``
    (false discovery rate).

    Parameters
    ----------
    groups : Clustering
        Of the documents of the first corpus, followed by those of the second.
    first : int
        How many documents the first corpus has.
    """
    k = len(groups)
    m, n = first, len(groups.labels) - first
    in_a = np.bincount(groups.labels[:first], minlength=k)
    in_b = np.bincount(groups.labels[first:], minlength=k)
    p = [float(stats.fisher_exact([[x, m - x], [y, n - y]]).pvalue) for x, y in zip(in_a, in_b, strict=True)]
    intervals = [_newcombe(int(x), m, int(y), n) for x, y in zip(in_a, in_b, strict=True)]
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
    return table.sort(["p_value", "group"])


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
