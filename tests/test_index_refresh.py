"""A reader beside a writer: `refresh` brings what was acknowledged, whole, and nothing else."""

import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

import semspace as ss
from semspace import replacement
from semspace.errors import DamagedError, InputError, MissingFileError, ReplacedError, SemspaceWarning
from semspace.index import graph_search, journal, local_collection, refreshing, store
from semspace.index.journal import NAME, Journal
from tests.scaled import WORDS, write_model
from tests.test_index_disk import held
from tests.test_pools import FORKS

KINDS = ("exact", "hnsw")
MORE = {"kind": ["plane"], "year": [7]}
pytestmark = pytest.mark.filterwarnings("error::semspace.errors.SemspaceWarning")


@pytest.fixture(params=KINDS)
def place(request, tmp_path, space):
    ss.Index.build(space, request.param, progress=False).save(tmp_path / "i")
    return tmp_path / "i"


@pytest.fixture
def writer(place):
    with ss.Index.open(place, writable=True) as index:
        yield index


def same(reader, writer):
    assert held(reader) == held(writer)
    for id in held(writer):
        assert reader.search(id=id).ids == writer.search(id=id).ids


def test_a_reader_sees_each_change_after_a_refresh(place, writer):
    reader = ss.Index.open(place)
    assert reader.refresh() is False
    changes = (
        lambda: writer.add(["jet"], [[1, 0.05]], MORE),
        lambda: writer.delete(["dog"]),
        lambda: writer.update(["bus"], [[1, 1]]),
        lambda: writer.update(["bus"], metadata={"year": [2020]}),
        lambda: writer.upsert(["jet", "dog"], [[0.3, 1], [1, 0.2]], {"kind": ["a", "b"], "year": [1, 2]}),
    )
    for change in changes:
        before = held(reader)
        change()
        assert held(reader) == before
        assert reader.refresh() is True
        same(reader, writer)
        assert reader.refresh() is False


def test_several_changes_come_at_once_and_a_reader_that_came_later_goes_on(place, writer):
    writer.add(["jet"], [[1, 0.05]], MORE)
    reader, loaded = ss.Index.open(place), ss.load(place)
    writer.add(["ship"], [[0.5, 0.5]], MORE)
    writer.delete(["jet"])
    for index in (reader, loaded):
        assert index.refresh() is True
        same(index, writer)


@pytest.mark.parametrize("twice", [False, True])
def test_a_fold_or_a_replacement_is_taken_over(place, writer, space, twice, monkeypatch):
    monkeypatch.setattr(store, "_LOOK_AGAIN", 0)
    reader = ss.Index.open(place)
    writer.delete(["dog"])
    if twice:
        assert reader.refresh()
    writer.compact()
    assert reader.refresh() is True
    assert reader.refresh() is False
    same(reader, writer)
    writer.add(["jet"], [[1, 0.05]], MORE)  # the new journal is followed, too
    assert reader.refresh() is True
    same(reader, writer)
    writer.close()
    ss.Index.build(space.select(["cat", "car"]), progress=False).save(place, overwrite=True)
    assert reader.refresh() is True
    assert set(held(reader)) == {"cat", "car"}


def test_an_identical_index_in_its_place_has_another_journal(place, writer):
    """The same manifest after changes that cancel each other: a journal just as long says something else."""
    reader = ss.Index.open(place)
    writer.delete(["dog"])
    assert reader.refresh()
    writer.add(["dog"], [[1, 0.2]], MORE)
    writer.compact()
    writer.delete(["cat"])
    assert reader.refresh() is True
    same(reader, writer)


def test_auto_looks_before_a_search(place, writer, monkeypatch):
    monkeypatch.setattr(refreshing, "INTERVAL", 0)
    monkeypatch.setattr(store, "_LOOK_AGAIN", 0)
    reader = ss.Index.open(place, refresh="auto")
    writer.add(["jet"], [[1, 0.05]], MORE)
    assert "jet" in reader
    assert reader.search([1.0, 0.05], 1).ids == ("jet",)
    for ask in (
        lambda: reader.search(id="cat", k=9).ids,
        lambda: reader.search_batch([[1.0, 0.0]], 9)[0].ids,
        lambda: reader.range_search([1.0, 0.0], -1).ids,
        lambda: reader.recommend(["cat"], k=9).ids,
        lambda: reader.diversify([1.0, 0.0], 9).ids,
        lambda: [reader.ids[row] for row in reader.knn_query([[1.0, 0.0]], 9)[0][0] if row >= 0],
        lambda: list(reader.space),
        lambda: list(reader.duplicates(-1, progress=False)["b"]),
    ):
        writer.delete(["jet"])
        assert "jet" not in ask()
        writer.add(["jet"], [[1, 0.05]], MORE)
        assert "jet" in ask()
    writer.compact()  # no warning that the files were replaced
    assert len(reader) == 7
    writer.delete(["jet"])
    assert len(reader) == 6
    assert reader.measure([[1.0, 0.0]], k=2) == 1
    assert reader.report().points == 6


def test_auto_looks_no_more_often_than_its_interval(place, writer, monkeypatch):
    now, looks = 0.0, []
    monkeypatch.setattr(refreshing, "monotonic", lambda: now)
    monkeypatch.setattr(refreshing, "INTERVAL", 1.0)
    reader = ss.Index.open(place, refresh="auto")
    refresh = local_collection.LocalCollection.refresh
    monkeypatch.setattr(local_collection.LocalCollection, "refresh", lambda self: looks.append(now) or refresh(self))
    for _ in range(40):
        reader.search([1.0, 0.0])
        now += 0.25
    assert looks == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_what_is_not_acknowledged_is_not_read(place, writer, monkeypatch):
    """The record is on the disk, and its acknowledgement isn't; then the disk fails, and another change follows."""
    reader, at_open = ss.Index.open(place), []
    put, seen = journal._put, []

    def failing(file, data, at):
        if at < journal._START and len(data) < 20 and not seen:
            seen.append(reader.refresh())
            at_open.append(ss.Index.open(place))  # reads a whole record, acknowledged or not
            raise OSError(5, "disk trouble")
        put(file, data, at)

    monkeypatch.setattr(journal, "_put", failing)
    with pytest.raises(InputError, match="disk trouble"):
        writer.add(["jet"], [[1, 0.05]], MORE)
    assert seen == [False]
    assert "jet" not in reader
    writer.add(["ship"], [[0.5, 0.5]], MORE)
    for index in (reader, *at_open):
        assert index.refresh() is True
        same(index, writer)


def test_an_acknowledgement_read_half_written_is_read_again(place, writer, monkeypatch):
    reader = ss.Index.open(place)
    writer.delete(["dog"])
    assert reader.refresh()
    writer.delete(["cat"])
    whole = (place / NAME).read_bytes()
    torn = bytearray(whole)
    torn[journal._START - 1] ^= 255
    (place / NAME).write_bytes(torn)
    monkeypatch.setattr(journal, "sleep", lambda _: (place / NAME).write_bytes(whole))
    assert reader.refresh() is True
    assert set(held(reader)) == {"horse", "car", "bus", "train"}


def test_damage_is_said_and_what_was_known_stays(place, writer, monkeypatch):
    monkeypatch.setattr(journal, "sleep", lambda _: None)
    reader = ss.Index.open(place)
    before = held(reader)
    writer.delete(["dog"])
    whole = (place / NAME).read_bytes()
    for position in (journal._START - 1, journal._START + 30):
        damaged = bytearray(whole)
        damaged[position] ^= 255
        (place / NAME).write_bytes(damaged)
        with pytest.raises(DamagedError, match="was altered"):
            reader.refresh()
        assert held(reader) == before
    (place / NAME).write_bytes(whole)


def test_a_folder_that_is_gone_or_another_index_is_said(place, writer, space, tmp_path):
    reader = ss.Index.open(place, space=space)
    other = ss.Space.from_vectors(["x", "y"], [[1, 0], [0, 1]])
    writer.close()
    ss.Index.build(other).save(place, overwrite=True)
    with pytest.raises(InputError, match="made from another space"):
        reader.refresh()
    shutil.rmtree(place)
    with pytest.raises(MissingFileError):
        reader.refresh()
    assert len(reader) == 6


def test_a_writer_is_up_to_date_and_a_closed_index_is_not_refreshed(place, writer):
    writer.delete(["dog"])
    assert writer.refresh() is False
    with pytest.raises(InputError, match="refresh='auto' is for reading"):
        ss.Index.open(place, writable=True, refresh="auto")
    with pytest.raises(InputError, match="refresh must be one of auto, manual; got 'always'"):
        ss.Index.open(place, refresh="always")
    reader = ss.Index.open(place)
    reader.close()
    with pytest.raises(InputError, match="was closed; open it again"):
        reader.refresh()


def test_a_reader_that_does_not_refresh_is_told_of_it(place, writer, monkeypatch):
    monkeypatch.setattr(store, "_LOOK_AGAIN", 0)
    reader = ss.Index.open(place)
    writer.delete(["dog"])
    writer.compact()
    with pytest.warns(SemspaceWarning, match=r"was replaced since.*call refresh\(\).*refresh='auto'"):
        reader.search([1.0, 0.0])
    assert reader.refresh()
    reader.search([1.0, 0.0])


def test_a_loaded_encoder_is_kept(tmp_path, tiny):
    corpus = ss.Corpus.from_texts(["one", "two", "three"])
    ss.Index.build(tiny.embed(corpus, progress=False)).save(tmp_path / "i")
    reader = ss.Index.open(tmp_path / "i")
    reader.search("one")
    encoder = reader.encoder
    with ss.Index.open(tmp_path / "i", writable=True) as writer:
        writer.add(["new"], ["four"])
        writer.compact()
    assert reader.refresh()
    assert reader.encoder is encoder
    assert reader.search("four", 1).ids == ("new",)


def test_reading_threads_beside_refreshes(tmp_path, monkeypatch):
    """No search fails or mixes two moments, while changes come, and the journal is folded."""
    monkeypatch.setattr(graph_search, "SCANS", 0)
    monkeypatch.setattr(refreshing, "INTERVAL", 0)
    names = [f"p{i}" for i in range(200)]
    vectors = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    ss.Index.build(ss.Space.from_vectors(names, vectors, {"name": names}), "hnsw", progress=False).save(tmp_path / "i")
    reader, stop, wrong = ss.Index.open(tmp_path / "i", refresh="auto"), threading.Event(), []

    def read(seed):
        draw = np.random.default_rng(seed)
        try:
            while not stop.is_set():
                found = reader.search(draw.normal(size=8).astype(np.float32), 5)
                if found.metadata["name"].to_list() != list(found.ids) or len(found) != 5:
                    wrong.append(found)
        except Exception as problem:
            wrong.append(problem)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    with ss.Index.open(tmp_path / "i", writable=True) as writer:
        for step in range(60):
            new = [f"n{step}"]
            writer.add(new, [vectors[step] + 0.1], {"name": new})
            writer.update([f"p{step}"], [vectors[step] * 2])
            writer.delete([f"p{step + 100}"])
            if step % 20 == 19:
                writer.compact()
        stop.set()
        for thread in threads:
            thread.join()
        assert wrong == []
        reader.refresh()
        assert held(reader) == held(writer)


def test_a_refresh_stopped_by_ctrl_c_goes_on(place, writer, monkeypatch):
    reader, after = ss.Index.open(place), local_collection.LocalCollection._after
    writer.delete(["dog"])
    writer.delete(["cat"])

    def stopping(self, record):
        os.kill(os.getpid(), 2)
        return after(self, record)

    monkeypatch.setattr(local_collection.LocalCollection, "_after", stopping)
    with pytest.raises(KeyboardInterrupt):
        reader.refresh()
    assert "dog" not in reader
    assert "cat" in reader
    monkeypatch.setattr(local_collection.LocalCollection, "_after", after)
    assert reader.refresh() is True
    same(reader, writer)


def test_no_change_is_seen_without_reading_the_journal(place, writer, monkeypatch):
    reader = ss.Index.open(place)
    writer.delete(["dog"])
    assert reader.refresh()
    monkeypatch.setattr(Journal, "_records", None)  # would be called
    assert reader.refresh() is False


WRITER = """
import sys, semspace as ss
with ss.Index.open(sys.argv[1], writable=True) as index:
    ids = sorted(index.space.ids)
    for step in range(1, 151):
        index.upsert(ids, [[1.0, step]] * len(ids), {"step": [step] * len(ids)})
        if step % 30 == 0:
            index.compact()
        print(step, flush=True)
        if step % 15 == 0:
            sys.stdin.readline()
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_beside_another_process_sees_whole_changes_in_order(tmp_path, kind):
    """What was acknowledged before a refresh is there after it, all points of a change at once, in order."""
    ids = [f"p{i}" for i in range(20)]
    space = ss.Space.from_vectors(ids, np.ones((20, 2)), {"step": [0] * 20})
    ss.Index.build(space, kind, progress=False).save(tmp_path / "i")
    reader, last, n_seen = ss.Index.open(tmp_path / "i"), 0, 0
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "i"], **pipes) as writer:
        for line in writer.stdout:
            changed = reader.refresh()
            now = reader.space
            (step,) = set(now.metadata["step"])
            assert sorted(now.ids) == sorted(ids)
            assert {tuple(vector) for vector in now.vectors.tolist()} == {(1.0, float(step or 1))}
            assert step >= max(last, int(line))
            assert changed or step == last
            n_seen, last = n_seen + changed, step
            if int(line) % 15 == 0:  # the writer waits, so that a slow reader sees as many changes
                print(file=writer.stdin, flush=True)
    assert last == 150
    assert n_seen >= 10


CHILD = """
import os, sys
import semspace as ss
from semspace import replacement
space = ss.Space.from_vectors(["a", "b"], [[1, 0], [0, 1]], {"n": [1, 2]})
space.metadata.group_by("n").len()  # polars has threads
index = ss.Index.build(space)
index.save(sys.argv[1])
reader, writer = ss.Index.open(sys.argv[1], refresh="auto"), ss.Index.open(sys.argv[1], writable=True)
asked, asks = os.pipe()
child = os.fork()
if not child:
    assert reader.refresh() is False
    os.write(asks, b"x")
    os.read(0, 1)
    try:
        reader.refresh()
    except ss.SemspaceError as problem:
        assert len(ss.Index.build(space)) == 2
        os._exit(7 if "refreshing an index needs threads of polars" in str(problem) else 1)
    os._exit(2)
os.read(asked, 1)
writer.delete(["b"])
print("changed", flush=True)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@FORKS
def test_a_child_process_says_that_it_cannot_refresh(tmp_path):
    """It goes on while nothing has changed; then it says what to do, and doesn't hang."""
    given = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", CHILD, tmp_path / "i"], **given) as parent:
        assert parent.stdout.readline() == "changed\n"
        parent.stdin.write("x")
        parent.stdin.flush()
        assert parent.stdout.readline() == "7\n"


def test_a_reader_opened_where_a_killed_writer_left_the_files_follows_the_next_one(place):
    place.rename(replacement.aside_of(place))  # killed between two renames
    reader = ss.Index.open(place)
    with ss.Index.open(place, writable=True) as writer:
        assert place.exists()
        writer.delete(["cat"])
        assert reader.refresh() is True
        same(reader, writer)


def test_a_text_is_read_by_the_encoder_of_the_index_that_replaced_this_one(tmp_path):
    """Where it is the same; an encoder that is saved with the index is read at the first text."""
    encoder = ss.Encoder.load(write_model(tmp_path / "m"))

    def save(words):
        space = encoder.embed(ss.Corpus.from_texts(words, words), progress=False)
        index = ss.Index.build(space.centered(), progress=False)
        index.save(tmp_path / "i", overwrite=True)
        return index

    index = save(WORDS[1:])
    reader, other = ss.Index.open(tmp_path / "i"), ss.Index.open(tmp_path / "i")
    save(WORDS[1:])
    assert reader.search("sea ship", 3).ids == index.search("sea ship", 3).ids
    save(WORDS[3:])  # whose mean is another one
    for _ in range(2):
        with pytest.raises(ReplacedError, match="was replaced while it was being opened; open it again"):
            other.search("sea ship", 3)
