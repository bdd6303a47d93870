"""The inner loop of analogy questions, compiled."""

import numpy as np
import numpy.typing as npt

from semspace.compiling import compiled_strictly

Whole = npt.NDArray[np.int32]


@compiled_strictly
def improve(
    plus: Whole,
    minus: Whole,
    terms: npt.NDArray[np.int64],
    questions: npt.NDArray[np.int64],
    start: int,
    best: Whole,
    found: npt.NDArray[np.int64],
) -> None:
    """Better the answers with a block of candidates, rows `start` and following of the vocabulary.

    `plus` and `minus` hold the terms of each word used, shape (words used, candidates), scaled to whole numbers: the
    compiler computes a maximum of whole numbers many at a time, one of floats one by one. `terms` are the rows of a, b
    and c in them, and `questions` their rows in the vocabulary, both of shape (q, 3). `best` and `found` hold the score
    and row of the best answers so far, and are changed. A thread may take some of the questions, with their own `best`
    and `found`.
    """
    width = plus.shape[1]
    for q in range(len(terms)):
        a, b, c = terms[q, 0], terms[q, 1], terms[q, 2]
        top, row = best[q], found[q]
        # A maximum without its place is the fast part; the place is only looked for in the few blocks that hold
        # something better.
        highest = top
        for j in range(width):
            highest = max(highest, np.int32(plus[b, j] + plus[c, j] - minus[a, j]))
        if highest == top:
            continue
        own_a, own_b, own_c = questions[q, 0], questions[q, 1], questions[q, 2]
        for j in range(width):
            score = np.int32(plus[b, j] + plus[c, j] - minus[a, j])
            place = start + j
            if score > top and place not in (own_a, own_b, own_c):
                top, row = score, place
        best[q], found[q] = top, row
