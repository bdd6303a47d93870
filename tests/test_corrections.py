"""Hubs and cones: spaces without what all points share, and CSLS."""

import numpy as np
import pytest
from hypothesis import given, settings

import semspace as ss
from semspace.errors import InputError
from semspace.geometry import hubness
from tests import strategies
from tests.conftest import random_space


def cone(n=400, dim=12, seed=0):
    """Points that all share one direction, and one that differs in strength."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, dim)) + 5 * np.eye(dim)[0] + 6 * rng.normal(size=(n, 1)) * np.eye(dim)[1]
    return ss.Space.from_vectors(range(n), vectors, {"number": list(range(n))})


def test_a_centred_space_has_its_mean_in_the_origin():
    space = cone()
    centered = space.centered()
    np.testing.assert_allclose(centered.vectors.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(centered.vectors, space.vectors - space.vectors.mean(axis=0), atol=1e-5)
    assert centered.ids.tolist() == space.ids.tolist()
    assert centered.metadata.equals(space.metadata)
    assert centered.provenance["corrections"] == [{"method": "centered", "n_directions": 0, "points": 400}]


def test_all_but_the_top_by_scikit_learn():
    from sklearn.decomposition import PCA

    space = cone()
    rest = space.all_but_the_top(2)
    pca = PCA(2).fit(space.vectors.astype(np.float64))
    centered = space.vectors - pca.mean_
    np.testing.assert_allclose(rest.vectors, centered - centered @ pca.components_.T @ pca.components_, atol=1e-4)
    assert abs(rest.vectors[:, 1]).mean() < 0.2
    assert space.all_but_the_top().provenance["corrections"][0]["n_directions"] == 1
    twice = space.centered().all_but_the_top(1)
    assert [one["method"] for one in twice.provenance["corrections"]] == ["centered", "all-but-the-top"]


def test_texts_take_the_same_way(tiny, tmp_path):
    texts = ["red wine", "white wine", "red car", "blue sky", "a b c", "the sea"]
    space = tiny.embed(ss.Corpus.from_texts(texts, ids=[f"d{i}" for i in range(6)]))
    for corrected in (space.centered(), space.all_but_the_top(2), space.centered().all_but_the_top(1)):
        assert corrected.most_similar("red wine", 1)[0] == ("d0", pytest.approx(1, abs=1e-4))
        ss.save(corrected, tmp_path / "s", overwrite=True)
        again = ss.load(tmp_path / "s")
        assert again.encoder.name == corrected.encoder.name
        assert again.encoder.fingerprint == corrected.encoder.fingerprint
        arrays = zip(again.encoder.correction.directions, corrected.encoder.correction.directions, strict=True)
        for one, other in arrays:
            np.testing.assert_array_equal(one, other)
        assert again.vectors.tobytes() == corrected.vectors.tobytes()
    assert space.centered().encoder.name.endswith(" + centered")
    assert space.centered().encoder.fingerprint != space.encoder.fingerprint


def test_around_and_inside_a_latent_space(tiny, tmp_path):
    texts = [f"{word} {i}" for i in range(12) for word in ("red", "blue")]
    space = tiny.embed(ss.Corpus.from_texts(texts))
    codes = ss.latent.PCA(4).train(space.centered()).encode(space.centered())
    corrected = ss.latent.PCA(3).train(codes.centered()).encode(codes.centered()).centered()
    ss.save(corrected, tmp_path / "s")
    again = ss.load(tmp_path / "s")
    assert again.encoder.fingerprint == corrected.encoder.fingerprint
    vector = corrected.encode_queries("red 3")
    np.testing.assert_allclose(corrected.similarity(vector, "6"), 1, atol=1e-4)


def test_vectors_are_brought_into_the_space():
    space = cone()
    centered = space.centered()
    assert not centered.encoder.takes_texts
    brought = centered.encoder.correction.apply(space.vectors[:3])
    np.testing.assert_allclose(brought, centered.vectors[:3], atol=1e-6)
    assert centered.encoder.correction.apply(space.vectors[0]).shape == (12,)
    with pytest.raises(InputError, match="no encoder"):
        centered.encode_queries("a text")


def test_an_index_of_a_centred_space(tiny):
    space = tiny.embed(ss.Corpus.from_texts(["red wine", "white wine", "red car"]))
    index = ss.Index.build(space.centered())
    assert index.search("red wine", 1, hybrid=False).scores[0] == pytest.approx(1, abs=1e-4)
    ids = [index.search("red wine", 3, hybrid=False).ids, space.centered().most_similar("red wine").ids]
    assert ids[0] == ids[1]


def test_quantised_spaces_are_corrected_with_their_digits():
    space = cone().quantize("int8")
    centered = space.centered()
    assert centered.precision == "float32"
    assert "quantization" not in centered.provenance
    np.testing.assert_allclose(centered.vectors.mean(axis=0), 0, atol=1e-4)


def test_what_nothing_is_left_of():
    space = ss.Space.from_vectors(["a", "b", "c"], [[1, 0], [3, 0], [2, 0]])
    with pytest.raises(InputError, match=r"nothing is left of 'c' \(row 2\)"):
        space.centered()
    with pytest.raises(InputError, match="nothing is left of"):
        ss.Space.from_vectors(["a", "b"], [[1, 0.5], [1, 0.5]]).centered()
    with pytest.raises(InputError, match="n must be a whole number from 1 to 1"):
        space.all_but_the_top(2)
    with pytest.raises(InputError, match="at least two dimensions"):
        ss.Space.from_vectors(["a", "b"], [[1], [2]]).all_but_the_top()


# -- CSLS -----------------------------------------------------------------------------------------------------


def csls_slowly(space, query, k, own=None):
    units = space.vectors / np.linalg.norm(space.vectors, axis=1, keepdims=True)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -np.inf)
    means = np.sort(cosines, axis=1)[:, -10:].mean(axis=1)
    to_query = units @ (query / np.linalg.norm(query))
    if own is not None:
        to_query[own] = -np.inf
    scores = 2 * to_query - means - np.sort(to_query)[-10:].mean()
    best = np.argsort(-scores)[:k]
    return best.tolist(), scores[best]


def test_csls_is_that_of_the_paper():
    space = random_space(300, 9)
    for query, own in (("p7", 7), (np.ones(9, np.float32), None)):
        rows, scores = csls_slowly(space, space["p7"] if own else query, 8, own)
        found = space.most_similar(query, 8, metric="csls")
        assert list(found.ids) == [f"p{row}" for row in rows]
        np.testing.assert_allclose(found.scores, scores, atol=1e-5)
        assert found.metric == "csls"
    assert space.most_similar("p7", 2, metric="csls")[0][1] == pytest.approx(
        space.similarity("p7", space.most_similar("p7", 2, metric="csls").ids[0], metric="csls"), abs=1e-5
    )
    batch = space.most_similar_batch(["p1", "p2"], 5, metric="csls", restrict=100)
    assert all(int(id[1:]) < 100 for one in batch for id in one.ids)


def test_csls_of_few_points():
    space = ss.Space.from_vectors(["a", "b"], [[1, 0], [1, 1]])
    assert space.most_similar("a", metric="csls").ids == ("b",)
    assert space.most_similar("a", metric="csls").scores[0] == pytest.approx(0, abs=1e-6)
    assert len(ss.Space.from_vectors(["a"], [[1.0, 2.0]]).most_similar("a", metric="csls")) == 0


def test_fewer_hubs():
    space = cone(dim=60)

    def skewness(metric, points):
        found = points.most_similar_batch(points.ids.tolist(), 10, metric=metric)
        rows = np.array([[points._row(id) for id in one.ids] for one in found])
        return hubness.skewness(hubness.occurrences(rows))

    plain = skewness("cosine", space)
    assert skewness("csls", space) < plain
    assert skewness("cosine", space.all_but_the_top(2)) < plain


@settings(max_examples=40, deadline=None)
@given(space=strategies.spaces(min_size=3))
def test_centring_twice_changes_nothing(space):
    try:
        once = space.centered()
        again = once.centered()
    except InputError:
        return
    scale = np.abs(space.vectors).max()
    np.testing.assert_allclose(again.vectors, once.vectors, atol=1e-5 * scale)
