"""`Numbering`: the words met so far, each with a number and a count, in bounded memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from semspace.errors import InputError
from semspace.text.tokenize_kernel import Bytes, Counts
from semspace.text.vocabulary_kernel import (
    ALIVE,
    COUNT,
    GIVEN,
    PLACE,
    USED,
    Ids,
    fill,
    forget,
    gather,
    number,
    tally,
)
from semspace.text.word_block import BASIS, Words

# Different words held at most. The table then takes some 140 MB, and the rarest make room for new ones.
MOST_WORDS = 3_000_000
_LETTERS_A_WORD = 32
_FIRST_SLOTS = 1 << 16
_SIZE = 0xFFFFFFFF  # the part of a place that is a size
_MOST_TALLIED = 1 << 16
_PIECE = 100_000  # words made into strings at a time


class Numbering:
    """Numbers words as they come, and at the end by frequency.

    The numbers given at first are provisional: they go by first appearance. `finish` tells what becomes of each. When
    `most` different words are held, the rarest quarter or more is forgotten, as word2vec.c's ReduceVocab does with
    words under a count that it raises each time (Mikolov et al. 2013, arXiv 1310.4546). When that happens depends on
    the words alone, not on how they were cut into blocks.

    Parameters
    ----------
    most : int
        Different words held at a time.
    """

    def __init__(self, most: int = MOST_WORDS) -> None:
        # As large as they may become: a page of zeros that nobody has written to costs nothing.
        self._slots = np.zeros(_FIRST_SLOTS, np.uint64)
        self._entries, self._born = np.zeros((most, 2), np.int64), np.zeros(most, np.int64)
        self._spare = np.zeros(most, np.int32)
        self._letters = np.zeros(most * _LETTERS_A_WORD, np.uint8)
        self._state = np.zeros(4, np.int64)
        self._thresholds: list[int] = []
        self._forgotten = 0
        self.seen = 0

    def add(self, words: Words) -> Ids:
        """Count the words of a block; give their provisional numbers, int32 of shape (words,)."""
        ids = np.empty(len(words.sizes), np.int32)
        done = at = 0
        while True:
            room = min(self._room, len(self._entries))
            done, at = number(
                *(words.letters, words.sizes, words.hashes, done, at, self.seen, room, self._state, self._slots),
                *(self._entries, self._born, self._spare, self._letters, ids),
            )
            if done == len(ids):
                break
            self._make_room(int(words.sizes[done]))
        self.seen += len(ids)
        return ids

    def _make_room(self, size: int) -> None:
        alive, used = int(self._state[ALIVE]), int(self._state[USED])
        if used + size <= len(self._letters) and self._room < len(self._entries):
            self._slots = np.zeros(2 * len(self._slots), np.uint64)
        elif alive:
            self._forget_the_rarest()
        else:  # one word longer than all that was to be held
            self._letters = np.zeros(size, np.uint8)
        fill(self._slots, self._given, self._letters, BASIS)

    @property
    def _room(self) -> int:
        """Words that the slots may take: three quarters, beyond which looking for a free one gets long."""
        return len(self._slots) * 3 // 4

    @property
    def _given(self) -> Counts:
        """The entries of the ids given so far."""
        return self._entries[: int(self._state[GIVEN])]

    def _forget_the_rarest(self) -> None:
        alive = int(self._state[ALIVE])
        tallied = np.zeros(_MOST_TALLIED, np.int64)
        tally(self._given, tallied)
        threshold = int(np.searchsorted(np.cumsum(tallied), alive // 4, side="right"))
        if threshold == _MOST_TALLIED - 1:  # hardly a word is as rare as that
            counts = self._given[:, COUNT]
            threshold = int(np.partition(counts[counts > 0], alive // 4)[alive // 4])
        moved = np.zeros(len(self._letters), np.uint8)  # not zeros_like, which writes every page
        forget(self._given, threshold, self._state, self._letters, moved, self._spare)
        self._letters = moved
        self._slots[:] = 0
        self._thresholds.append(threshold)
        self._forgotten += alive - int(self._state[ALIVE])

    def finish(self, min_count: int) -> tuple[pl.DataFrame, Ids, Counts | None]:
        """Give the words in order of frequency; the table can't be used afterwards.

        Returns
        -------
        vocabulary : polars.DataFrame
            Columns ``word`` and ``count`` (int64), most frequent first, then by spelling.
        numbers : ndarray of int32
            For each provisional number the final one, or -1 for a word that was left out.
        born : ndarray of int64, or None
            The word of the text, counted from 0, from which a provisional number has its meaning; before it, it stood
            for a word that was forgotten. None if none ever was.

        Raises
        ------
        InputError
            If no word comes `min_count` times.
        """
        counts = self._given[:, COUNT].copy()
        kept = np.flatnonzero(counts >= min_count)
        if not len(kept):
            raise no_word(min_count, int(counts.max(initial=0)))
        self._slots = np.zeros(0, np.uint64)  # room for what follows
        words = self._strings(kept)
        self._entries, self._letters = np.zeros((0, 2), np.int64), np.zeros(0, np.uint8)
        numbered = pl.DataFrame({"word": words, "count": counts[kept], "id": kept.astype(np.int32)})
        # Ties in frequency go by spelling, so that numbering never depends on the order of documents.
        numbered = numbered.sort(["count", "word"], descending=[True, False])
        numbers = np.full(len(counts), -1, np.int32)
        numbers[numbered["id"].to_numpy()] = np.arange(len(kept), dtype=np.int32)
        return numbered.drop("id"), numbers, self._born[: len(counts)] if self._thresholds else None

    def _strings(self, ids: Counts) -> pl.Series:
        parts = []
        for first in range(0, len(ids), _PIECE):
            which = ids[first : first + _PIECE]
            ends = np.cumsum(self._entries[which, PLACE] & _SIZE)
            out: Bytes = np.empty(int(ends[-1]), np.uint8)
            gather(which, self._entries, self._letters, out)
            text, stops = out.tobytes(), ends.tolist()
            words = [text[a:b].decode() for a, b in zip([0, *stops], stops, strict=False)]
            parts.append(pl.Series("word", words, dtype=pl.String))
        return pl.concat(parts, rechunk=True)

    @property
    def facts(self) -> dict[str, Any]:
        """What was forgotten to bound memory, for the provenance; nothing if nothing was."""
        if not self._thresholds:
            return {}
        # At each time a word can have lost no more than that time's threshold.
        missing = sum(self._thresholds)
        return {
            "forgotten": {"times": len(self._thresholds), "words": self._forgotten, "counts_short_by_up_to": missing}
        }


def no_word(min_count: int, most: int) -> InputError:
    """Make the error for a vocabulary without words."""
    return InputError(
        f"no word is left: min_count={min_count} and the most frequent word comes {most} times; "
        f"lower min_count or give more text"
    )
