"""The expression `WORD` as a compiled scanner: UTF-8 bytes → words one after the other, with their hashes."""

import numpy as np
import numpy.typing as npt

from semspace.kernels.compiling import compiled_strictly, inlined

Bytes = npt.NDArray[np.uint8]
Sizes = npt.NDArray[np.uint32]
Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

# What a character is, as bits: a letter, a mark, a number, anything that ``\w`` takes, a mark within words. The three
# bits above are the number of a script without spaces, from 1; its letters don't count as `LETTER`.
LETTER, MARK, NUMBER, WORDLIKE, INNER = 1, 2, 4, 8, 16
SCRIPT = 5  # where the number of the script begins
HAN, HIRAGANA, KATAKANA, THAI, LAO, KHMER, MYANMAR = range(1, 8)
_LETTERS = LETTER | MARK
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_HALF = np.uint64(32)
_STOP, _APOSTROPHE = 0x2E, 0x27
_MIDDLE_DOT, _HYPHENATION_POINT, _LONG = 0xB7, 0x2027, 0x30FC  # ー goes on with the kana before it
_AS_THEY_ARE = (0x200C, 0x200D, 0x05F4)  # joiners and gershayim
_STACKING = (0x17D2, 0x1039)  # what puts a letter of Khmer or Myanmar below the one before


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
def _before_vowel(point: int) -> bool:
    """Check for a vowel of Thai or Lao that is written before its consonant."""
    return 0x0E40 <= point <= 0x0E44 or 0x0EC0 <= point <= 0x0EC4


@inlined
def _after_vowel(point: int) -> bool:
    """Check for a vowel of Thai or Lao that is a letter after its consonant."""
    return point in (0x0E30, 0x0E32, 0x0E33, 0x0E45, 0x0EB0, 0x0EB2, 0x0EB3, 0x0EBD)


@compiled_strictly
def _base(data: Bytes, at: int, end: int, kinds: Bytes) -> int:
    """Return the size of a consonant of Thai, Lao, Khmer or Myanmar at a place; 0 if there is none."""
    if at >= end:
        return 0
    point, size = _character(data, at)
    return size if kinds[point] >> SCRIPT >= THAI and not _before_vowel(point) and not _after_vowel(point) else 0


@compiled_strictly
def _unspaced(data: Bytes, at: int, end: int, kinds: Bytes) -> int:
    """Return where the word ends that a letter of a script without spaces begins: `UNSPACED_WORD`."""
    point, size = _character(data, at)
    script, here = kinds[point] >> SCRIPT, at + size
    lone = False
    if script >= THAI:
        first = at
        while _before_vowel(point) and first + size < end:
            first += size
            point, size = _character(data, first)
        size = _base(data, first, end, kinds)
        lone = not size
        here = here if lone else first + size
    while here < end:
        point, size = _character(data, here)
        if script >= THAI and not lone:
            more = _base(data, here + size, end, kinds) if point in _STACKING else 0
            if not more and not kinds[point] & MARK and not _after_vowel(point):
                break
            size += more
        elif (
            not kinds[point] & MARK
            and (lone or point != _LONG)
            and (script != KATAKANA or kinds[point] >> SCRIPT != KATAKANA)
        ):
            break
        here += size
    return here


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
    unspaced: Counts,
) -> tuple[int, int]:
    """Find the words of documents in lower case that lie one after the other in `data`, ending at `ends`.

    `kinds` tells for every code point what it is. The words are written to `letters` one after the other, with ’ and
    its like as ', their sizes in bytes to `sizes`, their hashes to `hashes`, and how many each document has to
    `documents`. The words of each script without spaces are counted in `unspaced`, and in its first place the documents
    that consist of such words for the most part. Returns the number of words and of bytes written; there are never more
    than `data` has bytes.
    """
    at, words, used = 0, 0, 0
    for document in range(len(ends)):
        end, first, own, apart = ends[document], words, used, 0
        while at < end:
            point, size = _character(data, at)
            wanted, script = kinds[point] & (LETTER | NUMBER), kinds[point] >> SCRIPT
            if not wanted and not script:
                at += size
                continue
            start, state, stop = used, basis, at
            if script:
                stop = _unspaced(data, at, end, kinds)
            elif wanted & LETTER and at + size < end and data[at + size] == _STOP:
                stop = _abbreviation(data, at, end, kinds)
            whole = stop > at
            wanted = _LETTERS if wanted & LETTER else NUMBER
            while at < end:
                # `taken` bytes of the text go on with the word.
                byte, taken = data[at], 1
                if whole:
                    if at == stop:
                        break
                elif byte >= 0x80 or not kinds[byte] & wanted:
                    point, taken = _character(data, at)
                    if not kinds[point] & wanted:
                        inner = wanted == _LETTERS and kinds[point] & INNER
                        if not inner or not _starts(data, at + taken, end, kinds):
                            break
                        if point in (_MIDDLE_DOT, _HYPHENATION_POINT):
                            letters[used], letters[used + 1] = 0xC2, 0xB7
                            state = ((state ^ np.uint64(0xC2)) * _PRIME ^ np.uint64(0xB7)) * _PRIME
                            used, at = used + 2, at + taken
                            continue
                        if point not in _AS_THEY_ARE:
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
            if script:
                unspaced[script] += 1
                apart += used - start
        documents[document] = words - first
        unspaced[0] += 2 * apart > used - own
    return words, used


@compiled_strictly
def hash_words(letters: Bytes, sizes: Sizes, basis: np.uint64, hashes: Hashes) -> None:
    """Hash words that lie one after the other in `letters`, as `scan` does."""
    at = 0
    for i in range(len(sizes)):
        hashes[i] = hashed(letters, at, at + np.int64(sizes[i]), basis)
        at += np.int64(sizes[i])
