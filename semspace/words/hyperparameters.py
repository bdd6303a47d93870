"""`Hyperparameters`: what a backend needs to know of a `Word2Vec`."""

from __future__ import annotations

from dataclasses import dataclass

from semspace.words.subwords import Subwords


@dataclass(frozen=True)
class Hyperparameters:
    """The parameters of a training, checked and complete; see `Word2Vec` for their meaning.

    Parameters
    ----------
    cbow : bool
        Whether words are predicted from their context, or each context word from a word (skip-gram).
    subwords : Subwords, optional
    threads : int
        The number of threads to use.
    """

    dim: int
    window: int
    negatives: int
    min_count: int
    epochs: int
    sample: float
    learning_rate: float
    cbow: bool
    subwords: Subwords | None
    threads: int
    deterministic: bool
    seed: int
