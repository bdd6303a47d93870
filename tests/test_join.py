"""`ss.join`, and the comparison of all pairs behind it, against a plain one in double precision."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import InputError, SemspaceWarning
from semspace.index import joining, near_duplicates, pair_screen
from semspace.index.near_duplicates import BestPairs, compare_between, compare_within

METRICS = ("cosine", "dot", "euclidean")


def plain_scores(a, b, metric):
    x, y = a.astype(np.float64), b.astype(np.float64)
    if metric == "euclidean":
        return -np.sqrt(((x[:, None] - y[None]) ** 2).sum(axis=2))
    if metric == "cosine":
        x, y = (side / np.linalg.norm(side, axis=1)[:, None] for side in (x, y))
    return x @ y.T


def clouds(n, dim, rng, *, scale=1.0):
    """Return vectors around some centres, along axes of different lengths, as those of texts are."""
    centres = rng.normal(size=(20, dim)) * np.linspace(2, 0.1, dim)
    points = centres[rng.integers(0, 20, n)] + rng.normal(size=(n, dim)) * np.linspace(0.6, 0.05, dim)
    return (points * scale + 0.3 * scale).astype(np.float32)


@pytest.fixture(autouse=True, scope="module")
def axes_are_always_found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_screen, "_FEW_PAIRS", 0)
        yield


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(near_duplicates, "_ROWS", 32)
    monkeypatch.setattr(near_duplicates, "_COLUMNS", 80)
    monkeypatch.setattr(near_duplicates, "_ROOM", 3)
    monkeypatch.setattr(near_duplicates, "_GATHERED", 7)
    monkeypatch.setattr(pair_screen, "_ROWS", 50)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("share", [0.002, 0.3])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e4])
@pytest.mark.parametrize("few", [0, 331 * 257])
def test_all_pairs_between_two_sets(monkeypatch, metric, share, scale, few):
    monkeypatch.setattr(pair_screen, "_FEW_PAIRS", few)
    rng = np.random.default_rng(7)
    a, b = clouds(331, 40, rng, scale=scale), clouds(257, 40, rng, scale=scale)
    true = plain_scores(a, b, metric)
    least = float(np.quantile(true, 1 - share))
    best = BestPairs(least, a.size * b.size)
    compare_between(a, b, metric, best, progress=False)
    rows, columns, scores = best.result()
    found = set(zip(rows.tolist(), columns.tolist(), strict=True))
    edge = 1e-6 * np.abs(true).max()
    assert {*zip(*(side.tolist() for side in np.nonzero(true >= least + edge)), strict=True)} <= found
    assert len(found) == len(rows)
    assert (true[rows, columns] >= least - edge).all()
    np.testing.assert_allclose(scores, true[rows, columns], rtol=1e-6)
    assert (np.diff(scores) <= 0).all()
    assert not best.truncated


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("metric", METRICS)
def test_all_pairs_within_one_set_and_the_best_of_them(metric):
    rng = np.random.default_rng(8)
    points = clouds(203, 30, rng)
    true = plain_scores(points, points, metric)
    upper = np.triu_indices(len(points), 1)
    ordered = np.sort(true[upper])[::-1]
    best = BestPairs(float(ordered[500]) - 1e-9, 10**6)
    compare_within(points, metric, best, progress=False)
    rows, columns, scores = best.result()
    assert (rows < columns).all()
    assert len(rows) in (500, 501, 502)
    np.testing.assert_allclose(scores[:500], ordered[:500], rtol=1e-5, atol=1e-6)
    few = BestPairs(-1e9 if metric != "cosine" else -1, 40)
    compare_within(points, metric, few, progress=False)
    assert few.truncated
    assert [part[:40].tolist() for part in (rows, columns)] == [part.tolist() for part in few.result()[:2]]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    kept=st.sampled_from([1, 2, 5]),
    metric=st.sampled_from(METRICS),
    offset=st.sampled_from([0.0, 1.0, 100.0]),
)
def test_a_screen_of_any_axes_loses_no_pair(seed, kept, metric, offset):
    """Also where vectors lie in few dimensions, so that nothing is left of some, or far from the origin."""
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(size=(n, 8)) * rng.choice([0, 1e-3, 1], 8) + offset * rng.normal(size=8) for n in (30, 20))
    a, b = (side.astype(np.float32) + np.float32(1e-6) for side in (a, b))
    screen = pair_screen.PairScreen.fit(a, b, metric, 0.0)
    cut = pair_screen.PairScreen(metric, screen.center, np.ascontiguousarray(screen.axes[:, :kept]))
    true = plain_scores(a, b, metric)
    for least in np.quantile(true, [0.5, 0.9, 0.999]).tolist():
        passed = cut.left(a) @ cut.right(b).T >= cut.bound(least, cut.reach(a, b))
        assert passed[true >= least].all()


def test_high_scores_need_few_axes_and_low_ones_all():
    points = clouds(2_000, 64, np.random.default_rng(1))
    high, low = (pair_screen.PairScreen.fit(points, points, "cosine", least) for least in (0.99, -1))
    assert high.axes.shape[1] < 64 == low.axes.shape[1]


# -- as users call it -------------------------------------------------------------------------------------------


@pytest.fixture
def ours():
    return ss.Space.from_vectors(["cat", "car", "sun"], [[1, 1], [-1, 1], [0.1, -1]], {"n": [1, 2, 3]})


@pytest.fixture
def theirs():
    return ss.Space.from_vectors(["chat", "voiture", "auto"], [[2, 1.8], [-1, 1.1], [-1, 1]])


def test_join_by_hand(ours, theirs):
    found = ss.join(ours, theirs, min_score=0.9, progress=False)
    assert found.columns == ["a", "b", "score"]
    assert found.schema["score"] == pl.Float32
    assert found.select("a", "b").rows() == [("car", "auto"), ("car", "voiture"), ("cat", "chat")]
    by_hand = [1, 2.1 / np.sqrt(2 * 2.21), 3.8 / np.sqrt(2 * 7.24)]
    assert found["score"].to_list() == pytest.approx(by_hand, abs=1e-6)
    assert ss.join(ours, theirs, progress=False).equals(found)
    assert found["score"][0] == 1
    assert ss.join(ours, theirs, 1.0, progress=False).rows() == [("car", "auto", 1.0)]
    assert ss.join(theirs, ours, 0.9, progress=False).select("b", "a").rows() == found.select("a", "b").rows()
    assert ss.join(ours, ss.Space.from_vectors(["x"], [[1, -1]]), progress=False).is_empty()


def test_join_with_the_best_partners(ours, theirs):
    one = ss.join(ours, theirs, k=1, progress=False)
    assert sorted(one.select("a", "b").rows()) == [("car", "auto"), ("cat", "chat"), ("sun", "chat")]
    assert len(ss.join(ours, theirs, k=2, progress=False)) == 6
    assert len(ss.join(ours, theirs, k=10, progress=False)) == 9
    assert ss.join(ours, theirs, 0.9, k=1, progress=False).select("a", "b").rows() == [("car", "auto"), ("cat", "chat")]


@pytest.mark.parametrize("metric", METRICS)
def test_the_partners_are_those_of_the_whole_join(metric):
    rng = np.random.default_rng(3)
    a, b = (ss.Space.from_vectors([f"{i:03}" for i in range(n)], clouds(n, 12, rng)) for n in (90, 70))
    every = ss.join(a, b, -1 if metric == "cosine" else -1e6, metric=metric, progress=False)
    assert len(every) == 90 * 70
    joining._QUERIES, before = 40, joining._QUERIES
    try:
        found = ss.join(a, b, k=3, metric=metric, progress=False)
    finally:
        joining._QUERIES = before
    best = every.group_by("a", maintain_order=True).head(3)
    assert {row[:2] for row in best.rows()} == {row[:2] for row in found.rows()}
    assert found["score"].is_sorted(descending=True)


def test_copies_are_found_at_the_highest_score_in_every_way():
    vectors = np.random.default_rng(0).normal(size=(120, 384))
    a, b = (ss.Space.from_vectors([f"{i:03}" for i in range(120)], vectors * by) for by in (1, 3))
    copies = [(id, id) for id in a.ids]
    assert ss.join(a, b, 1.0, progress=False).select("a", "b").rows() == copies
    assert ss.join(a, b, 1.0, k=1, progress=False).rows() == [(*pair, 1.0) for pair in copies]
    for index in (ss.Index.build(b), ss.Index.build(b, "hnsw", progress=False)):
        found = [index.range_search(vector, 1.0) for vector in a.vectors]
        assert [(one.ids, one.scores.tolist()) for one in found] == [((id,), [1.0]) for id in a.ids]
    distant = ss.Index.build(b, metric="euclidean")
    assert [distant.range_search(vector, 0.0).ids for vector in b.vectors] == [(id,) for id in b.ids]


def test_a_cosine_is_never_beyond_one():
    vectors = np.random.default_rng(0).normal(size=(200, 48))
    space = ss.Space.from_vectors([f"{i:03}" for i in range(200)], vectors)
    index = ss.Index.build(space)
    for id, vector in zip(space.ids, vectors, strict=True):
        assert abs(space.similarity(id, 2 * vector)) <= 1
        assert space.most_similar(2 * vector, k=1).scores.max() <= 1
        assert index.search(-2 * vector, k=200).scores.min() >= -1


def test_join_of_indexes_takes_their_present_points_and_metric(ours, theirs):
    index = ss.Index.build(theirs, metric="dot")
    index.add(["chaton"], [[3, 3]])
    index.delete(["voiture"])
    found = ss.join(ours, index, 2.0, progress=False)
    assert found.rows() == [("cat", "chaton", 6.0), ("cat", "chat", pytest.approx(3.8)), ("car", "auto", 2.0)]
    with pytest.raises(InputError, match="indexes of different metrics, cosine and dot; give metric="):
        ss.join(ss.Index.build(ours), index)
    assert len(ss.join(ss.Index.build(ours), index, 0.9, metric="cosine", progress=False)) == 3


@pytest.mark.parametrize("precision", ["float16", "int8", "binary"])
def test_join_of_vectors_in_fewer_bytes(precision):
    rng = np.random.default_rng(5)
    a, b = (ss.Space.from_vectors([str(i) for i in range(60)], clouds(60, 16, rng)).quantize(precision) for _ in "ab")
    true = plain_scores(np.asarray(a.vectors), np.asarray(b.vectors), "cosine")
    assert len(ss.join(a, b, 0.8, progress=False)) == (true >= 0.8).sum()


def test_join_of_corpora(words_encoder):
    a = ss.Corpus.from_texts(["the red cat", "a fast car"], ids=["1", "2"])
    b = ss.Corpus.from_texts(["red cat", "stock market", "fast car"], ids=["x", "y", "z"])
    found = ss.join(a, b, 0.9, encoder=words_encoder, progress=False)
    assert sorted(found.select("a", "b").rows()) == [("1", "x"), ("2", "z")]
    assert ss.join(words_encoder.embed(a, progress=False), b, 0.9, progress=False).equals(found)
    with pytest.raises(InputError, match="a is a corpus, and there is no encoder for its texts; give encoder="):
        ss.join(a, b)


@pytest.fixture
def words_encoder():
    names = ["red", "cat", "fast", "car", "stock", "market"]
    words = ss.Space.from_vectors(names, np.eye(6) + 0.01)
    return ss.WordAverage(words, frequencies="zipf", remove_common=False)


def test_more_pairs_than_asked_for_are_cut_with_a_warning(ours, theirs):
    with pytest.warns(SemspaceWarning, match="more than max_pairs=2 pairs with a score of at least -1"):
        found = ss.join(ours, theirs, -1, max_pairs=2, progress=False)
    assert found.select("a", "b").rows() == [("car", "auto"), ("car", "voiture")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_score": 2}, "min_score must be a number of at most 1; got 2"),
        ({"metric": "dot"}, "min_score must be given for the metric 'dot'"),
        ({"metric": "angle"}, "metric must be"),
        ({"k": 0}, "k must be"),
        ({"k": 1, "max_pairs": 3}, "k= bounds the number of pairs already"),
        ({"max_pairs": 0}, "max_pairs must be"),
        ({"b": "texts.csv"}, "join takes a Corpus, a Space or an Index as b; got str"),
        ({"b": ss.Space.from_vectors(["x"], [[1, 2, 3]])}, "a has 2 dimensions and b has 3"),
    ],
)
def test_what_join_refuses(ours, theirs, options, message):
    with pytest.raises(InputError, match=message):
        ss.join(**{"a": ours, "b": theirs, "progress": False, **options})


def test_points_of_two_encoders_are_refused(words_encoder):
    other = ss.WordAverage(
        ss.Space.from_vectors(["red", "cat"], np.eye(6)[:2] + 0.5), frequencies="zipf", remove_common=False
    )
    a, b = (encoder.embed(ss.Corpus.from_texts(["red cat"]), progress=False) for encoder in (words_encoder, other))
    with pytest.raises(InputError, match="a must be of the encoder"):
        ss.join(a, b)


def test_the_command(run, tmp_path, ours, theirs):
    ours.save(tmp_path / "a")
    ss.Index.build(theirs).save(tmp_path / "b")
    code, out, err = run("join", tmp_path / "a", tmp_path / "b", "--min-score", 0.9)
    assert code == 0, err
    assert out.startswith("3 pairs\n")
    assert "voiture" in out
    code, out, _ = run("join", tmp_path / "a", tmp_path / "b", "-k", 1, "--json")
    assert {(pair["a"], pair["b"]) for pair in json.loads(out)} == {("car", "auto"), ("cat", "chat"), ("sun", "chat")}
    code, _, err = run("join", tmp_path / "a", tmp_path / "b", "--min-score", 2)
    assert code == 2
    assert "--min-score must be a number of at most 1; got 2.0" in err
    code, _, err = run("join", tmp_path / "a", tmp_path / "b", "--model", "TINY")
    assert code == 2
    assert "--model has no effect on saved spaces" in err


def test_the_command_encodes_texts(run, tmp_path):
    for name, texts in (("a", ["cat number 1", "ship"]), ("b", ["cat number 1", "boat"])):
        (tmp_path / f"{name}.txt").write_text("\n".join(texts))
    code, out, err = run(
        "join", tmp_path / "a.txt", tmp_path / "b.txt", "--model", "TINY", "--min-score", 0.999, "--json"
    )
    assert code == 0, err
    assert [pair["score"] for pair in json.loads(out)] == [pytest.approx(1, abs=1e-5)]
