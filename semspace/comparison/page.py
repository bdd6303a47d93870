"""The report of a comparison: a verdict in plain words, then each answer with a figure and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from semspace.clusters.page import method_of
from semspace.display import clip, p_value
from semspace.latent.pca import PCA
from semspace.report import Figure, Page, Prose, Section, Table, bars, scatter
from semspace.space import Space

if TYPE_CHECKING:
    from semspace.comparison.comparison import Comparison

_SURE = 0.05


def comparison_page(found: Comparison) -> Page:
    """Compose the report."""
    a, b = found.names
    sizes = " and ".join(f"{len(c):,} documents of {n}" for n, c in zip(found.names, found.corpora, strict=True))
    sections = (_far(found), _map(found), _groups(found), _words(found), _documents(found), _duplicates(found))
    return Page(f"{a} and {b}, compared", found.verdict(), sections, f"Compared: {sizes}.")


def _far(found: Comparison) -> Section:
    rows = [
        (d.name, d.value, f"{d.interval[0]:.3f} to {d.interval[1]:.3f}", d.by_chance, p_value(d.p_value), d.meaning)
        for d in found.answers
    ]
    headers = ("distance", "value", "95% interval", "5% of random splits exceed", "p-value", "what it measures")
    method = (
        f"MMD uses a Gaussian kernel as wide as the median distance; MMD and energy distance are unbiased, so they can "
        f"fall a little below 0, with jackknife intervals and p-values from {found.provenance['permutations']} random "
        f"splits of both corpora together. The classifier is a logistic regression, trained on half of the documents "
        f"and judged on the rest. A small p-value says that a difference is there, not that it is large; a large one "
        f"doesn't say that the corpora are alike. Documents are taken to be independent of each other."
    )
    return Section("How far apart?", (Table(headers, rows),), method)


def _map(found: Comparison) -> Section:
    space = found.grouping.space
    groups = [0] * len(found.corpora[0]) + [1] * len(found.corpora[1])
    texts = [clip(text, 100) for corpus in found.corpora for text in corpus.texts]
    figure, kept = space_map(space, groups, list(found.names), texts, "Every mark is a document; near means alike.")
    method = (
        f"The two directions in which the documents differ most (principal components), which hold {kept:.0%} of all "
        f"variance. Documents that lie apart here are apart; documents that lie together here may still differ in the "
        f"directions that are not drawn."
    )
    return Section("A map of both", (figure,), method)


def space_map(
    space: Space, groups: list[int], names: list[str], labels: list[str], caption: str
) -> tuple[Figure, float]:
    """Draw a space on its two principal components; give the figure and the share of variance it shows."""
    model = PCA(2).train(space)
    return scatter(model.encode(space.vectors), groups, names, labels, caption=caption), model.kept


def _groups(found: Comparison) -> Section:
    a, b = found.names
    shares = found.shares
    sure = shares.filter(pl.col("q_value") < _SURE)
    said = (
        f"{len(sure)} of {len(shares)} groups are clearly larger in one corpus than in the other."
        if len(sure)
        else "No group is larger in one corpus than in the other beyond chance."
    )
    top = shares.head(12).sort("difference", descending=True)
    figure = bars(
        top["name"].to_list(),
        top["difference"].to_list(),
        low=top["low"].to_list(),
        high=top["high"].to_list(),
        points=True,
        sides=(f"more of {b}", f"more of {a}"),
        caption="Difference of shares, in percentage points, with 95% intervals.",
    )
    rows = [
        (name, in_a, in_b, f"{part_a:.1%}", f"{part_b:.1%}", p_value(p), p_value(q))
        for name, in_a, in_b, part_a, part_b, p, q in shares.select(
            "name", "count_a", "count_b", "share_a", "share_b", "p_value", "q_value"
        ).iter_rows()
    ]
    headers = ("group", f"in {a}", f"in {b}", f"share of {a}", f"share of {b}", "p-value", "q-value")
    method = (
        f"Both corpora were clustered together by {method_of(found.grouping)} into {len(shares)} groups, named by "
        f"their most telling words. Intervals: Newcombe 1998; p-values: Fisher's exact test; q-values: false "
        f"discovery rate over all groups. Groups are cut where the text is thinnest, which needn't be where a reader "
        f"would cut."
    )
    return Section("Which groups?", (Prose(said, strong=True), figure, Table(headers, rows)), method)


def _words(found: Comparison) -> Section:
    a, b = found.names
    sure = found.contrast.filter(pl.col("q_value") < _SURE)
    if not len(sure):
        return Section("Which words?", (Prose("No word is more frequent in one corpus than chance allows."),), _WORDS)
    more_a = sure.filter(pl.col("z") > 0).head(10)
    more_b = sure.filter(pl.col("z") < 0).head(10)
    both = pl.concat([more_a, more_b.reverse()])
    figure = bars(
        both["word"].to_list(),
        both["z"].to_list(),
        sides=(f"more of {b}", f"more of {a}"),
        caption="How telling each word is: its log-odds in standard errors (z).",
    )
    said = f"{len(sure):,} words set the corpora apart beyond chance (false discovery rate under 5%)."
    return Section("Which words?", (Prose(said, strong=True), figure), _WORDS)


_WORDS = (
    "Log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008), false discovery rate by "
    "Benjamini and Hochberg. Words are counted as if they came independently, and they come in bursts: a word of one "
    "long document can look more telling than it is."
)


def _documents(found: Comparison) -> Section:
    a, b = found.names
    table = found.documents().select("corpus", "id", "witness", "text")
    headers = ("corpus", "id", "witness", "text")
    most_a = Table(headers, table.head(5).rows(), f"Most like {a}, least like {b}")
    most_b = Table(headers, table.tail(5).reverse().rows(), f"Most like {b}, least like {a}")
    method = (
        "The witness function of the MMD: a document's mean similarity to the first corpus less that to the second. "
        "Its extremes are the documents that hold the corpora apart; they are not typical of either."
    )
    return Section("Which documents?", (most_a, most_b), method)


def _duplicates(found: Comparison) -> Section:
    least = found.provenance["min_duplicate"]
    pairs = found.overlap
    if not len(pairs):
        said = f"No document of one corpus nearly repeats one of the other (cosine of at least {least:g})."
        return Section("What do they share?", (Prose(said),), _SHARED)
    a, b = found.names
    rows = [(x, y, score, found.corpora[0][x], found.corpora[1][y]) for x, y, score in pairs.head(20).iter_rows()]
    said = f"{len(pairs):,} pairs of documents nearly repeat each other (cosine of at least {least:g})."
    table = Table((f"id in {a}", f"id in {b}", "cosine", f"text in {a}", f"text in {b}"), rows, limit=20, width=160)
    return Section("What do they share?", (Prose(said, strong=True), table), _SHARED)


_SHARED = "Cosine between document vectors, every pair compared. Alike in meaning needn't be copied: read the pair."
