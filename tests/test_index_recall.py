"""The recall that was promised: of single searches too, wherever the points lie, and as they change."""

from dataclasses import replace

import numpy as np
import pytest

import semspace as ss
from semspace import queries
from semspace.errors import InputError
from semspace.index import graph_search, hnsw, tuning
from semspace.index.local_recall import regions
from tests.test_hnsw import named, some_codes

K = 10


def clusters(n, count, dim, noise, scale=1.0, seed=0):
    """Points close together around some centres."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, dim))
    centres *= scale / np.linalg.norm(centres, axis=1, keepdims=True)
    return (centres[rng.integers(0, count, n)] + rng.normal(scale=noise, size=(n, dim))).astype(np.float32)


def grid(n):
    side = int(np.ceil(np.sqrt(n)))
    return np.stack(np.divmod(np.arange(n), side), axis=1).astype(np.float32) + 1


def copies(n, of, dim=16):
    """Few different points, each many times."""
    return np.repeat(np.random.default_rng(1).normal(size=(of, dim)), n // of, axis=0).astype(np.float32)


def lines(n):
    """Vectors of templated lines: most words are the template's, two are the line's own."""
    rng = np.random.default_rng(2)
    words = rng.normal(size=(400, 48))
    return (words[np.arange(n) % 5] * 6 + words[rng.integers(5, 400, n)] + words[rng.integers(5, 400, n)]).astype("f4")


KINDS = {
    "tight": (clusters(6_000, 20, 96, 0.002), "cosine"),
    "loose": (clusters(6_000, 20, 96, 0.03), "dot"),
    "many": (clusters(6_000, 300, 32, 0.01), "euclidean"),
    "flat": (clusters(6_000, 20, 2, 0.05, 5.0), "euclidean"),
    "grid": (grid(5_500), "euclidean"),
    "copies": (copies(6_000, 40), "cosine"),
    "lines": (lines(5_600), "cosine"),
}


def share(found, true):
    """Return the share of true neighbours found: what scores as high as the last one counts."""
    least = true.scores[-1] - 1e-5 * abs(true.scores[-1])
    known = set(true.ids)
    hits = sum(id in known or score >= least for id, score in zip(found.ids, found.scores, strict=True))
    return min(hits, len(true)) / len(true)


def agree(index, asked, least=0.9, **more):
    """Check that searches of any number at once find what is promised; return the recall of single ones."""
    truth = index.search_batch(list(asked), K, exact=True, **more)
    single = [share(index.search(vector, K, **more), true) for vector, true in zip(asked, truth, strict=True)]
    means = {1: np.mean(single)}
    for size in (5, 8, 50):
        found = index.search_batch(list(asked[:size]), K, **more)
        means[size] = np.mean([share(*pair) for pair in zip(found, truth, strict=False)])
    assert min(means.values()) >= least, means
    return means[1]


@pytest.mark.parametrize(("name", "scans"), [*((name, 0) for name in KINDS), ("tight", 50), ("flat", 50)])
def test_single_searches_find_what_batches_do(monkeypatch, name, scans):
    """Also where the graph is walked though comparing all codes would be quicker."""
    monkeypatch.setattr(graph_search, "SCANS", scans)
    vectors, metric = KINDS[name]
    index = ss.Index.build(named(vectors if scans else vectors[::2]), "hnsw", metric=metric, progress=False)
    report = index.report()
    assert report.recall >= 0.95
    vectors = index.space.vectors
    asked = vectors[np.random.default_rng(5).choice(len(vectors), 50, replace=False)]
    assert agree(index, asked) == pytest.approx(report.recall, abs=0.06)
    assert index.measure(asked) >= 0.9
    assert index.measure() >= 0.9


def test_a_width_is_accepted_only_if_walks_were_tried_with_it(monkeypatch):
    """Comparing all codes finds all; that says nothing of a walk, which is what follows when points have come."""
    index = ss.Index.build(named(KINDS["tight"][0]), progress=False)
    made = index._points.engine
    monkeypatch.setattr(graph_search, "SCANS", 0)
    assert made.tuning.scan or index.measure() >= 0.9
    monkeypatch.setattr(made, "tuning", replace(made.tuning, scan=False, narrow=12))
    assert index.measure() < 0.5


def test_the_recall_stays_while_points_change(tmp_path):
    """Points come that aren't like the first, and go; then it is saved, opened, and compacted."""
    rng = np.random.default_rng(3)
    first, more = rng.normal(size=(2_500, 16)).astype(np.float32), clusters(1_500, 8, 16, 0.002, 4.0)
    even = np.arange(2_500) % 2 == 0
    index = ss.Index.build(named(first, metadata={"even": even}), "hnsw", metric="euclidean", progress=False)
    for start in range(0, 1_500, 500):
        names = [f"m{i:04d}" for i in range(start, start + 500)]
        index.add(names, more[start : start + 500], {"even": even[:500]})
        index.search(first[0])
    asked = np.concatenate([first[::125], more[::50]])
    agree(index, asked)
    agree(index, asked, where="even")
    agree(index, asked, among=[f"m{i:04d}" for i in range(0, 1_500, 3)])
    index.update([f"p{i:05d}" for i in range(200)], more[:200] + np.float32(0.001))
    index.delete([f"m{i:04d}" for i in range(0, 1_500, 2)])
    agree(index, asked)
    index.save(tmp_path / "i")
    with ss.Index.open(tmp_path / "i") as again:
        agree(again, asked)
    index.compact()
    agree(index, asked)


def test_points_that_come_one_by_one_are_found_before_it_is_measured_again():
    rng = np.random.default_rng(4)
    vectors, more = rng.normal(size=(1_200, 8)).astype(np.float32), rng.normal(size=(420, 8)).astype(np.float32)
    index = ss.Index.build(named(vectors), "hnsw", progress=False)
    before = index._points.engine.tuning
    for i, vector in enumerate(more):
        index.add([f"m{i}"], vector[None])
        assert index.search(vector, 1).ids == (f"m{i}",)
    after = index._points.engine.tuning
    assert before.points == 1_140
    assert after.points > before.points  # some waited to be asked for, the graph not yet knowing them


def test_a_walk_that_never_finds_enough_is_given_up(monkeypatch):
    """Then every code is compared, whatever the number of points; who gives a width gets a walk with it."""
    monkeypatch.setattr(tuning, "MAX_EF", 16)
    monkeypatch.setattr(graph_search, "SCANS", 0)
    vectors = KINDS["tight"][0][:2_000]
    index = ss.Index.build(named(vectors), "hnsw", progress=False)
    assert index._points.engine.tuning.scan
    assert "walked" in str(index.report())
    assert index.report().settings["walked"] is False
    agree(index, vectors[::40])


def test_an_index_tuned_before_this_is_searched_as_it_was_measured(tmp_path, monkeypatch):
    """Its width was measured for many queries at once: so single ones go the same way."""
    vectors = KINDS["tight"][0]
    index = ss.Index.build(named(vectors), progress=False)
    made = index._points.engine
    old = {name: value for name, value in made.tuning.facts().items() if name not in ("singly", "scan", "points")}
    monkeypatch.setattr(made, "tuning", tuning.Tuning.of({**old, "narrow": 32, "wide": 100}))
    index.save(tmp_path / "i")
    agree(ss.Index.open(tmp_path / "i"), vectors[::120])


def test_the_smallest_recall_is_that_of_a_region():
    shares = np.array([1.0, 1.0, 0.5, 0.7, 1.0, 0.9])
    where = np.array([0, 0, 2, 2, 3, 3])  # none lies in region 1
    mean, worst, at = tuning.mean_and_worst(shares, where)
    assert (mean, worst, at) == (pytest.approx(0.85), pytest.approx(0.6), 2)
    assert not tuning.reaches(0.8, shares, where)  # enough on the whole, and too little there
    assert tuning.reaches(0.7, shares, where)
    report = ss.Index.build(named(KINDS["many"][0][:3_000]), "hnsw", progress=False).report()
    assert 0.8 <= report.worst_recall <= report.recall
    assert 0 < report.worst_points < 3_000
    assert "in a region of about" in str(report)
    assert "queries like the points; Index.measure(queries)" in str(report)
    assert "smallest recall" not in str(ss.Index.build(named(KINDS["many"][0][:100])).report())


def test_regions_are_the_clusters_that_are_plain():
    codes = some_codes(300, 128, 0, 3)
    codes[:100, 0], codes[100:150, 1], codes[150:, 2] = 100, 100, 100
    sizes, where = regions(codes, codes[[0, 120, 299]], 3, 1)
    assert sorted(sizes.tolist()) == [50, 100, 150]
    assert sizes[where].tolist() == [100, 50, 150]
    same = some_codes(50, 64, 1)
    same[:] = same[0]
    sizes, where = regions(same, same[:2], 4, 1)
    assert (sizes.tolist(), where.tolist()) == ([50], [0, 0])


def test_equal_points_count_whichever_is_found():
    truth = (np.array([[3, 5]]), np.array([[0.9, 0.8]], np.float32))
    for rows, scores, expected in (
        ([5, 3], [0.8, 0.9], 1.0),
        ([3, 7], [0.9, 0.8], 1.0),
        ([3, 7], [0.9, 0.7], 0.5),
        ([-1, -1], [-np.inf, -np.inf], 0.0),
    ):
        found = (np.array([rows]), np.array([scores], np.float32))
        assert tuning.recalls_at(truth, found, 2).tolist() == [expected]
    nothing = (np.array([[-1, -1]]), np.full((1, 2), -np.inf, np.float32))
    assert tuning.recalls_at(nothing, nothing, 2).tolist() == [1.0]
    one = (np.array([[4, -1]]), np.array([[-2.0, -np.inf]], np.float32))
    assert tuning.recalls_at(one, one, 2).tolist() == [1.0]


@pytest.mark.parametrize("seed", range(20))
def test_a_recall_is_the_share_of_a_set(seed):
    rng = np.random.default_rng(seed)
    m, k = rng.integers(0, 6), rng.integers(1, 9)
    truth, rows = ([rng.choice(12, size=k, replace=False) - 1 for _ in range(m)] for _ in range(2))
    shares = queries.recalls(np.array(truth).reshape(m, k), np.array(rows).reshape(m, k))
    for share, true, own in zip(shares, truth, rows, strict=True):
        wanted = {*true} - {-1}
        assert share == (len(wanted & {*own}) / len(wanted) if wanted else 1)


def test_recall_of_very_many_neighbours():
    index = ss.Index.build(ss.Space.from_vectors(["a", "b"], np.eye(2)))
    assert index.measure(k=10**12) == 1.0
    rows = np.arange(20_000)[None]  # the matrix of all pairs would take 400 MB
    assert queries.recalls(rows, rows[:, ::-1]).tolist() == [1.0]


def test_queries_of_ones_own_are_measured_in_one_call(tiny):
    index = ss.Index.build(tiny.embed(ss.Corpus.from_texts(["red wine", "white wine", "old ale"])), progress=False)
    assert index.measure(["red wine", "ale"], k=2) == 1.0
    assert index.measure(tiny.encode(["red wine", "ale"]), k=2) == 1.0
    for wrong, message in (("red wine", "takes a list of queries"), ([], "at least one query")):
        with pytest.raises(InputError, match=message):
            index.measure(wrong)
    with pytest.raises(InputError, match="k must be"):
        index.measure(k=0)


def test_measuring_asks_for_each_query_by_itself(monkeypatch):
    index = ss.Index.build(named(KINDS["many"][0][:2_000]), "hnsw", progress=False)
    asked, search = [], hnsw.HnswEngine.search
    monkeypatch.setattr(
        hnsw.HnswEngine,
        "search",
        lambda self, view, some, *a, **b: asked.append(len(some)) or search(self, view, some, *a, **b),
    )
    index.measure(KINDS["many"][0][:30])
    assert asked == [1] * 30
