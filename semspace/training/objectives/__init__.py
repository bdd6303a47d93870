"""What an encoder can learn from: one file an objective."""

from semspace.training.objectives.adjacent import AdjacentSentences
from semspace.training.objectives.base import Objective
from semspace.training.objectives.contrastive import MultipleNegatives
from semspace.training.objectives.cosent import CoSENT
from semspace.training.objectives.labels import SupervisedContrastive
from semspace.training.objectives.simcse import SimCSE

__all__ = [
    "OBJECTIVES",
    "AdjacentSentences",
    "CoSENT",
    "MultipleNegatives",
    "Objective",
    "SimCSE",
    "SupervisedContrastive",
]

# By the names that `EncoderTrainer` takes.
OBJECTIVES: dict[str, type[Objective]] = {
    "pairs": MultipleNegatives,
    "scored": CoSENT,
    "labels": SupervisedContrastive,
    "simcse": SimCSE,
    "adjacent": AdjacentSentences,
}
