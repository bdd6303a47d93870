"""The words of all documents as numbers: which word, how many, how many long ones, in how many sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.kernels.compiling import compiled_strictly
from semspace.text.scripts import SCRIPTS, warn_of_unspaced
from semspace.text.sentences import sentence_counts
from semspace.text.text_stream import slice_texts
from semspace.text.tokenize import best_tokenizer
from semspace.text.vocabulary import WordCounter
from semspace.text.word_block import tokenize_block
from semspace.types import Bytes1d, UInt32s1d

Ids = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]
_LONG = 6  # letters that a long word has more than, in LIX
_APOSTROPHE, _STOP = 0x27, 0x2E


@dataclass(frozen=True, eq=False)
class Counted:
    """The words of n documents.

    Parameters
    ----------
    ids : ndarray of int32, shape (words,)
        Which word, from 0, for all documents one after the other.
    offsets : ndarray of int64, shape (n + 1,)
        Document ``i`` is ``ids[offsets[i]:offsets[i + 1]]``.
    long : ndarray of int64, shape (n,)
        Words of more than six letters in each document.
    sentences : ndarray of int64, shape (n,)
        At least 1 where there is a word, else 0.
    different : int
        Different words in all documents; ids lie below it.
    """

    ids: Ids
    offsets: Counts
    long: Counts
    sentences: Counts
    different: int

    @property
    def words(self) -> Counts:
        """Words of each document, shape (n,)."""
        return np.diff(self.offsets)

    def vocabularies(self, of: Counts, corpora: int) -> Counts:
        """Count the different words of each corpus, shape (corpora,); `of` is the corpus of each document."""
        seen = np.zeros((corpora, self.different), np.bool_)
        _mark(self.ids, self.offsets, of, seen)
        counts: Counts = seen.sum(axis=1)
        return counts


def count(texts: pl.Series) -> Counted:
    """Give the words of documents as numbers, as `best_tokenizer` splits them; a missing text has none.

    Of more than three million different words the rarest share numbers, so fewer are counted; see `WordCounter`.
    """
    numbering, splitter = WordCounter(), best_tokenizer()
    ids, sizes, longs, sentences = [], [], [], []
    unspaced = np.zeros(len(SCRIPTS) + 1, np.int64)
    for some in slice_texts(texts.fill_null("")):
        words = tokenize_block(some, splitter)
        ids.append(numbering.add(words))
        sizes.append(words.documents)
        longs.append(_long_words(words.word_bytes, words.sizes, words.documents))
        sentences.append(sentence_counts(some))
        unspaced += words.unspaced
    flat = np.concatenate(ids) if ids else np.empty(0, np.int32)
    offsets = np.concatenate([[0], *sizes]).cumsum().astype(np.int64)
    has_words = np.diff(offsets) > 0
    warn_of_unspaced(unspaced, int(has_words.sum()))
    in_each = np.concatenate(sentences) if sentences else np.empty(0, np.int64)
    long = np.concatenate(longs) if longs else np.empty(0, np.int64)
    return Counted(flat, offsets, long, np.where(has_words, in_each, 0), int(flat.max(initial=-1)) + 1)


@compiled_strictly
def _long_words(letters: Bytes1d, sizes: UInt32s1d, documents: Counts) -> Counts:
    """Count words of more than six letters in each document, shape (n,); digits, stops and apostrophes aren't letters.

    A character of UTF-8 begins with every byte that isn't ``10xxxxxx``.
    """
    found = np.zeros(len(documents), np.int64)
    word, at = 0, 0
    for document in range(len(documents)):
        for _ in range(documents[document]):
            characters = 0
            for place in range(at, at + np.int64(sizes[word])):
                byte = letters[place]
                aside = byte in (_APOSTROPHE, _STOP) or 0x30 <= byte <= 0x39 or (byte & 0xC0) == 0x80
                characters += not aside
            found[document] += characters > _LONG
            at += np.int64(sizes[word])
            word += 1
    return found


@compiled_strictly
def _mark(ids: Ids, offsets: Counts, of: Counts, seen: npt.NDArray[np.bool_]) -> None:
    for document in range(len(of)):
        for place in range(offsets[document], offsets[document + 1]):
            seen[of[document], ids[place]] = True
