"""`VectorTable`: words and vectors read from another tool's file, and the `Space` created from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from semspace.errors import InputError
from semspace.space import Space
from semspace.types import Bools1d, Floats2d, Ints1d
from semspace.words.subwords import SubwordEncoder, Subwords


class VectorTable(NamedTuple):
    """Words and vectors that haven't been checked yet.

    Parameters
    ----------
    words : n strings
        Bytes that couldn't be decoded are lone surrogates.
    vectors : ndarray of float32, shape (n, dim)
    counts : ndarray of int64, shape (n,), optional
        Frequency of each word in the training text.
    subwords, subword_vectors : optional
        The scheme of subwords, and one vector per bucket.
    """

    words: list[str]
    vectors: Floats2d
    counts: Ints1d | None = None
    subwords: Subwords | None = None
    subword_vectors: Floats2d | None = None


def undecodable_words(words: list[str]) -> Bools1d:
    """Return which words hold bytes that couldn't be decoded."""
    try:
        "".join(words).encode()  # the usual case, at once
        return np.zeros(len(words), bool)
    except UnicodeEncodeError:
        return np.array([not word.isascii() and any("\ud800" <= c <= "\udfff" for c in word) for word in words])


def make_space(table: VectorTable, facts: Mapping[str, Any]) -> Space:
    """Create a space from a table.

    Rows that a space can't hold are left out and counted in the provenance: all but the first of ``duplicates``, words
    whose vector is all ``zeros`` and so has no direction, and ``undecodable`` words.
    """
    bad = undecodable_words(table.words)
    words = table.words
    decodable = [None if is_bad else word for word, is_bad in zip(words, bad, strict=True)] if bad.any() else words
    first = bad | pl.Series(decodable, dtype=pl.String).is_first_distinct().to_numpy()
    is_nonzero = table.vectors.any(axis=1)
    left_out = {
        "duplicates": int((~first).sum()),
        "zeros": int((first & ~is_nonzero & ~bad).sum()),
        "undecodable": int(bad.sum()),
    }
    keep = first & is_nonzero & ~bad
    if not keep.any():
        raise InputError(f"no word with a vector in {facts.get('source', 'it')}; check the file")
    vectors, counts = table.vectors, table.counts
    if not keep.all():
        words, vectors = [words[i] for i in np.flatnonzero(keep)], vectors[keep]
        counts = None if counts is None else counts[keep]
        vectors.setflags(write=False)  # fresh, so nobody else holds it
    encoder = None
    if table.subwords is not None and table.subword_vectors is not None:
        encoder = SubwordEncoder(table.subwords, table.subword_vectors, None, words, vectors)
    metadata = None if counts is None else pl.DataFrame({"count": counts})
    return Space(np.array(words, dtype=object), vectors, metadata, encoder, {**facts, **left_out})
