"""Texts of invented topics, the same on every machine."""

from __future__ import annotations

import numpy as np

import semspace as ss

_TOPICS = (
    "harbour ship sailor captain anchor storm cargo sea",
    "orchard apple farmer harvest ladder cider autumn barrel",
    "court judge witness lawyer verdict appeal evidence jury",
    "engine wheel driver road brake garage oil mirror",
    "violin concert pianist audience melody stage chorus bow",
)
_COMMON = ["the", "a", "of", "and", "to", "in", "that", "was", "with", "for"]


def texts_of(n: int, seed: int = 0) -> list[str]:
    """Return texts of 8 to 20 words, each of one topic."""
    rng = np.random.default_rng(seed)
    topics = [topic.split() for topic in _TOPICS]
    chosen = (topics[int(rng.integers(len(topics)))] + _COMMON for _ in range(n))
    return [" ".join(rng.choice(words, int(rng.integers(8, 20)))) + f" no{i}" for i, words in enumerate(chosen)]


TEXTS = [*_TOPICS, " ".join(_COMMON)]


def corpus_of(n: int, seed: int = 0) -> ss.Corpus:
    """Return a corpus of such texts."""
    return ss.Corpus.from_texts(texts_of(n, seed))
