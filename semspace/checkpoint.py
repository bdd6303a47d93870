"""`Checkpoint`: an unfinished training on disk, written atomically, from which it resumes after a crash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

from semspace import checks
from semspace.bundle import Bundle, Draft, create_bundle, open_bundle
from semspace.errors import ExistsError, InputError
from semspace.files import PathLike, check_writable, resolved_path
from semspace.replacement import delete_interrupted, is_bundle, is_taken
from semspace.types import ArrayXd


class Checkpoint:
    """An unfinished training on disk.

    Parameters
    ----------
    path : path, optional
        A directory; None for no checkpoint.
    minutes : float
        Time between two checkpoints.
    resume : bool
        Resume from the checkpoint at the path, if there is one.

    Raises
    ------
    ExistsError
        If something is at the path and `resume` is False.
    """

    kind: ClassVar[str]
    renamed: ClassVar[Mapping[str, str]] = {}  # names of the identity in older checkpoints, with the current ones

    def __init__(self, path: PathLike | None, minutes: float = 10.0, resume: bool = False) -> None:
        self.path: Path | None = None if path is None else resolved_path(path)
        if self.path is None and resume:
            raise InputError("resume=True needs checkpoint=, the path of the checkpoint to resume from")
        self._seconds, self._written = checks.number("checkpoint_minutes", minutes) * 60, monotonic()
        self._identity: dict[str, Any] = {}
        # A writer that was killed between two renames has left the old checkpoint beside the path.
        self._exists = self.path is not None and is_taken(self.path)
        if self.path is not None and not self._exists:
            check_writable(self.path)
        if self.path is None or not self._exists:
            return
        if self.path.exists() and not is_bundle(self.path):
            raise ExistsError(f"{self.path} exists and isn't a checkpoint; choose another path for checkpoint=")
        open_bundle(self.path, self.kind, verify=False)  # raises if it is a value of another kind
        if not resume:
            raise ExistsError(
                f"a checkpoint is at {self.path} already; resume from it with resume=True, or choose another path"
            )

    @property
    def wanted(self) -> bool:
        """Whether there is a path to write checkpoints to."""
        return self.path is not None

    def bind(self, identity: Mapping[str, Any]) -> None:
        """Set the identity: the parameters and data that must be the same for a training to resume.

        Raises
        ------
        InputError
            If a checkpoint is there whose identity is another.
        """
        self._identity = dict(identity)
        self.opened(verify=False)

    def due(self) -> bool:
        """Check whether it is time for the next checkpoint."""
        return self.path is not None and monotonic() - self._written >= self._seconds

    def opened(self, *, verify: bool = True) -> Bundle | None:
        """Return the checkpoint to resume from, or None.

        Raises
        ------
        InputError
            If its identity is another.
        """
        if self.path is None or not self._exists:
            return None
        delete_interrupted(self.path)  # a killed training may have left half a checkpoint, as large as a whole one
        bundle = open_bundle(self.path, self.kind, verify=verify)
        identity = self._identity
        saved = {self.renamed.get(name, name): value for name, value in bundle.meta.facts("of").items()}
        other = next((name for name, value in identity.items() if saved.get(name) != value), None)
        if other is not None:
            raise InputError(
                f"the checkpoint at {self.path} is of another training: {other} is {saved.get(other)!r} there and "
                f"{identity[other]!r} here; give the same data and parameters, or choose another path"
            )
        return bundle

    @contextmanager
    def writing(self) -> Iterator[Draft]:
        """Write a checkpoint; the one before stays until it is complete.

        Raises
        ------
        InputError
            If it can't be written.
        """
        assert self.path is not None
        with create_bundle(self.path, self.kind, overwrite=True) as draft:
            draft.meta.update(of=self._identity)
            yield draft
        self._written = monotonic()


def check_shape(name: str, array: ArrayXd, shape: tuple[int, ...]) -> None:
    """Raise `ValueError` if an array of a checkpoint has another shape than what it is to be copied to.

    Copying alone would repeat an array of fewer values.
    """
    if array.shape != shape:
        raise ValueError(f"its {name!r} has the shape {array.shape}, and here that is {shape}")
