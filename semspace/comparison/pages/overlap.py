"""What do they share? Copies, counterparts, and documents without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from semspace.comparison.pages.limits import PAIRED
from semspace.display import clip
from semspace.report import (
    Figure,
    Prose,
    Section,
    Table,
    stacked_bars,
)

if TYPE_CHECKING:
    from semspace.comparison.comparison import Comparison


def shared(found: Comparison) -> Section:
    """Show what documents have in another corpus."""
    least = found.settings.min_duplicate_score
    covered = found.coverage["covered"].to_numpy()
    twins = found.overlap.select("exact", "near", "semantic").to_numpy()
    free = found.shared.twins == 0  # documents without a twin
    alike = np.bincount(found.samples.of[free & found.near.covered], minlength=len(found.names))
    counts = np.column_stack([twins, alike, found.overlap["none"].to_numpy() - alike])
    parts = ("same text", "nearly the same text", f"cosine of at least {least:g}", "a counterpart in meaning", "none")
    figure = stacked_bars(
        [clip(name, 40) for name in found.names], parts, counts, caption="What documents have in another corpus."
    )
    blocks: list[Prose | Table | Figure] = [figure]
    coverages = found.coverage
    for name, share, expected, count in zip(
        found.names, coverages["share"], coverages["expected"], covered, strict=True
    ):
        if share is not None and len(found.names) == 2:
            blocks.append(
                Prose(
                    f"{share:.0%} of {clip(name, 40)} ({count:,} documents) would be at home in the other corpus; were "
                    f"both of one source, {expected or 0.95:.0%} would."
                )
            )
    pairs = found.duplicates()
    if not len(pairs):
        blocks.append(Prose(f"No document of one corpus nearly repeats one of another (cosine of at least {least:g})."))
        return Section("What do they share?", tuple(blocks), _SHARED)
    texts = found.samples.texts
    shown = found.shared.pairs.head(PAIRED)
    read = [("", "")] * len(shown) if texts is None else list(
        zip(texts.gather(shown["first"]), texts.gather(shown["second"]), strict=True)
    )  # fmt: skip
    rows = [
        (kind, x, y, score, overlap, containment, one, other)
        for (x, y, kind, overlap, containment, score), (one, other) in zip(
            pairs.head(PAIRED).select("a", "b", "kind", "overlap", "containment", "score").iter_rows(),
            read,
            strict=True,
        )
    ]
    headers = ("kind", "id", "id of the other", "cosine", "shared runs", "contained", "text", "text of the other")
    note = f"{len(pairs):,} pairs, the surest first"
    blocks.append(Table(headers, rows, note, limit=PAIRED, width=160))
    return Section("What do they share?", tuple(blocks), _SHARED)


_SHARED = (
    "Same text: but for capitals and spacing. Nearly the same: at least half of all runs of five words are in both "
    "(Jaccard index, found by MinHash; Broder 1997), or four fifths of the shorter one's are in the longer one. "
    "Cosine: between document vectors. A document has a counterpart where it lies as near to the other corpus as 95% "
    "of that corpus's own documents do to each other. Alike in meaning needn't be copied: read the pair."
)


def counterparts(found: Comparison) -> Section:
    """Show the documents that have no counterpart."""
    table = found.counterparts()
    texts = found.samples.texts
    lone = np.flatnonzero(~found.near.covered)
    lone = lone[np.argsort(found.near.other_score[lone], kind="stable")][:PAIRED]
    owners, ids = found.samples.owners, found.samples.ids
    rows = [
        (owners[row], ids[row], float(found.near.other_score[row]), "" if texts is None else texts[row],
         "" if texts is None else texts[int(found.near.other[row])])
        for row in lone.tolist()
    ]  # fmt: skip
    count = int((~table["covered"]).sum())
    said = (
        f"{count:,} of {len(table):,} documents have no counterpart; the loneliest first."
        if count
        else "Every document has a counterpart in another corpus."
    )
    headers = ("corpus", "id", "cosine", "text", "nearest elsewhere")
    blocks: tuple[Prose | Table, ...] = (Prose(said, strong=True),)
    if rows:
        blocks = (*blocks, Table(headers, rows, limit=PAIRED, width=160))
    method = (
        "The nearest document of another corpus, by cosine. A document is without a counterpart if it lies further "
        "from it than 95% of that corpus's documents lie from their own nearest: that isn't symmetric, and a larger "
        "corpus covers more."
    )
    return Section("Which documents have no counterpart?", blocks, method)
