"""`LatentCheckpoint`: the state of a latent model's training on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from semspace.checkpoint import Checkpoint
from semspace.types import ArrayXd

KIND = "latent-checkpoint"


class LatentCheckpoint(Checkpoint):
    """Where the training of a latent model saves its state.

    Parameters
    ----------
    path, minutes, resume
        As for `Checkpoint`.
    """

    kind = KIND

    def save(self, state: Mapping[str, ArrayXd], progress: Mapping[str, Any]) -> None:
        """Write the state of a training, if a checkpoint is wanted."""
        if not self.wanted:
            return
        with self.writing() as draft:
            draft.meta.update(progress=dict(progress), arrays=sorted(state))
            for name, array in state.items():
                draft.array(name, array)

    def restore(self, set_state: Callable[[Mapping[str, ArrayXd], Mapping[str, Any]], None]) -> None:
        """Call `set_state` with what was saved, if there is a checkpoint to resume."""
        bundle = self.opened()
        if bundle is None:
            return
        with bundle.reading():
            state = {name: bundle.array(name).copy() for name in bundle.meta.texts("arrays")}
            set_state(state, bundle.meta.mapping("progress"))
