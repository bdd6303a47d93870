"""`Words`: the words of a block of documents, flat: their letters one after the other, their sizes and hashes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from semspace.text.scan_kernel import (
    LETTER,
    MARK,
    NUMBER,
    WORDLIKE,
    Bytes,
    Counts,
    Hashes,
    Sizes,
    hash_words,
    scan,
)
from semspace.text.tokenize import FastTokenizer, Tokenizer

# Where hashing starts, drawn anew in each process, so that nobody can write a text whose words all meet in one place
# of a table. No result depends on it, since words with equal hashes are told apart by their letters.
BASIS = np.uint64(secrets.randbits(64))
# Where Unicode has characters; a test asks about all the others, too.
_ASSIGNED = (range(1, 0xD800), range(0xE000, 0x34000), range(0xE0000, 0xE1000))


@dataclass(frozen=True)
class Words:
    """The words of a block of documents.

    Parameters
    ----------
    letters : ndarray of uint8
        The words in UTF-8, one after the other.
    sizes : ndarray of uint32, shape (words,)
        Bytes of each word.
    hashes : ndarray of uint64, shape (words,)
    documents : ndarray of int64, shape (documents,)
        Words of each document.
    """

    letters: Bytes
    sizes: Sizes
    hashes: Hashes
    documents: Counts


def flatten(texts: pl.Series, splitter: Tokenizer) -> Words:
    """Split texts into flat words: `FastTokenizer` compiled, any other through the lists it gives."""
    # Another class may split otherwise, even one that derives from it.
    return _scanned(texts) if type(splitter) is FastTokenizer else _listed(splitter(texts))


def _scanned(texts: pl.Series) -> Words:
    lower = texts.str.to_lowercase()  # in Rust: one letter may become two, and Σ depends on its neighbours
    data, ends = _joined(lower), np.cumsum(lower.str.len_bytes().to_numpy(), dtype=np.int64)
    # As long as can be needed; what isn't written costs no memory.
    letters, sizes, hashes = np.empty_like(data), np.empty(len(data), np.uint32), np.empty(len(data), np.uint64)
    documents = np.empty(len(ends), np.int64)
    words, used = scan(data, ends, kinds(), BASIS, letters, sizes, hashes, documents)
    return Words(letters[:used], sizes[:words], hashes[:words], documents)


def _listed(lists: pl.Series) -> Words:
    lists = lists.list.drop_nulls()
    flat = lists.explode().drop_nulls()
    # A copy that may be written to, as `scan` gives: the kernels are compiled for that alone.
    letters, sizes = _joined(flat).copy(), flat.str.len_bytes().to_numpy().astype(np.uint32)
    hashes = np.empty(len(sizes), np.uint64)
    hash_words(letters, sizes, BASIS, hashes)
    return Words(letters, sizes, hashes, lists.list.len().fill_null(0).to_numpy().astype(np.int64))


def _joined(strings: pl.Series) -> Bytes:
    data = strings.str.join("").cast(pl.Binary).item() if len(strings) else b""
    return np.frombuffer(data, np.uint8)


@cache
def kinds() -> Bytes:
    """Tell for every code point what it is, as bits, by the tables of the engine that runs `WORD`."""
    table = np.zeros(0x110000, np.uint8)
    points = np.concatenate([np.arange(part.start, part.stop) for part in _ASSIGNED])
    characters = pl.Series(list(map(chr, points.tolist())))
    for bit, name in ((LETTER, r"\p{L}"), (MARK, r"\p{M}"), (NUMBER, r"\p{N}"), (WORDLIKE, r"\w")):
        table[points[characters.str.contains(name).to_numpy()]] |= bit
    table.setflags(write=False)
    return table
