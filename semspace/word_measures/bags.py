"""`Bags`: how often each known word stands in each of some texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from semspace import checks
from semspace.display import clip
from semspace.errors import InputError
from semspace.sentences.pooling import offsets_of
from semspace.types import Doubles1d, Floats2d, Ints1d
from semspace.words.known_words import KnownWords

Text = str | Sequence[str]  # a text, or its words
_TEXTS = 20_000  # whose words are in memory as strings at a time


@dataclass(frozen=True, eq=False)
class Bags:
    """The words of n texts, without their order: text i has the words ``words[starts[i]:starts[i + 1]]``.

    Parameters
    ----------
    starts : ndarray of int64, shape (n + 1,)
    words : ndarray of int64
        Rows of the space of words, each once in a text, increasing.
    counts : ndarray of int64
        How often each stands in the text.
    """

    starts: Ints1d
    words: Ints1d
    counts: Ints1d

    @classmethod
    def of(cls, texts: Sequence[Text], known: KnownWords) -> Bags:
        """Count the known words of texts, each a string or a list of words."""
        parts = [_counted(texts[start : start + _TEXTS], known) for start in range(0, len(texts), _TEXTS)]
        lengths, words, counts = (np.concatenate(several) for several in zip(*parts, strict=True))
        return cls(offsets_of(lengths), words, counts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, text: int) -> tuple[Ints1d, Ints1d]:
        """Return the words of a text, and their counts."""
        inside = slice(self.starts[text], self.starts[text + 1])
        return self.words[inside], self.counts[inside]

    @cached_property
    def lengths(self) -> Ints1d:
        """Number of known words of each text, with repetitions, shape (n,)."""
        ends = np.concatenate([[0], np.cumsum(self.counts)])[self.starts]
        return np.diff(ends).astype(np.int64)

    @cached_property
    def used(self) -> Ints1d:
        """The rows of the words that any text has, increasing."""
        return np.unique(self.words)

    @cached_property
    def positions(self) -> Ints1d:
        """The position of each of `words` among those that are `used`."""
        return np.searchsorted(self.used, self.words).astype(np.int64)

    def texts_with(self) -> Doubles1d:
        """Return the number of texts that have each of the words that are `used`."""
        return np.bincount(self.positions, minlength=len(self.used)).astype(np.float64)


def one_bag(text: Text, known: KnownWords, what: str) -> tuple[Ints1d, Ints1d]:
    """Return the words of one text and their counts, or raise `InputError` if it has no known word."""
    words, counts = Bags.of([_checked(text, what)], known)[0]
    if not len(words):
        shown = clip(text if isinstance(text, str) else " ".join(text), 60)
        raise InputError(
            f"{what} {shown!r} has none of the {len(known):,} words of this space; give one that has some, or train "
            f"word vectors on texts of its kind"
        )
    return words, counts


def unit_vectors(known: KnownWords, rows: Ints1d, *, normalize: bool = True) -> Floats2d:
    """Return the vectors of words, scaled to length 1 if `normalize`, float32 of shape (n, dim)."""
    vectors = np.asarray(known.words.vectors[rows], np.float32)
    if not normalize:
        return np.ascontiguousarray(vectors)
    units: Floats2d = np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    return units


def _checked(text: Text, what: str) -> Text:
    """Return a text, or its words as a list, if it is one of the two."""
    if isinstance(text, str):
        return checks.strings(what, [text])[0]
    if not isinstance(text, Iterable):
        raise InputError(f"{what} must be a string, or a list of its words; got {type(text).__name__}")
    return checks.strings(what, text, allowed="words (strings)")


def _counted(texts: Sequence[Text], known: KnownWords) -> tuple[Ints1d, Ints1d, Ints1d]:
    """Return the number of different known words of each text, the words text by text, and their counts."""
    if all(isinstance(text, str) for text in texts):
        rows, lengths = known.rows([str(text) for text in texts])
    else:
        row_of, unknown = known.row_of, len(known)
        rows = np.array([row_of.get(word, unknown) for text in texts for word in text], np.int32)
        lengths = np.array([len(text) for text in texts], np.int64)
    is_known = rows < len(known)
    text_of = np.repeat(np.arange(len(texts)), lengths)[is_known]
    keys, counts = np.unique(text_of * len(known) + rows[is_known], return_counts=True)
    return np.bincount(keys // len(known), minlength=len(texts)), keys % len(known), counts.astype(np.int64)
