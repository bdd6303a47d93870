"""hnswlib's graphs: read, searched as hnswlib searches them, written, and refused where a file lies.

The files in `golden/hnswlib` and the answers beside them are hnswlib 0.8.0's own; `python -m tests.test_index_hnswlib`
makes them anew.
"""

import heapq
import json
import shutil
import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import DamagedError, ExistsError, InputError, MissingExtraError, MissingFileError
from semspace.index.foreign.hnswlib_file import HnswlibContents, read_contents, write_contents
from semspace.index.foreign.linked_graph import LinkedGraph
from tests.conftest import make_tiny_model, random_space

GOLDEN = Path(__file__).parent / "golden" / "hnswlib"
SPACES = {"cosine": "cosine", "ip": "dot", "l2": "euclidean"}
HEADER = 96


def golden_answers(space):
    return json.loads((GOLDEN / f"{space}.json").read_text())


def labels_of(index, rows):
    return [[int(index.ids[row]) for row in some if row >= 0] for some in rows]


# -- the answers are hnswlib's --------------------------------------------------------------------------------


@pytest.mark.parametrize("space", SPACES)
def test_golden_files_are_answered_as_hnswlib_answered(space):
    expected = golden_answers(space)
    index = ss.Index.from_hnswlib(GOLDEN / f"{space}.bin", space=space, dim=4)
    assert (index.method, index.metric, len(index)) == ("hnswlib", SPACES[space], 50)
    assert not set(expected["deleted"]) & {int(id) for id in index.search([1.0, 0, 0, 0], 60).ids}
    for ef, labels, distances in expected["answers"]:
        rows, scores = index.knn_query(expected["queries"], 5, ef=ef)
        assert labels_of(index, rows) == labels
        near = 1 - scores if space != "l2" else scores**2
        np.testing.assert_allclose(near, distances, atol=1e-5)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("gone", [0, 150])
def test_an_index_in_memory_is_answered_as_by_itself(space, gone):
    hnswlib = pytest.importorskip("hnswlib")
    rng = np.random.default_rng(1)
    vectors, asked = (rng.normal(size=(n, 12)).astype(np.float32) for n in (900, 100))
    theirs = hnswlib.Index(space, 12)
    theirs.init_index(1_000, M=6, ef_construction=40)
    theirs.add_items(vectors, np.arange(900)[::-1] + 10, num_threads=1)
    for label in range(10, 10 + gone):
        theirs.mark_deleted(label)
    index = ss.Index.from_hnswlib(theirs)
    assert (index.metric, index.dim, len(index)) == (SPACES[space], 12, 900 - gone)
    for ef in (10, 30, 120):
        theirs.set_ef(ef)
        labels, _ = theirs.knn_query(asked, 10, num_threads=1)
        rows, _ = index.knn_query(asked, 10, ef=ef)
        same = [set(a) == set(b) for a, b in zip(labels_of(index, rows), labels.tolist(), strict=True)]
        assert np.mean(same) >= 0.99  # sums are added up in another order


@pytest.mark.parametrize("space", SPACES)
def test_hnswlib_opens_what_is_written(space, tmp_path):
    hnswlib = pytest.importorskip("hnswlib")
    points = random_space(1_500, 8, seed=2)
    index = ss.Index.build(points, "hnsw", metric=SPACES[space], m=5, progress=False)
    index.delete(points.ids[:200].tolist())
    ids = index.to_hnswlib(tmp_path / "i.bin")
    assert sorted(ids.values()) == sorted(index.space.ids)
    theirs = hnswlib.Index(space, 8)
    theirs.load_index(str(tmp_path / "i.bin"))
    theirs.set_ef(200)
    asked = np.random.default_rng(3).normal(size=(50, 8)).astype(np.float32)
    labels, _ = theirs.knn_query(asked, 10)
    truth = index.search_batch(list(asked), 10, exact=True)
    found = [len({ids[label] for label in near} & set(true.ids)) / 10 for near, true in zip(labels, truth, strict=True)]
    assert np.mean(found) >= 0.9
    back = ss.Index.from_hnswlib(tmp_path / "i.bin", ids, space=space)
    rows, _ = back.knn_query(asked, 10, ef=200)
    assert [[back.ids[row] for row in near] for near in rows] == [[ids[label] for label in near] for near in labels]


def test_hnswlib_builds_and_its_graph_finds_what_there_is(tmp_path):
    pytest.importorskip("hnswlib")
    space = random_space(2_000, 8, seed=4)
    long = ss.Space.from_vectors(space.ids, space.vectors * np.linspace(1, 50, 2_000)[:, None])
    index = ss.Index.build(long, backend="hnswlib", m=8, seed=1, progress=False)
    report = index.report()
    assert (index.method, report.n_queries, report.settings["m"]) == ("hnswlib", 100, 8)
    assert report.recall >= 0.95
    np.testing.assert_array_equal(index.space.vectors, long.vectors)  # not of length 1
    asked = list(np.random.default_rng(5).normal(size=(50, 8)))
    assert index.measure(asked) >= 0.9
    index.save(tmp_path / "i")
    opened = ss.Index.open(tmp_path / "i")
    assert [near.ids for near in opened.search_batch(asked)] == [near.ids for near in index.search_batch(asked)]


def test_without_hnswlib_one_sentence_says_how_to_get_it(space, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "hnswlib", None)
    with pytest.raises(MissingExtraError, match=r"needs hnswlib.*semspace\[hnswlib\]"):
        ss.Index.build(space, backend="hnswlib")
    with pytest.raises(InputError, match="builds a graph, and method='exact' has none"):
        ss.Index.build(space, "exact", backend="hnswlib")
    with pytest.raises(InputError, match="no setting 'code_bytes'"):
        ss.Index.build(space, backend="hnswlib", code_bytes=64)


# -- the walk, against a plain implementation of the same algorithm -------------------------------------------


def plain_search(contents, query, k, ef):
    """Search as `searchKnn` of hnswlib, with Python's heaps, by squared distance."""
    graph, vectors = contents.graph, contents.vectors.astype(np.float64)

    def far(node):
        return float(((vectors[node] - query) ** 2).sum())

    node = graph.entry
    for level in range(int(graph.levels[node]), 0, -1):
        moved = True
        while moved:
            moved = False
            for other in graph.upper[graph.first_upper[node] + level - 1]:
                if other >= 0 and far(other) < far(node):
                    node, moved = int(other), True  # the links looked at stay those of the node before
    deletions = contents.deleted.any()
    waiting, seen = [(far(node), node)], {node}
    beam = [] if contents.deleted[node] else [(-far(node), node)]
    while waiting:
        distance, node = heapq.heappop(waiting)
        if beam and distance > -beam[0][0] and (len(beam) == ef or not deletions):
            break
        for other in graph.links[node]:
            if other < 0 or other in seen:
                continue
            seen.add(other)
            if len(beam) < ef or far(other) < -beam[0][0]:
                heapq.heappush(waiting, (far(other), other))
                if not contents.deleted[other]:
                    heapq.heappush(beam, (-far(other), other))
                    if len(beam) > ef:
                        heapq.heappop(beam)
    return [other for _, other in sorted((-distance, other) for distance, other in beam)][:k]


@st.composite
def any_contents(draw):
    """Points with links at random; not all can be reached."""
    n, dim, m = draw(st.integers(1, 25)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    levels = np.minimum(rng.geometric(0.6, n) - 1, 4).astype(np.uint8)

    def some(nodes, most):
        chosen = rng.permutation(nodes)[: rng.integers(0, most + 1)]
        return np.concatenate([chosen, np.full(most - len(chosen), -1)]).astype(np.int32)

    links = np.stack([some(np.arange(n), 2 * m) for _ in range(n)])
    upper = [some(np.flatnonzero(levels >= at), m) for node in range(n) for at in range(1, levels[node] + 1)]
    return HnswlibContents(
        rng.permutation(np.arange(1, n * dim + 1)).reshape(n, dim).astype(np.float32) - n,
        rng.permutation(10 * n)[:n].astype(np.uint64),
        rng.random(n) < draw(st.sampled_from([0.0, 0.3])),
        LinkedGraph(links, np.array(upper, np.int32).reshape(-1, m), levels, int(levels.argmax())),
        draw(st.integers(0, 300)),
    )


@settings(max_examples=60, deadline=None)
@given(contents=any_contents(), data=st.data())
def test_the_walk_is_the_plain_algorithm(contents, data, tmp_path_factory):
    live, dim = int((~contents.deleted).sum()), contents.vectors.shape[1]
    if not contents.vectors.any(axis=1).all() or not live:
        return
    path = tmp_path_factory.mktemp("walk") / "i.bin"
    write_contents(contents, path)
    index = ss.Index.from_hnswlib(path, space="l2", ef=3)
    query = np.array(data.draw(st.lists(st.floats(-30, 30, width=16), min_size=dim, max_size=dim)), np.float32)
    distances = ((contents.vectors.astype(np.float64) - query) ** 2).sum(axis=1)
    if len(np.unique(distances)) < len(distances):
        return  # equal ones may be met in any order
    k, ef = data.draw(st.integers(1, live)), data.draw(st.integers(1, 10))
    found = plain_search(contents, query, k, max(k, ef))
    if len(found) < k:  # where hnswlib raises an error, all points are compared
        found = [row for row in np.argsort(distances) if not contents.deleted[row]][:k]
    rows, scores = index.knn_query([query], k, ef=ef)
    assert rows[0].tolist() == found
    np.testing.assert_allclose(scores[0], -np.sqrt(distances[found]), rtol=1e-4, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(contents=any_contents())
def test_what_is_written_is_read(contents, tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "i.bin"
    write_contents(contents, path)
    back = read_contents(path)
    for name in ("vectors", "labels", "deleted", "ef_construction"):
        np.testing.assert_array_equal(getattr(back, name), getattr(contents, name))
    for name, array in contents.graph.arrays().items():
        np.testing.assert_array_equal(getattr(back.graph, name), array)
    assert back.graph.entry == contents.graph.entry


def test_nodes_may_get_other_numbers():
    contents = read_contents(GOLDEN / "l2.bin")
    graph, numbers = contents.graph, np.random.default_rng(0).permutation(len(contents.labels))
    other = graph.renumbered(numbers)
    other.check_links()
    assert other.entry == numbers[graph.entry]
    for old in range(len(numbers)):
        there = graph.links[old][graph.links[old] >= 0]
        new = other.links[numbers[old]]
        assert new[new >= 0].tolist() == numbers[there].tolist()
        assert other.levels[numbers[old]] == graph.levels[old]
    back = other.renumbered(np.argsort(numbers))
    np.testing.assert_array_equal(back.upper, graph.upper)


# -- an index like any other ----------------------------------------------------------------------------------


@pytest.fixture
def taken_over(tmp_path):
    shutil.copy(GOLDEN / "l2.bin", tmp_path / "their.bin")
    return ss.Index.from_hnswlib(tmp_path / "their.bin", space="l2")


def test_it_is_saved_opened_changed_and_compacted(taken_over, tmp_path):
    before = taken_over.search(id="30", k=5)
    taken_over.save(tmp_path / "i")
    (tmp_path / "their.bin").unlink()  # nothing is read from it any more
    with ss.Index.open(tmp_path / "i", writable=True) as index:
        assert (index.method, len(index)) == ("hnswlib", 50)
        assert index.search(id="30", k=5).ids == before.ids
        index.add(["new"], [index.space["30"] + 1e-3])
        assert index.search(id="30", k=1).ids == ("new",)
        index.delete([before.ids[0], "new"])
        assert index.search(id="30", k=4).ids == before.ids[1:]
    with ss.Index.open(tmp_path / "i", writable=True) as index:
        assert index.search(id="30", k=4).ids == before.ids[1:]
        with pytest.raises(InputError, match="already has '30'"):
            index.add(["30"], [[1, 2, 3, 4]])
        index.compact()
        assert (index.method, len(index)) == ("hnsw", 49)
        assert index.search(id="30", k=4).ids == before.ids[1:]
    assert ss.Index.open(tmp_path / "i").method == "hnsw"


def test_deleted_labels_stay_deleted_on_the_way_back(taken_over, tmp_path):
    deleted = golden_answers("l2")["deleted"]
    assert not any(str(label) in taken_over for label in deleted)
    taken_over.delete(["30"])
    ids = taken_over.to_hnswlib(tmp_path / "ours.bin")
    assert ids == {int(id): id for id in taken_over.space.ids}
    back = read_contents(tmp_path / "ours.bin")
    assert sorted(back.labels[back.deleted].tolist()) == sorted([*deleted, 30])
    theirs = read_contents(tmp_path / "their.bin")
    np.testing.assert_array_equal(back.vectors, theirs.vectors)
    np.testing.assert_array_equal(back.graph.links, theirs.graph.links)


def test_ids_metadata_and_encoder(tmp_path):
    tiny = ss.Encoder.load(str(make_tiny_model(tmp_path / "model")))
    texts = ["red wine", "white wine", "old ale", "new ale"]
    space = tiny.embed(ss.Corpus.from_texts(texts, ids=["r", "w", "o", "n"]), progress=False)
    ss.Index.build(space, "hnsw", progress=False).to_hnswlib(tmp_path / "i.bin")
    table = {"text": texts, "year": [1, 2, 3, 4]}
    index = ss.Index.from_hnswlib(
        tmp_path / "i.bin", ["r", "w", "o", "n"], space="cosine", metadata=table, encoder=tiny
    )
    assert index.search("red wine", 4, hybrid=False).ids[0] == "r"
    assert index.search(id="r", where="year > 2", k=9).metadata["text"].to_list()[0] in texts[2:]
    named = ss.Index.from_hnswlib(tmp_path / "i.bin", {0: "a", 1: "b", 2: "c", 3: "d"}, space="cosine")
    assert sorted(named.space.ids) == ["a", "b", "c", "d"]


def test_deleted_labels_need_no_id():
    live = {int(id): f"p{id}" for id in ss.Index.from_hnswlib(GOLDEN / "l2.bin", space="l2").space.ids}
    index = ss.Index.from_hnswlib(GOLDEN / "l2.bin", live, space="l2")
    assert set(index.space.ids) == set(live.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": None}, "doesn't say for which space.*space='cosine', 'ip' or 'l2'"),
        ({"space": "euclid"}, "space must be one of"),
        ({"space": "cosine"}, "vectors of length 1.*holds one of length.*'ip' or 'l2'"),
        ({"dim": 3}, "dim=3 was given, and the vectors in .* have 4 dimensions"),
        ({"dim": 0}, "dim must be"),
        ({"ids": ["a", "b"]}, "no id for the label 59 .*position i"),
        ({"ids": {}}, "no id for the label"),
        ({"ids": ["a"] * 60}, "unique|occurs"),
        ({"metadata": {"year": [1]}}, "needs ids as a list"),
        ({"ids": [str(i) for i in range(60)], "metadata": {"year": [1]}}, "a row for each of the 60 ids; it has 1"),
        ({"recall": 0}, "recall must be"),
        ({"ef": 0}, "ef must be"),
        ({"encoder": "some-model"}, r"got str: give Encoder\.load\('some-model'\)"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(InputError, match=message):
        ss.Index.from_hnswlib(GOLDEN / "l2.bin", **{"space": "l2", **options})


def test_bad_sources(tmp_path, space):
    with pytest.raises(InputError, match=r"takes a path or an hnswlib.Index; got list"):
        ss.Index.from_hnswlib([1, 2], space="l2")
    empty = SimpleNamespace(space="l2", dim=4, element_count=0, save_index=None, knn_query=None)
    with pytest.raises(InputError, match=r"the hnswlib.Index has no points; add some first"):
        ss.Index.from_hnswlib(empty)
    with pytest.raises(MissingFileError):
        ss.Index.from_hnswlib(tmp_path / "none.bin", space="l2")
    with pytest.raises(InputError, match="is a folder"):
        ss.Index.from_hnswlib(tmp_path, space="l2")
    with pytest.raises(InputError, match="exact index has no graph"):
        ss.Index.build(space, "exact").to_hnswlib(tmp_path / "i.bin")
    index = ss.Index.from_hnswlib(GOLDEN / "l2.bin", space="l2")
    index.add(["new"], [[1, 2, 3, 4]])
    with pytest.raises(InputError, match=r"1 of the 51 points came after.*compact\(\)"):
        index.to_hnswlib(tmp_path / "i.bin")
    index.compact()
    assert len(index.to_hnswlib(tmp_path / "i.bin")) == 51
    with pytest.raises(ExistsError):
        index.to_hnswlib(tmp_path / "i.bin")
    index.to_hnswlib(tmp_path / "i.bin", overwrite=True)


@pytest.mark.parametrize("deleted", [False, True])
def test_vectors_of_zeros_are_walked_through_but_never_found(tmp_path, deleted):
    contents = read_contents(GOLDEN / "ip.bin")
    row = int(np.flatnonzero(contents.deleted == deleted)[0])
    contents.vectors[row] = 0
    write_contents(contents, tmp_path / "i.bin")
    if not deleted:
        with pytest.raises(InputError, match=rf"label {contents.labels[row]} is all zeros.*mark_deleted"):
            ss.Index.from_hnswlib(tmp_path / "i.bin", space="ip")
        return
    index = ss.Index.from_hnswlib(tmp_path / "i.bin", space="ip")
    assert len(index.search([1.0, 2, 3, 4], 60)) == 50
    index.save(tmp_path / "i")
    assert len(ss.Index.open(tmp_path / "i").search([1.0, 2, 3, 4], 60)) == 50
    assert set(index.to_hnswlib(tmp_path / "back.bin")) == {int(id) for id in index.space.ids}
    np.testing.assert_array_equal(read_contents(tmp_path / "back.bin").vectors, contents.vectors)


# -- files that lie -------------------------------------------------------------------------------------------


def altered(tmp_path, data):
    path = tmp_path / "bad.bin"
    path.write_bytes(data)
    return path


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path):
    data = (GOLDEN / "l2.bin").read_bytes()
    ends = {*range(0, HEADER, 7), *range(HEADER, len(data), 41), *range(len(data) - 70, len(data))}
    for end in sorted(ends):
        with pytest.raises((DamagedError, InputError), match=r"no index that hnswlib|cut short|damaged") as caught:
            read_contents(altered(tmp_path, data[:end]))
        assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize("more", [1, 4, 400])
def test_bytes_after_the_end_are_refused(tmp_path, more):
    with pytest.raises(DamagedError, match="bytes after its end"):
        read_contents(altered(tmp_path, (GOLDEN / "l2.bin").read_bytes() + b"\0" * more))


def test_a_bit_that_flips_anywhere_is_refused_or_searched(tmp_path):
    """No number in a file leads out of the graph, whatever it says."""
    whole, rng = (GOLDEN / "l2.bin").read_bytes(), np.random.default_rng(0)
    came = {"searched": 0, "refused": 0}
    for at in [*range(HEADER), *rng.integers(HEADER, len(whole), 250)]:
        data = bytearray(whole)
        data[at] ^= 1 << int(rng.integers(8))
        try:
            index = ss.Index.from_hnswlib(altered(tmp_path, bytes(data)), space="l2", ef=20)
            assert len(index.search([1.0, 2, 3, 4], 5)) == 5
            came["searched"] += 1
        except (InputError, DamagedError):
            came["refused"] += 1
    assert min(came.values()) > 50


@pytest.mark.parametrize(
    ("at", "form", "value", "error", "message"),
    [
        (16, "<Q", 2**60, DamagedError | InputError, "no index that hnswlib|cut short"),  # points
        (8, "<Q", 1, InputError, "no index that hnswlib"),  # room for fewer points than there are
        (16, "<Q", 0, InputError, "without points"),
        (24, "<Q", 2**62, InputError, "no index that hnswlib"),  # bytes of a point
        (32, "<Q", 2**63, InputError, "no index that hnswlib"),  # where the label lies
        (48, "<i", 9, DamagedError, "9 as its highest layer"),
        (52, "<I", 4_000, DamagedError, "its entry 4000 isn't a node"),
        (72, "<Q", 5, InputError, "no index that hnswlib"),  # m
        (80, "<d", float("nan"), InputError, "no index that hnswlib"),
        (HEADER, "<H", 200, DamagedError, "200 links of a point on the lowest layer, which has room for 8"),
        (HEADER + 4, "<I", 2**31, DamagedError, "a link on the lowest layer to a point that doesn't exist"),
        (HEADER + 36, "<f", float("inf"), InputError, "NaN, infinity or a number|NaN or infinity"),
        (HEADER + 52, "<Q", 1, DamagedError, "a label twice"),
    ],
)
def test_a_number_that_lies_is_told(tmp_path, at, form, value, error, message):
    data = bytearray((GOLDEN / "l2.bin").read_bytes())
    if at == 16 and value > 60:
        struct.pack_into("<Q", data, 8, value)  # and room for them
    struct.pack_into(form, data, at, value)
    errors = error.__args__ if hasattr(error, "__args__") else error
    with pytest.raises(errors, match=message):
        ss.Index.from_hnswlib(altered(tmp_path, bytes(data)), space="l2")


def test_upper_links_that_lie_are_told(tmp_path):
    data = (GOLDEN / "l2.bin").read_bytes()
    start = HEADER + 60 * 60
    sizes = np.frombuffer(data, "<u4", offset=start)
    node = int(np.flatnonzero(sizes)[0])  # the first point that is on an upper layer
    assert sizes[node] % 20 == 0
    for place, value, message in [
        (node, 24, "24 bytes of upper links"),
        (node, 2**32 - 16, "bytes of upper links"),
        (node + 1, 200, "200 links of a point on an upper layer"),
        (node + 2, 2**32 - 1, "a link on an upper layer to a point that doesn't exist"),
        (node + 2, node - 1 if node else node + 1, "a link of an upper layer leads to a node below it"),
    ]:
        changed = bytearray(data)
        struct.pack_into("<I", changed, start + 4 * place, value)
        with pytest.raises(DamagedError, match=message):
            read_contents(altered(tmp_path, bytes(changed)))


def test_other_files_are_no_index_of_hnswlib(tmp_path):
    for data in (b"", b"2 3\ncat 1 2 3\n", b"\x80\x04" * 200, b"\0" * 4_000):
        with pytest.raises(InputError, match=r"no index that hnswlib|without points"):
            read_contents(altered(tmp_path, data))


def test_a_saved_graph_that_does_not_fit_is_told(taken_over, tmp_path):
    taken_over.save(tmp_path / "i")
    levels = np.load(tmp_path / "i" / "levels.npy")
    np.save(tmp_path / "i" / "levels.npy", levels + np.uint8(1))
    with pytest.raises(DamagedError, match="a graph that can't be used"):
        ss.Index.open(tmp_path / "i", verify=False)


def test_a_saved_link_that_leads_out_is_passed_over(taken_over, tmp_path):
    taken_over.save(tmp_path / "i")
    for name in ("links", "upper"):
        array = np.load(tmp_path / "i" / f"{name}.npy")
        array[::2, 0] = 1_000_000
        np.save(tmp_path / "i" / f"{name}.npy", array)
    index = ss.Index.open(tmp_path / "i", verify=False)
    assert len(index.search([1.0, 2, 3, 4], 50)) == 50


# -- golden files ---------------------------------------------------------------------------------------------


def make_golden():
    """Write files and answers of hnswlib 0.8."""
    import hnswlib

    GOLDEN.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    vectors, asked = rng.normal(size=(60, 4)).astype(np.float32), rng.normal(size=(12, 4)).astype(np.float32)
    for space in SPACES:
        index = hnswlib.Index(space, 4)
        index.init_index(60, M=4, ef_construction=20)
        index.add_items(vectors, np.arange(60)[::-1], num_threads=1)
        deleted = list(range(3, 60, 6))
        for label in deleted:
            index.mark_deleted(label)
        answers = []
        for ef in (5, 10, 40):
            index.set_ef(ef)
            labels, distances = index.knn_query(asked, 5, num_threads=1)
            answers.append([ef, labels.tolist(), distances.tolist()])
        index.save_index(str(GOLDEN / f"{space}.bin"))
        facts = {"queries": asked.tolist(), "deleted": deleted, "answers": answers}
        (GOLDEN / f"{space}.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    make_golden()
