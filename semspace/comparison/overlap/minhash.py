"""Texts that share many shingles, found without comparing all: MinHash and banding.

The smallest of a random hash of all shingles is the same for two texts with the probability of their Jaccard index J
(Broder 1997). Texts that agree in all 3 hashes of at least one of 40 bands are compared (Indyk & Motwani 1998), which
finds a pair with the probability 1 - (1 - J**3)**40.
"""

from __future__ import annotations

import numpy as np

from semspace.comparison.overlap.shingles import Shingles, common
from semspace.comparison.overlap.top_pairs import N_SKIPPED, TopPairs, push_pair
from semspace.kernels.compiling import compiled_strictly
from semspace.kernels.hashing import mix
from semspace.progress import bar
from semspace.types import Bools1d, Floats1d, Ints1d, UInt64s1d, UInt64s2d

BANDS, HASHES_PER_BAND = 40, 3
MAX_PEERS = 500  # texts of another corpus with which each text of a bucket is compared
_SEED = 1997


def find_near_duplicates(
    shingles: Shingles,
    texts: Ints1d,
    corpus_ids: Ints1d,
    *,
    min_overlap: float,
    top_pairs: TopPairs,
    progress: bool = True,
) -> Bools1d:
    """Find pairs of texts of different corpora whose Jaccard index is at least `min_overlap`, and not the same text.

    Parameters
    ----------
    shingles : Shingles
    texts : ndarray of int64, shape (m,)
        Which text each of m documents has.
    corpus_ids : ndarray of int64, shape (m,)
        Their corpora, in increasing order.
    top_pairs : TopPairs
        To which the pairs are added, of numbers from 0 to m - 1.

    Returns
    -------
    ndarray of bool, shape (m,)
        Which documents are in a pair, kept or not.
    """
    keys = band_keys(shingles)[:, texts]
    keys[:, np.diff(shingles.starts)[texts] == 0] = 0  # texts without words are in no bucket
    is_in_pair = np.zeros(len(texts), np.bool_)
    with bar("looking for shared text", BANDS, unit="band", progress=progress) as progress_bar:
        for band in range(BANDS):
            order = np.argsort(keys[band], kind="stable")
            _compare_buckets(
                *(
                    order,
                    keys,
                    band,
                    texts,
                    corpus_ids,
                    shingles.hashes,
                    shingles.starts,
                    min_overlap,
                    MAX_PEERS,
                    is_in_pair,
                ),
                *top_pairs.arrays,
            )
            progress_bar.update(1)
    return is_in_pair


def band_keys(shingles: Shingles) -> UInt64s2d:
    """Return the bucket of each text in each band, shape (bands, texts); texts of one bucket are compared."""
    rng = np.random.default_rng(_SEED)
    # Multiply-shift hashing (Dietzfelbinger et al. 1997): odd factors, and the upper half of what comes out.
    factors = rng.integers(0, 2**64, (2, BANDS * HASHES_PER_BAND), np.uint64) | np.uint64(1)
    keys = np.empty((BANDS, len(shingles.starts) - 1), np.uint64)
    _compute_band_keys(shingles.hashes, shingles.starts, factors[0], factors[1], keys)
    return keys


@compiled_strictly
def _compute_band_keys(
    hashes: UInt64s1d, starts: Ints1d, factors: UInt64s1d, shifts: UInt64s1d, keys: UInt64s2d
) -> None:
    lowest = np.empty(len(factors), np.uint64)
    for text in range(len(starts) - 1):
        lowest[:] = np.uint64(0xFFFFFFFFFFFFFFFF)
        for at in range(starts[text], starts[text + 1]):
            shingle = hashes[at]
            for i in range(len(factors)):
                lowest[i] = min(lowest[i], (shingle * factors[i] + shifts[i]) >> np.uint64(32))
        for band in range(BANDS):
            state = np.uint64(band + 1)
            for i in range(band * HASHES_PER_BAND, (band + 1) * HASHES_PER_BAND):
                state = mix((state ^ lowest[i]) * factors[i])
            keys[band, text] = state | np.uint64(1)  # never 0


@compiled_strictly
def _compare_buckets(
    order: Ints1d, keys: UInt64s2d, band: int, texts: Ints1d, corpus_ids: Ints1d, hashes: UInt64s1d, starts: Ints1d,
    min_overlap: float, max_peers: int, is_in_pair: Bools1d, first: Ints1d, second: Ints1d, scores: Floats1d,
    state: Ints1d, least: Floats1d,
) -> None:  # fmt: skip
    """Compare documents of different corpora that are in one bucket of a band; `order` brings buckets together."""
    bucket_start = 0
    while bucket_start < len(order):
        key = keys[band, order[bucket_start]]
        bucket_end = bucket_start + 1
        while bucket_end < len(order) and keys[band, order[bucket_end]] == key:
            bucket_end += 1
        low = bucket_start
        while key and low < bucket_end and corpus_ids[order[low]] != corpus_ids[order[bucket_end - 1]]:
            high = low + 1  # where the corpora after this one begin
            while corpus_ids[order[high]] == corpus_ids[order[low]]:
                high += 1
            n_own, n_others = high - low, bucket_end - high
            n_peers = min(n_others, -(-max_peers * max(n_own, n_others) // n_own))
            for place in range(n_own):
                a = order[low + place]
                for peer in range(n_peers):
                    b = order[high + (place * n_others // n_own + peer) % n_others]
                    if texts[a] != texts[b] and not _shared_earlier_bucket(keys, band, a, b):
                        overlap = _jaccard(hashes, starts, texts[a], texts[b], min_overlap)
                        if overlap >= min_overlap:
                            is_in_pair[a] = is_in_pair[b] = True
                            push_pair(first, second, scores, state, least, a, b, np.float32(overlap))
                state[N_SKIPPED] += is_in_pair[a] * (n_others - n_peers)  # they may be duplicates, too
            low = high
        bucket_start = bucket_end


@compiled_strictly
def _shared_earlier_bucket(keys: UInt64s2d, band: int, a: int, b: int) -> bool:
    """Check whether two documents were in one bucket of an earlier band."""
    for earlier in range(band):  # noqa: SIM110  (compiled, a loop is the fast way)
        if keys[earlier, a] == keys[earlier, b]:
            return True
    return False


@compiled_strictly
def _jaccard(hashes: UInt64s1d, starts: Ints1d, one: int, other: int, min_overlap: float) -> float:
    """Return the Jaccard index, or 0 if the numbers of shingles alone keep it below `min_overlap`."""
    m, n = starts[one + 1] - starts[one], starts[other + 1] - starts[other]
    if min(m, n) < min_overlap * max(m, n):
        return 0.0
    both = common(hashes, starts, one, other)
    return float(both / (m + n - both))
