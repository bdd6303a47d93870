"""Distinct texts: documents with the same text are compared once, for all copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from semspace.types import Ints1d


@dataclass(frozen=True, eq=False)
class DistinctTexts:
    """The different texts of n documents, and the *copies* of each: all documents of a corpus with that text.

    Parameters
    ----------
    texts : polars.Series
        The different texts.
    text, corpus : ndarrays of int64, shape (m,)
        Of each of m sets of copies, sorted by corpus and then by text.
    place : ndarray of int64, shape (n,)
        The set that each document is in.
    rows : ndarray of int64, shape (n,)
        The documents, set by set.
    starts : ndarray of int64, shape (m + 1,)
        Where the documents of each set begin in `rows`.
    """

    texts: pl.Series
    text: Ints1d
    corpus: Ints1d
    place: Ints1d
    rows: Ints1d
    starts: Ints1d

    @classmethod
    def of(cls, texts: pl.Series, corpora: Ints1d) -> DistinctTexts:
        """Group documents by their text."""
        table = pl.DataFrame({"text": texts, "row": np.arange(len(texts))})
        first = table.select(pl.col("row").first().over("text"))["row"].to_numpy()
        kept, number = np.unique(first, return_inverse=True)
        keys, place, sizes = np.unique(corpora * len(kept) + number, return_inverse=True, return_counts=True)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        rows = np.argsort(place, kind="stable")
        return cls(texts.gather(kept), keys % len(kept), keys // len(kept), place, rows, starts)

    def exact(self) -> tuple[Ints1d, Ints1d]:
        """Return the pairs of sets that have one text in different corpora."""
        every = np.arange(len(self.texts))
        return self.between(every, every)

    def between(self, one: Ints1d, other: Ints1d) -> tuple[Ints1d, Ints1d]:
        """Return the pairs of sets of different corpora that have these pairs of texts, the lower corpus first."""
        sets = pl.DataFrame({"text": self.text, "set": np.arange(len(self.text)), "corpus": self.corpus})
        asked = pl.DataFrame({"text": one, "other": other})
        pairs = asked.join(sets, on="text").join(sets, left_on="other", right_on="text", suffix="_other")
        pairs = pairs.filter(pl.col("corpus") != pl.col("corpus_other")).select(
            pl.min_horizontal("set", "set_other").alias("first"), pl.max_horizontal("set", "set_other").alias("second")
        )
        pairs = pairs.unique().sort("first", "second")
        return pairs["first"].to_numpy(), pairs["second"].to_numpy()

    def reach(self) -> tuple[Ints1d, Ints1d]:
        """Return for each text the first and the last corpus that has it."""
        lowest, highest = np.full(len(self.texts), len(self.rows)), np.full(len(self.texts), -1)
        np.minimum.at(lowest, self.text, self.corpus)
        np.maximum.at(highest, self.text, self.corpus)
        return lowest, highest

    def shared(self) -> Ints1d:
        """Return the documents whose text is also in another corpus."""
        lowest, highest = self.reach()
        return np.flatnonzero((lowest < highest)[self.text[self.place]])

    def apart(self, first: Ints1d, second: Ints1d) -> tuple[Ints1d, Ints1d]:
        """Return those of some pairs of documents whose texts differ."""
        differ = self.text[self.place[first]] != self.text[self.place[second]]
        return first[differ], second[differ]

    def pairs(self, first: Ints1d, second: Ints1d, most: int) -> tuple[tuple[Ints1d, Ints1d], int]:
        """Return the pairs of documents of pairs of sets, `most` at most, and how many there are.

        Where there are too many, each document has its first partner before any has its second, and so on.
        """
        sizes = np.diff(self.starts)
        m, n = sizes[first], sizes[second]
        every = m * n
        wanted = every if every.sum() <= most else _even(every, np.maximum(m, n), most)
        ends = np.cumsum(wanted)
        pair = np.repeat(np.arange(len(first)), wanted)[:most]
        turn = np.arange(len(pair)) - (ends - wanted)[pair]
        # All pairs of m and n items, each once: both cycle in step, and one is shifted by one each time they coincide.
        a, b = turn % m[pair], (turn + turn // np.lcm(m, n)[pair]) % n[pair]
        left, right = self.starts[first[pair]] + a, self.starts[second[pair]] + b
        return (self.rows[left], self.rows[right]), int(every.sum())


def _even(every: Ints1d, round_: Ints1d, most: int) -> Ints1d:
    """Distribute `most` pairs, round by round; the first round is complete, even if it exceeds them."""
    low, high = 1, most
    while low < high:
        middle = (low + high + 1) // 2
        fits = np.minimum(every, middle * round_).sum() <= most
        low, high = (middle, high) if fits else (low, middle - 1)
    wanted = np.minimum(every, low * round_)
    further = np.minimum(every, (low + 1) * round_) - wanted  # of the next round, as far as there is room
    before = np.cumsum(further) - further
    shared: Ints1d = wanted + np.clip(most - wanted.sum() - before, 0, further)
    return shared
