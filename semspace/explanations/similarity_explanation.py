"""`SimilarityExplanation`: what each pair of words adds to the cosine of two texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from semspace import checks
from semspace.display import clip, coloured_terminal, shaded, text_table
from semspace.explanations import page
from semspace.explanations.html_page import HtmlPage
from semspace.explanations.text_words import TextWords
from semspace.report.figure import Figure
from semspace.report.page import Page
from semspace.types import Bools1d, Doubles1d, Doubles2d

_PAIRS_IN_PRINT = 6


@dataclass(frozen=True, eq=False, repr=False)
class SimilarityExplanation(HtmlPage):
    """Why two texts are alike: the share of each pair of their words in the cosine; made by `explain`.

    A notebook shows the texts with their words shaded, and the shares of all pairs; a terminal shows the texts in
    colour.

    Parameters
    ----------
    a, b : TextWords
        The words of both texts, n and m. Among them may be special tokens such as ``[CLS]``, a prompt, and with some
        methods a rest that belongs to no word.
    shares : ndarray of float64, shape (n, m)
        What word i of the first text and word j of the second add to the cosine together. The sum is the cosine.
    method : {"last_layer", "leave_one_out", "integrated_jacobians"}
    encoder : str
        The name of the encoder.
    """

    a: TextWords
    b: TextWords
    shares: Doubles2d
    method: str
    encoder: str = ""

    @property
    def similarity(self) -> float:
        """The cosine of both texts: the sum of all shares."""
        return float(self.shares.sum())

    @cached_property
    def shares_a(self) -> Doubles1d:
        """What each word of the first text adds to the cosine, shape (n,)."""
        return checks.frozen(self.shares.sum(axis=1))

    @cached_property
    def shares_b(self) -> Doubles1d:
        """What each word of the second text adds to the cosine, shape (m,)."""
        return checks.frozen(self.shares.sum(axis=0))

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each pair of words, in the order of the texts.

        ``word_a``, ``word_b``, ``position_a`` and ``position_b`` (from 0), ``share``, and ``in_text``: whether both are
        words of the texts, not special tokens or the like.
        """
        n, m = self.shares.shape
        rows, columns = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
        return pl.DataFrame(
            {
                "word_a": [self.a.words[i] for i in rows],
                "word_b": [self.b.words[j] for j in columns],
                "position_a": rows,
                "position_b": columns,
                "share": self.shares.ravel(),
                "in_text": np.outer(self.a.in_text, self.b.in_text).ravel(),
            },
            schema={
                "word_a": pl.String,
                "word_b": pl.String,
                "position_a": pl.Int64,
                "position_b": pl.Int64,
                "share": pl.Float64,
                "in_text": pl.Boolean,
            },
        )

    def words_to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each word: ``text`` ("a" or "b"), ``word``, ``position``, ``share``.

        ``in_text`` says whether it is a word of the text, not a special token or the like.
        """
        sides = (("a", self.a, self.shares_a), ("b", self.b, self.shares_b))
        return pl.concat(
            pl.DataFrame(
                {
                    "text": [name] * len(words),
                    "word": list(words.words),
                    "position": np.arange(len(words)),
                    "share": shares,
                    "in_text": words.in_text,
                }
            )
            for name, words, shares in sides
        )

    def top_pairs(self, k: int = 10, *, special: bool = False) -> pl.DataFrame:
        """Return the `k` pairs of words with the largest shares, the largest first; columns as in `to_frame`.

        Parameters
        ----------
        k : int
        special : bool
            Whether special tokens and other things that aren't words of the texts may be among them.
        """
        checks.whole("k", k)
        frame = self.to_frame() if checks.flag("special", special) else self.to_frame().filter("in_text")
        return frame.sort("share", descending=True, maintain_order=True).head(k)

    def plot(self) -> Figure:
        """Draw the shares of all pairs of words as a heat map; of long texts, those of the strongest words."""
        return page.matrix_figure(self)

    def plot_texts(self) -> Figure:
        """Draw both texts, the words shaded by what they add to the cosine."""
        return page.text_figure(self)

    def _page(self, title: str | None) -> Page:
        return page.similarity_page(self, title)

    def __repr__(self) -> str:
        return self.told(_PAIRS_IN_PRINT)

    def told(self, k: int = 10) -> str:
        """Return both texts and the `k` strongest pairs as text, in colour if it is printed to a terminal."""
        pairs = self.top_pairs(k).select("word_a", "word_b", "share")
        rows = [(word_a, word_b, page.written(share)) for word_a, word_b, share in pairs.iter_rows()]
        largest = largest_in_text(self)
        texts = [
            f"  {_printed(words, shares, largest)}"
            for words, shares in ((self.a, self.shares_a), (self.b, self.shares_b))
        ]
        return "\n".join([self._title(), *texts, text_table(pairs.columns, rows)])

    def _title(self) -> str:
        return f"cosine {self.similarity:.3f}, divided among pairs of words by {self.method}"

    def _repr_html_(self) -> str:
        return f"{self.plot_texts()._repr_html_()}{self.plot()._repr_html_()}"


def largest_in_text(explanation: SimilarityExplanation) -> float:
    """Return the largest absolute share of a word that stands in one of the texts."""
    sides = ((explanation.a, explanation.shares_a), (explanation.b, explanation.shares_b))
    return max(float(np.abs(shares[words.in_text]).max(initial=0.0)) for words, shares in sides)


def _printed(words: TextWords, shares: Doubles1d, largest: float) -> str:
    """Return a text for a terminal, its words on coloured grounds where there are colours."""
    coloured, in_text = coloured_terminal(), _shown(words)
    parts = []
    for piece, number in words.pieces():
        if number >= 0 and not in_text[number]:
            continue
        line = f"{' ' * piece[0].isspace()}{clip(piece, 200)}{' ' * (piece[-1].isspace() and not piece.isspace())}"
        is_shaded = coloured and number >= 0 and largest > 0
        parts.append(shaded(line, max(-1.0, min(1.0, shares[number] / largest))) if is_shaded else line)
    return "".join(parts).strip()


def _shown(words: TextWords) -> Bools1d:
    """Which words are printed: those of the text, or all where none could be found in it."""
    return words.in_text if words.in_text.any() else ~words.in_text
