"""The tables of a comparison: distances, documents, duplicates, counterparts and outliers, with names and ids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from semspace.comparison.contrasts import semantic_shift
from semspace.comparison.contrasts.example_sentences import counts_of, spelling_in
from semspace.comparison.results import ComparisonResults
from semspace.display import quoted
from semspace.errors import InputError

DISTANCE_COLUMNS = ("distance", "value", "low", "high", "by_chance", "p_value")


def distances_table(results: ComparisonResults) -> pl.DataFrame:
    """Return all distances; see `Comparison.distances`."""
    if results.pairs is not None:
        return results.pairs
    rows = [(d.name, d.value, *d.interval, d.by_chance, d.p_value, *d.halves) for d in results.of_two("it").distances]
    return pl.DataFrame(rows, schema=[*DISTANCE_COLUMNS, "halves_a", "halves_b"], orient="row")


def documents_table(results: ComparisonResults) -> pl.DataFrame:
    """Return all documents by their witness; see `Comparison.documents`."""
    samples, witness = results.samples, pl.Series("witness", np.asarray(results.witness))
    texts = samples.texts
    text = pl.Series("text", [None] * len(samples), dtype=pl.String) if texts is None else texts
    table = pl.DataFrame([samples.corpus_names, samples.ids, text, witness])
    return table.with_columns(pl.col("witness").fill_nan(None)).sort(
        ["witness", "corpus", "id"], descending=[True, False, False], nulls_last=True
    )


def shifted_words_table(results: ComparisonResults) -> pl.DataFrame:
    """Return the words that mean different things; see `Comparison.shifted_words`."""
    shifted = results.shifted_words
    return pl.DataFrame(schema=semantic_shift.SCHEMA) if shifted is None else shifted.table


def rows_of_words(results: ComparisonResults, table: pl.DataFrame, words: Sequence[str]) -> pl.DataFrame:
    """Return the rows of some words of the table of shifted words, in the order asked."""
    if isinstance(words, str):
        raise InputError(f"words must be a list of words, such as [{words!r}]; got a single text")
    if results.two_sample is None:
        results.of_two("shifted_words of given words")
    if results.shifted_words is None:
        raise InputError("words that change their meaning weren't looked for in this comparison")
    if not len(table):
        raise InputError(f"no word can be looked up. {results.shifted_words.note}")
    spelt = [spelling_in(results.samples, word) for word in words]
    for word in spelt:
        if not (table["word"] == word).any():
            counts = zip(counts_of(results.samples, word), results.names, strict=True)
            raise InputError(
                f"{word!r} isn't among the {len(table):,} words that were compared, which both corpora use at least "
                f"{semantic_shift.MIN_COUNT} times: it occurs "
                + " and ".join(f"{count:,} times in {quoted(name)}" for count, name in counts)
            )
    return pl.DataFrame({"word": spelt}, schema={"word": pl.String}).join(
        table, on="word", how="left", maintain_order="left"
    )


def duplicates_table(results: ComparisonResults) -> pl.DataFrame:
    """Return the pairs of duplicates; see `Comparison.duplicates`."""
    pairs = results.duplicates.pairs
    first, second = pairs["first"], pairs["second"]
    corpus_names, ids = results.samples.corpus_names, results.samples.ids
    return pairs.select(
        corpus_names.gather(first).alias("corpus_a"),
        ids.gather(first).alias("a"),
        corpus_names.gather(second).alias("corpus_b"),
        ids.gather(second).alias("b"),
        *(pl.col(name) for name in ("kind", "overlap", "containment", "score")),
    )


def counterparts_table(results: ComparisonResults) -> pl.DataFrame:
    """Return each document's counterpart; see `Comparison.counterparts`."""
    corpus_names, ids, nearest = results.samples.corpus_names, results.samples.ids, results.counterparts
    return pl.DataFrame(
        [
            corpus_names,
            ids,
            corpus_names.gather(nearest.other).alias("counterpart_corpus"),
            ids.gather(nearest.other).alias("counterpart"),
            pl.Series("score", nearest.other_score),
            pl.Series("covered", nearest.covered),
        ]
    ).sort(["score", "corpus", "id"])


def outliers_table(results: ComparisonResults) -> pl.DataFrame:
    """Return the outliers of all corpora; see `Comparison.outliers`."""
    outliers = results.profile.outliers
    return outliers.select(
        results.samples.corpus_names.gather(outliers["row"]).alias("corpus"),
        results.samples.ids.gather(outliers["row"]).alias("id"),
        pl.col("distance", "excess"),
    )
