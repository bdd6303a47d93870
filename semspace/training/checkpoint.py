"""`EncoderCheckpoint`: the state of an encoder's training on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from semspace.checkpoint import Checkpoint
from semspace.errors import DamagedError
from semspace.training.progress import TrainingProgress
from semspace.types import ArrayXd

KIND = "encoder-checkpoint"
_STATE = "state.safetensors"


class EncoderCheckpoint(Checkpoint):
    """Where the training of an encoder saves its state.

    Parameters
    ----------
    path, minutes, resume
        As for `Checkpoint`.
    """

    kind = KIND
    renamed = {  # noqa: RUF012  (nobody writes to it)
        "chunk_tokens": "micro_batch_tokens",
        "evaluations": "evals_per_epoch",
        "evaluate": "evaluator",
    }

    def save(self, state: Mapping[str, ArrayXd], progress: TrainingProgress) -> None:
        """Write the state of a training, if a checkpoint is wanted."""
        if not self.wanted:
            return
        from safetensors.numpy import save_file

        arrays = {name: np.ascontiguousarray(array) for name, array in state.items()}
        with self.writing() as draft:
            draft.meta.update(progress=progress.to_dict())
            draft.file(_STATE, lambda path: save_file(arrays, path))

    def restore(self, set_state: Callable[[Mapping[str, ArrayXd], TrainingProgress], None]) -> None:
        """Call `set_state` with what was saved, if there is a checkpoint to resume."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        bundle = self.opened()
        if bundle is None:
            return
        with bundle.reading():
            progress = TrainingProgress.from_dict(bundle.meta.mapping("progress"))
        try:
            state = load_file(bundle.path(_STATE))
            bundle.unchanged()
            set_state(state, progress)
        except (OSError, LookupError, RuntimeError, TypeError, ValueError, SafetensorError) as problem:
            if isinstance(problem, DamagedError):
                raise
            raise DamagedError(
                f"the checkpoint at {self.path} doesn't fit this model ({problem}); delete it"
            ) from problem


def with_prefix(state: Mapping[str, ArrayXd], prefix: str) -> dict[str, ArrayXd]:
    """Return the arrays whose names begin with a prefix, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
