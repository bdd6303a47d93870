"""The log of insertions: a graph is continued from it without a search, and nothing depends on it."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import semspace as ss
from semspace.index import hnsw, insertion_log
from semspace.index.distances import CACHE_LINE
from semspace.index.graph import Graph, WorkerPool
from semspace.index.insertion_log import NAME, Insertion, InsertionLog, sum_of
from semspace.index.quantization import rows_of_bytes
from tests.test_hnsw import named

FIRST, MORE, DIM = 1_200, 130, 12
PENDING = 40
SIGNATURE = "f" * 64
ONE = Insertion(3, 5, 17, [4], 2, None, np.array([1, 2, -1, -1], np.int32))
TWO = replace(ONE, start=5, stop=9, apart=[], tuning={"narrow": 12}, links=np.arange(64, dtype=np.int32))


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(hnsw, "_PENDING", PENDING)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    place = tmp_path_factory.mktemp("built") / "i"
    ss.Index.build(named(draw(FIRST, 0)), "hnsw", progress=False).save(place)
    return place


@pytest.fixture
def place(built, tmp_path):
    return Path(shutil.copytree(built, tmp_path / "i"))


def draw(n, seed):
    return np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)


def engine_of(index):
    return index._points.engine


def graph_of(index):
    graph = engine_of(index).graph
    arrays = {name: np.array(array) for name, array in graph.arrays().items()}
    return {**arrays, "entry": graph.entry, "root": graph.root, "taken": engine_of(index)._taken[1]}


def grow(index, count=MORE, start=FIRST, seed=1):
    """Add points in batches, delete and update some, and add two unlike any: they stay out of the graph."""
    vectors = draw(count, seed)
    for begin in range(0, count, 25):
        part = vectors[begin : begin + 25]
        index.add([f"n{start + begin + i}" for i in range(len(part))], part)
    index.update([f"n{start}"], -vectors[:1])
    index.delete([f"n{start + 1}"])
    index.add([f"far{start}", f"away{start}"], 40 * np.eye(DIM, dtype=np.float32)[:2] + 90)
    index.search(vectors[0])  # what is left comes into the graph


def never(*_):
    raise AssertionError("a graph was searched for the neighbours of new points")


def check_all_found(index):
    """Check that every point finds itself first, and that the graph holds each row once, or knows that it doesn't."""
    space = index.space
    for at in range(0, len(space.ids), 17):
        assert index.search(space.vectors[at], k=1).ids == (space.ids[at],)
    engine = engine_of(index)
    rows = engine.graph.rows[: engine.graph.count]
    assert sorted([*rows.tolist(), *engine._taken[1].tolist()]) == list(range(index._points.points.count))
    links = engine.graph.links[: engine.graph.count]
    assert links.min() >= -1
    assert links.max() < engine.graph.count


def test_an_opened_index_has_the_graph_of_its_writer(place, monkeypatch):
    with ss.Index.open(place, writable=True) as index:
        grow(index)
        expected, tuned = graph_of(index), engine_of(index).tuning
    monkeypatch.setattr(Graph, "_chosen", never)
    for writable in (False, True):
        with ss.Index.open(place, writable=writable) as index:
            index.search(draw(1, 5)[0])
            found = graph_of(index)
            assert found.keys() == expected.keys()
            for name, value in expected.items():
                np.testing.assert_array_equal(found[name], value, err_msg=name)
            assert engine_of(index).tuning == tuned
            check_all_found(index)


@pytest.mark.parametrize("metric", ["dot", "euclidean"])
def test_points_apart_stay_apart(tmp_path, monkeypatch, metric):
    ss.Index.build(named(draw(FIRST, 0)), "hnsw", metric=metric, progress=False).save(tmp_path / "i")
    with ss.Index.open(tmp_path / "i", writable=True) as index:
        grow(index)
        expected = graph_of(index)
        assert len(expected["taken"]) >= 2
    monkeypatch.setattr(Graph, "_chosen", never)
    index = ss.Index.open(tmp_path / "i")
    index.search(draw(1, 5)[0])
    for name, value in expected.items():
        np.testing.assert_array_equal(graph_of(index)[name], value, err_msg=name)


def test_a_measurement_is_not_made_again(place, monkeypatch):
    with ss.Index.open(place, writable=True) as index:
        index.add([f"m{at}" for at in range(400)], draw(400, 9))
        tuned = engine_of(index).tuning
        assert tuned.n_queries == 400  # it was 60
    monkeypatch.setattr("semspace.index.measuring.Measurement.tuned_again", never)
    assert engine_of(ss.Index.open(place)).tuning == tuned


def test_a_writer_that_comes_later_goes_on(place, monkeypatch):
    with ss.Index.open(place, writable=True) as index:
        grow(index)
    with ss.Index.open(place, writable=True) as index:
        grow(index, start=5_000, seed=2)
        expected = graph_of(index)
    monkeypatch.setattr(Graph, "_chosen", never)
    index = ss.Index.open(place)
    index.search(draw(1, 5)[0])
    for name, value in expected.items():
        np.testing.assert_array_equal(graph_of(index)[name], value, err_msg=name)


def test_readers_follow_their_writer(place, monkeypatch):
    reader = ss.Index.open(place)
    with ss.Index.open(place, writable=True) as writer:
        for seed in range(3):
            grow(writer, start=2_000 * (seed + 1), seed=seed + 3)
            with monkeypatch.context() as only_reading:
                only_reading.setattr(Graph, "_chosen", never)
                assert reader.refresh()
                reader.search(draw(1, 5)[0])
            for name, value in graph_of(writer).items():
                np.testing.assert_array_equal(graph_of(reader)[name], value, err_msg=name)


def test_a_reader_that_was_quicker_goes_its_own_way(place):
    reader = ss.Index.open(place)
    with ss.Index.open(place, writable=True) as writer:
        writer.add(["a", "b"], draw(2, 1))
        assert reader.refresh()
        reader.search(draw(1, 5)[0])  # inserts two points that the writer hasn't inserted yet
        grow(writer)
        assert reader.refresh()
        check_all_found(reader)
        assert reader.ids.tolist() == writer.ids.tolist()


@pytest.mark.parametrize("how", ["compact", "save"])
def test_a_folded_index_begins_another(place, monkeypatch, how):
    with ss.Index.open(place, writable=True) as index:
        grow(index)
        index.compact() if how == "compact" else index.save(place, overwrite=True)
        assert not (place / NAME).exists()
        grow(index, start=4_000, seed=7)
        expected = graph_of(index)
    monkeypatch.setattr(Graph, "_chosen", never)
    index = ss.Index.open(place)
    index.search(draw(1, 5)[0])
    for name, value in expected.items():
        np.testing.assert_array_equal(graph_of(index)[name], value, err_msg=name)


# -- what isn't whole, or isn't of these points ------------------------------------------------------------------


def frames(path):
    """Return all insertions of a log, and where they end."""
    log, found, ends = InsertionLog(path.parent, SIGNATURE, writable=False), [], []
    row = 3
    while (one := log.after(row, 1_000)) is not None:
        log.accept()
        row = one.stop
        found.append(one)
        ends.append(log._end)
    return found, ends


def same(one, other):
    return replace(one, links=None) == replace(other, links=None) and one.links.tolist() == other.links.tolist()


def written(folder):
    log = InsertionLog(folder, SIGNATURE, writable=True)
    log.append(ONE)
    log.append(TWO)
    return folder / NAME


def test_what_was_appended_is_read(tmp_path):
    found, _ = frames(written(tmp_path))
    assert len(found) == 2
    assert same(found[0], ONE)
    assert same(found[1], TWO)


def test_cut_at_every_byte_the_whole_insertions_are_left(tmp_path):
    path = written(tmp_path)
    data, (_, ends) = path.read_bytes(), frames(path)
    for size in range(len(data)):
        path.write_bytes(data[:size])
        found, _ = frames(path)
        assert len(found) == sum(end <= size for end in ends)
    path.write_bytes(data[:-1])
    log = InsertionLog(tmp_path, SIGNATURE, writable=True)  # the writer that comes next replaces what isn't whole
    assert same(log.after(3, 99), ONE)
    log.accept()
    assert log.after(5, 99) is None
    log.append(TWO)
    assert path.read_bytes() == data


def test_an_altered_byte_ends_it(tmp_path):
    path = written(tmp_path)
    data, (_, ends) = path.read_bytes(), frames(path)
    for at in range(len(data)):
        altered = bytearray(data)
        altered[at] ^= 1 + at % 255
        path.write_bytes(altered)
        found, _ = frames(path)
        begin = len(insertion_log._MAGIC) + 64
        assert len(found) == (0 if at < begin else sum(end <= at for end in ends))
        assert all(map(same, found, (ONE, TWO)))


def test_only_the_rows_that_come_next_are_read(tmp_path):
    written(tmp_path)
    log = InsertionLog(tmp_path, SIGNATURE, writable=False)
    assert log.after(4, 99) is None
    assert log.after(3, 4) is None  # the journal, as far as it was read, has no more
    assert log.after(3, 5) is not None
    log.append(TWO)
    assert log.after(3, 5) is None
    assert InsertionLog(tmp_path, "e" * 64, writable=False).after(3, 5) is None


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"start": -1},
        {"start": True},
        {"vectors": -1},
        {"unchecked": -1},
        {"stop": 2**80},
        {"stop": "5"},
        {"vectors": 1.5},
        {"apart": 4},
        {"apart": ["4"]},
        {"apart": [-4]},
        {"tuning": []},
        {"more": 1},
    ],
)
def test_bytes_that_no_index_has_written(tmp_path, facts):
    """Their sums are right."""
    good = {"start": 3, "stop": 5, "vectors": 17, "apart": [4], "unchecked": 2, "tuning": None}
    content = json.dumps({**good, **facts} if facts else {}).encode() + b"\n" + ONE.links.tobytes()
    framed = insertion_log._FRAME.pack(len(content), insertion_log._sum(content)) + content
    for data in (framed, framed[:-3], insertion_log._FRAME.pack(2**63, 0) + content):
        (tmp_path / NAME).write_bytes(insertion_log._MAGIC + SIGNATURE.encode() + data)
        assert frames(tmp_path / NAME) == ([], [])
    for content in (b"", b"[" * 100_000 + b"\n", b"null\n", b"\xff\n", b"{}\nabc"):
        framed = insertion_log._FRAME.pack(len(content), insertion_log._sum(content)) + content
        (tmp_path / NAME).write_bytes(insertion_log._MAGIC + SIGNATURE.encode() + framed)
        assert frames(tmp_path / NAME) == ([], [])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 0.77, 0.999])
def test_without_its_end_an_index_has_the_same_points(place, share):
    with ss.Index.open(place, writable=True) as index:
        grow(index)
        expected = index.space
    size = (place / NAME).stat().st_size
    os.truncate(place / NAME, int(share * size))
    with ss.Index.open(place, writable=True) as index:
        assert index.space.fingerprint == expected.fingerprint
        check_all_found(index)
        again = graph_of(index)
    index = ss.Index.open(place)  # what was inserted anew is in the log now
    index.search(draw(1, 5)[0])
    np.testing.assert_array_equal(graph_of(index)["links"], again["links"])


def test_other_points_with_an_old_log(place):
    """As the message about a damaged journal advises, it was deleted; the points that came then have the same rows."""
    with ss.Index.open(place, writable=True) as index:
        grow(index)
    (place / "journal").unlink()
    with ss.Index.open(place, writable=True) as index:
        assert len(index) == FIRST
        grow(index, seed=8)
        check_all_found(index)
    check_all_found(ss.Index.open(place))


def change(links):
    """Return links that can't be those of the points: outside of the graph, before its first, to themselves, fewer."""
    least, most, own, gap = (links.copy() for _ in range(4))
    least[0], most[0], own[:16] = -2, 10**6, np.arange(FIRST, FIRST + 16)
    gap[1] = -1
    own[:] = FIRST
    return [least, most, own, gap, links[:-1], links[:0], np.append(links, links[:16])]


@pytest.mark.parametrize("which", range(7))
def test_links_that_cannot_be_are_chosen_again(place, which):
    """Their sums are right: somebody has written them who knows how."""
    with ss.Index.open(place, writable=True) as index:
        grow(index)
        expected = index.space
    log = InsertionLog(place, (place / NAME).read_bytes()[22:86].decode(), writable=True)
    first = log.after(FIRST, 10_000)
    log.append(replace(first, links=change(first.links)[which]))
    with ss.Index.open(place, writable=True) as index:
        assert index.space.fingerprint == expected.fingerprint
        check_all_found(index)
    check_all_found(ss.Index.open(place))


@pytest.mark.parametrize("tuning", [{}, {"narrow": "x"}, {"levels": [[1]]}, {"levels": 3}, {"recall": 7.0}])
def test_measurements_that_cannot_be(place, tuning):
    with ss.Index.open(place, writable=True) as index:
        grow(index)
    log = InsertionLog(place, (place / NAME).read_bytes()[22:86].decode(), writable=True)
    first = log.after(FIRST, 10_000)
    log.append(replace(first, tuning=tuning))
    check_all_found(ss.Index.open(place))


def test_links_to_another_layer_are_refused():
    """By hand: a node on the upper layer links to a row of the layer above."""
    codes = rows_of_bytes(200, CACHE_LINE)
    codes[:] = np.random.default_rng(0).integers(-90, 90, codes.shape)
    graph, workers = Graph(CACHE_LINE, 2, 16, 0), WorkerPool(1, CACHE_LINE)
    links = graph.add(codes, np.arange(200), workers)
    again = Graph(CACHE_LINE, 2, 16, 0)
    assert again.add(codes, np.arange(200), workers, None, links).tolist() == links.tolist()
    for name, array in graph.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)
    assert graph.level.max() >= 2
    bad = links.copy()
    bad[:2] = [int(graph.level[: graph.used].argmin()), -1]  # the first points are on the highest layer
    with pytest.raises(ValueError, match="a link leads"):
        Graph(CACHE_LINE, 2, 16, 0).add(codes, np.arange(200), workers, None, bad)


def test_a_full_disk_costs_nothing_but_the_log(place, monkeypatch):
    real = os.open

    def full(path, *rest, **more):
        if Path(path).name == NAME:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", full)
    with ss.Index.open(place, writable=True) as index:
        grow(index)
        expected = index.space
    assert not (place / NAME).exists()
    assert ss.Index.open(place).space.fingerprint == expected.fingerprint


def test_an_insertion_that_was_stopped_ends_the_log(place, monkeypatch):
    real, calls = Graph._insert, []

    def stop(self, *rest):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(self, *rest)

    with ss.Index.open(place, writable=True) as index:
        grow(index)
        size = (place / NAME).stat().st_size
        monkeypatch.setattr(Graph, "_insert", stop)
        with pytest.raises(KeyboardInterrupt):
            index.add([f"s{at}" for at in range(60)], draw(60, 3))
        monkeypatch.setattr(Graph, "_insert", real)
        index.add([f"t{at}" for at in range(60)], draw(60, 4))
        check_all_found(index)
        assert (place / NAME).stat().st_size == size
        expected = index.space
    index = ss.Index.open(place)
    assert index.space.fingerprint == expected.fingerprint
    check_all_found(index)


def test_the_sum_of_vectors_is_that_of_their_bytes():
    vectors = draw(6, 0)
    assert sum_of(vectors[::2]) == sum_of(vectors[::2].copy()) != sum_of(vectors[1::2])
    assert replace(ONE, vectors=sum_of(vectors[:2])).is_of(vectors[:2])
    assert not replace(ONE, vectors=sum_of(vectors[:2])).is_of(vectors[:3])
    assert not replace(ONE, vectors=sum_of(vectors[:2])).is_of(vectors[2:4])  # as many, but others
    assert not replace(ONE, vectors=sum_of(vectors[:3])).is_of(vectors[:3])  # of which it has one less
