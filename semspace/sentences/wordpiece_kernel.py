"""Compiled loops of BERT's tokenizer: characters are normalised, words are found and cut into word pieces."""

from typing import NamedTuple

import numpy as np

from semspace.kernels.compiling import compiled_strictly, inlined
from semspace.kernels.hashing import FNV_PRIME, mix
from semspace.types import Bytes1d, Int32s1d, Ints1d, Ints2d, UInt64s1d

# What a character is: removed, a space, a part of a word, a word of its own, or left to the library.
REMOVED, SPACE, PART, ALONE, LEFT = range(5)
MISSING = -1
BLANK = 0x20


class Characters(NamedTuple):
    """What the first code points are (`kinds`), and what they become in UTF-8.

    Code point c becomes ``replacements[ends[c]:ends[c + 1]]``. ``suspicious[b]`` says whether a special token may begin
    with the byte b.
    """

    kinds: Bytes1d
    replacements: Bytes1d
    ends: Ints1d
    suspicious: Bytes1d


class Pieces(NamedTuple):
    """The pieces of a vocabulary in a hash table with open addressing.

    Piece i is ``data[ends[i]:ends[i + 1]]``, and its token ``ids[i]``. Those from `first_inside` on stand inside a
    word; the hashes of the others start from ``bases[0]``, and theirs from ``bases[1]``. ``slots`` holds the number of
    a piece or `MISSING`, ``keys`` its hash, and `longest` is the length in bytes of the longest piece.
    """

    data: Bytes1d
    ends: Ints1d
    ids: Int32s1d
    first_inside: int
    bases: UInt64s1d
    slots: Int32s1d
    keys: UInt64s1d
    longest: int


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


@compiled_strictly
def fill_slots(
    data: Bytes1d, ends: Ints1d, first_inside: int, bases: UInt64s1d, slots: Int32s1d, keys: UInt64s1d
) -> None:
    """Fill the hash table of `Pieces`, all slots of which hold `MISSING`."""
    mask = np.uint64(len(slots) - 1)
    for i in range(len(ends) - 1):
        state = bases[int(i >= first_inside)]
        for position in range(ends[i], ends[i + 1]):
            state = (state ^ np.uint64(data[position])) * FNV_PRIME
        slot = mix(state) & mask
        while slots[slot] != MISSING:
            slot = (slot + np.uint64(1)) & mask
        slots[slot], keys[slot] = i, state


@compiled_strictly
def _find(word: Bytes1d, start: int, stop: int, state: np.uint64, pieces: Pieces) -> int:
    """Return the number of the piece ``word[start:stop]``, whose hash is `state`; `MISSING` if there is none."""
    mask = np.uint64(len(pieces.slots) - 1)
    slot = mix(state) & mask
    while pieces.slots[slot] != MISSING:
        number = np.int64(pieces.slots[slot])
        begin = pieces.ends[number]
        same = (
            pieces.keys[slot] == state
            and (number >= pieces.first_inside) == (start > 0)
            and pieces.ends[number + 1] - begin == stop - start
        )
        if same:
            for i in range(stop - start):
                if pieces.data[begin + i] != word[start + i]:
                    same = False
                    break
        if same:
            return int(number)
        slot = (slot + np.uint64(1)) & mask
    return MISSING


@compiled_strictly
def _cut(
    word: Bytes1d, size: int, is_long: bool, hashes: UInt64s1d, pieces: Pieces, unknown: int, out: Int32s1d, used: int
) -> int:
    """Write the longest pieces of a word, from left to right, to ``out[used:]``, and return their number.

    If the word is too long, or a part of it has no piece, it is one unknown token.
    """
    if is_long:
        out[used] = unknown
        return 1
    start = count = 0
    while start < size:
        state = pieces.bases[int(start > 0)]
        stop = min(size, start + pieces.longest)
        for position in range(start, stop):
            state = (state ^ np.uint64(word[position])) * FNV_PRIME
            hashes[position] = state
        number = MISSING
        while stop > start:
            if stop == size or (word[stop] & 0xC0) != 0x80:  # not within a character
                number = _find(word, start, stop, hashes[stop - 1], pieces)
                if number != MISSING:
                    break
            stop -= 1
        if number == MISSING:
            out[used] = unknown
            return 1
        out[used + count] = pieces.ids[number]
        count += 1
        start = stop
    return count


@compiled_strictly
def cut_words(
    data: Bytes1d,
    offsets: Ints1d,
    characters: Characters,
    pieces: Pieces,
    unknown: int,
    longest_word: int,
    limit: int,
    out: Int32s1d,
    counts: Ints1d,
    gaps: Ints2d,
) -> tuple[int, int]:
    """Write the tokens of texts to `out`, one text after the other, and their numbers to `counts`.

    Text i is ``data[offsets[i]:offsets[i + 1]]`` in UTF-8; only its first `limit` tokens are written. Words of more
    than `longest_word` characters are unknown.

    What stands between two spaces is left out if it holds a character that isn't in `characters` or is left to the
    library, or a byte with which a special token may begin. Row g of `gaps` says where: its text, its first byte, the
    byte after its last, and the number of tokens in `out` before it. If there are more gaps than rows, the rest of a
    text is one gap. Return the number of tokens and of gaps.
    """
    word = np.empty(max(longest_word, 1) * np.diff(characters.ends).max(), np.uint8)
    hashes = np.empty(len(word), np.uint64)
    total = n_gaps = 0
    for text in range(len(offsets) - 1):
        position, end, first = offsets[text], offsets[text + 1], total
        size = letters = 0  # of the present word, in bytes and in characters
        begun, before = position, total  # after the last space: the position, and the number of tokens
        while position <= end and total - first < limit:
            kind, point, width = SPACE, 0, 1  # the end of a text ends its last word
            if position < end:
                point, width = _character(data, position)
                kind = characters.kinds[point] if point < len(characters.kinds) else LEFT
                if kind == LEFT or characters.suspicious[data[position]]:
                    while position < end and (data[position] != BLANK or n_gaps >= len(gaps) - len(offsets) + text):
                        position += 1
                    gaps[n_gaps] = text, begun, position, before
                    n_gaps, total, size, letters = n_gaps + 1, before, 0, 0
                    kind, point, width = SPACE, 0, 1
            position += width
            begin, stop = characters.ends[point], characters.ends[point + 1]
            if kind == PART:
                letters += 1
                for i in range(begin, stop if letters <= longest_word else begin):
                    word[size] = characters.replacements[i]
                    size += 1
                continue
            if kind == REMOVED:
                continue
            total += _cut(word, size, letters > longest_word, hashes, pieces, unknown, out, total)
            size = letters = 0
            if kind == ALONE:
                for i in range(begin, stop):
                    word[i - begin] = characters.replacements[i]
                total += _cut(word, stop - begin, False, hashes, pieces, unknown, out, total)
            elif point in (BLANK, 0):
                begun, before = position, total
        total = min(total, first + limit)
        counts[text] = total - first
    return total, n_gaps
