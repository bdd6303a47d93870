"""`JobManifest`: what a job does, with which settings, to which files; a folder belongs to one job."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from semspace.errors import DamagedError, ExistsError, InputError, MissingFileError
from semspace.files import digest
from semspace.scale.inputs import InputFile
from semspace.scale.records import DONE, FAILED, SHARDS
from semspace.scale.shard import TASKS, ShardTask
from semspace.scale.storage import Storage, reached
from semspace.schema import Facts
from semspace.version import __version__

_NAME = "job.json"
_FORMAT = 1
_OF_RESULTS = ("join", "assign")  # tasks whose inputs are shards of vectors, whose names tell their contents


@dataclass(frozen=True)
class JobManifest:
    """A job.

    Parameters
    ----------
    task : str
        ``"encode"`` and so on.
    settings : mapping
        All that decides the results besides the files, as JSON; the fingerprint of a model is among them.
    shards : mapping of str to tuple of InputFile
        The files of each shard, by the shard's name, in the order of the results.
    """

    task: str
    settings: Mapping[str, Any]
    shards: Mapping[str, tuple[InputFile, ...]]

    @property
    def call(self) -> str:
        """Name of the function of `semspace.scale` that does this; a join within one set is ``"duplicates"``.

        Only `duplicates` compares a shard with itself, in a block of one file.
        """
        within = self.task == "join" and any(len(inputs) == 1 for inputs in self.shards.values())
        return "duplicates" if within else self.task

    @property
    def job(self) -> str:
        """The digest of the task and its settings; of a model its fingerprint counts, not how its path is written."""
        settings = {name: value for name, value in self.settings.items() if name != "model"}
        return digest(json.dumps([self.task, settings], sort_keys=True).encode())

    def tasks(self, storage: Storage) -> list[ShardTask]:
        """Return the work on all shards."""
        job = self.job
        return [
            ShardTask(storage.url, job, self.task, self.settings, key, inputs) for key, inputs in self.shards.items()
        ]

    def write(self, storage: Storage) -> None:
        """Write the manifest."""
        values = {
            "format": _FORMAT,
            "task": self.task,
            "settings": self.settings,
            "shards": {key: [file.facts() for file in inputs] for key, inputs in self.shards.items()},
            "versions": {"semspace": __version__, "python": platform.python_version()},
        }
        storage.write(_NAME, json.dumps(values).encode())


def read_manifest(storage: Storage, *tasks: str) -> JobManifest:
    """Read the manifest of the job in a folder, of one of some tasks, by default of any.

    Raises
    ------
    MissingFileError
        If no job is there.
    InputError
        If it is another task.
    DamagedError
        If the manifest is damaged.
    """
    place = f"{storage.url}/{_NAME}"
    try:
        with reached(storage.url):
            data = storage.read(_NAME)
    except MissingFileError as problem:
        raise MissingFileError(f"{storage.url} holds no job of semspace.scale; check the path") from problem
    try:
        facts = Facts(json.loads(data), place)
    except (ValueError, RecursionError) as problem:
        raise DamagedError(f"{place} isn't JSON; run the job again with overwrite=True") from problem
    if facts.whole("format", low=1) > _FORMAT:
        raise DamagedError(f"{place} was written by a later semspace; upgrade this one")
    shards, listed = {}, facts.facts("shards")
    for key in listed:
        rows = listed[key] if isinstance(listed[key], list) else []
        shards[key] = tuple(InputFile.of(Facts(row, f"{place}, shard {key!r:.80},")) for row in rows)
        if not rows or "/" in key or key.startswith("."):
            raise DamagedError(f"{place} has a shard {key!r:.80} that isn't sound; run the job again")
    if not shards:
        raise DamagedError(f"{place} names no shards; run the job again with overwrite=True")
    manifest = JobManifest(facts.text("task"), facts.mapping("settings"), shards)
    if manifest.task not in TASKS:
        raise DamagedError(
            f"{place} is of the task {manifest.task!r:.80}, which this semspace doesn't know; upgrade it"
        )
    if tasks and manifest.task not in tasks:
        raise InputError(
            f"{storage.url} holds the results of scale.{manifest.call}, and this needs those of scale.{tasks[-1]}"
        )
    return manifest


def claim_folder(storage: Storage, wanted: JobManifest, *, overwrite: bool) -> None:
    """Write the manifest into a folder that is empty, or holds this very job, with fewer files perhaps.

    A job of which nothing is finished is replaced, and files of which nothing is finished may be missing.

    Raises
    ------
    ExistsError
        If the folder holds results of another job, or something else.
    """
    with reached(storage.url):
        is_new = storage.is_empty()
    if is_new:
        wanted.write(storage)
        return
    try:
        there = read_manifest(storage)
    except MissingFileError as problem:
        raise ExistsError(f"{storage.url} holds other files; choose an empty folder as out=") from problem
    except DamagedError:
        if not overwrite:
            raise
        there = None
    if there is not None and there == wanted:
        return
    finished = {name.removesuffix(".json") for name in storage.sizes(DONE)}
    known = sorted(finished & there.shards.keys()) if there is not None else []
    left_out = [key for key in known if there is not None and not _stays(key, there, wanted)]
    gone = [key for key in left_out if there is not None and not _is_replaced(key, there, wanted)]
    is_other = there is None or there.job != wanted.job
    if there is None or (is_other and not finished) or (overwrite and (is_other or gone)):
        clear_folder(storage)
    elif is_other:
        raise ExistsError(
            f"{storage.url} holds another job, whose {_difference(there, wanted)}; choose another folder, or pass "
            f"overwrite=True to replace it"
        )
    elif gone:
        _check_names(storage, there, wanted, gone)
        names = ", ".join(file.title for file in there.shards[gone[0]])
        raise ExistsError(
            f"{storage.url} holds the results of {len(gone):,} files or parts that aren't among these, such as "
            f"{names}; give all of them, choose another folder, or pass overwrite=True to begin anew"
        )
    else:
        storage.delete(DONE, [f"{key}.json" for key in left_out])
    wanted.write(storage)


def _stays(key: str, there: JobManifest, wanted: JobManifest) -> bool:
    """Whether a shard is wanted as it is there: a .txt gives other ids alone than among others."""
    before, now = (job.shards.get(key, ()) for job in (there, wanted))
    return bool(now) and [file.prefix for file in before] == [file.prefix for file in now]


def _is_replaced(key: str, there: JobManifest, wanted: JobManifest) -> bool:
    """Whether a shard that isn't wanted any more has others in its place.

    It is a part of a file that is cut otherwise now, as it has grown; or its inputs are the results of another job, of
    which all are wanted, whichever they are.
    """
    now = {(file.name, file.prefix) for inputs in wanted.shards.values() for file in inputs}
    return there.task in _OF_RESULTS or all((file.name, file.prefix) in now for file in there.shards[key])


def _check_names(storage: Storage, there: JobManifest, wanted: JobManifest, gone: list[str]) -> None:
    """Raise `ExistsError` where files of a job are given again, under other names."""
    now = {file.url: file for inputs in wanted.shards.values() for file in inputs}
    old = next((file for key in gone for file in there.shards[key] if file.url in now), None)
    if old is not None and old.name == now[old.url].name and old.prefix != now[old.url].prefix:
        raise ExistsError(
            f"{storage.url} holds {old.name} with ids such as '{old.prefix}1', which would be '{now[old.url].prefix}1' "
            f"now, since a .txt among others has its name before them; give the same files as before, choose another "
            f"folder, or pass overwrite=True to begin anew"
        )
    if old is not None and old.name != now[old.url].name:
        root = old.url.removesuffix(old.name).removeprefix("file://")
        is_whole = root.rstrip("/").endswith(":") or not root.strip("/")  # nothing but s3://, say, is before the name
        remedy = "the same list of files" if is_whole else f"the folder {root}, or a pattern in it"
        raise ExistsError(
            f"{storage.url} holds the results of these files under other names (those below a folder or a pattern, or "
            f"whole paths in a list), such as {old.name} for what is {now[old.url].name} now; give {remedy}, as before"
        )


def clear_folder(storage: Storage) -> None:
    """Delete what a job wrote, the manifest last."""
    for folder in (DONE, FAILED, SHARDS):
        storage.delete(folder, storage.sizes(folder))
    storage.delete("", [_NAME])


def _difference(there: JobManifest, wanted: JobManifest) -> str:
    if there.call != wanted.call:
        return f"task is {there.call!r}, and this one's is {wanted.call!r}"
    old, new = _flat(there.settings), _flat(wanted.settings)
    name = next(name for name in [*new, *old] if old.get(name) != new.get(name))
    return f"{name} is {old.get(name)!r:.80}, and this one's is {new.get(name)!r:.80}"


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in which those of groups stand beside the others."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat.update(_flat(value) if isinstance(value, Mapping) else {name: value})
    return flat
