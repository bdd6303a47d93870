"""Similarity of documents, all pairs of which people have rated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace.errors import InputError
from semspace.evaluation.adapters import directions, encoder_of, without_direction
from semspace.evaluation.rank_correlation import all_cosines, correlations
from semspace.evaluation.score import Score
from semspace.evaluation.task_checks import check_corpus, check_name
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.types import Doubles2d


@dataclass(frozen=True)
class DocumentSimilarity:
    """Spearman's correlation of cosines with human judgements, over all pairs of different documents; and Pearson's.

    Intervals resample the documents, since pairs with a document in common aren't independent.

    Parameters
    ----------
    name : str
    corpus : Corpus
    judgements : ndarray, shape (n, n)
        Symmetric, in the corpus's order.
    """

    name: str
    corpus: Corpus
    judgements: Doubles2d

    def __post_init__(self) -> None:
        check_name(self.name)
        check_corpus(self.name, "corpus", self.corpus)
        if not isinstance(self.judgements, np.ndarray):
            raise InputError(f"{self.name}: judgements must be an array; got {type(self.judgements).__name__}")
        if self.judgements.shape != (len(self.corpus), len(self.corpus)):
            raise InputError(
                f"judgements must have a row and a column for each of the {len(self.corpus)} documents; "
                f"they have shape {self.judgements.shape}"
            )

    def score(self, thing: Any) -> Score:
        """Score a Space that holds the documents, an Encoder, a sentence-transformers or model2vec model."""
        ids, texts = self.corpus.ids.to_list(), self.corpus.texts.to_list()
        has_documents = isinstance(thing, Space) and all(id in thing for id in ids)
        points = directions(texts, thing[ids] if has_documents else encoder_of(thing, "document")(texts))
        above = np.triu_indices(len(ids), 1)
        pairs = np.stack(above, axis=1)
        measures = correlations(self.name, all_cosines(points)[above], self.judgements[above], units=pairs)
        return Score.of(self.name, measures, len(pairs), len(pairs), note=without_direction(points))
