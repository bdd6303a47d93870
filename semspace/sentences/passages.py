"""Long documents → passages a model can read: whole sentences, the last of which the next passage repeats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from semspace.text.sentences import sentence_spans


class Passage(NamedTuple):
    """The characters ``text[start:end]`` of a document."""

    start: int
    end: int


def passages(text: str, offsets: Sequence[tuple[int, int]], limit: int, overlap: int) -> list[Passage]:
    """Split a text at the ends of sentences into passages of at most `limit` tokens.

    A sentence longer than that is split between tokens. Each passage begins with as many of the last sentences of the
    one before as have at most `overlap` tokens together.

    Parameters
    ----------
    text : str
    offsets : sequence of (int, int)
        First character of each token, and the one after its last.
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
    cut: list[Passage] = []
    first = 0
    while first < len(pieces):
        last = first + 1
        while last < len(pieces) and pieces[last][1] - pieces[first][0] <= limit:
            last += 1
        cut.append(Passage(offsets[pieces[first][0]][0], offsets[pieces[last - 1][1] - 1][1]))
        if last == len(pieces):
            break
        again = last
        # The piece after the repeated ones must fit as well, or nothing new would be read.
        while (
            again - 1 > first
            and pieces[last - 1][1] - pieces[again - 1][0] <= overlap
            and pieces[last][1] - pieces[again - 1][0] <= limit
        ):
            again -= 1
        first = again
    return cut


def _pieces(text: str, starts: np.ndarray, limit: int) -> Iterator[tuple[int, int]]:
    """Give sentences as ranges of tokens, the longer ones in parts."""
    ends = [end for _, end in sentence_spans(text)]
    marks = np.unique([0, *np.searchsorted(starts, ends), len(starts)])
    for first, last in zip(marks[:-1].tolist(), marks[1:].tolist(), strict=True):
        for start in range(first, last, limit):
            yield start, min(start + limit, last)


def places_of(encoding: Any) -> list[tuple[int, int]]:
    """Give the characters of a tokenizer's tokens, without those that are no part of the text."""
    return [(start, end) for start, end in encoding.offsets if end > start]
