"""The sections of the report on what corpora share: duplicates, counterparts, and documents without one."""

from __future__ import annotations

import numpy as np

from semspace.comparison.pages.figures import overlap_figure
from semspace.comparison.pages.limits import TEXT_ROWS
from semspace.comparison.results import ComparisonResults
from semspace.comparison.tables import counterparts_table, duplicates_table
from semspace.display import quoted
from semspace.report import (
    Figure,
    Prose,
    Section,
    Table,
)

_SHARED_TITLE = "What do they share?"


def duplicates_section(results: ComparisonResults) -> Section:
    """Return the section on what documents have in another corpus."""
    min_score = results.settings.min_duplicate_score
    blocks: list[Prose | Table | Figure] = [overlap_figure(results)]
    if len(results.names) == 2:
        blocks += _coverage_sentences(results)
    pairs = duplicates_table(results)
    if not len(pairs):
        blocks.append(
            Prose(f"No document of one corpus nearly repeats one of another (cosine of at least {min_score:g}).")
        )
        return Section(_SHARED_TITLE, tuple(blocks), _DUPLICATES_METHOD)
    texts = results.samples.texts
    first_pairs = results.duplicates.pairs.head(TEXT_ROWS)
    text_pairs = [("", "")] * len(first_pairs) if texts is None else list(
        zip(texts.gather(first_pairs["first"]), texts.gather(first_pairs["second"]), strict=True)
    )  # fmt: skip
    columns = pairs.head(TEXT_ROWS).select("a", "b", "kind", "overlap", "containment", "score").iter_rows()
    rows = [
        (kind, a, b, score, overlap, containment, text_a, text_b)
        for (a, b, kind, overlap, containment, score), (text_a, text_b) in zip(columns, text_pairs, strict=True)
    ]
    headers = (
        "kind", "id", "id of the other", "cosine", "shared shingles", "containment", "text", "text of the other",
    )  # fmt: skip
    note = f"{len(pairs):,} pairs, the surest first"
    blocks.append(Table(headers, rows, note, limit=TEXT_ROWS, width=160))
    return Section(_SHARED_TITLE, tuple(blocks), _DUPLICATES_METHOD)


def _coverage_sentences(results: ComparisonResults) -> list[Prose]:
    columns = results.coverage.select("corpus", "share", "low", "high", "expected", "covered").iter_rows()
    return [
        Prose(
            f"{share:.0%} of {quoted(name, 40)} ({count:,} documents; 95% interval {low:.0%} to {high:.0%}) have a "
            f"counterpart in the other corpus; if both were samples of one source, {expected or 0.95:.0%} would."
        )
        for name, share, low, high, expected, count in columns
        if share is not None
    ]


_DUPLICATES_METHOD = (
    "Same text: apart from capitals and spacing. Nearly the same: at least half of all shingles (runs of five words) "
    "are in both (Jaccard index, found by MinHash; Broder 1997), or four fifths of those of the shorter text are in "
    "the longer one (containment). Cosine: between document vectors. A document has a counterpart if it is as near to "
    "the other corpus as 95% of that corpus's own documents are to each other. Alike in meaning needn't be copied: "
    "read the pair."
)


def counterparts_section(results: ComparisonResults) -> Section:
    """Return the section on documents without a counterpart."""
    table = counterparts_table(results)
    texts, counterparts = results.samples.texts, results.counterparts
    uncovered = np.flatnonzero(~counterparts.covered)
    uncovered = uncovered[np.argsort(counterparts.other_score[uncovered], kind="stable")][:TEXT_ROWS]
    corpus_names, ids = results.samples.corpus_names, results.samples.ids
    rows = [
        (corpus_names[row], ids[row], float(counterparts.other_score[row]), "" if texts is None else texts[row],
         "" if texts is None else texts[int(counterparts.other[row])])
        for row in uncovered.tolist()
    ]  # fmt: skip
    count = int((~table["covered"]).sum())
    statement = (
        f"{count:,} of {len(table):,} documents have no counterpart; the most distant first."
        if count
        else "Every document has a counterpart in another corpus."
    )
    headers = ("corpus", "id", "cosine", "text", "nearest elsewhere")
    blocks: tuple[Prose | Table, ...] = (Prose(statement, strong=True),)
    if rows:
        blocks = (*blocks, Table(headers, rows, limit=TEXT_ROWS, width=160))
    method = (
        "The nearest document of another corpus, by cosine. A document has no counterpart if it is further from it "
        "than 95% of that corpus's documents are from their own nearest neighbour. This isn't symmetric, and a larger "
        "corpus covers more."
    )
    return Section("Which documents have no counterpart?", blocks, method)
