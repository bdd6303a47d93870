"""`TextWords`: the words of a text and where they stand, and how tokens are joined to words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from semspace.display import clip
from semspace.sentences.token_parts import NOWHERE, TokenParts
from semspace.text.tokenize import unspaced_runs
from semspace.types import Bools1d, Doubles2d, Ints2d

_APOSTROPHES = "'’"


@dataclass(frozen=True, eq=False, repr=False)
class TextWords:
    """The words of a text, in order.

    Parameters
    ----------
    text : str
    words : tuple of n str
        Among them may be what doesn't stand in the text, such as the special token ``[CLS]``.
    spans : ndarray of int64, shape (n, 2)
        Word i is ``text[start:end]``; -1 for what doesn't stand in the text.
    """

    text: str
    words: tuple[str, ...]
    spans: Ints2d

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"TextWords({clip(self.text)!r}, {len(self)} words)"

    @property
    def in_text(self) -> Bools1d:
        """Which words stand in the text, shape (n,)."""
        is_in: Bools1d = self.spans[:, 0] != NOWHERE
        return is_in

    def pieces(self) -> Iterator[tuple[str, int]]:
        """Iterate over the text in pieces: a word with its number, and what is between two words with -1.

        What doesn't stand in the text comes where its number is; where no word could be found in the text, the words
        stand in its place.
        """
        if not self.in_text.any():
            for number, word in enumerate(self.words):
                yield from (((" ", -1),) if number else ())
                yield word, number
            return
        place, first, last = 0, self.in_text.argmax(), len(self) - self.in_text[::-1].argmax()
        for number, (start, end) in enumerate(self.spans.tolist()):
            if start == NOWHERE:
                yield from (((" ", -1),) if number >= last else ())
                yield self.words[number], number
                yield from (((" ", -1),) if number < first else ())
                continue
            if start > place:
                yield self.text[place:start], -1
            yield self.text[start:end], number
            place = end


def words_of(text: str) -> TextWords:
    """Return the words of a text, and its other characters but white space, each run of equal ones as a word."""
    edges = [0, *(i for i in range(1, len(text)) if not _joined(text, i)), len(text)]
    spans = [(start, end) for start, end in pairwise(edges) if text[start:end].strip()]
    return TextWords(text, tuple(text[start:end] for start, end in spans), np.array(spans, np.int64).reshape(-1, 2))


def joined_tokens(text: str, parts: TokenParts) -> tuple[TextWords, Doubles2d]:
    """Join the tokens of a text to words, and add up what they add to its vector.

    Returns
    -------
    TextWords
        n words.
    ndarray of float64, shape (n, dim)
    """
    spans = _trimmed(text, parts.spans)
    firsts = [i for i in range(len(spans)) if i == 0 or not _continues(text, spans, i)]
    vectors = np.add.reduceat(parts.vectors, firsts, axis=0)
    lasts = [*firsts[1:], len(spans)]
    words, places = [], []
    for first, last in zip(firsts, lasts, strict=True):
        start, end = spans[first, 0], spans[first:last, 1].max()
        places.append((start, end))
        words.append(parts.tokens[first] if start == NOWHERE else text[start:end])
    return TextWords(text, tuple(words), np.array(places, np.int64).reshape(-1, 2)), vectors


def _trimmed(text: str, spans: Ints2d) -> Ints2d:
    """Return spans without white space at their ends; those of white space alone are nowhere."""
    trimmed: Ints2d = spans.copy()
    for row, (start, end) in enumerate(spans.tolist()):
        if start != NOWHERE:
            piece = text[start:end]
            left = len(piece) - len(piece.lstrip())
            trimmed[row] = (start + left, start + len(piece.rstrip())) if piece.strip() else (NOWHERE, NOWHERE)
    return trimmed


def _continues(text: str, spans: Ints2d, i: int) -> bool:
    """Whether a token belongs to the word of the token before it."""
    (start, end), (next_start, _) = spans[i - 1].tolist(), spans[i].tolist()
    if NOWHERE in (start, next_start):
        return False
    return bool(next_start < end or (next_start == end and _joined(text, end)))


def _joined(text: str, i: int) -> bool:
    """Whether the characters before and after place `i` belong to one word."""
    left, right = text[i - 1], text[i]
    if left.isspace() or right.isspace():
        return False
    if _is_mark(right):
        return True
    if not (left + right).isascii() and (_is_unspaced(left) or _is_unspaced(right)):
        return False
    if _is_letter(left) and _is_letter(right):
        return True
    if left in _APOSTROPHES:
        return i >= 2 and _is_letter(text[i - 2]) and right.isalpha()
    if right in _APOSTROPHES:
        return _is_letter(left) and i + 1 < len(text) and text[i + 1].isalpha()
    return left == right and not _is_letter(left)


def _is_letter(c: str) -> bool:
    return c.isalnum() or c == "_" or _is_mark(c)


def _is_mark(c: str) -> bool:
    return not c.isascii() and unicodedata.category(c)[0] == "M"


def _is_unspaced(c: str) -> bool:
    return not c.isascii() and unspaced_runs().match(c) is not None
