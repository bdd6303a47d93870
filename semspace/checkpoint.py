"""`Checkpoint`: a training that isn't finished, on disk: written whole or not at all, gone on from after a crash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

from semspace import checks
from semspace.bundle import (
    Bundle,
    Draft,
    PathLike,
    check_writable,
    create_bundle,
    delete_interrupted,
    is_bundle,
    is_taken,
    open_bundle,
    resolved_path,
)
from semspace.errors import ExistsError, InputError


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

    kind: ClassVar[str]
    renamed: ClassVar[Mapping[str, str]] = {}  # parameters that older checkpoints know by another name

    def __init__(self, path: PathLike | None, minutes: float = 10.0, resume: bool = False) -> None:
        self.path: Path | None = None if path is None else resolved_path(path)
        if self.path is None and resume:
            raise InputError("resume=True needs checkpoint=, the place to go on from")
        self._seconds, self._last = checks.number("checkpoint_minutes", minutes) * 60, monotonic()
        # Where its writer died between two renames, the old one lies beside the place.
        self._found = self.path is not None and is_taken(self.path)
        if self.path is not None and not self._found:
            check_writable(self.path)
        if self.path is None or not self._found:
            return
        if self.path.exists() and not is_bundle(self.path):
            raise ExistsError(f"{self.path} exists and isn't a checkpoint; choose another place for checkpoint=")
        open_bundle(self.path, self.kind, verify=False)  # of this kind, or an error that says so
        if not resume:
            raise ExistsError(
                f"a checkpoint is at {self.path} already; go on from it with resume=True (--resume), or choose "
                f"another place"
            )

    @property
    def wanted(self) -> bool:
        """Whether anything is to be kept."""
        return self.path is not None

    def due(self) -> bool:
        """Check whether it is time to keep what is reached."""
        return self.path is not None and monotonic() - self._last >= self._seconds

    def found(self, identity: Mapping[str, Any], *, verify: bool = True) -> Bundle | None:
        """Return what is to be gone on from, if anything is.

        Raises
        ------
        InputError
            If it is of another training: its identity, what must be the same, isn't this one.
        """
        if self.path is None or not self._found:
            return None
        delete_interrupted(self.path)  # a killed training may have left half a checkpoint, as large as a whole one
        bundle = open_bundle(self.path, self.kind, verify=verify)
        there = {self.renamed.get(name, name): value for name, value in bundle.meta.facts("of").items()}
        other = next((name for name, value in identity.items() if there.get(name) != value), None)
        if other is not None:
            raise InputError(
                f"the checkpoint at {self.path} is of another training: {other} is {there.get(other)!r} there and "
                f"{identity[other]!r} here; give the same data and parameters, or choose another place"
            )
        return bundle

    @contextmanager
    def writing(self, identity: Mapping[str, Any]) -> Iterator[Draft]:
        """Write what is reached, where that is wanted; until it is whole, what was kept before stays.

        Raises
        ------
        InputError
            If it can't be written.
        """
        assert self.path is not None
        with create_bundle(self.path, self.kind, overwrite=True) as draft:
            draft.meta.update(of=dict(identity))
            yield draft
        self._last = monotonic()
