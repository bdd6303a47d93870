"""`Checkpoint`: a training that isn't finished, on disk: written whole or not at all, gone on from after a crash."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from semspace import checks
from semspace.bundle import PathLike, digest, is_bundle, opening, place_of, tidy, writing
from semspace.errors import DamagedError, ExistsError, InputError
from semspace.history import Epoch, History
from semspace.words.matrices import Matrices

if TYPE_CHECKING:
    from semspace.words.job import Job

KIND = "checkpoint"


@dataclass(frozen=True)
class Reached:
    """How far a training is.

    Parameters
    ----------
    epoch : int
        The one at work, from 0.
    place : int
        Words of it that are done.
    pairs, loss : float
        What was predicted in this epoch so far, and the sum of its losses.
    seconds : float
        Time spent on this epoch so far.
    history : History
        Of the epochs before.
    """

    epoch: int = 0
    place: int = 0
    pairs: float = 0.0
    loss: float = 0.0
    seconds: float = 0.0
    history: History = History(())  # noqa: RUF009  (immutable)

    @property
    def mean_loss(self) -> float | None:
        """Mean loss of what was predicted in this epoch so far; None before anything was."""
        return self.loss / self.pairs if self.pairs else None


class Checkpoint:
    """Where a training keeps what it has reached.

    Parameters
    ----------
    path : path, optional
        A directory; nothing is kept where None.
    minutes : float
        Time between two writings.
    resume : bool
        Go on from what is there, if anything is.

    Raises
    ------
    ExistsError
        If something is there that isn't to be gone on from.
    """

    def __init__(self, path: PathLike | None, minutes: float = 10.0, resume: bool = False) -> None:
        self._path = None if path is None else place_of(path)
        if self._path is None and resume:
            raise InputError("resume=True needs checkpoint=, the place to go on from")
        self._seconds, self._last = checks.number("checkpoint_minutes", minutes) * 60, monotonic()
        self._found = self._path is not None and is_bundle(self._path)
        if self._path is None or not self._path.exists():
            return
        if not self._found:
            raise ExistsError(f"{self._path} exists and isn't a checkpoint; choose another place for checkpoint=")
        opening(self._path, KIND, verify=False)  # of this kind, or an error that says so
        if not resume:
            raise ExistsError(
                f"a checkpoint is at {self._path} already; go on from it with resume=True (--resume), or choose "
                f"another place"
            )

    @property
    def wanted(self) -> bool:
        """Whether anything is to be kept."""
        return self._path is not None

    def restore(self, job: Job, matrices: Matrices) -> Reached:
        """Fill the matrices with what was reached, and tell how far that is; nothing is done where there is none."""
        if self._path is None or not self._found:
            return Reached()
        tidy(self._path)  # a killed training may have left half a checkpoint, as large as a whole one
        bundle = opening(self._path, KIND)
        there, here = bundle.meta["of"], _identity(job)
        other = next((name for name in here if there.get(name) != here[name]), None)
        if other is not None:
            raise InputError(
                f"the checkpoint at {self._path} is of another training: {other} is "
                f"{there.get(other)!r} there and {here[other]!r} here; give the same text and parameters, "
                f"or choose another place"
            )
        for name, matrix in matrices._asdict().items():
            kept = bundle.array(name)
            if kept.shape != matrix.shape:
                raise DamagedError(f"the checkpoint at {self._path} has {name} of another shape; delete it")
            matrix[:] = kept
        facts = bundle.meta["reached"]
        epochs = tuple(Epoch(**epoch) for epoch in facts.pop("history")["epochs"])
        return Reached(**facts, history=History(epochs))

    def due(self) -> bool:
        """Tell whether it is time to keep what is reached."""
        return self._path is not None and monotonic() - self._last >= self._seconds

    def keep(self, job: Job, matrices: Matrices, reached: Reached) -> None:
        """Write what is reached; until that is whole, what was kept before stays.

        Raises
        ------
        InputError
            If it can't be written.
        """
        if self._path is None:
            return
        with writing(self._path, KIND, overwrite=True) as draft:
            draft.meta.update(of=_identity(job), reached=asdict(reached))
            for name, matrix in matrices._asdict().items():
                draft.array(name, matrix)
        self._last = monotonic()


def _identity(job: Job) -> dict[str, Any]:
    """Name what must be the same for a training to go on: the parameters, the text, the start."""
    trainer = replace(job.trainer, threads=None)
    words = json.dumps([job.vocabulary.words, job.vocabulary.counts.tolist()]).encode()
    facts = {
        **asdict(trainer),
        "words of the text": len(job.tokens),
        "documents": len(job.tokens.offsets) - 1,
        "vocabulary": digest(words)[:16],
        "start": None if job.start is None else job.start.fingerprint[:16],
    }
    del facts["threads"]
    if trainer.deterministic:  # else another number of threads does no harm
        facts["threads"] = job.trainer.thread_count
    return json.loads(json.dumps(facts))  # type: ignore[no-any-return]
