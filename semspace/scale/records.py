"""`ShardRecord`: what is known of a finished shard; it is written after the shard's files, which it names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from semspace.errors import DamagedError, SemspaceError
from semspace.scale.storage import Storage
from semspace.schema import Facts

SHARDS, DONE, FAILED = "shards", "done", "failed"
_PAIRS = (("numbered", "rows_read"), ("part", "lines"))  # what reading results needs of a shard, both or neither


@dataclass(frozen=True)
class ShardFile:
    """A file that a shard wrote: its name below ``shards``, its size in bytes and its SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class ShardRecord:
    """A finished shard.

    Parameters
    ----------
    key : str
    job : str
        The digest of the job's task and settings.
    rows : int
        Number of rows written.
    files : mapping of str to ShardFile
        By what they hold, such as ``"points"``.
    inputs : tuple of (stamp, sha256)
        Of the files that were read.
    facts : mapping of str to int or bool
        What else the task tells, mostly counts.
    seconds : float
        How long the work took.
    """

    key: str
    job: str
    rows: int
    files: Mapping[str, ShardFile]
    inputs: tuple[tuple[str, str], ...]
    facts: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def nbytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    @property
    def stamps(self) -> tuple[str, ...]:
        """Stamps of the inputs."""
        return tuple(stamp for stamp, _ in self.inputs)

    def is_there(self, sizes: Mapping[str, int]) -> bool:
        """Whether all files are there in their full size, among files of these sizes."""
        return all(sizes.get(file.name) == file.size for file in self.files.values())

    def write(self, storage: Storage) -> None:
        """Write the record; from then on the shard is finished."""
        storage.write(f"{DONE}/{self.key}.json", json.dumps(asdict(self), indent=1).encode())


def parse_record(data: bytes, place: str) -> ShardRecord:
    """Return the record in the content of a file, or raise `DamagedError`."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise DamagedError(f"{place} isn't JSON; delete it, and run the job again") from problem
    facts = Facts(values, place)
    files = {}
    for what in facts.facts("files"):
        one = facts.facts("files").facts(what)
        files[what] = ShardFile(_inside(one.text("name"), place), one.whole("size"), one.text("sha256"))
    inputs = tuple((row[0], row[1]) for row in facts.lists_of_texts("inputs") if len(row) == 2)
    return ShardRecord(
        facts.text("key"),
        facts.text("job"),
        facts.whole("rows"),
        files,
        inputs,
        _counts(facts.facts("facts")),
        facts.number("seconds", low=0.0),
    )


def _counts(facts: Facts) -> dict[str, int]:
    """Return what a task tells of a shard: numbers, or True and False; some come in pairs."""
    for name, other in _PAIRS:
        if facts.get(name):
            facts.whole(other)
    return {name: value if isinstance(value, bool) else facts.whole(name) for name, value in facts.items()}


def _inside(name: str, place: str) -> str:
    if not name or "/" in name or "\\" in name or name.startswith("."):
        raise DamagedError(f"{place} names the file {name!r:.80}, which isn't a plain name; delete it")
    return name


def read_record(storage: Storage, key: str) -> ShardRecord | None:
    """Return the record of a shard, or None where there is none that can be read."""
    try:
        return parse_record(storage.read(f"{DONE}/{key}.json"), f"{storage.url}/{DONE}/{key}.json")
    except (SemspaceError, FileNotFoundError):
        return None


def finished_records(storage: Storage, job: str) -> dict[str, ShardRecord]:
    """Return the records of a job's shards whose files are all there, by key."""
    sizes, found = storage.sizes(SHARDS), {}
    for name, data in storage.read_all(DONE, storage.sizes(DONE)).items():
        try:
            record = parse_record(data, f"{storage.url}/{DONE}/{name}")
        except DamagedError:
            continue
        if record.job == job and f"{record.key}.json" == name and record.is_there(sizes):
            found[record.key] = record
    return found


def failures(storage: Storage) -> dict[str, str]:
    """Return why shards failed in the last run, by key."""
    found = {}
    for name, data in storage.read_all(FAILED, storage.sizes(FAILED)).items():
        try:
            found[name.removesuffix(".json")] = Facts(json.loads(data), name).text("error")
        except (ValueError, SemspaceError):
            continue
    return found


def write_failure(storage: Storage, key: str, error: str) -> None:
    """Write down why a shard failed."""
    storage.write(f"{FAILED}/{key}.json", json.dumps({"error": error}).encode())
