"""Shares of clusters: which clusters hold more of one corpus than of another."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from semspace.clusters.clustering import Clustering
from semspace.statistics import Z95, newcombe, q_values
from semspace.types import Bools1d, Ints1d

SCHEMA: dict[str, Any] = {
    "group": pl.Int64,
    "name": pl.String,
    "count_a": pl.Int64,
    "count_b": pl.Int64,
    **dict.fromkeys(("share_a", "share_b", "difference", "low", "high", "p_value", "q_value"), pl.Float64),
}


def cluster_shares(
    clustering: Clustering, first: Bools1d, second: Bools1d, units: Ints1d | None = None
) -> pl.DataFrame:
    """Return a row for each cluster of the documents, the most unequal first.

    Columns ``group``, ``name``, ``count_a``, ``count_b``, ``share_a``, ``share_b``, ``difference``, its 95 % interval
    ``low`` and ``high``, ``p_value`` and ``q_value`` (false discovery rate, Benjamini & Hochberg 1995).

    The interval is Newcombe's (1998, method 10), the p-value that of Fisher's exact test. With `units`, whose documents
    belong together, both follow from how much the units' counts vary.

    Parameters
    ----------
    clustering : Clustering
        Of all documents; it is computed without their corpora.
    first, second : ndarray of bool, shape (n,)
        The documents of the two corpora that are compared.
    units : ndarray of int64, shape (n,), optional
        The unit of each document.
    """
    n_clusters = len(clustering)
    m, n = int(first.sum()), int(second.sum())
    in_a = np.bincount(clustering.labels[first], minlength=n_clusters)
    in_b = np.bincount(clustering.labels[second], minlength=n_clusters)
    if units is None:
        p = [float(stats.fisher_exact([[x, m - x], [y, n - y]]).pvalue) for x, y in zip(in_a, in_b, strict=True)]
        low, high = newcombe(in_a, m, in_b, n)
    else:
        tests = [_test_by_units(clustering.labels == cluster, first, second, units) for cluster in range(n_clusters)]
        p = [p for p, _, _ in tests]
        low, high = np.array([low for _, low, _ in tests]), np.array([high for _, _, high in tests])
    table = pl.DataFrame(
        {
            "group": np.arange(n_clusters),
            "name": clustering.names,
            "count_a": in_a,
            "count_b": in_b,
            "share_a": in_a / m,
            "share_b": in_b / n,
            "difference": in_a / m - in_b / n,
            "low": low,
            "high": high,
            "p_value": p,
            "q_value": q_values(p),
        },
        schema=SCHEMA,
    )
    return table.sort([pl.col("p_value"), pl.col("difference").abs(), pl.col("group")], descending=[False, True, False])


def _test_by_units(in_cluster: Bools1d, first: Bools1d, second: Bools1d, units: Ints1d) -> tuple[float, float, float]:
    """Return the p-value of a difference of two shares, and the interval's ends, from how much units vary.

    The p-value is that of random permutations of the units, under which the sum of their residuals is nearly normal;
    the interval that of two ratios of sums over units (Cochran 1977, section 6.4).
    """
    pooled_share = in_cluster[first | second].mean()
    residuals_a = np.bincount(units[first], in_cluster[first] - pooled_share, minlength=int(units.max()) + 1)
    residuals_b = np.bincount(units[second], in_cluster[second] - pooled_share, minlength=len(residuals_a))
    a, b = np.unique(units[first]), np.unique(units[second])
    residuals = np.r_[residuals_a[a], residuals_b[b]]
    null_variance = len(a) * len(b) / len(residuals) * residuals.var(ddof=1)
    excess = abs(residuals_a[a].sum() - len(a) * residuals.mean())
    p = float(2 * stats.norm.sf(excess / np.sqrt(null_variance))) if null_variance else 1.0
    variance = 0.0
    for side, side_units in ((first, a), (second, b)):
        share = in_cluster[side].mean()
        deviations = np.bincount(units[side], in_cluster[side] - share, minlength=len(residuals_a))[side_units]
        variance += len(side_units) / max(len(side_units) - 1, 1) * (deviations**2).sum() / side.sum() ** 2
    difference, half_width = in_cluster[first].mean() - in_cluster[second].mean(), Z95 * np.sqrt(variance)
    return p, float(difference - half_width), float(difference + half_width)
