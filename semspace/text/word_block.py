"""`Words`: the words of a block of documents, flat: their letters one after the other, their sizes and hashes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import polars as pl

from semspace.text.normalization import APOSTROPHES, GERSHAYIM, MIDDLE_DOTS, ZWJ, ZWNJ
from semspace.text.scripts import SCRIPTS, UNSPACED
from semspace.text.tokenize import FastTokenizer, IcuTokenizer, Tokenizer
from semspace.text.tokenize_kernel import (
    INNER,
    LETTER,
    MARK,
    NUMBER,
    SCRIPT,
    WORDLIKE,
    Bytes,
    Counts,
    Hashes,
    Sizes,
    hash_words,
    scan,
)

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
    unspaced : ndarray of int64, shape (8,)
        How many documents consist of scripts without spaces for the most part, then the words of each of `SCRIPTS`, as
        far as the fast tokenizer took them apart.
    """

    letters: Bytes
    sizes: Sizes
    hashes: Hashes
    documents: Counts
    unspaced: Counts = field(default_factory=lambda: np.zeros(len(SCRIPTS) + 1, np.int64))


def flatten(texts: pl.Series, splitter: Tokenizer) -> Words:
    """Split texts into flat words: the fast tokenizer and ICU's compiled, any other through the lists it gives."""
    # Another class may split otherwise, even one that derives from it.
    if type(splitter) is FastTokenizer:
        return _scanned(splitter.prepared(texts), kinds())
    if type(splitter) is IcuTokenizer:
        return _scanned(splitter.prepared(texts), kinds(apart=False))
    return _listed(splitter(texts))


def _scanned(texts: pl.Series, kinds: Bytes) -> Words:
    data, ends = _joined(texts), np.cumsum(texts.str.len_bytes().to_numpy(), dtype=np.int64)
    # As long as can be needed; what isn't written costs no memory.
    letters, sizes, hashes = np.empty_like(data), np.empty(len(data), np.uint32), np.empty(len(data), np.uint64)
    documents, unspaced = np.empty(len(ends), np.int64), np.zeros(len(SCRIPTS) + 1, np.int64)
    words, used = scan(data, ends, kinds, BASIS, letters, sizes, hashes, documents, unspaced)
    return Words(letters[:used], sizes[:words], hashes[:words], documents, unspaced)


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
def kinds(*, apart: bool = True) -> Bytes:
    """Return for every code point what it is, as bits, by the tables of the engine that runs `WORD`.

    With `apart`, the letters of scripts without spaces are told from others, so that they are taken apart.
    """
    table = np.zeros(0x110000, np.uint8)
    points = np.concatenate([np.arange(part.start, part.stop) for part in _ASSIGNED])
    characters = pl.Series(list(map(chr, points.tolist())))
    for bit, name in ((LETTER, r"\p{L}"), (MARK, r"\p{M}"), (NUMBER, r"\p{N}"), (WORDLIKE, r"\w")):
        table[points[characters.str.contains(name).to_numpy()]] |= bit
    for number, script in enumerate(UNSPACED if apart else (), 1):
        own = points[characters.str.contains(rf"[\p{{L}}&&{script}]").to_numpy()]
        table[own] = (table[own] & ~np.uint8(LETTER)) | np.uint8(number << SCRIPT)
    table[[ord(one) for one in f"{APOSTROPHES}{MIDDLE_DOTS}{GERSHAYIM}{ZWNJ}{ZWJ}"]] = INNER
    table.setflags(write=False)
    return table
