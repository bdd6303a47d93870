"""Which words and phrases each document holds: what groups are named by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from semspace.clusters.distinct_points import Labels
from semspace.errors import InputError
from semspace.text.phrases import Phrases
from semspace.text.scripts import UNSPACED
from semspace.text.tokens import Tokens

_PHRASE_COUNT = 5
_PHRASE_SCORE = 10.0
# What says nothing of a subject although no list of stop words has it.
_EMPTY = ENGLISH_STOP_WORDS | {
    "said",
    "says",
    "say",
    "don",
    "does",
    "did",
    "didn",
    "isn",
    "wasn",
    "aren",
    "won",
    "can",
    "doesn",
    "couldn",
    "wouldn",
    "just",
    "like",
}
_UNSPACED = f"[{''.join(UNSPACED)}]"  # in scripts without spaces, short words say something
_BETWEEN = "\x1f"  # between the words of a phrase: no word holds it


@dataclass(frozen=True)
class Vocabulary:
    """The words and phrases of documents that can say what a group is about.

    Parameters
    ----------
    words : tuple of V str
        Phrases with spaces. Without English stop words, words of fewer than three letters, and numbers.
    holds : csr_array of float32, shape (n, V)
        1 where a document holds a word, however often: one long document counts once.
    phrases : ndarray of bool, shape (V,)
        Which are phrases.
    """

    words: tuple[str, ...]
    holds: csr_array
    phrases: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, texts: pl.Series) -> Vocabulary:
        """Split texts with the project's tokenizer, and join their phrases (Mikolov et al. 2013)."""
        try:
            tokens = Tokens.from_texts(texts)
        except InputError:  # there is no word in any text
            return cls((), csr_array((len(texts), 0), dtype=np.float32), np.zeros(0, bool))
        book = Phrases(min_count=_PHRASE_COUNT, threshold=_PHRASE_SCORE, connector_words="english", delimiter=_BETWEEN)
        joined = book.train(tokens, progress=False).apply(tokens)
        kept = _telling(joined.vocabulary["word"])
        number = np.cumsum(kept) - 1
        lengths = np.diff(joined.offsets)
        documents = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
        ids = np.asarray(joined.ids)
        telling = kept[ids]
        pairs = np.unique(documents[telling] * max(1, int(kept.sum())) + number[ids[telling]])
        rows, columns = np.divmod(pairs, max(1, int(kept.sum())))
        holds = csr_array((np.ones(len(pairs), np.float32), (rows, columns)), shape=(len(texts), int(kept.sum())))
        words = joined.vocabulary["word"].filter(pl.Series(kept))
        phrases = words.str.contains(_BETWEEN, literal=True).to_numpy()
        return cls(tuple(_shown(words).to_list()), holds, phrases)

    @cached_property
    def documents(self) -> npt.NDArray[np.float64]:
        """How many documents hold each word, shape (V,)."""
        counts: npt.NDArray[np.float64] = np.asarray(self.holds.sum(axis=0), np.float64).ravel()
        return counts

    @cached_property
    def number(self) -> dict[str, int]:
        """The column of each word."""
        return {word: column for column, word in enumerate(self.words)}

    def by_group(self, labels: Labels, k: int) -> csr_array:
        """Count the documents of each group that hold each word, shape (k, V); labels of -1 belong to none."""
        own = np.flatnonzero(labels >= 0)
        member = csr_array((np.ones(len(own), np.float32), (labels[own], own)), shape=(k, len(labels)))
        return csr_array(member @ self.holds)


def _telling(words: pl.Series) -> npt.NDArray[np.bool_]:
    """Tell which words can name a group; a phrase can whose first and last words can."""
    parts = words.str.split(_BETWEEN)
    told = _can_name(parts.list.first()) & _can_name(parts.list.last())
    return told.to_numpy()


def _shown(words: pl.Series) -> pl.Series:
    """Write the words of phrases with spaces between them, but for scripts that put none there."""
    closed = words.str.replace_all(rf"({_UNSPACED}\p{{M}}*){_BETWEEN}({_UNSPACED})", "${1}${2}")
    # Of three words in a row, the middle one was taken for the first pair.
    closed = closed.str.replace_all(rf"({_UNSPACED}\p{{M}}*){_BETWEEN}({_UNSPACED})", "${1}${2}")
    return closed.str.replace_all(_BETWEEN, " ", literal=True)


def _can_name(words: pl.Series) -> pl.Series:
    frame = pl.DataFrame({"word": words}).select(
        ((pl.col("word").str.len_chars() > 2) | pl.col("word").str.contains(_UNSPACED))
        & ~pl.col("word").str.replace("['’](s|t|m|d|re|ve|ll)$", "").is_in(sorted(_EMPTY))
        & ~pl.col("word").str.contains(r"^[\p{N}'’]+$")
    )
    return frame.to_series()
