"""Short texts that lie inside longer ones, which MinHash can't find: their Jaccard index is small.

If a text of m shingles has a share c of them in another text, then of any ``m - ceil(c * m) + 1`` of its shingles the
other has at least one (the prefix filter of Chaudhuri, Ganti & Kaushik 2006, "A Primitive Operator for Similarity Joins
in Data Cleaning", section 3). So only texts that share one of its rarest shingles are looked at, and none is missed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from semspace.comparison.overlap.shingles import Shingles, common
from semspace.comparison.overlap.top_pairs import LEFT_OUT, Kept, keep
from semspace.kernels.compiling import compiled_strictly
from semspace.types import Floats1d, Ints1d, UInt64s1d

CONTAINED = 0.8
FEWEST = 8  # shingles, or twelve words: a shorter text may be a turn of phrase
_COMMON = 1_000  # a shingle of more texts says little; texts that share only such ones are left out
Rows = npt.NDArray[np.int64]
Narrow = npt.NDArray[np.int32]


def excerpts(shingles: Shingles, lowest: Rows, highest: Rows, kept: Kept) -> None:
    """Find texts that have `CONTAINED` of their shingles, and at least `FEWEST`, in another text.

    Parameters
    ----------
    shingles : Shingles
        Of m different texts.
    lowest, highest : ndarrays of int64, shape (m,)
        The first and the last of the corpora that have the text; two texts only found in the same one are no pair.
    kept : Kept
        Takes the pairs of texts, the shorter first.
    """
    sizes = np.diff(shingles.starts)
    order = np.argsort(shingles.hashes, kind="stable")
    text_of = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)[order]
    rising = shingles.hashes[order]
    new = np.concatenate([[True], rising[1:] != rising[:-1]]) if len(order) else np.empty(0, np.bool_)
    places = np.append(np.flatnonzero(new), len(order))  # where the texts of each different shingle begin
    number = np.empty(len(order), np.int32)
    number[order] = np.cumsum(new, dtype=np.int32) - 1
    _look(
        *(shingles.hashes, shingles.starts, number, places, text_of, lowest, highest, CONTAINED, FEWEST, _COMMON),
        *kept.arrays,
    )


@compiled_strictly
def _look(
    hashes: UInt64s1d, starts: Ints1d, number: Narrow, places: Rows, text_of: Narrow, lowest: Rows, highest: Rows,
    contained: float, fewest: int, most_common: int,
    first: Rows, second: Rows, scores: Floats1d, state: Rows, least: Floats1d,
) -> None:  # fmt: skip
    seen = np.full(len(starts) - 1, -1, np.int64)
    for text in range(len(starts) - 1):
        own = number[starts[text] : starts[text + 1]]
        n = len(own)
        if n < fewest:
            continue
        spread = np.empty(n, np.int64)
        for i in range(n):
            spread[i] = places[own[i] + 1] - places[own[i]]
        asked = n - int(np.ceil(contained * n)) + 1
        for i in np.argsort(spread)[:asked]:
            if spread[i] > most_common:
                state[LEFT_OUT] += 1
                continue
            for at in range(places[own[i]], places[own[i] + 1]):
                other = text_of[at]
                size = starts[other + 1] - starts[other]
                one_corpus = lowest[text] == highest[other] and highest[text] == lowest[other]
                if seen[other] == text or one_corpus or size < n or (size == n and other <= text):
                    continue
                seen[other] = text
                share = common(hashes, starts, text, other) / n
                if share >= contained:
                    keep(first, second, scores, state, least, text, other, np.float32(share))
