"""What the training kernels share: random numbers by position, noise words, windows, and the logistic loss."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from semspace.kernels.compiling import compiled, float_of_bits
from semspace.words.row_arithmetic import LANE

Ids = npt.NDArray[np.int32]
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: steps that spread out evenly
_LOW_HALF = np.uint64(0xFFFFFFFF)
MARGIN = 4  # words a kernel looks ahead of its window, to ask for their rows


class Noise(NamedTuple):
    """A distribution over the words ``low`` to ``high``, drawn from in one step by Walker's alias method (1977).

    A draw falls on a word, and stays there if a random uint32 is at most the word's threshold. `table` has one entry a
    word: the threshold in its upper half, the word to go to otherwise in its lower.
    """

    table: npt.NDArray[np.uint64]
    low: int
    high: int


class Text(NamedTuple):
    """Thinned words of the text, and what part of them a kernel is to work on.

    `words` has -1 between documents, and enough of them before and after for a window. `position` is the place in
    the whole corpus of the first, which decides every random choice; `key` stands for seed and epoch.
    """

    words: Ids
    first: int
    last: int
    position: int
    key: int


class Rate(NamedTuple):
    """The learning rate at the first word of a text, and what each word adds to it."""

    start: np.float32
    step: np.float32


@compiled
def mix(number: np.uint64) -> np.uint64:
    """Scramble 64 bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))  # type: ignore[no-any-return]


@compiled
def draw(noise: Noise, number: np.uint64) -> int:
    """Draw a word from 64 random bits."""
    place = ((number >> np.uint64(32)) * np.uint64(len(noise.table))) >> np.uint64(32)
    entry = noise.table[place]
    # Both ways are computed: which it will be can't be foreseen.
    gone = (entry & _LOW_HALF) - place
    moved = np.uint64((number & _LOW_HALF) > (entry >> np.uint64(32)))
    return noise.low + np.int64(place + gone * moved)  # type: ignore[no-any-return]


@compiled
def reach_at(text: Text, i: int, window: int) -> int:
    """Draw how many words to each side of word `i` count, from 1 to `window`."""
    bits = mix(np.uint64(text.key) * np.uint64(31) + GOLDEN * np.uint64(text.position + i)) >> np.uint64(32)
    return 1 + np.int64((bits * np.uint64(window)) >> np.uint64(32))  # type: ignore[no-any-return]


@compiled
def window_around(words: Ids, i: int, reach: int, found: Ids) -> int:
    """Set `found` to the words within `reach` of word `i`, up to the ends of its document; return how many."""
    n = 0
    for j in range(i - 1, i - reach - 1, -1):
        if words[j] < 0:
            break
        found[n] = words[j]
        n += 1
    for j in range(i + 1, i + reach + 1):
        if words[j] < 0:
            break
        found[n] = words[j]
        n += 1
    return n


@compiled
def thin(
    ids: Ids, ends: npt.NDArray[np.int64], keep: npt.NDArray[np.uint32], rows: Ids, text: Text, window: int
) -> int:
    """Thin out frequent words (Mikolov et al. 2013, section 2.3); set ``text.words``, return where they end.

    Word ``w`` stays with probability ``keep[w] / 2**32`` and becomes ``rows[w]``; where that is negative it is left
    out. Documents end before the words `ends`.
    """
    margin = window + MARGIN
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
        bits = mix(np.uint64(text.key) + GOLDEN * np.uint64(text.position + i)) >> np.uint64(32)
        if rows[word] >= 0 and bits <= np.uint64(keep[word]):
            words[n] = rows[word]
            n += 1
    words[n : n + margin] = -1
    return n


@compiled
def logistic(scores: npt.NDArray[np.float32], n: int, gradient: npt.NDArray[np.float32], losses: Any) -> None:
    """Set `gradient` to minus the logistic function of the first `n` scores, and `losses` to its -log(1 - p).

    These are right for noise words; for a word that was there, add 1 to the gradient and take the score off the loss.
    exp(-|x|) is 2**k times a Taylor series on [-ln 2 / 2, ln 2 / 2], and log(1 + e) one in z = e / (2 + e), both to
    about float32's precision.
    """
    one, half = np.float32(1), np.float32(0.5)
    for i in range((n + LANE - 1) // LANE * LANE):  # whole vectors: a few more numbers are sooner done than told apart
        x = scores[i]
        t = -min(abs(x), np.float32(60)) * np.float32(1.4426950408889634)
        k = np.rint(t)
        f = (t - k) * np.float32(0.6931471805599453)
        series = half + f * (
            np.float32(1 / 6) + f * (np.float32(1 / 24) + f * (np.float32(1 / 120) + f / np.float32(720)))
        )
        e = (one + f * (one + f * series)) * float_of_bits((np.int32(k) + np.int32(127)) << np.int32(23))
        p = one / (one + e)
        gradient[i] = -p if x >= 0 else p - one
        z = e / (np.float32(2) + e)
        y = z * z
        series = np.float32(1 / 3) + y * (np.float32(1 / 5) + y * (np.float32(1 / 7) + y * np.float32(1 / 9)))
        losses[i] = np.float32(2) * z * (one + y * series) + max(x, np.float32(0))


@compiled
def blank_repeats(targets: npt.NDArray[np.int64], size: int, blank: int, times: npt.NDArray[np.float32]) -> bool:
    """Let no row be twice among `targets`, whose first is the word that was there; tell whether one was.

    A noise word equal to the first is passed over, as in word2vec.c. One drawn again counts so many `times`, and
    its other places become the row `blank`.
    """
    found = False
    for k in range(1, size):
        for j in range(k):
            found |= targets[k] == targets[j]
    if not found:
        return False
    times[:size] = 1
    for k in range(1, size):
        for j in range(k):
            if targets[k] == targets[j]:
                times[k] = 0
                targets[k] = blank
                if j > 0:
                    times[j] += 1
                break
    return True


@compiled
def aligned(address: int) -> int:
    """Give the next multiple of 64."""
    return (address + 63) // 64 * 64


def room(n: int) -> int:
    """Give how many float32 numbers hold `n` scores and what a store of sixteen runs over."""
    return (n // LANE + 2) * LANE
