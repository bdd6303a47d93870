"""`TeacherAgreement`: how near an encoder's vectors are to those of a teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from semspace import checks, queries
from semspace.evaluation.adapters import encoder_of
from semspace.evaluation.score import Score
from semspace.evaluation.task_measure import TaskMeasure
from semspace.types import Floats2d


@dataclass(frozen=True, eq=False)
class TeacherAgreement:
    """Mean cosine of an encoder's vectors of some texts with those of a teacher.

    Parameters
    ----------
    name : str
    texts : sequence of str
    vectors : ndarray of float32, shape (len(texts), dim)
        The teacher's, of length 1.
    """

    name: str
    texts: Sequence[str]
    vectors: Floats2d

    def score(self, thing: Any) -> Score:
        """Return the score of an Encoder, or anything else that encodes texts, of the same dimension."""
        vectors = queries.unit(checks.matrix("vectors", encoder_of(thing)(list(self.texts))))
        cosines = (vectors * self.vectors).sum(axis=1)
        return Score.of(self.name, [TaskMeasure("mean cosine", "mean", cosines)], len(self.texts), len(self.texts))
