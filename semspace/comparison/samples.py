"""`Samples`: the documents that are compared, in one list, and the corpus of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from semspace.comparison.document_tokens import tokens_of
from semspace.space import Space
from semspace.text.tokens import Tokens
from semspace.text_encoder import TextEncoder
from semspace.types import Floats2d, Ints1d

_MAX_ROUNDING = 1e-3  # difference of the vectors of one text that is encoded twice, among others


@dataclass(frozen=True, eq=False)
class Samples:
    """Documents of several corpora in one space: those of the first corpus first.

    Parameters
    ----------
    names : tuple of str
        The names of the corpora.
    ids : polars.Series of n str
        Unique within a corpus.
    vectors : ndarray of float32, shape (n, dim)
        Scaled to length 1: meaning is a direction.
    corpus_ids : ndarray of int64, shape (n,)
        The corpus of each document; increasing.
    texts : polars.Series of n str, optional
        Empty where a document has none.
    units : ndarray of int64, shape (n,), optional
        The unit that each document is a part of; documents of one unit aren't independent.
    encoder : optional
        The encoder of the vectors.
    facts : mapping
        The provenance of the documents.
    """

    names: tuple[str, ...]
    ids: pl.Series
    vectors: Floats2d
    corpus_ids: Ints1d
    texts: pl.Series | None
    units: Ints1d | None
    encoder: TextEncoder | None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.corpus_ids)

    @property
    def n_corpora(self) -> int:
        """The number of corpora."""
        return len(self.names)

    @cached_property
    def sizes(self) -> list[int]:
        """The number of documents of each corpus."""
        return np.bincount(self.corpus_ids, minlength=self.n_corpora).tolist()  # type: ignore[no-any-return]

    @cached_property
    def corpus_names(self) -> pl.Series:
        """The name of each document's corpus."""
        return pl.Series("corpus", self.names, dtype=pl.String).gather(self.corpus_ids)

    @cached_property
    def tokens(self) -> Tokens | None:
        """The words of all documents; None if there are no texts, or no word in any."""
        return None if self.texts is None else tokens_of(self.texts)

    def rows(self, corpus: int) -> slice:
        """Return the rows of a corpus's documents."""
        start = int(np.searchsorted(self.corpus_ids, corpus))
        return slice(start, start + self.sizes[corpus])

    def select_corpora(self, corpora: Sequence[int]) -> Samples:
        """Return the documents of some of the corpora, in this order."""
        rows = np.concatenate([np.arange(len(self))[self.rows(corpus)] for corpus in corpora])
        return Samples(
            tuple(self.names[corpus] for corpus in corpora),
            self.ids.gather(rows),
            self.vectors[rows],
            np.repeat(np.arange(len(corpora)), [self.sizes[corpus] for corpus in corpora]),
            None if self.texts is None else self.texts.gather(rows),
            None if self.units is None else self.units[rows],
            self.encoder,
            self.facts,
        )

    def space(self) -> Space:
        """Return all documents as one space, with the number of its corpus before each id if an id is repeated."""
        ids = self.ids.to_list()
        if self.ids.n_unique() < len(ids):
            ids = [f"{corpus}:{id}" for corpus, id in zip(self.corpus_ids.tolist(), ids, strict=True)]
        texts = None if self.texts is None else pl.DataFrame({"text": self.texts})
        return Space.from_vectors(ids, self.vectors, texts, self.encoder)

    @cached_property
    def are_identical(self) -> bool:
        """Whether all corpora hold the very same documents: their texts, if there are any, and their vectors."""
        contents = [self._sorted_contents(corpus) for corpus in range(self.n_corpora)]
        means = [self.vectors[self.rows(corpus)].mean(axis=0) for corpus in range(self.n_corpora)]
        means_agree = all(np.abs(mean - means[0]).max() < _MAX_ROUNDING for mean in means)
        return means_agree and all(other == contents[0] for other in contents[1:])

    def _sorted_contents(self, corpus: int) -> list[Any]:
        rows = self.rows(corpus)
        if self.texts is not None:
            return sorted(self.texts[rows].to_list())
        return sorted(row.tobytes() for row in self.vectors[rows])
