"""`Subwords`: the n-grams of a word's letters, as numbers of buckets; `SubwordEncoder`: unseen words as their means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.bundle import Bundle, Draft, digest
from semspace.display import clip
from semspace.errors import InputError
from semspace.space import fingerprint_of
from semspace.text.tokenize import CasedTokenizer, FastTokenizer
from semspace.types import Floats2d
from semspace.words.bundled_words import read_words, write_words

KIND = "subwords"
_BLOCK = 4_096  # texts encoded at a time
Table = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]


@dataclass(frozen=True)
class Subwords:
    """The subwords of fastText (Bojanowski et al. 2017, arXiv 1607.04606).

    A word is put between marks, ``<word>``, and its subwords are all runs of `minn` to `maxn` characters of
    that, the whole included where it is short enough, and a mark alone left out. They aren't stored: each goes
    to the bucket that its 32-bit FNV-1a hash names, numbered as in the reference implementation.

    Parameters
    ----------
    minn, maxn : int
        Shortest and longest run, in characters.
    buckets : int
        Number of buckets; runs of one bucket share a vector.

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

    def of(self, word: str) -> npt.NDArray[np.int32]:
        """Give the bucket of each subword of a word, by where it starts, the shorter first."""
        return self.table([word])[1]

    def table(self, words: Sequence[str]) -> Table:
        """Give the buckets of many words.

        Parameters
        ----------
        words : n strings

        Returns
        -------
        offsets : ndarray of int64, shape (n + 1,)
        buckets : ndarray of int32, shape (total,)
            Those of word ``i`` are ``buckets[offsets[i]:offsets[i + 1]]``.
        """
        from semspace.words.subword_kernel import count, fill

        read = checks.strings("words", words)
        offsets = np.zeros(len(read) + 1, np.int64)
        if not read:
            return offsets, np.empty(0, np.int32)
        text = np.frombuffer(f"<{'><'.join(read)}>".encode(), np.uint8)
        sizes = pl.Series(read, dtype=pl.String).str.len_bytes().to_numpy()
        starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64) + 2 * np.arange(1, len(read) + 1)])
        count(text, starts, self.minn, self.maxn, offsets)
        buckets = np.empty(offsets[-1], np.int32)
        fill(text, starts, self.minn, self.maxn, self.buckets, buckets)
        return offsets, buckets


@dataclass(frozen=True, eq=False, repr=False)
class SubwordEncoder:
    """Puts unseen words into a space of words: the mean of the vectors of a word's subwords.

    A text of one word gets that word's own vector if it is in the vocabulary, else the mean over its subwords. A text
    of several words gets the mean of the unit vectors of its words, as fastText's `get_sentence_vector`; words without
    any vector are passed over. Where no word of the vocabulary has a capital, texts are lower-cased first.

    Parameters
    ----------
    subwords : Subwords
    vectors : ndarray of float32, shape (rows, dim)
        One for each bucket that has one; zeros are allowed.
    rows : ndarray of int32, shape (rows,), optional
        The buckets the vectors belong to, increasing; all buckets, in order, when None.
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
    rows: npt.NDArray[np.int32] | None = None
    words: Sequence[str] = ()
    word_vectors: Floats2d | None = None

    name = KIND

    def __post_init__(self) -> None:
        vectors = checks.matrix("vectors", self.vectors)
        given = np.empty((0, vectors.shape[1]), np.float32) if self.word_vectors is None else self.word_vectors
        own = checks.matrix("word_vectors", given, dim=vectors.shape[1])
        words = tuple(checks.strings("words", self.words))
        if len(words) != len(own):
            raise InputError(f"words and word_vectors must be of one length; got {len(words)} and {len(own)}")
        _check_finite("vectors", vectors)
        _check_finite("word_vectors", own)
        object.__setattr__(self, "vectors", checks.frozen(vectors))
        object.__setattr__(self, "rows", _checked_rows(self.rows, len(vectors), self.subwords.buckets))
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "word_vectors", checks.frozen(own))

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return int(self.vectors.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides a vector."""
        facts = json.dumps([asdict(self.subwords), self.dim, self.rows is None, self.words]).encode()
        arrays = [array for array in (self.vectors, self.rows, self.word_vectors) if array is not None]
        return digest(facts, *(np.ascontiguousarray(array).data.cast("B") for array in arrays if array.size))

    @cached_property
    def lowercase(self) -> bool:
        """Whether texts are lower-cased first: no word of the vocabulary has a capital."""
        return all(word == word.lower() for word in self.words)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    def __repr__(self) -> str:
        return f"SubwordEncoder({self.subwords!r}, dim={self.dim}, words={len(self.words):,})"

    def encode(self, texts: list[str]) -> Floats2d:
        """Encode words and texts, float32 of shape (n, dim).

        Raises
        ------
        InputError
            If neither a word of a text nor any of its subwords has a vector; it names the text.
        """
        read = checks.strings("texts", texts)
        vectors = np.empty((len(read), self.dim), np.float32)
        for start in range(0, len(read), _BLOCK):
            self._encode_block(read[start : start + _BLOCK], vectors[start : start + _BLOCK])
        return vectors

    # A word is the same whether one asks with it or for it.
    encode_queries = encode_documents = encode

    def _encode_block(self, texts: list[str], out: Floats2d) -> None:
        split = self._split(texts)
        words = {word: row for row, word in enumerate(dict.fromkeys(word for part in split for word in part))}
        vectors = self._word_matrix(list(words))
        sizes = np.linalg.norm(vectors, axis=1)
        for i, part in enumerate(split):
            rows = [row for row in (words[word] for word in part) if sizes[row] > 0]
            if not rows:
                raise InputError(
                    f"no vector for {clip(texts[i], 80)!r}: it isn't among the {len(self.words):,} words known, and "
                    f"none of its subwords was seen in training"
                )
            out[i] = vectors[rows[0]] if len(part) == 1 else (vectors[rows] / sizes[rows, None]).mean(axis=0)

    def _split(self, texts: list[str]) -> list[list[str]]:
        """Give the words of each text: one without a space inside is a word as it stands, others are tokenised."""
        splitter = FastTokenizer() if self.lowercase else CasedTokenizer()
        given = pl.Series([text.strip() for text in texts], dtype=pl.String)
        known = given.str.to_lowercase() if self.lowercase else given
        spelled, tokenised = splitter.prepared(given).to_list(), splitter(given).to_list()
        # A word of another tool counts as it is spelled there.
        own = [a if a in self._places else b for a, b in zip(known, spelled, strict=True)]
        whole = [text in self._places or len(text.split()) == 1 for text in own]
        return [[text] if one else parts for text, one, parts in zip(own, whole, tokenised, strict=True)]

    def _word_matrix(self, words: list[str]) -> Floats2d:
        """Give the vector of each word, seen or unseen; zeros where there is none."""
        from semspace.words.subword_kernel import means

        assert self.word_vectors is not None
        places = np.array([self._places.get(word, -1) for word in words], dtype=np.int64)
        vectors = np.zeros((len(words), self.dim), np.float32)
        vectors[places >= 0] = self.word_vectors[places[places >= 0]]
        unseen = np.flatnonzero(places < 0)
        offsets, buckets = self.subwords.table([words[i] for i in unseen])
        found = np.zeros((len(unseen), self.dim), np.float32)
        means(offsets, self.rows_of(buckets), self.vectors, found, np.zeros(len(unseen), np.int64))
        vectors[unseen] = found
        return vectors

    def rows_of(self, buckets: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Give the row of each bucket's vector; -1 where it has none."""
        if self.rows is None:
            return buckets
        if not len(self.rows):
            return np.full(len(buckets), -1, np.int32)
        places = np.searchsorted(self.rows, buckets)
        places[places == len(self.rows)] = 0
        return np.where(self.rows[places] == buckets, places, -1).astype(np.int32)

    # -- on disk, inside the bundle of a space -----------------------------------------------------------

    def _write_into(self, draft: Draft, fingerprint: str) -> dict[str, Any]:
        """Write the arrays into the bundle of a space with this fingerprint, and return its manifest entries.

        Words and their vectors are only written where they aren't those of the space.
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
    for start in range(0, len(vectors), 65_536):  # in blocks: a mapped matrix may be larger than memory
        bad = np.flatnonzero(~np.isfinite(vectors[start : start + 65_536]).all(axis=1))
        if len(bad):
            raise InputError(f"{name} must be finite; row {start + int(bad[0])} holds NaN or infinity")


def _checked_rows(rows: npt.NDArray[np.int32] | None, count: int, buckets: int) -> npt.NDArray[np.int32] | None:
    if rows is None:
        if count != buckets:
            raise InputError(
                f"vectors must have a row for each of the {buckets:,} buckets; got {count:,}; or give rows"
            )
        return None
    if rows.dtype != np.int32 or rows.shape != (count,):
        raise InputError(f"rows must be int32, one for each of the {count:,} vectors; got {rows.dtype} {rows.shape}")
    if count and not (rows[0] >= 0 and rows[-1] < buckets and (np.diff(rows) > 0).all()):
        raise InputError(f"rows must increase and lie within the {buckets:,} buckets")
    return checks.frozen(rows)
