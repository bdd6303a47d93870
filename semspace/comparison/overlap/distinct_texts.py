"""Documents with the same text, brought together: what is found for one of them holds for all its copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from semspace.comparison.overlap.membership import Rows


@dataclass(frozen=True, eq=False)
class Copies:
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
    text: Rows
    corpus: Rows
    place: Rows
    rows: Rows
    starts: Rows

    @classmethod
    def of(cls, texts: pl.Series, corpora: Rows) -> Copies:
        """Bring documents with equal texts together."""
        table = pl.DataFrame({"text": texts, "row": np.arange(len(texts))})
        first = table.select(pl.col("row").first().over("text"))["row"].to_numpy()
        kept, number = np.unique(first, return_inverse=True)
        keys, place, sizes = np.unique(corpora * len(kept) + number, return_inverse=True, return_counts=True)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        rows = np.argsort(place, kind="stable")
        return cls(texts.gather(kept), keys % len(kept), keys // len(kept), place, rows, starts)

    def exact(self) -> tuple[Rows, Rows]:
        """Return the pairs of sets that have one text in different corpora."""
        every = np.arange(len(self.texts))
        return self.between(every, every)

    def between(self, one: Rows, other: Rows) -> tuple[Rows, Rows]:
        """Return the pairs of sets of different corpora that have these pairs of texts, the lower corpus first."""
        sets = pl.DataFrame({"text": self.text, "set": np.arange(len(self.text)), "corpus": self.corpus})
        asked = pl.DataFrame({"text": one, "other": other})
        pairs = asked.join(sets, on="text").join(sets, left_on="other", right_on="text", suffix="_other")
        pairs = pairs.filter(pl.col("corpus") != pl.col("corpus_other")).select(
            pl.min_horizontal("set", "set_other").alias("first"), pl.max_horizontal("set", "set_other").alias("second")
        )
        pairs = pairs.unique().sort("first", "second")
        return pairs["first"].to_numpy(), pairs["second"].to_numpy()

    def reach(self) -> tuple[Rows, Rows]:
        """Return for each text the first and the last corpus that has it."""
        lowest, highest = np.full(len(self.texts), len(self.rows)), np.full(len(self.texts), -1)
        np.minimum.at(lowest, self.text, self.corpus)
        np.maximum.at(highest, self.text, self.corpus)
        return lowest, highest

    def shared(self) -> Rows:
        """Return the documents whose text another corpus has, too."""
        lowest, highest = self.reach()
        return np.flatnonzero((lowest < highest)[self.text[self.place]])

    def apart(self, first: Rows, second: Rows) -> tuple[Rows, Rows]:
        """Return those of some pairs of documents whose texts differ."""
        differ = self.text[self.place[first]] != self.text[self.place[second]]
        return first[differ], second[differ]

    def pairs(self, first: Rows, second: Rows, most: int) -> tuple[tuple[Rows, Rows], int]:
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
        # All pairs of m and n things, each once: both go round in step, and one is put off by one each time they meet.
        a, b = turn % m[pair], (turn + turn // np.lcm(m, n)[pair]) % n[pair]
        left, right = self.starts[first[pair]] + a, self.starts[second[pair]] + b
        return (self.rows[left], self.rows[right]), int(every.sum())


def _even(every: Rows, round_: Rows, most: int) -> Rows:
    """Share out `most` pairs, round by round; the first round is whole, even where there is no room for it."""
    low, high = 1, most
    while low < high:
        middle = (low + high + 1) // 2
        fits = np.minimum(every, middle * round_).sum() <= most
        low, high = (middle, high) if fits else (low, middle - 1)
    wanted = np.minimum(every, low * round_)
    further = np.minimum(every, (low + 1) * round_) - wanted  # of the next round, as far as there is room
    before = np.cumsum(further) - further
    shared: Rows = wanted + np.clip(most - wanted.sum() - before, 0, further)
    return shared
