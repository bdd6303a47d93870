"""The distribution of negative samples, and the assignment of words to threads."""

from __future__ import annotations

import numpy as np

from semspace.kernels.compiling import compiled_strictly
from semspace.types import Doubles1d, Int32s1d, Ints1d, UInt32s1d
from semspace.words.training_steps import NoiseDistribution

_POWER = 0.75  # of the counts (Mikolov et al. 2013, section 2.2)


def noise_distribution(counts: Ints1d, low: int) -> NoiseDistribution:
    """Return the distribution of words in rows from `low` on, in proportion to counts to the power 0.75."""
    weights = counts.astype(np.float64) ** _POWER
    threshold, other = _alias_table(weights * (len(weights) / weights.sum()))
    table = threshold.astype(np.uint64) << np.uint64(32) | other.astype(np.uint64)
    return NoiseDistribution(table, low, low + len(counts))


def assign_threads(work: Doubles1d, n: int) -> Int32s1d:
    """Return the thread of each word, so that `n` threads have equal work: each goes to the least loaded so far."""
    return _assign(work, n) if n > 1 else np.zeros(len(work), np.int32)


@compiled_strictly
def _assign(work: Doubles1d, n: int) -> Int32s1d:
    load = np.zeros(n)
    threads = np.empty(len(work), np.int32)
    for word in range(len(work)):
        least = np.argmin(load)
        threads[word] = least
        load[least] += work[word]
    return threads


@compiled_strictly
def _alias_table(weights: Doubles1d) -> tuple[UInt32s1d, Int32s1d]:
    """Return Walker's alias table (1977) for weights whose mean is 1: words above it fill up those below."""
    n = len(weights)
    threshold = np.full(n, np.uint32(2**32 - 1))
    other = np.arange(n, dtype=np.int32)
    small, large = np.empty(n, np.int64), np.empty(n, np.int64)
    n_small, n_large = 0, 0
    remaining = weights.copy()
    for word in range(n):
        if remaining[word] < 1:
            small[n_small] = word
            n_small += 1
        else:
            large[n_large] = word
            n_large += 1
    while n_small and n_large:
        n_small -= 1
        receiver, donor = small[n_small], large[n_large - 1]
        threshold[receiver] = np.uint32(min(remaining[receiver] * 2.0**32, 2.0**32 - 1))
        other[receiver] = donor
        remaining[donor] -= 1 - remaining[receiver]
        if remaining[donor] < 1:
            n_large -= 1
            small[n_small] = donor
            n_small += 1
    return threshold, other
