"""CBOW, and subwords: words predicted from the mean of several rows, a bag, compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from semspace.kernels.compiling import compiled
from semspace.words.row_arithmetic import add_change, mean_row, prefetch, window_dots, window_update
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

_SHARED = 2  # words in a row that share their noise, in CBOW
_room = compiled(room)


@lru_cache
def bags(negatives: int, cbow: bool) -> Callable[..., None]:
    """Compile the kernel for so many noise words.

    With `cbow`, a bag is all pieces of a word's neighbours, and the word is predicted (Mikolov et al. 2013, arXiv
    1301.3781, section 3.1); without, it is the pieces of a word, and each of its neighbours is predicted (Bojanowski et
    al. 2017, arXiv 1607.04606). The pieces of a word are its own row and those of its subwords; without subwords it is
    its only piece. As in word2vec.c and fastText, each row of a bag gets the whole gradient of their mean.

    The kernel takes what that of `skipgram` takes, and after the slots the pieces: offsets by word, and rows.
    """
    size = negatives + 1

    @compiled
    def train(
        inputs: Any, slots: Any, pieces: Any, outputs: Any, noise: Any, text: Any, rate: Any, window: int, lanes: int,
        tally: Any,
    ) -> None:  # fmt: skip
        words = text.words
        starts, parts = pieces
        most = 1
        for w in range(len(starts) - 1):
            most = max(most, starts[w + 1] - starts[w])
        in_base, in_stride = np.int64(inputs.ctypes.data), np.int64(inputs.strides[0])
        out_base, out_stride = np.int64(outputs.ctypes.data), np.int64(outputs.strides[0])
        spare = np.zeros((3 * lanes + 1) * 16, np.float32)
        blank = aligned(np.int64(spare.ctypes.data))  # a row of zeros, then the mean before and after
        old, new = blank + 64 * lanes, blank + 128 * lanes
        neighbours = np.empty(2 * window, np.int32)
        bag = np.empty(most * 2 * window, np.int64)
        hidden = np.array([new])
        targets, current, coming = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
        times = np.ones(size, np.float32)
        scores = np.zeros(_room(size), np.float32)
        gradient, losses = np.zeros_like(scores), np.zeros_like(scores)
        bag_at, hidden_at, targets_at = (
            np.int64(bag.ctypes.data),
            np.int64(hidden.ctypes.data),
            np.int64(targets.ctypes.data),
        )
        scores_at, gradient_at = np.int64(scores.ctypes.data), np.int64(gradient.ctypes.data)
        dice = mix(np.uint64(text.key) + np.uint64(noise.low) + np.uint64(text.position + text.first) * GOLDEN)
        for k in range(1, size):
            dice += GOLDEN
            coming[k] = out_base + draw(noise, mix(dice)) * out_stride
        pairs, loss, turn = 0, 0.0, 0
        for i in range(text.first, text.last):
            soon, later = words[i + MARGIN - 1], words[i + window + MARGIN - 1]
            if noise.low <= soon < noise.high:
                prefetch(out_base + np.int64(soon) * out_stride, lanes)
            if later >= 0:
                for p in range(starts[later], starts[later + 1]):
                    prefetch(in_base + np.int64(slots[parts[p]]) * in_stride, lanes)
            word = words[i]
            if word < 0 or (cbow and (word < noise.low or word >= noise.high)):
                continue
            n = window_around(words, i, reach_at(text, i, window), neighbours)
            if not cbow:  # those that this thread may predict
                mine = 0
                for j in range(n):
                    if noise.low <= neighbours[j] < noise.high:
                        neighbours[mine] = neighbours[j]
                        mine += 1
                n = mine
            if n == 0:
                continue
            held = 0
            for j in range(n if cbow else 1):
                own = neighbours[j] if cbow else word
                for p in range(starts[own], starts[own + 1]):
                    bag[held] = in_base + np.int64(slots[parts[p]]) * in_stride
                    held += 1
            mean_row(bag_at, held, np.float32(1 / held), new, lanes)
            mean_row(hidden_at, 1, np.float32(1), old, lanes)
            alpha = rate.start + rate.step * np.float32(i - text.first)
            for j in range(1 if cbow else n):
                if turn % _SHARED == 0 if cbow else j == 0:
                    for k in range(1, size):  # what was asked for when this was last done
                        current[k] = coming[k]
                        dice += GOLDEN
                        coming[k] = out_base + draw(noise, mix(dice)) * out_stride
                        prefetch(coming[k], lanes)
                turn += 1
                targets[0] = out_base + np.int64(word if cbow else neighbours[j]) * out_stride
                for k in range(1, size):
                    targets[k] = current[k]
                repeated = blank_repeats(targets, size, blank, times)
                window_dots(hidden_at, 1, targets_at, scores_at, lanes, size, 1)
                logistic(scores, size, gradient, losses)
                gradient[0] += np.float32(1)
                losses[0] -= scores[0]
                for k in range(size):
                    gradient[k] *= alpha
                if repeated:
                    for k in range(size):
                        gradient[k] *= times[k]
                        losses[k] *= times[k]
                # The mean moves as it would if every row of the bag did, so the next word sees what it should.
                window_update(hidden_at, 1, targets_at, gradient_at, lanes, size)
                for k in range(size):
                    loss += losses[k]
                pairs += 1
            add_change(bag_at, held, new, old, lanes)
        tally[0] += pairs
        tally[1] += loss
        # What is only known by its address must be seen to be used to the end.
        tally[2] = spare[0] + bag[0] + hidden[0] + targets[0] + scores[0] + gradient[0]

    kernel: Callable[..., None] = train
    return kernel
