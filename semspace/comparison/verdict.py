"""The result of a comparison in plain words."""

from __future__ import annotations

import numpy as np
import polars as pl

from semspace.comparison.results import ComparisonResults
from semspace.display import p_value, quoted
from semspace.statistics import ALPHA

_MIN_HELD_OUT = 30  # held-out documents from which a classifier that fails says something
_SLIGHT, _CLEAR = 0.7, 0.9  # AUC below which a difference is called slight, and clear; above it is strong


def verdict(results: ComparisonResults) -> str:
    """Return a few sentences on how far apart the corpora are, and how sure that is."""
    return _verdict_of_several(results) if results.two_sample is None else _verdict_of_two(results)


def _verdict_of_two(results: ComparisonResults) -> str:
    a, b = (quoted(name, 60) for name in results.names)
    if results.samples.are_identical:
        return f"{a} and {b} hold the very same documents: their distance is 0."
    p = results.of_two("p_value").p_value
    if p >= ALPHA:
        return (
            f"No significant difference in meaning between {a} and {b} was found (p = {p_value(p)}, permutation test). "
            f"That doesn't prove them alike: with more text a difference may show.{_copies(results)}"
        )
    significance = (
        f"{a} and {b} differ in meaning: the difference is statistically significant (p ≤ {p:.2g}, permutation test). "
    )
    return significance + _size(results) + _drivers(results) + _languages(results) + _copies(results)


def _size(results: ComparisonResults) -> str:
    auc = results.distance("classifier")
    n_held_out = sum(results.samples.sizes) // 2
    if auc.p_value >= ALPHA and n_held_out < _MIN_HELD_OUT:
        return f"Its size is unknown: {n_held_out} held-out texts are too few to evaluate a classifier."
    if auc.p_value >= ALPHA:
        return "Its size is unknown: a classifier trained on half of the texts can't tell the other half apart."
    size = "slight" if auc.value < _SLIGHT else "clear" if auc.value < _CLEAR else "strong"
    return (
        f"It is {size}: given one unseen text of each, a classifier tells which is which in "
        f"{_percent(auc.value)} of cases{_interval(auc.interval)}; 50% would be guessing."
    )


def _interval(interval: tuple[float, float]) -> str:
    """Return an interval of a share in words, or nothing where it isn't known."""
    low, high = interval
    return f" (95% interval {_percent(low)} to {_percent(high)})" if np.isfinite([low, high]).all() else ""


def _percent(value: float) -> str:
    return f"{value:.0%}" if value < 0.995 or value == 1 else "over 99%"


def _drivers(results: ComparisonResults) -> str:
    """Name the cluster that is most over-represented on either side, if that is significant."""
    significant = results.clusters.filter(pl.col("q_value") < ALPHA)
    significant = significant.sort(pl.col("difference").abs(), descending=True)
    phrases = []
    sides = (significant.filter(pl.col("difference") > 0), significant.filter(pl.col("difference") < 0))
    for name, clusters in zip(results.names, sides, strict=True):
        if len(clusters):
            phrases.append(f"{quoted(name, 40)} has more of {quoted(clusters['name'][0], 60)}")
    if phrases:
        return f" {', '.join(phrases)}."
    if (results.words["q_value"] < ALPHA).any():
        return ""
    return " No single cluster or word accounts for it."


def _languages(results: ComparisonResults) -> str:
    return (
        " They are in different languages, which alone may set them apart."
        if results.profile.languages_differ()
        else ""
    )


def _copies(results: ComparisonResults) -> str:
    """Warn of documents that are copies, or nearly, of documents of another corpus."""
    counts = (results.overlap["exact"] + results.overlap["near"]).to_list()
    phrases = [f"{count:,} of {quoted(name, 40)}" for name, count in zip(results.names, counts, strict=True) if count]
    if len(results.names) > 2 and phrases:
        phrases = [f"{sum(counts):,} documents"]
    return f" Beware: {', '.join(phrases)} are copies, or nearly, of documents of another corpus." if phrases else ""


def _verdict_of_several(results: ComparisonResults) -> str:
    assert results.pairs is not None
    table = results.pairs.filter(pl.col("distance") == "mmd")
    n_significant = int((table["q_value"] < ALPHA).sum())
    how_many = "all" if n_significant == len(table) else f"{n_significant:,}" if n_significant else "none"
    near, far = table.row(0, named=True), table.row(-1, named=True)
    sentence = (
        f"Of {len(table):,} pairs of the {len(results.names)} corpora, {how_many} differ significantly in meaning "
        f"(false discovery rate under 5%). Nearest are {quoted(near['a'], 40)} and {quoted(near['b'], 40)}, "
        f"furthest apart {quoted(far['a'], 40)} and {quoted(far['b'], 40)}"
    )
    if near["value"] > 0 and np.isfinite(far["value"] / near["value"]):
        sentence += f", {far['value'] / near['value']:.1f} times as far (squared MMD)"
    return f"{sentence}.{_copies(results)}"
