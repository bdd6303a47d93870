"""The figures of a comparison, for its report and for `Comparison.plot`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from semspace import checks
from semspace.clusters.stop_words import LANGUAGE_CODES, words_of
from semspace.comparison.distances import pairwise
from semspace.comparison.pages.limits import TOP
from semspace.comparison.results import ComparisonResults
from semspace.display import clip, quoted
from semspace.errors import InputError
from semspace.latent.pca import PCA
from semspace.report import (
    Figure,
    bars,
    dendrogram,
    heatmap,
    number_line,
    ridgeline,
    scatter,
    stacked_bars,
    word_scatter,
)
from semspace.statistics import ALPHA
from semspace.text.scripts import UNSPACED
from semspace.types import Doubles2d

_FEW_CORPORA = 8  # whose map is low, as it is nearly empty
_MAX_STACKED = TOP - 5  # clusters that a stacked bar shows; the others are added up


def figure_of(results: ComparisonResults, kind: str) -> Figure:
    """Return a figure; see `Comparison.plot`."""
    return _KINDS[checks.choice("kind", kind, tuple(_KINDS))](results)


# -- how far apart --------------------------------------------------------------------------------------------


def distances_figure(results: ComparisonResults) -> Figure:
    """Draw the MMD among the reference distances; of several corpora, that of all pairs."""
    if results.pairs is not None:
        return _heatmap(results)
    mmd = results.distance("mmd")
    a, b = (quoted(name, 30) for name in results.names)
    marks = [(f"random halves of {a}", mmd.halves[0]), (f"random halves of {b}", mmd.halves[1])]
    references = results.references.filter(pl.col("distance") == "mmd")
    marks += list(references.select("between", "value").iter_rows())
    marks = [(name, value) for name, value in marks if np.isfinite(value)]
    return number_line(
        mmd.value,
        mmd.interval,
        marks,
        name=f"{a} and {b}",
        chance=None if results.samples.are_identical else mmd.by_chance,
        caption="Squared MMD, beside that of "
        + ("texts known to be near and far." if len(references) else "random halves of each corpus."),
    )


def _heatmap(results: ComparisonResults) -> Figure:
    assert results.pairs is not None
    matrix = _matrix(results)
    not_significant = pairwise.distance_matrix(results.pairs, results.names, "mmd", "q_value") >= ALPHA
    order = _leaf_order(pairwise.corpus_linkage(matrix), len(results.names))
    return heatmap(
        matrix[np.ix_(order, order)],
        [clip(results.names[corpus], 40) for corpus in order],
        marks=not_significant[np.ix_(order, order)],
        decimals=3,
        caption="Squared MMD of every two corpora; similar corpora are side by side.",
    )


def tree_figure(results: ComparisonResults) -> Figure:
    """Draw which of several corpora are near each other, as a tree."""
    merges = pairwise.corpus_linkage(_matrix(results))
    return dendrogram(merges, results.names, caption="Corpora merge at the distance of their documents (MMD).")


def corpora_figure(results: ComparisonResults) -> tuple[Figure, float]:
    """Draw several corpora on a map; also return the share of the variance of their distances that it explains."""
    positions, explained = pairwise.classical_scaling(_matrix(results))
    figure = scatter(
        positions,
        list(range(len(results.names))),
        list(results.names),
        [f"{size:,} documents" for size in results.samples.sizes],
        named=True,
        caption="Every mark is a corpus; corpora near each other are similar.",
        height=440 if len(results.names) > _FEW_CORPORA else 260,
    )
    return figure, explained


def map_figure(results: ComparisonResults) -> tuple[Figure, float]:
    """Draw all documents on their two principal components; also return the share of variance that they explain."""
    samples = results.samples
    if samples.vectors.shape[1] < 2:
        raise InputError("a map needs vectors of at least 2 dimensions; these have 1")
    space = results.clustering.space
    model = PCA(2).train(space)
    figure = scatter(
        model.encode(space.vectors),
        samples.corpus_ids.tolist(),
        list(results.names),
        samples.ids.to_list() if samples.texts is None else [clip(text, 100) for text in samples.texts],
        caption="Every mark is a document; documents near each other are similar.",
        unit="documents",
    )
    return figure, model.explained_variance_ratio


def _matrix(results: ComparisonResults) -> Doubles2d:
    if results.pairs is None:
        raise InputError("this figure shows which of several corpora are near each other; here are two")
    return pairwise.distance_matrix(results.pairs, results.names, "mmd", "value")


def _leaf_order(merges: Doubles2d, count: int) -> list[int]:
    from scipy.cluster.hierarchy import leaves_list

    return [int(leaf) for leaf in leaves_list(merges)] if count > 1 else [0]


# -- what drives the difference -------------------------------------------------------------------------------


def clusters_figure(results: ComparisonResults) -> Figure:
    """Draw how much larger clusters are in one of two corpora, or the largest clusters of each of several."""
    if results.two_sample is None:
        return _composition(results)
    a, b = (quoted(name, 30) for name in results.names)
    top = results.clusters.head(TOP).sort("difference", descending=True)
    return bars(
        top["name"].to_list(),
        top["difference"].to_list(),
        low=top["low"].to_list(),
        high=top["high"].to_list(),
        points=True,
        sides=(f"more of {b}", f"more of {a}"),
        caption="Difference of shares, in percentage points, with 95% intervals.",
    )


def _composition(results: ComparisonResults) -> Figure:
    clustering = results.clustering
    counts = np.zeros((len(results.names), len(clustering)), np.int64)
    np.add.at(counts, (results.samples.corpus_ids, clustering.labels), 1)
    order = np.argsort(-counts.sum(axis=0), kind="stable")
    largest, rest = order[:_MAX_STACKED], order[_MAX_STACKED:]
    titles = [clip(clustering.names[cluster], 40) for cluster in largest] + (["other clusters"] if len(rest) else [])
    table = np.column_stack([counts[:, largest], counts[:, rest].sum(axis=1)]) if len(rest) else counts[:, largest]
    names = [clip(name, 40) for name in results.names]
    return stacked_bars(names, titles, table, caption="The clusters of each corpus.")


def words_figure(results: ComparisonResults) -> Figure:
    """Draw the words of two corpora by frequency and by how much they set the corpora apart.

    Function words have no name, unless no other word is significant.
    """
    results.of_two("plot('words')")
    a, b = (quoted(name, 30) for name in results.names)
    words = results.words
    if not len(words):
        raise InputError("there are no words to draw: none is frequent enough to be compared")
    significant = (words["q_value"] < ALPHA).to_numpy()
    function_words = is_function_word(results, words["word"]).to_numpy()
    name_all = not (significant & ~function_words).any()
    counts = words.select("count_a", "count_b").to_numpy().sum(axis=1)
    unnamed = "" if name_all else " Function words and numbers have a dot and no name; they have a table of their own."
    return word_scatter(
        words["word"].to_list(),
        counts / counts.sum() * 1e6,
        words["z"].to_numpy(),
        sure=significant,
        sides=(a, b),
        unnamed=None if name_all else function_words,
        caption="Every dot is a word: frequent words are on the right, distinctive ones at the top and the bottom."
        + unnamed,
    )


def is_function_word(results: ComparisonResults, words: pl.Series) -> pl.Series:
    """Return which words are single letters, numbers, or function words of the corpora's languages."""
    codes = [code for code in results.profile.summary["language"] if code in LANGUAGE_CODES]
    lists = [words_of(LANGUAGE_CODES[code]) for code in codes or ("en",)]
    single = words.str.contains(r"^\W*\w?\W*$") & ~words.str.contains(f"[{''.join(UNSPACED)}]")
    listed = words.str.replace("['’](s|t|m|d|re|ve|ll)$", "").is_in(sorted(frozenset().union(*lists)))
    return listed | single | words.str.contains(r"^\d+$")


def documents_figure(results: ComparisonResults) -> Figure:
    """Draw how much more similar documents are to one corpus than to the other, or to their own than to the rest."""
    values = [results.witness[results.samples.rows(corpus)] for corpus in range(len(results.names))]
    values = [witness[np.isfinite(witness)] for witness in values]
    if not all(len(witness) for witness in values):
        raise InputError("no document sets the corpora apart: they hold the very same documents")
    names = [clip(name, 40) for name in results.names]
    if results.two_sample is None:
        caption = "How much more similar each document is to its own corpus than to the rest."
        return ridgeline(names, values, caption=caption, sides=("more like the rest", "more like its own"))
    a, b = (quoted(name, 40) for name in results.names)
    caption = "How much more similar each document is to one corpus than to the other."
    return ridgeline(names, values, caption=caption, sides=(f"more like {b}", f"more like {a}"))


def overlap_figure(results: ComparisonResults) -> Figure:
    """Draw what documents have in another corpus: the same text, a similar one, or none."""
    names, counterparts = results.names, results.counterparts
    without_duplicate = results.duplicates.twins == 0
    alike = np.bincount(results.samples.corpus_ids[without_duplicate & counterparts.covered], minlength=len(names))
    duplicates = results.overlap.select("exact", "near", "semantic").to_numpy()
    counts = np.column_stack([duplicates, alike, results.overlap["none"].to_numpy() - alike])
    min_score = results.settings.min_duplicate_score
    kinds = (
        "same text", "nearly the same text", f"cosine of at least {min_score:g}", "a counterpart in meaning", "none",
    )  # fmt: skip
    return stacked_bars(
        [clip(name, 40) for name in names], kinds, counts, caption="What documents have in another corpus."
    )


_KINDS: dict[str, Callable[[ComparisonResults], Figure]] = {
    "distances": distances_figure,
    "map": lambda results: map_figure(results)[0],
    "clusters": clusters_figure,
    "words": words_figure,
    "documents": documents_figure,
    "overlap": overlap_figure,
    "tree": tree_figure,
    "corpora": lambda results: corpora_figure(results)[0],
}
