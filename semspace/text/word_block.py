"""`WordBlock`: the words of a block of documents in flat arrays of bytes, sizes and hashes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import polars as pl

from semspace.text.normalization import APOSTROPHES, GERSHAYIM, MIDDLE_DOTS, ZWJ, ZWNJ
from semspace.text.scripts import SCRIPTS, UNSPACED
from semspace.text.tokenize import FastTokenizer, IcuTokenizer, Tokenizer
from semspace.text.tokenize_kernel import INNER, LETTER, MARK, NUMBER, SCRIPT, WORDLIKE, hash_words, scan_words
from semspace.types import Bytes1d, Ints1d, UInt32s1d, UInt64s1d

# Starting value of hashes, drawn in each process, so that nobody can write a text whose words all collide. No result
# depends on it, since words with equal hashes are compared byte by byte.
HASH_SEED = np.uint64(secrets.randbits(64))
# Ranges of assigned code points; a test checks that the others have no class.
_ASSIGNED = (range(1, 0xD800), range(0xE000, 0x34000), range(0xE0000, 0xE1000))


@dataclass(frozen=True)
class WordBlock:
    """The words of a block of documents.

    Parameters
    ----------
    word_bytes : ndarray of uint8
        The words in UTF-8, without gaps.
    sizes : ndarray of uint32, shape (words,)
        Number of bytes of each word.
    hashes : ndarray of uint64, shape (words,)
    documents : ndarray of int64, shape (documents,)
        Number of words of each document.
    unspaced : ndarray of int64, shape (8,)
        Number of documents mostly in scripts without spaces, then the number of words of each of `SCRIPTS` that the
        fast tokenizer split into characters or syllables.
    """

    word_bytes: Bytes1d
    sizes: UInt32s1d
    hashes: UInt64s1d
    documents: Ints1d
    unspaced: Ints1d = field(default_factory=lambda: np.zeros(len(SCRIPTS) + 1, np.int64))


def tokenize_block(texts: pl.Series, splitter: Tokenizer) -> WordBlock:
    """Split texts into words, by compiled code for the fast and the ICU tokenizer, else through lists of words."""
    # Not isinstance: a subclass may split differently.
    if type(splitter) is FastTokenizer:
        return _scanned(splitter.prepared(texts), character_classes())
    if type(splitter) is IcuTokenizer:
        return _scanned(splitter.prepared(texts), character_classes(apart=False))
    return _listed(splitter(texts))


def _scanned(texts: pl.Series, kinds: Bytes1d) -> WordBlock:
    data, ends = _joined(texts), np.cumsum(texts.str.len_bytes().to_numpy(), dtype=np.int64)
    # As long as they can get; pages that aren't written take no memory.
    word_bytes, sizes, hashes = np.empty_like(data), np.empty(len(data), np.uint32), np.empty(len(data), np.uint64)
    documents, unspaced = np.empty(len(ends), np.int64), np.zeros(len(SCRIPTS) + 1, np.int64)
    words, used = scan_words(data, ends, kinds, HASH_SEED, word_bytes, sizes, hashes, documents, unspaced)
    return WordBlock(word_bytes[:used], sizes[:words], hashes[:words], documents, unspaced)


def _listed(lists: pl.Series) -> WordBlock:
    lists = lists.list.drop_nulls()
    flat = lists.explode().drop_nulls()
    # A writable copy, like the arrays of `scan_words`: the kernels are compiled for that type.
    word_bytes, sizes = _joined(flat).copy(), flat.str.len_bytes().to_numpy().astype(np.uint32)
    hashes = np.empty(len(sizes), np.uint64)
    hash_words(word_bytes, sizes, HASH_SEED, hashes)
    return WordBlock(word_bytes, sizes, hashes, lists.list.len().fill_null(0).to_numpy().astype(np.int64))


def _joined(strings: pl.Series) -> Bytes1d:
    data = strings.str.join("").cast(pl.Binary).item() if len(strings) else b""
    return np.frombuffer(data, np.uint8)


@cache
def character_classes(*, apart: bool = True) -> Bytes1d:
    """Return the class of every code point as bits, by the Unicode tables of the regular expression engine.

    With `apart`, letters of scripts without spaces carry the number of their script, so that they are split.
    """
    table = np.zeros(0x110000, np.uint8)
    points = np.concatenate([np.arange(part.start, part.stop) for part in _ASSIGNED])
    characters = pl.Series(list(map(chr, points.tolist())))
    for bit, name in ((LETTER, r"\p{L}"), (MARK, r"\p{M}"), (NUMBER, r"\p{N}"), (WORDLIKE, r"\w")):
        table[points[characters.str.contains(name).to_numpy()]] |= bit
    for number, script in enumerate(UNSPACED if apart else (), 1):
        points_of_script = points[characters.str.contains(rf"[\p{{L}}&&{script}]").to_numpy()]
        table[points_of_script] = (table[points_of_script] & ~np.uint8(LETTER)) | np.uint8(number << SCRIPT)
    table[[ord(mark) for mark in f"{APOSTROPHES}{MIDDLE_DOTS}{GERSHAYIM}{ZWNJ}{ZWJ}"]] = INNER
    table.setflags(write=False)
    return table
