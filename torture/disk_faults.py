"""Disks that are full or can't be written, files that go away, several writers, a clock that goes back."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count, product
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import semspace as ss
from semspace.errors import MissingFileError, SemspaceError
from torture import processes
from torture.fault_tally import Tally
from torture.texts import corpus_of, texts_of
from torture.works import SAVED, TEXTS, writes
from torture.writers import contents

_TMPFS = 24  # MB
_NOBODY = 65534
_SAVES = 30  # of each of two processes
_REFUSED = "refused"
_PAGE = resource.getpagesize()


def full_disk(place: Path) -> Tally:
    """Write with each amount of space left, from nothing to enough, on a small file system of its own."""
    mounted = _mount(place)
    tally, values = Tally(), _saved_values(place)
    for name, write in writes(values).items():
        before = contents(place)
        for left in (0, 4, 16, 64, 256, 1_024, 4_096):  # kilobytes
            with _Filled(place, left, mounted=mounted):
                worked = tally.worked
                tally.attempt(f"{name}, {left} kB left", lambda w=write: w(place), says=("disk", "room", "space"))
                if tally.worked == worked:
                    _still_there(place, before, name)
            before = contents(place)
        write(place)  # with space again, the same process goes on
        _no_leftovers(place)
    if mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)
    else:
        tally.notes.append("no file system could be mounted: files of limited size (RLIMIT_FSIZE) instead")
    return tally


def read_only(place: Path) -> Tally:
    """Write into a folder that this user may only read; what is there can be opened and used."""
    tally = Tally()
    if os.getuid() != 0:
        tally.notes.append("left out: it needs root, to become a user who may not write")
        return tally
    values = _saved_values(place)
    for write in writes(values).values():
        write(place)
    before = contents(place)
    for path in [place, *place.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    for parent in place.parents[: len(place.parents) - 2]:
        parent.chmod(0o755)
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)
    for name, write in writes(values).items():
        worked = tally.worked
        tally.attempt(name, lambda w=write: w(place), says=("denied", "read-only", "cannot write", "can't"))
        assert tally.worked == worked, f"{name} was written into a folder that can't be written"
    for name in values:
        opened = tally.attempt(f"open {name}", lambda n=name: ss.load(place / n))
        assert opened is not None, f"{name} can't be opened where it can only be read"
        _use(opened)
    assert contents(place) == before
    return tally


def removed(place: Path) -> Tally:
    """Delete the files of values that are open; they answer as before."""
    tally, values = Tally(), _saved_values(place)
    for name, value in values.items():
        opened = ss.load(place / name)
        for path in sorted((place / name).rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        answer = tally.attempt(f"use {name}", lambda o=opened: _use(o))
        assert answer in (None, _use(value)), f"{name}: another answer after its files were removed"
        tally.attempt(f"open {name} again", lambda n=name: ss.load(place / n))
        opened = None
        (place / name).rmdir()
        value.save(place / name)
    return tally


def truncated(place: Path) -> Tally:
    """Cut files before values are opened, and while they are open; no wrong answer is given, but by the last page.

    The system shows zeros where a file that is mapped ends within its last page; beyond it, it ends the process.
    Each is opened in a child, and this process works on files alone: what polars began doesn't come along into a child.
    """
    place, beside = place / "values", place
    place.mkdir()
    _, expected = processes.answer(lambda: {n: _use(v) for n, v in _saved_values(place).items()}, folder=beside)
    tally, luck, killed, zeros = Tally(), random.Random(0), 0, 0
    for name, answer in expected.items():
        for path in sorted(path for path in (place / name).rglob("*") if path.is_file() and path.stat().st_size):
            whole = path.read_bytes()
            for size, while_open in product((0, len(whole) - 1, luck.randrange(len(whole))), (False, True)):
                cut = partial(os.truncate, path, size)
                if not while_open:
                    cut()
                work = partial(_opened_and_cut, place / name, cut if while_open else None)
                ended, found = processes.answer(work, folder=beside)
                what = f"{name} with {path.name} cut to {size}"
                assert ended.signal in (0, signal.SIGBUS if while_open else 0), f"{what}: {ended}"
                tally.tried += 1
                if found not in (None, answer, _REFUSED):
                    assert while_open, f"{what}: {found}"
                    assert -(-size // _PAGE) == -(-len(whole) // _PAGE), f"{what}: {found}"
                    zeros += 1
                tally.worked, tally.refused = tally.worked + (found == answer), tally.refused + (found == _REFUSED)
                killed += bool(ended.signal)
                path.write_bytes(whole)
    tally.notes.append(
        f"cut while mapped: {killed} processes were ended by the system (SIGBUS), {zeros} read zeros in its last page"
    )
    return tally


def two_writers(place: Path) -> Tally:
    """Two processes save one value, and a third reads it; a second one isn't let to write to an index."""
    tally, makers = Tally(), _makers()
    _, answers = processes.answer(lambda: [[_use(make()) for make in pair] for pair in makers.values()], folder=place)
    for (name, pair), allowed in zip(makers.items(), answers, strict=True):
        children = [processes.fork(partial(_save_often, make, place / name), log=place / "log") for make in pair]
        _, found = processes.answer(partial(_read_often, place / name), folder=place)
        assert set(found) <= set(allowed), f"{name}: {found} in the place of {allowed}"
        for child in children:
            ended = processes.wait(child, limit=300)
            assert ended[:2] == (0, 0), f"{name}: {ended} {(place / 'log').read_text()}"
        tally.tried, tally.worked = tally.tried + 2 * _SAVES + len(found), tally.worked + 2 * _SAVES + len(found)
        (place / "log").unlink()
    SAVED["index"]().save(place / "index")
    with ss.Index.open(place / "index", writable=True) as index:
        for _ in range(20):
            refused = tally.refused
            tally.attempt("a second writer of an index", lambda: ss.Index.open(place / "index", writable=True))
            assert tally.refused == refused + 1, "two writers opened one index"
            index.add(["new"], np.ones((1, 32), np.float32))
            index.delete(["new"])
    _no_leftovers(place)
    return tally


def clock_back(place: Path) -> Tally:
    """Write while the clock goes back by a day at each look at it."""
    tally, values, now = Tally(), _saved_values(place), time.time()
    backwards = (now - 86_400 * days for days in count())
    with mock.patch.object(time, "time", partial(next, backwards)):
        for turn in range(3):
            for name, write in writes(values).items():
                worked = tally.worked
                tally.attempt(f"{name}, turn {turn}", lambda w=write: w(place))
                assert tally.worked == worked + 1, f"{name} was refused since the clock went back"
            for name, value in values.items():
                assert _use(ss.load(place / name)) == _use(value)
            for path in place.rglob("*"):
                os.utime(path, (2**31, 2**31))  # all written in the future
    _no_leftovers(place)
    return tally


def _saved_values(place: Path) -> dict[str, Any]:
    values = {name: make() for name, make in SAVED.items()}
    (place / TEXTS).write_text("\n".join(texts_of(3_000)) + "\n")
    for name, value in values.items():
        value.save(place / name, overwrite=True)
    return values


def _makers() -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Return two values of each of three kinds, to be made by whoever needs them."""

    def corpus() -> ss.Corpus:
        return corpus_of(500, seed=7)

    return {
        "corpus": (SAVED["corpus"], corpus),
        "tokens": (SAVED["tokens"], lambda: ss.Tokens.from_corpus(corpus())),
        "space": (SAVED["space"], lambda: ss.Space.from_vectors(["x"], [[1.0]])),
    }


def _save_often(make: Callable[[], Any], place: Path) -> None:
    value = make()
    for _ in range(_SAVES):
        value.save(place, overwrite=True)


def _read_often(place: Path) -> list[str]:
    """Read a value while others save it; return each answer."""
    found = []
    for _ in range(_SAVES):
        with suppress(MissingFileError):  # it isn't there yet
            found.append(_use(ss.load(place)))
    return found


def _opened_and_cut(place: Path, cut: Callable[[], None] | None) -> str:
    """Open a value, cut one of its files, and use it."""
    try:
        opened = ss.load(place)
        if cut is not None:
            cut()
        return _use(opened)
    except SemspaceError as problem:
        return f"{problem}" if "\n" in str(problem).strip() else _REFUSED


def _use(value: Any) -> str:
    """Ask of a value what reads it."""
    if isinstance(value, ss.Space):
        return repr((len(value), float(np.abs(value.vectors).sum()), value.most_similar(value.ids[0], k=1).ids[:1]))
    if isinstance(value, ss.Index):
        return repr((len(value), value.search(id=value.ids[0], k=3).ids))
    if isinstance(value, ss.Corpus):
        return repr((len(value), hash(tuple(value))))
    if isinstance(value, ss.Tokens):
        return repr((list(value.words)[:50], sum(len(document) for document in value.documents())))
    if isinstance(value, ss.Clustering):
        return repr(value.to_frame().rows())
    return repr(value.encode(["ship"]).tolist())


def _mount(place: Path) -> bool:
    """Mount a small file system in memory at a folder, for this process alone if the system allows it."""
    clone_new_mounts = 0x00020000
    if ctypes.CDLL(None, use_errno=True).unshare(clone_new_mounts) == 0:
        subprocess.run(["mount", "--make-rprivate", "/"], check=False, capture_output=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={_TMPFS}m", "tmpfs", str(place)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


class _Filled:
    """A file system with so many kilobytes left, or, where there is none, files of this size at most."""

    def __init__(self, place: Path, kilobytes: int, *, mounted: bool) -> None:
        self.filler, self.bytes, self.mounted = place / "filler", kilobytes * 1_024, mounted

    def __enter__(self) -> None:
        if not self.mounted:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.bytes, self.limits[1]))
            return
        state = os.statvfs(self.filler.parent)
        free = state.f_bavail * state.f_frsize - self.bytes
        handle = os.open(self.filler, os.O_CREAT | os.O_WRONLY)
        os.posix_fallocate(handle, 0, max(free, 1))
        os.close(handle)

    def __exit__(self, *_: object) -> None:
        if self.mounted:
            self.filler.unlink()
            return
        resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)


def _still_there(place: Path, before: dict[str, str], name: str) -> None:
    """Check that what was there is still there, whole; an index may have a longer journal."""
    now = contents(place)
    lost = [path for path, digest in before.items() if now.get(path) != digest and "journal" not in path]
    assert not lost, f"{name}: refused, and yet changed: {lost}"


def _no_leftovers(place: Path) -> None:
    left = [path.name for path in place.iterdir() if ".new-" in path.name or path.name.endswith("-old")]
    assert not left, f"leftovers: {left}"
