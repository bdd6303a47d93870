"""The inner loops of subwords, compiled: the n-grams of many words, and means of rows."""

import numpy as np
import numpy.typing as npt

from semspace.kernels.compiling import compiled_strictly
from semspace.types import Floats2d

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]
Whole = npt.NDArray[np.int32]


@compiled_strictly
def count(text: Bytes, starts: Offsets, minn: int, maxn: int, offsets: Offsets) -> None:
    """Set `offsets`, shape (n + 1,), to where the n-grams of each word start in the table to be filled.

    Word ``i``, between its marks ``<`` and ``>``, is ``text[starts[i]:starts[i + 1]]`` in UTF-8.
    """
    offsets[0] = 0
    for i in range(len(starts) - 1):
        characters = 0
        for place in range(starts[i], starts[i + 1]):
            characters += (text[place] & 0xC0) != 0x80
        found = 0
        for n in range(minn, min(maxn, characters) + 1):
            found += characters - n + 1
        if minn == 1:  # the two marks alone say nothing
            found -= 2
        offsets[i + 1] = offsets[i] + found


@compiled_strictly
def fill(text: Bytes, starts: Offsets, minn: int, maxn: int, buckets: int, table: Whole) -> None:
    """Set `table` to the bucket of every n-gram, by where it starts, the shorter first."""
    prime, sign = np.uint32(16777619), np.uint32(0xFFFFFF00)
    size = np.uint32(buckets)
    at = 0
    for i in range(len(starts) - 1):
        first, end = starts[i], starts[i + 1]
        for start in range(first, end):
            if (text[start] & 0xC0) == 0x80:  # in the middle of a character
                continue
            code = np.uint32(2166136261)
            place = start
            for n in range(1, maxn + 1):
                if place == end:
                    break
                while True:  # one character more
                    byte = np.uint32(text[place])
                    # The reference implementation takes bytes as signed, so those of other scripts carry ones above.
                    code = np.uint32((code ^ (byte | sign if byte >= 128 else byte)) * prime)
                    place += 1
                    if place == end or (text[place] & 0xC0) != 0x80:
                        break
                if n >= minn and not (n == 1 and (start == first or place == end)):
                    table[at] = np.int32(code % size)
                    at += 1


@compiled_strictly
def means(offsets: Offsets, rows: Whole, vectors: Floats2d, out: Floats2d, counted: Offsets) -> None:
    """Set ``out[i]`` to the mean of itself and the `vectors` of its rows, ``rows[offsets[i]:offsets[i + 1]]``.

    A row below 0 is passed over. `counted`, shape (n,), says how many vectors ``out[i]`` is the sum of before, and
    afterwards of how many it is the mean; it stays zero where there are none.
    """
    dim = vectors.shape[1]
    total = np.empty(dim, np.float64)
    for i in range(len(offsets) - 1):
        for d in range(dim):
            total[d] = out[i, d]
        for place in range(offsets[i], offsets[i + 1]):
            row = rows[place]
            if row >= 0:
                counted[i] += 1
                for d in range(dim):
                    total[d] += vectors[row, d]
        if counted[i]:
            for d in range(dim):
                out[i, d] = total[d] / counted[i]
