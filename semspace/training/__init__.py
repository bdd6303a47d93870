"""Texts and what is known of them → an `Encoder`: objectives, negatives, the loop. Knows nothing of reports."""

from semspace.training.fresh import SmallTransformer
from semspace.training.objectives import (
    AdjacentSentences,
    CoSENT,
    MultipleNegatives,
    Objective,
    SimCSE,
    SupervisedContrastive,
)

__all__ = [
    "AdjacentSentences",
    "CoSENT",
    "MultipleNegatives",
    "Objective",
    "SimCSE",
    "SmallTransformer",
    "SupervisedContrastive",
]
