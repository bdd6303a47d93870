"""The graph: the same with any number of threads and on any processor, whole, and nearly as right as comparing all."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import InputError, SemspaceWarning
from semspace.index import beam_search, duplicate_search, graph_search, hnsw, neighbor_selection
from semspace.index.quantization import SUMS, Codec, rows_of_bytes
from semspace.kernels.compiling import compiled
from semspace.queries import METRICS


def named(vectors, **more):
    return ss.Space.from_vectors([f"p{i:05d}" for i in range(len(vectors))], vectors, **more)


def draw(n, dim=16, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


def truth(vectors, asked, k, metric="cosine", mask=None):
    """Return the rows of the true neighbours, by numpy in double precision."""
    x, y = vectors.astype(np.float64), np.asarray(asked, np.float64)
    if metric == "euclidean":
        scores = -(((y[:, None] - x[None]) ** 2).sum(axis=2)) if len(x) * len(y) < 100_000 else _far(x, y)
    else:
        scores = y @ x.T / (np.linalg.norm(x, axis=1) if metric == "cosine" else 1)
    if mask is not None:
        scores[:, ~mask] = -np.inf
    return np.argsort(-scores, axis=1)[:, :k]


def _far(x, y):
    return -np.stack([((x - one) ** 2).sum(axis=1) for one in y])


def recall(rows, true):
    return np.mean([len(set(a.tolist()) & set(b.tolist())) / len(b) for a, b in zip(rows, true, strict=True)])


def graph_of(index):
    return index._points.engine.graph


def unreached(index):
    graph = graph_of(index)
    return beam_search.unreached(graph.links[: graph.count], graph.root)


@pytest.fixture
def walks(monkeypatch):
    """Let the graph be walked where comparing all codes would be quicker."""
    monkeypatch.setattr(graph_search, "SCANS", 0)


@pytest.fixture(scope="module")
def built():
    vectors = draw(3_000)
    year = np.random.default_rng(9).permutation(3_000)
    return vectors, ss.Index.build(named(vectors, metadata={"year": year}), "hnsw", progress=False)


# -- the same everywhere --------------------------------------------------------------------------------------


def test_any_number_of_threads_builds_the_same_graph(monkeypatch):
    space, more = named(draw(2_500)), draw(1_500, seed=1)
    made = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(graph_search, "thread_count", lambda threads=threads: threads)  # also for what comes
        index = ss.Index.build(space, "hnsw", threads=threads, progress=False)
        index.add([f"m{i}" for i in range(1_500)], more)
        index._points.engine.catch_up()
        made.append(graph_of(index))
    for other in made[1:]:
        assert (other.entry, other.count, other.used) == (made[0].entry, made[0].count, made[0].used)
        for name, array in other.arrays().items():
            np.testing.assert_array_equal(array, made[0].arrays()[name], err_msg=name)


def test_any_number_of_threads_finds_the_same(built, walks):
    _, index = built
    asked = draw(50, seed=2)
    first, scores = index.knn_query(asked, 10, threads=1)
    for threads in (2, 3):
        again, others = index.knn_query(asked, 10, threads=threads)
        np.testing.assert_array_equal(again, first)
        np.testing.assert_array_equal(others, scores)


@compiled
def distances(asked, codes, out):
    lifted = np.empty(asked.shape[1] + 64, np.uint8)
    skip = -lifted.ctypes.data % 64
    lifted = lifted[skip : skip + asked.shape[1]]
    for i in range(len(asked)):
        beam_search.load_query(asked, i, lifted)
        for j in range(len(codes)):
            out[i, j] = beam_search.distance(codes, j, lifted, beam_search.norm_of(asked, i))


def some_codes(n, width, seed, largest=127):
    """Draw codes of whole numbers, with the sums behind them that a codec writes."""
    codes = rows_of_bytes(n, width)
    codes[:, :-SUMS] = np.random.default_rng(seed).integers(-largest, largest + 1, (n, width - SUMS))
    wide = codes[:, :-SUMS].astype(np.int64)
    codes.view(np.int32)[:, -2] = (wide**2).sum(axis=1)
    codes.view(np.int32)[:, -1] = (wide**2).sum(axis=1) + 256 * wide.sum(axis=1)
    return codes


def between(asked, codes):
    """Squared distances by numpy, in 64 bits."""
    x, y = (array[:, :-SUMS].astype(np.int64) for array in (asked, codes))
    return ((x[:, None] - y[None]) ** 2).sum(axis=2)


@settings(max_examples=30, deadline=None)
@given(lines=st.integers(1, 16), seed=st.integers(0, 1000), largest=st.sampled_from([0, 1, 127]))
def test_distances_of_codes_are_those_of_whole_numbers(lines, seed, largest):
    asked, codes = some_codes(3, 64 * lines, seed, largest), some_codes(7, 64 * lines, seed + 1)
    out = np.empty((3, 7), np.int64)
    distances(asked, codes, out)
    np.testing.assert_array_equal(out, between(asked, codes))


def test_the_ends_of_bytes_do_not_overflow():
    codes = rows_of_bytes(2, 1024)
    codes[0, :-SUMS], codes[1, :-SUMS] = 127, -127
    wide = codes[:, :-SUMS].astype(np.int64)
    codes.view(np.int32)[:, -2] = (wide**2).sum(axis=1)
    codes.view(np.int32)[:, -1] = (wide**2).sum(axis=1) + 256 * wide.sum(axis=1)
    out = np.empty((2, 2), np.int64)
    distances(codes, codes, out)
    assert out.tolist() == [[0, 1016 * 254**2], [1016 * 254**2, 0]]


def test_an_older_processor_gets_the_same_whole_numbers():
    """Compiled for what every processor has: the same distances, and so the same graph."""
    code = (
        "import numpy as np\n"
        "from semspace.index import distances\n"
        "from tests import test_hnsw as t\n"
        "out = np.empty((3, 7), np.int64)\n"
        "asked, codes = t.some_codes(3, 192, 5), t.some_codes(7, 192, 6)\n"
        "t.distances(asked, codes, out)\n"
        "assert (out == t.between(asked, codes)).all()\n"
        "print(distances.HAS_DOT)\n"
    )
    older = {**os.environ, "SEMSPACE_CPU": "generic"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=older, check=False)
    assert (ran.stdout, ran.returncode) == ("False\n", 0), ran.stderr


@settings(max_examples=20, deadline=None)
@given(metric=st.sampled_from(METRICS), dim=st.integers(1, 80), seed=st.integers(0, 99))
def test_codes_lie_about_as_far_apart_as_their_points(metric, dim, seed):
    vectors, asked = draw(60, dim, seed), draw(5, dim, seed + 1)
    codec = Codec.fit(vectors, metric, 2)
    codes, questions = codec.encode(vectors), codec.encode_queries(asked, lambda total, work: work(0, total, None))[0]
    assert codec.width == 128
    if metric == "cosine":
        true = (
            2
            - 2
            * (asked / np.linalg.norm(asked, axis=1)[:, None])
            @ (vectors / np.linalg.norm(vectors, axis=1)[:, None]).T
        )
    elif metric == "euclidean":
        true = ((asked[:, None] - vectors[None]) ** 2).sum(axis=2)
    else:
        true = 2 - 2 * (asked / np.linalg.norm(asked, axis=1)[:, None]) @ (vectors / codec.max_norm).T
    out = np.empty((5, 60), np.int64)
    distances(questions, codes, out)
    kept = np.abs(questions[:, :-SUMS]).max() < 127  # a query that lies outside is cut
    if kept:
        np.testing.assert_allclose(out * codec.step**2, true, atol=0.1 * true.max() + 1e-6)


# -- nearly as right as comparing all -------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_the_recall_asked_for_is_found(metric, walks):
    vectors, asked = draw(3_000), draw(200, seed=5)
    index = ss.Index.build(named(vectors), "hnsw", metric=metric, progress=False)
    assert recall(index.knn_query(asked, 10)[0], truth(vectors, asked, 10, metric)) >= 0.93
    assert recall(index.knn_query(asked, 10, ef=400)[0], truth(vectors, asked, 10, metric)) >= 0.99
    assert recall(index.knn_query(asked, 10, exact=True)[0], truth(vectors, asked, 10, metric)) >= 0.999
    assert not len(unreached(index))


@pytest.mark.parametrize("wanted", [0.5, 0.99])
def test_more_recall_costs_more_candidates(wanted, walks):
    vectors, asked = draw(2_000), draw(200, seed=5)
    index = ss.Index.build(named(vectors), "hnsw", recall=wanted, progress=False)
    assert recall(index.knn_query(asked, 10)[0], truth(vectors, asked, 10)) >= wanted - 0.02
    assert index.report().target_recall == wanted


@pytest.mark.parametrize("n", [1, 2, 3, 64, 65, 129, 999, 1_000, 1_001])
def test_every_size_is_built_whole(n, walks):
    vectors = draw(n, 5)
    index = ss.Index.build(named(vectors), "hnsw", progress=False)
    assert graph_of(index).count == n
    assert sorted(graph_of(index).rows[:n].tolist()) == list(range(n))
    assert not len(unreached(index))
    rows, _ = index.knn_query(vectors, 1)
    assert (rows[:, 0] == np.arange(n)).mean() >= 0.99


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"m": 2, "ef_construction": 2, "ef": 2},
    ],
)
def test_points_that_are_all_alike(walks, options):
    index = ss.Index.build(named(np.ones((1_500, 4))), "hnsw", **options, progress=False)
    assert not len(unreached(index))
    assert len(index.search(np.ones(4), k=100)) == 100
    index.add([f"m{i}" for i in range(100)], np.ones((100, 4)))
    index.delete([f"p{i:05d}" for i in range(1_500)])
    assert len(index.search(np.ones(4), k=200)) == 100
    assert not len(unreached(index))


def test_points_that_come_ten_times(walks):
    vectors = np.repeat(draw(300, 8), 10, axis=0)
    index = ss.Index.build(named(vectors), "hnsw", progress=False)
    assert not len(unreached(index))
    _, scores = index.knn_query(vectors[::10], 10)
    assert (scores > 0.9999).mean() >= 0.99


def test_points_far_from_the_origin(walks):
    vectors = draw(3_000, 8) + np.float32(1_000)
    asked = draw(100, 8, seed=1) + np.float32(1_000)
    index = ss.Index.build(named(vectors), "hnsw", metric="euclidean", progress=False)
    rows, scores = index.knn_query(asked, 10)
    true = truth(vectors, asked, 10, "euclidean")
    assert recall(rows, true) >= 0.93
    apart = np.linalg.norm(vectors[rows].astype(np.float64) - asked[:, None], axis=2)
    np.testing.assert_allclose(-scores, apart, rtol=1e-3)


def test_queries_far_outside(walks):
    vectors = draw(2_000, 8)
    asked = draw(40, 8, seed=1) * np.float32(50)
    index = ss.Index.build(named(vectors), "hnsw", metric="euclidean", progress=False)
    assert recall(index.knn_query(asked, 10)[0], truth(vectors, asked, 10, "euclidean")) >= 0.95


def test_dot_products_of_very_different_lengths(walks):
    sizes = np.exp(np.random.default_rng(1).normal(0, 1.5, 3_000)).astype(np.float32)
    vectors, asked = draw(3_000, 8) * sizes[:, None], draw(100, 8, seed=2)
    index = ss.Index.build(named(vectors), "hnsw", metric="dot", progress=False)
    assert recall(index.knn_query(asked, 10)[0], truth(vectors, asked, 10, "dot")) >= 0.9


def test_longer_points_that_come_later_are_found_by_their_dot_product(walks):
    """The graph can't hold them: they are compared apart."""
    vectors, more, asked = draw(2_000, 8), draw(500, 8, seed=3) * np.float32(5), draw(100, 8, seed=2)
    index = ss.Index.build(named(vectors), "hnsw", metric="dot", progress=False)
    index.add([f"m{i}" for i in range(500)], more)
    assert recall(index.knn_query(asked, 10)[0], truth(np.vstack([vectors, more]), asked, 10, "dot")) >= 0.9


def test_points_that_come_later_from_far_away(walks):
    """The codec's steps are those of the points at first."""
    vectors, more = draw(2_000, 8), draw(500, 8, seed=3) * np.float32(3) + np.float32(30)
    asked = draw(100, 8, seed=4) * np.float32(3) + np.float32(30)
    index = ss.Index.build(named(vectors), "hnsw", metric="euclidean", progress=False)
    index.add([f"m{i}" for i in range(500)], more)
    assert recall(index.knn_query(asked, 10)[0], truth(np.vstack([vectors, more]), asked, 10, "euclidean")) >= 0.9


@pytest.mark.parametrize("scans", [0, 50])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_conditions_keep_the_recall(built, monkeypatch, share, scans):
    monkeypatch.setattr(graph_search, "SCANS", scans)
    vectors, index = built
    below, asked = int(3_000 * share), draw(100, seed=6)
    mask = index.space.metadata["year"].to_numpy() < below
    rows, _ = index.knn_query(asked, 10, where=f"year < {below}")
    assert mask[rows].all()
    assert recall(rows, truth(vectors, asked, 10, mask=mask)) >= 0.95


@pytest.mark.parametrize("scans", [0, 50])
def test_a_condition_that_only_far_points_meet(monkeypatch, scans):
    """What is allowed lies on the other side of the space than what is asked for."""
    monkeypatch.setattr(graph_search, "SCANS", scans)
    vectors = draw(3_000)
    far = vectors[:, 0] < np.quantile(vectors[:, 0], 0.2)
    index = ss.Index.build(named(vectors, metadata={"far": far}), "hnsw", progress=False)
    asked = draw(60, seed=7) + np.float32(3) * np.eye(16, dtype=np.float32)[0]
    rows, _ = index.knn_query(asked, 10, where="far")
    assert far[rows[rows >= 0]].all()
    assert (rows >= 0).all()
    assert recall(rows, truth(vectors, asked, 10, mask=far)) >= 0.95


def test_points_that_come_are_reached_and_found(walks):
    vectors, more = draw(1_200), draw(2_400, seed=1)
    index = ss.Index.build(named(vectors), "hnsw", progress=False)
    for start in range(0, 2_400, 300):
        index.add([f"m{i}" for i in range(start, start + 300)], more[start : start + 300])
        index.search(vectors[0], 1)
        assert not len(unreached(index))
    every, asked = np.vstack([vectors, more]), draw(200, seed=2)
    assert recall(index.knn_query(asked, 10)[0], truth(every, asked, 10)) >= 0.92
    assert len(np.unique(graph_of(index).rows[:3_600])) == 3_600


# -- told and measured ----------------------------------------------------------------------------------------


def test_the_report_tells_what_is_found(built):
    vectors, index = built
    report = index.report()
    assert (report.method, report.points, report.n_queries) == ("hnsw", 3_000, 150)
    assert report.recall >= 0.95
    asked = draw(400, seed=11)
    assert recall(index.knn_query(asked, 10)[0], truth(vectors, asked, 10)) == pytest.approx(report.recall, abs=0.04)
    assert "of the true ten nearest found, measured with 150 held-out points" in str(report)
    for word in ("ef construction", "candidates for 10", "variance kept", "code bytes"):
        assert word in str(report)
    assert "<table" in report._repr_html_()


def test_measuring_again(built):
    vectors, index = built
    asked = list(draw(100, seed=12))
    rows = np.vstack([index.knn_query(one[None], 10)[0] for one in asked])  # as `measure` and `search` ask
    true = truth(vectors, asked, 10)
    assert index.measure(asked) == pytest.approx(recall(rows, true), abs=0.011)
    assert index.measure() >= 0.9
    assert ss.Index.build(named(draw(50)), "exact").measure(k=5) == 1.0


def test_a_small_graph_says_that_nothing_was_measured():
    assert "not measured here" in str(ss.Index.build(named(draw(50)), "hnsw", progress=False).report())


def test_settings_are_those_given(built):
    index = ss.Index.build(
        named(draw(200)), "hnsw", m=8, ef_construction=40, ef=33, code_bytes=128, seed=5, progress=False
    )
    graph = graph_of(index)
    assert (graph.links.shape[1], graph.upper.shape[1], graph.codes.shape[1]) == (16, 8, 128)
    assert {"m": 8, "ef": 33, "code_bytes": 128, "seed": 5}.items() <= index.report().settings.items()
    other = ss.Index.build(
        named(draw(200)), "hnsw", m=8, ef_construction=40, ef=33, code_bytes=128, seed=6, progress=False
    )
    assert not np.array_equal(graph_of(other).rows, graph.rows)


def test_knn_query_fills_up_with_nothing(built):
    _, index = built
    rows, scores = index.knn_query(draw(3), 5, where="year < 3")
    assert rows.shape == scores.shape == (3, 5)
    assert ((rows >= 0).sum(axis=1) == 3).all()
    assert (rows[:, 3:] == -1).all()
    assert np.isneginf(scores[:, 3:]).all()
    rows, _ = index.knn_query(draw(2), 4_000)
    assert ((rows >= 0).sum(axis=1) == 3_000).all()
    with pytest.raises(InputError, match="threads must be"):
        index.knn_query(draw(1), 5, threads=0)


# -- pairs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_graph_finds_nearly_all_pairs(monkeypatch, walks, metric):
    """2,000 points, 500 of them with a near copy, one with forty."""
    rng = np.random.default_rng(3)
    vectors = draw(2_000)
    vectors[500:1_000] = vectors[:500] + rng.normal(0, 0.01, (500, 16))
    vectors[1_000:1_040] = vectors[0] + rng.normal(0, 0.01, (40, 16))
    index = ss.Index.build(named(vectors), "hnsw", metric=metric, progress=False)
    least = 0.99 if metric == "cosine" else -0.2
    exact = index.duplicates(least, progress=False)
    monkeypatch.setattr(duplicate_search, "_COMPARE_ALL_PAIRS_UP_TO", 0)
    walked = index.duplicates(least, progress=False)
    right, found = ({(a, b) for a, b, _ in table.rows()} for table in (exact, walked))
    assert len(right) > 1_300
    assert len(found & right) >= 0.99 * len(right)
    assert len(found - right) <= 2  # at the very edge
    assert len(found) == len(walked)
    with pytest.warns(SemspaceWarning, match="more than max_pairs=10"):
        assert len(index.duplicates(least, max_pairs=10, progress=False)) == 10


def test_pairs_among_points_that_change(monkeypatch):
    vectors = draw(1_200)
    index = ss.Index.build(named(vectors), "hnsw", progress=False)
    monkeypatch.setattr(duplicate_search, "_COMPARE_ALL_PAIRS_UP_TO", 0)
    index.add(["twin", "ghost"], vectors[:2])
    index.delete(["ghost"])
    found = index.duplicates(0.9999, progress=False)
    assert [row[:2] for row in found.rows()] == [("p00000", "twin")]
    with pytest.raises(InputError, match="min_score must be"):
        index.duplicates("high")
    with pytest.raises(InputError, match="min_score must be a number of at most 1; got 2"):
        index.duplicates(2)
    with pytest.raises(InputError, match="max_pairs must be"):
        index.duplicates(max_pairs=0)


@pytest.mark.parametrize("metric", METRICS)
def test_points_unlike_all_before_are_found(walks, metric):
    """A codec fitted to a narrow cone has no bytes for them; the graph would send every walk astray."""
    narrow, wide = draw(2_000, 16) * np.float32(0.02) + 1, draw(1_000, 16, seed=5)
    index = ss.Index.build(named(narrow), "hnsw", metric=metric, progress=False)
    index.add([f"m{i}" for i in range(len(wide))], wide)
    asked = draw(50, 16, seed=6)
    assert recall(index.knn_query(asked, 10)[0], truth(np.vstack([narrow, wide]), asked, 10, metric)) >= 0.95


def test_points_after_some_that_were_all_alike(walks):
    index = ss.Index.build(named(np.ones((1_500, 4))), "hnsw", progress=False)
    index.add(["other"], [[-1, 0.5, 0, 0]])
    assert index.search([-1, 0.5, 0, 0], k=1).ids == ("other",)


def test_points_far_along_one_axis(walks):
    vectors = draw(2_000, 16)
    moved = draw(20, 16, seed=3)
    moved[:, 0] += 300
    index = ss.Index.build(named(vectors), "hnsw", metric="euclidean", progress=False)
    index.add([f"m{i}" for i in range(20)], moved)
    assert [index.search(one, k=1).ids[0] for one in moved] == [f"m{i}" for i in range(20)]


def test_threads_that_search_after_points_came(walks):
    """The first search puts them into the graph; the others wait, or see the graph as it was."""
    from concurrent.futures import ThreadPoolExecutor

    vectors, more, asked = draw(2_000, 8), draw(900, 8, seed=3), draw(200, 8, seed=4)
    for _ in range(5):
        index = ss.Index.build(named(vectors), "hnsw", progress=False)
        index.add([f"m{i}" for i in range(900)], more)
        with ThreadPoolExecutor(4) as pool:
            found = [*pool.map(lambda _, index=index: index.knn_query(asked, 10)[0], range(8))]
        true = truth(np.vstack([vectors, more]), asked, 10)
        assert min(recall(rows, true) for rows in found) >= 0.85
        assert not len(unreached(index))
        assert index._points.engine.graph.count == 2_900


def test_euclidean_pairs_in_every_part_of_a_block():
    vectors = draw(4_200, 4) * 10
    vectors[4_000], vectors[100] = vectors[3_950], vectors[50]
    found = ss.Index.build(named(vectors), "exact", metric="euclidean").duplicates(-1e-6)
    assert {frozenset(pair) for pair in found.select("a", "b").rows()} == {
        frozenset({"p03950", "p04000"}),
        frozenset({"p00050", "p00100"}),
    }


def test_what_is_liked_counts_with_its_length_where_lengths_count():
    vectors = draw(300, 8) * 100
    vectors[7] = vectors[3] + 1
    index = ss.Index.build(named(vectors), "exact", metric="euclidean")
    assert index.recommend(["p00003"], k=1).ids == index.search(id="p00003", k=1).ids == ("p00007",)
    with pytest.raises(InputError, match="min_score must be given for the metric 'euclidean'"):
        index.duplicates()
    diverse = index.diversify(id="p00003", k=5, diversity=0.9)
    assert diverse.ids != index.search(id="p00003", k=5).ids


def test_thousands_of_points_that_are_all_alike_make_no_more_pairs_than_asked_for(monkeypatch):
    monkeypatch.setattr(duplicate_search, "_COMPARE_ALL_PAIRS_UP_TO", 100)
    monkeypatch.setattr(hnsw, "_ALIKE", 64)
    index = ss.Index.build(named(np.ones((1_500, 4)) + draw(1_500, 4) * np.float32(1e-4)), "hnsw", progress=False)
    with pytest.warns(SemspaceWarning, match="more than max_pairs=100 pairs"):
        assert len(index.duplicates(0.99, max_pairs=100, progress=False)) == 100


def test_as_many_columns_as_nobody_can_hold():
    index = ss.Index.build(named(draw(30, 4)))
    assert index.knn_query(draw(2, 4), 50)[0].shape == (2, 50)
    with pytest.raises(InputError, match="k must be a whole number from 1 to 100000; got 1000000000000"):
        index.knn_query(draw(2, 4), 10**12)


def test_which_link_makes_room_for_a_node_that_none_leads_to():
    # Nodes 0 and 1 are near node 4, 0 nearer; both have three links at most.
    pool = np.array([0 << 1, 1 << 1, -1])
    links = np.array([[1, 2, 3], [0, 2, 3], [0, 1, -1], [0, -1, -1], [0, 1, -1]], np.int32)
    ways = np.array([4, 3, 2, 2, 0])
    free_slot = neighbor_selection._free_slot.py_func  # as Python runs it: nothing is compiled for this

    def free(**changed):
        return free_slot(pool, 2, 4, **{"links": links, "ways": ways, **changed})

    assert free() == (0, 2)  # the last link of the nearest, as two lead to node 3
    assert free(ways=np.array([4, 3, 2, 1, 0])) == (0, 1)  # node 3 has only this link, so it is node 2's
    assert free(ways=np.array([1, 1, 1, 1, 0])) == (0, 2)  # none can be spared: the nearest gives its last all the same
    assert free(ways=np.array([4, 1, 1, 1, 0])) == (1, 0)  # the nearest can spare none, the next its link to node 0
    room = links.copy()
    room[1, 1:] = -1
    assert free(links=room) == (1, 1)  # a free slot, though of the farther one
    assert free_slot(pool, 2, 1, links, ways) == (1, 0)  # it has been reached
