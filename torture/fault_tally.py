"""What became of the calls that met a fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from semspace.errors import SemspaceError


@dataclass
class Tally:
    """How many calls were tried, how many worked, and how many were refused by one sentence."""

    tried: int = 0
    worked: int = 0
    refused: int = 0
    notes: list[str] = field(default_factory=list)

    def attempt(self, what: str, call: Callable[[], Any], *, says: tuple[str, ...] = ()) -> Any:
        """Call, and count how it ends; raise AssertionError at any other error than a sentence with one of these words.

        Return
        ------
        object
            What the call returns; None if it was refused.
        """
        self.tried += 1
        try:
            value = call()
        except (SemspaceError, MemoryError) as problem:
            said = str(problem)
            assert "\n" not in said.strip(), f"{what}: not one sentence: {said!r}"
            assert not says or any(word in said for word in says), f"{what}: it doesn't say why: {said!r}"
            self.refused += 1
            return None
        except Exception as problem:
            raise AssertionError(f"{what}: {type(problem).__name__} in the place of a sentence: {problem}") from problem
        self.worked += 1
        return value

    def add(self, other: Tally) -> None:
        """Add what another has counted."""
        self.tried, self.worked = self.tried + other.tried, self.worked + other.worked
        self.refused += other.refused
        self.notes += other.notes

    def write(self, path: Path) -> None:
        """Write it down for another process."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Tally:
        """Read what `write` wrote."""
        return cls(**json.loads(path.read_text()))
