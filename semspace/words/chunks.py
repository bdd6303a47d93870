"""`Stretches`: parts of a text as the kernels take them: thinned, numbered by rows, with the learning rate of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from semspace.text import mmap_array
from semspace.text.tokens import Tokens
from semspace.words.training_steps import MARGIN, Ids, Rate, Text, thin
from semspace.words.vocabulary import Counts

_LAST_RATE = 1e-4  # of the first, as in word2vec.c
_WHOLE = 2**32 - 1


@dataclass(frozen=True)
class Stretches:
    """How any part of a text becomes work for a kernel, in any epoch.

    Parameters
    ----------
    tokens : Tokens
    rows : ndarray of int32, shape (words of the tokens,)
        The row of each word id; -1 for words that are left out.
    keep : ndarray of float64, shape (words of the tokens,)
        The share of each word's places that stays, as `kept_shares` gives it.
    """

    tokens: Tokens
    rows: Ids
    keep: npt.NDArray[np.float64]
    window: int
    epochs: int
    learning_rate: float
    seed: int

    def __len__(self) -> int:
        """Give the number of words of the text, of which some may be left out."""
        return len(self.tokens)

    def cut(self, epoch: int, start: int, stop: int) -> tuple[Text, Rate]:
        """Give the words `start` to `stop` in the epoch, counted from 0."""
        ids = mmap_array.copy_slice(self.tokens.ids, start, stop)
        offsets = self.tokens.offsets
        first, last = (int(np.searchsorted(offsets, place, side="right")) for place in (start, stop))
        ends = mmap_array.copy_slice(offsets, first, last) - start
        margin = self.window + MARGIN
        words = np.empty(len(ids) + len(ends) + 2 * margin, np.int32)
        key = int(np.random.SeedSequence([self.seed, epoch]).generate_state(1, np.uint64)[0] >> np.uint64(2))
        whole = Text(words, margin, margin, start, key)
        text = whole._replace(last=thin(ids, ends, self._thresholds, self.rows, whole, self.window))
        now, then = (self._rate(epoch, place) for place in (start, stop))
        return text, Rate(np.float32(now), np.float32((then - now) / max(text.last - text.first, 1)))

    def _rate(self, epoch: int, place: int) -> float:
        done = (epoch + place / len(self)) / self.epochs
        return self.learning_rate * max(1 - done, _LAST_RATE)

    @cached_property
    def _thresholds(self) -> npt.NDArray[np.uint32]:
        return (self.keep * _WHOLE).astype(np.uint32)


def kept_shares(counts: Counts, sample: float) -> npt.NDArray[np.float64]:
    """Give the share of each word's places that thinning leaves, as in word2vec.c; all where `sample` is 0.

    Mikolov et al. 2013 (arXiv 1310.4546, eq. 5) write ``sqrt(sample / f)``; their program adds ``sample / f``.
    """
    if not sample:
        return np.ones(len(counts))
    share = sample * counts.sum() / np.maximum(counts, 1)
    kept: npt.NDArray[np.float64] = np.minimum(np.sqrt(share) + share, 1.0)
    return kept
