"""Which words are drawn as noise, and how often; and how words are shared out among threads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from semspace.kernels.compiling import compiled_strictly
from semspace.words.training_steps import Ids, Noise

Floats = npt.NDArray[np.float64]
_POWER = 0.75  # Mikolov et al. 2013, section 2.2


def noise_of(counts: npt.NDArray[np.int64], low: int) -> Noise:
    """Make the noise of words that lie in rows from `low` on, in proportion to their counts to the power 0.75."""
    weights = counts.astype(np.float64) ** _POWER
    threshold, other = _alias(weights * (len(weights) / weights.sum()))
    return Noise(threshold.astype(np.uint64) << np.uint64(32) | other.astype(np.uint64), low, low + len(counts))


def shares(mass: Floats, n: int) -> Ids:
    """Deal words out to `n` threads, each to the one that has the least so far, so that all have as much to do."""
    return _deal(mass, n) if n > 1 else np.zeros(len(mass), np.int32)


@compiled_strictly
def _deal(mass: Floats, n: int) -> Ids:
    load = np.zeros(n)
    dealt = np.empty(len(mass), np.int32)
    for word in range(len(mass)):
        least = np.argmin(load)
        dealt[word] = least
        load[least] += mass[word]
    return dealt


@compiled_strictly
def _alias(share: Floats) -> tuple[npt.NDArray[np.uint32], Ids]:
    """Build Walker's tables (1977) from shares whose mean is 1: what a word lacks is lent by one that has more."""
    n = len(share)
    threshold = np.full(n, np.uint32(2**32 - 1))
    other = np.arange(n, dtype=np.int32)
    poor, rich = np.empty(n, np.int64), np.empty(n, np.int64)
    poors, riches = 0, 0
    left = share.copy()
    for word in range(n):
        if left[word] < 1:
            poor[poors] = word
            poors += 1
        else:
            rich[riches] = word
            riches += 1
    while poors and riches:
        poors -= 1
        taker, giver = poor[poors], rich[riches - 1]
        threshold[taker] = np.uint32(min(left[taker] * 2.0**32, 2.0**32 - 1))
        other[taker] = giver
        left[giver] -= 1 - left[taker]
        if left[giver] < 1:
            riches -= 1
            poor[poors] = giver
            poors += 1
    return threshold, other
