"""The expression `WORD` as a compiled scanner: UTF-8 bytes → words one after the other, with their hashes."""

import numpy as np
import numpy.typing as npt

from semspace.compiling import compiled_strictly, inlined

Bytes = npt.NDArray[np.uint8]
Sizes = npt.NDArray[np.uint32]
Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

# What a character is, as bits: a letter, a mark, a number, anything that ``\w`` takes.
LETTER, MARK, NUMBER, WORDLIKE = 1, 2, 4, 8
_LETTERS = LETTER | MARK
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_HALF = np.uint64(32)
_STOP, _APOSTROPHE = 0x2E, 0x27


@inlined
def _character(data: Bytes, at: int) -> tuple[int, int]:
    """Give the code point at a place of sound UTF-8, and its size in bytes."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    second = np.int64(data[at + 1]) & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | second, 2
    third = np.int64(data[at + 2]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third, 3
    return (first & 0x07) << 18 | second << 12 | third << 6 | (np.int64(data[at + 3]) & 0x3F), 4


@inlined
def _apostrophe(data: Bytes, at: int, end: int) -> int:
    """Give the size of the apostrophe at a place, ' or ’; 0 if there is none."""
    if at < end and data[at] == _APOSTROPHE:
        return 1
    if at + 2 < end and data[at] == 0xE2 and data[at + 1] == 0x80 and data[at + 2] == 0x99:
        return 3
    return 0


@inlined
def _starts(data: Bytes, at: int, end: int, kinds: Bytes) -> bool:
    """Tell whether a letter or mark is at a place."""
    if at >= end:
        return False
    point, _ = _character(data, at)
    return bool(kinds[point] & _LETTERS)


@compiled_strictly
def _abbreviation(data: Bytes, at: int, end: int, kinds: Bytes) -> int:
    r"""Give the end of ``\p{L}(?:\.\p{L})+\b``, or `at` if it doesn't match there."""
    _, size = _character(data, at)
    here, before, pairs = at + size, at + size, 0
    while here + 1 < end and data[here] == _STOP:
        point, size = _character(data, here + 1)
        if not kinds[point] & LETTER:
            break
        before, here, pairs = here, here + 1 + size, pairs + 1
    if pairs and here < end:
        point, _ = _character(data, here)
        if kinds[point] & WORDLIKE:  # no boundary here; there is one before the last stop
            here, pairs = before, pairs - 1
    return here if pairs else at


@inlined
def mixed(state: np.uint64) -> np.uint64:
    """Spread what an FNV state holds over all its bits, since tables use the low ones."""
    state = (state ^ (state >> _HALF)) * _MIX
    return state ^ (state >> _HALF)  # type: ignore[no-any-return]


@inlined
def hashed(data: Bytes, start: int, stop: int, basis: np.uint64) -> np.uint64:
    """Hash a run of bytes: FNV-1a (Fowler, Noll, Vo), mixed."""
    state = basis
    for i in range(start, stop):
        state = (state ^ np.uint64(data[i])) * _PRIME
    result: np.uint64 = mixed(state)
    return result


@compiled_strictly
def scan(
    data: Bytes,
    ends: Counts,
    kinds: Bytes,
    basis: np.uint64,
    letters: Bytes,
    sizes: Sizes,
    hashes: Hashes,
    documents: Counts,
) -> tuple[int, int]:
    """Find the words of documents in lower case that lie one after the other in `data`, ending at `ends`.

    `kinds` tells for every code point what it is. The words are written to `letters` one after the other, with ’ as ',
    their sizes in bytes to `sizes`, their hashes to `hashes`, and how many each document has to `documents`. Gives the
    number of words and of bytes written; there are never more than `data` has bytes.
    """
    at, words, used = 0, 0, 0
    for document in range(len(ends)):
        end, first = ends[document], words
        while at < end:
            point, size = _character(data, at)
            wanted = kinds[point] & (_LETTERS | NUMBER)
            if not wanted:
                at += size
                continue
            start, state, stop = used, basis, at
            if wanted & LETTER and at + size < end and data[at + size] == _STOP:
                stop = _abbreviation(data, at, end, kinds)
            whole = stop > at
            wanted = _LETTERS if wanted & _LETTERS else NUMBER
            while at < end:
                # `taken` bytes of the text go on with the word.
                byte, taken = data[at], 1
                if whole:
                    if at == stop:
                        break
                elif byte >= 0x80 or not kinds[byte] & wanted:
                    point, taken = _character(data, at)
                    if not kinds[point] & wanted:
                        taken = _apostrophe(data, at, end) if wanted == _LETTERS else 0
                        if not taken or not _starts(data, at + taken, end, kinds):
                            break
                        letters[used] = _APOSTROPHE
                        state = (state ^ np.uint64(_APOSTROPHE)) * _PRIME
                        used, at = used + 1, at + taken
                        continue
                for i in range(at, at + taken):
                    letters[used] = data[i]
                    state = (state ^ np.uint64(data[i])) * _PRIME
                    used += 1
                at += taken
            sizes[words] = used - start
            hashes[words] = mixed(state)
            words += 1
        documents[document] = words - first
    return words, used


@compiled_strictly
def hash_words(letters: Bytes, sizes: Sizes, basis: np.uint64, hashes: Hashes) -> None:
    """Hash words that lie one after the other in `letters`, as `scan` does."""
    at = 0
    for i in range(len(sizes)):
        hashes[i] = hashed(letters, at, at + np.int64(sizes[i]), basis)
        at += np.int64(sizes[i])
