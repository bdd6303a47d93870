"""The table that numbers words, compiled: open addressing with linear probing, words told apart by their letters."""

import numpy as np
import numpy.typing as npt

from semspace.kernels.compiling import compiled_strictly, inlined
from semspace.text.tokenize_kernel import Bytes, Counts, Hashes, Sizes, hashed

Ids = npt.NDArray[np.int32]

# Places in `state`: ids ever given, words in the table, bytes of `letters` in use, ids that may be given again.
GIVEN, ALIVE, USED, SPARE = 0, 1, 2, 3
# What `entries` hold for each id.
PLACE, COUNT = 0, 1
_UPPER, _LOWER = np.uint64(0xFFFFFFFF00000000), np.uint64(0xFFFFFFFF)


@inlined
def start_and_size(place: int) -> tuple[int, int]:
    """Take a place of `entries` apart."""
    return place >> 32, place & 0xFFFFFFFF


@inlined
def _same(one: Bytes, start: int, other: Bytes, at: int, size: int) -> bool:
    for i in range(size):  # noqa: SIM110  (compiled, a loop is the fast way)
        if one[start + i] != other[at + i]:
            return False
    return True


# Compiled, an assignment of a slice to a slice brings a check of shapes along that takes seconds to compile.
@inlined
def _copy(one: Bytes, start: int, other: Bytes, at: int, size: int) -> None:
    for i in range(size):
        other[at + i] = one[start + i]


@compiled_strictly
def number(
    text: Bytes,
    text_sizes: Sizes,
    hashes: Hashes,
    first: int,
    at: int,
    seen: int,
    room: int,
    state: Counts,
    slots: Hashes,
    entries: Counts,
    born: Counts,
    spare: Ids,
    letters: Bytes,
    ids: Ids,
) -> tuple[int, int]:
    """Count words from the one at `first`, whose letters start at `at`, and number them until the table has no room.

    Gives the word that had no place, and where its letters start. `slots` hold 0 where they are free, else the upper
    half of the hash beside id + 1; there is a power of two of them, more than `room`, the most words they may take.
    `entries`, of shape (ids, 2), hold the place of an id's `letters` (where they start, times 2**32, and their number)
    and how often it came: side by side, since far reads are what takes the time. `born` holds, for an id given again,
    before which word of the whole text it meant another.
    """
    mask = np.uint64(len(slots) - 1)
    for word in range(first, len(text_sizes)):
        size, tag = np.int64(text_sizes[word]), hashes[word] & _UPPER
        slot = hashes[word] & mask
        found = np.int64(-1)
        while slots[slot]:
            if slots[slot] & _UPPER == tag:
                found = np.int64(slots[slot] & _LOWER) - 1
                start, known = start_and_size(entries[found, PLACE])
                if known == size and _same(letters, start, text, at, size):
                    break
                found = np.int64(-1)
            slot = (slot + np.uint64(1)) & mask
        if found < 0:
            used = state[USED]
            if state[ALIVE] >= room or used + size > len(letters):
                return word, at
            if state[GIVEN] < len(entries):
                found = state[GIVEN]
                state[GIVEN] += 1
            else:
                state[SPARE] -= 1
                found = np.int64(spare[state[SPARE]])
                born[found] = seen + word
            slots[slot] = tag | np.uint64(found + 1)
            entries[found, PLACE] = used << 32 | size
            _copy(text, at, letters, used, size)
            state[ALIVE] += 1
            state[USED] += size
        entries[found, COUNT] += 1
        ids[word] = found
        at += size
    return len(text_sizes), at


@compiled_strictly
def fill(slots: Hashes, entries: Counts, letters: Bytes, basis: np.uint64) -> None:
    """Put every id that has a count into empty `slots`."""
    mask = np.uint64(len(slots) - 1)
    for one in range(len(entries)):
        if entries[one, COUNT]:
            start, size = start_and_size(entries[one, PLACE])
            state = hashed(letters, start, start + size, basis)
            slot = state & mask
            while slots[slot]:
                slot = (slot + np.uint64(1)) & mask
            slots[slot] = state & _UPPER | np.uint64(one + 1)


@compiled_strictly
def gather(which: Counts, entries: Counts, letters: Bytes, out: Bytes) -> None:
    """Write the letters of some ids to `out`, one after the other."""
    at = 0
    for one in which:
        start, size = start_and_size(entries[one, PLACE])
        _copy(letters, start, out, at, size)
        at += size


@compiled_strictly
def tally(entries: Counts, tallied: Counts) -> None:
    """Count how many ids came how often; the last place is for as often or more."""
    for one in range(len(entries)):
        count = entries[one, COUNT]
        if count:
            tallied[min(count, len(tallied) - 1)] += 1


@compiled_strictly
def forget(entries: Counts, threshold: int, state: Counts, letters: Bytes, moved: Bytes, spare: Ids) -> None:
    """Forget ids that came up to `threshold` times, moving the letters of the others from `letters` to `moved`."""
    alive, used, free = 0, 0, 0
    for one in range(len(entries)):
        if entries[one, COUNT] <= threshold:
            entries[one, COUNT] = 0
            spare[free] = one
            free += 1
        else:
            start, size = start_and_size(entries[one, PLACE])
            _copy(letters, start, moved, used, size)
            entries[one, PLACE] = used << 32 | size
            alive, used = alive + 1, used + size
    state[ALIVE], state[USED], state[SPARE] = alive, used, free
