"""Queries in bulk, sums of words, relations: by hand, against the slow way, and refusals."""

import pickle
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace import queries
from semspace.errors import ExistsError, InputError, UnknownIdError
from semspace.expressions.expression_reader import read_expression
from semspace.similarity import analogies, byte_screen, matrix
from semspace.similarity.byte_screen import ByteScreen
from semspace.top_rows import TopRows
from tests import strategies
from tests.conftest import random_space


def plane(**points):
    return ss.Space.from_vectors(list(points), list(points.values()))


ROYAL = plane(man=[1, 0, 0], woman=[0, 1, 0], king=[1, 0, 1], queen=[0, 1, 1], rock=[-1, -1, 0])


def slowly(space, target, k, skip=()):
    """Compare a vector with every point, one by one."""
    scores = {
        id: float(vector @ target) / float(np.linalg.norm(vector) * np.linalg.norm(target))
        for id, vector in zip(space.ids, space.vectors.astype(np.float64), strict=True)
        if id not in skip
    }
    return sorted(scores, key=lambda name: (-scores[name], name))[:k]


# -- nearest rows, block by block -----------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(
    scores=st.lists(st.integers(-3, 3), min_size=1, max_size=700),
    k=st.integers(1, 30),
    width=st.integers(1, 300),
    masked=st.integers(0, 5),
)
def test_top_rows_are_those_of_a_sort(scores, k, width, masked):
    values = np.array([scores, scores[::-1]], np.float32)
    values[0, :masked] = -np.inf
    names = [f"{(row * 7919) % 1000:04}-{row}" for row in range(len(scores))]
    top = TopRows(2, k)
    for first in range(0, len(scores), width):
        top.add(first, values[:, first : first + width].copy())
    for own, (rows, best) in zip(values.tolist(), top.result(names), strict=True):
        counted = [row for row in range(len(own)) if own[row] > -np.inf]
        expected = sorted(counted, key=lambda row: (-own[row], names[row]))[:k]
        assert rows.tolist() == expected
        assert best.tolist() == [own[row] for row in expected]


@pytest.mark.parametrize("metric", queries.METRICS)
def test_scores_of_all_queries_come_in_blocks(monkeypatch, metric):
    monkeypatch.setattr(queries, "_SCORES_IN_MEMORY", 8)  # two queries with four points
    points, asked = (np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32) for seed, n in ((0, 4), (1, 5)))
    blocks = list(queries.score_blocks(points, np.linalg.norm(points, axis=1), asked, metric))
    assert [len(block) for block in blocks] == [2, 2, 1]
    expected = [[queries.pair_score(one, point, metric) for point in points] for one in asked]
    np.testing.assert_allclose(np.vstack(blocks), expected, atol=1e-5)


def test_the_top_rows_of_none():
    assert [(len(rows), len(scores)) for rows, scores in TopRows(2, 3).result([])] == [(0, 0), (0, 0)]


@pytest.mark.parametrize("metric", queries.METRICS)
def test_many_tiles_find_what_one_by_one_finds(monkeypatch, metric):
    space = random_space(1_000, 8)
    asked = space.ids[::50].tolist()
    where = "id <> 'p7' AND id <> 'p400'"
    expected = [space.most_similar(id, 12, metric=metric, where=where).ids for id in asked]
    monkeypatch.setattr(queries, "_SCORES_IN_CACHE", 64)
    monkeypatch.setattr(queries, "_FEWEST_ROWS", 96)
    monkeypatch.setattr(queries, "_MOST_QUERIES", 3)
    assert [found.ids for found in space.most_similar_batch(asked, 12, metric=metric, where=where)] == expected
    if metric == "cosine":
        assert expected[1] == tuple(slowly(space, space["p50"], 12, {"p50", "p7", "p400"}))


def test_a_part_of_a_batch_is_searched_in_narrow_spaces_too():
    space = random_space(500, 16).quantize("int8")
    found = space.most_similar_batch(["p1", "p2"], 5, restrict=300)
    assert all(int(id[1:]) < 300 for one in found for id in one.ids)
    assert found[0].ids == space.select(space.ids[:300]).most_similar("p1", 5).ids


@settings(max_examples=40, deadline=None)
@given(space=strategies.spaces(min_size=3), k=st.integers(1, 5), data=st.data())
def test_a_restricted_search_is_that_of_the_first_points(space, k, data):
    n = data.draw(st.integers(1, len(space)))
    query = data.draw(st.sampled_from(space.ids.tolist()))
    everything = space.most_similar(query, 100)
    scores = everything.scores.tolist()
    assume(all(high - low > 1e-5 for high, low in pairwise(scores)))  # else rounding may decide
    first = space.ids[:n].tolist()  # numpy's own `in` cuts zero characters off
    expected = [id for id in everything.ids if id in first][:k]
    assert list(space.most_similar(query, k, restrict=n).ids) == expected


@pytest.mark.parametrize(("n", "dim"), [(5_000, 3), (3_000, 50), (1_000, 129)])
def test_bytes_rule_out_no_answer(n, dim):
    draw = np.random.default_rng(dim)
    vectors = (draw.normal(size=(n, dim)) * draw.exponential(size=(n, 1)) + 0.3).astype(np.float32)
    vectors[5:40] = vectors[4]  # equal scores
    vectors[50] = np.eye(dim)[0] * 1e6
    space = ss.Space.from_vectors([f"p{i:04}" for i in range(n)], vectors)
    screen = ByteScreen.of(space.vectors, space.norms)
    used = 0
    for query in [*range(60), *draw.integers(0, n, 40).tolist()]:
        for allowed in (None, draw.random(n) < 0.3):
            given = {"names": space.ids, "skip": [query], "allowed": allowed}
            found = screen.nearest(space.vectors, space.norms, space.vectors[query], 10, **given)
            if found is not None:
                used += 1
                expected = queries.nearest(
                    space.vectors, space.norms, space.vectors[query : query + 1], 10,
                    names=space.ids, skip=[[query]], allowed=allowed,
                )[0]  # fmt: skip
                np.testing.assert_allclose(found[1], expected[1], atol=1e-6)
                strict = expected[1] > expected[1][-1] + 2e-6
                assert set(expected[0][strict].tolist()) <= set(found[0].tolist())
    assert used > 100


def test_many_single_queries_are_answered_as_the_first(monkeypatch):
    monkeypatch.setattr(byte_screen, "_LEAST", 1)
    space = random_space(4_000, 40)
    asked = [f"p{i}" for i in range(3 * byte_screen.AFTER)]
    singly = [space.most_similar(id, 5) for id in asked]
    assert "_screen" in vars(space)
    for one, other in zip(singly, space.most_similar_batch(asked, 5), strict=True):
        assert one.ids == other.ids
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)
    assert len(space.most_similar("p1", 4_500)) == 3_999
    assert pickle.loads(pickle.dumps(space)).most_similar("p1", 5).ids == singly[1].ids
    assert (
        space.most_similar("p1", where="id > 'p3'").ids
        == random_space(4_000, 40).most_similar("p1", where="id > 'p3'").ids
    )


# -- analogies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
@pytest.mark.parametrize("restrict", [None, 150])
def test_analogies_of_a_batch_are_those_one_by_one(method, restrict):
    space = random_space(200, 6)
    triples = [(f"p{i}", f"p{i + 1}", f"p{i + 60}") for i in range(0, 120, 7)] + [("p3", space["p5"], "p190")]
    found = space.analogy_batch(triples, 4, method=method, restrict=restrict)
    singly = [space.analogy(*triple, 4, method=method, restrict=restrict) for triple in triples]
    assert [one.ids for one in found] == [one.ids for one in singly]
    assert [one.query for one in found] == [one.query for one in singly]
    for one, triple in zip(found, triples, strict=True):
        assert not set(one.ids) & {word for word in triple if isinstance(word, str)}
    units = {id: space[id] / np.linalg.norm(space[id]) for id in ("p0", "p1", "p60")}
    if method == "3cosadd" and restrict is None:
        target = units["p1"] - units["p0"] + units["p60"]
        assert list(found[0].ids) == slowly(space, target, 4, {"p0", "p1", "p60"})


def test_analogies_are_the_same_in_blocks(monkeypatch):
    space = random_space(50, 6)
    triples = [(f"p{i}", f"p{i + 1}", f"p{i + 20}") for i in range(7)]
    whole = space.analogy_batch(triples, 4, method="3cosmul")
    monkeypatch.setattr(analogies, "_SCORES_IN_MEMORY", 2 * 3 * len(space))  # blocks of 2, 2, 2 and 1 triples
    parts = space.analogy_batch(triples, 4, method="3cosmul")
    assert [list(one.ids) for one in parts] == [list(one.ids) for one in whole]
    assert [one.query for one in parts] == [one.query for one in whole]


def test_analogies_that_are_none(space):
    assert space.analogy_batch([]) == []
    with pytest.raises(InputError, match=r"three ids, texts or vectors, \(a, b, c\); number 1 is"):
        space.analogy_batch([("cat", "dog", "car"), ("cat", "dog")])
    with pytest.raises(InputError, match="takes a list of"):
        space.analogy_batch("cat")
    with pytest.raises(InputError, match="restrict must be a whole number of at least 1"):
        space.analogy("cat", "dog", "car", restrict=0)


# -- matrices -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", queries.METRICS)
def test_a_matrix_holds_what_pairs_have(space, metric, monkeypatch):
    monkeypatch.setattr(matrix, "_SCORES_AT_ONCE", 1)
    monkeypatch.setattr(matrix, "_FEWEST_ROWS", 2)
    monkeypatch.setattr(matrix, "_COLUMNS", 4)
    whole = space.similarity_matrix(metric=metric)
    expected = [[space.similarity(a, b, metric=metric) for b in space.ids] for a in space.ids]
    np.testing.assert_allclose(whole, expected, atol=2e-6)
    some = space.similarity_matrix(["dog", [1.0, 1.0]], space.ids, metric=metric)
    np.testing.assert_allclose(some[0], whole[1], atol=2e-6)
    np.testing.assert_allclose(some[1, 3], space.similarity([1.0, 1.0], "car", metric=metric), atol=2e-6)
    vectors = np.array([[1, 2], [3, 4], [5, 6]])
    assert space.similarity_matrix(["cat", "dog"], vectors, metric=metric).shape == (2, 3)
    narrow = space.quantize("float16").similarity_matrix(metric=metric)
    np.testing.assert_allclose(narrow, expected, atol=0.01)


def test_a_matrix_on_disk(tmp_path, monkeypatch):
    space = random_space(300, 5)
    monkeypatch.setattr(matrix, "_SCORES_AT_ONCE", 10_000)
    monkeypatch.setattr(matrix, "_FEWEST_ROWS", 7)
    path = tmp_path / "all.npy"
    written = space.similarity_matrix(out=path)
    np.testing.assert_array_equal(written, space.similarity_matrix())
    np.testing.assert_array_equal(np.load(path), written)
    assert not written.flags.writeable
    with pytest.raises(ExistsError, match="exists already"):
        space.similarity_matrix(out=path)
    half = np.empty((300, 300), np.float16)
    assert space.similarity_matrix(out=half) is half
    np.testing.assert_allclose(half, written, atol=1e-3)
    assert sorted(tmp_path.iterdir()) == [path]


def test_matrices_that_cannot_be(space, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"out must be a writeable array .* of shape \(6, 6\)"):
        space.similarity_matrix(out=np.empty((2, 2), np.float32))
    with pytest.raises(InputError, match=r"out must end in \.npy"):
        space.similarity_matrix(out=tmp_path / "x.csv")
    with pytest.raises(InputError, match="there is no folder"):
        space.similarity_matrix(out=tmp_path / "none" / "x.npy")
    with pytest.raises(InputError, match="a is empty"):
        space.similarity_matrix([])
    with pytest.raises(UnknownIdError, match="did you mean horse"):
        space.similarity_matrix(["hrose"])
    monkeypatch.setattr(matrix, "_free_memory", lambda: 100)
    with pytest.raises(InputError, match=r"6 × 6 similarities take 0.0 GB, .*out='similarities.npy'"):
        space.similarity_matrix()


# -- sums of words --------------------------------------------------------------------------------------------


def terms(text, known=(), *, encodes=False):
    return list(read_expression(text, known, encodes=encodes).terms)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("king", [(1, "king")]),
        ("king - man + woman", [(1, "king"), (-1, "man"), (1, "woman")]),
        ("  king -man +woman ", [(1, "king"), (-1, "man"), (1, "woman")]),
        ("-man + king", [(-1, "man"), (1, "king")]),
        ("king − man – boy", [(1, "king"), (-1, "man"), (-1, "boy")]),
        ("mother-in-law - c++", [(1, "mother-in-law"), (-1, "c++")]),
        ("new york - usa", [(1, "new york"), (-1, "usa")]),
        ('"new - york" - "us a"', [(1, "new - york"), (-1, "us a")]),
        ("“rock 'n' roll” + 'blue moon'", [(1, "rock 'n' roll"), (1, "blue moon")]),
        ("'tis - rock 'n' roll", [(1, "'tis"), (-1, "rock 'n' roll")]),
        ("'king's man' + it", [(1, "king's man"), (1, "it")]),
        ("2*king - 0.5 * man", [(2, "king"), (-0.5, "man")]),
        ("2 cats - .5×dog", [(1, "2 cats"), (-0.5, "dog")]),
    ],
)
def test_sums_are_read_as_they_are_meant(text, expected):
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the query is empty"),
        ("   ", "the query is empty"),
        ("king -", "nothing follows the last -"),
        ("king + - man", r"two signs follow each other, \+ and -"),
        ('"king" man', r"a \+ or - is missing before 'man'"),
        ('"king - man', "the quotation mark before 'king - man' isn't closed"),
        ('king - ""', "a term has no word"),
        ("0 * king", "the weight 0 must be above 0"),
    ],
)
def test_sums_that_cannot_be_read(text, why):
    with pytest.raises(InputError, match=why):
        terms(text)


def test_phrases_are_found_as_they_are_spelled():
    assert terms("new york - usa", {"new_york", "usa"}) == [(1, "new_york"), (-1, "usa")]
    with pytest.raises(InputError, match="write a space before the sign: 'king - man'"):
        terms("king-man", {"king", "man"})
    assert terms("king-man", {"king", "man"}, encodes=True) == [(1, "king-man")]


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        read = terms(text)
    except InputError:
        return
    assert read
    assert all(name and weight for weight, name in read)


def test_a_query_in_words():
    assert ROYAL.query("king - man + woman", k=1).ids == ("queen",)
    found, same = ROYAL.query("king - man + woman"), ROYAL.most_similar(positive=["king", "woman"], negative=["man"])
    assert found.ids == same.ids
    np.testing.assert_allclose(found.scores, same.scores, atol=1e-6)
    assert found.query == "king - man + woman"
    assert ROYAL.query("king", restrict=2).ids == ("man", "woman")
    assert ROYAL.query("king", where="id <> 'man'", k=1).ids == ("queen",)


def test_sums_as_objects():
    king = ss.term("king")
    expected = ROYAL.query("king - man + woman")
    for same in (king - "man" + "woman", "woman" + king - ss.term("man"), king - (ss.term("man") - "woman")):
        assert ROYAL.most_similar(same).ids == expected.ids
        assert ROYAL.query(same).ids == expected.ids
    assert str(2 * king - "man") == "2 * king - man"
    assert str(-king) == "- king"
    assert str((king - "man") / 2) == "0.5 * king - 0.5 * man"
    vector = np.array([0.0, 1.0, 0.0])
    assert ROYAL.most_similar(vector + king, k=1).ids == ("queen",)
    assert str(vector - king) == "vector - king"
    batch = ROYAL.most_similar_batch([king - "man" + "woman", "king"], 1)
    assert [one.ids for one in batch] == [("queen",), ROYAL.most_similar("king", 1).ids]
    assert ROYAL.similarity(king - "man" + "woman", "queen") == pytest.approx(
        float(expected.scores[expected.ids.index("queen")]), abs=1e-6
    )
    assert "king" not in ROYAL.most_similar(3 * king + vector).ids


def test_a_weighted_sum_by_hand():
    space = plane(a=[1, 0], b=[0, 5], c=[2, 1], d=[1, 2])
    assert space.query("2 * a + b")[0] == ("c", pytest.approx(1))  # (2, 1), of unit vectors
    assert space.query("a + 2 * b")[0] == ("d", pytest.approx(1))


def test_what_cancels_to_nothing():
    for act in (
        lambda: ROYAL.query("king - king"),
        lambda: ROYAL.most_similar(positive=["king"], negative=["king"]),
        lambda: ROYAL.query("2 * king - king - king"),
        lambda: plane(a=[1, 3], b=[-2, -6]).query("a + b"),
    ):
        with pytest.raises(InputError, match=r"the query '.*' cancels to nothing: its terms add up to the zero vector"):
            act()
    with pytest.raises(UnknownIdError, match=r"no point 'qeen' .*did you mean queen\?"):
        ROYAL.query("qeen - king")
    with pytest.raises(InputError, match="query takes a text such as"):
        ROYAL.query(["king"])
    with pytest.raises(InputError, match="a term is an id, a text or a vector; got int"):
        ss.term("king") + 3
    with pytest.raises(InputError, match="multiplied by a number; got str"):
        ss.term("king") * "man"
    with pytest.raises(InputError, match="divided by a number other than 0; got int: '0'"):
        ss.term("king") / 0
    with pytest.raises(InputError, match="divided by a number other than 0; got str"):
        ss.term("king") / "man"
    with pytest.raises(InputError, match="finite number other than 0"):
        0 * ss.term("king")


def test_sums_of_texts(tiny):
    space = tiny.embed(ss.Corpus.from_texts(["red wine", "white wine", "red car"], ids=["r", "w", "c"]))
    found = space.query('"red wine" - r + w', k=3)
    assert set(found.ids) == {"c"}
    assert found[0][1] == pytest.approx(space.similarity("w", "c"), abs=1e-3)
    assert space.query("white wine + red car").ids == space.most_similar(ss.term("white wine") + "red car").ids


# -- relations ------------------------------------------------------------------------------------------------


def countries(n=12, dim=30, seed=0):
    """Countries and capitals: pairs differ by a direction that all share, and some noise; and other words."""
    rng = np.random.default_rng(seed)
    land = rng.normal(size=(n, dim))
    capital = land + 3 * np.eye(dim)[0] + 0.3 * rng.normal(size=(n, dim))
    other = rng.normal(size=(300, dim))
    ids = [f"land{i}" for i in range(n)] + [f"city{i}" for i in range(n)] + [f"word{i}" for i in range(300)]
    return ss.Space.from_vectors(ids, np.concatenate([land, capital, other]))


@pytest.mark.parametrize("method", ["lrcos", "3cosavg"])
def test_a_relation_is_asked_about_others(method):
    space = countries()
    pairs = [(f"land{i}", f"city{i}") for i in range(8)]
    learnt = ss.relation(space, pairs, method=method)
    assert learnt.apply("land9", k=1).ids == ("city9",)
    assert [one.ids for one in learnt.apply_batch(["land10", "land11"], 3)] == [
        learnt.apply("land10", 3).ids,
        learnt.apply("land11", 3).ids,
    ]
    assert "land9" not in learnt.apply("land9", k=400).ids
    assert all(id.startswith("land") for id in learnt.apply("land9", restrict=12).ids)
    accuracy = learnt.accuracy()
    assert accuracy.value >= 0.5  # by chance: 0.003
    assert accuracy.interval[0] < accuracy.value <= accuracy.interval[1]
    assert accuracy.to_frame().columns == ["first", "second", "answer", "right"]
    assert accuracy.answers["right"].to_list() == (accuracy.answers["answer"] == accuracy.answers["second"]).to_list()
    assert "leave-one-out" in repr(accuracy)
    assert repr(learnt).startswith("Relation of 8 pairs (")


def test_the_mean_difference_by_hand():
    space = plane(a=[1, 0, 0], b=[0, 1, 0], c=[1, 0, 1], d=[0, 1, 1], e=[2, 0, 5], f=[0, 2, 5])
    found = ss.relation(space, [("a", "b"), ("c", "d")], method="3cosavg").apply("e")
    offset = (np.array([0, 1, 0]) + np.array([0, 1, 1]) / np.sqrt(2)) / 2
    offset -= (np.array([1, 0, 0]) + np.array([1, 0, 1]) / np.sqrt(2)) / 2
    target = np.array([2, 0, 5]) / np.sqrt(29) + offset
    assert list(found.ids) == slowly(space, target, 10, {"e"})


def test_lrcos_is_the_cosine_times_the_probability_of_the_class():
    from sklearn.linear_model import LogisticRegression

    space = countries()
    pairs = [(f"land{i}", f"city{i}") for i in range(8)]
    found = ss.relation(space, pairs, method="lrcos", seed=3).apply("land9", 20)
    units = space.vectors / np.linalg.norm(space.vectors, axis=1, keepdims=True)
    rng = np.random.default_rng(3)
    unused = np.array([row for row, id in enumerate(space.ids) if id not in {word for pair in pairs for word in pair}])
    drawn = np.sort(rng.choice(unused, 8, replace=False))
    points = np.concatenate([units[12:20], units[:8], units[drawn]])
    model = LogisticRegression(class_weight="balanced", max_iter=1_000).fit(points, np.arange(len(points)) < 8)
    scores = model.predict_proba(units)[:, 1] * (units @ units[9])
    scores[9] = -1
    best = np.argsort(-scores)[:20]
    assert set(found.ids[:10]) == set(space.ids[best[:10]])
    np.testing.assert_allclose(found.scores, scores[best], atol=1e-4)
    assert found.metric == "lrcos"


def test_relations_that_are_none(space):
    with pytest.raises(InputError, match="at least two different pairs; got 1"):
        ss.relation(space, [("cat", "dog"), ("cat", "dog")])
    with pytest.raises(InputError, match=r"pair 0 of pairs must hold two different words; got 'cat' twice"):
        ss.relation(space, [("cat", "cat"), ("cat", "dog")])
    with pytest.raises(InputError, match="at least three pairs"):
        ss.relation(space, [("cat", "dog"), ("car", "bus")]).accuracy()
    with pytest.raises(InputError, match="method must be one of"):
        ss.relation(space, [("cat", "dog"), ("car", "bus")], method="mean")
    with pytest.raises(UnknownIdError, match="did you mean horse"):
        ss.relation(space, [("hrose", "dog"), ("car", "bus")])
    with pytest.raises(InputError, match="pair 1 of pairs must hold only strings"):
        ss.relation(space, [("cat", "dog"), ("car", 3)])


def test_a_relation_of_texts(tiny):
    space = tiny.embed(ss.Corpus.from_texts(["red wine", "white wine", "red car", "a b"], ids=["r", "w", "c", "x"]))
    learnt = ss.relation(space, [("r", "w"), ("some red", "some white")], method="3cosavg")
    assert len(learnt.apply("a red house")) == 4
    with pytest.raises(InputError, match="at least three"):
        learnt.accuracy()
    with pytest.raises(InputError, match="'some white' isn't a point"):
        ss.relation(space, [("r", "w"), ("some red", "some white"), ("c", "x")]).accuracy()


def test_metadata_comes_with_answers():
    space = ss.Space.from_vectors(["a", "b", "c"], [[1, 0], [1, 1], [0, 1]], pl.DataFrame({"n": [1, 2, 3]}))
    assert space.query("a - c + b").metadata is not None
    assert ss.relation(space, [("a", "b"), ("b", "c")], method="3cosavg").apply("a").metadata["n"].to_list() in (
        [2, 3],
        [3, 2],
    )


def test_euclidean_scores_of_close_points_far_from_the_mean():
    """Two clusters 10,000 apart, in which points are a thousandth apart: most digits of their squares cancel."""
    rng = np.random.default_rng(5)
    vectors = (rng.normal(size=(60, 8)) * 1e-3).astype(np.float32)
    vectors[::2, 0] += 10_000
    space = ss.Space.from_vectors([str(i) for i in range(60)], vectors)
    truth = np.linalg.norm(vectors[:, None].astype(np.float64) - vectors[None], axis=2)
    for row in range(60):
        found = space.most_similar(str(row), 59, metric="euclidean")
        np.testing.assert_allclose(-found.scores, [truth[row, int(id)] for id in found.ids], rtol=1e-6)


@pytest.mark.parametrize("dim", [128, 384, 40_000])
def test_products_of_bytes_fit_into_32_bits_in_many_dimensions(dim):
    ones = np.ones((8, dim), np.float32)
    lowest, error = ByteScreen.of(ones, np.linalg.norm(ones, axis=1))._lower_bounds(ones[0] / np.float32(dim**0.5))
    assert lowest == pytest.approx(1, abs=0.02)
    assert error < 0.02


def test_more_results_than_are_held_at_a_time_come_query_by_query(monkeypatch):
    vectors = np.eye(5, dtype=np.float32) + 0.1
    norms = np.linalg.norm(vectors, axis=1)
    expected = queries.nearest(vectors, norms, vectors[:3], 4, names=np.arange(5).astype(str))
    monkeypatch.setattr(queries, "_MOST_RESULTS", 2)
    found = queries.nearest(vectors, norms, vectors[:3], 4, names=np.arange(5).astype(str))
    assert [rows.tolist() for rows, _ in found] == [rows.tolist() for rows, _ in expected]
    assert [rows[0] for rows, _ in found] == [0, 1, 2]
