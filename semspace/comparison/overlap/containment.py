"""Texts contained in longer ones, which MinHash can't find: their Jaccard index is small.

If a text of m shingles has a share c of them in another text, then of any ``m - ceil(c * m) + 1`` of its shingles the
other has at least one (the prefix filter of Chaudhuri, Ganti & Kaushik 2006, "A Primitive Operator for Similarity Joins
in Data Cleaning", section 3). So only texts that share one of its rarest shingles are compared, and none is missed.
"""

from __future__ import annotations

import numpy as np

from semspace.comparison.overlap.shingles import Shingles, common
from semspace.comparison.overlap.top_pairs import N_SKIPPED, TopPairs, push_pair
from semspace.kernels.compiling import compiled_strictly
from semspace.types import Floats1d, Int32s1d, Ints1d, UInt64s1d

CONTAINED = 0.8  # share of the shingles of a text that are in the other
MIN_SHINGLES = 8  # of a contained text: twelve words; a shorter text may be a common phrase
_MAX_FREQUENCY = 1_000  # texts of a shingle; more frequent shingles aren't looked up


def find_contained(shingles: Shingles, lowest: Ints1d, highest: Ints1d, top_pairs: TopPairs) -> None:
    """Find texts that have `CONTAINED` of their shingles, and at least `MIN_SHINGLES`, in another text.

    Parameters
    ----------
    shingles : Shingles
        Of m different texts.
    lowest, highest : ndarrays of int64, shape (m,)
        The first and the last of the corpora that have the text; two texts of the same corpus are no pair.
    top_pairs : TopPairs
        To which the pairs of texts are added, the shorter first.
    """
    sizes = np.diff(shingles.starts)
    order = np.argsort(shingles.hashes, kind="stable")
    text_of = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)[order]
    ordered = shingles.hashes[order]
    is_first = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(order) else np.empty(0, np.bool_)
    group_starts = np.append(np.flatnonzero(is_first), len(order))  # of the texts of each distinct shingle
    shingle_numbers = np.empty(len(order), np.int32)
    shingle_numbers[order] = np.cumsum(is_first, dtype=np.int32) - 1
    _find_contained(
        *(
            shingles.hashes,
            shingles.starts,
            shingle_numbers,
            group_starts,
            text_of,
            lowest,
            highest,
            CONTAINED,
            MIN_SHINGLES,
            _MAX_FREQUENCY,
        ),
        *top_pairs.arrays,
    )


@compiled_strictly
def _find_contained(
    hashes: UInt64s1d, starts: Ints1d, shingle_numbers: Int32s1d, group_starts: Ints1d, text_of: Int32s1d,
    lowest: Ints1d, highest: Ints1d, contained: float, min_shingles: int, max_frequency: int,
    first: Ints1d, second: Ints1d, scores: Floats1d, state: Ints1d, least: Floats1d,
) -> None:  # fmt: skip
    last_seen_by = np.full(len(starts) - 1, -1, np.int64)
    for text in range(len(starts) - 1):
        shingle_ids = shingle_numbers[starts[text] : starts[text + 1]]
        n = len(shingle_ids)
        if n < min_shingles:
            continue
        frequencies = np.empty(n, np.int64)
        for i in range(n):
            frequencies[i] = group_starts[shingle_ids[i] + 1] - group_starts[shingle_ids[i]]
        n_prefix = n - int(np.ceil(contained * n)) + 1
        for i in np.argsort(frequencies)[:n_prefix]:
            if frequencies[i] > max_frequency:
                state[N_SKIPPED] += 1
                continue
            for place in range(group_starts[shingle_ids[i]], group_starts[shingle_ids[i] + 1]):
                other = text_of[place]
                size = starts[other + 1] - starts[other]
                one_corpus = lowest[text] == highest[other] and highest[text] == lowest[other]
                if last_seen_by[other] == text or one_corpus or size < n or (size == n and other <= text):
                    continue
                last_seen_by[other] = text
                share = common(hashes, starts, text, other) / n
                if share >= contained:
                    push_pair(first, second, scores, state, least, text, other, np.float32(share))
