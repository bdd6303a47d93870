"""One contract over every engine, and what each adds."""

import numpy as np
import pytest

import semspace as ss
from semspace.errors import DamagedError, InputError, UnknownIdError
from semspace.index.index import ENGINES
from semspace.queries import METRICS
from tests.conftest import make_tiny_model, random_space


@pytest.fixture(params=sorted(ENGINES))
def kind(request):
    return request.param


@pytest.fixture
def index(space, kind):
    return ss.Index.build(space, kind)


# -- the contract ---------------------------------------------------------------------------------------------


def test_finds_what_the_space_finds(space, index):
    found, exact = index.search(id="cat", k=3), space.most_similar("cat", 3)
    assert found.ids == exact.ids
    np.testing.assert_allclose(found.scores, exact.scores, atol=1e-6)
    assert found.metadata["kind"].to_list() == ["animal", "animal", "vehicle"]


def test_never_returns_the_id_asked_for(space, index):
    for id in space.ids:
        found = index.search(id=id, k=10)
        assert set(found.ids) == set(space.ids) - {id}


@pytest.mark.parametrize("metric", METRICS)
def test_scores_are_those_of_the_metric(kind, metric):
    space = random_space(200, 8)
    index = (
        ss.Index.build(space, kind, metric=metric, ef=200)
        if kind == "hnsw"
        else ss.Index.build(space, kind, metric=metric)
    )
    found = index.search(np.ones(8), k=20)
    assert (np.diff(found.scores) <= 0).all()
    for id, score in found:
        assert score == pytest.approx(space.similarity(np.ones(8, np.float32), id, metric=metric), abs=1e-4)


def test_batches_equal_single_searches(index):
    queries = [np.array([1.0, 0.0]), np.array([0.0, 1.0])]
    batch = index.search_batch(queries, 2)
    assert [n.ids for n in batch] == [index.search(q, 2).ids for q in queries]
    assert index.search_batch([]) == []


def test_many_neighbours_among_duplicates(kind):
    """Where a graph can't reach as many points as asked for, they come all the same, in a batch and alone."""
    vectors = np.repeat(np.random.default_rng(0).normal(size=(30, 4)), 20, axis=0)
    index = ss.Index.build(ss.Space.from_vectors([f"p{i:03d}" for i in range(600)], vectors), kind)
    queries = [vectors[0], vectors[300]]
    batch = index.search_batch(queries, 400)
    assert [len(found) for found in batch] == [400, 400]
    assert [found.ids for found in batch] == [index.search(query, 400).ids for query in queries]


def test_equal_scores_go_by_name(kind):
    space = ss.Space.from_vectors(["q", "z", "a", "m"], [[1, 0], [1, 1], [1, 1], [1, 1]])
    assert ss.Index.build(space, kind).search(id="q").ids == ("a", "m", "z")


def test_a_word_asked_for_as_a_text_says_id(index):
    with pytest.raises(InputError, match=r"no encoder.*'cat'; ask by id \(id=, --id\)"):
        index.search("cat")


def test_more_than_there_is_gives_all(index):
    assert len(index.search([1.0, 1.0], k=1000)) == 6


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("kind = 'vehicle'", {"car", "bus", "train"}),
        ("year >= 5", {"bus", "train"}),
        ("year >= 2 AND kind = 'animal'", {"dog", "horse"}),
        ("year > 100", set()),
        ("id IN ('cat', 'bus')", {"cat", "bus"}),
    ],
)
def test_conditions(index, where, expected):
    assert set(index.search([1.0, 0.0], where=where).ids) == expected
    assert [set(n.ids) for n in index.search_batch([[1.0, 0.0]] * 2, where=where)] == [expected] * 2


def test_a_condition_and_an_id(index):
    assert set(index.search(id="car", where="kind = 'vehicle'").ids) == {"bus", "train"}


def test_texts_are_encoded(tiny, kind):
    space = tiny.embed(ss.Corpus.from_texts(["red wine", "white wine", "old ale"], ids=["r", "w", "a"]))
    index = ss.Index.build(space, kind)
    assert index.search("white wine", 1).ids == ("w",)
    assert [n.ids[0] for n in index.search_batch(["red wine", space["a"]], 1)] == ["r", "a"]


def test_save_then_open(tmp_path, index, kind):
    index.save(tmp_path / "i")
    for again in (ss.Index.open(tmp_path / "i"), ss.load(tmp_path / "i")):
        assert again.kind == kind
        assert again.engine.settings() == index.engine.settings()
        for id in index.space.ids:
            assert again.search(id=id).ids == index.search(id=id).ids


def test_an_opened_index_finds_its_encoder(tmp_path, tiny, kind):
    ss.Index.build(tiny.embed(ss.Corpus.from_texts(["red wine", "old ale"])), kind).save(tmp_path / "i")
    assert ss.Index.open(tmp_path / "i").search("old ale", 1).ids == ("1",)


def test_an_encoder_that_has_changed_is_noticed(tmp_path, kind):
    folder = make_tiny_model(tmp_path / "model", seed=1)
    ss.Index.build(ss.Encoder.load(folder).embed(ss.Corpus.from_texts(["red wine", "old ale"])), kind).save(
        tmp_path / "i"
    )
    config = folder / "sentence_bert_config.json"
    config.write_text(config.read_text().replace("16", "8"))
    with pytest.raises(InputError, match=r"their vectors can't be compared"):
        ss.Index.open(tmp_path / "i").search("old ale")


@pytest.mark.parametrize("k", [0, -3, 1.5])
def test_k_is_checked(index, k):
    with pytest.raises(InputError, match="k must be a whole number"):
        index.search([1.0, 0.0], k=k)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ([0.0, 0.0], "zero vector"),
        ([np.nan, 1.0], "NaN"),
        ([1.0, 2.0, 3.0], r"vector of shape \(2,\)"),
        ("some words", "no encoder"),
    ],
)
def test_queries_that_cannot_be_asked(index, query, message):
    with pytest.raises(InputError, match=message):
        index.search(query)


def test_neither_or_both(index):
    for given in ({}, {"query": [1.0, 0.0], "id": "cat"}):
        with pytest.raises(InputError, match="either a query"):
            index.search(**given)
    with pytest.raises(InputError, match="for one, use search"):
        index.search_batch("text")


def test_unknown_id(index):
    with pytest.raises(UnknownIdError, match="did you mean cat"):
        index.search(id="cats")


def test_conditions_that_cannot_be_used(index, kind):
    with pytest.raises(InputError, match="the columns are kind, year, id"):
        index.search([1.0, 0.0], where="colour = 'red'")
    with pytest.raises(InputError, match="needs metadata"):
        ss.Index.build(random_space(9, 2), kind).search([1.0, 0.0], where="a = 1")


# -- choosing and building ------------------------------------------------------------------------------------


def test_small_spaces_are_searched_exactly():
    assert ss.Index.build(random_space(50, 4)).kind == "exact"
    assert ss.Index.build(random_space(5_001, 4), progress=False).kind == "hnsw"


def test_hnsw_finds_nearly_all_of_the_truth():
    space = random_space(3_000, 16)
    index = ss.Index.build(space, "hnsw", ef=100, threads=1)
    queries = np.random.default_rng(5).normal(size=(50, 16)).astype(np.float32)
    exact = space.most_similar_batch(list(queries), 10)
    found = index.search_batch(list(queries), 10)
    recall = np.mean([len(set(a.ids) & set(b.ids)) / 10 for a, b in zip(exact, found, strict=True)])
    assert recall > 0.95


def test_hnsw_of_points_that_are_all_alike():
    space = ss.Space.from_vectors([f"p{i}" for i in range(100)], np.ones((100, 4)))
    assert len(ss.Index.build(space, "hnsw", m=2, ef_construction=2, ef=2).search(np.ones(4), k=100)) > 0


def test_one_thread_gives_the_same_graph(tmp_path):
    space = random_space(500, 8)
    for name in "ab":
        ss.Index.build(space, "hnsw", threads=1).save(tmp_path / name)
    graphs = [(tmp_path / name / "graph.hnsw").read_bytes() for name in "ab"]
    assert graphs[0] == graphs[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "annoy"}, "kind must be one of auto, exact, hnsw"),
        ({"metric": "manhattan"}, "metric must be one of"),
        ({"kind": "hnsw", "m": 1}, "m must be a whole number of at least 2"),
        ({"kind": "hnsw", "ef": 0}, "ef must be"),
        ({"kind": "exact", "m": 16}, "the index kind 'exact' has no setting 'm'; it has progress"),
        ({"kind": "hnsw", "trees": 3}, "the index kind 'hnsw' has no setting 'trees'; it has m, ef_construction"),
    ],
)
def test_settings_are_checked(space, options, message):
    with pytest.raises(InputError, match=message):
        ss.Index.build(space, **options)


def test_a_corpus_is_no_space(corpus):
    with pytest.raises(InputError, match=r"takes a Space; got Corpus"):
        ss.Index.build(corpus)


@pytest.mark.parametrize("file", ["graph.hnsw", "vectors.npy", "ids.arrow", "metadata.arrow"])
def test_a_damaged_file_is_never_opened(tmp_path, space, file):
    """hnswlib would crash the process on a broken graph; the checksum comes first."""
    ss.Index.build(space, "hnsw").save(tmp_path / "i")
    path = tmp_path / "i" / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedError, match="checksum"):
        ss.Index.open(tmp_path / "i")


def test_prints(index, kind):
    assert repr(index).startswith(f"Index ({kind}: metric=cosine")
