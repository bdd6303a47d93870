"""`Executor`: what a job needs of an engine, and how a user names one."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Protocol

from semspace.errors import InputError
from semspace.scale.shard import Outcome, ShardTask

DIED = "each worker that began it died: look into their logs; often memory is short"
RETRIES = 2  # of a shard whose work raised what may pass, such as a broken connection


class Executor(Protocol):
    """An engine; it decides where and when a shard is worked on, never what comes out."""

    @property
    def is_here(self) -> bool:
        """Whether all work is done in this process."""

    def outcomes(self, tasks: Sequence[ShardTask]) -> Generator[Outcome, None, None]:
        """Do the work on shards, and iterate over how each ended, as they end; closing the iterator cancels the rest.

        A shard whose worker dies is done again elsewhere, and one whose workers die each time ends with `DIED`.
        """

    def close(self) -> None:
        """Close what was opened for this work alone."""


def executor_of(client: Any, threads: int | None) -> Executor:
    """Return the engine that a user means by `client`.

    Parameters
    ----------
    client : None, str or distributed.Client
        None is this process; ``"ray"`` or an address ``ray://host:10001`` is a cluster of Ray; a client of Dask, or the
        address of its scheduler, such as ``tcp://host:8786``, is its cluster.
    threads : int, optional
        Of a worker's work on one shard.

    Raises
    ------
    InputError
        If it is something else.
    """
    if client is None:
        from semspace.scale.executors.in_process import InProcess

        return InProcess(threads)
    if isinstance(client, str) and (client == "ray" or client.startswith("ray://")):
        from semspace.scale.executors.on_ray import OnRay

        return OnRay.connect(client, threads)
    if isinstance(client, str) or type(client).__module__.partition(".")[0] == "distributed":
        from semspace.scale.executors.on_dask import OnDask

        return OnDask.connect(client, threads)
    raise InputError(
        f"client must be None, a distributed.Client, the address of a Dask scheduler, 'ray' or a ray:// address; got "
        f"{client!r:.80}"
    )


def error_text(problem: BaseException) -> str:
    """Return what went wrong in one line, with the kind of error."""
    return " ".join(f"{type(problem).__name__}: {problem}".split())[:500]
