"""Compiled hash table of words and their ids: open addressing, linear probing, equal hashes compared by bytes."""

import numpy as np

from semspace.kernels.compiling import compiled_strictly, inlined
from semspace.kernels.hashing import fnv1a
from semspace.types import Bytes1d, Int32s1d, Ints1d, UInt32s1d, UInt64s1d

# Indices of `state`: number of ids ever assigned, of words in the table, of bytes of `word_bytes` in use, of free ids.
GIVEN, ALIVE, USED, SPARE = 0, 1, 2, 3
# Columns of `entries`.
LOCATION, COUNT = 0, 1
_UPPER, _LOWER = np.uint64(0xFFFFFFFF00000000), np.uint64(0xFFFFFFFF)


@inlined
def unpack_location(location: int) -> tuple[int, int]:
    """Return the start and the size of a word from its location in `entries`."""
    return location >> 32, location & 0xFFFFFFFF


@inlined
def _same(word_bytes: Bytes1d, start: int, other: Bytes1d, other_start: int, size: int) -> bool:
    for i in range(size):  # noqa: SIM110  (compiled, a loop is the fast way)
        if word_bytes[start + i] != other[other_start + i]:
            return False
    return True


# An assignment of slices would include a check of shapes that takes seconds to compile.
@inlined
def _copy(source: Bytes1d, start: int, target: Bytes1d, target_start: int, size: int) -> None:
    for i in range(size):
        target[target_start + i] = source[start + i]


@compiled_strictly
def number_words(
    text: Bytes1d,
    text_sizes: UInt32s1d,
    hashes: UInt64s1d,
    first: int,
    text_start: int,
    seen: int,
    room: int,
    state: Ints1d,
    slots: UInt64s1d,
    entries: Ints1d,
    born: Ints1d,
    spare: Int32s1d,
    word_bytes: Bytes1d,
    ids: Int32s1d,
) -> tuple[int, int]:
    """Count words from `first` on, whose bytes start at `text_start`, and assign ids until the table is full.

    Return the first word not counted, and where its bytes start. A slot is 0 if free, else the upper half of the hash
    and id + 1 in the lower half; there is a power of two of slots, more than `room`, the maximum number of words.
    `entries`, shape (ids, 2), holds the location of an id's bytes in `word_bytes` (start * 2**32 + size) and its count,
    next to each other for the cache. `born` holds, for an id that was reused, the first word of the whole text from
    which it has its present meaning.
    """
    mask = np.uint64(len(slots) - 1)
    for word in range(first, len(text_sizes)):
        size, tag = np.int64(text_sizes[word]), hashes[word] & _UPPER
        slot = hashes[word] & mask
        word_id = np.int64(-1)
        while slots[slot]:
            if slots[slot] & _UPPER == tag:
                word_id = np.int64(slots[slot] & _LOWER) - 1
                start, known_size = unpack_location(entries[word_id, LOCATION])
                if known_size == size and _same(word_bytes, start, text, text_start, size):
                    break
                word_id = np.int64(-1)
            slot = (slot + np.uint64(1)) & mask
        if word_id < 0:
            used = state[USED]
            if state[ALIVE] >= room or used + size > len(word_bytes):
                return word, text_start
            if state[GIVEN] < len(entries):
                word_id = state[GIVEN]
                state[GIVEN] += 1
            else:
                state[SPARE] -= 1
                word_id = np.int64(spare[state[SPARE]])
                born[word_id] = seen + word
            slots[slot] = tag | np.uint64(word_id + 1)
            entries[word_id, LOCATION] = used << 32 | size
            _copy(text, text_start, word_bytes, used, size)
            state[ALIVE] += 1
            state[USED] += size
        entries[word_id, COUNT] += 1
        ids[word] = word_id
        text_start += size
    return len(text_sizes), text_start


@compiled_strictly
def fill_slots(slots: UInt64s1d, entries: Ints1d, word_bytes: Bytes1d, basis: np.uint64) -> None:
    """Insert all ids with a count above 0 into empty `slots`."""
    mask = np.uint64(len(slots) - 1)
    for word_id in range(len(entries)):
        if entries[word_id, COUNT]:
            start, size = unpack_location(entries[word_id, LOCATION])
            state = fnv1a(word_bytes, start, start + size, basis)
            slot = state & mask
            while slots[slot]:
                slot = (slot + np.uint64(1)) & mask
            slots[slot] = state & _UPPER | np.uint64(word_id + 1)


@compiled_strictly
def copy_words(which: Ints1d, entries: Ints1d, word_bytes: Bytes1d, out: Bytes1d) -> None:
    """Write the bytes of some ids to `out`, without gaps."""
    position = 0
    for word_id in which:
        start, size = unpack_location(entries[word_id, LOCATION])
        _copy(word_bytes, start, out, position, size)
        position += size


@compiled_strictly
def count_histogram(entries: Ints1d, histogram: Ints1d) -> None:
    """Count the ids with each count; the last bin is for all higher counts."""
    for word_id in range(len(entries)):
        count = entries[word_id, COUNT]
        if count:
            histogram[min(count, len(histogram) - 1)] += 1


@compiled_strictly
def forget_rare(
    entries: Ints1d, threshold: int, state: Ints1d, word_bytes: Bytes1d, moved: Bytes1d, spare: Int32s1d
) -> None:
    """Remove ids with a count up to `threshold`, and copy the bytes of the others from `word_bytes` to `moved`."""
    alive, used, free = 0, 0, 0
    for word_id in range(len(entries)):
        if entries[word_id, COUNT] <= threshold:
            entries[word_id, COUNT] = 0
            spare[free] = word_id
            free += 1
        else:
            start, size = unpack_location(entries[word_id, LOCATION])
            _copy(word_bytes, start, moved, used, size)
            entries[word_id, LOCATION] = used << 32 | size
            alive, used = alive + 1, used + size
    state[ALIVE], state[USED], state[SPARE] = alive, used, free
