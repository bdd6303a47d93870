"""`Subwords`: the hashed character n-grams of words; `SubwordEncoder`: vectors of unseen words from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from semspace import checks
from semspace.bundle import Bundle, Draft
from semspace.display import clip
from semspace.errors import InputError
from semspace.files import digest
from semspace.space import fingerprint_of
from semspace.text.tokenize import CasedTokenizer, FastTokenizer
from semspace.types import Floats2d, Int32s1d, Ints1d
from semspace.words.bundled_words import read_words, write_words

KIND = "subwords"
_TEXTS_PER_BLOCK = 4_096
_ROWS_PER_CHECK = 65_536


@dataclass(frozen=True)
class Subwords:
    """The subwords of fastText (Bojanowski et al. 2017, arXiv 1607.04606).

    The subwords of a word are the n-grams of ``<word>``, from `minn` to `maxn` characters, including the whole if it is
    short enough, but not a mark alone. They are hashed to buckets by 32-bit FNV-1a, numbered as in the reference
    implementation.

    Parameters
    ----------
    minn, maxn : int
        Length of the shortest and the longest n-gram, in characters.
    buckets : int
        Number of buckets; n-grams in the same bucket share a vector.

    Examples
    --------
    >>> Subwords(minn=3, maxn=3, buckets=1_000).of("cat").tolist()  # <ca cat at>
    [747, 31, 106]
    """

    minn: int = 3
    maxn: int = 6
    buckets: int = 2_000_000

    def __post_init__(self) -> None:
        checks.whole("minn", self.minn)
        checks.whole("maxn", self.maxn)
        checks.whole("buckets", self.buckets, high=2**31 - 1)
        if self.minn > self.maxn:
            raise InputError(f"minn must be at most maxn; got minn={self.minn} and maxn={self.maxn}")

    def of(self, word: str) -> Int32s1d:
        """Return the bucket of each subword of a word, in the order of their starts, the shorter first."""
        return self.table([word])[1]

    def table(self, words: Sequence[str]) -> tuple[Ints1d, Int32s1d]:
        """Return the buckets of several words.

        Parameters
        ----------
        words : n strings

        Returns
        -------
        offsets : ndarray of int64, shape (n + 1,)
        buckets : ndarray of int32, shape (total,)
            Those of word ``i`` are ``buckets[offsets[i]:offsets[i + 1]]``.
        """
        from semspace.words.subword_kernel import count_ngrams, hash_ngrams

        words = checks.strings("words", words)
        offsets = np.zeros(len(words) + 1, np.int64)
        if not words:
            return offsets, np.empty(0, np.int32)
        text = np.frombuffer(f"<{'><'.join(words)}>".encode(), np.uint8)
        sizes = pl.Series(words, dtype=pl.String).str.len_bytes().to_numpy()
        starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64) + 2 * np.arange(1, len(words) + 1)])
        count_ngrams(text, starts, self.minn, self.maxn, offsets)
        buckets = np.empty(offsets[-1], np.int32)
        hash_ngrams(text, starts, self.minn, self.maxn, self.buckets, buckets)
        return offsets, buckets


@dataclass(frozen=True, eq=False, repr=False)
class SubwordEncoder:
    """Encodes unseen words as the mean of the vectors of their subwords.

    A text of one word gets that word's own vector if it is in the vocabulary, otherwise the mean over its subwords. A
    text of several words gets the mean of the unit vectors of its words, like fastText's `get_sentence_vector`; words
    without a vector are skipped. If no word of the vocabulary has a capital, texts are lower-cased first.

    Parameters
    ----------
    subwords : Subwords
    vectors : ndarray of float32, shape (rows, dim)
        The vectors of the buckets; zeros are allowed.
    rows : ndarray of int32, shape (rows,), optional
        The bucket of each vector, increasing; all buckets, in order, if None.
    words : n strings
        The vocabulary.
    word_vectors : ndarray of float32, shape (n, dim)
        Their vectors, as they are in the space.

    Examples
    --------
    >>> subwords = Subwords(minn=3, maxn=3, buckets=10)
    >>> encoder = SubwordEncoder(subwords, np.eye(10, dtype=np.float32))
    >>> subwords.of("at").tolist(), encoder.encode(["at"]).round(1).tolist()
    ([4, 6], [[0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.5, 0.0, 0.0, 0.0]])
    """

    subwords: Subwords
    vectors: Floats2d
    rows: Int32s1d | None = None
    words: Sequence[str] = ()
    word_vectors: Floats2d | None = None

    name = KIND

    def __post_init__(self) -> None:
        vectors = checks.matrix("vectors", self.vectors)
        empty = np.empty((0, vectors.shape[1]), np.float32)
        word_vectors = empty if self.word_vectors is None else self.word_vectors
        word_vectors = checks.matrix("word_vectors", word_vectors, dim=vectors.shape[1])
        words = tuple(checks.strings("words", self.words))
        if len(words) != len(word_vectors):
            raise InputError(
                f"words and word_vectors must have the same length; got {len(words)} and {len(word_vectors)}"
            )
        _check_finite("vectors", vectors)
        _check_finite("word_vectors", word_vectors)
        object.__setattr__(self, "vectors", checks.frozen(vectors))
        object.__setattr__(self, "rows", _checked_rows(self.rows, len(vectors), self.subwords.buckets))
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "word_vectors", checks.frozen(word_vectors))

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return int(self.vectors.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that affects a vector."""
        facts = json.dumps([asdict(self.subwords), self.dim, self.rows is None, self.words]).encode()
        arrays = [array for array in (self.vectors, self.rows, self.word_vectors) if array is not None]
        return digest(facts, *(np.ascontiguousarray(array).data.cast("B") for array in arrays if array.size))

    @cached_property
    def lowercase(self) -> bool:
        """Whether texts are lower-cased first, which they are if no word of the vocabulary has a capital."""
        return all(word == word.lower() for word in self.words)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self.words)}

    def __repr__(self) -> str:
        return f"SubwordEncoder({self.subwords!r}, dim={self.dim}, words={len(self.words):,})"

    def encode(self, texts: list[str] | str) -> Floats2d:
        """Encode words and texts, float32 of shape (n, dim); or one of them, of shape (dim,).

        Raises
        ------
        InputError
            If a text has no word with a vector, of its own or of subwords; the message names the text.
        """
        if isinstance(texts, str):
            vector: Floats2d = self.encode([texts])[0]
            return vector
        texts = checks.strings("texts", texts)
        vectors = np.empty((len(texts), self.dim), np.float32)
        for start in range(0, len(texts), _TEXTS_PER_BLOCK):
            self._encode_block(texts[start : start + _TEXTS_PER_BLOCK], vectors[start : start + _TEXTS_PER_BLOCK])
        return vectors

    # A word is encoded in the same way as a query and as a document.
    encode_queries = encode_documents = encode

    def _encode_block(self, texts: list[str], out: Floats2d) -> None:
        words_of_texts = self._split(texts)
        distinct = dict.fromkeys(word for words in words_of_texts for word in words)
        row_of = {word: row for row, word in enumerate(distinct)}
        vectors = self._word_matrix(list(row_of))
        norms = np.linalg.norm(vectors, axis=1)
        for i, words in enumerate(words_of_texts):
            rows = [row for row in (row_of[word] for word in words) if norms[row] > 0]
            if not rows:
                raise InputError(
                    f"no vector for {clip(texts[i], 80)!r}: it isn't one of the {len(self.words):,} words of the "
                    f"vocabulary, and none of its subwords was seen in training"
                )
            out[i] = vectors[rows[0]] if len(words) == 1 else (vectors[rows] / norms[rows, None]).mean(axis=0)

    def _split(self, texts: list[str]) -> list[list[str]]:
        """Return the words of each text: one without a space is a word as it is, others are tokenised."""
        tokenizer = FastTokenizer() if self.lowercase else CasedTokenizer()
        stripped = pl.Series([text.strip() for text in texts], dtype=pl.String)
        cased = stripped.str.to_lowercase() if self.lowercase else stripped
        normalized, tokenized = tokenizer.prepared(stripped).to_list(), tokenizer(stripped).to_list()
        # A word of another tool may be in the vocabulary in a form that normalisation would change.
        candidates = [a if a in self._index else b for a, b in zip(cased, normalized, strict=True)]
        return [
            [candidate] if candidate in self._index or len(candidate.split()) == 1 else words
            for candidate, words in zip(candidates, tokenized, strict=True)
        ]

    def _word_matrix(self, words: list[str]) -> Floats2d:
        """Return the vector of each word, in the vocabulary or not; zeros if it has none."""
        from semspace.words.subword_kernel import average_rows

        assert self.word_vectors is not None
        indices = np.array([self._index.get(word, -1) for word in words], dtype=np.int64)
        vectors = np.zeros((len(words), self.dim), np.float32)
        vectors[indices >= 0] = self.word_vectors[indices[indices >= 0]]
        unseen = np.flatnonzero(indices < 0)
        offsets, buckets = self.subwords.table([words[i] for i in unseen])
        averages = np.zeros((len(unseen), self.dim), np.float32)
        average_rows(offsets, self.rows_of(buckets), self.vectors, averages, np.zeros(len(unseen), np.int64))
        vectors[unseen] = averages
        return vectors

    def rows_of(self, buckets: Int32s1d) -> Int32s1d:
        """Return the row of each bucket's vector; -1 if it has none."""
        if self.rows is None:
            return buckets
        if not len(self.rows):
            return np.full(len(buckets), -1, np.int32)
        rows = np.searchsorted(self.rows, buckets)
        rows[rows == len(self.rows)] = 0
        return np.where(self.rows[rows] == buckets, rows, -1).astype(np.int32)

    # -- on disk, inside the bundle of a space -----------------------------------------------------------

    def _write_into(self, draft: Draft, fingerprint: str) -> dict[str, Any]:
        """Write the arrays to the bundle of a space with this fingerprint, and return the manifest's entries.

        Words and their vectors are written only if they aren't those of the space.
        """
        assert self.word_vectors is not None
        of_space = fingerprint_of(self.dim, list(self.words), [self.word_vectors]) == fingerprint
        draft.array("encoder-vectors", self.vectors)
        if self.rows is not None:
            draft.array("encoder-buckets", self.rows)
        words = write_words(draft, self.words, self.word_vectors, of_space=of_space)
        return {"kind": KIND, "subwords": asdict(self.subwords), "words": words}


def read_bundle(bundle: Bundle) -> SubwordEncoder:
    """Read the encoder from the opened bundle of a space."""
    facts = bundle.meta.facts("space").facts("encoder")
    subwords = facts.facts("subwords")
    words, word_vectors = read_words(bundle)
    return SubwordEncoder(
        Subwords(**{name: subwords.whole(name, low=1) for name in ("minn", "maxn", "buckets")}),
        bundle.array("encoder-vectors", dtype=np.float32, shape=(None, None)),
        bundle.array("encoder-buckets", dtype=np.int32, shape=(None,)) if bundle.has("encoder-buckets.npy") else None,
        words,
        word_vectors,
    )


def _check_finite(name: str, vectors: Floats2d) -> None:
    for start in range(0, len(vectors), _ROWS_PER_CHECK):  # in blocks: a mapped matrix may be larger than memory
        bad = np.flatnonzero(~np.isfinite(vectors[start : start + _ROWS_PER_CHECK]).all(axis=1))
        if len(bad):
            raise InputError(f"{name} must be finite; row {start + int(bad[0])} holds NaN or infinity")


def _checked_rows(rows: Int32s1d | None, count: int, buckets: int) -> Int32s1d | None:
    if rows is None:
        if count != buckets:
            raise InputError(
                f"vectors must have a row for each of the {buckets:,} buckets; got {count:,}; otherwise give rows"
            )
        return None
    if rows.dtype != np.int32 or rows.shape != (count,):
        raise InputError(f"rows must be int32, one for each of the {count:,} vectors; got {rows.dtype} {rows.shape}")
    if count and not (rows[0] >= 0 and rows[-1] < buckets and (np.diff(rows) > 0).all()):
        raise InputError(f"rows must increase and lie within the {buckets:,} buckets")
    return checks.frozen(rows)
