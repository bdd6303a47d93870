"""`VectorTable`: words and vectors as a file of another tool gives them, and the `Space` made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.errors import InputError
from semspace.space import Space
from semspace.types import Floats2d
from semspace.words.subwords import SubwordEncoder, Subwords


class VectorTable(NamedTuple):
    """Words and their vectors, not checked yet.

    Parameters
    ----------
    words : n strings
        Bytes that couldn't be decoded stand in them as lone surrogates.
    vectors : ndarray of float32, shape (n, dim)
    counts : ndarray of int64, shape (n,), optional
        How often each word was seen in training.
    subwords, subword_vectors : optional
        The scheme, and one vector for each bucket.
    """

    words: list[str]
    vectors: Floats2d
    counts: npt.NDArray[np.int64] | None = None
    subwords: Subwords | None = None
    subword_vectors: Floats2d | None = None


def undecoded(words: list[str]) -> npt.NDArray[np.bool_]:
    """Tell which words hold bytes that couldn't be decoded."""
    try:
        "".join(words).encode()  # the usual case, at once
        return np.zeros(len(words), bool)
    except UnicodeEncodeError:
        return np.array([not word.isascii() and any("\ud800" <= c <= "\udfff" for c in word) for word in words])


def space_of(table: VectorTable, facts: Mapping[str, Any]) -> Space:
    """Make the space of a table.

    What a space can't hold is left out and counted in the provenance: all but the first of ``duplicates``, words whose
    vector is all ``zeros``, which has no direction, and ``undecodable`` words.
    """
    bad = undecoded(table.words)
    words = table.words
    known = [None if one else word for word, one in zip(words, bad, strict=True)] if bad.any() else words
    first = bad | pl.Series(known, dtype=pl.String).is_first_distinct().to_numpy()
    full = table.vectors.any(axis=1)
    left_out = {
        "duplicates": int((~first).sum()),
        "zeros": int((first & ~full & ~bad).sum()),
        "undecodable": int(bad.sum()),
    }
    keep = first & full & ~bad
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
