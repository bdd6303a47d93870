"""Documents that people have compared, each with each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace import checks, queries
from semspace.errors import InputError
from semspace.evaluation.pairs import spearman
from semspace.evaluation.score import Score
from semspace.evaluation.things import encoder_of
from semspace.space import Space
from semspace.text.corpus import Corpus


@dataclass(frozen=True)
class DocumentSimilarity:
    """Spearman's correlation of cosines with human judgements, over all pairs of different documents.

    Parameters
    ----------
    name : str
    corpus : Corpus
    judgements : ndarray, shape (n, n)
        Symmetric, in the corpus's order.
    """

    name: str
    corpus: Corpus
    judgements: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.judgements.shape != (len(self.corpus), len(self.corpus)):
            raise InputError(
                f"judgements must have a row and a column for each of the {len(self.corpus)} documents; "
                f"they have shape {self.judgements.shape}"
            )

    def score(self, thing: Any) -> Score:
        """Judge a Space that holds the documents, an Encoder, or a sentence-transformers model."""
        ids = self.corpus.ids.to_list()
        if isinstance(thing, Space) and all(id in thing for id in ids):
            vectors = thing[ids]
        else:
            vectors = checks.matrix("vectors", encoder_of(thing, "document")(self.corpus.texts.to_list()))
        points = queries.unit(vectors)
        above = np.triu_indices(len(ids), 1)
        value = spearman(self.name, (points @ points.T)[above], self.judgements[above])
        return Score(self.name, "spearman", value, len(above[0]), len(above[0]))
