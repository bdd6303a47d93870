"""Spaces: answers worked out by hand, properties that always hold, and refusals."""

import dataclasses
import itertools
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import InputError, UnknownIdError
from semspace.queries import METRICS
from tests import strategies


def plane(**points):
    return ss.Space.from_vectors(list(points), list(points.values()))


# -- by hand --------------------------------------------------------------------------------------------------


def test_similarity_by_hand():
    space = plane(a=[3, 4], b=[4, 3], c=[-3, -4])
    assert space.similarity("a", "b") == pytest.approx(24 / 25)
    assert space.similarity("a", "c") == pytest.approx(-1)
    assert space.similarity("a", "b", metric="dot") == 24
    assert space.similarity("a", "b", metric="euclidean") == pytest.approx(-math.sqrt(2))
    assert space.similarity("a", np.array([0, 2])) == pytest.approx(4 / 5)


def test_neighbours_by_hand():
    space = plane(east=[1, 0], northeast=[1, 1], north=[0, 5], west=[-1, 0])
    near = space.most_similar("east")
    assert near.ids == ("northeast", "north", "west")
    np.testing.assert_allclose(near.scores, [math.sqrt(0.5), 0, -1], atol=1e-6)
    assert space.most_similar("east", metric="dot").ids == ("northeast", "north", "west")
    far = space.most_similar("east", metric="euclidean")
    assert far.ids == ("northeast", "west", "north")
    np.testing.assert_allclose(far.scores, [-1, -2, -math.sqrt(26)], rtol=1e-6)


def test_a_vector_is_no_point_of_the_space():
    assert plane(east=[1, 0], north=[0, 1]).most_similar([2.0, 0.1], 1).ids == ("east",)


def test_sums_of_queries():
    space = plane(man=[1, 0, 0], woman=[0, 1, 0], king=[1, 0, 1], queen=[0, 1, 1], rock=[-1, -1, 0])
    assert space.most_similar(positive=["king", "woman"], negative=["man"], k=1).ids == ("queen",)


def test_one_query_needs_no_list():
    space = plane(man=[1, 0, 0], woman=[0, 1, 0], king=[1, 0, 1], queen=[0, 1, 1], rock=[-1, -1, 0])
    assert space.most_similar(positive="king", negative="man").ids == (
        space.most_similar(positive=["king"], negative=["man"]).ids
    )
    vector = np.array([1.0, 0, 1])
    assert space.most_similar(positive=vector, k=1).ids == space.most_similar(vector, k=1).ids == ("king",)


def test_numbers_as_ids():
    space = ss.Space.from_vectors([10, 11, 12], [[1, 0], [1, 0.1], [0, 1]])
    assert 11 in space
    assert np.int64(12) in space
    assert 1 not in space
    assert 11.0 not in space
    assert space.odd_one_out([10, 11, 12]) == "12"
    for act in (lambda: space.most_similar(10), lambda: space.similarity("10", 10), lambda: space.analogy(10, 11, 12)):
        with pytest.raises(InputError, match=r"a query is an id, which is a string, .*; got 10: give '10'"):
            act()
    with pytest.raises(UnknownIdError, match=r"use space.vectors\[10\] for a position, space\['10'\] for an id"):
        space[10]


def test_a_condition_chooses_among_the_points():
    space = plane(a=[1, 0], b=[1, 0.1], c=[1, 0.2], d=[0, 1])
    rated = dataclasses.replace(space, metadata=pl.DataFrame({"rating": [5, 1, 4, None]}))
    assert rated.most_similar("a", where="rating >= 2").ids == ("c",)  # not "a" itself, and not an unknown rating
    assert rated.most_similar(["a", "d"], where="rating >= 1").ids == ("c", "b")
    assert [found.ids for found in rated.most_similar_batch(["a", "b"], where="rating > 3")] == [("c",), ("c", "a")]
    assert space.most_similar("a", where="id <> 'b'").ids == ("c", "d")  # a space without metadata has ids
    assert len(rated.most_similar("a", where="rating = 7")) == 0
    assert rated.most_similar("a", where="rating = 1").metadata["rating"].to_list() == [1]
    with pytest.raises(InputError, match="no column 'year'"):
        rated.most_similar("a", where="year > 2")


def test_scores_of_pairs_by_hand():
    space = plane(a=[3, 0], b=[4, 3], c=[0, 2], d=[-1, 0])
    pairs = [("a", "b"), ("a", "c"), ("a", "d"), ("b", "b")]
    assert space.pair_scores(pairs) == pytest.approx([0.8, 0, -1, 1], abs=1e-6)
    assert space.pair_scores([("b", np.array([0.0, 5.0])), ("d", "b")]) == pytest.approx([0.6, -0.8], abs=1e-6)


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_analogy_by_hand(method):
    space = plane(man=[1, 0, 0.2], woman=[0, 1, 0.2], king=[1, 0, 1], queen=[0, 1, 1], rock=[-1, -1, 0.1])
    assert space.analogy("man", "king", "woman", method=method)[0][0] == "queen"
    assert set(space.analogy("man", "king", "woman", method=method).ids) == {"queen", "rock"}


def test_3cosadd_score_is_the_cosine_with_the_target():
    space = plane(a=[1, 0], b=[0, 2], c=[-3, 0], d=[-2, 1])
    # Unit vectors: b - a + c = (0, 1) - (1, 0) + (-1, 0) = (-2, 1), the direction of d.
    assert space.analogy("a", "b", "c")[0] == ("d", pytest.approx(1))


def test_3cosmul_score_by_hand():
    space = plane(a=[1, 0], b=[0, 1], c=[-1, 0], d=[0, -1])
    # Cosines of d to a, b, c are 0, -1, 0; shifted to 1/2, 0, 1/2.
    assert space.analogy("a", "b", "c", method="3cosmul")[0] == ("d", pytest.approx(0))


def test_odd_one_out_by_hand(space):
    assert space.odd_one_out(["cat", "dog", "car"]) == "car"
    assert space.odd_one_out(["bus", "car", "horse", "train"]) == "horse"


def test_batch_equals_one_by_one(space):
    batch = space.most_similar_batch(["cat", "bus", [1.0, 1.0]], 3)
    assert [n.ids for n in batch] == [space.most_similar(q, 3).ids for q in ("cat", "bus", [1.0, 1.0])]
    assert space.most_similar_batch([]) == []


def test_equal_scores_go_by_name():
    space = ss.Space.from_vectors(["q", "z", "a", "m"], [[1, 0], [1, 1], [1, 1], [1, 1]])
    assert space.most_similar("q").ids == ("a", "m", "z")
    assert space.most_similar("q", 2).ids == ("a", "m")


def test_neighbors_as_values(space):
    near = space.most_similar("cat", 2)
    assert list(near) == [(id, pytest.approx(score)) for id, score in zip(near.ids, near.scores.tolist(), strict=True)]
    assert near.to_frame().columns == ["id", "score", "kind", "year"]
    assert len(near) == 2
    assert near[0][0] == "dog"
    assert repr(near).startswith("nearest to 'cat' (cosine)\nid")
    assert ">dog</td>" in near._repr_html_()


def test_text_that_steers_a_terminal_is_disarmed():
    space = ss.Space.from_vectors(["a", "\x1b[31mred\x07", "x\u202ey"], [[1, 0], [1, 1], [0, 1]])
    assert "\x1b" not in repr(space.most_similar("a"))
    assert "·[31mred·" in repr(space.most_similar("a"))
    assert "\u202e" not in repr(space)
    named = ss.Space.from_vectors(["a", "b"], [[1, 0], [1, 1]], {"\x1b[31mred": [1, 2]})
    assert "\x1b" not in repr(named.most_similar("a"))


def test_metadata_may_come_from_pandas():
    import pandas as pd

    space = ss.Space.from_vectors(["a", "b"], [[1], [2]], pd.DataFrame({"year": [1, None]}))
    assert space.metadata["year"].to_list() == [1, None]


def test_looking_into_it(space):
    assert space.dim == 2
    assert len(space) == 6
    assert "cat" in space
    assert "cot" not in space
    np.testing.assert_allclose(space["dog"], [1, 0.2], rtol=1e-6)
    assert space[["cat", "dog"]].shape == (2, 2)
    assert repr(space) == "Space of 6 points in 2 dimensions: cat, dog, horse, car, bus …"


def test_select_and_extend(space):
    some = space.select(["bus", "cat"])
    assert some.ids.tolist() == ["bus", "cat"]
    assert some.metadata["year"].to_list() == [5, 1]
    more = space.extend(["ship"], [[0.01, 2]], {"kind": ["vehicle"], "year": [7]})
    assert more.most_similar("ship", 1).ids == ("train",)
    assert len(space) == 6  # the old one is as it was


def test_a_space_never_changes(space):
    with pytest.raises(ValueError, match="read-only"):
        space.vectors[0, 0] = 5
    with pytest.raises(ValueError, match="read-only"):
        space["cat"][0] = 5
    with pytest.raises(AttributeError):
        space.ids = None


def test_the_callers_array_stays_the_callers():
    mine = np.ones((2, 2), np.float32)
    space = ss.Space.from_vectors(["a", "b"], mine)
    mine[0] = 9
    assert space["a"].tolist() == [1, 1]


def test_texts_go_through_the_encoder(tiny):
    space = tiny.embed(ss.Corpus.from_texts(["red wine", "white wine"], ids=["r", "w"]))
    found = space.most_similar("red wine", 1)
    assert found[0] == ("r", pytest.approx(1, abs=1e-5))
    assert space.similarity("r", "red wine") == pytest.approx(1, abs=1e-5)
    assert space.most_similar("r").ids == ("w",)  # an id is that point, and isn't returned


# -- always ---------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(space=strategies.spaces(), metric=st.sampled_from(METRICS), data=st.data())
def test_a_query_never_returns_itself_and_scores_fall(space, metric, data):
    query = data.draw(st.sampled_from(space.ids.tolist()))
    near = space.most_similar(query, len(space) + 3, metric=metric)
    assert set(near.ids) == set(space.ids) - {query}
    assert (np.diff(near.scores) <= 0).all()


@settings(max_examples=60, deadline=None)
@given(space=strategies.spaces(), metric=st.sampled_from(METRICS), data=st.data())
def test_fewer_neighbours_are_the_first_of_more(space, metric, data):
    query = data.draw(st.sampled_from(space.ids.tolist()))
    k = data.draw(st.integers(1, len(space)))
    assert space.most_similar(query, k, metric=metric).ids == space.most_similar(query, 100, metric=metric).ids[:k]


@settings(max_examples=60, deadline=None)
@given(space=strategies.spaces(), factor=st.sampled_from([0.25, 2.0, 1024.0]), data=st.data())
def test_cosine_neighbours_do_not_depend_on_scale_or_order(space, factor, data):
    query = data.draw(st.sampled_from(space.ids.tolist()))
    order = data.draw(st.permutations(range(len(space))))
    moved = ss.Space.from_vectors(space.ids[order].tolist(), space.vectors[order] * np.float32(factor))
    before = dict(space.most_similar(query, 100))
    after = dict(moved.most_similar(query, 100))
    assert before.keys() == after.keys()
    for name, score in before.items():
        assert after[name] == pytest.approx(score, abs=1e-5)
    # Where no two scores are closer than rounding, the order is the same too.
    ranked = sorted(before.values())
    assume(all(high - low > 1e-4 for low, high in itertools.pairwise(ranked)))
    assert list(before) == list(after)


@settings(max_examples=40, deadline=None)
@given(space=strategies.spaces())
def test_save_then_load_is_identity(tmp_path_factory, space):
    path = tmp_path_factory.mktemp("s") / "s.space"
    ss.save(space, path)
    again = ss.load(path)
    assert again.ids.tolist() == space.ids.tolist()
    assert again.vectors.tobytes() == space.vectors.tobytes()
    assert again.fingerprint == space.fingerprint


def test_metadata_and_provenance_are_saved(tmp_path, space):
    ss.save(space, tmp_path / "s")
    assert ss.load(tmp_path / "s").metadata.equals(space.metadata)


# -- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ids", "vectors", "message"),
    [
        (["a", "a"], [[1], [2]], "ids must be unique; 'a' occurs more than once"),
        (["a"], [[1], [2]], "got 1 ids and 2 vectors"),
        (["a"], [1, 2], "must have two axes"),
        (["a", "b"], [[1, 2], [3]], "must be a matrix of numbers"),
        (["a", "b"], [[1, 2], [np.nan, 0]], r"the vector of 'b' \(row 1\) holds NaN, infinity"),
        (["a", "b"], [[np.inf, 2], [1, 0]], r"the vector of 'a' \(row 0\) holds NaN, infinity or a number beyond"),
        (["a", "b"], [[1e300, 2], [1, 0]], r"the vector of 'a' \(row 0\) holds NaN, infinity or a number beyond 3e38"),
        (["a"], ["text"], "got list, whose item 0 is the text 'text': give vectors, as encoder.encode"),
        (["a"], np.array("text"), "must be a matrix of numbers; got ndarray"),
        (["a", "b"], [[1, 2], [1, 2, 3]], "got list, whose item 1 has the length 3, and item 0 2"),
        (["a", "b"], [[1, 2], [0, 0]], r"the vector of 'b' \(row 1\) is all zeros"),
        ([], np.empty((0, 3)), "the space is empty"),
        ([1.0, 2.0], [[1], [2]], "ids must hold only strings or whole numbers; item 0 is float"),
        ("ab", [[1], [2]], "put it in a list"),
    ],
)
def test_unsound_spaces_are_refused(ids, vectors, message):
    with pytest.raises(InputError, match=message):
        ss.Space.from_vectors(ids, vectors)


def test_whole_numbers_are_ids_in_lists_too():
    space = ss.Space.from_vectors([1, 2], [[1, 0], [0, 1]])
    assert space[[2, 1]].tolist() == [[0, 1], [1, 0]]
    with pytest.raises(UnknownIdError, match="no point '3'"):
        space[[3]]


def test_a_tensor_with_a_gradient_is_told_apart():
    torch = pytest.importorskip("torch")
    with pytest.raises(InputError, match=r"got Tensor: give tensor\.detach\(\)"):
        ss.Space.from_vectors(["a"], torch.ones((1, 2), requires_grad=True))


def test_columns_of_the_same_name_get_another():
    columns = {"score": [1, 2], "score_column": [3, 4], "id": ["q", "r"], "id_column": [5, 6]}
    space = ss.Space.from_vectors(["a", "b"], [[1, 0], [0, 1]], columns)
    assert space.to_frame().columns == ["id", "score", "score_column", "id_column_column", "id_column"]
    assert space.to_frame()["id_column_column"].to_list() == ["q", "r"]
    for found in (space.most_similar("a"), ss.Index.build(space).search("a")):
        assert found.to_frame()["score_column_column"].to_list() == [2]
        assert "score_column_column" in repr(found)


def test_unknown_words_come_with_spellings():
    space = plane(happy=[1, 0], harpy=[0, 1], Happiness=[1, 1])
    with pytest.raises(
        UnknownIdError,
        match=r"no point 'hapy' in this space of 3, and it has no encoder .*; did you mean happy, harpy\?",
    ):
        space.most_similar("hapy")
    with pytest.raises(UnknownIdError, match=r"did you mean Happiness\?"):
        space["happiness"]
    with pytest.raises(KeyError):
        space["xyzzyx"]


def test_a_text_without_an_encoder(space):
    with pytest.raises(UnknownIdError, match=r"no point 'a question in words' .* no encoder.*encoder\.embed"):
        space.most_similar("a question in words")


@pytest.mark.parametrize("k", [0, -1, 2.5, "3", None])
def test_k_is_checked(space, k):
    with pytest.raises(InputError, match=r"k must be a whole number of at least 1"):
        space.most_similar("cat", k)


@pytest.mark.parametrize("query", [[1.0, 2.0, 3.0], [[1.0, 2.0]], [np.nan, 1.0], 5, [None, 1], b"cat"])
def test_vectors_that_do_not_fit(space, query):
    with pytest.raises(InputError, match="query"):
        space.most_similar(query)


def test_a_zero_query_has_no_direction(space):
    with pytest.raises(InputError, match="zero vector"):
        space.most_similar([0.0, 0.0])
    assert len(space.most_similar([0.0, 0.0], metric="euclidean")) == 6


def test_blank_queries(tiny):
    space = tiny.embed(ss.Corpus.from_texts(["x y", "z"]))
    with pytest.raises(InputError, match="must have some text"):
        space.most_similar("  ")


@pytest.mark.parametrize("offset", [0, 1_000, 100_000])
def test_exact_distances_are_exact_away_from_the_origin(offset):
    points = np.random.default_rng(0).normal(size=(200, 10)).astype(np.float32) + np.float32(offset)
    space = ss.Space.from_vectors([f"p{i}" for i in range(200)], points)
    truth = np.linalg.norm(points[:1].astype(np.float64) - points, axis=1)
    found = space.most_similar("p0", 5, metric="euclidean")
    np.testing.assert_allclose(-found.scores, np.sort(truth)[1:6], rtol=1e-6)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_sizes_beyond_float32_are_refused(size):
    with pytest.raises(InputError, match=r"is too (small|large)"):
        ss.Space.from_vectors(["a"], [[size, 0]])
    with pytest.raises(InputError, match=r"is too (small|large)"):
        plane(a=[1, 0], b=[0, 1]).most_similar([size, 0])


def test_more_unsound_vectors():
    for vectors in (np.zeros((1, 0)), np.array([[1 + 2j]]), np.ma.masked_array([[1.0]], mask=[[True]])):
        with pytest.raises(InputError, match="vectors must"):
            ss.Space.from_vectors(["a"], vectors)
    with pytest.raises(InputError, match="zero vector"):
        plane(a=[1, 0]).similarity("a", [0, 0])


def test_metadata_of_results_is_never_hidden():
    space = ss.Space.from_vectors(["a", "b"], [[1, 0], [1, 1]], {"score": [7, 8], "id": ["x", "y"]})
    assert space.most_similar("a").to_frame().columns == ["id", "score", "score_column", "id_column"]


def test_names_can_be_walked_and_results_sliced(space):
    assert list(space) == space.ids.tolist()
    assert space.most_similar("cat")[:2] == list(space.most_similar("cat"))[:2]


def test_fingerprints_tell_apart_what_differs():
    one = ss.Space.from_vectors(["a\x00b"], [[1, 2]])
    two = ss.Space.from_vectors(["a", "b"], [[1], [2]])
    assert one.fingerprint != two.fingerprint


def test_extend_matches_columns_by_name(space):
    more = space.extend(["ship"], [[0, 1]], {"year": [7], "kind": ["vehicle"]})
    assert more.metadata.row(-1) == ("vehicle", 7)
    with pytest.raises(InputError, match="must have the columns kind, year; got colour"):
        space.extend(["ship"], [[0, 1]], {"colour": ["red"]})


def test_wrong_words_for_things(space):
    with pytest.raises(InputError, match="metric must be one of cosine, csls, dot, euclidean; got 'cosin'"):
        space.most_similar("cat", metric="cosin")
    with pytest.raises(InputError, match="method must be one of"):
        space.analogy("cat", "dog", "car", method="4cosadd")
    with pytest.raises(InputError, match="either a query, or positive="):
        space.most_similar()
    with pytest.raises(InputError, match="either a query, or positive="):
        space.most_similar("cat", positive=["dog"])
    with pytest.raises(InputError, match="takes a list of queries; got one string"):
        space.most_similar_batch("cat")
    for nothing in (None, 5):
        with pytest.raises(InputError, match=r"most_similar_batch takes a list of queries; got (NoneType|int)"):
            space.most_similar_batch(nothing)
    with pytest.raises(InputError, match="a takes a list of queries; got int: '3'"):
        space.similarity_matrix(3)


def test_odd_one_out_needs_three_known_words(space):
    with pytest.raises(InputError, match="at least three"):
        space.odd_one_out(["cat", "dog"])
    with pytest.raises(UnknownIdError, match="no point 'cta'"):
        space.odd_one_out(["cat", "dog", "cta"])
    with pytest.raises(InputError, match="must be unique"):
        space.odd_one_out(["cat", "dog", "cat"])


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_extend_takes_a_space(space, precision):
    metadata = {"year": [7], "kind": ["vehicle"]}
    more = ss.Space.from_vectors(["ship"], [[0, 1]], metadata).quantize(precision)
    longer = space.extend(more)
    assert longer.ids.tolist() == [*space.ids, "ship"]
    assert longer.fingerprint == space.extend(["ship"], np.asarray(more.vectors), metadata).fingerprint
    for more_than_it in ({"vectors": [[0, 1]]}, {"metadata": metadata}):
        with pytest.raises(InputError, match="a space brings its vectors and its metadata along"):
            space.extend(more, **more_than_it)
    with pytest.raises(InputError, match="this space has metadata, so new points must be given with it"):
        space.extend(ss.Space.from_vectors(["ship"], [[0, 1]]))


def test_extend_refuses_what_does_not_fit(space):
    with pytest.raises(InputError, match="new points need vectors; or give a Space"):
        space.extend(["new"], metadata={"kind": ["x"], "year": [1]})
    with pytest.raises(InputError, match="already has 'cat'"):
        space.extend(["cat"], [[1, 2]], {"kind": ["x"], "year": [1]})
    with pytest.raises(InputError, match="must have 2 columns"):
        space.extend(["new"], [[1, 2, 3]])
    with pytest.raises(InputError, match="has metadata, so new points must be given with it"):
        space.extend(["new"], [[1, 2]])
    for year, kind in (("1850", "String"), (True, "Boolean")):
        with pytest.raises(InputError, match=f"'year' holds Int64, and got {kind}, which can't be in one column"):
            space.extend(["new"], [[1, 2]], {"kind": ["x"], "year": [year]})
    assert space.extend(["new"], [[1, 2]], {"kind": [None], "year": [1.5]}).metadata["year"][-1] == 1.5
    with pytest.raises(InputError, match=r"the vector of 'new' \(row 0\) holds NaN"):
        space.extend(["new"], [[1, np.nan]], {"kind": ["x"], "year": [1]})
    for old, more in ((2**53 + 1, 1.5), (1.5, 2**53 + 1)):
        large = ss.Space.from_vectors(["a"], [[1, 0]], {"n": [old]})
        with pytest.raises(InputError, match=r"'n' holds .* in one column without changing a value"):
            large.extend(["b"], [[1, 0]], {"n": [more]})


def test_metadata_of_another_length():
    with pytest.raises(InputError, match="metadata must have a row for each of the 2 points"):
        ss.Space.from_vectors(["a", "b"], [[1], [2]], {"x": [1]})


def test_an_encoder_of_another_width(tiny):
    with pytest.raises(InputError, match="makes vectors of 16 dimensions; this space has 2"):
        ss.Space.from_vectors(["a"], [[1, 2]], encoder=tiny)


def test_save_refuses_what_it_does_not_know(tmp_path):
    with pytest.raises(InputError, match="save takes a Corpus"):
        ss.save([1, 2], tmp_path / "x")


def test_old_names_still_work(space):
    with pytest.warns(FutureWarning, match="Space.sizes is now called norms"):
        assert (space.sizes == space.norms).all()
    with pytest.warns(FutureWarning, match="queries="):
        assert space.most_similar_batch(asked=["cat"])[0].ids == space.most_similar("cat").ids


def test_neighbors_can_be_taken_by_position(space):
    found = space.most_similar("cat", 3)
    assert found.take([2, 0]).ids == (found.ids[2], found.ids[0])
    assert found.take([2, 0]).scores.tolist() == found.scores[[2, 0]].tolist()
    if found.metadata is not None:
        assert found.take([1]).metadata.equals(found.metadata[[1]])
    assert not found.take([]).ids
