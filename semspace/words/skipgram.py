"""Skip-gram with negative sampling, compiled: each word's neighbours are trained to tell it from noise words."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from semspace.kernels.compiling import compiled
from semspace.words.row_arithmetic import LANE, prefetch, window_dots, window_update
from semspace.words.training_steps import (
    GOLDEN,
    MARGIN,
    aligned,
    blank_repeats,
    draw,
    logistic,
    mix,
    reach_at,
    room,
    window_around,
)

_MOST_TILED = LANE // 2  # targets up to here let two inputs share a tile of sums
_room = compiled(room)


@lru_cache
def skipgram(negatives: int) -> Callable[..., None]:
    """Compile the kernel for so many noise words.

    The objective is that of Mikolov et al. (2013, arXiv 1310.4546, eq. 4). As in Ji et al. (2016, arXiv 1604.04661),
    all neighbours of a word share its noise words, so that a window is two small matrix products and each row comes
    from memory once.

    The kernel takes, in order: the matrix of inputs; for each word the row of its input; the matrix of outputs; the
    noise, whose words alone are predicted; the text, the learning rate, the window; the lanes of a row; and `tally`,
    to which it adds pairs and their loss.
    """
    size = negatives + 1
    tile = 2 if size <= _MOST_TILED else 1

    @compiled
    def train(
        inputs: Any, slots: Any, outputs: Any, noise: Any, text: Any, rate: Any, window: int, lanes: int, tally: Any
    ) -> None:
        words = text.words
        in_base, in_stride = np.int64(inputs.ctypes.data), np.int64(inputs.strides[0])
        out_base, out_stride = np.int64(outputs.ctypes.data), np.int64(outputs.strides[0])
        spare = np.zeros((lanes + 1) * 16, np.float32)
        blank = aligned(np.int64(spare.ctypes.data))  # a row of zeros
        neighbours = np.empty(2 * window, np.int32)
        rows = np.empty(2 * window + tile, np.int64)
        targets, coming = np.empty(size, np.int64), np.empty(size, np.int64)
        times = np.ones(size, np.float32)
        scores = np.zeros(_room(2 * window * size), np.float32)
        gradient, losses = np.zeros_like(scores), np.zeros_like(scores)
        rows_at, targets_at = np.int64(rows.ctypes.data), np.int64(targets.ctypes.data)
        scores_at, gradient_at = np.int64(scores.ctypes.data), np.int64(gradient.ctypes.data)
        dice = mix(np.uint64(text.key) + np.uint64(noise.low) + np.uint64(text.position + text.first) * GOLDEN)
        for k in range(1, size):
            dice += GOLDEN
            coming[k] = out_base + draw(noise, mix(dice)) * out_stride
        pairs, loss = 0, 0.0
        for i in range(text.first, text.last):
            soon, later = words[i + MARGIN - 1], words[i + window + MARGIN - 1]
            if noise.low <= soon < noise.high:
                prefetch(out_base + np.int64(soon) * out_stride, lanes)
            if later >= 0:
                prefetch(in_base + np.int64(slots[later]) * in_stride, lanes)
            word = words[i]
            if word < noise.low or word >= noise.high:
                continue
            n = window_around(words, i, reach_at(text, i, window), neighbours)
            if n == 0:
                continue
            for j in range(n):
                rows[j] = in_base + np.int64(slots[neighbours[j]]) * in_stride
            for j in range(n, n + tile - 1):
                rows[j] = blank
            targets[0] = out_base + np.int64(word) * out_stride
            for k in range(1, size):  # noise for this word was asked for one word ago
                targets[k] = coming[k]
                dice += GOLDEN
                coming[k] = out_base + draw(noise, mix(dice)) * out_stride
                prefetch(coming[k], lanes)
            repeated = blank_repeats(targets, size, blank, times)
            window_dots(rows_at, n, targets_at, scores_at, lanes, size, tile)
            logistic(scores, n * size, gradient, losses)
            alpha = rate.start + rate.step * np.float32(i - text.first)
            for j in range(n):
                gradient[j * size] += np.float32(1)
                losses[j * size] -= scores[j * size]
            for j in range(n * size):
                gradient[j] *= alpha
            if repeated:
                for j in range(n):
                    for k in range(size):
                        gradient[j * size + k] *= times[k]
                        losses[j * size + k] *= times[k]
            window_update(rows_at, n, targets_at, gradient_at, lanes, size)
            total = np.float32(0)
            for j in range(n * size):
                total += losses[j]
            loss += total
            pairs += n
        tally[0] += pairs
        tally[1] += loss
        # What is only known by its address must be seen to be used to the end.
        tally[2] = spare[0] + rows[0] + targets[0] + scores[0] + gradient[0]

    kernel: Callable[..., None] = train
    return kernel
