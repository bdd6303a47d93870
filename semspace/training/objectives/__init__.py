"""What an encoder can learn from: one file an objective."""

from semspace.training.objectives.adjacent_sentences import AdjacentSentences
from semspace.training.objectives.cloze import Cloze
from semspace.training.objectives.cosent import CoSENT
from semspace.training.objectives.distillation import Distillation
from semspace.training.objectives.multiple_negatives import MultipleNegatives
from semspace.training.objectives.objective import Objective
from semspace.training.objectives.simcse import SimCSE
from semspace.training.objectives.supervised_contrastive import SupervisedContrastive
from semspace.training.objectives.tsdae import TSDAE

__all__ = [
    "OBJECTIVES",
    "TSDAE",
    "AdjacentSentences",
    "Cloze",
    "CoSENT",
    "Distillation",
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
    "cloze": Cloze,
    "tsdae": TSDAE,
    "distillation": Distillation,
    "adjacent": AdjacentSentences,
}
