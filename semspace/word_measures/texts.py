"""`WordMeasure`: what measures by words have in common, and `MeasuredTexts`: the texts that they search."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from semspace import checks
from semspace.errors import InputError
from semspace.neighbors import Neighbors
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.text.corpus import Corpus
from semspace.types import Bools1d, Doubles1d, Floats2d, Ints1d
from semspace.word_measures.bags import Bags, Text, one_bag, unit_vectors
from semspace.words.known_words import KnownWords, tokenizer_name


@dataclass(frozen=True, eq=False)
class MeasuredTexts:
    """The texts of a corpus, and the vectors of their words.

    Parameters
    ----------
    corpus : Corpus
    bags : Bags
    points : ndarray of float32, shape (words used, dim)
        The vectors of the words that any text has.
    """

    corpus: Corpus
    bags: Bags
    points: Floats2d

    @classmethod
    def of(cls, measure: str, corpus: Corpus | None, known: KnownWords, *, normalize: bool = True) -> MeasuredTexts:
        """Count the words of a corpus, or raise `InputError` if there is none, or no text has a known word."""
        if corpus is None:
            raise InputError(f"there are no texts to search; give them: {measure}(words, corpus)")
        bags = Bags.of(corpus.texts.to_list(), known)
        if not len(bags.words):
            raise InputError(
                f"none of the {len(corpus):,} texts has one of the {len(known):,} words of this space; give other "
                f"texts, or word vectors trained on texts of their kind"
            )
        return cls(corpus, bags, unit_vectors(known, bags.used, normalize=normalize))

    @cached_property
    def has_words(self) -> Bools1d:
        """Whether each text has a known word, shape (n,)."""
        has_words: Bools1d = np.diff(self.bags.starts) > 0
        return has_words

    def may_be_found(self, skip: str | None) -> Bools1d:
        """Return which texts have a known word, without the one with the id `skip`."""
        if skip is None:
            return self.has_words
        others: Bools1d = self.has_words & (self.corpus.ids != skip).to_numpy()
        return others


@dataclass(frozen=True, eq=False, repr=False)
class WordMeasure:
    """What measures of texts by their words have in common: a space of words, and the texts that are searched."""

    words: Space
    corpus: Corpus | None = None
    tokenizer: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        words = need_space(type(self).__name__, self.words)
        object.__setattr__(self, "tokenizer", tokenizer_name(words, self.tokenizer))
        given: object = self.corpus  # a list of texts is taken, too
        if given is not None and not isinstance(given, Corpus):
            texts = checks.strings("corpus", given, allowed="texts (strings)")
            object.__setattr__(self, "corpus", Corpus.from_texts(texts))

    def __repr__(self) -> str:
        texts = "" if self.corpus is None else f", {len(self.corpus):,} texts"
        return f"{type(self).__name__}({len(self.words):,} words{texts})"

    @property
    def _is_normalized(self) -> bool:
        """Whether vectors of words are scaled to length 1."""
        return True

    @cached_property
    def _known(self) -> KnownWords:
        return KnownWords(self.words, str(self.tokenizer))

    @cached_property
    def _texts(self) -> MeasuredTexts:
        return MeasuredTexts.of(type(self).__name__, self.corpus, self._known, normalize=self._is_normalized)

    def _bag(self, text: Text, what: str) -> tuple[Ints1d, Ints1d, Floats2d]:
        """Return the known words of a text, their counts and their vectors, or raise `InputError` if it has none."""
        rows, counts = one_bag(text, self._known, what)
        return rows, counts, unit_vectors(self._known, rows, normalize=self._is_normalized)


def text_of(corpus: Corpus, query: Text | None, id: str | None) -> tuple[Text, str | None]:
    """Return the text that is searched with, and the id that must not be found."""
    if (query is None) == (id is None):
        raise InputError("give either a query, or id= of a text of the corpus")
    if id is not None:
        name = checks.id_text(id)
        return corpus[name], name
    assert query is not None
    return query, None


def as_neighbors(corpus: Corpus, query: Text, scores: Doubles1d, k: int, metric: str) -> Neighbors:
    """Return the `k` texts of the highest scores; equal scores are ordered by id, and those of -infinity left out."""
    kth = np.partition(-scores, k - 1)[k - 1] if k <= len(scores) else np.inf
    found = np.flatnonzero((scores > -np.inf) & (-scores <= kth))
    ids = corpus.ids.gather(found).to_numpy()
    chosen = np.lexsort((ids.astype(str), -scores[found]))[:k]
    ids, order = ids[chosen], found[chosen]
    title = query if isinstance(query, str) else " ".join(query)
    shown = pl.DataFrame([column.gather(order) for column in corpus.frame.drop("id").get_columns()])
    return Neighbors(title, tuple(ids.tolist()), checks.frozen(scores[order].astype(np.float32)), metric, shown)
