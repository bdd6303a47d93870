"""Splitting long documents into passages of whole sentences that a model can read, with overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from semspace.text.sentences import sentence_spans
from semspace.types import Ints1d


class Passage(NamedTuple):
    """The characters ``text[start:end]`` of a document."""

    start: int
    end: int


def passages(text: str, offsets: Sequence[tuple[int, int]], limit: int, overlap: int) -> list[Passage]:
    """Split a text at the ends of sentences into passages of at most `limit` tokens.

    A longer sentence is split between tokens. Each passage repeats the last sentences of the one before, as long as
    these have at most `overlap` tokens together.

    Parameters
    ----------
    text : str
    offsets : sequence of (int, int)
        The start and the end of each token, in characters.
    limit : int
        At least 1.
    overlap : int
        Less than `limit`.

    Examples
    --------
    >>> text = "One two. Three. Four five."
    >>> words = [(0, 3), (4, 8), (9, 15), (16, 20), (21, 26)]
    >>> [text[a:b] for a, b in passages(text, words, limit=3, overlap=1)]
    ['One two. Three.', 'Three. Four five.']
    """
    if len(offsets) <= limit:
        return [Passage(0, len(text))]
    starts = np.array([start for start, _ in offsets], np.int64)
    pieces = list(_pieces(text, starts, limit))
    split: list[Passage] = []
    first = 0
    while first < len(pieces):
        last = first + 1
        while last < len(pieces) and pieces[last][1] - pieces[first][0] <= limit:
            last += 1
        split.append(Passage(offsets[pieces[first][0]][0], offsets[pieces[last - 1][1] - 1][1]))
        if last == len(pieces):
            break
        repeated = last
        # The piece after the repeated ones must fit as well, or nothing new would be read.
        while (
            repeated - 1 > first
            and pieces[last - 1][1] - pieces[repeated - 1][0] <= overlap
            and pieces[last][1] - pieces[repeated - 1][0] <= limit
        ):
            repeated -= 1
        first = repeated
    return split


def _pieces(text: str, starts: Ints1d, limit: int) -> Iterator[tuple[int, int]]:
    """Iterate over ranges of tokens: sentences, or parts of those with more than `limit` tokens."""
    ends = [end for _, end in sentence_spans(text)]
    edges = np.unique([0, *np.searchsorted(starts, ends), len(starts)])
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        for start in range(first, last, limit):
            yield start, min(start + limit, last)


def token_spans(encoding: Any) -> list[tuple[int, int]]:
    """Return the start and end of each token of an `Encoding` in characters, without tokens that aren't in the text."""
    return [(start, end) for start, end in encoding.offsets if end > start]
