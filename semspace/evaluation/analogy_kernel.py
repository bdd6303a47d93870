"""The inner loop of analogy questions, compiled."""

import numpy as np
import numpy.typing as npt

from semspace.kernels.compiling import compiled_strictly

Whole = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]


@compiled_strictly
def compete(
    plus: Whole, minus: Whole, terms: Rows, barred: Rows, start: int, wanted: Whole, slack: int, rivals: Rows
) -> None:
    """Count what a block of candidates, rows `start` and following of the vocabulary, has against the wanted answers.

    `plus` and `minus` hold the terms of each word used, shape (words used, candidates), scaled to whole numbers: the
    compiler computes a maximum of whole numbers many at a time, one of floats one by one. `terms` are the rows of a, b
    and c in them, shape (q, 3), `barred` the rows of the vocabulary that can't be the answer, the wanted one among
    them, shape (q, any), -1 for none. `wanted` are the scores of the wanted answers. `rivals` counts the candidates
    that are as good within `slack`, and is -1 once one is better. A thread may take some of the questions.
    """
    width = plus.shape[1]
    for q in range(len(terms)):
        if rivals[q] < 0:
            continue
        a, b, c = terms[q, 0], terms[q, 1], terms[q, 2]
        low, high = wanted[q] - slack, wanted[q] + slack
        # A maximum without its place is the fast part; places are only looked at in the few blocks that need it.
        highest = np.int32(-(2**31))
        for j in range(width):
            highest = max(highest, np.int32(plus[b, j] + plus[c, j] - minus[a, j]))
        if highest < low:
            continue
        for j in range(width):
            score = np.int32(plus[b, j] + plus[c, j] - minus[a, j])
            if score < low or _among(barred[q], start + j):
                continue
            if score > high:
                rivals[q] = -1
                break
            rivals[q] += 1


@compiled_strictly
def _among(rows: Rows, row: int) -> bool:
    for one in rows:  # noqa: SIM110  (the compiler knows no any())
        if one == row:
            return True
    return False
