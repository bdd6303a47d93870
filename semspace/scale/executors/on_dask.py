"""The work on shards on a cluster of Dask (`dask.distributed`)."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from semspace import checks
from semspace.errors import InputError, ServerError
from semspace.logs import notice
from semspace.scale.executors.executor import DIED, RETRIES, error_text
from semspace.scale.shard import Outcome, ShardTask, run_shard

_WAITING = 2_000  # shards that the scheduler knows at a time
_LOOK = 30.0  # seconds


def run_on_worker(task: ShardTask, threads: int | None) -> Outcome:
    """Do the work on a shard with as many threads as the worker has, unless told otherwise."""
    from distributed import get_worker

    return run_shard(task, threads or get_worker().state.nthreads)


@dataclass(frozen=True)
class OnDask:
    """A cluster of Dask.

    Parameters
    ----------
    client : distributed.Client
    threads : int, optional
        By default as many as the worker has.
    owned : bool
        Whether to close the client after the work.
    """

    client: Any
    threads: int | None = None
    owned: bool = False
    is_here: bool = False

    @classmethod
    def connect(cls, client: Any, threads: int | None) -> OnDask:
        """Return the cluster of a client, or of a scheduler at an address.

        Raises
        ------
        MissingExtraError
            If Dask isn't installed.
        InputError
            If it is something else, or a client that was closed.
        ServerError
            If nothing answers at the address.
        """
        distributed = checks.need("distributed", "dask")
        if not isinstance(client, str):
            return cls(_open_client(client, distributed), threads)
        connected = object.__new__(distributed.Client)
        try:
            connected.__init__(client, set_as_default=False)
            return cls(connected, threads, owned=True)
        except (OSError, ValueError, AssertionError) as problem:
            with suppress(Exception):  # else the client that came to nothing waits for a minute when the process ends
                connected.close(timeout=1)
            raise ServerError(
                f"no Dask scheduler answers at {client!r} ({checks.first_line(problem)}); give the address that "
                f"`dask scheduler` shows, such as tcp://host:8786"
            ) from problem

    def outcomes(self, tasks: Sequence[ShardTask]) -> Generator[Outcome, None, None]:
        """Do the work on shards on the workers of the cluster, some thousands of them at a time."""
        waiting, coming = iter(tasks), checks.need("distributed", "dask").as_completed(loop=self.client.loop)
        known: dict[str, tuple[Any, str]] = {}  # key of a future → the future, and the key of its shard
        try:
            with _told_of_no_workers(self.client):
                for task in islice(waiting, _WAITING):
                    coming.add(self._submit(task, known))
                for future in coming:
                    yield _outcome(future, known.pop(future.key)[1])
                    for task in islice(waiting, 1):
                        coming.add(self._submit(task, known))
        finally:
            self.client.cancel([future for future, _ in known.values()])

    def close(self) -> None:
        """Close the client, if it was made for this work."""
        if self.owned:
            self.client.close()

    def _submit(self, task: ShardTask, known: dict[str, tuple[Any, str]]) -> Any:
        future = self.client.submit(run_on_worker, task, self.threads, pure=False, retries=RETRIES)
        known[future.key] = (future, task.key)
        return future


def _open_client(client: Any, distributed: Any) -> Any:
    """Return a client that is open, or raise `InputError`."""
    if not isinstance(client, distributed.Client):
        raise InputError(
            f"client must be a distributed.Client; got {type(client).__name__}: for a cluster, give "
            f"distributed.Client(cluster)"
        )
    if client.status in ("closing", "closed"):
        raise InputError("client is a distributed.Client that is closed; give an open one")
    return client


@contextmanager
def _told_of_no_workers(client: Any) -> Iterator[None]:
    """Check whether the cluster has workers, and tell where it had none at the start, or for `_LOOK` seconds."""
    over = threading.Event()

    def look() -> None:
        was_empty, told = True, False  # at the start one look is enough
        while not over.is_set():
            try:
                is_empty = not client.nthreads()
            except OSError:
                return  # the scheduler doesn't answer any more, which the work itself notices
            if is_empty and was_empty and not told:
                notice(f"the cluster at {client.scheduler.address} has no workers; the work waits for some", __name__)
            was_empty, told = is_empty, is_empty and (told or was_empty)
            over.wait(_LOOK)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _outcome(future: Any, key: str) -> Outcome:
    from distributed.scheduler import KilledWorker

    try:
        # Where a worker dies with a result that wasn't fetched yet, the work is done again, and may end otherwise.
        result: Outcome = future.result()
        return result
    except KilledWorker:
        return Outcome(key, None, DIED)
    except Exception as problem:
        return Outcome(key, None, error_text(problem))
