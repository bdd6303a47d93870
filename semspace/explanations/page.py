"""Figures and pages of explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from semspace.display import clip
from semspace.explanations.text_words import TextWords
from semspace.report.figure import Figure
from semspace.report.page import Number, Page, Prose, Section, Table
from semspace.report.shaded_words import ShadedText, shaded_words
from semspace.report.word_matrix import word_matrix
from semspace.types import Doubles1d, Doubles2d, Ints1d

if TYPE_CHECKING:
    from semspace.explanations.search_explanation import SearchExplanation
    from semspace.explanations.similarity_explanation import SimilarityExplanation

_MOST_WORDS = 40  # of each text in a heat map
_PAIRS, _LONGEST = 30, 1_000  # rows of a table; characters of a document in a page
METHODS = {
    "last_layer": (
        "The vector of a text is the mean (or another sum) of the states of its tokens in the last layer, so the "
        "cosine of two texts is a sum over pairs of tokens, and each share is exact. A state has seen the whole text: "
        "a share says where the model stores what is alike, not which word it comes from."
    ),
    "leave_one_out": (
        "Each text was encoded again without each of its words. What the vector loses is the word's part; the rest is "
        "what the words are together. The share of a word is how much the cosine falls when the word is deleted."
    ),
    "integrated_jacobians": (
        "The Jacobian of the encoder was integrated along the line from an empty text to each text (Möller, Nikolaev & "
        "Padó 2023). The share of a pair is what both words add on the way; the row and column of the empty text are "
        "what it has in common with the other text already."
    ),
}


def shaded_text(name: str, words: TextWords, shares: Doubles1d, longest: int | None = None) -> ShadedText:
    """Return the words of a text in shaded pieces; of a text of more than `longest` characters, the beginning."""
    pieces, values, length = [], [], 0
    for piece, number in words.pieces():
        if number >= 0 and words.in_text.any() and not words.in_text[number]:
            continue  # a special token or the like
        pieces.append(piece)
        values.append(shares[number] if number >= 0 else np.nan)
        length += len(piece)
        if longest is not None and length > longest:
            pieces.append(" …")
            values.append(np.nan)
            break
    return ShadedText(name, pieces, np.array(values, np.float64))


def text_figure(explanation: SimilarityExplanation) -> Figure:
    """Draw both texts with their words shaded."""
    texts = [
        shaded_text(f"{which} text", words, shares)
        for which, words, shares in (
            ("First", explanation.a, explanation.shares_a),
            ("Second", explanation.b, explanation.shares_b),
        )
    ]
    caption = (
        f"What each word adds to the cosine of {explanation.similarity:.3f} ({explanation.method}): blue adds to it, "
        f"orange takes from it."
    )
    return shaded_words(texts, caption=caption)


def matrix_figure(explanation: SimilarityExplanation) -> Figure:
    """Draw the shares of pairs of words."""
    rows = _strongest(explanation.shares_a, explanation.shares)
    columns = _strongest(explanation.shares_b, explanation.shares.T)
    left_out = len(explanation.a) - len(rows) + len(explanation.b) - len(columns)
    note = f" {left_out:,} words with small shares are left out." if left_out else ""
    caption = (
        f"Share of each pair of words in the cosine of {explanation.similarity:.3f} ({explanation.method}): rows are "
        f"the first text, columns the second.{note}"
    )
    return word_matrix(
        explanation.shares[np.ix_(rows, columns)],
        [explanation.a.words[i] for i in rows],
        [explanation.b.words[j] for j in columns],
        caption=caption,
    )


def _strongest(totals: Doubles1d, shares: Doubles2d) -> Ints1d:
    """Return the words to draw, in the order of the text: all, or those with the largest share in a pair."""
    if len(totals) <= _MOST_WORDS:
        return np.arange(len(totals))
    return np.sort(np.argsort(-np.abs(shares).max(axis=1), kind="stable")[:_MOST_WORDS])


def similarity_page(explanation: SimilarityExplanation, title: str | None) -> Page:
    """Return the page of the explanation of two texts."""
    pairs = explanation.top_pairs(_PAIRS)
    rows = [
        (
            word_a,
            word_b,
            Number(share, written(share)),
            f"{share / explanation.similarity:.1%}" if explanation.similarity > 0 else "",
        )
        for word_a, word_b, share in pairs.select("word_a", "word_b", "share").iter_rows()
    ]
    table = Table(("word of the first text", "word of the second", "share", "of the cosine"), rows, width=100)
    sections = (
        Section("The texts", (text_figure(explanation),)),
        Section("Pairs of words", (matrix_figure(explanation), table), METHODS[explanation.method]),
    )
    return Page(
        title or f"Why “{clip(explanation.a.text, 40)}” and “{clip(explanation.b.text, 40)}” are alike",
        verdict(explanation),
        sections,
        subtitle=f"Encoder {explanation.encoder}" if explanation.encoder else "",
    )


def written(share: float) -> str:
    """Return a share as text: with three decimals, or two digits of a small one, as pairs of long texts have."""
    return f"{share:.3f}" if abs(share) >= 0.01 or not share else f"{share:.2g}"


def verdict(explanation: SimilarityExplanation) -> str:
    """Return in one sentence which words make two texts alike."""
    pairs = [
        f"“{clip(a, 30)}” with “{clip(b, 30)}” ({written(share)})"
        for a, b, share in explanation.top_pairs(3).select("word_a", "word_b", "share").iter_rows()
        if share > 0
    ]
    most = f"; the pairs that add most are {', '.join(pairs)}" if pairs else "; no pair of words adds to it"
    return f"The cosine of both texts is {explanation.similarity:.3f}{most}."


def search_figure(explanation: SearchExplanation) -> Figure:
    """Draw the query's words for each document: which of them brought it up."""
    found = explanation.explanations
    numbers = [i for i in range(len(explanation.query)) if explanation.query.in_text[i]]
    return word_matrix(
        explanation.shares[:, numbers],
        [clip(name, 40) for name in explanation.ids],
        [explanation.query.words[i] for i in numbers],
        caption=(
            f"What each word of “{clip(explanation.query.text)}” adds to the score of each of {len(found)} documents "
            f"({explanation.method})."
        ),
    )


def search_page(explanation: SearchExplanation, title: str | None) -> Page:
    """Return the page of the explanation of a result list."""
    blocks = [
        shaded_words(
            [shaded_text(f"{place}. {clip(name, 60)}", one.b, one.shares_b, _LONGEST)],
            caption=f"Score {one.similarity:.3f}: the words of the document that add to it.",
        )
        for place, (name, one) in enumerate(zip(explanation.ids, explanation.explanations, strict=True), 1)
    ]
    frame = explanation.to_frame()
    table = Table(tuple(frame.columns), frame.rows(), width=120)
    sections = (
        Section("Words of the query", (search_figure(explanation), table), METHODS[explanation.method]),
        Section("The documents", tuple(blocks) or (Prose("Nothing was found."),)),
    )
    return Page(
        title or f"Why these are the results for “{clip(explanation.query.text, 50)}”", explanation.verdict(), sections
    )
