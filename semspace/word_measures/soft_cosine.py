"""`SoftCosine`: the cosine of bags of words in which similar words count as partly the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.neighbors import Neighbors
from semspace.progress import track
from semspace.types import Doubles1d, Floats2d, Ints1d
from semspace.word_measures.bags import Text
from semspace.word_measures.texts import WordMeasure, as_neighbors, text_of

METRIC = "soft-cosine"
WEIGHTS = ("count", "tfidf")


@dataclass(frozen=True, eq=False, repr=False)
class SoftCosine(WordMeasure):
    """Soft cosine: the cosine of two bags of words, in which similar words count as partly the same.

    ``s(a, b) = aᵀ S b / √(aᵀ S a · bᵀ S b)``, where a and b hold the weights of the words, and ``S[i, j]`` is the
    cosine of words i and j, or 0 up to `min_cosine`, raised to the exponent (Sidorov et al. 2014; Charlet & Damnati
    2017). All pairs of words count; gensim keeps the 100 most similar words of each.

    Parameters
    ----------
    words : Space
        Word vectors. Texts are tokenised as its words were; unknown words are left out.
    corpus : Corpus or list of str, optional
        The texts that `search` finds.
    weights : {"count", "tfidf"}, optional
        How often a word stands in a text, or that multiplied by ``log((1 + n) / (1 + df)) + 1``, of which df of the n
        texts of the corpus have it, as in scikit-learn's ``TfidfVectorizer``. By default ``"tfidf"`` where there is a
        corpus.
    min_cosine : float
        From 0 to 1: words whose cosine isn't above it have nothing in common (gensim's ``threshold``).
    exponent : float
        Above 0.
    tokenizer : {"fast", "cased", "icu", "whitespace", "spacy:LANG"}, optional
        As in `WordAverage`.

    Examples
    --------
    >>> import semspace as ss
    >>> words = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 0], [0.8, 0.6], [0, 1]])
    >>> soft = ss.SoftCosine(words, ["a dog", "a car"])
    >>> round(soft.similarity("the cat", "a dog"), 2), soft.similarity("the cat", "a car")
    (0.64, 0.0)
    >>> soft.search("a cat", k=1).ids
    ('0',)
    """

    weights: str | None = field(default=None, kw_only=True)
    min_cosine: float = field(default=0.0, kw_only=True)
    exponent: float = field(default=2.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights is None:
            object.__setattr__(self, "weights", WEIGHTS[self.corpus is not None])
        checks.choice("weights", self.weights, WEIGHTS)
        checks.number("min_cosine", self.min_cosine, high=1.0)
        checks.number("exponent", self.exponent, open_low=True)
        if self.weights == "tfidf" and self.corpus is None:
            raise InputError("weights='tfidf' needs the texts that it counts; give a corpus, or weights='count'")

    def similarity(self, a: Text, b: Text) -> float:
        """Return the soft cosine of two texts, each a string or a list of words, from 0 to 1.

        Raises
        ------
        InputError
            If a text has no known word.
        """
        bags = [self._bag(a, "the text"), self._bag(b, "the other text")]
        weights, points = [self._weights(*bag[:2]) for bag in bags], [bag[2] for bag in bags]
        lengths = [_length(w, p, self) for w, p in zip(weights, points, strict=True)]
        product = weights[0] @ self._shared(points[0], points[1]) @ weights[1]
        return min(float(product / (lengths[0] * lengths[1])), 1.0)

    def search(self, query: Text | None = None, k: int = 10, *, id: str | None = None) -> Neighbors:
        """Find the `k` texts of the corpus of the highest soft cosine; all are compared.

        The first search computes the lengths of all texts, which later ones use.

        Parameters
        ----------
        query : str or list of str
            A text, or its words.
        k : int
        id : str, optional
            Instead of `query`: a text of the corpus, which isn't found itself.

        Raises
        ------
        InputError
            If there is no corpus, or the query has no known word.
        """
        checks.whole("k", k)
        texts = self._texts
        asked, skip = text_of(texts.corpus, query, id)
        rows, counts, points = self._bag(asked, "the query")
        weights = self._weights(rows, counts)
        of_words = weights @ self._shared(points, texts.points)
        bags = texts.bags
        products = np.add.reduceat(of_words[bags.positions] * self._text_weights, bags.starts[:-1][texts.has_words])
        cosines = np.minimum(products / (self._text_lengths[texts.has_words] * _length(weights, points, self)), 1.0)
        scores = np.full(len(bags), -np.inf)
        scores[texts.has_words] = cosines
        scores[~texts.may_be_found(skip)] = -np.inf
        return as_neighbors(texts.corpus, asked, scores, k, METRIC)

    def _shared(self, a: Floats2d, b: Floats2d) -> Floats2d:
        """Return ``S`` between the words of two matrices of unit vectors, shape (n, m)."""
        cosines = np.clip(a @ b.T, 0, 1)
        shared: Floats2d = np.where(cosines > self.min_cosine, cosines, 0) ** np.float32(self.exponent)
        return shared

    def _weights(self, rows: Ints1d, counts: Ints1d) -> Doubles1d:
        """Return the weights of some words of a text."""
        if self.weights == "count":
            return counts.astype(np.float64)
        used = self._texts.bags.used
        at = np.minimum(np.searchsorted(used, rows), len(used) - 1)
        in_texts = np.where(used[at] == rows, self._texts.bags.texts_with()[at], 0)
        weights: Doubles1d = counts * (np.log((1 + len(self._texts.bags)) / (1 + in_texts)) + 1)
        return weights

    @cached_property
    def _text_weights(self) -> Doubles1d:
        """The weights of the words of all texts, one text after the other."""
        return self._weights(self._texts.bags.words, self._texts.bags.counts)

    @cached_property
    def _text_lengths(self) -> Doubles1d:
        """``√(bᵀ S b)`` of each text; 0 without known words."""
        bags, points = self._texts.bags, self._texts.points
        lengths = np.zeros(len(bags))
        for text in track(range(len(bags)), "measuring texts", len(bags), unit="text"):
            inside = slice(bags.starts[text], bags.starts[text + 1])
            if inside.start < inside.stop:
                lengths[text] = _length(self._text_weights[inside], points[bags.positions[inside]], self)
        return lengths


def _length(weights: Doubles1d, points: Floats2d, measure: SoftCosine) -> float:
    """Return ``√(aᵀ S a)``; a word is equal to itself, whatever rounding says."""
    shared = measure._shared(points, points)
    np.fill_diagonal(shared, 1.0)
    return float(np.sqrt(weights @ shared @ weights))
