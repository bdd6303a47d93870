"""The work on shards on a cluster of Ray, as its tasks."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from semspace import checks
from semspace.errors import InputError, ServerError
from semspace.scale.executors.executor import DIED, RETRIES, error_text
from semspace.scale.shard import Outcome, ShardTask, run_shard

_WAITING = 2_000  # shards that Ray knows at a time


@dataclass(frozen=True)
class OnRay:
    """A cluster of Ray, to which this process is connected.

    Parameters
    ----------
    threads : int
        Of the work on a shard, which takes as many of the cluster's CPUs.
    owned : bool
        Whether to close the connection after the work.
    """

    threads: int = 1
    owned: bool = False
    is_here: bool = False

    @classmethod
    def connect(cls, address: str, threads: int | None) -> OnRay:
        """Return the cluster that this process is connected to, or else connect it.

        ``"ray"`` is the cluster that ``ray.init()`` finds, and starts on this machine where it finds none.

        Raises
        ------
        MissingExtraError
            If Ray isn't installed.
        ServerError
            If nothing answers at the address.
        """
        ray = checks.need("ray", "ray")
        if ray.is_initialized():
            return _checked(cls(threads or 1))
        try:
            ray.init(None if address == "ray" else address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError) as problem:
            raise ServerError(
                f"no Ray cluster answers at {address!r} ({checks.first_line(problem)}); give the address of its "
                f"head, such as ray://host:10001"
            ) from problem
        return _checked(cls(threads or 1, owned=True))

    def outcomes(self, tasks: Sequence[ShardTask]) -> Generator[Outcome, None, None]:
        """Do the work on shards on the workers of the cluster, some thousands of them at a time."""
        import ray

        # Tries again both after what the work raised and where a worker died.
        remote = ray.remote(max_retries=RETRIES + 1, retry_exceptions=True, num_cpus=self.threads)(run_shard)
        waiting, known = iter(tasks), {}
        try:
            for task in islice(waiting, _WAITING):
                known[remote.remote(task, self.threads)] = task.key
            while known:
                for reference in ray.wait(list(known), num_returns=1)[0]:
                    yield _outcome(reference, known.pop(reference))
                    for task in islice(waiting, 1):
                        known[remote.remote(task, self.threads)] = task.key
        finally:
            for reference in known:
                ray.cancel(reference)

    def close(self) -> None:
        """Close the connection, if it was made for this work."""
        import ray

        if self.owned:
            ray.shutdown()


def _checked(cluster: OnRay) -> OnRay:
    """Raise `InputError` where no machine of the cluster has the CPUs for a shard: it would wait for one forever."""
    import ray

    most = max((node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
    if cluster.threads > most:
        if cluster.owned:
            ray.shutdown()
        raise InputError(
            f"threads={cluster.threads} needs as many CPUs of one machine, and the largest machine of the cluster has "
            f"{most:g}; pass fewer threads"
        )
    return cluster


def _outcome(reference: Any, key: str) -> Outcome:
    import ray

    try:
        result: Outcome = ray.get(reference)
        return result
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError):
        return Outcome(key, None, DIED)
    except ray.exceptions.RayTaskError as problem:
        return Outcome(key, None, error_text(problem.cause or problem))
    except ray.exceptions.RayError as problem:
        return Outcome(key, None, error_text(problem))
