"""`EncoderCheckpoint`: what an encoder's training has reached, on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from semspace.bundle import PathLike
from semspace.checkpoint import Checkpoint
from semspace.errors import DamagedError
from semspace.sentences.training_history import Reach

if TYPE_CHECKING:
    from semspace.training.loop import Loop

KIND = "encoder-checkpoint"
_STATE = "state.safetensors"


class PlaceOfCheckpoint(Checkpoint):
    """The place of a checkpoint, to be checked before it is known what will be trained."""

    kind = KIND


class EncoderCheckpoint(Checkpoint):
    """Where the training of an encoder keeps what it has reached; another training's is refused when it is opened.

    Parameters
    ----------
    path, minutes, resume
        As for `Checkpoint`.
    identity : mapping
        What must be the same for a training to go on.
    """

    kind = KIND

    def __init__(self, path: PathLike | None, minutes: float, resume: bool, identity: Mapping[str, Any]) -> None:
        super().__init__(path, minutes, resume)
        self._identity = dict(identity)
        self.found(self._identity, verify=False)

    def keep(self, loop: Loop) -> None:
        """Write what is reached, if anything is to be kept."""
        if not self.wanted:
            return
        from safetensors.numpy import save_file

        state = {name: np.ascontiguousarray(value) for name, value in loop.state().items()}
        with self.writing(self._identity) as draft:
            draft.meta.update(progress=asdict(loop.progress))
            draft.file(_STATE, lambda place: save_file(state, place))

    def restore(self, loop: Loop) -> None:
        """Put a loop where the checkpoint is; nothing is done where there is none."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        bundle = self.found(self._identity)
        if bundle is None:
            return
        with bundle.reading():
            facts = bundle.meta.mapping("progress")
            progress = type(loop.progress)(**{**facts, "rows": [Reach(**row) for row in facts["rows"]]})
        try:
            state = load_file(bundle.path(_STATE))
            bundle.unchanged()
            loop.put(state)
            loop.progress = progress
        except (OSError, LookupError, RuntimeError, TypeError, ValueError, SafetensorError) as problem:
            if isinstance(problem, DamagedError):
                raise
            raise DamagedError(
                f"the checkpoint at {self.path} doesn't fit this model ({problem}); delete it"
            ) from problem


def copied(state: Mapping[str, npt.NDArray[Any]], start: str) -> dict[str, npt.NDArray[Any]]:
    """Give what is kept under a name's beginning, without it."""
    return {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}
