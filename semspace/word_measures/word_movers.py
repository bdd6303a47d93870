"""`WordMovers`: how far the words of one text are from those of another (word mover's distance)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl

from semspace import checks
from semspace.neighbors import Neighbors
from semspace.pools import Pool
from semspace.threads import thread_count
from semspace.types import Bools1d, Doubles1d, Floats2d, Ints1d
from semspace.word_measures.bags import Bags, Text
from semspace.word_measures.texts import WordMeasure, as_neighbors, text_of

METRIC = "wmd"
_QUERY_WORDS = 64  # whose distances to all words are in memory at a time
_ROUNDING = 4e-6  # of a squared distance of float32, for numbers of length 1: bounds stay below the exact distance


@dataclass(frozen=True, eq=False, repr=False)
class WordMovers(WordMeasure):
    """Word mover's distance: the least distance that the words of one text travel to become those of another.

    Each word of a text has an equal share of it, and travels to words of the other text, over the Euclidean distance
    of their vectors (Kusner et al. 2015). Two texts without a common word are near if their words are: "Obama speaks
    to the media" and "the president greets the press". The distance is exact, up to the rounding of float32 vectors.

    Parameters
    ----------
    words : Space
        Word vectors, from `Word2Vec` or another tool (`read_vectors`). Texts are tokenised as its words were; unknown
        words are left out. Frequent words such as "the" count as any other: leave them out of the space
        (``words.select``) if they shouldn't.
    corpus : Corpus or list of str, optional
        The texts that `search` finds. Those without a known word are never found.
    normalize : bool
        Scale vectors to length 1, as gensim's ``wmdistance`` does. The paper doesn't.
    tokenizer : {"fast", "cased", "icu", "whitespace", "spacy:LANG"}, optional
        As in `WordAverage`.

    Examples
    --------
    >>> import semspace as ss
    >>> words = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 0], [0.8, 0.6], [0, 1]])
    >>> movers = ss.WordMovers(words, ["a dog", "a car"])
    >>> round(movers.distance("the cat", "dogs and a dog"), 3)
    0.632
    >>> movers.search("a cat", k=2).ids
    ('0', '1')
    """

    normalize: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.flag("normalize", self.normalize)

    @property
    def _is_normalized(self) -> bool:
        return self.normalize

    def distance(self, a: Text, b: Text) -> float:
        """Return the distance of two texts, each a string or a list of words; 0 if both have the same words.

        With `normalize`, at most 2.

        Raises
        ------
        InputError
            If a text has no known word.
        """
        from semspace.word_measures.transport_kernel import word_movers

        (rows_a, counts_a, vectors_a), (rows_b, counts_b, vectors_b) = self._pair(a, b)
        return float(word_movers(vectors_a, rows_a, counts_a, vectors_b, rows_b, counts_b))

    def flows(self, a: Text, b: Text) -> pl.DataFrame:
        """Return which words travel where: why two texts are near or far.

        Returns
        -------
        polars.DataFrame
            Columns ``from`` (a word of `a`), ``to`` (a word of `b`), ``share`` (of the text; they add up to 1),
            ``distance``, and ``cost``, their product; the costs add up to the distance of the texts. The most expensive
            come first.

        Examples
        --------
        >>> import semspace as ss
        >>> words = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 0], [0.8, 0.6], [0, 1]])
        >>> flows = ss.WordMovers(words).flows("the cat in the car", "the car and the dog")
        >>> flows.select("from", "to", "share").rows()
        [('cat', 'dog', 0.5), ('car', 'car', 0.5)]
        """
        from semspace.word_measures.transport_kernel import euclidean, least_cost

        (rows_a, counts_a, vectors_a), (rows_b, counts_b, vectors_b) = self._pair(a, b)
        costs = np.where(rows_a[:, None] == rows_b, 0.0, euclidean(vectors_a, vectors_b))
        moved = np.zeros(costs.shape, np.int64)
        least_cost(counts_a * counts_b.sum(), counts_b * counts_a.sum(), costs, moved)
        i, j = np.nonzero(moved)
        shares, distances = moved[i, j] / moved.sum(), costs[i, j]
        table = {
            "from": self.words.ids[rows_a[i]].tolist(), "to": self.words.ids[rows_b[j]].tolist(), "share": shares,
            "distance": distances, "cost": shares * distances,
        }  # fmt: skip
        return pl.DataFrame(table).sort(["cost", "from", "to"], descending=[True, False, False])

    def _pair(self, a: Text, b: Text) -> list[tuple[Ints1d, Ints1d, Floats2d]]:
        """Return the words of two texts, their counts and their vectors."""
        return [self._bag(a, "the text"), self._bag(b, "the other text")]

    def search(self, query: Text | None = None, k: int = 10, *, id: str | None = None) -> Neighbors:
        """Find the `k` texts of the corpus at the least distance; exact.

        Two lower bounds, of each word going to its nearest one (Kusner et al. 2015), are computed for all texts; only
        the texts whose larger bound is below the k-th distance found so far are solved.

        Parameters
        ----------
        query : str or list of str
            A text, or its words.
        k : int
        id : str, optional
            Instead of `query`: a text of the corpus, which isn't found itself.

        Returns
        -------
        Neighbors
            Its scores are negative distances, and its metric is ``"wmd"``.

        Raises
        ------
        InputError
            If there is no corpus, or the query has no known word.
        """
        checks.whole("k", k)
        texts = self._texts
        asked, skip = text_of(texts.corpus, query, id)
        rows, counts, vectors = self._bag(asked, "the query")
        distances = self._nearest(vectors, rows, counts, k, texts.may_be_found(skip))
        return as_neighbors(texts.corpus, asked, -distances, k, METRIC)

    def _nearest(self, query: Floats2d, rows: Ints1d, counts: Ints1d, k: int, may_be_found: Bools1d) -> Doubles1d:
        """Return the exact distance of all texts that can be among the k nearest; infinity for the others."""
        from semspace.word_measures.transport_kernel import solve_nearest

        texts = self._texts
        exact = np.full(len(texts.bags), np.inf)
        bounds = np.where(may_be_found, self._bounds(query, counts, texts.bags, texts.points), np.inf)
        order = np.argsort(bounds, kind="stable")[: int(may_be_found.sum())]
        if len(order):
            most = min(k, len(order))
            bags = texts.bags
            solve_nearest(
                order, bounds, most, query, rows, counts, texts.points, bags.used, bags.starts, bags.positions,
                bags.counts, exact,
            )  # fmt: skip
        return exact

    def _bounds(self, query: Floats2d, counts: Ints1d, bags: Bags, points: Floats2d) -> Doubles1d:
        """Return the larger of both lower bounds of each text, shape (texts,)."""
        from semspace.word_measures.transport_kernel import add_bounds

        nearest = np.full(len(points), np.inf, np.float32)
        to_query, to_texts = np.zeros(len(bags)), np.zeros(len(bags))
        pool = Pool(thread_count())
        edges = np.linspace(0, len(bags), pool.threads + 1).astype(int).tolist()
        for start in range(0, len(query), _QUERY_WORDS):
            some = slice(start, start + _QUERY_WORDS)
            distances = _distances_below(points, query[some])
            np.minimum(nearest, distances.min(axis=1), out=nearest)
            work = (distances, nearest, counts[some], bags.starts, bags.positions, bags.counts)
            parts = [(*work, first, last, to_query, to_texts) for first, last in pairwise(edges)]
            pool.each(add_bounds, parts)
        bounds: Doubles1d = np.maximum(to_query / np.maximum(bags.lengths, 1), to_texts / counts.sum())
        return bounds


def _distances_below(points: Floats2d, query: Floats2d) -> Floats2d:
    """Return Euclidean distances, shape (points, query), rounded so that none is above the exact one."""
    squares = np.square(points).sum(axis=1)[:, None] + np.square(query).sum(axis=1)
    below: Floats2d = np.sqrt(np.maximum(squares * np.float32(1 - _ROUNDING) - 2 * (points @ query.T), 0))
    return below
