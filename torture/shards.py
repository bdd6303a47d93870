"""Jobs of `semspace.scale` in this process: a shard in, a shard out; the same call does only what isn't done."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import semspace.scale as scale
from tests.scaled import write_model, write_texts
from torture.writers import Diary, Writer, contents


class ShardWriter(Writer):
    """A job over files of texts, in shards."""

    name: ClassVar[str]

    def __init__(self, name: str, run: Callable[[Path, Path], Any]) -> None:
        self.name, self._run = name, run  # type: ignore[misc]

    def prepare(self, folder: Path) -> None:
        write_model(folder / "model")
        write_texts(folder / "texts", 12, 60)
        self._run(folder, folder / "whole")

    def write(self, folder: Path, diary: Diary) -> None:
        job = self._run(folder, folder / "own")
        diary.say(done=job.n_done)

    def check(self, folder: Path, diary: Diary) -> None:
        place, records = folder / "own", folder / "own" / "done"
        finished = {path: path.stat().st_mtime_ns for path in records.glob("[!.]*.json")} if records.exists() else {}
        if diary.lines():
            assert len(finished) == diary.lines()[-1]["done"] == 12, "a shard that was done isn't there"
        job = self._run(folder, place)
        assert job.is_complete
        again = [path.name for path, time in finished.items() if path.stat().st_mtime_ns != time]
        assert not again, f"done again: {again}"
        expected, found = contents(folder / "whole", "*.parquet"), contents(place, "*.parquet")
        assert found == expected, f"shards: {sorted(set(found) ^ set(expected))}"
        hidden = [path.name for path in place.rglob(".*") if path.suffix != ".lock"]
        assert not hidden, f"leftovers: {hidden}"
        shutil.rmtree(place)


def _encoded(folder: Path, out: Path) -> Any:
    return scale.encode(folder / "texts", out, folder / "model", progress=False)


def _tokenized(folder: Path, out: Path) -> Any:
    return scale.tokenize(folder / "texts", out, progress=False)


def shard_writers() -> Iterator[Writer]:
    """Yield a writer of shards for each of two jobs."""
    yield ShardWriter("shards: encoding", _encoded)
    yield ShardWriter("shards: tokens", _tokenized)
