"""What are they like? Each corpus by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from semspace.comparison.pages.limits import PAIRED, ROWS
from semspace.report import (
    Prose,
    Section,
    Table,
)

if TYPE_CHECKING:
    from semspace.comparison.comparison import Comparison


_MEASURES = (
    "documents", "words", "vocabulary", "words a document", "words a sentence", "diversity", "LIX", "language",
    "spread", "outliers",
)  # fmt: skip
_ACROSS = 3


def profiles(found: Comparison) -> Section:
    """Show what each corpus is like by itself."""
    measured = [(row["corpus"], *_measures(row)) for row in found.profiles().iter_rows(named=True)]
    headers = ("corpus", *_MEASURES)
    if len(measured) <= _ACROSS:  # a few corpora stand side by side
        headers, *measured = zip(headers, *measured, strict=True)
        headers = ("", *headers[1:])
    blocks: list[Prose | Table] = [Table(headers, measured, "Each corpus by itself, with 95% intervals", limit=ROWS)]
    if found.profile.languages_differ():
        blocks.insert(0, Prose("The corpora are in different languages: that alone may hold them apart.", strong=True))
    odd = found.outliers().head(PAIRED)
    if len(odd):
        texts = dict(zip(zip(found.samples.owners, found.samples.ids, strict=True), _texts(found), strict=True))
        listed = [(corpus, id, far, excess, texts[corpus, id]) for corpus, id, far, excess in odd.iter_rows()]
        columns = ("corpus", "id", "distance", "deviations above the median", "text")
        blocks.append(Table(columns, listed, "Documents odd in their own corpus", width=160))
    method = (
        "Diversity is the mean share of different words in a window of so many words, which doesn't depend on length "
        "(moving-average type-token ratio, Covington and McFall 2010). LIX (Björnsson 1968) adds words a sentence and "
        "the percentage of long words: 20 is very easy, 40 a newspaper, 60 very hard. Spread is the mean cosine "
        "distance of two documents. An outlier is further from its nearest neighbours than some 99 in 100 documents "
        "of plain corpora are. Languages are told from a sample. A vocabulary grows with its corpus, so it says "
        "nothing of two of different size."
    )
    return Section("What are they like?", tuple(blocks), method)


def _measures(row: dict[str, Any]) -> tuple[object, ...]:
    language = f"{row['language']} ({row['language_share']:.0%})" if row["language"] else ""
    whole = [_number(row[name], 0) for name in ("documents", "words", "vocabulary", "words_per_document")]
    return (
        *whole,
        _number(row["sentence_length"], 1),
        _ranged(row, "diversity", 2),
        _ranged(row, "readability", 0),
        language,
        _ranged(row, "spread", 2),
        _number(row["outliers"], 0),
    )


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _texts(found: Comparison) -> list[str]:
    return [""] * len(found.samples) if found.samples.texts is None else found.samples.texts.to_list()


def _ranged(row: dict[str, float | None], name: str, digits: int) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return ""
    ends = f" ({low:.{digits}f} to {high:.{digits}f})" if low is not None and high is not None else ""
    return f"{value:.{digits}f}{ends}"
