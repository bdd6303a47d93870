"""The sections of the report on how far apart corpora are: distances with a scale, maps, and of several a tree."""

from __future__ import annotations

import numpy as np
import polars as pl

from semspace.comparison.distances import pairwise
from semspace.comparison.distances.estimate import Distance
from semspace.comparison.pages.figures import corpora_figure, distances_figure, map_figure, tree_figure
from semspace.comparison.pages.limits import ROWS
from semspace.comparison.results import ComparisonResults
from semspace.display import p_value, quoted
from semspace.report import (
    Number,
    Prose,
    Section,
    Table,
)
from semspace.report.page import Block

# -- two corpora ----------------------------------------------------------------------------------------------


def distances_sections(results: ComparisonResults) -> list[Section]:
    """Return the sections on the distances of two corpora, and a map of both."""
    two = results.of_two("it")
    a, b = (quoted(name, 30) for name in results.names)
    headers = ("distance", "value", "95% interval", "by chance (95%)", f"halves of {a}", f"halves of {b}", "p-value")
    statement = (
        f"Combined p-value: {p_value(two.p_value)} (MMD, energy distance and topic counts, as one permutation test)."
        if not results.samples.are_identical
        else "The corpora hold the very same documents; nothing was tested."
    )
    meanings = [(DISTANCE_NAMES[distance.name], distance.meaning) for distance in two.distances]
    blocks: tuple[Block, ...] = (
        distances_figure(results),
        *([Prose(_REFERENCES_NOTE)] if len(results.references) else []),
        Prose(statement, strong=True),
        Table(headers, [_distance_row(distance) for distance in two.distances]),
        *([] if results.samples.units is not None else [Prose(_INDEPENDENCE_NOTE)]),
        Table(("distance", "what it measures"), meanings),
    )
    return [Section("How far apart?", blocks, _distances_method(results)), *_map_sections(results)]


DISTANCE_NAMES = {
    "mmd": "MMD (squared)",
    "mmd_multi": "MMD (squared), five kernels",
    "energy": "energy distance",
    "frechet": "Fréchet distance (squared)",
    "classifier": "classifier (area under the ROC curve)",
}
_REFERENCES_NOTE = (
    "The distances between known texts are a scale for this report alone: they are computed with its kernel, whose "
    "width is the median distance of its documents, so the same known texts have another distance in another report."
)
_INDEPENDENCE_NOTE = (
    "Documents were taken to be independent. If some belong together, as paragraphs of a book or speeches of a person "
    "do, p-values are too small and intervals too narrow: compare again with groups=, the column that says what "
    "belongs together."
)


def _distance_row(d: Distance) -> tuple[object, ...]:
    low, high = d.interval
    interval = f"{low:.3f} to {high:.3f}" if np.isfinite([low, high]).all() else "unknown"
    return (DISTANCE_NAMES[d.name], d.value, interval, d.by_chance, *d.halves, Number(d.p_value, p_value(d.p_value)))


def _distances_method(results: ComparisonResults) -> str:
    settings = results.settings
    units = "Documents of one group were permuted and resampled together. " if results.samples.units is not None else ""
    references = (
        "The reference texts are English news, newsgroup posts and encyclopedia articles that ship with semspace, "
        "compared with the same encoder and the same kernel. "
        if len(results.references)
        else ""
    )
    return (
        "MMD (Gretton et al. 2012) uses the Gaussian kernel exp(−(d/m)²), where m is the median distance, or the mean "
        "of five, whose m is from half to twice that; MMD and energy distance are unbiased, so they can fall a little "
        "below 0. The Fréchet distance is biased upwards for few documents: compare it with its null distribution. “By "
        f"chance” is the 95% quantile of the null distribution. P-values are from {settings.permutations:,} random "
        f"permutations of both corpora together, intervals from {settings.resamples:,} bootstrap "
        "resamples. The classifier is a logistic regression, trained on half of the documents and evaluated on the "
        f"rest. {units}{references}A small p-value says that there is a difference, not that it is large; a large one "
        "doesn't say that the corpora are alike. And a difference may lie in style, length or source as well as in "
        "subject."
    )


# -- maps -----------------------------------------------------------------------------------------------------


def _map_sections(results: ComparisonResults) -> list[Section]:
    samples = results.samples
    if samples.vectors.shape[1] < 2:  # a line is no map
        return []
    figure, explained = map_figure(results)
    method = (
        f"The two directions in which the documents differ most (principal components), which explain {explained:.0%} "
        f"of the variance. Documents that are far apart here are far apart; documents that are near each other here "
        f"may still differ in the directions that are not drawn."
    )
    return [Section("A map of both" if len(results.names) == 2 else "A map of all documents", (figure,), method)]


# -- several corpora ------------------------------------------------------------------------------------------


def pairs_sections(results: ComparisonResults) -> list[Section]:
    """Return the sections on the distances of all pairs of corpora, which are near each other, and maps."""
    assert results.pairs is not None
    heading = "All pairs, nearest first"
    n_pairs = len(results.names) * (len(results.names) - 1) // 2
    permutations = pairwise.permutations_of_pairs(results.settings.permutations, n_pairs)
    blocks = (distances_figure(results), Table(_PAIR_HEADERS, _pair_rows(results.pairs), heading, limit=ROWS))
    method = (
        "Squared MMD (Gretton et al. 2012), unbiased, with the Gaussian kernel exp(−(d/m)²), where m is the median "
        f"distance. The p-value combines MMD, energy distance and topic counts, from {permutations:,} random "
        "permutations of the two corpora; the q-value is the false discovery rate over all pairs. A ring marks "
        "pairs whose difference isn't significant: that doesn't prove them alike."
    )
    return [
        Section("How far apart?", blocks, method),
        _neighbors_section(results),
        *_map_sections(results),
    ]


_PAIR_HEADERS = ("one", "another", "squared MMD", "95% interval", "by chance (95%)", "p-value", "q-value")


def _pair_rows(pairs: pl.DataFrame) -> list[tuple[object, ...]]:
    columns = ("a", "b", "value", "low", "high", "by_chance", "p_of_all", "q_value")
    return [
        (a, b, value, f"{low:.3f} to {high:.3f}", chance, Number(p, p_value(p)), Number(q, p_value(q)))
        for a, b, value, low, high, chance, p, q in pairs.filter(pl.col("distance") == "mmd")
        .select(columns)
        .iter_rows()
    ]


def _neighbors_section(results: ComparisonResults) -> Section:
    plane, explained = corpora_figure(results)
    method = (
        "The tree merges the nearest corpora first (average linkage on MMD). The map places them so that distances in "
        f"the plane approximate the MMD (classical scaling, Torgerson 1952); it explains {explained:.0%} of the "
        "variance."
    )
    return Section("Which corpora are near each other?", (tree_figure(results), plane), method)
