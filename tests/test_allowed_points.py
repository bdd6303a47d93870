"""What a condition allows is compared exactly: one by one, and by products of many queries at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.index import allowed_points
from semspace.index.allowed_points import AllowedPoints
from semspace.index.graph import WorkerPool
from semspace.index.points import FrozenPoints, PointTable
from semspace.index.product_kernel import GROUP


def view_of(vectors, later=0, deleted=()):
    """Return a view of points, the last of which were added later, and some were deleted."""
    ids = [f"p{i}" for i in range(len(vectors))]
    first = len(vectors) - later
    points = PointTable(FrozenPoints.of_space(ss.Space.from_vectors(ids[:first], vectors[:first])))
    if later:
        points.become(points.with_more(ids[first:], vectors[first:], None))
    if len(deleted):
        points.become(points.without([ids[row] for row in deleted]))
    return points.view


def plainly(vectors, queries, rows, k, metric):
    """Return the nearest of some rows, equal ones by row, and their scores."""
    a, b = queries.astype(np.float64), vectors[rows].astype(np.float64)
    every = -np.linalg.norm(a[:, None] - b[None], axis=2) if metric == "euclidean" else a @ b.T
    if metric == "cosine":
        every /= np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
    order = np.lexsort((np.broadcast_to(rows, every.shape), -every), axis=1)[:, :k]
    return np.take_along_axis(every, order, 1), rows[order]


def check(found, expected, vectors, queries, metric, k):
    rows, scores = found
    values, near = expected
    n = near.shape[1]
    assert rows.shape == scores.shape == (len(queries), k)
    assert (rows[:, n:] == -1).all()
    assert (scores[:, n:] == -np.inf).all()
    np.testing.assert_allclose(scores[:, :n], values, rtol=1e-5, atol=1e-5)
    assert (np.diff(scores[:, :n], axis=1) <= 0).all()
    assert all(len(set(own[:n])) == n for own in rows.tolist())  # each once
    for query, own, score in zip(queries, rows[:, :n], scores[:, :n], strict=True):  # the scores are those of the rows
        own_values, own_rows = plainly(vectors, query[None], np.sort(own), n, metric)
        assert set(own_rows[0].tolist()) == set(own.tolist())
        np.testing.assert_allclose(score, own_values[0], rtol=1e-5, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(1, 300), dim=st.integers(1, 40), k=st.integers(1, 70),
    n_queries=st.integers(GROUP, 120), later=st.integers(0, 20), share=st.floats(0, 1), threads=st.integers(1, 3),
    metric=st.sampled_from(["cosine", "dot", "euclidean"]), piece=st.sampled_from([None, 64, 2_000]),
)  # fmt: skip
def test_the_nearest_allowed_points_are_found(seed, n, dim, k, n_queries, later, share, threads, metric, piece):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n, dim)).astype(np.float32) + np.float32(0.1)
    queries = rng.standard_normal((n_queries, dim)).astype(np.float32)
    deleted = rng.choice(n, n // 10, replace=False)
    view = view_of(vectors, min(later, n - 1), deleted)
    allowed = None if share == 1 else rng.random(n) < share
    rows = np.flatnonzero(~np.isin(np.arange(n), deleted) & (True if allowed is None else allowed))
    points, workers = AllowedPoints(view, allowed, metric), WorkerPool(threads, 64)
    assert points.count == len(rows)
    assert points.rows.tolist() == rows.tolist()
    if not len(rows):
        return
    expected = plainly(vectors, queries, rows, k, metric)
    for _ in range(2):  # the second time in a copy
        check(points.compare_each(queries, k, workers), expected, vectors, queries, metric, k)
    if metric == "euclidean":
        return
    with pytest.MonkeyPatch.context() as patch:
        if piece is not None:  # too many to be kept: copied piece by piece
            patch.setattr(allowed_points, "_KEPT", 0)
            patch.setattr(allowed_points, "_PIECE", piece)
        for _ in range(2):  # the second time what was kept is used
            check(points.compare_products(queries, k, workers), expected, vectors, queries, metric, k)


def test_equal_points_are_in_the_order_of_their_rows():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((70, 24)).astype(np.float32)
    vectors[[3, 20, 41, 69]] = vectors[50]
    view, queries = view_of(vectors), np.repeat(vectors[50][None], 8, 0)
    points, workers = AllowedPoints(view, None, "cosine"), WorkerPool(1, 64)
    for compare in (points.compare_products, points.compare_each, points.compare_each):
        assert compare(queries, 3, workers)[0].tolist() == [[3, 20, 41]] * 8


def test_both_comparisons_give_the_same_scores():
    rng = np.random.default_rng(1)
    vectors, queries = (rng.standard_normal((n, 100)).astype(np.float32) for n in (500, 40))
    points, workers = AllowedPoints(view_of(vectors), rng.random(500) < 0.5, "cosine"), WorkerPool(2, 64)
    rows, scores = points.compare_products(queries, 12, workers)
    again = points.compare_each(queries, 12, workers)
    assert (rows == again[0]).all()
    assert (scores == again[1]).all()


def test_what_is_copied_is_kept_while_it_is_small(monkeypatch):
    rng = np.random.default_rng(2)
    vectors = rng.standard_normal((100, 16)).astype(np.float32)
    view, queries, workers = view_of(vectors), vectors[:10], WorkerPool(1, 64)
    points, packed = AllowedPoints(view, None, "dot"), []
    pack = AllowedPoints._pack
    monkeypatch.setattr(
        AllowedPoints, "_pack", lambda self, start, *rest: packed.append(start) or pack(self, start, *rest)
    )
    points.compare_products(queries, 5, workers)
    points.compare_products(queries, 5, workers)
    assert packed == [0]
    monkeypatch.setattr(allowed_points, "_KEPT", 100)
    monkeypatch.setattr(allowed_points, "_PIECE", 48 * 64)
    large = AllowedPoints(view, None, "dot")
    for _ in range(2):
        large.compare_products(queries, 5, workers)
    assert packed == [0, *[0, 48, 96] * 2]


def test_an_index_keeps_the_points_of_its_last_condition():
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((400, 16)).astype(np.float32)
    ids = [str(i) for i in range(400)]
    index = ss.Index.build(ss.Space.from_vectors(ids, vectors, metadata={"n": np.arange(400)}), "hnsw", progress=False)
    queries = rng.standard_normal((20, 16)).astype(np.float32)
    searcher = index._points.engine._searcher
    index.knn_query(queries, 5, where="n < 100")
    kept = searcher._last_allowed
    index.knn_query(queries[:1], 5, where="n < 100")
    assert searcher._last_allowed is kept
    index.delete(["7"])
    assert 7 not in index.knn_query(vectors[7][None], 5, where="n < 100")[0]
    index.add(["new"], queries[:1] * 2, metadata={"n": [5]})
    assert index.search(queries[0], 1, where="n < 100").ids == ("new",)
    batch, single = (
        index.knn_query(queries, 5, where="n < 100"),
        [index.knn_query(q[None], 5, where="n < 100") for q in queries],
    )
    assert (batch[0] == np.vstack([rows for rows, _ in single])).all()
    assert (batch[1] == np.vstack([scores for _, scores in single])).all()
