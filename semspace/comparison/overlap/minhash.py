"""Texts that share many shingles, found without comparing all: MinHash and banding.

The smallest of a random hash of all shingles is the same for two texts with the probability of their Jaccard index J
(Broder 1997). Texts that agree in all 3 hashes of at least one of 40 bands are compared (Indyk & Motwani 1998), which
finds a pair with the probability 1 - (1 - J**3)**40.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from semspace.comparison.overlap.shingles import Shingles, common
from semspace.comparison.overlap.top_pairs import LEFT_OUT, Kept, keep
from semspace.kernels.compiling import compiled_strictly
from semspace.kernels.hashing import mix
from semspace.progress import bar
from semspace.types import Floats1d, Ints1d, UInt64s1d

BANDS, IN_BAND = 40, 3
# Of a bucket of texts that are all alike, each is compared with about so many of another corpus, not with all.
PEERS = 500
_SEED = 1997
Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def near(shingles: Shingles, texts: Rows, of: Rows, *, min_overlap: float, kept: Kept, progress: bool = True) -> Flags:
    """Find pairs of texts of different corpora whose Jaccard index is at least `min_overlap`, and not the same text.

    Parameters
    ----------
    shingles : Shingles
    texts : ndarray of int64, shape (m,)
        Which text each of m documents has.
    of : ndarray of int64, shape (m,)
        Their corpora, in rising order.
    kept : Kept
        Takes the pairs, of numbers from 0 to m - 1.

    Returns
    -------
    ndarray of bool, shape (m,)
        Which documents are in a pair, kept or not.
    """
    keys = band_keys(shingles)[:, texts]
    keys[:, np.diff(shingles.starts)[texts] == 0] = 0  # texts without words meet nobody
    found = np.zeros(len(texts), np.bool_)
    with bar("looking for shared text", BANDS, unit="band", progress=progress) as shown:
        for band in range(BANDS):
            order = np.argsort(keys[band], kind="stable")
            _meet(
                *(order, keys, band, texts, of, shingles.hashes, shingles.starts, min_overlap, PEERS, found),
                *kept.arrays,
            )
            shown.update(1)
    return found


def band_keys(shingles: Shingles) -> UInt64s1d:
    """Return what texts that are to be compared have in common in a band, shape (bands, texts)."""
    draw = np.random.default_rng(_SEED)
    # Multiply-shift hashing (Dietzfelbinger et al. 1997): odd factors, and the upper half of what comes out.
    factors = draw.integers(0, 2**64, (2, BANDS * IN_BAND), np.uint64) | np.uint64(1)
    keys = np.empty((BANDS, len(shingles.starts) - 1), np.uint64)
    _sign(shingles.hashes, shingles.starts, factors[0], factors[1], keys)
    return keys


@compiled_strictly
def _sign(hashes: UInt64s1d, starts: Ints1d, factors: UInt64s1d, shifts: UInt64s1d, keys: UInt64s1d) -> None:
    lowest = np.empty(len(factors), np.uint64)
    for text in range(len(starts) - 1):
        lowest[:] = np.uint64(0xFFFFFFFFFFFFFFFF)
        for at in range(starts[text], starts[text + 1]):
            shingle = hashes[at]
            for i in range(len(factors)):
                lowest[i] = min(lowest[i], (shingle * factors[i] + shifts[i]) >> np.uint64(32))
        for band in range(BANDS):
            state = np.uint64(band + 1)
            for i in range(band * IN_BAND, (band + 1) * IN_BAND):
                state = mix((state ^ lowest[i]) * factors[i])
            keys[band, text] = state | np.uint64(1)  # never 0


@compiled_strictly
def _meet(
    order: Rows, keys: UInt64s1d, band: int, texts: Rows, of: Rows, hashes: UInt64s1d, starts: Ints1d,
    min_overlap: float, peers: int, found: Flags,
    first: Rows, second: Rows, scores: Floats1d, state: Rows, least: Floats1d,
) -> None:  # fmt: skip
    """Compare documents of different corpora that are in one bucket of a band; `order` brings buckets together."""
    begin = 0
    while begin < len(order):
        key = keys[band, order[begin]]
        end = begin + 1
        while end < len(order) and keys[band, order[end]] == key:
            end += 1
        low = begin
        while key and low < end and of[order[low]] != of[order[end - 1]]:
            high = low + 1  # where the corpora after this one begin
            while of[order[high]] == of[order[low]]:
                high += 1
            many, others = high - low, end - high
            turns = min(others, -(-peers * max(many, others) // many))
            for place in range(many):
                a = order[low + place]
                for turn in range(turns):
                    b = order[high + (place * others // many + turn) % others]
                    if texts[a] != texts[b] and not _met(keys, band, a, b):
                        overlap = _jaccard(hashes, starts, texts[a], texts[b], min_overlap)
                        if overlap >= min_overlap:
                            found[a] = found[b] = True
                            keep(first, second, scores, state, least, a, b, np.float32(overlap))
                state[LEFT_OUT] += found[a] * (others - turns)  # others may be its twins, too
            low = high
        begin = end


@compiled_strictly
def _met(keys: UInt64s1d, band: int, a: int, b: int) -> bool:
    """Tell whether two documents were in one bucket of an earlier band."""
    for earlier in range(band):  # noqa: SIM110  (compiled, a loop is the fast way)
        if keys[earlier, a] == keys[earlier, b]:
            return True
    return False


@compiled_strictly
def _jaccard(hashes: UInt64s1d, starts: Ints1d, one: int, other: int, min_overlap: float) -> float:
    """Give the Jaccard index; 0 where the numbers of shingles alone keep it below `min_overlap`."""
    m, n = starts[one + 1] - starts[one], starts[other + 1] - starts[other]
    if min(m, n) < min_overlap * max(m, n):
        return 0.0
    both = common(hashes, starts, one, other)
    return float(both / (m + n - both))
