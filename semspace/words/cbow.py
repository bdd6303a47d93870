"""CBOW, and models with subwords, compiled: words are predicted from the mean of several rows, a bag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from semspace.kernels.compiling import compiled, kernel_factory
from semspace.kernels.simd import prefetch_to_write
from semspace.words.row_arithmetic import add_difference, mean_row, window_dots, window_update
from semspace.words.training_steps import (
    GOLDEN,
    LOOKAHEAD,
    align,
    context_of,
    draw_negative,
    logistic_loss,
    merge_repeats,
    padded_length,
    scramble,
    window_size_at,
)

_SHARING = 2  # successive words that share their negative samples, in CBOW


@kernel_factory
def bag_kernel(negatives: int, cbow: bool) -> Callable[..., None]:
    """Return the kernel for a number of negative samples, compiled on its first call.

    With `cbow`, a bag holds the pieces of all neighbours of a word, and the word is predicted (Mikolov et al. 2013,
    arXiv 1301.3781, section 3.1); without, it holds the pieces of a word, and each of its neighbours is predicted
    (Bojanowski et al. 2017, arXiv 1607.04606). The pieces of a word are its own row and those of its subwords. As in
    word2vec.c and fastText, each row of a bag gets the whole gradient of their mean.

    The kernel takes what that of `skipgram_kernel` takes, and after the slots the pieces: offsets by word, and rows.
    """
    size = negatives + 1

    @compiled
    def train(
        inputs: Any, slots: Any, pieces: Any, outputs: Any, noise: Any, text: Any, rate: Any, window: int, lanes: int,
        totals: Any,
    ) -> None:  # fmt: skip
        words = text.words
        starts, parts = pieces
        max_pieces = 1
        for w in range(len(starts) - 1):
            max_pieces = max(max_pieces, starts[w + 1] - starts[w])
        in_base, in_stride = np.int64(inputs.ctypes.data), np.int64(inputs.strides[0])
        out_base, out_stride = np.int64(outputs.ctypes.data), np.int64(outputs.strides[0])
        buffer = np.zeros((3 * lanes + 1) * 16, np.float32)
        blank = align(np.int64(buffer.ctypes.data))  # a row of zeros, then the mean before and after
        old, new = blank + 64 * lanes, blank + 128 * lanes
        context = np.empty(2 * window, np.int32)
        bag = np.empty(max_pieces * 2 * window, np.int64)
        hidden = np.array([new])
        targets, current, upcoming = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
        multiplicity = np.ones(size, np.float32)
        scores = np.zeros(padded_length(size), np.float32)
        gradients, losses = np.zeros_like(scores), np.zeros_like(scores)
        bag_at, hidden_at, targets_at = (
            np.int64(bag.ctypes.data),
            np.int64(hidden.ctypes.data),
            np.int64(targets.ctypes.data),
        )
        scores_at, gradients_at = np.int64(scores.ctypes.data), np.int64(gradients.ctypes.data)
        start = np.uint64(text.position + text.first) * GOLDEN
        random_state = scramble(np.uint64(text.key) + np.uint64(noise.low) + start)
        for k in range(1, size):
            random_state += GOLDEN
            upcoming[k] = out_base + draw_negative(noise, scramble(random_state)) * out_stride
        pairs, loss, turn = 0, 0.0, 0
        for i in range(text.first, text.last):
            next_word, entering = words[i + LOOKAHEAD - 1], words[i + window + LOOKAHEAD - 1]
            if noise.low <= next_word < noise.high:
                prefetch_to_write(out_base + np.int64(next_word) * out_stride, lanes)
            if entering >= 0:
                for p in range(starts[entering], starts[entering + 1]):
                    prefetch_to_write(in_base + np.int64(slots[parts[p]]) * in_stride, lanes)
            word = words[i]
            if word < 0 or (cbow and (word < noise.low or word >= noise.high)):
                continue
            n = context_of(words, i, window_size_at(text, i, window), context)
            if not cbow:  # keep those that this thread predicts
                n_kept = 0
                for j in range(n):
                    if noise.low <= context[j] < noise.high:
                        context[n_kept] = context[j]
                        n_kept += 1
                n = n_kept
            if n == 0:
                continue
            n_pieces = 0
            for j in range(n if cbow else 1):
                source = context[j] if cbow else word
                for p in range(starts[source], starts[source + 1]):
                    bag[n_pieces] = in_base + np.int64(slots[parts[p]]) * in_stride
                    n_pieces += 1
            mean_row(bag_at, n_pieces, np.float32(1 / n_pieces), new, lanes)
            mean_row(hidden_at, 1, np.float32(1), old, lanes)
            alpha = rate.start + rate.step * np.float32(i - text.first)
            for j in range(1 if cbow else n):
                if turn % _SHARING == 0 if cbow else j == 0:
                    for k in range(1, size):  # they were prefetched when the samples before were drawn
                        current[k] = upcoming[k]
                        random_state += GOLDEN
                        upcoming[k] = out_base + draw_negative(noise, scramble(random_state)) * out_stride
                        prefetch_to_write(upcoming[k], lanes)
                turn += 1
                targets[0] = out_base + np.int64(word if cbow else context[j]) * out_stride
                for k in range(1, size):
                    targets[k] = current[k]
                repeated = merge_repeats(targets, size, blank, multiplicity)
                window_dots(hidden_at, 1, targets_at, scores_at, lanes, size, 1)
                logistic_loss(scores, size, gradients, losses)
                gradients[0] += np.float32(1)
                losses[0] -= scores[0]
                for k in range(size):
                    gradients[k] *= alpha
                if repeated:
                    for k in range(size):
                        gradients[k] *= multiplicity[k]
                        losses[k] *= multiplicity[k]
                # The mean is updated as if every row of the bag were, so that the next word sees its new value.
                window_update(hidden_at, 1, targets_at, gradients_at, lanes, size)
                for k in range(size):
                    loss += losses[k]
                pairs += 1
            add_difference(bag_at, n_pieces, new, old, lanes)
        totals[0] += pairs
        totals[1] += loss
        # Arrays that are otherwise used only by their addresses: the compiler must keep them until here.
        totals[2] = buffer[0] + bag[0] + hidden[0] + targets[0] + scores[0] + gradients[0]

    kernel: Callable[..., None] = train
    return kernel
