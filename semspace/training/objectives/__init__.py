"""The objectives an encoder can be trained for, one a file."""

from semspace.training.objectives.adjacent_sentences import AdjacentSentences as AdjacentSentences
from semspace.training.objectives.cloze import Cloze as Cloze
from semspace.training.objectives.cosent import CoSENT as CoSENT
from semspace.training.objectives.distillation import Distillation as Distillation
from semspace.training.objectives.multiple_negatives import MultipleNegatives as MultipleNegatives
from semspace.training.objectives.objective import Objective as Objective
from semspace.training.objectives.simcse import SimCSE as SimCSE
from semspace.training.objectives.supervised_contrastive import SupervisedContrastive as SupervisedContrastive
from semspace.training.objectives.tsdae import TSDAE as TSDAE

# By the names that `EncoderTrainer(objective=)` takes.
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


def as_objective(objective: str | Objective) -> Objective:
    """Return an objective given by name as a value with the default parameters; others as they are."""
    return objective if isinstance(objective, Objective) else OBJECTIVES[objective]()
