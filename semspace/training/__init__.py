"""Texts and what is known of them → an `Encoder`: objectives, negatives, the loop. Knows nothing of reports."""

from semspace.training.from_scratch import SmallTransformer
from semspace.training.objectives import (
    TSDAE,
    AdjacentSentences,
    Cloze,
    CoSENT,
    Distillation,
    MultipleNegatives,
    Objective,
    SimCSE,
    SupervisedContrastive,
)

__all__ = [
    "TSDAE",
    "AdjacentSentences",
    "Cloze",
    "CoSENT",
    "Distillation",
    "MultipleNegatives",
    "Objective",
    "SimCSE",
    "SmallTransformer",
    "SupervisedContrastive",
]
