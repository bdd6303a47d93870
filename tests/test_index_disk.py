"""An index on disk: what was acknowledged is there whatever happens, and what is damaged is said, never followed."""

import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import semspace as ss
from semspace import bundle
from semspace.errors import DamagedError, InputError, MissingFileError, SemspaceError, SemspaceWarning
from semspace.index import graph_search, local_collection, store
from semspace.index.journal import NAME, Journal, Record, writer_lock
from tests.conftest import random_space

KINDS = ("exact", "hnsw")
MORE = {"kind": ["plane"], "year": [7]}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def place(tmp_path, space, kind):
    """Where an index lies that has been changed since: one point more, one less, one moved."""
    path = tmp_path / "i"
    ss.Index.build(space, kind, progress=False).save(path)
    with ss.Index.open(path, writable=True) as index:
        index.add(["jet"], [[1, 0.05]], MORE)
        index.delete(["dog"])
        index.update(["bus"], [[1, 1]])
    return path


def held(index):
    """What an index holds: of each id its vector and metadata."""
    space = index.space
    rows = space.metadata.rows() if space.metadata is not None else [()] * len(space)
    return {id: (*vector, *row) for id, vector, row in zip(space.ids, space.vectors.tolist(), rows, strict=True)}


CHANGED = {"cat", "horse", "car", "bus", "train", "jet"}


def run(code, *given, **more):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, given)], capture_output=True, text=True, check=False, **more
    )


# -- saving and opening ---------------------------------------------------------------------------------------


def test_what_was_saved_is_opened(tmp_path, space, kind):
    index = ss.Index.build(space, kind, metric="dot", progress=False)
    index.delete(["dog"])
    index.save(tmp_path / "i")
    for again in (ss.Index.open(tmp_path / "i"), ss.load(tmp_path / "i"), ss.Index.open(tmp_path / "i", verify=True)):
        assert (again.method, again.metric, len(again)) == (kind, "dot", 5)
        assert again.report().settings == index.report().settings
        assert held(again) == held(index)
        for id in held(index):
            assert again.search(id=id).ids == index.search(id=id).ids


def test_changes_are_there_when_it_is_opened_again(place, kind):
    with ss.Index.open(place) as index:
        assert set(held(index)) == CHANGED
        assert index.search([1.0, 1.0], 1).ids == ("bus",)
        assert index.search([1.0, 0.0], where="kind = 'plane'").ids == ("jet",)
        assert index.search([1.0, 1.0], 1).metadata.rows() == [("vehicle", 5)]
    with ss.Index.open(place, writable=True) as index:
        index.compact()
        before = held(index)
    assert not (place / NAME).exists()
    assert held(ss.Index.open(place)) == before


def test_readers_beside_one_writer(place, kind):
    readers = [ss.Index.open(place), ss.Index.open(place)]
    before = held(readers[0])
    with ss.Index.open(place, writable=True) as writer:
        writer.delete(["cat"])
        for reader in readers:
            assert held(reader) == before
            assert "cat" in reader.search([1.0, 0.1], 3).ids
        assert "cat" not in ss.Index.open(place)
        writer.compact()  # the files are replaced under the readers
        assert held(readers[0]) == before
        assert "cat" in readers[1].search([1.0, 0.1], 3).ids


def test_one_writer_at_a_time(place):
    with ss.Index.open(place, writable=True) as writer:
        with pytest.raises(InputError, match="being written by this process, which has it open already"):
            ss.Index.open(place, writable=True)
        code = "import sys, semspace as ss; ss.Index.open(sys.argv[1], writable=True)"
        other = run(code, place)
        assert "InputError" in other.stderr
        assert f"process {os.getpid()}" in other.stderr
        writer.add(["ship"], [[0.5, 0.5]], MORE)
    assert run(code, place).returncode == 0
    with ss.Index.open(place, writable=True) as writer:
        assert "ship" in writer


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index.add(["ship"], [[0.5, 0.5]], MORE),
        lambda index: index.delete(["cat"]),
        lambda index: index.update(["cat"], [[0, 1]]),
        lambda index: index.compact(),
    ],
)
def test_an_index_open_for_reading_is_not_changed(place, change):
    index = ss.Index.open(place)
    before = held(index)
    with pytest.raises(InputError, match="open for reading; open it with writable=True"):
        change(index)
    assert held(index) == held(ss.Index.open(place)) == before


def test_an_index_in_memory_is_changed_without_a_trace(place):
    index = ss.load(place)
    files = sorted(place.iterdir())
    with pytest.raises(InputError, match="open for reading"):
        index.delete(["cat"])
    assert sorted(place.iterdir()) == files


def test_saving_over_the_place_it_is_open_at_loses_nothing(place):
    with ss.Index.open(place, writable=True) as index:
        index.save(place, overwrite=True)
        index.add(["ship"], [[0.5, 0.5]], MORE)
        index.save(place, overwrite=True)
        index.delete(["cat"])
        before = held(index)
    assert held(ss.Index.open(place)) == before


def test_nobody_saves_over_an_index_that_is_being_written(place, space):
    other = ss.Index.build(space)
    with ss.Index.open(place, writable=True) as index:
        with pytest.raises(InputError, match="being written by this process"):
            other.save(place, overwrite=True)
        index.add(["ship"], [[0.5, 0.5]], MORE)
    assert "ship" in ss.Index.open(place)
    other.save(place, overwrite=True)
    assert "ship" not in ss.Index.open(place)


def test_belongs_to_its_space_and_encoder(tmp_path, space, tiny):
    ss.Index.build(space).save(tmp_path / "i")
    assert len(ss.Index.open(tmp_path / "i", space=space)) == 6
    with pytest.raises(InputError, match="was made from another space: its fingerprint"):
        ss.Index.open(tmp_path / "i", space=random_space(6, 2))
    with pytest.raises(InputError, match="were made without an encoder"):
        ss.Index.open(tmp_path / "i", encoder=tiny)
    ss.Index.build(tiny.embed(ss.Corpus.from_texts(["red wine", "old ale"]))).save(tmp_path / "t")
    assert ss.Index.open(tmp_path / "t", encoder=tiny).search("old ale", 1).ids == ("1",)
    assert ss.Index.open(tmp_path / "t").search("old ale", 1).ids == ("1",)


def test_an_encoder_is_still_known_after_folding(tmp_path, tiny):
    ss.Index.build(tiny.embed(ss.Corpus.from_texts(["red wine", "old ale"]))).save(tmp_path / "t")
    with ss.Index.open(tmp_path / "t", writable=True) as index:
        index.add(["tea"], ["green tea"], {"text": ["green tea"]} if index._points.columns else None)
        index.compact()
        assert index.search("green tea", 1).ids == ("tea",)
    assert ss.Index.open(tmp_path / "t").search("green tea", 1).ids == ("tea",)


def test_what_is_not_there_leaves_no_lock(tmp_path):
    for writable in (False, True):
        with pytest.raises(MissingFileError):
            ss.Index.open(tmp_path / "none", writable=writable)
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_died_between_two_renames(place):
    os.replace(place, place.with_name(".i.semspace-old"))
    (place.with_name(".i.new-12345678")).mkdir()
    assert set(held(ss.Index.open(place))) == CHANGED
    with ss.Index.open(place, writable=True) as index:
        index.delete(["cat"])
    assert place.is_dir()
    assert set(held(ss.Index.open(place))) == CHANGED - {"cat"}
    assert not place.with_name(".i.new-12345678").exists()


# -- the journal ----------------------------------------------------------------------------------------------


def test_a_journal_that_has_grown_is_folded(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(local_collection, "_SMALL", 0)
    monkeypatch.setattr(local_collection, "_FOLD_SHARE", 0.05)
    ss.Index.build(random_space(200, 4), kind, progress=False).save(tmp_path / "i")
    rng, folds, longest = np.random.default_rng(0), [], 0
    fold = store.IndexStore.fold
    monkeypatch.setattr(store.IndexStore, "fold", lambda self, write: (folds.append(1), fold(self, write)))
    with ss.Index.open(tmp_path / "i", writable=True, verify=True) as index:
        for i in range(60):
            index.add([f"m{i}", f"n{i}"], rng.normal(size=(2, 4)))
            index.delete([f"m{i}"])
            longest = max(longest, index._points._store.journal.size)
        before = held(index)
        assert len(folds) >= 2
        assert longest < 0.2 * bundle.open_bundle(tmp_path / "i").size + 500
    again = ss.Index.open(tmp_path / "i")
    assert held(again) == before
    assert len(before) == 260


def test_deleting_the_last_points_never_fails(tmp_path, monkeypatch, space, kind):
    monkeypatch.setattr(local_collection, "_SMALL", 0)
    monkeypatch.setattr(local_collection, "_FOLD_SHARE", 0.0)
    ss.Index.build(space, kind, progress=False).save(tmp_path / "i")
    with ss.Index.open(tmp_path / "i", writable=True, verify=True) as index:
        index.delete(space.ids.tolist())
    with ss.Index.open(tmp_path / "i", writable=True, verify=True) as index:
        assert len(index) == 0
        index.add(["jet"], [[1, 0]], MORE)
    assert set(held(ss.Index.open(tmp_path / "i", verify=True))) == {"jet"}


def test_an_unfinished_last_change_is_passed_over(place, kind):
    """Cut at every byte of the last record, as a process does that is killed while it writes."""
    path = place / NAME
    before, start, slot = held(ss.Index.open(place)), path.stat().st_size, path.read_bytes()[:95]
    with ss.Index.open(place, writable=True) as index:
        index.add(["ship"], [[0.5, 0.5]], MORE)
    whole = path.read_bytes()
    after = {**before, "ship": (0.5, 0.5, "plane", 7)}
    for stop in range(start, len(whole), 1 if kind == "exact" else 9):
        path.write_bytes(slot + whole[95:stop])
        with ss.Index.open(place) as index:
            assert held(index) == before
        if stop % 64 == 0:  # and goes on from there
            with ss.Index.open(place, writable=True) as index:
                index.add(["ship"], [[0.5, 0.5]], MORE)
            assert held(ss.Index.open(place)) == after
    path.write_bytes(slot + whole[95:])  # all written, and never acknowledged: it may count
    assert held(ss.Index.open(place)) == after


def test_an_acknowledged_change_is_never_passed_over(place):
    path = place / NAME
    whole = path.read_bytes()
    for stop in range(0, len(whole), 1 if len(whole) < 500 else 5):
        path.write_bytes(whole[:stop])
        with pytest.raises(DamagedError, match="restore it, or delete it"):
            ss.Index.open(place)


def test_a_bit_that_has_changed_in_the_journal_is_damage(place):
    path = place / NAME
    whole = path.read_bytes()
    for at in [*range(130), *range(130, len(whole), 7)]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        with pytest.raises(DamagedError, match="restore it, or delete it"):
            ss.Index.open(place)
    path.unlink()
    assert "jet" not in ss.Index.open(place)


def test_a_journal_of_another_index_is_refused(tmp_path, place):
    ss.Index.build(random_space(5, 2)).save(tmp_path / "other")
    shutil.copy(place / NAME, tmp_path / "other" / NAME)
    with pytest.raises(DamagedError, match="it belongs to another index"):
        ss.Index.open(tmp_path / "other")


def test_a_journal_gives_back_what_was_written(tmp_path):
    records = [
        Record("add", ["é", "\n", ""], np.arange(6, dtype=np.float32).reshape(3, 2), None),
        Record("delete", ["é"]),
        Record("add", ["x"], np.ones((1, 2), np.float32), ss.Space.from_vectors(["x"], [[1]], {"a": [None]}).metadata),
    ]
    journal = Journal(tmp_path, "f" * 64)
    for record in records:
        journal.append(record)
    journal.close()
    again = Journal(tmp_path, "f" * 64)
    for record, read in zip(records, again.read(), strict=True):
        assert (record.what, record.ids) == (read.what, read.ids)
        assert (record.vectors is None and read.vectors is None) or (record.vectors == read.vectors).all()
        assert (record.metadata is None and read.metadata is None) or record.metadata.equals(read.metadata)
    assert again.size == journal.size


def test_a_full_disk_changes_nothing(place, monkeypatch):
    with ss.Index.open(place, writable=True) as index:
        before = held(index)

        def full(_file):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(InputError, match="No space left on device; nothing was changed, make room"):
                index.add(["ship"], [[0.5, 0.5]], MORE)
        assert held(index) == before
        index.delete(["cat"])
        after = held(index)
    assert held(ss.Index.open(place)) == after


def test_a_lock_is_given_back(tmp_path):
    first = writer_lock(tmp_path / "i")
    with pytest.raises(InputError, match="being written by"):
        writer_lock(tmp_path / "i")
    first.release()
    writer_lock(tmp_path / "i").release()


def test_folding_a_large_index_copies_no_vectors(tmp_path, monkeypatch):
    """Nor does saving it: what is in memory at a time is a small part of the 51 MB of vectors."""
    n, dim = 50_000, 256
    vectors = np.random.default_rng(0).random((n, dim), np.float32)
    ss.Index.build(ss.Space.from_vectors([f"p{i}" for i in range(n)], vectors), "exact").save(tmp_path / "i")
    monkeypatch.setattr(local_collection, "_SMALL", 0)
    monkeypatch.setattr(local_collection, "_FOLD_SHARE", 0.0)
    with ss.Index.open(tmp_path / "i", writable=True, verify=False) as index:
        monkeypatch.setattr(ss.Space, "__post_init__", lambda _: pytest.fail("a space was made"))
        tracemalloc.start()
        index.add(["one"], np.ones((1, dim)))
        index.save(tmp_path / "copy")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < n * dim * 4 / 2
    monkeypatch.undo()
    assert not (tmp_path / "i" / NAME).exists()  # it was folded
    for folder in ("i", "copy"):
        assert len(ss.Index.open(tmp_path / folder)) == n + 1


def test_an_index_remembers_where_its_encoder_cuts_texts(tmp_path):
    class Short:
        name, dim, fingerprint, shortened = "short", 2, "0" * 64, 7

    space = ss.Space.from_vectors(["a", "b"], [[1, 0], [0, 1]], encoder=Short())
    ss.Index.build(space).save(tmp_path / "i")
    assert ss.Index.open(tmp_path / "i").encoder.shortened == 7


# -- damage ---------------------------------------------------------------------------------------------------


def test_every_file_is_checked_when_a_small_index_is_opened(place):
    files = [path for path in sorted(place.iterdir()) if path.name != NAME]
    assert {"vectors.npy", "ids.arrow", "manifest.json"} < {path.name for path in files}
    for path in files:
        whole = path.read_bytes()
        for share in (0, 0.02, 0.2, 0.5, 0.8, 1):
            at = min(int(len(whole) * share), len(whole) - 1)
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
            if path.name == "manifest.json" and at == len(whole) - 1:
                continue  # the line's end
            with pytest.raises(DamagedError):
                ss.Index.open(place)
            path.write_bytes(whole[:at])
            for writable in (False, True):
                with pytest.raises(DamagedError):
                    ss.Index.open(place, writable=writable)
            with pytest.raises(DamagedError):
                ss.Index.open(place, verify=False)
        path.unlink()
        with pytest.raises(DamagedError):
            ss.Index.open(place)
        path.write_bytes(whole)
    assert set(held(ss.Index.open(place))) == CHANGED


def test_damage_of_a_large_index_is_noticed_while_it_is_used(place, monkeypatch):
    monkeypatch.setattr(store, "VERIFIED_AT_ONCE", 0)
    data = bytearray((place / "vectors.npy").read_bytes())
    data[-1] ^= 1
    (place / "vectors.npy").write_bytes(data)
    gate, check = threading.Event(), bundle.Bundle.check

    def later(self, *, sums=True):
        if sums:
            assert gate.wait(10)
        check(self, sums=sums)

    monkeypatch.setattr(bundle.Bundle, "check", later)
    with ss.Index.open(place, writable=True) as index:
        assert len(index.search([1.0, 0.0])) == 6
        gate.set()
        for thread in threading.enumerate():
            if thread.daemon and getattr(thread, "_target", None) == index._points._store._verify:
                thread.join()
        while index._points._store._damage is None:
            time.sleep(0.001)
        for ask in (
            lambda: index.search([1.0, 0.0]),
            lambda: index.search_batch([[1.0, 0.0]]),
            lambda: index.knn_query([[1.0, 0.0]]),
            lambda: index.add(["ship"], [[0.5, 0.5]], MORE),
            lambda: index.delete(["cat"]),
            index.compact,
            lambda: index.duplicates(progress=False),
            lambda: index.save(place.parent / "copy"),
        ):
            with pytest.raises(DamagedError, match=r"vectors\.npy is damaged: its checksum"):
                ask()
    assert not (place.parent / "copy").exists()


def fuzz(folder, rounds):
    """Damage files of an index in many ways, open without checking, and search; print what came of it, by file."""
    graph_search.SCANS = 0
    rng, came = np.random.default_rng(1), collections.defaultdict(collections.Counter)
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    for turn in range(rounds):
        path, way = files[turn % len(files)], turn // len(files) % 5
        whole = path.read_bytes()
        data = bytearray(whole)
        if way == 0:
            del data[int(rng.integers(len(data))) :]
        elif way == 1:  # all behind the head is something else
            data[128:] = rng.bytes(max(len(data) - 128, 0))
        elif way == 2:  # a region is
            start = int(rng.integers(len(data)))
            data[start : start + 999] = rng.bytes(len(data[start : start + 999]))
        else:
            for at in rng.integers(0, min(128, len(data)) if way == 3 else len(data), rng.integers(1, 9)):
                data[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        try:
            index = ss.Index.open(folder, verify=False)
            index.search_batch(list(rng.normal(size=(5, index.dim)).astype(np.float32)), 10)
            index.search(np.ones(index.dim), k=50, where="id != 'p3'")
            index.search(np.ones(index.dim), k=3, exact=True)
            index.search(id="p5", k=3)
            came[path.name]["searched"] += 1
        except SemspaceError as problem:
            came[path.name]["in many lines" if "\n" in str(problem) else "refused"] += 1
        path.write_bytes(whole)
    print(json.dumps(came))


def sketched(place):
    space = random_space(1_200, 100)
    return ss.Index.build(space, "hnsw", m=4, ef_construction=20, code_bytes=128, progress=False)


def of_hnswlib(place):
    ids = [f"p{i}" for i in range(300)]
    ss.Index.build(random_space(300, 16), "hnsw", m=4, ef_construction=20, progress=False).to_hnswlib(f"{place}.bin")
    return ss.Index.from_hnswlib(f"{place}.bin", ids, space="cosine")


def compared(place):
    space = random_space(300, 16)
    texts = {"text": [f"number {i % 7} of {i}" for i in range(300)], "n": list(range(300))}
    return ss.Index.build(ss.Space.from_vectors(space.ids.tolist(), space.vectors, texts), "exact")


@pytest.mark.parametrize(
    ("made", "files"),
    [
        (sketched, {"sketches.npy", "codes.npy", "links.npy", "upper.npy", "rows.npy", "axes.npy", "alive.npy"}),
        (of_hnswlib, {"links.npy", "upper.npy", "levels.npy", "labels.npy", "vectors.npy"}),
        (compared, {"metadata.arrow", "ids.arrow", "words.arrow", "word-counts.npy", "sizes.npy", "manifest.json"}),
    ],
)
def test_a_damaged_file_never_crashes_the_process(tmp_path, made, files):
    index = made(tmp_path / "i")
    index.delete(["p3"])
    index.save(tmp_path / "i")
    with ss.Index.open(tmp_path / "i", writable=True) as index:
        index.delete(["p4"])
    ran = run("import sys; from tests.test_index_disk import fuzz; fuzz(sys.argv[1], 170)", tmp_path / "i")
    assert ran.returncode == 0, ran.stderr[-2000:]
    came = json.loads(ran.stdout)
    assert files | {"journal"} <= set(came)
    assert not [name for name, one in came.items() if "in many lines" in one]
    assert min(sum(one.get(how, 0) for one in came.values()) for how in ("searched", "refused")) > 20


def test_a_graph_that_does_not_fit_its_points_is_said(tmp_path):
    ss.Index.build(random_space(1_200, 8), "hnsw", progress=False).save(tmp_path / "i")
    rows = np.load(tmp_path / "i" / "rows.npy")
    rows[5] = 1_200
    np.save(tmp_path / "i" / "rows.npy", rows)
    with pytest.raises(DamagedError, match=r"a graph that can't be used \(its nodes aren't different rows"):
        ss.Index.open(tmp_path / "i", verify=False)


def test_an_index_of_the_time_of_hnswlib_is_searched_without_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "hnswlib", None)
    golden = Path(__file__).parent / "golden" / "v1" / "index-hnsw"
    shutil.copytree(golden, tmp_path / "i")
    with ss.Index.open(tmp_path / "i", writable=True) as index:
        assert (index.method, len(index)) == ("hnsw", 3)
        assert index.search(id="a").ids == ("c", "b")
        index.add(["d"], [[1, 0.4]], {"text": ["new"], "year": [4]})
        assert index.search(id="a", k=1).ids == ("d",)
        index.compact()
    assert (tmp_path / "i" / "links.npy").exists()
    assert ss.Index.open(tmp_path / "i").search(id="a", k=1).ids == ("d",)


# -- killed at any moment -------------------------------------------------------------------------------------


CHILD = """
import json, os, random, sys
import numpy as np
import semspace as ss
from semspace.index import local_collection
from semspace.index.quantization import Codec
from semspace.index.graph import Graph, WorkerPool

local_collection._SMALL, local_collection._FOLD_SHARE = 3_000, 0.05

def work(place, seed):
    draw = random.Random(seed)
    with ss.Index.open(place, writable=True, verify=True) as index:
        ids = index.space.ids.tolist()
        print("ready", os.getpid(), flush=True)
        for step in range(100_000):
            what = draw.choice(["add", "add", "update", "delete"])
            some = [f"{seed}-{step}-{i}" for i in range(draw.randint(1, 5))] if what == "add" else draw.sample(ids, 2)
            note = f"{seed}-{step}"
            print("asked", json.dumps([what, some, note]), flush=True)
            vectors = np.full((len(some), 4), 1 + seed * 1000 + step, np.float32)
            if what == "delete":
                index.delete(some)
                ids = [id for id in ids if id not in some]
            else:
                (index.add if what == "add" else index.update)(some, vectors, {"note": [note] * len(some)})
                ids += some if what == "add" else []
            print("done", flush=True)

# The kernels are loaded once; nothing of polars runs before the fork, whose threads wouldn't be there after it.
vectors = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
codec = Codec.fit(vectors, "cosine")
graph, crew = Graph(codec.width, 16, 200, 1), WorkerPool(1, codec.width)
graph.first(codec.encode(vectors), np.arange(80), crew)
graph.add(codec.encode(vectors), np.arange(80, 160), crew)
for line in sys.stdin:
    child = os.fork()
    if not child:
        work(sys.argv[1], int(line))
        os._exit(0)
    os.waitpid(child, 0)
    print("\\ndead", flush=True)
"""


def after(model, what, some, note):
    """Return what an index holds after a change."""
    if what == "delete":
        return {id: value for id, value in model.items() if id not in some}
    seed, step = map(int, note.split("-"))
    return {**model, **dict.fromkeys(some, (*[1.0 + seed * 1000 + step] * 4, note))}


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL, no fork")
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path, kind):
    """Fifty times over one index that grows, at any moment, also while its journal is folded."""
    place = tmp_path / "i"
    space = ss.Space.from_vectors([f"p{i}" for i in range(40)], np.ones((40, 4)), {"note": ["at first"] * 40})
    ss.Index.build(space, kind, progress=False).save(place)
    model, draw, changes, folds, kills = held(ss.Index.open(place)), random.Random(1), 0, 0, 50
    acknowledged = model
    reader = ss.Index.open(place)  # lives through all of it
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", CHILD, str(place)], **pipes) as children:
        for seed in range(1, kills + 1):
            begun = bundle.open_bundle(place).signature
            print(seed, file=children.stdin, flush=True)
            ready, pid = children.stdout.readline().split()
            assert ready == "ready"
            lines, wanted = [], draw.randint(0, 24)  # changes to wait for, so that a slow machine makes as many
            while lines.count("done\n") < wanted:
                lines.append(children.stdout.readline())
            time.sleep(draw.uniform(0, 0.02))
            os.kill(int(pid), signal.SIGKILL)
            lines += iter(children.stdout.readline, "dead\n")
            asked = [json.loads(line[6:]) for line in lines if line.startswith("asked") and line.endswith("]\n")]
            done = lines.count("done\n")
            assert done <= len(asked) <= done + 1
            for change in asked[:done]:
                model = after(model, *change)
            if done:
                acknowledged = model  # and with it a change of an earlier writer, which died before it acknowledged it
            index, before_the_last = ss.Index.open(place), model
            if held(index) != model:  # the last change wasn't acknowledged: it may have been made, whole
                assert len(asked) == done + 1
                model = after(model, *asked[-1])
            assert held(index) == model
            reader.refresh()
            assert held(reader) in (acknowledged, before_the_last, model)
            changes += done
            folds += begun != bundle.open_bundle(place).signature
        children.stdin.close()
    assert changes > 5 * kills
    assert folds > kills // 4
    with ss.Index.open(place, writable=True) as index:
        index.compact()
        assert held(index) == model
    assert sorted(path.name for path in tmp_path.iterdir()) == ["i"]


def test_a_closed_index_writes_no_more(tmp_path, space):
    """It has given up its right to write; another one's changes would be lost."""
    ss.Index.build(space).save(tmp_path / "i")
    first = ss.Index.open(tmp_path / "i", writable=True)
    first.add(["jet"], [[1, 0.05]], MORE)
    first.close()
    with ss.Index.open(tmp_path / "i", writable=True) as second:
        second.add(["boat"], [[1, 0.5]], MORE)
        with pytest.raises(InputError, match="was closed; open it again"):
            first.add(["late"], [[1, 0.7]], MORE)
    assert {"jet", "boat"} < set(ss.Index.open(tmp_path / "i").space.ids)
    assert "late" not in ss.Index.open(tmp_path / "i")


@pytest.mark.parametrize("then", [False, True])
def test_a_fold_while_a_reader_opens(tmp_path, space, monkeypatch, then):
    """The reader has mapped the old files when it comes to the journal, which is the new one's."""
    ss.Index.build(space).save(tmp_path / "i")
    writer = ss.Index.open(tmp_path / "i", writable=True)
    writer.add(["jet"], [[1, 0.05]], MORE)
    read, folds = Journal.read, []

    def folding(journal):
        if not folds:
            folds.append(1)
            writer._points.fold()
            if then:
                writer.add(["boat"], [[1, 0.5]], MORE)
        return read(journal)

    monkeypatch.setattr(Journal, "read", folding)
    assert "jet" in ss.Index.open(tmp_path / "i")
    assert folds
    writer.close()


def test_a_fold_that_fails_is_no_failed_change(tmp_path, space, monkeypatch):
    ss.Index.build(space).save(tmp_path / "i")
    with ss.Index.open(tmp_path / "i", writable=True) as index:
        monkeypatch.setattr(
            local_collection.LocalCollection, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left"))
        )
        index._points._fold_above = 0
        with pytest.warns(SemspaceWarning, match="the change is safe, but the journal can't be folded"):
            index.add(["jet"], [[1, 0.05]], MORE)
    assert "jet" in ss.Index.open(tmp_path / "i")


def test_a_disk_that_fails_while_a_change_is_acknowledged(tmp_path, space, monkeypatch):
    from semspace.index import journal

    ss.Index.build(space).save(tmp_path / "i")
    index = ss.Index.open(tmp_path / "i", writable=True)
    index.add(["jet"], [[1, 0.05]], MORE)
    put = journal._put

    def failing(file, data, at):
        if len(data) == journal._SLOT.size:
            raise OSError(5, "Input/output error")
        put(file, data, at)

    monkeypatch.setattr(journal, "_put", failing)
    with pytest.raises(InputError, match="nothing was changed"):
        index.add(["boat"], [[1, 0.5]], MORE)
    monkeypatch.undo()
    assert "boat" not in index
    index.add(["boat"], [[1, 0.5]], MORE)
    index.close()
    assert {"jet", "boat"} < set(ss.Index.open(tmp_path / "i").space.ids)


def test_room_that_a_power_failure_left_empty(place):
    with open(place / NAME, "ab") as file:
        file.write(b"\0" * 4_096)
    assert set(ss.Index.open(place).space.ids) == CHANGED


def test_a_space_is_known_after_folding_and_compacting(tmp_path, space):
    ss.Index.build(space).save(tmp_path / "i")
    with ss.Index.open(tmp_path / "i", writable=True) as index:
        index.add(["jet"], [[1, 0.05]], MORE)
        index._points.fold()
        assert "jet" in ss.Index.open(tmp_path / "i", space=space)
        index.compact()
    assert "jet" in ss.Index.open(tmp_path / "i", space=space)


def test_a_condition_looked_at_while_a_point_comes(space, monkeypatch):
    """Its answer knows nothing of the point; it mustn't be kept."""
    index = ss.Index.build(space)
    asked = local_collection.matching

    def slow(table, where):
        answer = asked(table, where)
        if "jet" not in index:
            index.add(["jet"], [[1, 0.05]], {"kind": ["plane"], "year": [7]})
        return answer

    monkeypatch.setattr(local_collection, "matching", slow)
    assert "jet" not in index.search([1.0, 0.0], where="kind = 'plane'").ids
    assert index.search([1.0, 0.0], where="kind = 'plane'").ids == ("jet",)


def test_what_is_no_space_or_encoder_is_no_damage(tmp_path):
    index = ss.Index.build(ss.Space.from_vectors(["a"], [[1, 2]]))
    index.save(tmp_path / "i")
    with pytest.raises(InputError, match="space must be the Space that the index was built over; got int"):
        ss.Index.open(tmp_path / "i", space=5)
    with pytest.raises(InputError, match=r"as Encoder.load returns one; got str: give Encoder.load\('x'\)"):
        ss.Index.open(tmp_path / "i", encoder="x")
    with pytest.raises(InputError, match=r"as Encoder.load returns one; got int"):
        ss.join(ss.Corpus.from_texts(["a"]), index, encoder=5)
