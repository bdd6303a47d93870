"""`WordExplanation`: the neighbours and the contexts that two words share."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from semspace.display import clip, html_table, text_table
from semspace.explanations.html_page import HtmlPage
from semspace.report.page import Page, Prose, Section, Table

_CONTEXTS_HOW = (
    "A context is a word that stands near both words. Its strength is the smaller of its two positive pointwise mutual "
    "informations, with the frequencies of contexts smoothed by the power 0.75 (Levy, Goldberg & Dagan 2015)."
)
_NEIGHBORS_HOW = "Words that are among the nearest of both, in the order of the smaller of the two cosines."


@dataclass(frozen=True, eq=False, repr=False)
class WordExplanation(HtmlPage):
    """Why two words are alike; made by `explain_words`.

    Parameters
    ----------
    a, b : str
    similarity : float
        The cosine of their vectors.
    neighbors : polars.DataFrame
        The neighbours that both share: ``word``, ``score_a`` and ``score_b`` (cosines), ``rank_a`` and ``rank_b`` (from
        1). The first has the largest smaller score.
    contexts : polars.DataFrame, optional
        The words that stand near both in a text: ``word``, ``strength``, ``count_a`` and ``count_b`` (how often it
        stands near each), and a sentence for each, ``sentence_a`` and ``sentence_b``. None without a text.
    together : int, optional
        How often the two words stand near each other in the text.
    """

    a: str
    b: str
    similarity: float
    neighbors: pl.DataFrame
    contexts: pl.DataFrame | None = None
    together: int | None = None

    def _page(self, title: str | None) -> Page:
        sections = [Section("Shared neighbours", (_table(self.neighbors),), _NEIGHBORS_HOW)]
        if self.contexts is not None:
            sections.append(Section("Shared contexts", (_table(self.contexts),), _CONTEXTS_HOW))
        name = title or f"Why “{clip(self.a, 40)}” and “{clip(self.b, 40)}” are alike"
        return Page(name, self._verdict(), tuple(sections))

    def _title(self) -> str:
        return f"{clip(self.a, 40)!r} and {clip(self.b, 40)!r}: cosine {self.similarity:.3f}"

    def _verdict(self) -> str:
        near = ", ".join(f"“{clip(word, 30)}”" for word in self.neighbors["word"][:3])
        parts = [
            f"Their cosine is {self.similarity:.3f}",
            f"both are near {near}" if near else "they share no neighbour",
        ]
        if self.contexts is not None:
            words = ", ".join(f"“{clip(word, 30)}”" for word in self.contexts["word"][:3])
            parts.append(f"both stand near {words}" if words else "they share no context")
        return f"{'; '.join(parts)}.{self._met()}"

    def _met(self) -> str:
        if self.together is None:
            return ""
        return f" They stand near each other {self.together:,} time{'' if self.together == 1 else 's'}."

    def __repr__(self) -> str:
        lines = [self._title(), "shared neighbours", text_table(self.neighbors.columns, self.neighbors.iter_rows())]
        if self.contexts is not None:
            lines += [f"shared contexts.{self._met()}", text_table(self.contexts.columns, self.contexts.iter_rows())]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        first = html_table(
            self.neighbors.columns, self.neighbors.iter_rows(), caption=f"{self._title()}; shared neighbours"
        )
        if self.contexts is None:
            return first
        caption = f"Shared contexts.{self._met()}"
        return first + html_table(self.contexts.columns, self.contexts.iter_rows(), caption=caption)


def _table(frame: pl.DataFrame) -> Table | Prose:
    return Table(tuple(frame.columns), frame.rows()) if len(frame) else Prose("There are none.")
