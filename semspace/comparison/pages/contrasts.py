"""The sections of the report on what drives the difference: clusters, words, documents."""

from __future__ import annotations

import polars as pl

from semspace.clusters.methods import method_description
from semspace.comparison.pages.figures import clusters_figure, documents_figure, is_function_word, words_figure
from semspace.comparison.pages.limits import ENDS, ROWS, TEXT_ROWS, TOP
from semspace.comparison.results import ComparisonResults
from semspace.comparison.tables import documents_table
from semspace.display import p_value, quoted
from semspace.report import (
    Figure,
    Number,
    Prose,
    Section,
    Table,
)
from semspace.statistics import ALPHA

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
    figure = clusters_figure(results)
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
    headers = ("cluster", "q-value", f"documents of {a}", f"documents of {b}", "p-value")
    return Prose(statement, strong=True), clusters_figure(results), Table(headers, _share_rows(shares), limit=ROWS)


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
    is_listed = is_function_word(results, significant["word"])
    content, function_words = significant.filter(~is_listed), significant.filter(is_listed)
    figure = words_figure(results)
    tables = [
        _words_of_two(results, words, caption)
        for words, caption in (
            (content, "The most distinctive words"),
            (function_words, "The most distinctive function words, single letters and numbers"),
        )
        if len(words)
    ]
    return Section("Which words?", (statement, figure, *tables), _WORDS_METHOD)


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
    content = over_represented.filter(~is_function_word(results, over_represented["word"]))
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
    table = documents_table(results).filter(pl.col("witness").is_not_null())
    if not len(table):
        statement = Prose("No document sets the corpora apart: they hold the very same documents.", strong=True)
        return Section("Which documents?", (statement,), _WITNESS_METHOD)
    columns = table.select("corpus", "id", "witness", pl.col("text").fill_null(""))
    if results.two_sample is None:
        headers = ("corpus", "id", "similarity to its own less that to the rest", "text")
        tables = (
            Table(headers, columns.head(TEXT_ROWS).rows(), "Most like their own corpus, least like the rest"),
            Table(headers, columns.tail(TEXT_ROWS).reverse().rows(), "More like the rest than like their own corpus"),
        )
        return Section("Which documents?", (documents_figure(results), *tables), _WITNESS_METHOD)
    a, b = (quoted(name, 40) for name in results.names)
    headers = ("corpus", "id", f"similarity to {a} less that to {b}", "text")
    most_a = Table(headers, columns.head(ENDS).rows(), f"Most like {a}, least like {b}")
    most_b = Table(headers, columns.tail(ENDS).reverse().rows(), f"Most like {b}, least like {a}")
    return Section("Which documents?", (documents_figure(results), most_a, most_b), _WITNESS_METHOD)


_WITNESS_METHOD = (
    "The witness function of the MMD: a document's mean similarity to the first corpus less that to the second, or to "
    "its own corpus less that to the rest. Its extremes are the documents that set the corpora apart; they are not "
    "typical of either."
)
