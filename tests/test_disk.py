"""A disk that is full, read-only, shared, or left in disorder by killed processes costs one sentence, and no value."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace import bundle, disk, files, replacement, schema
from semspace.errors import DamagedError, ExistsError, InputError, MissingFileError, ReplacedError, SemspaceError
from semspace.maps.layout import layout

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither these locks nor named pipes in folders")


def write(path, value=1.0, **options):
    with bundle.create_bundle(path, "thing", **options) as draft:
        draft.meta["value"] = value
        draft.array("numbers", np.full(3, value))
        draft.table("rows", pl.DataFrame({"x": [value]}))
    return path


def hidden(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


# -- why the disk refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "problem",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("No space left on device (os error 28)"),  # polars
        RuntimeError('IoError(Os { code: 28, kind: StorageFull, message: "No space left on device" })'),  # safetensors
        OSError("960000 requested and 786400 written"),  # NumPy
    ],
)
def test_a_full_disk_is_known_by_whatever_name(tmp_path, problem):
    write(tmp_path / "v")
    assert disk.is_full(problem)

    def fill(draft):
        draft.array("numbers", np.ones(3))
        raise problem

    said = r"cannot write .*v: No space left on device; free disk space"
    with pytest.raises(InputError, match=said), bundle.create_bundle(tmp_path / "v", "thing", overwrite=True) as draft:
        fill(draft)
    assert bundle.open_bundle(tmp_path / "v").meta["value"] == 1.0
    assert hidden(tmp_path) == []


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(ZeroDivisionError), bundle.create_bundle(tmp_path / "v", "thing"):
        1 / 0  # noqa: B018
    assert disk.disk_reason(ValueError("2 requested")) is None
    assert disk.disk_reason(OSError(errno.EACCES, "Permission denied")) == "Permission denied"


FULL_DISK = """
    import re, resource, signal, sys, warnings
    import numpy as np
    import semspace as ss
    from semspace import bundle, files, replacement
    from semspace.formats.vectors import write_vectors

    warnings.simplefilter("ignore")
    out = sys.argv[1]
    space = ss.Space.from_vectors([f"p{i}" for i in range(3_000)], np.random.default_rng(0).normal(size=(3_000, 16)))
    corpus = ss.Corpus.from_texts(["a cat " * 40 + str(i) for i in range(2_000)])
    small = ss.Space.from_vectors(["a"], [[1.0, 2.0]])
    for name in ("space", "corpus", "tokens", "index"):
        ss.save(small, f"{out}/{name}")
    tokens = ss.Tokens.from_corpus(corpus)
    index = ss.Index.build(space)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    works = {
        "space": lambda: ss.save(space, f"{out}/space", overwrite=True),
        "corpus": lambda: ss.save(corpus, f"{out}/corpus", overwrite=True),
        "tokens": lambda: ss.save(tokens, f"{out}/tokens", overwrite=True),
        "index": lambda: ss.save(index, f"{out}/index", overwrite=True),
        "text": lambda: files.write_text(f"{out}/report.html", "x" * 100_000),
        "texts": lambda: files.write_texts(f"{out}", {"a.csv": "x", "b.csv": "x" * 100_000}),
        "vectors": lambda: write_vectors(space, f"{out}/vectors.txt"),
    }
    for name, work in works.items():
        try:
            work()
        except ss.SemspaceError as problem:
            assert re.search("make room|free disk space", str(problem)) and "\\n" not in str(problem), (name, problem)
        else:
            raise AssertionError(name)
"""


@posix
def test_whatever_is_written_to_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    subprocess.run([sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path)], check=True, timeout=300)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "index", "space", "tokens"]
    for path in tmp_path.iterdir():
        assert ss.load(path)["a"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", ["x" * 300, "file/v", "~nobody-of-this-name/v"])
def test_a_path_that_cannot_be_is_a_sentence(tmp_path, name):
    (tmp_path / "file").write_text("x")
    place = name if name.startswith("~") else tmp_path / name
    space = ss.Space.from_vectors(["a"], [[1.0]])
    with pytest.raises(SemspaceError):
        ss.save(space, place)
    with pytest.raises(SemspaceError):
        ss.load(place)
    with pytest.raises(SemspaceError):
        files.write_text(place, "x")


# -- readers beside writers -----------------------------------------------------------------------------------------


def test_a_value_put_back_is_another(tmp_path):
    """Old, new, old again: byte for byte the same manifest, and yet what was opened before is gone."""
    write(tmp_path / "v", 1.0)
    opened = bundle.open_bundle(tmp_path / "v")
    write(tmp_path / "v", 2.0, overwrite=True)
    write(tmp_path / "v", 1.0, overwrite=True)
    assert bundle.open_bundle(tmp_path / "v").signature == opened.signature
    with pytest.raises(ReplacedError):
        opened.table("rows")
    with pytest.raises(ReplacedError):
        opened.unchanged()


@posix
def test_what_was_opened_is_read_whole_although_its_name_is_anothers(tmp_path):
    write(tmp_path / "v", 1.0)
    opened = bundle.open_bundle(tmp_path / "v")
    (tmp_path / "v").rename(tmp_path / "w")
    write(tmp_path / "v", 2.0)
    assert opened.array("numbers").tolist() == [1, 1, 1]
    assert opened.table("rows").rows() == [(1.0,)]


def test_a_reader_tries_again_until_it_has_one_value(tmp_path):
    tries = []

    def read():
        tries.append(1)
        if len(tries) < 4:
            raise ReplacedError("again")
        return "value"

    assert bundle.retry_if_replaced(read) == "value"


def test_a_value_opened_set_aside_is_replaced_once_the_new_one_is_there(tmp_path):
    """The manifest of the old one goes last, so a reader may find its arrays gone and its manifest unchanged."""
    write(tmp_path / "v", 1.0)
    os.replace(tmp_path / "v", tmp_path / ".v.semspace-old")
    old = bundle.open_bundle(tmp_path / "v", "thing")
    write(tmp_path / "new", 2.0)
    os.replace(tmp_path / "new", tmp_path / "v")
    (tmp_path / ".v.semspace-old" / "numbers.npy").unlink()
    with pytest.raises(ReplacedError, match="was replaced while it was being opened"), old.reading():
        old.array("numbers")


@posix
def test_who_comes_between_two_renames_waits_for_the_second(tmp_path):
    write(tmp_path / "v")
    with ThreadPoolExecutor(1) as pool:
        with disk.rename_lock(tmp_path):  # as another writer holds it
            (tmp_path / "v").rename(tmp_path / ".v.semspace-old")
            assert replacement.is_bundle(tmp_path / "v")
            checked = pool.submit(replacement.check_free, tmp_path / "v", overwrite=False)
            time.sleep(0.05)
            assert not checked.done()
            (tmp_path / ".v.semspace-old").rename(tmp_path / "v")
        with pytest.raises(ExistsError, match="exists already; choose another path or pass overwrite=True"):
            checked.result()


def test_a_value_whose_writer_was_killed_between_two_renames_is_not_overwritten_unasked(tmp_path):
    write(tmp_path / "v")
    (tmp_path / "v").rename(tmp_path / ".v.semspace-old")
    with pytest.raises(ExistsError, match="v exists already"):
        write(tmp_path / "v", 2.0)
    assert bundle.open_bundle(tmp_path / "v").meta["value"] == 1.0
    write(tmp_path / "v", 2.0, overwrite=True)
    assert bundle.open_bundle(tmp_path / "v").meta["value"] == 2.0
    assert hidden(tmp_path) == []


def test_readers_beside_a_writer_read_one_value(tmp_path):
    spaces = [ss.Space.from_vectors(["a", "b"], np.full((2, 3), v, np.float32), {"v": [v] * 2}) for v in (1.0, 2.0)]
    ss.save(spaces[0], tmp_path / "s")
    stop, replaced, read = threading.Event(), [0, 0], 0

    def replace(writer):
        while not stop.is_set():
            for space in spaces:
                ss.save(space, tmp_path / "s", overwrite=True)
                replaced[writer] += 1

    writers = [threading.Thread(target=replace, args=(i,)) for i in range(2)]  # and they don't disturb each other
    for writer in writers:
        writer.start()
    try:
        while all(writer.is_alive() for writer in writers) and (min(replaced) < 40 or read < 80):
            space = ss.load(tmp_path / "s")
            assert set(space.vectors.ravel().tolist()) == set(space.metadata["v"])
            read += 1
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert min(replaced) >= 40
    assert hidden(tmp_path) == []


# -- killed, interrupted, and going on at once ----------------------------------------------------------------------


@posix
def test_what_a_killed_writer_leaves_goes_with_the_next_save(tmp_path):
    code = """
        import os, signal, sys
        from semspace import bundle, files, replacement
        with bundle.create_bundle(sys.argv[1], "thing", overwrite=True) as draft:
            (draft.folder / "large").write_bytes(b"x" * 1000)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    write(tmp_path / "v")
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "v")], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert len(hidden(tmp_path)) == 1
    write(tmp_path / "other")
    assert len(hidden(tmp_path)) == 1  # not its own
    write(tmp_path / "v", 2.0, overwrite=True)
    assert hidden(tmp_path) == []


@posix
def test_what_somebody_is_writing_is_left_alone(tmp_path):
    with bundle.create_bundle(tmp_path / "v", "thing") as draft:
        draft.array("numbers", np.ones(3))
        disk.delete_leftovers(tmp_path / "v")
        write(tmp_path / "v", 2.0)
        assert draft.folder.exists()
        replacement.delete_bundle(tmp_path / "v")
    assert bundle.open_bundle(tmp_path / "v").array("numbers").tolist() == [1, 1, 1]


def test_a_place_is_claimed_once_at_a_time(tmp_path):
    with disk.FileLock(tmp_path / "lock"), pytest.raises(disk.LockedError), disk.FileLock(tmp_path / "lock"):
        pass
    with disk.FileLock(tmp_path / "lock"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_another_machine_may_be_writing_goes_when_it_is_a_day_old(tmp_path, monkeypatch):
    left = tmp_path / ".v.new-0123456789ab"
    left.mkdir()
    (left / "numbers.npy").write_bytes(b"x")
    for path, written in ((left, 1_000), (left / "numbers.npy", 2_000)):  # the newest of them counts
        os.utime(path, (written, written))
    now = 2_000 + 86_400
    monkeypatch.setattr(disk, "time", SimpleNamespace(time=lambda: now))
    disk.delete_leftovers(tmp_path / "v")
    assert left.exists()
    now += 1
    disk.delete_leftovers(tmp_path / "v")
    assert not left.exists()


@pytest.mark.parametrize("step", range(1, 12))
@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_leaves_the_old_value_or_the_new(tmp_path, monkeypatch, step, when):
    """At each call to the system that changes anything."""
    write(tmp_path / "v", 1.0)
    calls = []

    def watched(real):
        def call(*args, **options):
            calls.append(real)
            if len(calls) == step and when == "before":
                raise KeyboardInterrupt
            found = real(*args, **options)
            if len(calls) == step:
                raise KeyboardInterrupt
            return found

        return call

    with monkeypatch.context() as patch:
        for owner, name in ((os, "replace"), (os, "fsync"), (Path, "unlink"), (Path, "write_text")):
            patch.setattr(owner, name, watched(getattr(owner, name)))
        with suppress(KeyboardInterrupt):
            write(tmp_path / "v", 2.0, overwrite=True)
    opened = bundle.open_bundle(tmp_path / "v")
    assert opened.array("numbers").tolist() == [opened.meta["value"]] * 3
    assert [name for name in hidden(tmp_path) if "new" in name] == []
    write(tmp_path / "v", 3.0, overwrite=True)
    assert bundle.open_bundle(tmp_path / "v").meta["value"] == 3.0
    assert hidden(tmp_path) == []


# -- what only has a file's name ------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("name", ["vectors.npy", "ids.arrow", "manifest.json", "stranger", "journal"])
@pytest.mark.parametrize("verify", [True, False])
def test_a_named_pipe_in_a_bundle_is_not_waited_for(tmp_path, name, verify):
    space = ss.Space.from_vectors(["a"], [[1.0, 2.0]])
    ss.save(ss.Index.build(space) if name == "journal" else space, tmp_path / "v")
    (tmp_path / "v" / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / "v" / name)
    with pytest.raises(DamagedError):
        ss.load(tmp_path / "v", verify=verify)


@posix
@pytest.mark.parametrize("kind", ["pipe", "loop", "file", "device", "folder", "dangling"])
def test_what_is_no_bundle_is_a_sentence(tmp_path, kind):
    place = tmp_path / "v"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind in ("loop", "dangling"):
        place.symlink_to(place if kind == "loop" else tmp_path / "none")
    elif kind == "file":
        place.write_text("x")
    elif kind == "folder":
        (place / "manifest.json").mkdir(parents=True)
    else:
        place = Path("/dev/null")
    with pytest.raises((DamagedError, InputError, MissingFileError)):
        ss.load(place)
    with pytest.raises(SemspaceError):
        ss.read_vectors(place)


# -- layouts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((50, 8)),
        np.tile([0.6, 0.8], (50, 1)),
        np.eye(1, 8).repeat(50, 0) + np.linspace(0, 1e-6, 50)[:, None],
        np.ones((1, 3)),
        np.eye(2),
        np.where(np.arange(40) % 2, 1.0, -1.0)[:, None],
        np.eye(20, 100),
    ],
    ids=["zeros", "same", "nearly the same", "one", "two", "a line", "wide"],
)
def test_a_map_of_whatever_a_space_may_hold(vectors):
    places = layout(vectors.astype(np.float32))
    assert places.shape == (len(vectors), 2)
    assert np.isfinite(places).all()


def test_a_map_gives_what_is_the_same_one_place():
    vectors = np.random.default_rng(0).normal(size=(30, 5))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).repeat(3, 0).astype(np.float32)
    places = layout(vectors)
    assert (places[::3] == places[1::3]).all()
    assert len(np.unique(places, axis=0)) == 30


def test_a_map_refuses_what_is_no_number():
    vectors = np.eye(20, dtype=np.float32)
    vectors[3, 4] = np.nan
    with pytest.raises(InputError, match="NaN or infinity"):
        layout(vectors)


def test_facts_say_what_they_should_be():
    facts = schema.Facts({"n": 3, "s": "x", "l": ["a"], "f": True, "d": {}}, "here")
    assert (facts.whole("n"), facts.text("s"), facts.texts("l"), facts.flag("f"), facts.mapping("d")) == (
        *(3, "x", ("a",), True, {}),
    )
    for wrong in (
        lambda: facts.whole("s"),
        lambda: facts.whole("n", high=2),
        lambda: facts.whole("f"),
        lambda: facts.number("f"),
        lambda: facts.text("n"),
        lambda: facts.texts("s"),
        lambda: facts.lists_of_texts("l"),
        lambda: facts.texts("l", count=2),
        lambda: facts.facts("l"),
        lambda: facts["none"],
        lambda: schema.Facts([], "here"),
    ):
        with pytest.raises(DamagedError, match="here"):
            wrong()


FORKED = """
    import os, signal, warnings
    import numpy as np
    import semspace as ss

    warnings.simplefilter("ignore")
    table = {"text": ["red wine"] * 40}
    space = ss.Space.from_vectors([f"p{i}" for i in range(40)], np.random.default_rng(0).normal(size=(40, 4)), table)
    corpus = ss.Corpus.from_texts(["red wine and bread"] * 9)
    works = [
        lambda: ss.save(space, "space", overwrite=True),
        lambda: ss.load("space"),
        lambda: ss.cluster(space, n_clusters=2),
        lambda: ss.compare(space, space, names=["a", "b"]),
        lambda: ss.Word2Vec(dim=4, epochs=1, min_count=1).train(corpus, progress=False),
    ]
    works[0](), works[2]()  # so that the threads of the libraries run in the parent
    for number, work in enumerate(works):
        child = os.fork()
        if not child:
            signal.alarm(60)
            try:
                work()
            except ss.SemspaceError as problem:
                os._exit(0 if "spawn" in str(problem) else 1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, number
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_forked_child_works_or_says_what_does(tmp_path):
    code = textwrap.dedent(FORKED)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300, cwd=tmp_path, env={**os.environ, **PATHS})


PATHS = {"PYTHONPATH": str(Path(ss.__file__).parents[1])}
