"""Skip-gram with negative sampling, compiled: each word is predicted from each of its neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from semspace.kernels.compiling import compiled, kernel_factory
from semspace.kernels.simd import LANES, prefetch_to_write
from semspace.words.row_arithmetic import window_dots, window_update
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

_MAX_TILED = LANES // 2  # targets; up to here two inputs share a tile of sums


@kernel_factory
def skipgram_kernel(negatives: int) -> Callable[..., None]:
    """Return the kernel for a number of negative samples, compiled on its first call.

    The objective is that of Mikolov et al. (2013, arXiv 1310.4546, eq. 4). As in Ji et al. (2016, arXiv 1604.04661),
    all neighbours of a word share its negative samples, so that a window is two small matrix products and each row is
    read from memory once.

    The kernel takes, in order: the matrix of inputs; for each word the row of its input; the matrix of outputs; the
    noise distribution, whose words alone are predicted; the chunk of text, the learning rate, the window; the lanes of
    a row; and `totals`, to which it adds the number of pairs and their loss.
    """
    size = negatives + 1
    tile = 2 if size <= _MAX_TILED else 1

    @compiled
    def train(
        inputs: Any, slots: Any, outputs: Any, noise: Any, text: Any, rate: Any, window: int, lanes: int, totals: Any
    ) -> None:
        words = text.words
        in_base, in_stride = np.int64(inputs.ctypes.data), np.int64(inputs.strides[0])
        out_base, out_stride = np.int64(outputs.ctypes.data), np.int64(outputs.strides[0])
        buffer = np.zeros((lanes + 1) * 16, np.float32)
        blank = align(np.int64(buffer.ctypes.data))  # a row of zeros
        context = np.empty(2 * window, np.int32)
        rows = np.empty(2 * window + tile, np.int64)
        targets, upcoming = np.empty(size, np.int64), np.empty(size, np.int64)
        multiplicity = np.ones(size, np.float32)
        scores = np.zeros(padded_length(2 * window * size), np.float32)
        gradients, losses = np.zeros_like(scores), np.zeros_like(scores)
        rows_at, targets_at = np.int64(rows.ctypes.data), np.int64(targets.ctypes.data)
        scores_at, gradients_at = np.int64(scores.ctypes.data), np.int64(gradients.ctypes.data)
        start = np.uint64(text.position + text.first) * GOLDEN
        random_state = scramble(np.uint64(text.key) + np.uint64(noise.low) + start)
        for k in range(1, size):
            random_state += GOLDEN
            upcoming[k] = out_base + draw_negative(noise, scramble(random_state)) * out_stride
        pairs, loss = 0, 0.0
        for i in range(text.first, text.last):
            next_word, entering = words[i + LOOKAHEAD - 1], words[i + window + LOOKAHEAD - 1]
            if noise.low <= next_word < noise.high:
                prefetch_to_write(out_base + np.int64(next_word) * out_stride, lanes)
            if entering >= 0:
                prefetch_to_write(in_base + np.int64(slots[entering]) * in_stride, lanes)
            word = words[i]
            if word < noise.low or word >= noise.high:
                continue
            n = context_of(words, i, window_size_at(text, i, window), context)
            if n == 0:
                continue
            for j in range(n):
                rows[j] = in_base + np.int64(slots[context[j]]) * in_stride
            for j in range(n, n + tile - 1):
                rows[j] = blank
            targets[0] = out_base + np.int64(word) * out_stride
            for k in range(1, size):  # the samples of this word were prefetched one word ago
                targets[k] = upcoming[k]
                random_state += GOLDEN
                upcoming[k] = out_base + draw_negative(noise, scramble(random_state)) * out_stride
                prefetch_to_write(upcoming[k], lanes)
            repeated = merge_repeats(targets, size, blank, multiplicity)
            window_dots(rows_at, n, targets_at, scores_at, lanes, size, tile)
            logistic_loss(scores, n * size, gradients, losses)
            alpha = rate.start + rate.step * np.float32(i - text.first)
            for j in range(n):
                gradients[j * size] += np.float32(1)
                losses[j * size] -= scores[j * size]
            for j in range(n * size):
                gradients[j] *= alpha
            if repeated:
                for j in range(n):
                    for k in range(size):
                        gradients[j * size + k] *= multiplicity[k]
                        losses[j * size + k] *= multiplicity[k]
            window_update(rows_at, n, targets_at, gradients_at, lanes, size)
            total = np.float32(0)
            for j in range(n * size):
                total += losses[j]
            loss += total
            pairs += n
        totals[0] += pairs
        totals[1] += loss
        # Arrays that are otherwise used only by their addresses: the compiler must keep them until here.
        totals[2] = buffer[0] + rows[0] + targets[0] + scores[0] + gradients[0]

    kernel: Callable[..., None] = train
    return kernel
