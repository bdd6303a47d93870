"""What the training kernels share: random numbers by position, negative samples, context windows, logistic loss."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from semspace.kernels.compiling import compiled
from semspace.kernels.floats import float_of_bits
from semspace.kernels.simd import LANES
from semspace.types import Floats1d, Int32s1d, Ints1d, UInt32s1d, UInt64s1d

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: multiples of it are evenly spread
_LOW_HALF = np.uint64(0xFFFFFFFF)
LOOKAHEAD = 4  # words beyond the window whose rows a kernel prefetches


class NoiseDistribution(NamedTuple):
    """A distribution over the words ``low`` to ``high``, sampled in one step by Walker's alias method (1977).

    A sample picks a word at random, and keeps it if a random uint32 is at most the word's threshold. `table` has one
    entry for each word: the threshold in its upper half, the word to take otherwise in its lower.
    """

    table: UInt64s1d
    low: int
    high: int


class TextChunk(NamedTuple):
    """Subsampled words of the text, of which a kernel trains on those from `first` to `last`.

    `words` has -1 between documents, and before and after them as far as a window reaches. `position` is the index of
    the first word in the whole text, on which every random choice depends; `key` encodes seed and epoch.
    """

    words: Int32s1d
    first: int
    last: int
    position: int
    key: int


class LearningRate(NamedTuple):
    """The learning rate at the first word of a chunk, and its change from word to word."""

    start: np.float32
    step: np.float32


@compiled
def scramble(number: np.uint64) -> np.uint64:
    """Return 64 random bits for a number (the finaliser of SplitMix64, Steele et al. 2014)."""
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))  # type: ignore[no-any-return]


@compiled
def draw_negative(noise: NoiseDistribution, bits: np.uint64) -> int:
    """Return the word that 64 random bits pick from the noise distribution."""
    index = ((bits >> np.uint64(32)) * np.uint64(len(noise.table))) >> np.uint64(32)
    entry = noise.table[index]
    # Without a branch, which the processor couldn't predict.
    difference = (entry & _LOW_HALF) - index
    replaced = np.uint64((bits & _LOW_HALF) > (entry >> np.uint64(32)))
    return noise.low + np.int64(index + difference * replaced)  # type: ignore[no-any-return]


@compiled
def window_size_at(text: TextChunk, i: int, window: int) -> int:
    """Return the random size of the window around word `i`, from 1 to `window`."""
    bits = scramble(np.uint64(text.key) * np.uint64(31) + GOLDEN * np.uint64(text.position + i)) >> np.uint64(32)
    return 1 + np.int64((bits * np.uint64(window)) >> np.uint64(32))  # type: ignore[no-any-return]


@compiled
def context_of(words: Int32s1d, i: int, size: int, context: Int32s1d) -> int:
    """Set `context` to the words at most `size` from word `i` in its document; return how many there are."""
    n = 0
    for j in range(i - 1, i - size - 1, -1):
        if words[j] < 0:
            break
        context[n] = words[j]
        n += 1
    for j in range(i + 1, i + size + 1):
        if words[j] < 0:
            break
        context[n] = words[j]
        n += 1
    return n


@compiled
def subsample(ids: Int32s1d, ends: Ints1d, thresholds: UInt32s1d, rows: Int32s1d, text: TextChunk, window: int) -> int:
    """Write the words that subsampling keeps (Mikolov et al. 2013, section 2.3) to ``text.words``; return their end.

    Word ``w`` stays with probability ``keep[w] / 2**32`` and becomes ``rows[w]``; where that is negative it is left
    out. Documents end before the words `ends`.
    """
    margin = window + LOOKAHEAD
    words = text.words
    words[:margin] = -1
    n, document = margin, 0
    for i in range(len(ids)):
        while document < len(ends) and ends[document] <= i:
            document += 1
            if words[n - 1] >= 0:
                words[n] = -1
                n += 1
        word = ids[i]
        bits = scramble(np.uint64(text.key) + GOLDEN * np.uint64(text.position + i)) >> np.uint64(32)
        if rows[word] >= 0 and bits <= np.uint64(thresholds[word]):
            words[n] = rows[word]
            n += 1
    words[n : n + margin] = -1
    return n


@compiled
def logistic_loss(scores: Floats1d, n: int, gradients: Floats1d, losses: Any) -> None:
    """Set the losses of the first `n` scores to -log(1 - p), where p is the logistic function, and `gradients` to -p.

    These are right for negative samples; for the true word, add 1 to the gradient and subtract the score from the loss.
    exp(-|x|) is 2**k times a Taylor series on [-ln 2 / 2, ln 2 / 2], and log(1 + e) one in z = e / (2 + e), both with
    about float32's precision.
    """
    one, half = np.float32(1), np.float32(0.5)
    for i in range((n + LANES - 1) // LANES * LANES):  # whole vectors: a loop for the rest would take longer
        x = scores[i]
        t = -min(abs(x), np.float32(60)) * np.float32(1.4426950408889634)
        k = np.rint(t)
        f = (t - k) * np.float32(0.6931471805599453)
        series = half + f * (
            np.float32(1 / 6) + f * (np.float32(1 / 24) + f * (np.float32(1 / 120) + f / np.float32(720)))
        )
        e = (one + f * (one + f * series)) * float_of_bits((np.int32(k) + np.int32(127)) << np.int32(23))
        p = one / (one + e)
        gradients[i] = -p if x >= 0 else p - one
        z = e / (np.float32(2) + e)
        y = z * z
        series = np.float32(1 / 3) + y * (np.float32(1 / 5) + y * (np.float32(1 / 7) + y * np.float32(1 / 9)))
        losses[i] = np.float32(2) * z * (one + y * series) + max(x, np.float32(0))


@compiled
def merge_repeats(targets: Ints1d, size: int, blank: int, multiplicity: Floats1d) -> bool:
    """Leave each row only once among `targets`, whose first is the true word; return whether one was repeated.

    A negative sample equal to the true word is ignored, as in word2vec.c. One drawn several times keeps its first
    position, with that `multiplicity`; the others become the row `blank`.
    """
    repeated = False
    for k in range(1, size):
        for j in range(k):
            repeated |= targets[k] == targets[j]
    if not repeated:
        return False
    multiplicity[:size] = 1
    for k in range(1, size):
        for j in range(k):
            if targets[k] == targets[j]:
                multiplicity[k] = 0
                targets[k] = blank
                if j > 0:
                    multiplicity[j] += 1
                break
    return True


@compiled
def align(address: int) -> int:
    """Return the next multiple of 64."""
    return (address + 63) // 64 * 64


@compiled
def padded_length(n: int) -> int:
    """Return the length of an array for `n` scores that stores of sixteen may overrun."""
    return (n // LANES + 2) * LANES
