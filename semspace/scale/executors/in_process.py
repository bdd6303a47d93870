"""The work on shards in this process, one after the other; encoders and tokenizers use all its threads."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from semspace.scale.executors.executor import RETRIES, error_text
from semspace.scale.shard import Outcome, ShardTask, run_shard


@dataclass(frozen=True)
class InProcess:
    """The engine that is there without a cluster."""

    threads: int | None = None
    is_here: bool = True

    def outcomes(self, tasks: Sequence[ShardTask]) -> Generator[Outcome, None, None]:
        """Do the work on shards in order."""
        for task in tasks:
            yield self._outcome(task)

    def close(self) -> None:
        """Do nothing."""

    def _outcome(self, task: ShardTask) -> Outcome:
        for left in reversed(range(RETRIES + 1)):
            try:
                return run_shard(task, self.threads)
            except Exception as problem:
                if not left:
                    return Outcome(task.key, None, error_text(problem))
        raise AssertionError("unreachable")
