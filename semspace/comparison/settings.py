"""`ComparisonSettings`: the options of a comparison that its results depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from semspace.space import Space
from semspace.words.word2vec import Word2Vec

WordModels: TypeAlias = Word2Vec | tuple[Space, Space] | bool | None


@dataclass(frozen=True)
class ComparisonSettings:
    """How corpora are compared; see `semspace.compare` for the options."""

    words: WordModels
    n_clusters: int | None
    permutations: int
    resamples: int
    min_duplicate_score: float
    references: bool
    seed: int
    progress: bool

    def in_order(self, corpora: Sequence[int]) -> ComparisonSettings:
        """Return the settings for the corpora in another order: word spaces, one for each of two corpora, follow it."""
        if not isinstance(self.words, tuple):
            return self
        first, second = (self.words[corpus] for corpus in corpora)
        return replace(self, words=(first, second))
