"""Training of sentence encoders: objectives, hard negatives and the training loop.

Names are imported when they are first used; `semspace.training.objectives` has the list of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semspace.training.from_scratch import SmallTransformer as SmallTransformer
    from semspace.training.objectives import *  # noqa: F403


def __getattr__(name: str) -> Any:
    if name == "SmallTransformer":
        value = import_module("semspace.training.from_scratch").SmallTransformer
    elif not name.startswith("__") and name in (public := _objective_classes()):
        value = public[name]
    else:
        raise AttributeError(f"module 'semspace.training' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), "SmallTransformer", *_objective_classes()})


def _objective_classes() -> dict[str, Any]:
    objectives = import_module("semspace.training.objectives")
    return {kind.__name__: kind for kind in (objectives.Objective, *objectives.OBJECTIVES.values())}
