"""Words of a task in a vocabulary: the very word first, then its other spellings."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple


class Found(NamedTuple):
    """Where words are in a vocabulary.

    Parameters
    ----------
    rows : mapping of word to row
        Words that aren't there are missing.
    other_case : number of words that are there in another case only
    """

    rows: dict[str, int]
    other_case: int

    @property
    def note(self) -> str:
        """Return a note on words that were only found in another case; empty if there are none."""
        words = "1 word" if self.other_case == 1 else f"{self.other_case:,} words"
        return f"{words} found in another case" if self.other_case else ""


def find(vocabulary: Sequence[str], asked: Iterable[str]) -> Found:
    """Find words in a vocabulary whose most frequent words come first.

    The very word is meant where it is there: "Polish" isn't "polish". Then comes the same word in another Unicode form,
    which is one for every reader. Only then another case, of several the most frequent: lower-casing keeps apart what
    capitals don't (German "Maße" and "Masse", Turkish "kıl" and "kil"). Last, what Unicode's case folding and its
    compatibility forms take for one ("Straße" and "STRASSE", half-width and full-width letters).

    Examples
    --------
    >>> find(["polish", "Polish", "paris"], ["Polish", "Paris", "Oslo"])
    Found(rows={'Polish': 1, 'Paris': 2}, other_case=1)
    """
    missing = dict.fromkeys(asked)
    rows: dict[str, int] = {}
    other_case = 0
    for key, same_word in _KEYS:
        found = _first_rows(vocabulary, missing, key)
        rows.update(found)
        other_case += 0 if same_word else len(found)
        missing = {word: None for word in missing if word not in found}
        if not missing:
            break
    return Found(rows, other_case)


def _first_rows(vocabulary: Sequence[str], asked: Iterable[str], key: Callable[[str], str]) -> dict[str, int]:
    wanted: dict[str, list[str]] = {}
    for word in asked:
        wanted.setdefault(key(word), []).append(word)
    rows: dict[str, int] = {}
    for row, word in enumerate(vocabulary):
        for one in wanted.pop(key(word), ()):
            rows[one] = row
        if not wanted:
            break
    return rows


def composed(word: str) -> str:
    """Return a word in Unicode's form NFC."""
    return word if word.isascii() else unicodedata.normalize("NFC", word)


def lower(word: str) -> str:
    """Return what a word has in common with its other cases."""
    # Turkish İ becomes an i with a dot above it, where Turkish has a plain one.
    return word.lower() if word.isascii() else composed(word).lower().replace("i\u0307", "i")


def _folded(word: str) -> str:
    return word.lower() if word.isascii() else lower(unicodedata.normalize("NFKC", word).casefold())


# How words are compared, step by step, and whether what is equal so is one word in one case.
_KEYS: tuple[tuple[Callable[[str], str], bool], ...] = ((str, True), (composed, True), (lower, False), (_folded, False))
