"""The inner loops of subwords, compiled: the n-grams of words, and means of their vectors."""

import numpy as np

from semspace.kernels.compiling import compiled_strictly
from semspace.types import Bytes1d, Floats2d, Int32s1d, Ints1d


@compiled_strictly
def count_ngrams(text: Bytes1d, starts: Ints1d, minn: int, maxn: int, offsets: Ints1d) -> None:
    """Set `offsets`, shape (n + 1,), to where the n-grams of each word start in the table of `hash_ngrams`.

    Word ``i``, between its marks ``<`` and ``>``, is ``text[starts[i]:starts[i + 1]]`` in UTF-8.
    """
    offsets[0] = 0
    for i in range(len(starts) - 1):
        characters = 0
        for byte in range(starts[i], starts[i + 1]):
            characters += (text[byte] & 0xC0) != 0x80
        n_grams = 0
        for n in range(minn, min(maxn, characters) + 1):
            n_grams += characters - n + 1
        if minn == 1:  # the two marks alone aren't n-grams
            n_grams -= 2
        offsets[i + 1] = offsets[i] + n_grams


@compiled_strictly
def hash_ngrams(text: Bytes1d, starts: Ints1d, minn: int, maxn: int, buckets: int, table: Int32s1d) -> None:
    """Set `table` to the bucket of every n-gram, in the order of their starts, the shorter first."""
    prime, sign = np.uint32(16777619), np.uint32(0xFFFFFF00)
    size = np.uint32(buckets)
    row = 0
    for i in range(len(starts) - 1):
        first, end = starts[i], starts[i + 1]
        for start in range(first, end):
            if (text[start] & 0xC0) == 0x80:  # in the middle of a character
                continue
            code = np.uint32(2166136261)
            end_of_gram = start
            for n in range(1, maxn + 1):
                if end_of_gram == end:
                    break
                while True:  # add a character
                    byte = np.uint32(text[end_of_gram])
                    # As in the reference implementation, bytes are signed, so those above 127 are extended by ones.
                    code = np.uint32((code ^ (byte | sign if byte >= 128 else byte)) * prime)
                    end_of_gram += 1
                    if end_of_gram == end or (text[end_of_gram] & 0xC0) != 0x80:
                        break
                if n >= minn and not (n == 1 and (start == first or end_of_gram == end)):
                    table[row] = np.int32(code % size)
                    row += 1


@compiled_strictly
def average_rows(offsets: Ints1d, rows: Int32s1d, vectors: Floats2d, out: Floats2d, counts: Ints1d) -> None:
    """Set ``out[i]`` to the mean of itself and the `vectors` of its rows, ``rows[offsets[i]:offsets[i + 1]]``.

    Rows below 0 are skipped. `counts`, shape (n,), holds the number of vectors that ``out[i]`` is the sum of before,
    and the mean of afterwards; ``out[i]`` stays as it is where that is zero.
    """
    dim = vectors.shape[1]
    total = np.empty(dim, np.float64)
    for i in range(len(offsets) - 1):
        for d in range(dim):
            total[d] = out[i, d]
        for j in range(offsets[i], offsets[i + 1]):
            row = rows[j]
            if row >= 0:
                counts[i] += 1
                for d in range(dim):
                    total[d] += vectors[row, d]
        if counts[i]:
            for d in range(dim):
                out[i, d] = total[d] / counts[i]
