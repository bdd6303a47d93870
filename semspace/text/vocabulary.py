"""`WordCounter`: ids and counts of the words of a text, in bounded memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from semspace.errors import EmptyInputError, InputError
from semspace.text.vocabulary_kernel import (
    ALIVE,
    COUNT,
    GIVEN,
    LOCATION,
    USED,
    copy_words,
    count_histogram,
    fill_slots,
    forget_rare,
    number_words,
)
from semspace.text.word_block import HASH_SEED, WordBlock
from semspace.types import Bytes1d, Int32s1d, Ints1d

# Maximum number of distinct words. The table then takes some 140 MB, and the rarest words are dropped.
MAX_WORDS = 3_000_000
_BYTES_PER_WORD = 32
_FIRST_SLOTS = 1 << 16
_SIZE = 0xFFFFFFFF  # the part of a place that is a size
_MOST_TALLIED = 1 << 16
_PIECE = 100_000  # words made into strings at a time


class WordCounter:
    """Assigns ids to words, first by appearance and finally by frequency.

    The first ids are provisional; `finish` returns the final id of each. When the table holds `max_words` distinct
    words, the rarest quarter or more is dropped, like word2vec.c's ReduceVocab does with words under a count that it
    raises each time (Mikolov et al. 2013, arXiv 1310.4546). This depends on the words alone, not on the blocks.

    Parameters
    ----------
    max_words : int
        Maximum number of distinct words in the table.
    """

    def __init__(self, max_words: int = MAX_WORDS) -> None:
        # Allocated at their maximum size: pages of zeros that aren't written take no memory.
        self._slots = np.zeros(_FIRST_SLOTS, np.uint64)
        self._entries, self._born = np.zeros((max_words, 2), np.int64), np.zeros(max_words, np.int64)
        self._spare = np.zeros(max_words, np.int32)
        self._word_bytes = np.zeros(max_words * _BYTES_PER_WORD, np.uint8)
        self._state = np.zeros(4, np.int64)
        self._thresholds: list[int] = []
        self._forgotten = 0
        self.seen = 0

    def add(self, words: WordBlock) -> Int32s1d:
        """Count the words of a block; return their provisional ids, int32 of shape (words,)."""
        ids = np.empty(len(words.sizes), np.int32)
        done = start = 0
        while True:
            room = min(self._room, len(self._entries))
            done, start = number_words(
                *(words.word_bytes, words.sizes, words.hashes, done, start, self.seen, room, self._state, self._slots),
                *(self._entries, self._born, self._spare, self._word_bytes, ids),
            )
            if done == len(ids):
                break
            self._make_room(int(words.sizes[done]))
        self.seen += len(ids)
        return ids

    def _make_room(self, size: int) -> None:
        alive, used = int(self._state[ALIVE]), int(self._state[USED])
        if used + size <= len(self._word_bytes) and self._room < len(self._entries):
            self._slots = np.zeros(2 * len(self._slots), np.uint64)
        elif alive:
            self._forget_the_rarest()
        else:  # one word longer than the whole buffer
            self._word_bytes = np.zeros(size, np.uint8)
        fill_slots(self._slots, self._given, self._word_bytes, HASH_SEED)

    @property
    def _room(self) -> int:
        """Maximum number of words in the slots, three quarters of them: beyond it, probing gets slow."""
        return len(self._slots) * 3 // 4

    @property
    def _given(self) -> Ints1d:
        """The entries of the ids assigned so far."""
        return self._entries[: int(self._state[GIVEN])]

    def _forget_the_rarest(self) -> None:
        alive = int(self._state[ALIVE])
        tallied = np.zeros(_MOST_TALLIED, np.int64)
        count_histogram(self._given, tallied)
        threshold = int(np.searchsorted(np.cumsum(tallied), alive // 4, side="right"))
        if threshold == _MOST_TALLIED - 1:  # nearly all words are more frequent than the histogram shows
            counts = self._given[:, COUNT]
            threshold = int(np.partition(counts[counts > 0], alive // 4)[alive // 4])
        moved = np.zeros(len(self._word_bytes), np.uint8)  # not zeros_like, which writes every page
        forget_rare(self._given, threshold, self._state, self._word_bytes, moved, self._spare)
        self._word_bytes = moved
        self._slots[:] = 0
        self._thresholds.append(threshold)
        self._forgotten += alive - int(self._state[ALIVE])

    def finish(self, min_count: int) -> tuple[pl.DataFrame, Int32s1d, Ints1d | None]:
        """Return the vocabulary, sorted by frequency; the counter can't be used afterwards.

        Returns
        -------
        vocabulary : polars.DataFrame
            Columns ``word`` and ``count`` (int64), most frequent first, then by spelling.
        numbers : ndarray of int32
            The final id of each provisional id, or -1 for a word that was left out.
        born : ndarray of int64, or None
            For each provisional id the first word of the text, counted from 0, from which it has its final meaning;
            before, it belonged to a word that was dropped. None if no word was.

        Raises
        ------
        InputError
            If no word has a count of `min_count`.
        """
        counts = self._given[:, COUNT].copy()
        ids = np.flatnonzero(counts >= min_count)
        if not len(ids):
            raise empty_vocabulary_error(min_count, int(counts.max(initial=0)))
        self._slots = np.zeros(0, np.uint64)  # free memory for the next steps
        words = self._strings(ids)
        self._entries, self._word_bytes = np.zeros((0, 2), np.int64), np.zeros(0, np.uint8)
        numbered = pl.DataFrame({"word": words, "count": counts[ids], "id": ids.astype(np.int32)})
        # Ties in frequency are sorted by spelling, so that ids never depend on the order of documents.
        numbered = numbered.sort(["count", "word"], descending=[True, False])
        numbers = np.full(len(counts), -1, np.int32)
        numbers[numbered["id"].to_numpy()] = np.arange(len(ids), dtype=np.int32)
        return numbered.drop("id"), numbers, self._born[: len(counts)] if self._thresholds else None

    def _strings(self, ids: Ints1d) -> pl.Series:
        parts = []
        for first in range(0, len(ids), _PIECE):
            which = ids[first : first + _PIECE]
            ends = np.cumsum(self._entries[which, LOCATION] & _SIZE)
            out: Bytes1d = np.empty(int(ends[-1]), np.uint8)
            copy_words(which, self._entries, self._word_bytes, out)
            text, stops = out.tobytes(), ends.tolist()
            words = [text[a:b].decode() for a, b in zip([0, *stops], stops, strict=False)]
            parts.append(pl.Series("word", words, dtype=pl.String))
        return pl.concat(parts, rechunk=True)

    @property
    def facts(self) -> dict[str, Any]:
        """What was dropped to bound memory, for the provenance; empty if nothing was."""
        if not self._thresholds:
            return {}
        # Each time, a word can have lost at most that time's threshold.
        missing = sum(self._thresholds)
        return {
            "forgotten": {"times": len(self._thresholds), "words": self._forgotten, "counts_short_by_up_to": missing}
        }


def empty_vocabulary_error(min_count: int, max_count: int) -> InputError:
    """Return the error for a vocabulary without words."""
    if not max_count:
        return EmptyInputError("the text has no words; give a text with letters or numbers, or use another tokenizer")
    return InputError(
        f"no word occurs min_count={min_count} times or more; the largest count of a word is {max_count}: "
        f"lower min_count or give more text"
    )
