"""The report of a comparison: a verdict in plain words, then each answer with a figure and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semspace.comparison.pages import contrasts, distances, overlap, profiles
from semspace.display import clip
from semspace.report import Page

if TYPE_CHECKING:
    from semspace.comparison.comparison import Comparison


def comparison_page(found: Comparison, data: str = "") -> Page:
    """Compose the report; `data` is the name of the file beside it that holds everything."""
    parts = zip(found.names, found.samples.sizes, strict=True)
    two = found.answers is not None
    sizes = (
        ", ".join(f"{size:,} documents of {clip(name, 60)}" for name, size in parts)
        if two
        else f"{len(found.samples):,} documents"
    )
    sections = [
        *(distances.far(found) if two else distances.far_of_several(found)),
        contrasts.groups(found),
        contrasts.telling_words(found),
        *contrasts.shifted(found),
        contrasts.documents(found),
        overlap.shared(found),
        overlap.counterparts(found),
        profiles.profiles(found),
    ]
    called = [clip(name, 60) for name in found.names]
    title = f"{called[0]} and {called[1]}, compared" if two else f"{len(called)} corpora, compared"
    where = f"The full tables are in {data}, beside this file" if data else ""
    notes = "".join(f" {note[0].upper()}{note[1:]}." for note in found.samples.facts.get("by", {}).get("notes", ()))
    return Page(title, found.verdict(), tuple(sections), f"Compared: {sizes}.{notes}", where)
