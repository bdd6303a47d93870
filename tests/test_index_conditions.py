"""Searches of a graph with a condition find what was promised, wherever the picked points lie."""

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace.index.allowed_points import AllowedPoints
from semspace.index.graph_search import SearchScope

N, K, SHARES = 6_000, 10, (0.5, 0.2, 0.05, 0.005)


@pytest.fixture(scope="module")
def points():
    """Points in clouds, with columns of their places in three orders, and queries that aren't among them."""
    rng = np.random.default_rng(0)
    clouds = rng.standard_normal((60, 24))
    vectors = (clouds[rng.integers(60, size=N + 200)] + 0.6 * rng.standard_normal((N + 200, 24))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    base, queries = vectors[:N], vectors[N:]
    queries = queries[np.argsort(-(queries @ queries[0]))]
    orders = {
        "random": rng.permutation(N),
        "clustered": np.argsort(np.argsort(-(base @ base[0]))),
        "opposed": np.argsort(np.argsort(base @ queries[0])),
    }
    space = ss.Space.from_vectors([str(i) for i in range(N)], base, metadata=pl.DataFrame(orders))
    return ss.Index.build(space, "hnsw", recall=0.95, progress=False), base, queries, orders


def found_share(index, base, queries, picked, where, several):
    rows = np.flatnonzero(picked)
    k = min(K, len(rows))
    near = rows[np.argsort(-(queries @ base[rows].T), axis=1)[:, :k]]
    parts = [queries] if several else [query[None] for query in queries]
    found = np.concatenate([index.knn_query(part, k, where=where)[0] for part in parts])
    assert picked[found].all()  # a condition is never broken
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(found.tolist(), near.tolist(), strict=True)])


@pytest.mark.parametrize("pick", ["random", "clustered", "opposed"])
def test_recall_with_a_condition_is_what_was_asked_for(points, pick):
    index, base, queries, orders = points
    asked = queries[:60] if pick == "opposed" else queries
    for share in SHARES:
        many = int(share * N)
        for several in (True, False):
            value = found_share(index, base, asked, orders[pick] < many, f"{pick} < {many}", several)
            assert value >= 0.94, (share, several, value)


def test_a_walk_is_as_wide_as_the_share_of_allowed_points_needs(points):
    index = points[0]
    engine, view = index._points.engine, index._points.points.view
    searcher, count = engine._searcher, engine.graph.count

    def scope(n_allowed):
        allowed = AllowedPoints(view, np.arange(view.count) < n_allowed, "cosine")
        return SearchScope(allowed, engine.tuning, searcher.workers(1))

    def width(k, ef, n_allowed):
        return searcher._width(scope(n_allowed), k, ef)

    assert width(K, None, count) == engine.tuning.ef(K)
    assert width(K, None, count) <= width(K, None, count // 2) <= width(K, None, count // 10) <= count
    assert width(K, 50, count // 10) == 500  # the user's own number, for every allowed one
    met = np.array([0, 100, 50, 5])
    needed = searcher._needed(scope(count // 2), K, None, np.full(len(met), 100), met)
    assert needed[0] >= needed[3] > needed[2] > needed[1]  # the fewer it met, the wider
    short = np.array([K - 1])  # too few were met: at least four times as many candidates, as the share may be far off
    assert searcher._needed(scope(count // 2), K, None, np.array([100]), short)[0] >= 400
    assert searcher._needed(scope(7), K, None, np.array([100]), np.array([7])).tolist() == [0]  # all there are


@pytest.mark.parametrize("change", ["add", "update", "upsert", "delete"])
def test_a_condition_is_asked_again_after_a_change(change):
    space = ss.Space.from_vectors(["a", "b", "c"], np.eye(3), metadata={"year": [2000, 2010, 2020]})
    index = ss.Index.build(space)
    assert set(index.search(np.ones(3), where="year >= 2010").ids) == {"b", "c"}
    if change == "add":
        index.add(["d"], [[1, 1, 0]], metadata={"year": [2015]})
    elif change == "update":
        index.update(["a"], metadata={"year": [2015]})
    elif change == "upsert":
        index.upsert(["a"], [[1, 1, 0]], metadata={"year": [2015]})
    else:
        index.delete(["b"])
    expected = {"add": {"b", "c", "d"}, "delete": {"c"}}.get(change, {"a", "b", "c"})
    assert set(index.search(np.ones(3), where="year >= 2010").ids) == expected
