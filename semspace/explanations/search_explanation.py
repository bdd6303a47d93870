"""`SearchExplanation`: which words of a query brought each document up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.display import clip, html_table, text_table
from semspace.explanations import page
from semspace.explanations.html_page import HtmlPage
from semspace.explanations.similarity_explanation import SimilarityExplanation
from semspace.explanations.text_words import TextWords
from semspace.report.figure import Figure
from semspace.report.page import Page
from semspace.types import Doubles2d

_WORDS = 3  # that a table names


@dataclass(frozen=True, eq=False, repr=False)
class SearchExplanation(HtmlPage):
    """Why documents were found: what each word of the query adds to their scores; made by `explain_results`.

    Parameters
    ----------
    query : TextWords
        The n words of the query.
    ids : tuple of k str
        The documents, in the order of the results.
    explanations : tuple of k SimilarityExplanation
        Of the query with each document: ``explanations[0].to_frame()`` has the shares of pairs of words.
    method : {"last_layer", "leave_one_out", "integrated_jacobians"}
    """

    query: TextWords
    ids: tuple[str, ...]
    explanations: tuple[SimilarityExplanation, ...]
    method: str

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def shares(self) -> Doubles2d:
        """What each word of the query adds to the score of each document, shape (k, n); a row's sum is its score."""
        rows = [one.shares_a for one in self.explanations]
        return checks.frozen(np.stack(rows) if rows else np.empty((0, len(self.query))))

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each document: ``id``, ``score``, ``query_words``, ``words``.

        ``query_words`` are the words of the query that add most to the score, ``words`` those of the document; both
        with what they add.
        """
        return pl.DataFrame(
            {
                "id": list(self.ids),
                "score": [one.similarity for one in self.explanations],
                "query_words": [_best(one.a, one.shares_a) for one in self.explanations],
                "words": [_best(one.b, one.shares_b) for one in self.explanations],
            },
            schema={"id": pl.String, "score": pl.Float64, "query_words": pl.String, "words": pl.String},
        )

    def plot(self) -> Figure:
        """Draw what each word of the query adds to the score of each document, as a heat map."""
        return page.search_figure(self)

    def _page(self, title: str | None) -> Page:
        return page.search_page(self, title)

    def verdict(self) -> str:
        """Return in one sentence which words of the query matter most over all documents."""
        if not len(self):
            return "Nothing was found."
        best = _best(self.query, self.shares.mean(axis=0))
        return f"Over all {len(self)} documents, the words of the query that add most are {best or 'none'}."

    def _title(self) -> str:
        return f"why {len(self)} documents are near {clip(self.query.text, 50)!r} ({self.method})"

    def __repr__(self) -> str:
        frame = self.to_frame()
        return f"{self._title()}\n{text_table(frame.columns, frame.iter_rows())}"

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        return html_table(frame.columns, frame.iter_rows(), caption=self._title())


def _best(words: TextWords, shares: npt.NDArray[np.float64]) -> str:
    """Return the words with the largest shares above zero, as text."""
    rows = [i for i in np.argsort(-shares, kind="stable") if words.in_text[i] or not words.in_text.any()]
    return ", ".join(f"{clip(words.words[i], 30)} {page.written(shares[i])}" for i in rows[:_WORDS] if shares[i] > 0)
