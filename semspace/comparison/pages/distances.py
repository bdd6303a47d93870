"""How far apart? A scale, the distances, maps; of several corpora the square of all pairs, and a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from semspace.comparison.distances import pairwise
from semspace.comparison.distances.estimate import Distance
from semspace.comparison.pages.limits import ROWS
from semspace.comparison.verdict import SURE
from semspace.display import clip, p_value
from semspace.latent.pca import PCA
from semspace.report import (
    Figure,
    Number,
    Prose,
    Section,
    Table,
    dendrogram,
    heatmap,
    number_line,
    scatter,
)
from semspace.space import Space

if TYPE_CHECKING:
    from semspace.comparison.comparison import Comparison


def far(found: Comparison) -> list[Section]:
    """Show how far two corpora are apart, and a map of both."""
    assert found.answers is not None
    a, b = (clip(name, 30) for name in found.names)
    rows = [_distance_row(d) for d in found.answers.distances]
    halves = (f"halves of {a}", f"halves of {b}")
    headers = ("distance", "value", "95% interval", "5% of random splits exceed", *halves, "p-value")
    meanings = [(d.name, d.meaning) for d in found.answers.distances]
    said = (
        f"All together: p = {p_value(found.p_value)} (MMD, energy distance and the subjects, as one test)."
        if not found.samples.same
        else "The corpora hold the very same documents; nothing was tested."
    )
    blocks = (
        _ruler(found),
        Prose(said, strong=True),
        Table(headers, rows),
        Table(("distance", "what it measures"), meanings),
    )
    return [Section("How far apart?", blocks, _how_far(found)), *_map(found)]


def _distance_row(d: Distance) -> tuple[object, ...]:
    low, high = d.interval
    between = f"{low:.3f} to {high:.3f}" if np.isfinite([low, high]).all() else "unknown"
    return (d.name, d.value, between, d.by_chance, *d.halves, Number(d.p_value, p_value(d.p_value)))


def _ruler(found: Comparison) -> Figure:
    """Draw the MMD among those that people know."""
    mmd = found.distance("mmd")
    a, b = (clip(name, 30) for name in found.names)
    marks = [(f"random halves of {a}", mmd.halves[0]), (f"random halves of {b}", mmd.halves[1])]
    known = found.scale.filter(pl.col("distance") == "mmd")
    marks += list(known.select("between", "value").iter_rows())
    marks = [(name, value) for name, value in marks if np.isfinite(value)]
    return number_line(
        mmd.value,
        mmd.interval,
        marks,
        name=f"{a} and {b}",
        chance=None if found.samples.same else mmd.by_chance,
        caption="Squared MMD, beside that of "
        + ("texts known to be near and far." if len(known) else "random halves of each corpus."),
    )


def _how_far(found: Comparison) -> str:
    made = found.settings
    units = (
        "Documents of one unit were permuted and drawn anew together. "
        if found.samples.units is not None
        else "Documents are taken to be independent of each other: paragraphs of one book aren't, and need unit=. "
    )
    known = (
        "The known texts are English news, newsgroup posts and encyclopedia articles that ship with semspace, seen by "
        "the same encoder and the same kernel. "
        if len(found.scale)
        else ""
    )
    return (
        "MMD (Gretton et al. 2012) uses a Gaussian kernel as wide as the median distance, or five kernels from a half "
        "to twice that; MMD and energy distance are unbiased, so they can fall a little below 0. The Fréchet distance "
        f"is too large from few documents: hold it against the random splits. P-values come from {made.permutations:,} "
        f"random splits of both corpora together, intervals from {made.resamples:,} samples drawn anew. The classifier "
        f"is a logistic regression, trained on half of the documents and judged on the rest. {units}{known}A small "
        "p-value says that a difference is there, not that it is large; a large one doesn't say that the corpora are "
        "alike. And a difference may lie in style, length or source as well as in subject."
    )


def _map(found: Comparison) -> list[Section]:
    if found.samples.vectors.shape[1] < 2:  # a line is no map
        return []
    texts = found.samples.texts
    labels = found.samples.ids.to_list() if texts is None else [clip(text, 100) for text in texts]
    figure, kept = space_map(
        found.grouping.space,
        found.samples.of.tolist(),
        list(found.names),
        labels,
        "Every mark is a document; near means alike.",
    )
    method = (
        f"The two directions in which the documents differ most (principal components), which hold {kept:.0%} of all "
        f"variance. Documents that lie apart here are apart; documents that lie together here may still differ in the "
        f"directions that are not drawn."
    )
    return [Section("A map of both" if len(found.names) == 2 else "A map of all documents", (figure,), method)]


def space_map(
    space: Space, groups: list[int], names: list[str], labels: list[str], caption: str
) -> tuple[Figure, float]:
    """Draw a space on its two principal components; give the figure and the share of variance it shows."""
    model = PCA(2).train(space)
    return scatter(model.encode(space.vectors), groups, names, labels, caption=caption), model.explained_variance_ratio


def far_of_several(found: Comparison) -> list[Section]:
    """Show how far every two corpora are apart, which are near each other, and maps."""
    assert found.pairs is not None
    values = pairwise.matrix_of(found.pairs, found.names, "mmd", "value")
    unsure = pairwise.matrix_of(found.pairs, found.names, "mmd", "q_value") >= SURE
    merges = pairwise.tree_of(values)
    order = _order(merges, len(found.names))
    called = [clip(found.names[place], 40) for place in order]
    square = heatmap(
        values[np.ix_(order, order)],
        called,
        marks=unsure[np.ix_(order, order)],
        decimals=3,
        caption="Squared MMD of every two corpora; like corpora stand together.",
    )
    table = found.pairs.filter(pl.col("distance") == "mmd")
    rows = [
        (a, b, value, f"{low:.3f} to {high:.3f}", chance, Number(p, p_value(p)), Number(q, p_value(q)))
        for a, b, value, low, high, chance, p, q in table.select(
            "a", "b", "value", "low", "high", "by_chance", "p_of_all", "q_value"
        ).iter_rows()
    ]
    headers = ("one", "another", "squared MMD", "95% interval", "5% of random splits exceed", "p-value", "q-value")
    method = (
        "Squared MMD (Gretton et al. 2012), unbiased, with a Gaussian kernel as wide as the median distance. The "
        f"p-value is that of MMD, energy distance and the subjects together, from {found.settings.permutations:,} "
        "random splits of the two corpora; the q-value is the false discovery rate over all pairs. A ring marks pairs "
        "whose difference isn't beyond chance: that doesn't prove them alike."
    )
    far = Section("How far apart?", (square, Table(headers, rows, "All pairs, nearest first", limit=ROWS)), method)
    branches = dendrogram(merges, found.names, caption="Corpora merge at the distance of their documents (MMD).")
    places, kept = pairwise.places_of(values)
    plane = scatter(
        places,
        list(range(len(found.names))),
        list(found.names),
        [f"{size:,} documents" for size in found.samples.sizes],
        named=True,
        caption="Every mark is a corpus; near means alike.",
    )
    note = (
        "The tree merges the nearest corpora first (average linkage on MMD). The map lays them out so that distances "
        f"in the plane are as near as can be to the MMD (classical scaling, Torgerson 1952); it shows {kept:.0%} of "
        "what there is to show."
    )
    return [far, Section("Which corpora are near each other?", (branches, plane), note), *_map(found)]


def _order(merges: np.ndarray, count: int) -> list[int]:
    from scipy.cluster.hierarchy import leaves_list

    return [int(leaf) for leaf in leaves_list(merges)] if count > 1 else [0]
