"""`BM25`: how well texts match the words of a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from semspace.lexical.postings import Postings
from semspace.lexical.search_words import query_words
from semspace.types import Bools1d, Doubles1d, Floats1d, Ints1d


@dataclass(frozen=True, eq=False)
class BM25:
    """Scores texts by the words that they share with a query (Robertson & Zaragoza 2009, in Lucene's form).

    The score of a text is the sum over the query's words that it contains of ``log(1 + (n - df + 0.5) / (df + 0.5)) *
    tf / (tf + k1 * (1 - b + b * length / mean length))``; a word counts as often as the query has it. `n`, `df` and
    the mean length are those of the live texts, so the scores are the same as if deleted texts had never been there.

    Parameters
    ----------
    parts : sequence of Postings
        Together they hold every row once, in order.
    alive : ndarray of bool, shape (rows,), optional
        Which texts are live; all by default. The others have score 0.
    k1 : float
        How much more a word counts that stands in a text several times.
    b : float
        How much longer texts are held back, from 0 to 1.

    Examples
    --------
    >>> import polars as pl
    >>> from semspace.lexical import BM25, Postings
    >>> bm25 = BM25([Postings.of(pl.Series(["a cat", "a dog and a cat", "two dogs"]))])
    >>> bm25.scores("cats, dogs").round(3).tolist()
    [0.0, 0.0, 0.516]
    """

    parts: Sequence[Postings]
    alive: Bools1d | None = None
    k1: float = 1.2
    b: float = 0.75

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.parts[-1].stop if self.parts else 0

    @cached_property
    def n_live(self) -> int:
        """Number of live texts."""
        return len(self) if self.alive is None else int(self.alive.sum())

    @cached_property
    def _saturation(self) -> Doubles1d:
        """What is added to the count of a word in the denominator, for each row."""
        lengths = np.concatenate([part.lengths for part in self.parts]).astype(np.float64)
        total = lengths.sum() if self.alive is None else lengths[self.alive].sum()
        mean = total / max(self.n_live, 1)
        shares: Doubles1d = self.k1 * (1 - self.b + self.b * lengths / (mean or 1.0))
        return shares

    def scores(self, query: str) -> Doubles1d:
        """Return the score of each row, float64; above 0 exactly where a live text contains a word of the query."""
        return self.scores_of(query_words([query])[0])

    def scores_of(self, words: Mapping[str, int]) -> Doubles1d:
        """Return the score of each row for the words of a query, of which each counts as often as is said."""
        scores = np.zeros(len(self))
        for word, times in words.items():
            rows, counts = self._of_word(word)
            if len(rows):
                scores[rows] += times * self._rarity(len(rows)) * counts / (counts + self._saturation[rows])
        return scores

    def highest(self, words: Mapping[str, int]) -> float:
        """Return what no text's score can reach for the words of a query: all of them, countless times.

        Words that no live text contains aren't counted.
        """
        found = ((len(self._of_word(word)[0]), times) for word, times in words.items())
        return float(sum(times * self._rarity(count) for count, times in found if count))

    def _of_word(self, word: str) -> tuple[Ints1d, Floats1d]:
        """Return the rows of the live texts that contain a word, and how often each does."""
        found = [part.of_word(word) for part in self.parts]
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        rows, counts = (np.concatenate(both) for both in zip(*found, strict=True)) if len(found) > 1 else found[0]
        if self.alive is None:
            return rows, counts
        live = self.alive[rows]
        return rows[live], counts[live]

    def _rarity(self, count: int) -> float:
        """Return the weight of a word that `count` live texts contain."""
        return float(np.log1p((self.n_live - count + 0.5) / (count + 0.5)))
