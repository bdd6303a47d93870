"""`run_job`: a manifest and an engine → finished shards, with progress; what is finished isn't done again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from semspace.errors import InputError
from semspace.progress import Bar, bar
from semspace.scale.executors.executor import DIED, Executor, executor_of
from semspace.scale.failed import ShardsFailedError
from semspace.scale.job import ShardJob, job_of
from semspace.scale.manifest import JobManifest, claim_folder
from semspace.scale.records import FAILED, SHARDS, ShardRecord, finished_records, write_failure
from semspace.scale.run_options import RunOptions
from semspace.scale.shard import ShardTask
from semspace.scale.storage import Storage

_HOPELESS = 20  # shards that failed, and none that didn't, after which the rest isn't tried


def run_job(
    storage: Storage,
    manifest: JobManifest,
    what: str,
    options: RunOptions,
) -> ShardJob:
    """Do the work on all shards of a job that aren't finished.

    Parameters
    ----------
    what : str
        What is being done, for the progress, such as ``"encoding"``.

    Raises
    ------
    ExistsError
        If the folder holds another job, or something else.
    ShardsFailedError
        If some shards failed, after all others were done; or if the first 20 all failed.
    """
    executor = executor_of(options.client, options.threads)
    try:
        if not executor.is_here and storage.url.startswith("memory:"):
            raise InputError(
                f"{storage.url} is in the memory of this process, where other workers can't write; use a disk"
            )
        claim_folder(storage, manifest, overwrite=options.overwrite)
        records = finished_records(storage, manifest.job)
        unfinished = [task for task in manifest.tasks(storage) if not _is_done(task, records)]
        storage.delete(FAILED, storage.sizes(FAILED))
        total = max(sum(task.size for task in unfinished), 1)
        with bar(what, total, unit="B", progress=options.progress and bool(unfinished)) as shown:
            errors = _work(executor, storage, unfinished, shown)
    finally:
        executor.close()
    job = job_of(storage, manifest)
    # A worker may finish a shard and die before it can say so.
    failed = [
        (task.key, errors[task.key]) for task in unfinished if task.key in errors and not _is_done(task, job.records)
    ]
    if failed:
        raise ShardsFailedError(_failure(job, failed, len(unfinished)), job)
    if not job.is_complete:
        raise ShardsFailedError(
            f"{job.n_shards - job.n_done:,} of {job.n_shards:,} shards in {storage.url} were deleted meanwhile; run "
            f"the same call again",
            job,
        )
    _sweep(storage, job.records)
    return job


def _is_done(task: ShardTask, records: Mapping[str, ShardRecord]) -> bool:
    """Whether a shard is finished, and its files haven't changed since, as far as their stamps tell."""
    record = records.get(task.key)
    return record is not None and record.stamps == tuple(file.stamp for file in task.inputs)


def _work(executor: Executor, storage: Storage, unfinished: Sequence[ShardTask], shown: Bar) -> dict[str, str]:
    """Do the work; return why shards failed, by key.

    Shards whose workers died each time are tried once more when all others have ended: most of them only were on
    workers that another shard had filled, or that were taken away.
    """
    tasks, failed, n_done = {task.key: task for task in unfinished}, dict[str, str](), 0
    again = list(unfinished)
    for is_first in (True, False):
        with closing(executor.outcomes(again)) as outcomes:
            for outcome in outcomes:
                if outcome.record is None:
                    failed[outcome.key] = outcome.error
                    write_failure(storage, outcome.key, outcome.error)
                else:
                    n_done += 1
                    failed.pop(outcome.key, None)
                bad = f", {len(failed):,} failed" if failed else ""
                shown.set_postfix_str(f"{n_done:,} of {len(unfinished):,} shards{bad}", refresh=False)
                shown.update(tasks[outcome.key].size if is_first else 0)
                if len(failed) == _HOPELESS and not n_done:
                    return failed
        again = [tasks[key] for key, error in failed.items() if error == DIED]
        if not again:
            break
    return failed


def _failure(job: ShardJob, failed: list[tuple[str, str]], tried: int) -> str:
    key, error = failed[0]
    names = ", ".join(job.inputs[key])
    stopped = ", so the rest wasn't tried" if len(failed) == _HOPELESS < tried and not job.n_done else ""
    return (
        f"{len(failed):,} of {job.n_shards:,} shards failed{stopped}; the first is {names}: {error} "
        f"({job.n_done:,} are finished: mend what is wrong, and the same call does only the rest)"
    )


def _sweep(storage: Storage, records: Any) -> None:
    """Delete files of shards that no record names: of work that was done twice, or of files that have changed."""
    named = {file.name for record in records.values() for file in record.files.values()}
    storage.delete(SHARDS, storage.sizes(SHARDS).keys() - named)
