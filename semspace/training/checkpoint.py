"""`Checkpoint`: an encoder's training that isn't finished, on disk: whole or not at all, gone on from after a crash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.bundle import PathLike, is_bundle, is_there, opening, place_of, tidy, writing
from semspace.errors import DamagedError, ExistsError, InputError
from semspace.sentences.curve import Reach

if TYPE_CHECKING:
    from semspace.training.loop import Loop

KIND = "encoder-checkpoint"
_STATE = "state.safetensors"


class Checkpoint:
    """Where a training keeps what it has reached.

    Parameters
    ----------
    path : path, optional
        A directory; nothing is kept where None.
    identity : mapping
        What must be the same for a training to go on.
    minutes : float
        Time between two writings.
    resume : bool
        Go on from what is there, if anything is.

    Raises
    ------
    ExistsError
        If something is there that isn't to be gone on from.
    """

    def __init__(
        self, path: PathLike | None, identity: Mapping[str, Any], minutes: float = 10.0, resume: bool = False
    ) -> None:
        self.path: Path | None = None if path is None else place_of(path)
        if self.path is None and resume:
            raise InputError("resume=True needs checkpoint=, the place to go on from")
        self._identity = dict(identity)
        self._seconds, self._last = checks.number("checkpoint_minutes", minutes) * 60, monotonic()
        # Where its writer died between two renames, the old one lies beside the place.
        self._found = self.path is not None and is_there(self.path)
        if self.path is None or not self._found:
            return
        if self.path.exists() and not is_bundle(self.path):
            raise ExistsError(f"{self.path} exists and isn't a checkpoint; choose another place for checkpoint=")
        if not resume:
            opening(self.path, KIND, verify=False)  # of this kind, or an error that says so
            raise ExistsError(
                f"a checkpoint is at {self.path} already; go on from it with resume=True, or choose another place"
            )
        self._check(opening(self.path, KIND, verify=False).meta["of"])

    def _check(self, there: Mapping[str, Any]) -> None:
        other = next((name for name, value in self._identity.items() if there.get(name) != value), None)
        if other is not None:
            raise InputError(
                f"the checkpoint at {self.path} is of another training: {other} is {there.get(other)!r} there and "
                f"{self._identity[other]!r} here; give the same data and parameters, or choose another place"
            )

    @property
    def wanted(self) -> bool:
        """Whether anything is to be kept."""
        return self.path is not None

    def due(self) -> bool:
        """Tell whether it is time to keep what is reached."""
        return self.path is not None and monotonic() - self._last >= self._seconds

    def keep(self, loop: Loop) -> None:
        """Write what is reached; until that is whole, what was kept before stays.

        Raises
        ------
        InputError
            If it can't be written.
        """
        if self.path is None:
            return
        from safetensors.numpy import save_file

        state = {name: np.ascontiguousarray(value) for name, value in loop.state().items()}
        with writing(self.path, KIND, overwrite=True) as draft:
            draft.meta.update(of=self._identity, progress=asdict(loop.progress))
            draft.file(_STATE, lambda place: save_file(state, place))
        self._last = monotonic()

    def restore(self, loop: Loop) -> None:
        """Put a loop where the checkpoint is; nothing is done where there is none."""
        if self.path is None or not self._found:
            return
        from safetensors.numpy import load_file

        tidy(self.path)  # a killed training may have left half a checkpoint, as large as a whole one
        bundle = opening(self.path, KIND)
        facts = dict(bundle.meta["progress"])
        loop.progress = type(loop.progress)(**{**facts, "rows": [Reach(**row) for row in facts["rows"]]})
        try:
            loop.put(load_file(bundle.path(_STATE)))
        except (KeyError, RuntimeError) as problem:
            raise DamagedError(
                f"the checkpoint at {self.path} doesn't fit this model ({problem}); delete it"
            ) from problem


def copied(state: Mapping[str, npt.NDArray[Any]], start: str) -> dict[str, npt.NDArray[Any]]:
    """Give what is kept under a name's beginning, without it."""
    return {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}
