"""The shingles of texts: their runs of five words, hashed.

See Broder (1997), "On the resemblance and containment of documents". Words are those of `FastTokenizer`, so that
punctuation and spacing don't count, and single characters (or syllables) where a script puts no spaces between words.
Hashes have 64 bits and start from a fixed number, so that every run gives the same; a pair of texts has two different
shingles with one hash by chance in less than one of 10**14 pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from semspace.kernels.compiling import compiled_strictly
from semspace.kernels.hashing import FNV_BASIS, mix
from semspace.text.tokenize import FastTokenizer
from semspace.text.tokenize_kernel import hash_words
from semspace.text.word_block import tokenize_block
from semspace.types import Doubles1d, Ints1d, UInt64s1d

WORDS = 5  # in a shingle
_TEXTS_AT_A_TIME = 20_000
_PRIME = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Shingles:
    """The distinct shingles of each of m texts.

    Parameters
    ----------
    hashes : ndarray of uint64
        Those of one text after those of another, in increasing order within a text.
    starts : ndarray of int64, shape (m + 1,)
        Where the shingles of each text begin, and the last ones end. A text without words has none.
    """

    hashes: UInt64s1d
    starts: Ints1d

    @classmethod
    def of(cls, texts: pl.Series) -> Shingles:
        """Compute the shingles of texts; one of fewer than five words has a single shingle, of all its words."""
        all_hashes, sizes = [np.empty(0, np.uint64)], [np.zeros(1, np.int64)]
        for start in range(0, len(texts), _TEXTS_AT_A_TIME):
            words = tokenize_block(texts[start : start + _TEXTS_AT_A_TIME], FastTokenizer())
            word_hashes = np.empty(len(words.sizes), np.uint64)
            hash_words(words.word_bytes, words.sizes, FNV_BASIS, word_hashes)
            hashes, size = np.empty(len(word_hashes), np.uint64), np.empty(len(words.documents), np.int64)
            n_hashes = _hash_shingles(word_hashes, words.documents, hashes, size)
            all_hashes.append(hashes[:n_hashes].copy())
            sizes.append(size)
        return cls(np.concatenate(all_hashes), np.cumsum(np.concatenate(sizes)))

    def overlaps(self, first: Ints1d, second: Ints1d) -> tuple[Doubles1d, Doubles1d]:
        """Return for pairs of texts the Jaccard index of their shingles, and the containment.

        The Jaccard index is the share of all shingles of both that both have; the containment is the share of the
        shingles of the text that has fewer which the other has, too. Both are 0 where a text has none.
        """
        both = np.empty(len(first), np.int64)
        _count_common(self.hashes, self.starts, first, second, both)
        sizes = np.diff(self.starts)
        fewer, more = np.minimum(sizes[first], sizes[second]), np.maximum(sizes[first], sizes[second])
        return both / np.maximum(fewer + more - both, 1), both / np.maximum(fewer, 1)


@compiled_strictly
def _hash_shingles(words: UInt64s1d, documents: Ints1d, hashes: UInt64s1d, sizes: Ints1d) -> int:
    """Write the sorted distinct shingles of each document to `hashes`, their number to `sizes`; return the total."""
    at, n_hashes = 0, 0
    for document in range(len(documents)):
        n, first = documents[document], n_hashes
        width = min(n, WORDS)
        for start in range(n - width + 1 if n else 0):
            state = np.uint64(n if n < WORDS else WORDS)
            for word in range(width):
                state = mix((state ^ words[at + start + word]) * _PRIME)
            hashes[n_hashes] = state
            n_hashes += 1
        at += n
        hashes[first:n_hashes].sort()
        kept = first
        for i in range(first, n_hashes):
            if i == first or hashes[i] != hashes[kept - 1]:
                hashes[kept] = hashes[i]
                kept += 1
        n_hashes = kept
        sizes[document] = n_hashes - first
    return n_hashes


@compiled_strictly
def common(hashes: UInt64s1d, starts: Ints1d, one: int, other: int) -> int:
    """Count the shingles that two texts have in common."""
    i, i_end, j, j_end = starts[one], starts[one + 1], starts[other], starts[other + 1]
    both = 0
    while i < i_end and j < j_end:
        a, b = hashes[i], hashes[j]
        both += a == b
        i += a <= b
        j += b <= a
    return both


@compiled_strictly
def _count_common(hashes: UInt64s1d, starts: Ints1d, first: Ints1d, second: Ints1d, both: Ints1d) -> None:
    for pair in range(len(first)):
        both[pair] = common(hashes, starts, first[pair], second[pair])
