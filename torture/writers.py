"""What writes, what it says it has written, and what must be there after it was stopped anywhere."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import semspace as ss
from semspace.errors import SemspaceWarning
from torture.texts import TEXTS, corpus_of

_DIM = 16


class Diary:
    """What a writer says: that it begins something, and that it is done. It survives the writer's end."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def say(self, **facts: Any) -> None:
        """Write a line down, by one call of the system."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            os.write(handle, (json.dumps(facts) + "\n").encode())
        finally:
            os.close(handle)

    def lines(self) -> list[dict[str, Any]]:
        """Return what was said."""
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []


class Writer(ABC):
    """Something that writes into a folder, for some tenths of a second, and can be stopped anywhere.

    `write` says in the diary what it begins and what it has done; a further call goes on where the last one ended.
    `check` raises AssertionError where something acknowledged is lost, or something is there by half.
    """

    name: ClassVar[str]

    @abstractmethod
    def prepare(self, folder: Path) -> None:
        """Create what is there before the first round."""

    @abstractmethod
    def write(self, folder: Path, diary: Diary) -> None:
        """Write, until it is done or stopped."""

    @abstractmethod
    def check(self, folder: Path, diary: Diary) -> None:
        """Check what is there."""


class IndexWriter(Writer):
    """An index opened for writing: points are added, changed and deleted, it is compacted and saved elsewhere."""

    def __init__(self, method: str) -> None:
        self.method = method

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"index ({self.method})"

    def prepare(self, folder: Path) -> None:
        ids = [f"p{i}" for i in range(600)]
        space = ss.Space.from_vectors(ids, [_vector(id) for id in ids], {"version": [0] * len(ids)})
        ss.Index.build(space, self.method, progress=False).save(folder / "i")
        (folder / "state.json").write_text(json.dumps(dict.fromkeys(ids, 0)))

    def write(self, folder: Path, diary: Diary) -> None:
        state: dict[str, int] = json.loads((folder / "state.json").read_text())
        luck = np.random.default_rng(zlib.crc32(json.dumps(state).encode()))
        with ss.Index.open(folder / "i", writable=True) as index:
            for turn in range(8):
                change = _change_of(state, luck, turn)
                diary.say(begun=change)
                _apply(index, change)
                state = _after(state, change)
                diary.say(done=turn)

    def check(self, folder: Path, diary: Diary) -> None:
        state: dict[str, int] = json.loads((folder / "state.json").read_text())
        lines, begun = diary.lines(), None
        for line in lines:
            if "begun" in line:
                begun = line["begun"]
            else:
                assert begun is not None
                state, begun = _after(state, begun), None
        with ss.Index.open(folder / "i", writable=True) as index:  # as its writer would, after a crash
            space = index.space
            assert space.metadata is not None
            found = dict(zip(space.ids.tolist(), space.metadata["version"].to_list(), strict=True))
            allowed = [state] if begun is None else [state, _after(state, begun)]
            assert found in allowed, f"{len(found)} points, {[len(one) for one in allowed]} expected, after {begun}"
            for id, vector in zip(space.ids, space.vectors, strict=True):
                assert np.array_equal(vector, _vector(id, found[id])), f"{id} has another vector"
            some = list(found)[:: max(1, len(found) // 20)]
            for id in some:
                assert index.search(_vector(id, found[id]), 1, exact=True).ids == (id,)
            nearest = [index.search(_vector(id, found[id]), 1).ids == (id,) for id in some]
            assert np.mean(nearest) >= 0.9, "the graph has lost points"
        (folder / "state.json").write_text(json.dumps(found))


class SaveWriter(Writer):
    """A saved value that is replaced by another one, again and again."""

    def __init__(self, name: str, make: Callable[[int], Any]) -> None:
        self.name, self._make = name, make  # type: ignore[misc]

    def prepare(self, folder: Path) -> None:
        sources = [folder / "sources" / str(number) for number in range(2)]
        (folder / "sources").mkdir()
        for number, source in enumerate(sources):
            self._make(number).save(source)
        ss.load(sources[0]).save(folder / "value")

    def write(self, folder: Path, diary: Diary) -> None:
        values = [ss.load(folder / "sources" / str(number)) for number in range(2)]
        for turn in range(6):
            number = (turn + 1) % 2
            diary.say(begun=number)
            values[number].save(folder / "value", overwrite=True)
            diary.say(done=number)

    def check(self, folder: Path, diary: Diary) -> None:
        lines = diary.lines()
        done = [line["done"] for line in lines if "done" in line]
        allowed = {done[-1]} if done else {0, 1}  # of the round before, either may be there
        allowed |= {line["begun"] for line in lines[-1:] if "begun" in line}
        ss.load(folder / "value")  # all checksums are verified
        known = {number: contents(folder / "sources" / str(number)) for number in range(2)}
        found = contents(folder / "value")
        assert any(found == known[number] for number in allowed), "the saved value is none of those saved last"
        ss.load(folder / "sources" / "0").save(folder / "value", overwrite=True)
        left = sorted(path.name for path in folder.iterdir())
        assert set(left) <= {"sources", "value", ".value.lock", "diary", "log"}, f"leftovers: {left}"


class EmbedWriter(Writer):
    """A corpus that is encoded onto the disk; the same call resumes it."""

    name = "embed"

    def prepare(self, folder: Path) -> None:
        encoder().embed(corpus_of(3_000), out=folder / "whole.space", progress=False)

    def write(self, folder: Path, diary: Diary) -> None:
        encoder().embed(corpus_of(3_000), out=folder / "own.space", progress=False)
        diary.say(done=True)

    def check(self, folder: Path, diary: Diary) -> None:
        if diary.lines():
            ss.load(folder / "own.space")
        self.write(folder, diary)
        _assert_same(folder / "own.space", folder / "whole.space")
        shutil.rmtree(folder / "own.space")
        left = [path.name for path in folder.iterdir() if path.name.startswith(".own") and path.is_dir()]
        assert not left, f"leftovers: {left}"


class ResumedWriter(Writer):
    """A long work that the same call resumes, with what it has kept so far in files whose names begin with ``own``.

    `finish` does it, in the folder that `arrange` has put something into: it writes to the name that it is given. Of
    what it writes, the files of a pattern are the same however often it is interrupted.
    """

    def __init__(
        self, name: str, finish: Callable[[Path, str], None], arrange: Callable[[Path], object] = bool, *,
        same: str = "*",
    ) -> None:  # fmt: skip
        self.name, self._finish, self._arrange, self._same = name, finish, arrange, same  # type: ignore[misc]

    def prepare(self, folder: Path) -> None:
        self._arrange(folder)
        self._finish_quietly(folder, "whole")

    def write(self, folder: Path, diary: Diary) -> None:
        self._finish_quietly(folder, "own")
        diary.say(done=True)

    def check(self, folder: Path, diary: Diary) -> None:
        whole = contents(folder / "whole", self._same)
        assert whole
        if diary.lines():
            assert contents(folder / "own", self._same) == whole, "what was done isn't there"
        self._finish_quietly(folder, "own")
        assert contents(folder / "own", self._same) == whole, "resumed, it ends with something else"
        for path in folder.glob("own*"):
            shutil.rmtree(path)
        left = [path.name for path in folder.glob(".own*") if path.suffix != ".lock"]
        assert not left, f"leftovers: {left}"

    def _finish_quietly(self, folder: Path, name: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SemspaceWarning)
            self._finish(folder, name)


def _change_of(state: dict[str, int], luck: np.random.Generator, turn: int) -> dict[str, Any]:
    ids = sorted(state)
    if turn == 5 or len(ids) > 900:
        return {"verb": "compact"} if len(ids) <= 900 else {"verb": "delete", "ids": ids[300:]}
    verb = ("add", "update", "delete", "upsert")[int(luck.integers(4))]
    fresh = [f"n{luck.integers(10**12)}" for _ in range(int(luck.integers(1, 60)))]
    known = [ids[i] for i in np.sort(luck.permutation(len(ids))[: int(luck.integers(1, 20))])]
    chosen = {"add": fresh, "update": known, "delete": known, "upsert": [*known, *fresh]}[verb]
    return {"verb": verb, "ids": chosen}


def _after(state: dict[str, int], change: dict[str, Any]) -> dict[str, int]:
    verb, ids = change["verb"], change.get("ids", [])
    if verb == "delete":
        return {id: version for id, version in state.items() if id not in set(ids)}
    return state | {id: state.get(id, -1) + 1 for id in ids}


def _apply(index: ss.Index, change: dict[str, Any]) -> None:
    verb, ids = change["verb"], change.get("ids", [])
    if verb == "compact":
        index.compact()
    elif verb == "delete":
        index.delete(ids)
    else:
        known = dict.fromkeys(ids, -1)
        space = index.space
        assert space.metadata is not None
        versions = dict(zip(space.ids.tolist(), space.metadata["version"].to_list(), strict=True))
        numbers = [versions.get(id, known[id]) + 1 for id in ids]
        vectors = [_vector(id, number) for id, number in zip(ids, numbers, strict=True)]
        getattr(index, verb)(ids, vectors, {"version": numbers})


def _vector(id: str, version: int = 0) -> Any:
    """Return the vector of an id, which a hash of it decides."""
    bytes_of = b"".join(hashlib.sha256(f"{id} {version} {part}".encode()).digest() for part in range(2))
    return np.frombuffer(bytes_of[: 4 * _DIM], np.uint32).astype(np.float32) / 2**32 - 0.5


def contents(folder: Path, pattern: str = "*") -> dict[str, str]:
    """Return the checksum of each file in a folder and those inside, hidden ones as well."""
    files = [path for path in sorted(folder.rglob(pattern)) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _assert_same(folder: Path, other: Path) -> None:
    found, whole = ss.load(folder), ss.load(other)
    assert found.ids.tolist() == whole.ids.tolist()
    assert np.array_equal(found.vectors, whole.vectors), "resumed, it ends with other vectors"


def _words() -> ss.Space:
    words = sorted({word for text in TEXTS for word in text.split()})
    return ss.Space.from_vectors(words, [_vector(word) for word in words])


def encoder() -> ss.WordAverage:
    """Return an encoder of the invented topics, which is made at once."""
    return ss.WordAverage(_words(), frequencies="zipf", remove_common=False)


def space_of(number: int) -> ss.Space:
    """Return a space of 400 texts."""
    return encoder().embed(corpus_of(400, seed=number), progress=False)
