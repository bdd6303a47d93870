"""The report of a comparison: the verdict, then a section for each question with a figure and its limits."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from semspace.comparison.methods_text import comparison_methods
from semspace.comparison.pages.contrasts import (
    clusters_section,
    documents_section,
    words_section,
)
from semspace.comparison.pages.distances import distances_sections, pairs_sections
from semspace.comparison.pages.overlap import counterparts_section, duplicates_section
from semspace.comparison.pages.profiles import profiles_section
from semspace.comparison.pages.shifted_words import shifted_words_sections
from semspace.comparison.results import ComparisonResults
from semspace.display import quoted
from semspace.report import Page
from semspace.report.origin import chosen_title, origin


def comparison_page(
    results: ComparisonResults,
    verdict: str,
    data: str = "",
    *,
    title: str | None = None,
    date: datetime.date | str | None = None,
    words: Sequence[str] | None = None,
) -> Page:
    """Return the report; `data` is the name of the file beside it that holds everything, `words` are asked for."""
    corpora = zip(results.names, results.samples.sizes, strict=True)
    two = results.two_sample is not None
    default = (
        f"{quoted(results.names[0])} and {quoted(results.names[1])}, compared"
        if two
        else f"{len(results.names)} corpora, compared"
    )
    heading, made_of = chosen_title(title, default), origin(results.samples.facts.get("sources", ()), date)
    sizes = (
        ", ".join(f"{size:,} documents of {quoted(name, 60)}" for name, size in corpora)
        if two
        else f"{len(results.samples):,} documents"
    )
    sections = [
        *(distances_sections(results) if two else pairs_sections(results)),
        clusters_section(results),
        words_section(results),
        *shifted_words_sections(results, words),
        documents_section(results),
        duplicates_section(results),
        counterparts_section(results),
        profiles_section(results),
        comparison_methods(results).section(),
    ]
    data_note = f"The full tables are in {data}, beside this file" if data else ""
    notes = "".join(f" {note[0].upper()}{note[1:]}." for note in results.samples.facts.get("by", {}).get("notes", ()))
    return Page(
        heading,
        verdict,
        tuple(sections),
        f"Compared: {sizes}.{notes}",
        data_note,
        made_of,
    )
