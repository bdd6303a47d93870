"""One contract over every kind of index: what is asked, changed and refused, the same everywhere."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import InputError, SemspaceWarning, UnknownIdError
from semspace.index.mmr import diverse
from semspace.queries import METRICS
from semspace.threads import thread_count
from tests.conftest import make_tiny_model, random_space
from tests.servers import Engine, engines, new_name
from tests.strategies import spaces


def has_hnswlib():
    """Tell whether hnswlib is there to build graphs."""
    try:
        import hnswlib  # noqa: F401
    except ImportError:
        return False
    return True


LOCAL = ("exact", "hnsw")
HNSWLIB = pytest.param(
    "hnswlib", marks=pytest.mark.skipif(not has_hnswlib(), reason="no hnswlib: pip install 'semspace[hnswlib]'")
)
SERVERS = [
    pytest.param(engine, marks=pytest.mark.skipif(engine.reason is not None, reason=str(engine.reason)), id=engine.name)
    for engine in engines()
]
MORE = {"kind": ["plane"], "year": [7]}


@pytest.fixture(params=[*LOCAL, HNSWLIB, "read from hnswlib", *SERVERS])
def make(request, tmp_path):
    """Build an index of the kind under test."""
    made = []

    def one(space, **options):
        kind = request.param
        if isinstance(kind, Engine):
            local = ss.Index.build(space, "exact", **options)
            made.append(local.push(kind.uri(tmp_path), new_name(), progress=False))
            kind = kind.collection.method
        elif kind == "hnswlib":
            made.append(ss.Index.build(space, backend="hnswlib", progress=False, **options))
        elif kind == "read from hnswlib":
            made.append(by_file(space, tmp_path / f"points{len(made)}.bin", **options))
        else:
            made.append(ss.Index.build(space, kind, progress=False, **options))
        assert made[-1].method == kind.split()[-1]
        return made[-1]

    yield one
    for index in made:
        index.close()


def by_file(space, path, metric="cosine", **options):
    """Build a graph, write it as a file of hnswlib, and take it over from there."""
    ss.Index.build(space, "hnsw", metric=metric, progress=False, **options).to_hnswlib(path)
    name = {"cosine": "cosine", "dot": "ip", "euclidean": "l2"}[metric]
    return ss.Index.from_hnswlib(
        path, space.ids.tolist(), space=name, metadata=space.metadata, encoder=space.encoder
    )  # fmt: skip


@pytest.fixture
def index(space, make):
    return make(space)


@pytest.fixture(params=LOCAL)
def local(request, space):
    return ss.Index.build(space, request.param, progress=False)


def state(index):
    """All that can be seen of an index: each point with its neighbours."""
    found = index.search([1.0, 1.0], 100)
    rows = [] if found.metadata is None else found.metadata.rows()
    return len(index), found.ids, found.scores.tolist(), rows


# -- searching ------------------------------------------------------------------------------------------------


def test_finds_what_the_space_finds(space, index):
    found, exact = index.search(id="cat", k=3), space.most_similar("cat", 3)
    assert found.ids == exact.ids
    np.testing.assert_allclose(found.scores, exact.scores, atol=1e-6)
    assert found.metadata["kind"].to_list() == ["animal", "animal", "vehicle"]
    assert found.metadata["year"].to_list() == [2, 3, 5]


def test_never_returns_the_id_asked_for(space, index):
    for id in space.ids:
        assert set(index.search(id=id, k=10).ids) == set(space.ids) - {id}
        assert set(index.search(id=id, k=10, exact=True).ids) == set(space.ids) - {id}
        assert id not in index.range_search(id=id, min_score=-1).ids
        assert id not in index.diversify(id=id, k=3).ids


@pytest.mark.parametrize("metric", METRICS)
def test_scores_are_those_of_the_metric(make, metric):
    space = random_space(200, 8)
    index = make(space, metric=metric)
    assert (index.metric, index.dim, len(index)) == (metric, 8, 200)
    found = index.search(np.ones(8), k=20)
    assert (np.diff(found.scores) <= 0).all()
    for id, score in found:
        assert score == pytest.approx(space.similarity(np.ones(8, np.float32), id, metric=metric), abs=1e-4)


@pytest.mark.parametrize("metric", METRICS)
def test_exact_is_the_truth(make, metric):
    space = random_space(300, 6, seed=3)
    index = make(space, metric=metric)
    asked = list(np.random.default_rng(4).normal(size=(10, 6)).astype(np.float32))
    truth = space.most_similar_batch(asked, 7, metric=metric)
    assert [found.ids for found in index.search_batch(asked, 7, exact=True)] == [found.ids for found in truth]


def test_batches_equal_single_searches(index):
    queries = [np.array([1.0, 0.0]), np.array([0.0, 1.0])]
    batch = index.search_batch(queries, 2)
    assert [found.ids for found in batch] == [index.search(query, 2).ids for query in queries]
    assert [found.metadata.rows() for found in batch] == [index.search(q, 2).metadata.rows() for q in queries]
    assert index.search_batch([]) == []


@settings(max_examples=40, deadline=None)
@given(space=spaces(max_size=12), metric=st.sampled_from(METRICS), kind=st.sampled_from(LOCAL), data=st.data())
def test_any_space_is_searched_as_by_itself(space, metric, kind, data):
    """Of so few points every kind of index finds all, with the scores of the space."""
    index = ss.Index.build(space, kind, metric=metric, progress=False)
    id = data.draw(st.sampled_from(space.ids.tolist()))
    found, truth = index.search(id=id, k=20), space.most_similar(id, 20, metric=metric)
    assert sorted(found.ids) == sorted(truth.ids)
    assert (np.diff(found.scores) <= 0).all()
    scale = max(1.0, float(np.abs(truth.scores).max()))
    np.testing.assert_allclose(found.scores, truth.scores, atol=1e-4 * scale)


def test_many_neighbours_among_duplicates(make):
    """Where a graph can't reach as many points as asked for, they come all the same, in a batch and alone."""
    vectors = np.repeat(np.random.default_rng(0).normal(size=(30, 4)), 20, axis=0)
    index = make(ss.Space.from_vectors([f"p{i:03d}" for i in range(600)], vectors))
    queries = [vectors[0], vectors[300]]
    batch = index.search_batch(queries, 400)
    assert [len(found) for found in batch] == [400, 400]
    assert [found.ids for found in batch] == [index.search(query, 400).ids for query in queries]


def test_neighbours_are_taken_by_positions_or_by_truth_values(space):
    found = space.most_similar(space.ids[0], k=3)
    assert found.take(found.scores >= found.scores[1]).ids == found.ids[:2]
    assert found.take([2, -3]).ids == (found.ids[2], found.ids[0])
    assert found.take([]).ids == ()
    for wrong in ([0.7], [3], 1, ["a"], [[0, 1]], [True], [-4]):
        with pytest.raises(InputError, match=r"rows must be positions"):
            found.take(wrong)


def test_columns_beside_neighbours_are_checked(space):
    found = space.most_similar(space.ids[0], k=3)
    assert found.with_columns({"n": [1, 2, 3]}).to_frame()["n"].to_list() == [1, 2, 3]
    with pytest.raises(InputError, match="a row for each of the 3 neighbours; got 1"):
        found.with_columns(pl.DataFrame({"q": [1]}))
    with pytest.raises(InputError, match="a column can't be called 'score'"):
        found.with_columns({"score": [1, 2, 3]})


def test_equal_scores_go_by_name(make):
    index = make(ss.Space.from_vectors(["q", "z", "a", "m"], [[1, 1], [1, 0], [1, 0], [1, 0]]))
    assert index.search(id="q").ids == ("a", "m", "z")
    index.add(["b"], [[2, 0]])
    assert index.search(id="q").ids == ("a", "b", "m", "z")


def test_more_than_there_is_gives_all(index):
    assert len(index.search([1.0, 1.0], k=1000)) == 6
    index.delete(["cat", "bus"])
    found = index.search([1.0, 1.0], k=6)
    assert set(found.ids) == {"dog", "horse", "car", "train"}
    assert len(found.metadata) == 4


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("kind = 'vehicle'", {"car", "bus", "train"}),
        ("year >= 5", {"bus", "train"}),
        ("year >= 2 AND kind = 'animal'", {"dog", "horse"}),
        ("year > 100", set()),
        ("id IN ('cat', 'bus')", {"cat", "bus"}),
        ("not (kind = 'animal' or year = 4)", {"bus", "train"}),
    ],
)
def test_conditions(index, where, expected):
    for exact in (False, True):
        assert set(index.search([1.0, 0.0], where=where, exact=exact).ids) == expected
        assert [set(n.ids) for n in index.search_batch([[1.0, 0.0]] * 2, where=where, exact=exact)] == [expected] * 2


def test_a_condition_sees_points_that_came_since(index):
    index.add(["jet"], [[1, 0.05]], MORE)
    index.update(["cat"], [[1, 0.1]], {"kind": ["plane"], "year": [8]})
    index.delete(["dog"])
    assert index.search([1.0, 0.0], where="kind = 'plane'").ids == ("jet", "cat")
    assert index.search([1.0, 0.0], where="kind = 'animal'").ids == ("horse",)


def test_conditions_ids_and_lists_together(index):
    assert set(index.search(id="car", where="kind = 'vehicle'").ids) == {"bus", "train"}
    assert index.search([1.0, 0.0], among=["bus", "dog", "nobody", "dog"]).ids == ("dog", "bus")
    assert index.search(id="dog", among=["bus", "dog"]).ids == ("bus",)
    assert index.search([1.0, 0.0], among=[]).ids == ()
    assert index.search([1.0, 0.0], among=["bus", "dog", "cat"], where="year >= 2", exact=True).ids == ("dog", "bus")


def test_a_condition_on_ids_needs_no_metadata(make):
    index = make(ss.Space.from_vectors(["a", "b"], [[1, 0], [1, 1]]))
    assert index.search([1.0, 0.0], where="id != 'a'").ids == ("b",)
    assert index.search([1.0, 0.0]).metadata is None


def test_texts_are_encoded(tiny, make):
    space = tiny.embed(ss.Corpus.from_texts(["red wine", "white wine", "old ale"], ids=["r", "w", "a"]))
    index = make(space)
    if index.method in ("milvus", "qdrant", "pgvector"):
        pytest.skip("a server knows its encoder by name")
    assert index.search("white wine", 1).ids == ("w",)
    assert [n.ids[0] for n in index.search_batch(["red wine", space["a"]], 1)] == ["r", "a"]
    assert index.recommend(["r", "white wine"], k=2).ids[-1] == "a"
    index.add(["g"], ["green tea"], None if space.metadata is None else {"text": ["green tea"]})
    assert index.search("green tea", 1).ids == ("g",)


def test_range_search_gives_all_that_are_near_enough(make):
    angles = np.radians(np.arange(0, 180, 0.5))
    index = make(
        ss.Space.from_vectors([f"{a:06.1f}" for a in np.degrees(angles)], np.c_[np.cos(angles), np.sin(angles)])
    )
    found = index.range_search([1.0, 0.0], min_score=float(np.cos(np.radians(90.2))))
    assert found.ids == tuple(f"{a / 2:06.1f}" for a in range(181))
    assert len(index.range_search([1.0, 0.0], min_score=-2)) == 360
    with pytest.raises(InputError, match="min_score must be a number of at most 1; got 2"):
        index.range_search([1.0, 0.0], min_score=2)
    assert index.range_search(id="0000.0", min_score=0.99999).ids == ()


def test_recommend_by_hand(make):
    """+ x, - y: the mean of what is liked less half of what isn't."""
    index = make(ss.Space.from_vectors(["x", "y", "a", "b"], [[2, 0], [0, 3], [2, -1], [1, 1]]))
    found = index.recommend(["x"], ["y"], method="mean")
    assert (found.ids, found.metric) == (("a", "b"), "cosine")
    (a, b), (p, q) = found.scores, (2 / np.sqrt(5), 1 / np.sqrt(5))
    assert a == pytest.approx(1.0)  # (1, 0) - (0, 1/2) is the direction of a
    assert b == pytest.approx((p - q) / np.sqrt(2), abs=1e-6)
    assert index.recommend(["x", [0.0, 1.0]], k=1, method="mean").ids == ("b",)
    assert index.recommend("x", "y").ids == index.recommend(["x"], ["y"]).ids
    assert index.recommend(["x"], [[0.0, 1.0]], k=5, where="id != 'a'").ids == ("b", "y")


def test_two_interests_are_two_regions_by_hand(make):
    """Of two clusters, the mean lies between them, where only `odd` is; the density stays with the clusters."""
    vectors = {"x1": [1, 0], "x2": [1, 0.1], "x3": [1, 0.2], "y1": [0, 1], "y2": [0.1, 1], "odd": [1, 1]}
    index = make(ss.Space.from_vectors(list(vectors), list(vectors.values())))
    assert index.recommend(["x1", "y1"], k=1, method="mean").ids == ("odd",)
    found = index.recommend(["x1", "y1"], k=4)
    assert (found.ids, found.metric) == (("x2", "y2", "x3", "odd"), "density")
    near, far = 1 / np.sqrt(1.01), 0.1 / np.sqrt(1.01)  # cosines of x2 to x1 and to y1, and of y2 to y1 and x1
    expected = np.log((np.exp(10 * near) + np.exp(10 * far)) / 2) / 10
    assert found.scores[:2] == pytest.approx([expected, expected], abs=1e-6)
    assert found.scores[3] == pytest.approx(1 / np.sqrt(2), abs=1e-6)  # the same cosine to both


def test_a_dislike_moves_away_by_hand(make):
    """Both a and b have the same cosine to x; b is nearer to what isn't liked, which counts by a quarter."""
    index = make(ss.Space.from_vectors(["x", "y", "a", "b"], [[1, 0, 0], [0, 3, 0], [1, 0, 1], [1, 1, 0]]))
    assert index.recommend("x").ids == ("a", "b", "y")  # equal scores are ordered by id
    found = index.recommend("x", "y")
    assert found.ids == ("a", "b")
    half = 1 / np.sqrt(2)
    assert found.scores == pytest.approx([half, half - half / 4], abs=1e-6)
    assert index.recommend("x", ["y", "a"]).ids == ("b",)


@pytest.mark.parametrize("metric", METRICS)
def test_a_single_example_recommends_what_a_search_finds(make, metric):
    rng = np.random.default_rng(5)
    index = make(ss.Space.from_vectors([f"{i:02}" for i in range(40)], rng.normal(size=(40, 6))), metric=metric)
    found = index.recommend("07", k=8, exact=True)
    assert found.ids == index.search("07", 8, exact=True).ids
    if metric == "cosine":
        np.testing.assert_allclose(found.scores, index.search("07", 8, exact=True).scores, atol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_the_density_by_its_formula(make, metric):
    """Computed again in double precision from all pairs, with what is asked for left out."""
    rng = np.random.default_rng(6)
    points = rng.normal(size=(30, 4)).astype(np.float32)
    names = [f"{i:02}" for i in range(30)]
    index = make(ss.Space.from_vectors(names, points, {"even": [i % 2 == 0 for i in range(30)]}), metric=metric)
    own = points.astype(np.float64)
    if metric == "cosine":
        own /= np.linalg.norm(own, axis=1, keepdims=True)
    square = (own[[1, 2, 3]] ** 2).sum(axis=1).mean()
    apart = ((own[:, None] - own) ** 2).sum(axis=2)
    similarity = 1 - apart / 2 / square if metric == "euclidean" else own @ own.T / square

    def density(rows):
        return np.log(np.exp(10 * similarity[:, rows]).mean(axis=1)) / 10

    expected = density([1, 2, 3]) - density([4, 5]) / 4
    order = [i for i in np.argsort(-expected) if i % 2 == 0 and i not in (1, 2, 3, 4, 5, 8)]
    among = [name for name in names if name != "08"]
    found = index.recommend(["01", "02", "03"], ["04", "05"], 6, where="even = true", among=among, exact=True)
    assert found.ids == tuple(names[i] for i in order[:6])
    np.testing.assert_allclose(found.scores, expected[order[:6]], atol=1e-5)
    assert found.metadata is not None
    assert found.metadata["even"].all()
    assert index.recommend(["01"], among=[]).ids == ()


def test_recommendations_that_differ_by_hand(make):
    """a and b are nearly one point; with difference asked for, c comes instead of b."""
    vectors = np.array([[1, 0], [1, 0.01], [1, 0.02], [0.6, -0.8]])
    index = make(ss.Space.from_vectors(["x", "a", "b", "c"], vectors))
    assert index.recommend("x", k=2).ids == ("a", "b")
    assert index.recommend("x", k=2, diversity=0.7).ids == ("a", "c")
    assert index.recommend("x", k=2, diversity=0.7, method="mean").ids == ("a", "c")


def test_a_graph_recommends_nearly_what_is_exact():
    """Candidates are what is found near each example: nothing or little of the best is lost."""
    rng = np.random.default_rng(8)
    centres = rng.normal(size=(30, 16))
    points = (centres[rng.integers(30, size=3_000)] + 0.4 * rng.normal(size=(3_000, 16))).astype(np.float32)
    names = [f"{i:04}" for i in range(3_000)]
    index = ss.Index.build(ss.Space.from_vectors(names, points), "hnsw", progress=False)
    shares = []
    for start in range(0, 100, 10):
        asked = names[start : start + 5], names[start + 5 : start + 7]
        true = index.recommend(*asked, exact=True)
        found = index.recommend(*asked)
        assert set(found.ids).isdisjoint(asked[0] + asked[1])
        shares.append(len({*found.ids} & {*true.ids}) / 10)
    assert np.mean(shares) > 0.95


def test_a_space_recommends_like_its_index(space):
    index = ss.Index.build(space, "exact")
    assert ss.recommend(space, ["cat"], ["car"]).ids == index.recommend(["cat"], ["car"]).ids
    assert ss.recommend(space, "cat", k=1, method="mean").ids == index.recommend("cat", k=1, method="mean").ids
    with pytest.raises(InputError, match="recommend takes a Space; got Index"):
        ss.recommend(index, ["cat"])


def test_diversify_by_hand(make):
    """The nearest three are nearly one point; with difference asked for, another direction comes instead."""
    vectors = np.array([[1, 0], [1, 0.01], [1, 0.02], [0.6, -0.8]])
    index = make(ss.Space.from_vectors(["a", "b", "c", "d"], vectors))
    assert index.diversify([1.0, 0.0], k=2, diversity=0).ids == index.search([1.0, 0.0], 2).ids == ("a", "b")
    # After a, a point of cosine x to both the query and a is worth 0.4 x - 0.6 x: the least of a loss is that of d.
    found = index.diversify([1.0, 0.0], k=2, diversity=0.6)
    assert found.ids == ("a", "d")
    assert found.scores == pytest.approx([1, 0.6], abs=1e-6)
    assert index.diversify([1.0, 0.0], k=2, diversity=0.6, candidates=3).ids == ("a", "c")


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 12), k=st.integers(1, 12), diversity=st.floats(0, 1), seed=st.integers(0, 99))
def test_spread_is_maximal_marginal_relevance(n, k, diversity, seed):
    """By the formula of the paper, computed again from all pairs at each step."""
    draw = np.random.default_rng(seed)
    vectors, relevance = draw.normal(size=(n, 3)).astype(np.float32), draw.random(n).astype(np.float32)
    points = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    chosen = diverse(vectors, relevance, k, diversity)
    assert len(set(chosen)) == len(chosen) == min(n, k)
    for step, row in enumerate(chosen):
        left = [i for i in range(n) if i not in chosen[:step]]
        worth = {
            i: (1 - diversity) * relevance[i]
            - (diversity * max(points[i] @ points[j] for j in chosen[:step]) if step else 0)
            for i in left
        }
        assert worth[row] >= max(worth.values()) - 1e-5


# -- changing -------------------------------------------------------------------------------------------------


def test_a_point_that_comes_is_found(index):
    index.add(["ship"], [[0.5, 0.5]], {"year": [9], "kind": ["vessel"]})  # columns go by name
    assert "ship" in index
    assert len(index) == 7
    found = index.search([1.0, 1.0], 1)
    assert found.ids == ("ship",)
    assert found.metadata.rows(named=True) == [{"kind": "vessel", "year": 9}]
    assert "ship" not in index.search(id="ship").ids


def test_a_point_that_is_gone_is_never_found(index):
    index.delete(["dog", "bus"])
    assert "dog" not in index
    assert len(index) == 4
    for exact in (False, True):
        assert set(index.search([1.0, 1.0], 10, exact=exact).ids) == {"cat", "horse", "car", "train"}
    with pytest.raises(UnknownIdError, match="no point 'dog'"):
        index.search(id="dog")
    index.add(["dog"], [[1, 0.2]], {"kind": ["animal"], "year": [20]})
    assert index.search(id="cat", k=1).metadata["year"].to_list() == [20]


def test_an_update_moves_a_point_and_keeps_its_metadata(index):
    index.update(["cat"], [[0, 1]])
    assert len(index) == 6
    found = index.search([0.0, 1.0], 2)
    assert set(found.ids) == {"cat", "train"}
    assert dict(zip(found.ids, found.metadata["year"], strict=True)) == {"cat": 1, "train": 6}
    index.update(["cat"], [[1, 0.1]], {"kind": ["pet"], "year": [30]})
    assert index.search([1.0, 0.1], 1).metadata.rows() == [("pet", 30)]


def test_metadata_alone_may_be_updated_in_all_columns_or_some(index):
    before = index.search(id="dog", k=6)
    index.update(["cat", "bus"], metadata={"year": [30, 50]})
    assert index.search([1.0, 0.0], 6, where="year >= 30", exact=True).metadata["year"].sort().to_list() == [30, 50]
    assert set(index.search([1.0, 0.0], 6, where="kind = 'animal'").ids) == {"cat", "dog", "horse"}
    index.update(["cat"], metadata={"kind": ["pet"], "year": [31]})
    assert index.search([1.0, 0.0], where="kind = 'pet'").metadata.rows() == [("pet", 31)]
    after = index.search(id="dog", k=6)  # no vector has changed
    assert after.ids == before.ids
    np.testing.assert_allclose(after.scores, before.scores, atol=1e-6)
    index.update(["cat"], [[0, 1]], {"year": [32]})  # the other column stays, too
    assert index.search([0.0, 1.0], 6, where="year = 32").metadata.rows() == [("pet", 32)]
    assert len(index) == 6


def test_upsert_updates_what_is_there_and_adds_the_rest(index):
    index.upsert(["cat", "jet"], [[0, 1], [1, 0.05]], {"kind": ["pet", "plane"], "year": [30, 40]})
    assert len(index) == 7
    found = index.search([1.0, 0.05], 7, where="year >= 30")
    assert dict(zip(found.ids, found.metadata.rows(), strict=True)) == {"jet": ("plane", 40), "cat": ("pet", 30)}
    assert index.search([1.0, 0.05], 1).ids == ("jet",)
    index.upsert(["cat", "jet"], [[1, 0.05], [0, 1]])  # both are there, so they keep their metadata
    assert index.search([1.0, 0.05], 7, where="year >= 30").ids == ("cat", "jet")
    index.upsert(["jet"], [[0, 1]], {"year": [41]})
    assert index.search([0.0, 1.0], where="year = 41").metadata.rows() == [("plane", 41)]
    index.upsert([], np.empty((0, 2)), {"kind": [], "year": []})
    assert len(index) == 7


def test_a_space_brings_all_that_its_points_have(index):
    index.add(ss.Space.from_vectors(["ship", "jet"], [[0.5, 0.5], [1, 0.05]], {"kind": ["v", "p"], "year": [9, 8]}))
    assert index.search([1.0, 1.0], 1).metadata.rows() == [("v", 9)]
    index.update(ss.Space.from_vectors(["ship"], [[1, 0.9]]))  # without metadata, which stays
    assert index.search([1.0, 0.9], 1).metadata.rows() == [("v", 9)]
    index.upsert(ss.Space.from_vectors(["ship", "raft"], [[0, 1], [1, 1]], {"kind": ["w", "r"], "year": [70, 60]}))
    assert len(index) == 9
    found = index.search([1.0, 1.0], 9, where="year >= 60")
    assert dict(zip(found.ids, found.metadata.rows(), strict=True)) == {"raft": ("r", 60), "ship": ("w", 70)}


def test_a_space_comes_alone(local):
    points = ss.Space.from_vectors(["ship"], [[1, 0]], {"kind": ["v"], "year": [9]})
    for change in (local.add, local.update, local.upsert):
        for more in ({"vectors": [[1, 0]]}, {"metadata": {"year": [9]}}):
            with pytest.raises(InputError, match="a space brings its vectors and its metadata along"):
                change(points, **more)
    for change in (local.add, local.upsert):
        with pytest.raises(InputError, match="new points need vectors, or texts for the encoder; or give a Space"):
            change(["ship"])
    assert "ship" not in local


def test_upsert_is_all_or_nothing(index):
    for more, why in ((None, "metadata"), ({"year": [1, 2]}, "kind, year")):
        with pytest.raises(InputError, match=why):
            index.upsert(["cat", "jet"], [[0, 1], [1, 0]], more)  # a new point needs all columns
    assert "jet" not in index
    assert len(index) == 6
    assert index.search(id="dog", k=6, where="id = 'cat'").metadata.rows() == [("animal", 1)]


def test_without_metadata_too(make):
    index = make(ss.Space.from_vectors(["a", "b"], [[1, 0], [0, 1]]))
    index.upsert(["b", "c"], [[1, 0.1], [0, 1]])
    assert index.search(id="a", k=2).ids == ("b", "c")
    with pytest.raises(InputError, match="no metadata"):
        index.update(["a"], metadata={"year": [1]})


def test_an_index_that_is_not_read_from_disk_is_always_up_to_date(index):
    assert index.refresh() is False


def test_compact_changes_no_answer(index):
    index.add(["ship"], [[0.5, 0.5]], MORE)
    index.delete(["dog"])
    index.update(["cat"], [[0, 1]])
    before = state(index)
    index.compact()
    after = state(index)
    assert after[:2] == before[:2]
    np.testing.assert_allclose(after[2], before[2], atol=1e-6)
    assert after[3] == before[3]


def test_all_points_may_go_and_others_come(index, space):
    index.delete(list(space.ids))
    assert len(index) == 0
    assert index.search([1.0, 0.0]).ids == index.range_search([1.0, 0.0], -1).ids == ()
    assert index.search([1.0, 0.0], exact=True).ids == index.diversify([1.0, 0.0]).ids == ()
    assert [len(found) for found in index.search_batch([[1.0, 0.0]] * 2, where="year > 0")] == [0, 0]
    index.add(["cat"], [[1, 0]], MORE)
    assert index.search([1.0, 0.0]).ids == ("cat",)


def test_nothing_local_is_left_of_no_points(local, space):
    local.delete(list(space.ids))
    assert local.duplicates(progress=False).is_empty()
    assert (local.knn_query([[1.0, 0.0]], 2)[0] == -1).all()
    assert "6 deleted" in str(local.report())
    for ask, why in (
        (local.compact, "no live points left"),
        (local.measure, "no live points"),
        (lambda: local.space, "empty"),
    ):
        with pytest.raises(InputError, match=why):
            ask()


def test_the_space_of_an_index_that_changed(local):
    local.delete(["dog"])
    local.add(["ship"], [[0.5, 0.5]], MORE)
    local.update(["cat"], [[0, 1]])
    space = local.space
    assert space.ids.tolist() == ["horse", "car", "bus", "train", "ship", "cat"]
    assert space["cat"].tolist() == [0, 1]
    assert space.metadata["year"].to_list() == [3, 4, 5, 6, 7, 1]
    assert local.ids.tolist()[:2] == ["cat", "dog"]  # rows stay what they were


def test_what_was_given_may_change_afterwards(make):
    vectors = np.array([[1, 0], [0, 1]], np.float32)
    index = make(ss.Space.from_vectors(["a", "b"], vectors.copy()))
    more = np.array([[1, 1]], np.float32)
    index.add(["c"], more)
    more[:] = 9, -9
    assert index.search([1.0, 1.0], 1).scores[0] == pytest.approx(1)


# -- what cannot be -------------------------------------------------------------------------------------------


NAN, ZERO = [[np.nan, 1.0]], [[0.0, 0.0]]
OTHER = {"kind": ["a"], "hue": ["b"]}
TWO = {"kind": ["a"] * 2, "year": [1] * 2}
REFUSED = {
    "NaN": (lambda i: i.search([np.nan, 1.0]), InputError, "NaN"),
    "infinity": (lambda i: i.search([np.inf, 1.0]), InputError, "infinity"),
    "zero": (lambda i: i.search([0.0, 0.0]), InputError, "zero vector"),
    "zero in a batch": (lambda i: i.search_batch([[1.0, 0.0], [0.0, 0.0]]), InputError, "zero vector"),
    "wide": (lambda i: i.search([1.0, 2.0, 3.0]), InputError, r"vector of shape \(2,\); got list of shape \(3,\)"),
    "narrow": (lambda i: i.search([1.0]), InputError, r"vector of shape \(2,\)"),
    "no vector": (lambda i: i.search(object()), InputError, r"vector of shape \(2,\)"),
    "a text": (lambda i: i.search("cats"), UnknownIdError, r"no point 'cats' in .* no encoder.* did you mean cat\?"),
    "nothing": (lambda i: i.search(), InputError, "either a query"),
    "both": (lambda i: i.search([1.0, 0.0], id="cat"), InputError, "either a query"),
    "unknown": (lambda i: i.search(id="cats"), UnknownIdError, "no point 'cats'"),
    "float as id": (lambda i: i.search(id=1.5), UnknownIdError, "an id is a string or a whole number; got 1.5"),
    "unknown number": (lambda i: i.search(id=5), UnknownIdError, "no point '5'"),
    "k 0": (lambda i: i.search([1.0, 0.0], 0), InputError, "k must be a whole number of at least 1; got 0"),
    "k -3": (lambda i: i.search(id="cat", k=-3), InputError, "k must be a whole number"),
    "k 1.5": (lambda i: i.search([1.0, 0.0], 1.5), InputError, "k must be a whole number"),
    "k True": (lambda i: i.search_batch([[1.0, 0.0]], True), InputError, "k must be a whole number"),
    "batch of a text": (lambda i: i.search_batch("text"), InputError, "search_batch takes a list of queries; got one"),
    "no such column": (lambda i: i.search([1.0, 0.0], where="colour = 'red'"), InputError, "columns are .*kind, year"),
    "code": (lambda i: i.search([1.0, 0.0], where="__import__('os').system('x')"), InputError, "cannot use where="),
    "statements": (lambda i: i.search([1.0, 0.0], where="1=1; drop table"), InputError, "cannot use where="),
    "a select": (lambda i: i.search([1.0, 0.0], where="select * from self"), InputError, "cannot use where="),
    "a number": (lambda i: i.search([1.0, 0.0], where="year + 1"), InputError, "true or false|cannot use where="),
    "blank": (lambda i: i.search([1.0, 0.0], where=" "), InputError, "must be a condition"),
    "no condition": (lambda i: i.search([1.0, 0.0], where=5), InputError, "must be a condition"),
    "among a text": (lambda i: i.search([1.0, 0.0], among="cat"), InputError, "among must be a list of strings"),
    "among floats": (lambda i: i.search([1.0, 0.0], among=[1.5]), InputError, "among must hold only strings or whole"),
    "range": (lambda i: i.range_search([1.0, 0.0], float("nan")), InputError, "min_score must be a number"),
    "like nothing": (lambda i: i.recommend([], ["cat"]), InputError, "at least one point in like="),
    "like opposites": (lambda i: i.recommend([[1.0, 0.0], [-1.0, 0.0]], method="mean"), InputError, "zero vector"),
    "like zero": (lambda i: i.recommend([[0.0, 0.0]]), InputError, "zero vector"),
    "recommend how": (lambda i: i.recommend(["cat"], method="median"), InputError, "method must be"),
    "too diverse": (lambda i: i.recommend(["cat"], diversity=1.5), InputError, "diversity must be a number"),
    "like unknown": (lambda i: i.recommend(["cats"]), UnknownIdError, "no point 'cats' in .* no encoder"),
    "diversity": (lambda i: i.diversify([1.0, 0.0], diversity=1.1), InputError, "diversity must be .* at most 1"),
    "no candidates": (lambda i: i.diversify([1.0, 0.0], candidates=0), InputError, "candidates must be .* at least 10"),
    "few candidates": (lambda i: i.diversify([1.0, 0.0], 3, candidates=2), InputError, "at least 3; got 2"),
    "measure nothing": (lambda i: i.measure([]), InputError, "at least one query"),
    "add a duplicate": (lambda i: i.add(["n", "cat"], [[1, 0]] * 2, TWO), InputError, "already has 'cat'"),
    "add one twice": (lambda i: i.add(["n", "n"], [[1, 0]] * 2, TWO), InputError, "'n' occurs more than once"),
    "add NaN": (lambda i: i.add(["n"], NAN, MORE), InputError, r"vector of 'n' \(row 0\) holds NaN"),
    "add zero": (lambda i: i.add(["n"], ZERO, MORE), InputError, r"vector of 'n' \(row 0\) is all zeros"),
    "add wide": (lambda i: i.add(["n"], [[1, 2, 3]], MORE), InputError, "vectors must have 2 columns.*got 3"),
    "add flat": (lambda i: i.add(["n"], [1, 2], MORE), InputError, r"two axes \(n, dim\)"),
    "add ragged": (lambda i: i.add(["n"], [[1], [2, 3]], MORE), InputError, "matrix of numbers"),
    "add None": (lambda i: i.add(["n"], None, MORE), InputError, "new points need vectors, or texts for the encoder"),
    "add a number": (lambda i: i.add(["n"], 1, MORE), InputError, r"vectors must be a matrix of numbers, .* int"),
    "add too many": (lambda i: i.add(["n"], [[1, 0]] * 2, MORE), InputError, "same length; got 1 ids and 2 vectors"),
    "add texts": (lambda i: i.add(["n"], ["a text"], MORE), InputError, "no encoder"),
    "add a float": (lambda i: i.add([0.5], [[1, 0]], MORE), InputError, "item 0 is float: 0.5"),
    "add an id": (lambda i: i.add("n", [[1, 0]], MORE), InputError, "ids must be a list of strings"),
    "add bare": (lambda i: i.add(["n"], [[1, 0]]), InputError, "metadata"),
    "add other columns": (lambda i: i.add(["n"], [[1, 0]], OTHER), InputError, "kind, year; got kind, hue"),
    "add other types": (lambda i: i.add(["n"], [[1, 0]], {"kind": ["a"], "year": ["long ago"]}), InputError, "year"),
    "add more rows": (lambda i: i.add(["n"], [[1, 0]], TWO), InputError, "a row for each"),
    "add no table": (lambda i: i.add(["n"], [[1, 0]], 5), InputError, "DataFrame; got int"),
    "update unknown": (lambda i: i.update(["cat", "cats"], [[1, 0]] * 2), UnknownIdError, "no point 'cats'"),
    "update NaN": (lambda i: i.update(["cat"], NAN), InputError, "holds NaN"),
    "update columns": (lambda i: i.update(["cat"], [[0, 1]], {"a": [1]}), InputError, "columns kind, year; got a"),
    "update nothing": (lambda i: i.update(["cat"]), InputError, "needs vectors .* or metadata=.*got neither"),
    "update some rows": (lambda i: i.update(["cat"], metadata={"year": [1, 2]}), InputError, "a row for each of the 1"),
    "update some unknown": (lambda i: i.update(["cats"], metadata={"year": [1]}), UnknownIdError, "no point 'cats'"),
    "update to no column": (lambda i: i.update(["cat"], metadata={"hue": [1]}), InputError, "kind, year; got hue"),
    "update to a type": (lambda i: i.update(["cat"], metadata={"year": ["long ago"]}), InputError, "year"),
    "upsert NaN": (lambda i: i.upsert(["n"], NAN, MORE), InputError, "holds NaN"),
    "upsert twice": (lambda i: i.upsert(["n", "n"], [[1, 0]] * 2, TWO), InputError, "'n' occurs more than once"),
    "delete unknown": (lambda i: i.delete(["cat", "cats"]), UnknownIdError, "no point 'cats'"),
    "delete twice": (lambda i: i.delete(["cat", "cat"]), InputError, "'cat' occurs more than once"),
    "delete an id": (lambda i: i.delete("cat"), InputError, "ids must be a list of strings"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_is_one_clear_sentence_and_changes_nothing(index, what):
    ask, error, message = REFUSED[what]
    before = state(index)
    with pytest.raises(error, match=message) as caught:
        ask(index)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert state(index) == before


def test_metadata_where_there_is_none(make):
    index = make(ss.Space.from_vectors(["a", "b"], [[1, 0], [1, 1]]))
    with pytest.raises(InputError, match="no metadata"):
        index.add(["c"], [[1, 0]], {"year": [1]})
    assert len(index) == 2


def test_the_zero_vector_has_no_cosine_but_a_distance(make):
    index = make(ss.Space.from_vectors(["a", "b"], [[3, 4], [1, 0]]), metric="euclidean")
    found = index.search([0.0, 0.0])
    assert found.ids == ("b", "a")
    assert found.scores == pytest.approx([-1, -5])


def test_an_encoder_that_has_changed_is_noticed(tmp_path):
    folder = make_tiny_model(tmp_path / "model", seed=1)
    space = ss.Encoder.load(folder).embed(ss.Corpus.from_texts(["red wine", "old ale"]))
    ss.Index.build(space).save(tmp_path / "i")
    config = folder / "sentence_bert_config.json"
    config.write_text(config.read_text().replace("16", "8"))
    with pytest.raises(InputError, match="their vectors can't be compared"):
        ss.Index.open(tmp_path / "i").search("old ale")


# -- building, and looking into it -----------------------------------------------------------------------------


def test_small_spaces_are_searched_exactly():
    assert ss.Index.build(random_space(50, 4)).method == "exact"
    assert ss.Index.build(random_space(5_001, 4), progress=False).method == "hnsw"
    assert ss.Index.build(random_space(5_001, 4), recall=1).method == "exact"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "annoy"}, "method must be one of auto, exact, hnsw"),
        ({"metric": "manhattan"}, "metric must be one of"),
        ({"recall": 0}, "recall must be a number above 0 and at most 1"),
        ({"recall": 1.1}, "recall must be"),
        ({"method": "hnsw", "m": 1}, "m must be a whole number from 2 to 256"),
        ({"method": "hnsw", "ef": 0}, "ef must be"),
        ({"method": "hnsw", "code_bytes": 65}, "code_bytes must be"),
        ({"method": "hnsw", "threads": 0}, "threads must be"),
        ({"method": "exact", "threads": 0}, "threads must be a whole number from 1 to 1024; got 0"),
        ({"method": "exact", "progress": "no"}, "progress must be True or False"),
        ({"method": "exact", "m": 16}, "the method 'exact' has no setting 'm'; it has none"),
        ({"method": "hnsw", "trees": 3}, "the method 'hnsw' has no setting 'trees'; it has m, ef_construction"),
    ],
)
def test_settings_are_checked(space, options, message):
    with pytest.raises(InputError, match=message):
        ss.Index.build(space, **options)


def test_a_corpus_is_no_space(corpus):
    with pytest.raises(InputError, match=r"takes a Space; got Corpus"):
        ss.Index.build(corpus)


def test_duplicates_by_hand(local):
    """The angles between the animals are 5.6°, 5.7° and 11.3°, and between the vehicles 4.6°, 5.7° and 10.3°."""
    found = local.duplicates(0.98, progress=False)
    assert found.columns == ["a", "b", "score"]
    pairs = [row[:2] for row in found.rows()]
    assert pairs[:2] == [("car", "bus"), ("cat", "dog")]
    assert set(pairs[2:4]) == {("cat", "horse"), ("car", "train")}
    assert pairs[4:] == [("bus", "train"), ("dog", "horse")]
    assert found["score"][0] == pytest.approx(np.cos(np.arctan(0.2 / 1.1) - np.arctan(0.1)), abs=1e-6)
    assert found["score"].is_sorted(descending=True)
    local.delete(["cat"])
    assert "cat" not in local.duplicates(0.98, progress=False)["a"].to_list()


def test_more_duplicates_than_asked_for_are_cut_with_a_warning(local):
    every = local.duplicates(-1, progress=False)
    assert len(every) == 15
    with pytest.warns(SemspaceWarning, match="more than max_pairs=4 pairs with a score of at least -1"):
        best = local.duplicates(-1, max_pairs=4, progress=False)
    assert best.equals(every[:4])
    assert local.duplicates(-1, max_pairs=15, progress=False).equals(every)


@settings(max_examples=30, deadline=None)
@given(space=spaces(max_size=12), metric=st.sampled_from(METRICS), share=st.floats(0, 1))
def test_duplicates_are_all_pairs_that_are_near_enough(space, metric, share):
    index = ss.Index.build(space, "exact", metric=metric)
    ids = space.ids.tolist()
    scores = {(a, b): space.similarity(a, b, metric=metric) for i, a in enumerate(ids) for b in ids[i + 1 :]}
    least = float(np.quantile(list(scores.values()), share))
    near = 1e-4 * max(1.0, *(abs(score) for score in scores.values()))
    found = {(a, b): score for a, b, score in index.duplicates(least, progress=False).rows()}
    assert {pair for pair, score in scores.items() if score >= least + near} <= found.keys()
    assert all(scores[pair] == pytest.approx(score, abs=near) for pair, score in found.items())
    assert all(scores[pair] >= least - near for pair in found)


def test_knn_query_speaks_hnswlib(local):
    rows, scores = local.knn_query([[1.0, 0.0], [0.0, 1.0]], k=8)
    assert rows.shape == scores.shape == (2, 8)
    assert (rows.dtype, scores.dtype) == (np.int64, np.float32)
    assert (rows[:, 6:] == -1).all()
    assert np.isneginf(scores[:, 6:]).all()
    assert local.ids[rows[0, :3]].tolist() == list(local.search([1.0, 0.0], 3).ids)
    few, _ = local.knn_query([[1.0, 0.0]], 3, where="kind = 'vehicle'", among=["bus"], ef=5, threads=1)
    assert few.tolist() == [[4, -1, -1]]
    assert local.knn_query(np.empty((0, 2)), 3)[0].shape == (0, 3)
    for vectors, options, why in [
        ([[1.0, 0.0, 2.0]], {}, "2 columns"), ([1.0, 0.0], {}, "two axes"), (NAN, {}, "NaN"), (ZERO, {}, "zero vector"),
        ([[1.0, 0.0]], {"k": 0}, "k must be"), ([[1.0, 0.0]], {"ef": 0}, "ef must be"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=why):
            local.knn_query(vectors, **options)


def test_prints(local):
    assert repr(local) == f"Index ({local.method}, cosine) of 6 points in 2 dimensions"
    assert "6 in 2 dimensions" in str(local.report())
    assert "<table" in local._repr_html_()
    facts = local.report().to_dict()
    assert (facts["method"], facts["points"], facts["deleted"], facts["dim"]) == (local.method, 6, 0, 2)
    assert isinstance(local.space.metadata, pl.DataFrame)


def test_an_index_closes_itself(space):
    with ss.Index.build(space) as index:
        assert len(index) == 6


def test_a_string_is_an_id_first_everywhere(index):
    by_id = index.search(id="cat", k=3)
    assert index.search("cat", 3).ids == by_id.ids
    assert index.search_batch(["cat", [1.0, 0.0], "dog"], 3)[0].ids == by_id.ids
    assert "dog" not in index.search_batch(["dog"], 6)[0].ids
    assert index.range_search("cat", -1).ids == index.range_search(id="cat", min_score=-1).ids
    assert index.diversify("cat", 3).ids == index.diversify(id="cat", k=3).ids
    assert "cat" not in index.recommend(["cat"]).ids


def test_other_strings_are_texts(tiny, make):
    corpus = ss.Corpus.from_texts(["red wine", "white wine", "old ale"], ids=["wine", "white", "ale"])
    index = make(tiny.embed(corpus, progress=False))
    assert index.search("red wine", 3).ids[0] == "wine"
    found = index.search_batch(["red wine", "wine"], 3)
    assert found[0].ids[0] == "wine"
    assert "wine" not in found[1].ids


def test_threads_of_a_batch(local, monkeypatch):
    from semspace.index import local_collection

    seen = []
    find = local_collection.LocalCollection.nearest
    monkeypatch.setattr(
        local_collection.LocalCollection, "nearest", lambda *a, **o: (seen.append(thread_count()), find(*a, **o))[1]
    )
    assert local.search_batch([[1.0, 0.0]], 2, threads=1)[0].ids == local.search([1.0, 0.0], 2).ids
    assert seen[0] == 1
    with pytest.raises(InputError, match="threads must be"):
        local.search_batch([[1.0, 0.0]], threads=0)


def test_old_names_still_work(space):
    with pytest.warns(FutureWarning, match=r"Index.build\(kind=\) is now called method="):
        index = ss.Index.build(space, kind="exact")
    with pytest.warns(FutureWarning, match="Index.kind is now called method"):
        assert index.kind == "exact"
    with pytest.warns(FutureWarning, match="queries="):
        assert index.search_batch(asked=[[1.0, 0.0]], k=1)[0].ids == index.search([1.0, 0.0], 1).ids
    report = index.report()
    with pytest.warns(FutureWarning, match="IndexReport.kind is now called method"):
        assert report.kind == "exact"
    with pytest.warns(FutureWarning, match="IndexReport.asked is now called n_queries"):
        assert report.asked == 0
    table = report.to_frame()
    assert dict(table.rows())["method"] == "exact"
    assert dict(table.rows())["points"] == "6"


def test_scores_that_may_be_cosines_are_weighed_as_they_are():
    # After the first: .5 * .6 - .5 * .4 = .1 against .5 * .5 - .5 * .2 = .15; scaled to [0, 1] the other would win.
    vectors = np.float32([[1, 0, 0], [0.4, 0.84**0.5, 0], [0.2, 0, 0.96**0.5]])
    assert diverse(vectors, np.float32([0.9, 0.6, 0.5]), 2, 0.5) == [0, 2]
    assert diverse(vectors, np.float32([9, 6, 5]), 2, 0.5) == [0, 1]
