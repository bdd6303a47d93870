"""A single query is searched for in one call of a kernel, with the result that it has among others."""

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace.errors import InputError
from semspace.index import graph_search, search_kernel
from semspace.index.allowed_points import AllowedPoints
from tests.test_hnsw import named

N, DIM = 3_000, 96
RNG = np.random.default_rng(3)
POINTS = RNG.normal(size=(N, DIM)).astype(np.float32) + RNG.normal(size=(30, DIM)).astype(np.float32)[np.arange(N) % 30]
QUERIES = np.concatenate([POINTS[:15] + 0.3, RNG.normal(size=(15, DIM)) * 3]).astype(np.float32)  # and strangers


@pytest.fixture(scope="module", params=["cosine", "dot", "euclidean"])
def index(request):
    return ss.Index.build(named(POINTS), "hnsw", metric=request.param, progress=False)


@pytest.fixture
def walked(monkeypatch):
    """Never compare all codes."""
    monkeypatch.setattr(graph_search, "SCANS", 0)


def single_calls(monkeypatch):
    """Return a list that grows by the answer of each call for one query."""
    answers, search_one = [], graph_search.GraphSearcher._search_one

    def noted(*arguments):
        answers.append(search_one(*arguments))
        return answers[-1]

    monkeypatch.setattr(graph_search.GraphSearcher, "_search_one", noted)
    return answers


def assert_same_alone(index, k, **options):
    rows, scores = index.knn_query(QUERIES, k, **options)
    for at, vector in enumerate(QUERIES):
        own_rows, own_scores = index.knn_query(vector[None], k, **options)
        np.testing.assert_array_equal(own_rows[0], rows[at])
        np.testing.assert_allclose(own_scores[0], scores[at], rtol=1e-5)  # a few are compared by a matrix product


@pytest.mark.parametrize("k", [1, 10, 100])
def test_the_result_is_that_among_others(index, walked, monkeypatch, k):
    assert index._points.engine.graph.sketches is not None
    answers = single_calls(monkeypatch)
    assert_same_alone(index, k)
    assert sum(one is not None for one in answers) >= len(QUERIES) // 2  # that way, and not the other


def test_strangers_are_searched_for_more_widely(index, walked):
    engine = index._points.engine
    codes, _ = engine.codec.encode_queries(QUERIES, engine._searcher.workers(1).share)
    points = AllowedPoints(index._points.points.view, None, index.metric)
    scope = graph_search.SearchScope(points, engine.tuning, engine._searcher.workers(1))
    found, scores = np.empty((len(QUERIES), 10), np.int64), np.empty((len(QUERIES), 10), np.float32)
    _, far = engine._searcher.walk(scope, QUERIES, codes, engine.tuning.ef(10), found, scores)
    assert (engine.tuning.levels_of(far) > 0).any()
    assert_same_alone(index, 10)


def test_with_a_width_of_ones_own(index, walked):
    assert_same_alone(index, 10, ef=40)


def test_after_changes(walked, tmp_path):
    index = ss.Index.build(named(POINTS), "hnsw", progress=False)
    index.add(["new"], QUERIES[:1])
    assert index.search(QUERIES[0], 1).ids == ("new",)
    assert_same_alone(index, 10)
    index.delete(["new"])
    assert "new" not in index.search(QUERIES[0], 10).ids
    assert_same_alone(index, 10)
    index.save(tmp_path / "i")
    with ss.Index.open(tmp_path / "i") as again:
        assert_same_alone(again, 10)


def test_where_comparing_all_is_quicker_all_are_compared(index, monkeypatch):
    answers = single_calls(monkeypatch)
    monkeypatch.setattr(graph_search, "SCANS", N)
    rows, _ = index.knn_query(QUERIES[:1], 10)
    true, _ = index.knn_query(QUERIES[:1], 10, exact=True)
    assert answers == [None]
    assert set(rows[0]) == set(true[0])
    monkeypatch.setattr(graph_search, "SCANS", 0)
    assert (index.knn_query(QUERIES[:1], N)[0] >= 0).all()


def test_queries_that_may_not_be_changed_need_no_kernel_of_their_own(index, walked):
    index.knn_query(QUERIES[:1], 10)
    before = len(search_kernel.search_one.signatures)
    locked = QUERIES[:1].copy()
    locked.setflags(write=False)
    index.knn_query(locked, 10)
    index.knn_query([QUERIES[0].tolist()], 10)
    assert len(search_kernel.search_one.signatures) == before


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "NaN, infinity or a number|NaN or infinity"),
        (np.inf, "NaN, infinity or a number|NaN or infinity"),
        (1e20, "too large"),
        (0, "zero"),
    ],
)
def test_vectors_that_are_no_query(index, value, message):
    vector = np.full((1, DIM), value, np.float32)
    if value == 0 and index.metric != "cosine":
        assert (index.knn_query(vector, 3)[0] >= 0).all()
        return
    with pytest.raises(InputError, match=message):
        index.knn_query(vector, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda index: index.search(QUERIES[0], exact="no"), "exact must be True or False; got 'no'"),
        (lambda index: index.knn_query(QUERIES, exact=2), "exact must be True or False; got 2"),
        (
            lambda index: index.search_batch(pl.DataFrame(QUERIES)),
            "got a DataFrame: give its rows as vectors",
        ),
        (lambda index: index.search_batch(named(POINTS[:3])), r"got a Space: give its vectors: space\.vectors"),
        (lambda index: index.recommend(5), "like takes a list of queries"),
        (lambda index: ss.Index.build(named(POINTS[:3]), metric="l2"), "got 'l2': did you mean 'euclidean'"),
        (lambda index: ss.Index.open("x", writable="yes"), "writable must be True or False"),
        (lambda index: ss.Index.open("x", verify="yes"), "verify must be True or False"),
    ],
)
def test_what_is_meant_is_said(index, call, message):
    with pytest.raises(InputError, match=message):
        call(index)


def test_a_second_writer_in_one_process(tmp_path):
    ss.Index.build(named(POINTS[:3])).save(tmp_path / "i")
    with (
        ss.Index.open(tmp_path / "i", writable=True),
        pytest.raises(InputError, match="by this process, which has it open already"),
    ):
        ss.Index.open(tmp_path / "i", writable=True)
