"""The section of the report on what each corpus is like by itself."""

from __future__ import annotations

from typing import Any

from semspace.comparison.pages.limits import ROWS, TEXT_ROWS
from semspace.comparison.results import ComparisonResults
from semspace.comparison.tables import outliers_table
from semspace.report import (
    Prose,
    Section,
    Table,
)

_MEASURES = (
    "documents", "words", "vocabulary", "words per document", "words per sentence", "lexical diversity",
    "readability (LIX)", "language", "spread (mean distance)", "outliers",
)  # fmt: skip
_MAX_COLUMNS = 3  # corpora that stand side by side; of more, each has a row


def profiles_section(results: ComparisonResults) -> Section:
    """Return the section on what each corpus is like by itself."""
    rows = [(row["corpus"], *_measures(row)) for row in results.profile.summary.iter_rows(named=True)]
    headers = ("corpus", *_MEASURES)
    if len(rows) <= _MAX_COLUMNS:
        headers, *rows = zip(headers, *rows, strict=True)
        headers = ("measure", *headers[1:])
    blocks: list[Prose | Table] = [Table(headers, rows, "Each corpus by itself, with 95% intervals", limit=ROWS)]
    if results.profile.languages_differ():
        blocks.insert(0, Prose("The corpora are in different languages: that alone may set them apart.", strong=True))
    outliers = outliers_table(results).head(TEXT_ROWS)
    if len(outliers):
        samples = results.samples
        texts = [""] * len(samples) if samples.texts is None else samples.texts.to_list()
        text_of = dict(zip(zip(samples.corpus_names, samples.ids, strict=True), texts, strict=True))
        outlier_rows = [
            (corpus, id, distance, excess, text_of[corpus, id]) for corpus, id, distance, excess in outliers.iter_rows()
        ]
        columns = ("corpus", "id", "distance", "standard deviations above the median", "text")
        blocks.append(Table(columns, outlier_rows, "Outliers of each corpus", width=160))
    method = (
        "Diversity is the mean share of different words in a window of fixed size, which doesn't depend on length "
        "(moving-average type-token ratio, Covington and McFall 2010). LIX (Björnsson 1968) is the number of words per "
        "sentence plus the percentage of long words: 20 is very easy, 40 a newspaper, 60 very hard. Spread is the mean "
        "cosine distance of two documents. An outlier is further from its nearest neighbours than about 99 in 100 "
        "documents of ordinary corpora are. Languages are identified in a sample. The vocabulary grows with its "
        "corpus, so it doesn't compare corpora of different size."
    )
    return Section("What are they like?", tuple(blocks), method)


def _measures(row: dict[str, Any]) -> tuple[object, ...]:
    share = row["language_share"]
    language = "" if not row["language"] else f"{row['language']}{'' if share is None else f' ({share:.0%})'}"
    counts = [_number(row[name], 0) for name in ("documents", "words", "vocabulary", "words_per_document")]
    return (
        *counts,
        _number(row["sentence_length"], 1),
        _with_interval(row, "diversity", 2),
        _with_interval(row, "readability", 0),
        language,
        _with_interval(row, "spread", 2),
        _number(row["outliers"], 0),
    )


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _with_interval(row: dict[str, float | None], name: str, digits: int) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return ""
    interval = f" ({low:.{digits}f} to {high:.{digits}f})" if low is not None and high is not None else ""
    return f"{value:.{digits}f}{interval}"
