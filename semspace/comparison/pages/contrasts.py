"""What drives it? Groups, words, words that mean something else, documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from semspace.clusters.methods import method_description
from semspace.comparison.pages.limits import ENDS, PAIRED, ROWS, TOP
from semspace.comparison.verdict import SURE
from semspace.display import clip, p_value
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
from semspace.text.scripts import UNSPACED

if TYPE_CHECKING:
    from semspace.comparison.comparison import Comparison


def groups(found: Comparison) -> Section:
    """Show which groups are larger in which corpus."""
    two = found.answers is not None
    shares = found.shares
    sure = shares.filter(pl.col("q_value") < SURE)
    count = len(found.grouping)
    method = (
        f"All corpora were clustered together by {method_description(found.grouping.provenance)} into {count} "
        f"groups, named by their most telling words. Intervals: Newcombe 1998; p-values: Fisher's exact test, or how "
        f"units vary where units were given; q-values: false discovery rate. Groups are cut where the text is "
        f"thinnest, which needn't be where a reader would cut."
    )
    if two:
        a, b = (clip(name, 30) for name in found.names)
        said = (
            f"{len(sure)} of {count} groups are clearly larger in one corpus than in the other."
            if len(sure)
            else "No group is larger in one corpus than in the other beyond chance."
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
        columns = ("group", f"in {a}", f"in {b}", f"share of {a}", f"share of {b}", "p-value", "q-value")
        return Section(
            "Which groups?",
            (Prose(said, strong=True), figure, Table(columns, _share_rows(shares), limit=ROWS)),
            method,
        )
    grouped = found.grouping
    counts = np.zeros((len(found.names), count), np.int64)
    np.add.at(counts, (found.samples.of, grouped.labels), 1)
    figure = _made_of(counts, found.names, grouped.names)
    headers = ("corpus", "group", "in it", "in the rest", "share of it", "share of the rest", "p-value", "q-value")
    table = Table(headers, _share_rows(sure, "corpus"), "Groups clearly larger or smaller than in the rest", limit=ROWS)
    return Section("Which groups?", (figure, table), method)


def _made_of(counts: np.ndarray, names: tuple[str, ...], groups: tuple[str, ...]) -> Figure:
    """Draw what each corpus is made of: its largest groups, and the rest."""
    order = np.argsort(-counts.sum(axis=0), kind="stable")
    kept, rest = order[: TOP - 5], order[TOP - 5 :]
    parts = [clip(groups[group], 40) for group in kept] + (["other groups"] if len(rest) else [])
    table = np.column_stack([counts[:, kept], counts[:, rest].sum(axis=1)]) if len(rest) else counts[:, kept]
    return stacked_bars(
        [clip(name, 40) for name in names], parts, table, caption="The groups that each corpus is made of."
    )


def _share_rows(shares: pl.DataFrame, *first: str) -> list[tuple[object, ...]]:
    columns = shares.select(*first, "name", "count_a", "count_b", "share_a", "share_b", "p_value", "q_value")
    return [
        (*row[:-4], Number(row[-4], f"{row[-4]:.1%}"), Number(row[-3], f"{row[-3]:.1%}"),
         Number(row[-2], p_value(row[-2])), Number(row[-1], p_value(row[-1])))
        for row in columns.iter_rows()
    ]  # fmt: skip


def telling_words(found: Comparison) -> Section:
    """Show the words that set the corpora apart."""
    sure = found.contrast.filter(pl.col("q_value") < SURE)
    if not len(sure):
        return Section("Which words?", (Prose("No word is more frequent in one corpus than chance allows."),), _WORDS)
    if found.answers is None:
        return Section("Which words?", (_words_of_each(found, sure),), _WORDS)
    a, b = (clip(name, 30) for name in found.names)
    contrast = found.contrast
    counts = contrast.select("count_a", "count_b").to_numpy().sum(axis=1)
    single = contrast["word"].str.contains(r"^\W*\w?\W*$") & ~contrast["word"].str.contains(f"[{''.join(UNSPACED)}]")
    plain = contrast["word"].is_in(sorted(ENGLISH_STOP_WORDS)) | single | contrast["word"].str.contains(r"^\d+$")
    figure = word_scatter(
        contrast["word"].to_list(),
        counts / counts.sum() * 1e6,
        contrast["z"].to_numpy(),
        sure=(contrast["q_value"] < SURE).to_numpy(),
        sides=(a, b),
        unnamed=plain.to_numpy() if len(sure) > ENDS else None,
        caption="Every dot is a word: the further right, the more frequent; the further up or down, the more telling. "
        "Words such as “the” and “he”, and numbers, are drawn without a name.",
    )
    said = f"{len(sure):,} words set the corpora apart beyond chance (false discovery rate under 5%)."
    headers = (
        "word", f"in {a}", f"in {b}", f"documents of {a}", f"documents of {b}", "log-odds", "z", "G²",
        f"dispersion in {a}", f"dispersion in {b}", "q-value",
    )  # fmt: skip
    rows = [
        (*row[:-1], Number(row[-1], p_value(row[-1])))
        for row in sure.head(ROWS).select(
            "word", "count_a", "count_b", "documents_a", "documents_b", "log_odds", "z", "g2", "dispersion_a",
            "dispersion_b", "q_value",
        ).iter_rows()
    ]  # fmt: skip
    listed = Table(headers, rows, "The most telling words", limit=ROWS)
    return Section("Which words?", (Prose(said, strong=True), figure, listed), _WORDS)


def _words_of_each(found: Comparison, sure: pl.DataFrame) -> Table:
    more = sure.filter(pl.col("z") > 0)
    rows = []
    for name in found.names:
        own = more.filter(pl.col("corpus") == name)
        rows.append((name, len(own), ", ".join(own["word"].head(TOP))))
    headers = ("corpus", "words it has more of", "the most telling")
    return Table(headers, rows, "Each corpus against the rest", limit=ROWS)


_WORDS = (
    "Log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008), in standard errors (z); G² "
    "is the log-likelihood ratio (Rayson and Garside 2000); dispersion says whether a word is spread over the "
    "documents (0) or comes in one alone (1; Gries 2008). z and G² take words for independent draws, and they come in "
    "bursts: so the q-value, a false discovery rate (Benjamini and Hochberg 1995), rests on what dealing whole "
    "documents at random would give. A telling word says what one corpus talks of more, not what it says about it."
)


def shifted(found: Comparison) -> list[Section]:
    """Show the words that mean something else, if they were looked for."""
    moved = found.moved
    if moved is None:
        return []
    title = "Which words mean something else?"
    if not len(moved.table):
        return [Section(title, (Prose(moved.note),), _MOVED)]
    a, b = (clip(name, 30) for name in found.names)
    judged = moved.table["q_value"].null_count() < len(moved.table)
    table = moved.table.filter(pl.col("q_value") < SURE) if judged else moved.table
    said = (
        f"{len(table):,} of {len(moved.table):,} words that both corpora use keep other company beyond chance."
        if judged
        else moved.note
    )
    rows = [
        (word, in_a, in_b, shift, "" if q is None else Number(q, p_value(q)), ", ".join(near_a), ", ".join(near_b))
        for word, in_a, in_b, shift, q, near_a, near_b in table.select(
            "word", "count_a", "count_b", "shift", "q_value", "nearest_a", "nearest_b"
        ).head(PAIRED).iter_rows()
    ]  # fmt: skip
    headers = ("word", f"in {a}", f"in {b}", "shift", "q-value", f"nearest in {a}", f"nearest in {b}")
    return [Section(title, (Prose(said, strong=True), Table(headers, rows, limit=PAIRED)), f"{moved.note} {_MOVED}")]


_MOVED = (
    "A Word2Vec space was learnt of each corpus and the two were aligned (Hamilton, Leskovec and Jurafsky 2016); a "
    "word's shift is one less the cosine of its two vectors. Vectors learnt twice are never the same (Dubossarsky, "
    "Weinshall and Grossman 2017), so each shift is held against those of random splits of both corpora. Other "
    "company isn't always another meaning: where two corpora are about different things, most words keep somewhat "
    "different company."
)


def documents(found: Comparison) -> Section:
    """Show the documents that hold the corpora apart."""
    two = found.answers is not None
    table = found.documents().filter(pl.col("witness").is_not_null())
    columns = table.select("corpus", "id", "witness", pl.col("text").fill_null(""))
    headers = ("corpus", "id", "witness", "text")
    method = (
        "The witness function of the MMD: a document's mean similarity to the first corpus less that to the second, "
        "or to its own corpus less that to the rest. Its extremes are the documents that hold the corpora apart; they "
        "are not typical of either."
    )
    values = [found.witness[found.samples.rows(corpus)] for corpus in range(len(found.names))]
    values = [value[np.isfinite(value)] for value in values]
    called = [clip(name, 40) for name in found.names]
    if not two:
        spread = ridgeline(
            called,
            values,
            caption="How much more like its own corpus than like the rest each document is.",
            sides=("more like the rest", "more like its own"),
        )
        tables = (
            Table(headers, columns.head(PAIRED).rows(), "Most like their own corpus, least like the rest"),
            Table(headers, columns.tail(PAIRED).reverse().rows(), "More like the rest than like their own corpus"),
        )
        return Section("Which documents?", (spread, *tables), method)
    a, b = called
    spread = ridgeline(
        called,
        values,
        caption="How much more like one corpus than like the other each document is.",
        sides=(f"more like {b}", f"more like {a}"),
    )
    most_a = Table(headers, columns.head(ENDS).rows(), f"Most like {a}, least like {b}")
    most_b = Table(headers, columns.tail(ENDS).reverse().rows(), f"Most like {b}, least like {a}")
    return Section("Which documents?", (spread, most_a, most_b), method)
