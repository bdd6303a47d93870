"""How a job is run, whatever it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from semspace import checks


@dataclass(frozen=True)
class RunOptions:
    """Where a job runs, and what becomes of an earlier one; checked when it is created, before any work.

    Parameters
    ----------
    client : Any
        None for this process; see `encode`.
    threads : int, optional
    overwrite, progress : bool
    """

    client: Any
    threads: int | None
    overwrite: bool
    progress: bool

    def __post_init__(self) -> None:
        checks.flag("overwrite", self.overwrite)
        checks.flag("progress", self.progress)
        if self.threads is not None:
            checks.whole("threads", self.threads)
