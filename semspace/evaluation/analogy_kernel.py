"""The inner loop of analogy questions, compiled."""

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(parallel=True, fastmath=True, cache=True)
def improve(
    plus: npt.NDArray[np.float32],
    minus: npt.NDArray[np.float32],
    terms: npt.NDArray[np.int64],
    questions: npt.NDArray[np.int64],
    start: int,
    best: npt.NDArray[np.float32],
    found: npt.NDArray[np.int64],
) -> None:
    """Better the answers with a block of candidates, rows `start` and following of the vocabulary.

    `plus` and `minus` hold the terms of each word used, shape (words used, candidates); `terms` are the rows
    of a, b and c in them, and `questions` their rows in the vocabulary, both of shape (q, 3). `best` and
    `found` hold the score and row of the best answers so far, and are changed.
    """
    width = plus.shape[1]
    for q in numba.prange(len(terms)):
        away, to_b, to_c = minus[terms[q, 0]], plus[terms[q, 1]], plus[terms[q, 2]]
        # A maximum without its place is computed many candidates at a time; the place is only looked for in
        # the few blocks that hold something better.
        highest = np.float32(-np.inf)
        for j in range(width):
            highest = max(highest, to_b[j] + to_c[j] - away[j])
        if highest <= best[q]:
            continue
        for j in range(width):
            score = to_b[j] + to_c[j] - away[j]
            row = start + j
            if score > best[q] and row != questions[q, 0] and row != questions[q, 1] and row != questions[q, 2]:
                best[q] = score
                found[q] = row
