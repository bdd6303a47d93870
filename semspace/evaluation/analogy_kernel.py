"""The inner loop of analogy questions, compiled."""

import numpy as np

from semspace.kernels.compiling import compiled_strictly
from semspace.types import Int32s1d, Int32s2d, Ints1d, Ints2d


@compiled_strictly
def count_rivals(
    plus: Int32s2d, minus: Int32s2d, terms: Ints2d, barred: Ints2d, start: int, expected: Int32s1d, tolerance: int,
    rivals: Ints1d,
) -> None:  # fmt: skip
    """Count the candidates of a block, rows `start` and following of the vocabulary, that equal the right answers.

    `plus` and `minus` hold the terms of each word used, shape (words used, candidates), scaled to integers: the
    compiler vectorises a maximum of integers, but not one of floats. `terms` are the rows of a, b and c in them, shape
    (q, 3), `barred` the rows of the vocabulary that don't compete, the right answer among them, shape (q, any), -1 for
    none. `expected` are the scores of the right answers. `rivals` counts the candidates whose score is the same within
    `tolerance`, and becomes -1 once one is better. A thread may take some of the questions.
    """
    width = plus.shape[1]
    for q in range(len(terms)):
        if rivals[q] < 0:
            continue
        a, b, c = terms[q, 0], terms[q, 1], terms[q, 2]
        low, high = expected[q] - tolerance, expected[q] + tolerance
        # The maximum is fast; single candidates are looked at only in the few blocks whose maximum is high enough.
        highest = np.int32(-(2**31))
        for j in range(width):
            highest = max(highest, np.int32(plus[b, j] + plus[c, j] - minus[a, j]))
        if highest < low:
            continue
        for j in range(width):
            score = np.int32(plus[b, j] + plus[c, j] - minus[a, j])
            if score < low or _contains(barred[q], start + j):
                continue
            if score > high:
                rivals[q] = -1
                break
            rivals[q] += 1


@compiled_strictly
def _contains(rows: Ints1d, row: int) -> bool:
    for other in rows:  # noqa: SIM110  (the compiler has no any())
        if other == row:
            return True
    return False
