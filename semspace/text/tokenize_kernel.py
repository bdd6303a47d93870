"""Compiled scanner for the regular expression `WORD`: from UTF-8 bytes to concatenated words and their hashes."""

import numpy as np

from semspace.kernels.compiling import compiled_strictly, inlined
from semspace.kernels.hashing import FNV_PRIME, fnv1a, mix
from semspace.types import Bytes1d, Ints1d, UInt32s1d, UInt64s1d

# Bits of a character's class: letter, mark, number, matched by ``\w``, mark within words. The three bits above hold the
# number of a script without spaces, from 1; its letters don't have the bit `LETTER`.
LETTER, MARK, NUMBER, WORDLIKE, INNER = 1, 2, 4, 8, 16
SCRIPT = 5  # first bit of the script's number
HAN, HIRAGANA, KATAKANA, THAI, LAO, KHMER, MYANMAR = range(1, 8)
_LETTERS = LETTER | MARK
_STOP, _APOSTROPHE = 0x2E, 0x27
_MIDDLE_DOT, _HYPHENATION_POINT, _LONG = 0xB7, 0x2027, 0x30FC  # ー continues the kana before it
_AS_THEY_ARE = (0x200C, 0x200D, 0x05F4)  # joiners and gershayim
_STACKING = (0x17D2, 0x1039)  # stacks a letter of Khmer or Myanmar below the one before


@inlined
def _character(data: Bytes1d, position: int) -> tuple[int, int]:
    """Return the code point at a position of valid UTF-8, and its size in bytes."""
    first = np.int64(data[position])
    if first < 0x80:
        return first, 1
    second = np.int64(data[position + 1]) & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | second, 2
    third = np.int64(data[position + 2]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third, 3
    return (first & 0x07) << 18 | second << 12 | third << 6 | (np.int64(data[position + 3]) & 0x3F), 4


@inlined
def _before_vowel(point: int) -> bool:
    """Check whether a code point is a vowel of Thai or Lao that is written before its consonant."""
    return 0x0E40 <= point <= 0x0E44 or 0x0EC0 <= point <= 0x0EC4


@inlined
def _after_vowel(point: int) -> bool:
    """Check whether a code point is a vowel of Thai or Lao that is a letter after its consonant."""
    return point in (0x0E30, 0x0E32, 0x0E33, 0x0E45, 0x0EB0, 0x0EB2, 0x0EB3, 0x0EBD)


@compiled_strictly
def _base(data: Bytes1d, position: int, end: int, kinds: Bytes1d) -> int:
    """Return the size of the consonant of Thai, Lao, Khmer or Myanmar at a position, or 0 if there is none."""
    if position >= end:
        return 0
    point, size = _character(data, position)
    return size if kinds[point] >> SCRIPT >= THAI and not _before_vowel(point) and not _after_vowel(point) else 0


@compiled_strictly
def _unspaced(data: Bytes1d, position: int, end: int, kinds: Bytes1d) -> int:
    """Return the end of the word that starts with a letter of a script without spaces: `UNSPACED_WORD`."""
    point, size = _character(data, position)
    script, stop = kinds[point] >> SCRIPT, position + size
    lone = False
    if script >= THAI:
        first = position
        while _before_vowel(point) and first + size < end:
            first += size
            point, size = _character(data, first)
        size = _base(data, first, end, kinds)
        lone = not size
        stop = stop if lone else first + size
    while stop < end:
        point, size = _character(data, stop)
        if script >= THAI and not lone:
            more = _base(data, stop + size, end, kinds) if point in _STACKING else 0
            if not more and not kinds[point] & MARK and not _after_vowel(point):
                break
            size += more
        elif (
            not kinds[point] & MARK
            and (lone or point != _LONG)
            and (script != KATAKANA or kinds[point] >> SCRIPT != KATAKANA)
        ):
            break
        stop += size
    return stop


@inlined
def _starts(data: Bytes1d, position: int, end: int, kinds: Bytes1d) -> bool:
    """Check whether there is a letter or mark at a position."""
    if position >= end:
        return False
    point, _ = _character(data, position)
    return bool(kinds[point] & _LETTERS)


@compiled_strictly
def _abbreviation(data: Bytes1d, position: int, end: int, kinds: Bytes1d) -> int:
    r"""Return the end of the match of ``\p{L}(?:\.\p{L})+\b``, or `position` if there is none."""
    _, size = _character(data, position)
    stop, before, pairs = position + size, position + size, 0
    while stop + 1 < end and data[stop] == _STOP:
        point, size = _character(data, stop + 1)
        if not kinds[point] & LETTER:
            break
        before, stop, pairs = stop, stop + 1 + size, pairs + 1
    if pairs and stop < end:
        point, _ = _character(data, stop)
        if kinds[point] & WORDLIKE:  # no boundary here; there is one before the last stop
            stop, pairs = before, pairs - 1
    return stop if pairs else position


@compiled_strictly
def scan_words(
    data: Bytes1d,
    ends: Ints1d,
    classes: Bytes1d,
    basis: np.uint64,
    word_bytes: Bytes1d,
    sizes: UInt32s1d,
    hashes: UInt64s1d,
    documents: Ints1d,
    unspaced: Ints1d,
) -> tuple[int, int]:
    """Find the words of lower-cased documents that are concatenated in `data` and end at `ends`.

    `classes` holds the class of every code point. The words are written to `word_bytes` without gaps (with ' for every
    apostrophe), their sizes in bytes to `sizes`, their hashes to `hashes`, and the number of words of each document to
    `documents`. `unspaced` counts the words of each script without spaces; its first entry counts the documents that
    consist mostly of such words. Return the number of words and of bytes written, neither more than ``len(data)``.
    """
    position, words, used = 0, 0, 0
    for document in range(len(ends)):
        end, first, document_start, apart = ends[document], words, used, 0
        while position < end:
            point, size = _character(data, position)
            word_kinds, script = classes[point] & (LETTER | NUMBER), classes[point] >> SCRIPT
            if not word_kinds and not script:
                position += size
                continue
            start, state, stop = used, basis, position
            if script:
                stop = _unspaced(data, position, end, classes)
            elif word_kinds & LETTER and position + size < end and data[position + size] == _STOP:
                stop = _abbreviation(data, position, end, classes)
            whole = stop > position
            word_kinds = _LETTERS if word_kinds & LETTER else NUMBER
            while position < end:
                # `width` bytes of the text continue the word.
                byte, width = data[position], 1
                if whole:
                    if position == stop:
                        break
                elif byte >= 0x80 or not classes[byte] & word_kinds:
                    point, width = _character(data, position)
                    if not classes[point] & word_kinds:
                        inner = word_kinds == _LETTERS and classes[point] & INNER
                        if not inner or not _starts(data, position + width, end, classes):
                            break
                        if point in (_MIDDLE_DOT, _HYPHENATION_POINT):
                            word_bytes[used], word_bytes[used + 1] = 0xC2, 0xB7
                            state = ((state ^ np.uint64(0xC2)) * FNV_PRIME ^ np.uint64(0xB7)) * FNV_PRIME
                            used, position = used + 2, position + width
                            continue
                        if point not in _AS_THEY_ARE:
                            word_bytes[used] = _APOSTROPHE
                            state = (state ^ np.uint64(_APOSTROPHE)) * FNV_PRIME
                            used, position = used + 1, position + width
                            continue
                for i in range(position, position + width):
                    word_bytes[used] = data[i]
                    state = (state ^ np.uint64(data[i])) * FNV_PRIME
                    used += 1
                position += width
            sizes[words] = used - start
            hashes[words] = mix(state)
            words += 1
            if script:
                unspaced[script] += 1
                apart += used - start
        documents[document] = words - first
        unspaced[0] += 2 * apart > used - document_start
    return words, used


@compiled_strictly
def hash_words(word_bytes: Bytes1d, sizes: UInt32s1d, basis: np.uint64, hashes: UInt64s1d) -> None:
    """Write the hashes of words concatenated in `word_bytes`, the same as those of `scan_words`."""
    start = 0
    for i in range(len(sizes)):
        hashes[i] = fnv1a(word_bytes, start, start + np.int64(sizes[i]), basis)
        start += np.int64(sizes[i])
