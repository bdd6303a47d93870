"""The sections of the report on what drives the difference: clusters, words, documents."""

from __future__ import annotations

import numpy as np
import polars as pl

from semspace.clusters.methods import method_description
from semspace.clusters.stop_words import LANGUAGE_CODES, words_of
from semspace.comparison.pages.limits import ENDS, ROWS, TEXT_ROWS, TOP
from semspace.comparison.results import ComparisonResults
from semspace.comparison.tables import documents_table
from semspace.display import clip, p_value, quoted
from semspace.report import (
    Figure,
    Number,
    Prose,
    Section,
    Table,
    bars,
    ridgeline,
    stacked_bars,
    word_scatter,
)
from semspace.statistics import ALPHA
from semspace.text.scripts import UNSPACED
from semspace.types import Ints2d

_MAX_STACKED = TOP - 5  # clusters that a stacked bar shows; the others are added up


# -- clusters -------------------------------------------------------------------------------------------------


def clusters_section(results: ComparisonResults) -> Section:
    """Return the section on which clusters are larger in which corpus."""
    clustering, shares = results.clustering, results.clusters
    method = (
        f"All corpora were clustered together by {method_description(clustering.provenance)} into {len(clustering)} "
        f"clusters, named by their most distinctive words. Intervals: Newcombe 1998; p-values: Fisher's exact test, "
        f"or the variance between groups of documents where groups= were given; q-values: false discovery rate. "
        f"Another clustering of the same documents would divide them elsewhere."
    )
    if results.two_sample is not None:
        return Section("Which clusters?", _clusters_of_two(results), method)
    counts = np.zeros((len(results.names), len(clustering)), np.int64)
    np.add.at(counts, (results.samples.corpus_ids, clustering.labels), 1)
    figure = _composition_figure(counts, results.names, clustering.names)
    significant = shares.filter(pl.col("q_value") < ALPHA)
    if not len(significant):
        statement = Prose("No cluster is significantly larger or smaller in one corpus than in the rest.", strong=True)
        return Section("Which clusters?", (statement, figure), method)
    headers = ("corpus", "cluster", "q-value", "documents in it", "documents in the rest", "p-value")
    rows = _share_rows(significant, "corpus")
    table = Table(headers, rows, "Clusters significantly larger or smaller than in the rest", limit=ROWS)
    return Section("Which clusters?", (figure, table), method)


def _clusters_of_two(results: ComparisonResults) -> tuple[Prose, Figure, Table]:
    a, b = (quoted(name, 30) for name in results.names)
    shares = results.clusters
    n_significant = int((shares["q_value"] < ALPHA).sum())
    statement = (
        f"{n_significant} of {len(shares)} clusters are significantly larger in one corpus than in the other."
        if n_significant
        else "No cluster is significantly larger in one corpus than in the other."
    )
    top = shares.head(TOP).sort("difference", descending=True)
    figure = bars(
        top["name"].to_list(),
        top["difference"].to_list(),
        low=top["low"].to_list(),
        high=top["high"].to_list(),
        points=True,
        sides=(f"more of {b}", f"more of {a}"),
        caption="Difference of shares, in percentage points, with 95% intervals.",
    )
    headers = ("cluster", "q-value", f"documents of {a}", f"documents of {b}", "p-value")
    return Prose(statement, strong=True), figure, Table(headers, _share_rows(shares), limit=ROWS)


def _composition_figure(counts: Ints2d, names: tuple[str, ...], cluster_names: tuple[str, ...]) -> Figure:
    """Draw the largest clusters of each corpus, and the rest."""
    order = np.argsort(-counts.sum(axis=0), kind="stable")
    largest, rest = order[:_MAX_STACKED], order[_MAX_STACKED:]
    titles = [clip(cluster_names[cluster], 40) for cluster in largest] + (["other clusters"] if len(rest) else [])
    table = np.column_stack([counts[:, largest], counts[:, rest].sum(axis=1)]) if len(rest) else counts[:, largest]
    return stacked_bars([clip(name, 40) for name in names], titles, table, caption="The clusters of each corpus.")


def _share_rows(shares: pl.DataFrame, *first: str) -> list[tuple[object, ...]]:
    columns = shares.select(*first, "name", "q_value", "count_a", "share_a", "count_b", "share_b", "p_value")
    return [
        (*row[:-6], _probability(row[-6]), _count_with_share(*row[-5:-3]), _count_with_share(*row[-3:-1]),
         _probability(row[-1]))
        for row in columns.iter_rows()
    ]  # fmt: skip


def _count_with_share(count: int, share: float) -> Number:
    return Number(share, f"{count:,} ({share:.1%})")


def _probability(value: float) -> Number:
    return Number(value, p_value(value))


# -- words ----------------------------------------------------------------------------------------------------


def words_section(results: ComparisonResults) -> Section:
    """Return the section on the words that set the corpora apart."""
    significant = results.words.filter(pl.col("q_value") < ALPHA)
    if not len(significant):
        statement = Prose("No word is significantly more frequent in one corpus than in the other.", strong=True)
        return Section("Which words?", (statement,), _WORDS_METHOD)
    if results.two_sample is None:
        return Section("Which words?", (_words_of_each(results, significant),), _WORDS_METHOD)
    statement = Prose(
        f"{len(significant):,} words set the corpora apart significantly (false discovery rate under 5%).", strong=True
    )
    is_function_word = _is_function_word(results, significant["word"])
    content, function_words = significant.filter(~is_function_word), significant.filter(is_function_word)
    figure = _words_figure(results, name_all=not len(content))
    tables = [
        _words_of_two(results, words, caption)
        for words, caption in (
            (content, "The most distinctive words"),
            (function_words, "The most distinctive function words, single letters and numbers"),
        )
        if len(words)
    ]
    return Section("Which words?", (statement, figure, *tables), _WORDS_METHOD)


def _is_function_word(results: ComparisonResults, words: pl.Series) -> pl.Series:
    """Return which words are single letters, numbers, or function words of the corpora's languages."""
    codes = [code for code in results.profile.summary["language"] if code in LANGUAGE_CODES]
    lists = [words_of(LANGUAGE_CODES[code]) for code in codes or ("en",)]
    single = words.str.contains(r"^\W*\w?\W*$") & ~words.str.contains(f"[{''.join(UNSPACED)}]")
    listed = words.str.replace("['’](s|t|m|d|re|ve|ll)$", "").is_in(sorted(frozenset().union(*lists)))
    return listed | single | words.str.contains(r"^\d+$")


def _words_figure(results: ComparisonResults, *, name_all: bool) -> Figure:
    a, b = (quoted(name, 30) for name in results.names)
    words = results.words
    counts = words.select("count_a", "count_b").to_numpy().sum(axis=1)
    unnamed = "" if name_all else " Function words and numbers have a dot and no name; they have a table of their own."
    return word_scatter(
        words["word"].to_list(),
        counts / counts.sum() * 1e6,
        words["z"].to_numpy(),
        sure=(words["q_value"] < ALPHA).to_numpy(),
        sides=(a, b),
        unnamed=None if name_all else _is_function_word(results, words["word"]).to_numpy(),
        caption="Every dot is a word: frequent words are on the right, distinctive ones at the top and the bottom."
        + unnamed,
    )


def _words_of_two(results: ComparisonResults, words: pl.DataFrame, caption: str) -> Table:
    a, b = (quoted(name, 30) for name in results.names)
    headers = ("word", "q-value", f"in {a} (documents)", f"in {b} (documents)", "log-odds", "z", "G²")
    columns = words.head(ROWS).select(
        "word", "q_value", "count_a", "documents_a", "count_b", "documents_b", "log_odds", "z", "g2"
    )
    rows = [
        (word, _probability(q), _count_with_documents(*in_a), _count_with_documents(*in_b), *rest)
        for word, q, in_a, in_b, *rest in (
            (row[0], row[1], row[2:4], row[4:6], *row[6:]) for row in columns.iter_rows()
        )
    ]
    return Table(headers, rows, caption, limit=ROWS)


def _count_with_documents(count: int, documents: int) -> Number:
    return Number(count, f"{count:,} ({documents:,})")


def _words_of_each(results: ComparisonResults, significant: pl.DataFrame) -> Table:
    over_represented = significant.filter(pl.col("z") > 0)
    content = over_represented.filter(~_is_function_word(results, over_represented["word"]))
    rows = []
    for name in results.names:
        words = content.filter(pl.col("corpus") == name)["word"]
        count = int((over_represented["corpus"] == name).sum())
        rows.append((name, count, ", ".join(words.head(TOP)) or "none but function words" if count else "none"))
    headers = ("corpus", "words it has more of", "the most distinctive, without function words and numbers")
    return Table(headers, rows, "Each corpus against the rest", limit=ROWS)


_WORDS_METHOD = (
    "Log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008), in standard errors (z); G² "
    "is the log-likelihood ratio (Rayson and Garside 2000). The full tables also have the dispersion of each word: 0 "
    "if it is spread evenly over the documents and 1 if it occurs in one alone (Gries 2008). z and G² assume that "
    "words are independent draws, but words come in bursts: so the q-value, a false discovery rate (Benjamini and "
    "Hochberg 1995), rests on random permutations of whole documents. A distinctive word says what one corpus talks of "
    "more, not what it says about it. Function words are those of a list for the main language of each corpus."
)


# -- documents ------------------------------------------------------------------------------------------------


def documents_section(results: ComparisonResults) -> Section:
    """Return the section on the documents that set the corpora apart."""
    names = [clip(name, 40) for name in results.names]
    table = documents_table(results).filter(pl.col("witness").is_not_null())
    if not len(table):
        statement = Prose("No document sets the corpora apart: they hold the very same documents.", strong=True)
        return Section("Which documents?", (statement,), _WITNESS_METHOD)
    columns = table.select("corpus", "id", "witness", pl.col("text").fill_null(""))
    values = [results.witness[results.samples.rows(corpus)] for corpus in range(len(names))]
    values = [witness[np.isfinite(witness)] for witness in values]
    if results.two_sample is None:
        headers = ("corpus", "id", "similarity to its own less that to the rest", "text")
        figure = ridgeline(
            names,
            values,
            caption="How much more similar each document is to its own corpus than to the rest.",
            sides=("more like the rest", "more like its own"),
        )
        tables = (
            Table(headers, columns.head(TEXT_ROWS).rows(), "Most like their own corpus, least like the rest"),
            Table(headers, columns.tail(TEXT_ROWS).reverse().rows(), "More like the rest than like their own corpus"),
        )
        return Section("Which documents?", (figure, *tables), _WITNESS_METHOD)
    a, b = (quoted(name, 40) for name in results.names)
    headers = ("corpus", "id", f"similarity to {a} less that to {b}", "text")
    figure = ridgeline(
        names,
        values,
        caption="How much more similar each document is to one corpus than to the other.",
        sides=(f"more like {b}", f"more like {a}"),
    )
    most_a = Table(headers, columns.head(ENDS).rows(), f"Most like {a}, least like {b}")
    most_b = Table(headers, columns.tail(ENDS).reverse().rows(), f"Most like {b}, least like {a}")
    return Section("Which documents?", (figure, most_a, most_b), _WITNESS_METHOD)


_WITNESS_METHOD = (
    "The witness function of the MMD: a document's mean similarity to the first corpus less that to the second, or to "
    "its own corpus less that to the rest. Its extremes are the documents that set the corpora apart; they are not "
    "typical of either."
)
