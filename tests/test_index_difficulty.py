"""Recall for queries that are unlike the points: searches are widened by how far what they find is."""

from dataclasses import replace

import numpy as np
import pytest

import semspace as ss
from semspace.errors import DamagedError, InputError, SemspaceError
from semspace.index import difficulty, graph_search, measuring
from semspace.index.tuning import QueryLevel, Tuning
from tests.test_hnsw import named


def topics(n, dim=48, count=60, seed=0):
    """Points in overlapping clusters, and queries that lie in none of them."""
    rng = np.random.default_rng(seed)
    scales = 1 / np.sqrt(np.arange(1, dim + 1))
    centres = rng.normal(size=(count, dim)) * scales
    points = centres[rng.integers(count, size=n)] + rng.normal(size=(n, dim)) * scales * 0.5
    strangers = rng.normal(size=(150, dim)) * scales
    return points.astype(np.float32), strangers.astype(np.float32)


POINTS, STRANGERS = topics(12_000)


@pytest.fixture(scope="module")
def built():
    return ss.Index.build(named(POINTS), "hnsw", recall=0.95, progress=False)


@pytest.fixture
def walked(monkeypatch):
    """Never compare all codes, which would find everything."""
    monkeypatch.setattr(graph_search, "SCANS", 0)


def test_strangers_find_what_was_promised(built, walked):
    tuned = built._points.engine.tuning
    assert built.measure(STRANGERS) >= 0.94
    assert built.measure(STRANGERS, k=100) >= 0.93
    assert built.measure() >= 0.94
    plain = replace(tuned, levels=())
    try:
        built._points.engine.tuning = plain
        before = built.measure(STRANGERS)
    finally:
        built._points.engine.tuning = tuned
    assert before < 0.9  # so it isn't that this is easy


def test_what_a_query_finds_is_the_same_alone_and_among_others(built, walked):
    together = built.search_batch(list(STRANGERS[:20]), 10)
    alone = [built.search(vector, 10) for vector in STRANGERS[:20]]
    assert [one.ids for one in together] == [one.ids for one in alone]


def test_an_explicit_width_is_taken_as_it_is(walked):
    index = ss.Index.build(named(POINTS[:3_000]), "hnsw", ef=12, progress=False)
    assert index._points.engine.tuning.levels == ()


def test_the_levels_are_saved(built, tmp_path):
    built.save(tmp_path / "x.index")
    opened = ss.Index.open(tmp_path / "x.index")
    assert opened._points.engine.tuning == built._points.engine.tuning
    assert len(opened._points.engine.tuning.levels) > 1


def test_known_queries_reach_the_recall(monkeypatch):
    monkeypatch.setattr(measuring, "find_levels", lambda *_: [])  # as if their strangeness couldn't be seen
    index = ss.Index.build(named(POINTS), "hnsw", recall=0.95, queries=list(STRANGERS), progress=False)
    monkeypatch.setattr(graph_search, "SCANS", 0)
    assert index.measure(STRANGERS) >= 0.95


def test_known_queries_may_be_texts(tiny):
    space = ss.Space.from_vectors(["a", "b"], tiny.encode(["red wine", "ale"]), encoder=tiny)
    assert ss.Index.build(space, queries=["wine"]).search("wine", 1).ids


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        ("wine", "takes a list of queries; got one string"),
        ([], "queries is empty"),
        ([[1.0, 2.0]], "48"),
        ([[np.nan] * 48], "finite"),
        (["wine"], "no encoder that could read it"),
    ],
)
def test_known_queries_that_cannot_be_used(queries, message):
    with pytest.raises(SemspaceError, match=message):
        ss.Index.build(named(POINTS[:2_000]), "hnsw", queries=queries, progress=False)


def test_known_queries_are_not_for_hnswlib():
    with pytest.raises(InputError, match="queries= tunes the native graph"):
        ss.Index.build(named(POINTS[:50]), backend="hnswlib", queries=[POINTS[0]])


def test_levels_that_cannot_be(built, tmp_path):
    engine = built._points.engine
    tuned = engine.tuning
    try:
        engine.tuning = replace(tuned, levels=(QueryLevel(9, 20, 30), QueryLevel(5, 30, 40)))
        built.save(tmp_path / "x.index")
    finally:
        engine.tuning = tuned
    with pytest.raises(DamagedError):
        ss.Index.open(tmp_path / "x.index")


# -- by hand --------------------------------------------------------------------------------------------------


def widths(*pairs):
    """Return recalls that are 1 from the width that each query needs on, else 0."""
    return lambda which, width: np.array([float(width >= pairs[query]) for query in which])


def test_groups_get_the_least_width_that_suffices(monkeypatch):
    monkeypatch.setattr(difficulty, "_IN_GROUP", 2)
    far = np.array([1, 30, 31, 20, 21, 40, 41])
    narrow = difficulty.MeasuredWidths([10, 20, 40], widths(10, 20, 20, 10, 10, 40, 99))
    wide = difficulty.MeasuredWidths([100, 200], widths(100, 100, 100, 100, 100, 200, 200))
    assert difficulty.find_levels(far, 20, narrow, wide, 0.95) == [
        QueryLevel(20, 10, 100), QueryLevel(30, 20, 100), QueryLevel(40, 40, 200),
    ]  # fmt: skip


def test_a_farther_group_needs_no_less(monkeypatch):
    monkeypatch.setattr(difficulty, "_IN_GROUP", 1)
    measured = difficulty.MeasuredWidths([10, 20], widths(20, 10))
    assert difficulty.find_levels(np.array([3, 7]), 0, measured, measured, 0.95) == [QueryLevel(3, 20, 20)]


def test_each_query_has_its_level():
    tuned = Tuning(0.9, 0.9, 1, 1.0, 10, 100, 1, levels=(QueryLevel(5, 20, 200), QueryLevel(9, 30, 300)))
    levels = tuned.levels_of(np.array([0, 4, 5, 8, 9, 99]))
    assert levels.tolist() == [0, 0, 1, 1, 2, 2]
    assert [tuned.ef(10, level) for level in (0, 1, 2)] == [10, 20, 30]
    assert tuned.ef(55, 2) == 165
    assert Tuning.of(tuned.facts()) == tuned


def test_strangers_vary_as_the_points_do():
    rng = np.random.default_rng(0)
    points = (rng.normal(size=(2_000, 3)) * [3, 1, 0.1] + [5, 0, 0]).astype(np.float32)
    strange = difficulty.strange_queries(points, rng, 800)[::4]  # those without a share of a point
    np.testing.assert_allclose(strange.mean(axis=0), [5, 0, 0], atol=0.6)
    np.testing.assert_allclose(strange.std(axis=0), [3, 1, 0.1], rtol=0.2)
