"""`ShardsFailedError`: some shards of a job couldn't be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semspace.errors import SemspaceError

if TYPE_CHECKING:
    from semspace.scale.job import ShardJob


class ShardsFailedError(SemspaceError, RuntimeError):
    """Some shards of a job failed; the others are finished, and the same call does only what is left.

    Parameters
    ----------
    message : str
    job : ShardJob
        How far the job is; ``job.failed`` says why each shard failed.
    """

    def __init__(self, message: str, job: ShardJob) -> None:
        super().__init__(message)
        self.job = job
