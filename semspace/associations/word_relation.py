"""`relation`: what pairs such as (France, Paris) have in common, for questions about other words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from semspace import checks, queries
from semspace.display import clip
from semspace.errors import InputError
from semspace.neighbors import Neighbors
from semspace.progress import track
from semspace.queries import Query, as_list, as_pairs, title_of
from semspace.similarity.locating import directions, locate
from semspace.similarity.searching import as_neighbors, candidates, check_restrict
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.statistics import wilson
from semspace.types import Doubles1d, Floats1d, Floats2d, Ints1d

METHODS = ("3cosavg", "lrcos")
_FREQUENT = 50_000  # first points, of which random ones are drawn


@dataclass(frozen=True, eq=False, repr=False)
class Relation:
    """What pairs have in common: the mean way from first to second, and which class the second ones are of.

    Parameters
    ----------
    space : Space
    pairs : tuple of (str, str)
    method : {"3cosavg", "lrcos"}
    seed : int
    firsts, seconds : ndarray of float32, shape (n, dim)
        Their unit vectors.
    """

    space: Space
    pairs: tuple[tuple[str, str], ...]
    method: str
    seed: int
    firsts: Floats2d
    seconds: Floats2d

    def apply(self, query: Query, k: int = 10, *, restrict: int | None = None) -> Neighbors:
        """Find what stands in this relation to a query.

        Parameters
        ----------
        query : str or vector
            An id, a text for the encoder of the space, or a vector of shape (dim,).
        k : int
            Number of answers.
        restrict : int, optional
            Only the first so many points may be answers: of word vectors, the most frequent words.

        Returns
        -------
        Neighbors
            With the metric ``"lrcos"`` or ``"cosine"``.

        Raises
        ------
        UnknownIdError
            If a string is not an id and the space has no encoder to read it as a text.
        """
        return self.apply_batch([query], k, restrict=restrict)[0]

    def apply_batch(self, queries: Sequence[Query], k: int = 10, *, restrict: int | None = None) -> list[Neighbors]:
        """Find what stands in this relation to each query; see `apply`."""
        checks.whole("k", k)
        check_restrict(restrict)
        asked = as_list("apply_batch", queries)
        if not asked:
            return []
        located = locate(self.space, asked)
        units = directions([one.vector for one in located], asked)
        found = self._answers(units, [one.rows for one in located], np.arange(len(self.pairs)), k, restrict)
        titles = [f"{self._title()} = {title_of(query)} : ?" for query in asked]
        metric = "lrcos" if self.method == "lrcos" else "cosine"
        return [as_neighbors(self.space, title, *one, metric) for title, one in zip(titles, found, strict=True)]

    def accuracy(self, *, restrict: int | None = None, progress: bool = True) -> RelationAccuracy:
        """Return how often a pair is found by what the other pairs have in common (leave-one-out).

        Parameters
        ----------
        restrict : int, optional
            Only the first so many points may be answers.
        progress : bool
            Show the progress if it takes more than two seconds.

        Raises
        ------
        InputError
            If there are fewer than three pairs, or the second of a pair isn't a point of the space.
        """
        check_restrict(restrict)
        checks.flag("progress", progress)
        if len(self.pairs) < 3:
            raise InputError(f"leave-one-out needs at least three pairs; got {len(self.pairs)}")
        missing = next((second for _, second in self.pairs if second not in self.space), None)
        if missing is not None:
            raise InputError(
                f"{clip(missing, 40)!r} isn't a point of the space, so it can't be found; leave its pair out"
            )
        everything, answers = np.arange(len(self.pairs)), []
        numbers = track(everything.tolist(), "leaving pairs out", len(self.pairs), unit="pair", progress=progress)
        for number in numbers:
            first = self.pairs[number][0]
            skip = (self.space._row(first),) if first in self.space else ()
            rest = np.delete(everything, number)
            [(rows, _)] = self._answers(self.firsts[number][None], [skip], rest, 1, restrict)
            answers.append(self.space.ids[rows[0]] if len(rows) else "")
        table = pl.DataFrame(
            {
                "first": [first for first, _ in self.pairs],
                "second": [second for _, second in self.pairs],
                "answer": answers,
                "right": [answer == second for answer, (_, second) in zip(answers, self.pairs, strict=True)],
            }
        )
        return RelationAccuracy(self.method, table)

    def _answers(
        self, units: Floats2d, skip: Sequence[Sequence[int]], chosen: Ints1d, k: int, restrict: int | None
    ) -> list[tuple[Ints1d, Floats1d]]:
        """Return rows and scores of the answers to unit vectors, by the pairs that are chosen."""
        vectors, norms = candidates(self.space, restrict)
        inside = [[row for row in rows if row < len(vectors)] for rows in skip]
        if self.method == "3cosavg":
            offset = self.seconds[chosen].mean(axis=0) - self.firsts[chosen].mean(axis=0)
            return queries.nearest(vectors, norms, units + offset, k, names=self.space.ids, skip=inside)
        member = self._membership(vectors, norms, chosen)
        found = []
        scores = (row for block in queries.score_blocks(vectors, norms, units, "cosine") for row in block)
        for cosines, rows in zip(scores, inside, strict=True):
            products = cosines * member
            best = queries.best_rows(products, k, self.space.ids, rows)
            found.append((best, products[best]))
        return found

    def _membership(self, vectors: Floats2d, norms: Floats1d, chosen: Ints1d) -> Floats1d:
        """Return the probability of each point to be of the class of the second words, shape (n,)."""
        from sklearn.linear_model import LogisticRegression

        others = self._others(len(chosen))
        points = np.concatenate([self.seconds[chosen], self.firsts[chosen], others])
        labels = np.arange(len(points)) < len(chosen)
        model = LogisticRegression(class_weight="balanced", max_iter=1_000).fit(points, labels)
        weights = model.coef_.astype(np.float32)
        cosines = next(queries.score_blocks(vectors, norms, weights, "cosine"))[0]
        logits: Doubles1d = cosines.astype(np.float64) * np.linalg.norm(weights) + float(model.intercept_[0])
        return (1 / (1 + np.exp(-logits))).astype(np.float32)

    def _others(self, n_pairs: int) -> Floats2d:
        """Return unit vectors of as many random points as pairs, which are in none: of words, frequent ones."""
        used = {name for pair in self.pairs for name in pair}
        first = self.space.ids[:_FREQUENT].tolist()
        rows = np.array([row for row, name in enumerate(first) if name not in used], np.int64)
        drawn = np.sort(np.random.default_rng(self.seed).choice(rows, min(len(rows), n_pairs), replace=False))
        others: Floats2d = queries.unit(np.asarray(self.space.vectors[drawn]))
        return others

    def _title(self) -> str:
        return f"{self.pairs[0][0]} : {self.pairs[0][1]}"

    def __repr__(self) -> str:
        shown = ", ".join(f"{clip(a, 20)} : {clip(b, 20)}" for a, b in self.pairs[:3])
        return f"Relation of {len(self.pairs)} pairs ({self.method}): {shown}{' …' if len(self.pairs) > 3 else ''}"


@dataclass(frozen=True, eq=False, repr=False)
class RelationAccuracy:
    """How often pairs are found by what the others have in common.

    Parameters
    ----------
    method : str
    answers : polars.DataFrame
        Of each pair ``first``, ``second``, the ``answer`` that the other pairs give, and whether it is ``right``.
    """

    method: str
    answers: pl.DataFrame

    @property
    def value(self) -> float:
        """The share of right answers, in [0, 1]."""
        return float(self.answers["right"].sum()) / len(self.answers)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the share (Wilson 1927)."""
        low, high = wilson(int(self.answers["right"].sum()), len(self.answers))
        return float(low), float(high)

    def to_frame(self) -> pl.DataFrame:
        """Return the answers as a polars DataFrame, one pair a row."""
        return self.answers

    def __repr__(self) -> str:
        low, high = self.interval
        of = f"{self.value:.3f} of {len(self.answers)} pairs found"
        return f"{of}, {low:.3f} to {high:.3f} ({self.method}, leave-one-out)"


def relation(space: Space, pairs: Sequence[tuple[str, str]], *, method: str = "3cosavg", seed: int = 0) -> Relation:
    """Learn a relation from pairs, such as countries and capitals, to ask it about others.

    Parameters
    ----------
    space : Space
        Of words, or of texts with their encoder.
    pairs : list of (str, str)
        At least two: ids of the space, or texts for its encoder.
    method : {"3cosavg", "lrcos"}
        ``"3cosavg"`` takes the points nearest to the query plus the mean difference of the pairs. ``"lrcos"``
        multiplies the cosine to the query by the probability of being such a second word, of a logistic regression
        that tells the second words from the first ones and from as many random points. Both: Drozd, Gladkova &
        Matsuoka (2016), "Word embeddings, analogies, and machine learning: Beyond king - man + woman = queen".
    seed : int
        Of the random points.

    Returns
    -------
    Relation

    Raises
    ------
    InputError
        If there are fewer than two different pairs.
    UnknownIdError
        If a string is not an id and the space has no encoder to read it as a text.

    Examples
    --------
    >>> import semspace as ss
    >>> words = ["man", "woman", "king", "queen", "uncle", "aunt"]
    >>> vectors = [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1], [0, 1, 0, 1]]
    >>> space = ss.Space.from_vectors(words, vectors)
    >>> ss.relation(space, [("man", "woman"), ("king", "queen")]).apply("uncle", k=1).ids
    ('aunt',)
    """
    need_space("relation", space)
    checks.choice("method", method, METHODS)
    checks.seed(seed)
    given = list(dict.fromkeys(_words(number, pair) for number, pair in enumerate(as_pairs(pairs))))
    if len(given) < 2:
        raise InputError(f"a relation needs at least two different pairs; got {len(given)}")
    flat = [word for pair in given for word in pair]
    units = directions([one.vector for one in locate(space, flat)], flat)
    return Relation(space, tuple(given), method, seed, checks.frozen(units[::2]), checks.frozen(units[1::2]))


def _words(number: int, pair: tuple[Any, Any]) -> tuple[str, str]:
    first, second = checks.strings(f"pair {number} of pairs", list(pair))
    if first == second:
        raise InputError(f"pair {number} of pairs must hold two different words; got {clip(first, 40)!r} twice")
    return first, second
