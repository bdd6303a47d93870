"""The words of a task in a vocabulary: the exact word first, then other spellings of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple


class WordRows(NamedTuple):
    """The rows of words in a vocabulary.

    Parameters
    ----------
    rows : mapping of word to row
        Without the words that aren't in the vocabulary.
    other_case : int
        Number of words that are in the vocabulary in another case only.
    """

    rows: dict[str, int]
    other_case: int

    @property
    def note(self) -> str:
        """Return a note on words that were only found with other capital letters; empty if there are none."""
        words = "1 word" if self.other_case == 1 else f"{self.other_case:,} words"
        return f"{words} found with other capital letters" if self.other_case else ""


def find_words(vocabulary: Sequence[str], words: Iterable[str]) -> WordRows:
    """Find words in a vocabulary whose most frequent words come first.

    The exact word is preferred: "Polish" isn't "polish". Next comes the same word in another Unicode form, which
    readers can't tell apart. Then another case, of several the most frequent: lower-casing distinguishes what
    upper-casing doesn't (German "Maße" and "Masse", Turkish "kıl" and "kil"). Last come words that are equal under
    Unicode's case folding and compatibility forms ("Straße" and "STRASSE", half-width and full-width letters).

    Examples
    --------
    >>> find_words(["polish", "Polish", "paris"], ["Polish", "Paris", "Oslo"])
    WordRows(rows={'Polish': 1, 'Paris': 2}, other_case=1)
    """
    missing = dict.fromkeys(words)
    rows: dict[str, int] = {}
    other_case = 0
    for key, same_word in _KEYS:
        matches = _first_rows(vocabulary, missing, key)
        rows.update(matches)
        other_case += 0 if same_word else len(matches)
        missing = {word: None for word in missing if word not in matches}
        if not missing:
            break
    return WordRows(rows, other_case)


def _first_rows(vocabulary: Sequence[str], words: Iterable[str], key: Callable[[str], str]) -> dict[str, int]:
    by_key: dict[str, list[str]] = {}
    for word in words:
        by_key.setdefault(key(word), []).append(word)
    rows: dict[str, int] = {}
    for row, entry in enumerate(vocabulary):
        for word in by_key.pop(key(entry), ()):
            rows[word] = row
        if not by_key:
            break
    return rows


def composed(word: str) -> str:
    """Return a word in Unicode's form NFC."""
    return word if word.isascii() else unicodedata.normalize("NFC", word)


def lower(word: str) -> str:
    """Return a word in lower case, in form NFC."""
    # Python lower-cases Turkish İ to an i with a combining dot; Turkish has a plain i.
    return word.lower() if word.isascii() else composed(word).lower().replace("i\u0307", "i")


def _folded(word: str) -> str:
    return word.lower() if word.isascii() else lower(unicodedata.normalize("NFKC", word).casefold())


# The steps of a comparison: what is compared, and whether words that are equal in it have the same case.
_KEYS: tuple[tuple[Callable[[str], str], bool], ...] = ((str, True), (composed, True), (lower, False), (_folded, False))
